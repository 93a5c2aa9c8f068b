"""How far the landmarks are from Face Landmarker's: ``python -m benchmarks.parity CLIP...``.

Three comparisons on the first frames of each clip, as median point distances in interocular
distances (three-dimensional, 468 mesh points):

* image: each frame by itself, against Face Landmarker in image mode.
* video: the package's following against video mode, which smooths.
* video, smoothed: the same with MediaPipe's One Euro filter put behind the package's landmarks.
"""

from pathlib import Path
from statistics import median
from typing import Annotated

import numpy as np
import typer
from mediapipe import Image, ImageFormat
from mediapipe.tasks.python import BaseOptions, vision

from featurize.assets import FACE_LANDMARKER, locate
from featurize.landmarks.mediapipe478.backend import MediaPipeBackend
from featurize.video import VideoReader

N_FRAMES = 100
N_MESH = 468
OUTER_EYES = (33, 263)


class OneEuro:
    """MediaPipe's smoothing of face landmarks (Casiez et al. 2012, with its constants)."""

    min_cutoff_hz, beta, derivative_cutoff_hz = 0.05, 80.0, 1.0

    def __init__(self) -> None:
        self._last: tuple[float, np.ndarray, np.ndarray, np.ndarray] | None = None

    def __call__(self, points: np.ndarray, time_s: float) -> np.ndarray:
        """The smoothed points of the next frame."""
        if self._last is None:
            self._last = time_s, points, points, np.zeros_like(points)
            return points
        last_s, raw, smooth, speed = self._last
        step_s = time_s - last_s
        size = np.ptp(points[:, :2], axis=0).mean()
        speed = _blend(speed, (points - raw) / size / step_s, self.derivative_cutoff_hz, step_s)
        cutoff_hz = self.min_cutoff_hz + self.beta * np.abs(speed)
        smooth = _blend(smooth, points, cutoff_hz, step_s)
        self._last = time_s, points, smooth, speed
        return smooth


def _blend(
    old: np.ndarray, new: np.ndarray, cutoff_hz: float | np.ndarray, step_s: float
) -> np.ndarray:
    share = 1 / (1 + 1 / (2 * np.pi * cutoff_hz * step_s))
    return share * new + (1 - share) * old


def _landmarker(mode: vision.RunningMode) -> vision.FaceLandmarker:
    return vision.FaceLandmarker.create_from_options(
        vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=str(locate(FACE_LANDMARKER))),
            running_mode=mode,
        )
    )


def _points(result: vision.FaceLandmarkerResult, size_px: tuple[int, int]) -> np.ndarray | None:
    if not result.face_landmarks:
        return None
    unit = np.array([[p.x, p.y, p.z] for p in result.face_landmarks[0]])
    return unit * (size_px[0], size_px[1], size_px[0])


def differences(path: Path) -> dict[str, float]:
    """Median over frames of the median point distance of each comparison."""
    found: dict[str, list[float]] = {"image": [], "video": [], "video, smoothed": []}
    backend, smooth, followed = MediaPipeBackend(), OneEuro(), None
    with (
        _landmarker(vision.RunningMode.IMAGE) as image_mode,
        _landmarker(vision.RunningMode.VIDEO) as video_mode,
        VideoReader(path) as video,
    ):
        for frame in video:
            if frame.index == N_FRAMES:
                break
            image = Image(ImageFormat.SRGB, frame.rgb)
            alone = _points(image_mode.detect(image), frame.size_px)
            time_ms = round(frame.time_s * 1000) + 1
            in_video = _points(video_mode.detect_for_video(image, time_ms), frame.size_px)
            regions = backend.search(frame, thorough=False)
            if alone is None or in_video is None or not regions:
                smooth, followed = OneEuro(), None
                continue
            fresh = backend.fit(frame, regions[0])
            followed = backend.fit(frame, backend.region_after(followed)) if followed else fresh
            if fresh is None or followed is None:
                smooth, followed = OneEuro(), None
                continue
            smoothed = smooth(followed.points_px.astype(np.float64), time_ms / 1000)
            for name, ours, theirs in (
                ("image", fresh.points_px, alone),
                ("video", followed.points_px, in_video),
                ("video, smoothed", smoothed, in_video),
            ):
                iod = np.linalg.norm(theirs[OUTER_EYES[0]] - theirs[OUTER_EYES[1]])
                apart = np.linalg.norm(ours[:N_MESH] - theirs[:N_MESH], axis=1)
                found[name].append(float(np.median(apart) / iod))
    return {name: median(values) if values else np.nan for name, values in found.items()}


def main(clips: Annotated[list[Path], typer.Argument(help="Videos of faces.")]) -> None:
    """Print the differences clip by clip, and their median and largest over the clips."""
    rows = []
    for clip in clips:
        rows.append(differences(clip))
        print("  ".join(f"{k} {v:.3%}" for k, v in rows[-1].items()), clip.name)
    for name in rows[0]:
        values = [row[name] for row in rows]
        print(f"{name}: median {median(values):.3%}, largest {max(values):.3%} of the iod")


if __name__ == "__main__":
    typer.run(main)
