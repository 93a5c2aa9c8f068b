"""The second pass: networks look at the faces that the first pass has followed.

The video is read once more, since which faces are worth a look is known only at its end. What
networks say of a sampled frame is written down at once: of a long video no more stays in memory
than which frames are sampled, a few bytes each.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from featurize.errors import NetworkFailedError, VideoMissingError, VideoUnreadableError
from featurize.extraction import one_thread
from featurize.feature_options import FeatureOptions
from featurize.frame import Frame
from featurize.landmarks.schema import SCHEMES, Schema
from featurize.landmarks.storage.samples import SamplesEntry
from featurize.landmarks.storage.store import LandmarkStore
from featurize.media_file import shown
from featurize.sampled_frames import sampled_frames
from featurize.scratch import let_go, scratch
from featurize.types import Extraction, FaceSamples, LandmarkTrack
from featurize.video import VideoReader
from featurize.video_source import VideoSource

if TYPE_CHECKING:
    from featurize.networks.network import Network

BATCH = 32
"""Faces that a network is given at a time; what it says of one does not depend on the others."""


def with_samples(
    source: VideoSource,
    extraction: Extraction,
    features: FeatureOptions,
    store: LandmarkStore | None = None,
) -> Extraction:
    """Ask the networks that features need about every face, in sampled frames.

    Parameters
    ----------
    source : VideoSource
        The video. It is read, and fetched if need be, only where the store does not know what every
        network says.
    extraction : Extraction
        What was found in it, with the faces that count.
    features : FeatureOptions
        Which networks.
    store : LandmarkStore, optional
        Where to look first, and where to keep what networks say.

    Returns
    -------
    Extraction
        The same, its tracks with samples; see :func:`featurize.sampled_frames.sampled_frames`. A
        frame in which the face is too small for a network is left out.

    Raises
    ------
    VideoError
        When the video cannot be read again, or is not the one that was read before.
    OptionError, ModelFileError
        When a network cannot be run here.
    OutputError
        When the store, or the temporary folder, cannot be written.
    """
    if not features.specs:
        return extraction
    planned = [sampled_frames(track.time_s, track.present) for track in extraction.tracks]
    faces = _digest(extraction.tracks, planned)
    found: dict[str, Sequence[FaceSamples]] = {}
    unknown: list[Network] = []
    entries: dict[str, SamplesEntry] = {}
    networks = features.opened()
    for network in networks:
        name, known = network.facts.name, None
        if store is not None:
            said_by = {"name": name, **network.settings}
            entries[name] = store.samples_entry(source.path, faces, said_by)
            known = entries[name].load()
        if known is None:
            unknown.append(network)
        else:
            found[name] = known
    if unknown:
        asked = _asked(source, extraction, planned, unknown)
        for name, samples in asked.items():
            if name in entries:
                entries[name].save(samples)
        found |= asked
    names = [network.facts.name for network in networks]
    tracks = [
        replace(track, samples={name: found[name][number] for name in names})
        for number, track in enumerate(extraction.tracks)
    ]
    return replace(extraction, tracks=tracks)


def _asked(
    source: VideoSource,
    extraction: Extraction,
    planned: Sequence[np.ndarray],
    networks: Sequence["Network"],
) -> dict[str, Sequence[FaceSamples]]:
    """Samples of each face, by network."""
    tracks, n_samples = extraction.tracks, [len(frames) for frames in planned]
    askings = [_Asking(network, n_samples, shown(source.path)) for network in networks]
    n_passed = [0] * len(planned)
    try:
        reader = VideoReader(source.media())
    except VideoMissingError as error:
        raise VideoMissingError(
            f"There is no {shown(source.path)}: its landmarks are known, but networks need the "
            "video itself."
        ) from error
    with one_thread(), reader as video:
        time_s = tracks[0].time_s
        for frame in video:
            if frame.index >= len(time_s) or frame.time_s != time_s[frame.index]:
                raise _changed(source)
            for face, frames in enumerate(planned):
                if frame.index not in frames[n_passed[face] : n_passed[face] + 1]:
                    continue
                n_passed[face] += 1
                points_px, schema = _points(tracks[face], frame.index), tracks[face].schema
                for asking in askings:
                    asking.look(frame, face, points_px, SCHEMES[schema])
        if video.n_frames != len(time_s):
            raise _changed(source)
    return {asking.network.facts.name: asking.samples() for asking in askings}


def _changed(source: VideoSource) -> VideoUnreadableError:
    return VideoUnreadableError(
        f"{shown(source.path)} has changed while it was read: its frames are not those in which "
        "faces were found. Let nobody write to it, and try again."
    )


def _points(track: LandmarkTrack, frame: int) -> np.ndarray:
    """``(n_points, 3)`` points in one frame; those of a long video lie in a file."""
    points_px = np.array(track.points_px[frame])
    let_go(track.points_px)
    return points_px


def _digest(tracks: Sequence[LandmarkTrack], planned: Sequence[np.ndarray]) -> str:
    """What tells the faces apart that are looked at: which frames, and where in them."""
    digest = hashlib.sha256()
    for track, frames in zip(tracks, planned, strict=True):
        digest.update(json.dumps([track.schema, len(frames)]).encode())
        for frame in frames.tolist():
            digest.update(json.dumps([frame, float(track.time_s[frame])]).encode())
            digest.update(_points(track, frame).astype("<f4").tobytes())
    return digest.hexdigest()


class _Asking:
    """What one network says of the faces of one video.

    Parameters
    ----------
    network : Network
        Which.
    n_samples : sequence of int
        Most samples of each face.
    video : str
        What the video is called when the network fails.
    """

    def __init__(self, network: "Network", n_samples: Sequence[int], video: str) -> None:
        self.network = network
        self._video = video
        self._since_s = self._until_s = 0.0
        n_dims = network.facts.n_dims
        self._values = [scratch((n, n_dims), np.float32) for n in n_samples]
        self._frames = [np.empty(n, np.int64) for n in n_samples]
        self._n_seen = [0] * len(n_samples)
        self._waiting: list[np.ndarray] = []
        self._places: list[tuple[int, int]] = []

    def look(self, frame: Frame, face: int, points_px: np.ndarray, schema: Schema) -> None:
        crop = self.network.crop(frame, points_px, schema)
        if crop is None:
            return
        if not self._waiting:
            self._since_s = frame.time_s
        self._until_s = frame.time_s
        number = self._n_seen[face]
        self._places.append((face, number))
        self._frames[face][number] = frame.index
        self._n_seen[face] += 1
        self._waiting.append(crop)
        if len(self._waiting) == BATCH:
            self._ask()

    def samples(self) -> list[FaceSamples]:
        """Samples of each face."""
        self._ask()
        found = []
        for n, frames, values in zip(self._n_seen, self._frames, self._values, strict=True):
            said = values[:n]
            said.flags.writeable = False
            found.append(FaceSamples(frames[:n], said))
        return found

    def _ask(self) -> None:
        if not self._waiting:
            return
        try:
            said = self.network.embed(np.stack(self._waiting))
        except NetworkFailedError as error:
            raise NetworkFailedError(
                f"{self._video}, {self._since_s:.2f} to {self._until_s:.2f} s: {error}"
            ) from error
        for (face, number), values in zip(self._places, said, strict=True):
            self._values[face][number] = values
            let_go(self._values[face])
        self._waiting, self._places = [], []
