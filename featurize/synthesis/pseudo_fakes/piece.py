"""A piece of a video in memory, with the landmarks of its main face."""

from pathlib import Path

import cv2
import numpy as np

from featurize.errors import NoFaceError, TooShortError, VideoError, VideoUnreadableError
from featurize.media_file import shown
from featurize.pipeline import extract_landmarks
from featurize.scratch import scratch
from featurize.synthesis.manipulations.face_clip import FaceClip
from featurize.types import LandmarkTrack
from featurize.video import VideoReader

MIN_PIECE_S = 2.5
"""Shorter pieces are not rendered: windows of 5 s that are less than half full are not measured."""

MIN_FACE_SHARE = 0.5
"""Share of the frames of a piece that must show the face."""

MIN_INTEROCULAR_PX = 16.0
"""Between the pupils of smaller faces an encoder leaves nothing of a manipulation to be seen."""

LARGEST_SIDE_PX = 1280
"""Larger pictures are scaled down to this, authentic ones and fakes alike. Signals are measured on
faces of at most a few hundred pixels, so that rendering more of them costs time and tells nothing;
and were some sources left as large as they are, size would tell them apart."""


class FaceTooSmallError(VideoError):
    """A face was found, but it is too small for a manipulation to be seen."""

    status = "face_too_small"


def load_piece(
    place: str | Path, start: float, piece_s: float, store: str | Path | None
) -> FaceClip:
    """Read a piece of a video with its main face.

    Parameters
    ----------
    place : str or Path
        The video.
    start : float
        Where the piece begins: in [0, 1), the share of the possible beginnings that lie before.
        Possible is where the piece has its full length and shows the face in at least
        :data:`MIN_FACE_SHARE` of its frames. A shorter video is a piece as a whole.
    piece_s : float
        Length of the piece in seconds.
    store : str, Path or None
        Folder of landmarks. They are those of the whole video, as a run would find them.

    Returns
    -------
    FaceClip
        Upright; frames lie in a temporary file. A last odd row or column is cut off.

    Raises
    ------
    VideoError
        When the video cannot be read; NoFaceError, TooShortError and FaceTooSmallError when there
        is no usable piece.
    OutputError
        When the store, or the temporary folder, cannot be written.
    """
    tracks = extract_landmarks(place, landmark_store=store)
    if not tracks:
        raise NoFaceError(f"No face was found in {shown(place)}: leave it out.")
    track = tracks[0]
    chosen = _chosen(track, start, piece_s, shown(place))
    piece = track.cut(chosen)
    size_px = _fitted(track.frame_size_px)
    scale = np.divide(size_px, track.frame_size_px) if _is_large(track.frame_size_px) else 1.0
    clip = FaceClip(
        frames=_decoded(place, chosen, size_px),
        time_s=piece.time_s - piece.time_s[0],
        points_px=np.float32(piece.points_px[..., :2] * scale),
        pose=np.array(piece.pose),
        blendshapes=np.array(piece.blendshapes),
    )
    interocular_px = float(np.nanmedian(clip.interocular_px))
    if not interocular_px >= MIN_INTEROCULAR_PX:
        raise FaceTooSmallError(
            f"The pupils of the face in {shown(place)} are {interocular_px:.0f} pixels apart: at "
            f"least {MIN_INTEROCULAR_PX:g} are needed."
        )
    return clip


def _chosen(track: LandmarkTrack, start: float, piece_s: float, name: str) -> slice:
    """The frames of the piece."""
    step_s = float(np.nan_to_num(track.frame_step_s))
    since_s = track.time_s - track.time_s[0]
    # Half a frame of tolerance: the last bits of times do not decide.
    stops = np.searchsorted(since_s, since_s + piece_s - step_s / 2)
    has_length = since_s + piece_s <= since_s[-1] + 1.5 * step_s
    has_length[0] = True
    n_shown = np.concatenate([[0], np.cumsum(track.present)])
    firsts = np.arange(track.n_frames)
    share = (n_shown[stops] - n_shown[firsts]) / (stops - firsts)
    if not since_s[stops[0] - 1] + 1.5 * step_s >= MIN_PIECE_S:
        raise TooShortError(
            f"{name} is {since_s[-1] + step_s:.1f} s long: at least {MIN_PIECE_S:g} s are needed."
        )
    possible = firsts[has_length & (share >= MIN_FACE_SHARE)]
    if not len(possible):
        raise NoFaceError(
            f"No {piece_s:g} s of {name} show the face in {MIN_FACE_SHARE:.0%} of the frames: "
            "leave it out."
        )
    first = possible[int(start * len(possible))]
    return slice(int(first), int(stops[first]))


def _is_large(size_px: tuple[int, int]) -> bool:
    return max(size_px) > LARGEST_SIDE_PX


def _fitted(size_px: tuple[int, int]) -> tuple[int, int]:
    """The size in which a picture is worked on: both sides even, the longer one not too large."""
    scale = min(1.0, LARGEST_SIDE_PX / max(size_px))
    width, height = (max(2, int(side * scale) // 2 * 2) for side in size_px)
    return width, height


def _decoded(place: str | Path, chosen: slice, size_px: tuple[int, int]) -> np.ndarray:
    """The frames of a piece, ``(n, h, w, 3)`` uint8, red first."""
    width, height = size_px
    frames = scratch((chosen.stop - chosen.start, height, width, 3), np.uint8)
    n_read = 0
    with VideoReader(place) as video:
        for frame in video:
            if frame.index >= chosen.stop:
                break
            if frame.index < chosen.start:
                continue
            rgb = frame.rgb
            if _is_large(frame.size_px):
                rgb = cv2.resize(rgb, size_px, interpolation=cv2.INTER_AREA)
            frames[n_read] = rgb[:height, :width]
            n_read += 1
    if n_read < len(frames):
        raise VideoUnreadableError(
            f"{shown(place)} has become shorter while it was read: run again when it is complete."
        )
    return frames
