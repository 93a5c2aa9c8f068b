"""Is the confidence honest? ``python -m benchmarks.confidence CLIP...``.

One frame of each clip is spoilt in many ways (covered, blurred, dimmed, cut off, noisy) and its
landmarks are compared with those of the frame as it was. Prints the logistic fit behind
``CONFIDENCE_SLOPE`` and ``CONFIDENCE_MIDDLE_LOG_ODDS``, and, for clips that the fit did not see,
how often landmarks are right at each level of confidence.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import pandas as pd
import typer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict

from featurize.frame import Frame
from featurize.landmarks.detection import FaceDetection, Region
from featurize.landmarks.mediapipe478 import backend as mediapipe478
from featurize.landmarks.mediapipe478.face_mesh import CROP_PX, FaceMesh
from featurize.video import VideoReader

RIGHT_IOD = 0.05
"""Landmarks are right when they are off by less than this on average."""

FRAME = 40
OUTER_EYES = (33, 263)


def spoilt(
    rgb: np.ndarray, points: np.ndarray, rng: np.random.Generator
) -> Iterator[tuple[str, np.ndarray]]:
    """The picture covered, blurred, noisy, cut off and dimmed to several degrees."""
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    iod = float(np.linalg.norm(points[OUTER_EYES[0], :2] - points[OUTER_EYES[1], :2]))
    for share in (0.2, 0.35, 0.5, 0.7, 0.85):
        for kind in ("plain", "skin", "noise"):
            size = (high - low) * np.sqrt(share)
            start = low + rng.uniform(0, 1, 2) * (high - low - size)
            x0, y0 = np.clip(start, 0, None).astype(int)
            x1, y1 = np.clip(start + size, 0, None).astype(int)
            covered = rgb.copy()
            hole = covered[y0:y1, x0:x1]
            if kind == "noise":
                hole[:] = rng.integers(0, 255, hole.shape)
            else:
                hole[:] = rng.integers(0, 255, 3) if kind == "plain" else (190, 150, 130)
            yield "covered", covered
    for share in (0.15, 0.3, 0.45, 0.6, 0.75, 0.9):
        for edge in range(4):
            (x0, y0), (x1, y1) = (np.clip(corner, 0, None).astype(int) for corner in (low, high))
            reach = (1 - share) * (high - low)
            x0, y0 = x0 + (edge == 0) * int(reach[0]), y0 + (edge == 1) * int(reach[1])
            x1, y1 = x1 - (edge == 2) * int(reach[0]), y1 - (edge == 3) * int(reach[1])
            covered = rgb.copy()
            covered[y0:y1, x0:x1] = rng.integers(0, 255, 3)
            yield "covered from a side", covered
    for sigma in (0.01, 0.03, 0.06, 0.08, 0.1, 0.14, 0.2):
        yield "blurred", cv2.GaussianBlur(rgb, (0, 0), sigma * iod)
    for sigma in (10, 30, 60, 100):
        yield "noisy", np.clip(rgb + rng.normal(0, sigma, rgb.shape), 0, 255).astype(np.uint8)
    for share in (0.1, 0.3, 0.5, 0.7):
        cut = rgb.copy()
        cut[:, : max(0, int(low[0] + share * (high[0] - low[0])))] = 0
        yield "cut off", cut
    for gain in (0.3, 0.1, 0.03):
        yield "dimmed", (rgb * gain).astype(np.uint8)


def measure(clips: list[Path], seed: int) -> pd.DataFrame:
    """A row per spoilt picture: clip, how, the network's log-odds, whether landmarks are right."""
    mesh, backend = FaceMesh(), mediapipe478.MediaPipeBackend()
    rng = np.random.default_rng(seed)
    rows = []
    for clip in clips:
        with VideoReader(clip) as video:
            rgb = next(frame.rgb for frame in video if frame.index == FRAME)
        face = _face(backend, Frame(0, 0.0, rgb))
        if face is None:
            continue
        region = backend.region_after(face)
        points, _ = _landmarks(mesh, rgb, region)
        iod = np.linalg.norm(points[OUTER_EYES[0], :2] - points[OUTER_EYES[1], :2])
        for kind, picture in spoilt(rgb, points, rng):
            moved, log_odds = _landmarks(mesh, picture, region)
            apart = np.linalg.norm((moved - points)[:, :2], axis=1).mean() / iod
            rows.append((str(clip), kind, log_odds, apart < RIGHT_IOD))
    return pd.DataFrame(rows, columns=["clip", "kind", "log_odds", "right"])


def _face(backend: mediapipe478.MediaPipeBackend, frame: Frame) -> FaceDetection | None:
    regions = backend.search(frame, thorough=False)
    return backend.fit(frame, regions[0]) if regions else None


def _landmarks(mesh: FaceMesh, rgb: np.ndarray, region: Region) -> tuple[np.ndarray, float]:
    to_frame = region.to_frame(CROP_PX)
    points, log_odds = mesh.landmarks(Frame(0, 0.0, rgb).crop(to_frame, (CROP_PX, CROP_PX)))
    return points[:, :2] @ to_frame[:, :2].T + to_frame[:, 2], log_odds


def main(
    clips: Annotated[list[Path], typer.Argument(help="Videos of faces, more than 40 frames each.")],
    seed: Annotated[int, typer.Option(help="Another seed, other places of the covers.")] = 0,
) -> None:
    """Print the fit and how well it holds on clips left out of it."""
    spoilt_pictures = measure(clips, seed)
    odds, right = spoilt_pictures[["log_odds"]], spoilt_pictures["right"]
    fit = LogisticRegression(C=1e6)
    fit.fit(odds, right)
    slope = fit.coef_.item()
    print(f"slope {slope:.3f}, middle {-fit.intercept_.item() / slope:.2f}")
    print(f"in use: {mediapipe478.CONFIDENCE_SLOPE}, {mediapipe478.CONFIDENCE_MIDDLE_LOG_ODDS}")
    unseen = cross_val_predict(
        fit, odds, right, groups=spoilt_pictures["clip"], cv=GroupKFold(5), method="predict_proba"
    )[:, 1]
    print(
        f"clips left out: AUC {roc_auc_score(right, unseen):.3f}, "
        f"Brier {brier_score_loss(right, unseen):.3f}, "
        f"{len(right)} pictures of {spoilt_pictures['clip'].nunique()} clips"
    )
    bins = pd.cut(unseen, [0, 0.1, 0.3, 0.5, 0.7, 0.9, 1])
    table = pd.DataFrame({"confidence": unseen, "right": right})
    print(table.groupby(bins, observed=True).agg(["mean", "size"]).round(3).to_string())
    kinds = table.assign(kind=spoilt_pictures["kind"])
    print(kinds.groupby("kind").agg(["mean", "size"]).round(3).to_string())


if __name__ == "__main__":
    typer.run(main)
