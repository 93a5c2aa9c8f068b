"""Small and distant faces: ``python -m benchmarks.small_faces CLIP...``.

A frame of each clip is scaled until its face has a given height and put at a random place of a wide
picture. Which faces are found by dlib's CNN, by the quick and by the thorough search?
"""

import time
from pathlib import Path
from typing import Annotated

import cv2
import dlib
import numpy as np
import pandas as pd
import typer

from featurize.assets import MMOD_FACE_DETECTOR, locate
from featurize.frame import Frame
from featurize.landmarks.detection import FaceDetection, Region, overlap
from featurize.landmarks.mediapipe478.backend import MediaPipeBackend
from featurize.landmarks.mediapipe478.face_finder import REGION_PER_FACE
from featurize.video import VideoReader

WIDTH_PX, HEIGHT_PX = 960, 540
FACE_HEIGHTS_PX = (36, 50, 80, 110)
FRAME = 20


def placed(rgb: np.ndarray, scale: float, rng: np.random.Generator) -> tuple[np.ndarray, tuple]:
    """The picture scaled and put on a blurred background, and its box there."""
    small = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    small = small[:HEIGHT_PX, :WIDTH_PX]
    background = cv2.GaussianBlur(cv2.resize(rgb[::-1], (WIDTH_PX, HEIGHT_PX)), (0, 0), 25)
    wide = np.clip(background + rng.normal(0, 4, background.shape), 0, 255).astype(np.uint8)
    height, width = small.shape[:2]
    y, x = rng.integers(0, HEIGHT_PX - height + 1), rng.integers(0, WIDTH_PX - width + 1)
    wide[y : y + height, x : x + width] = small
    return wide, (x, y)


def main(
    clips: Annotated[list[Path], typer.Argument(help="Videos of one face each.")],
    seed: Annotated[int, typer.Option(help="Another seed, other places.")] = 0,
) -> None:
    """Print the share of faces found by each detector, by height of the face."""
    backend = MediaPipeBackend()
    cnn = dlib.cnn_face_detection_model_v1(str(locate(MMOD_FACE_DETECTOR)))
    rng = np.random.default_rng(seed)
    rows = []
    for clip in clips:
        with VideoReader(clip) as video:
            rgb = next(frame.rgb for frame in video if frame.index == FRAME)
        regions = backend.search(Frame(0, 0.0, rgb), thorough=False)
        if not regions:
            continue
        face_px = regions[0].side_px / REGION_PER_FACE
        for height_px in FACE_HEIGHTS_PX:
            scale = height_px / face_px
            wide, corner = placed(rgb, scale, rng)
            half = height_px / 2
            x, y = np.array(regions[0].centre_px) * scale + corner
            truth = (x - half, y - half, x + half, y + half)
            frame = Frame(0, 0.0, wide)
            row = {"clip": clip.name, "height_px": height_px}
            started = time.process_time()
            boxes = [
                (f.rect.left(), f.rect.top(), f.rect.right(), f.rect.bottom()) for f in cnn(wide, 0)
            ]
            row |= {"cnn": _hit(boxes, truth), "cnn_s": time.process_time() - started}
            for name, thorough in (("quick", False), ("thorough", True)):
                started = time.process_time()
                faces = [_newcomer(backend, frame, r) for r in backend.search(frame, thorough)]
                boxes = [face.box_px for face in faces if face and face.is_trusted]
                row |= {
                    name: _hit(boxes, truth),
                    f"{name}_s": time.process_time() - started,
                    f"{name}_false": len(boxes) - _hit(boxes, truth),
                }
            rows.append(row)
    table = pd.DataFrame(rows)
    print(table.drop(columns="clip").groupby("height_px").mean().round(3).to_string())
    seen = table[table["cnn"]]
    print(
        f"of {len(seen)} faces that the CNN finds: quick {seen['quick'].mean():.1%}, "
        f"thorough {seen['thorough'].mean():.1%}"
    )


def _newcomer(backend: MediaPipeBackend, frame: Frame, region: Region) -> FaceDetection | None:
    """Fitted twice, as a face is that is met for the first time."""
    rough = backend.fit(frame, region)
    return None if rough is None else backend.fit(frame, backend.region_after(rough))


def _hit(boxes: list[tuple], truth: tuple) -> bool:
    return any(overlap(box, truth) > 0.3 for box in boxes)


if __name__ == "__main__":
    typer.run(main)
