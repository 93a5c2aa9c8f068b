"""A piece of a video in memory, with the landmarks of its main face, of one shot."""

from pathlib import Path

import cv2
import numpy as np

from featurize.errors import NoFaceError, TooShortError, VideoError, VideoUnreadableError
from featurize.landmarks.people.cuts import DISSOLVE_STEPS_S, CutDetector
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


# So long before a piece it is watched for cuts, so that it is known how fast its shot moves; and so
# long after it for dissolves.
_WATCHED_BEFORE_S, _DISSOLVING_S = 1.0, max(DISSOLVE_STEPS_S)


class SceneCutsError(VideoError):
    """A face was found, but not for long enough without a cut."""

    status = "scene_cuts"


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
        :data:`MIN_FACE_SHARE` of its frames, without a cut: on the other side of one is another
        picture, or another person, to borrow from. A shorter video is a piece as a whole; of one
        with shorter shots the piece is the longest of them.
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
        When the video cannot be read; NoFaceError, TooShortError, SceneCutsError and
        FaceTooSmallError when there is no usable piece.
    OutputError
        When the store, or the temporary folder, cannot be written.
    """
    tracks = extract_landmarks(place, landmark_store=store)
    if not tracks:
        raise NoFaceError(f"No face was found in {shown(place)}: leave it out.")
    track = tracks[0]
    size_px = _fitted(track.frame_size_px)
    cuts = np.zeros(track.n_frames, bool)
    chosen = _chosen(track, cuts, start, piece_s, shown(place))
    frames = _decoded(place, track.time_s, chosen, size_px, cuts)
    # Each time round, more cuts are known.
    while chosen.stop > _shot_ends(track.time_s, cuts)[chosen.start]:
        chosen = _chosen(track, cuts, start, piece_s, shown(place))
        frames = _decoded(place, track.time_s, chosen, size_px, cuts)
    piece = track.cut(chosen)
    scale = np.divide(size_px, track.frame_size_px) if _is_large(track.frame_size_px) else 1.0
    clip = FaceClip(
        frames=frames,
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


def _chosen(
    track: LandmarkTrack, cuts: np.ndarray, start: float, piece_s: float, name: str
) -> slice:
    """The frames of the piece; in those of ``(n,)`` bool a shot is known to begin."""
    step_s = float(np.nan_to_num(track.frame_step_s))
    since_s = track.time_s - track.time_s[0]
    # Half a frame of tolerance: the last bits of times do not decide.
    wanted = np.searchsorted(since_s, since_s + piece_s - step_s / 2)
    has_length = since_s + piece_s <= since_s[-1] + 1.5 * step_s
    has_length[0] = True
    if not since_s[wanted[0] - 1] + 1.5 * step_s >= MIN_PIECE_S:
        raise TooShortError(
            f"{name} is {since_s[-1] + step_s:.1f} s long: at least {MIN_PIECE_S:g} s are needed."
        )
    n_shown = np.concatenate([[0], np.cumsum(track.present)])
    firsts = np.arange(track.n_frames)
    stops = np.maximum(np.minimum(wanted, _shot_ends(track.time_s, cuts)), firsts + 1)
    shows_face = n_shown[stops] - n_shown[firsts] >= MIN_FACE_SHARE * (stops - firsts)
    possible = firsts[has_length & shows_face & (stops == wanted)]
    if len(possible):
        first = int(possible[int(start * len(possible))])
        return slice(first, int(stops[first]))
    length_s = since_s[stops - 1] + 1.5 * step_s - since_s
    longest = int(np.argmax(np.where(shows_face, length_s, 0.0)))
    if cuts.any() and shows_face[longest] and length_s[longest] >= MIN_PIECE_S:
        return slice(longest, int(stops[longest]))
    if cuts.any():
        raise SceneCutsError(
            f"No {MIN_PIECE_S:g} s of {name} show the face without a cut: leave it out."
        )
    raise NoFaceError(
        f"No {piece_s:g} s of {name} show the face in {MIN_FACE_SHARE:.0%} of the frames: "
        "leave it out."
    )


def _shot_ends(time_s: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """``(n,)`` frame before which a piece has to end that begins with a frame.

    It is a little before the next cut: a dissolve is told once it is half over, and shows what it
    leads to before.
    """
    begins = np.flatnonzero(cuts)
    ends = np.append(
        np.searchsorted(time_s, time_s[begins] - _DISSOLVING_S, side="left"), len(time_s)
    )
    return ends[np.searchsorted(begins, np.arange(len(time_s)), side="right")]


def _is_large(size_px: tuple[int, int]) -> bool:
    return max(size_px) > LARGEST_SIDE_PX


def _fitted(size_px: tuple[int, int]) -> tuple[int, int]:
    """The size in which a picture is worked on: both sides even, the longer one not too large."""
    scale = min(1.0, LARGEST_SIDE_PX / max(size_px))
    width, height = (max(2, int(side * scale) // 2 * 2) for side in size_px)
    return width, height


def _decoded(
    place: str | Path,
    time_s: np.ndarray,
    chosen: slice,
    size_px: tuple[int, int],
    cuts: np.ndarray,
) -> np.ndarray:
    """The frames of a piece, ``(n, h, w, 3)`` uint8, red first; cuts that are found are noted."""
    width, height = size_px
    frames = scratch((chosen.stop - chosen.start, height, width, 3), np.uint8)
    n_read, shots = 0, CutDetector()
    watched_s = (
        time_s[chosen.start] - _WATCHED_BEFORE_S,
        time_s[chosen.stop - 1] + _DISSOLVING_S,
    )
    with VideoReader(place) as video:
        for frame in video:
            if frame.time_s > watched_s[1] or frame.index >= len(cuts):
                break
            if frame.time_s >= watched_s[0]:
                cuts[frame.index] |= shots.update(frame)
            if not chosen.start <= frame.index < chosen.stop:
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
