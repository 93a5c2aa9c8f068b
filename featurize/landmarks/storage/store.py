"""Landmarks on disk, so that features can be computed again without touching a video.

A store is a folder::

    videos/ab/abcd....json          which content a path had: its size, times and sha256
    landmarks/12/1234....landmarks  the landmarks of a content, by its sha256 and the settings
    samples/56/5678....samples      what a network says of the faces of these landmarks

Landmarks are found by what the video holds, not by what it is called: a copy, or a data set that
was moved, is not done again. What a path holds is noted, and its file is read again only when its
size or one of its times has changed. When the file is gone, what the path held last is taken, so
that landmarks serve where the videos are no longer kept; a video that is neither there nor was ever
seen under that path is missing. An address is a path like others: what its file system tells of the
file stands for size and times, and it need not be fetched while that stays the same.

An entry that is damaged, foreign, unreadable or of another version counts as none: it is computed
again and replaced. Entries appear whole or not at all, so any number of processes may share a
store, over a network too.

What networks say has entries of its own, one for each network: another network, or one that has
changed, costs neither the landmarks nor what the others say. They are found by the content of the
video and by where the faces are in it, whatever else was read off its pixels.

No picture is kept, and yet a store is as personal as the videos: what dlib's network says is a
template, by which a person is told among others in any other picture. Guard it, and remove it, as
you would the videos.
"""

import hashlib
import json
import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from featurize.landmarks.storage.codec import packed, unpacked
from featurize.landmarks.storage.samples import SAMPLES, SamplesEntry
from featurize.landmarks.storage.sealed import (
    is_sound,
    read_part,
    replacing,
    unique,
    write_sealed,
    writing,
)
from featurize.landmarks.storage.spool import MappedArrays
from featurize.media_file import MediaFile, State, is_url, shown, state_of
from featurize.types import Extraction, LandmarkTrack, Sound, VideoInfo, pieces

FORMAT = "deepfake-biometrics landmarks 2"
"""Raised when the layout of an entry changes; entries of another format are computed again."""


class LandmarkStore:
    """A folder of landmarks.

    Parameters
    ----------
    folder : str or Path
        Made when there is none.

    Raises
    ------
    OutputError
        When the folder cannot be made or written.
    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder).absolute()
        with writing(self._folder):
            for name in ("videos", "landmarks", "samples"):
                (self._folder / name).mkdir(parents=True, exist_ok=True)
            probe = unique(self._folder / "probe")
            probe.touch()
            probe.unlink()

    def entry(
        self,
        video: str | Path,
        settings: Mapping[str, object],
        fetched: MediaFile | None = None,
    ) -> "StoreEntry":
        """The place of a video's landmarks.

        Parameters
        ----------
        video : str or Path
            Path or address of the video, which need not exist any more.
        settings : Mapping[str, object]
            Everything that changes landmarks besides the video, as JSON can hold it: backend,
            options, model files, versions.
        fetched : MediaFile, optional
            A copy of what an address holds. Without it, nothing is known of an address whose file
            has changed since it was last fetched.

        Raises
        ------
        OutputError
            When what the path holds cannot be noted.
        OptionError
            When the package is missing that reads such addresses.
        """
        video = video if is_url(video) else Path(video).absolute()
        found = self._content_of(video, fetched)
        key = json.dumps([FORMAT, found and found.sha256, dict(settings)], sort_keys=True)
        name = hashlib.sha256(key.encode()).hexdigest()
        path = self._folder / "landmarks" / name[:2] / f"{name}.landmarks"
        return StoreEntry(video, found, key, path)

    def samples_entry(
        self,
        video: str | Path,
        faces: str,
        network: Mapping[str, object],
    ) -> SamplesEntry:
        """The place of what a network says of a video's faces.

        Parameters
        ----------
        video : str or Path
            Path or address of the video.
        faces : str
            A digest of the faces that the network is to look at: which frames, which points.
        network : Mapping[str, object]
            Everything that changes what the network says of a face, as JSON can hold it.

        Raises
        ------
        OutputError, OptionError
            As for :meth:`entry`.
        """
        video = video if is_url(video) else Path(video).absolute()
        found = self._content_of(video, None)
        content = found and found.sha256
        key = json.dumps([SAMPLES, content, faces, dict(network)], sort_keys=True)
        name = hashlib.sha256(key.encode()).hexdigest()
        path = self._folder / "samples" / name[:2] / f"{name}.samples"
        return SamplesEntry(video, found and found.state, key, path)

    def _content_of(self, video: str | Path, fetched: MediaFile | None) -> "_Content | None":
        """What a path holds, or held last; None when there is nothing to know."""
        name = hashlib.sha256(os.fsencode(video)).hexdigest()
        note = self._folder / "videos" / name[:2] / f"{name}.json"
        state, noted = state_of(video), _read_note(note, video)
        if noted is not None and state in (noted.state, None):
            return noted
        copy = video if fetched is None else fetched.path
        if state is None or is_url(copy) or not copy.is_file():
            return None
        try:
            with copy.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            return None
        if (fetched is not None and fetched.state != state) or state_of(video) != state:
            return None  # written to meanwhile
        content = _Content(sha256, state)
        line = {"path": shown(video), "state": state, "sha256": sha256}
        with replacing(note) as file:
            file.write(json.dumps(line).encode())
        return content


@dataclass(frozen=True)
class _Content:
    sha256: str
    state: State


@dataclass(frozen=True)
class StoreEntry:
    """The landmarks of one content under one set of settings; made by :meth:`LandmarkStore.entry`.

    Attributes
    ----------
    video : str or Path
        Where the video is, or was.
    content : object or None
        What it held then; None when that is not known, and nothing is kept.
    key : str
        Everything the landmarks depend on, written into the file.
    path : Path
        The file.
    """

    video: str | Path
    content: _Content | None
    key: str
    path: Path

    def load(self) -> Extraction | None:
        """What was saved, bit for bit; None when there is nothing sound.

        Arrays are read-only maps of unlinked temporary files, so memory does not grow with the
        length of the video.

        Raises
        ------
        OutputError
            When the temporary folder cannot be written.
        """
        if self.content is None:
            return None
        try:
            with self.path.open("rb") as file:
                return _read(file, self.key, self.video) if is_sound(file) else None
        except (OSError, ValueError, KeyError, TypeError, struct.error):
            return None  # nothing there, out of reach, or not one of ours

    def save(self, extraction: Extraction) -> None:
        """Keep what was found in the video, unless the video has changed since.

        Raises
        ------
        OutputError
            When the store cannot be written.
        """
        if self.content is None or state_of(self.video) != self.content.state:
            return
        write_sealed(self.path, _parts(extraction, self.key))


def _parts(extraction: Extraction, key: str) -> Iterator[bytes]:
    """A head of JSON, the level of the sound, then for each track and piece of it every array."""
    sound = extraction.sound
    tracks = [
        {
            "schema": track.schema,
            "frame_size_px": [int(side) for side in track.frame_size_px],
            "shapes": {name: array.shape[1:] for name, array in track.arrays.items()},
            "measures": track.measures,
        }
        for track in extraction.tracks
    ]
    head = {
        "key": key,
        "n_frames": int(extraction.n_frames),
        "remarks": extraction.remarks,
        "tracks": tracks,
        "info": extraction.info and _spelled(extraction.info),
        "sound": sound and [sound.start_s, sound.step_s, len(sound.level_db)],
    }
    yield json.dumps(head).encode()
    if sound is not None:
        yield packed("level_db", sound.level_db)
    for track in extraction.tracks:
        for piece in pieces(track.n_frames):
            part = track.part(piece)
            yield packed("time_s", part.time_s)
            for name, values in part.arrays.items():
                yield packed(name, values)


def _read(file: BinaryIO, key: str, video: str | Path) -> Extraction | None:
    head = json.loads(read_part(file))
    if head["key"] != key:
        return None
    n_frames = head["n_frames"]
    info = head["info"] and VideoInfo(path=video, **head["info"])
    sound = None
    if head["sound"] is not None:
        start_s, step_s, n_levels = head["sound"]
        sound = Sound(start_s, step_s, unpacked("level_db", read_part(file), (n_levels,)))
    tracks = [_read_track(file, described, n_frames) for described in head["tracks"]]
    return Extraction(tracks, n_frames, tuple(head["remarks"]), info, sound)


def _spelled(info: VideoInfo) -> dict[str, object]:
    """What the container says, but for where the file is: a copy says the same."""
    return {name: value for name, value in asdict(info).items() if name != "path"}


def _read_track(file: BinaryIO, described: dict[str, Any], n_frames: int) -> LandmarkTrack:
    shapes = {name: tuple(described["shapes"][name]) for name in described["shapes"]}
    mapped, times_s = MappedArrays(shapes, n_frames), []
    for piece in pieces(n_frames):
        n_here = piece.stop - piece.start
        times_s.append(unpacked("time_s", read_part(file), (n_here,)))
        for name, shape in shapes.items():
            mapped.write(name, piece.start, unpacked(name, read_part(file), (n_here, *shape)))
    return LandmarkTrack(
        time_s=np.concatenate(times_s),
        schema=described["schema"],
        frame_size_px=tuple(described["frame_size_px"]),
        measures=tuple(described["measures"]),
        **mapped.arrays(),
    )


def _read_note(note: Path, video: str | Path) -> _Content | None:
    try:
        line = json.loads(note.read_bytes())
        if line["path"] != shown(video):
            return None
        return _Content(str(line["sha256"]), tuple(line["state"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
