"""One scripted performance through every stage, each stage's outcome in a few numbers.

A change that moves a value fails at the stage it comes from. ``regenerate.py`` writes the values
anew; look at what changed before committing.
"""

import tempfile
from pathlib import Path

import numpy as np

from featurize import extract_landmarks, featurize_video
from featurize.landmarks.extraction import LANDMARKS_VERSION
from featurize.registry import compute_signals, describe_features
from featurize.synthesis import Performer, random_script, write_video
from featurize.video import VideoReader

FOLDER = Path(__file__).parent
FPS = 25


def all_stages() -> dict[str, dict[str, float]]:
    """Values by stage: rendered frames, decoded frames, landmarks, signals, features."""
    script = random_script(seed=7, duration_s=4.0)
    performer = Performer(256)
    times_s = np.arange(4 * FPS) / FPS
    rendered = [performer.frame(script, t) for t in times_s]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        write_video(path, rendered, times_s)
        with VideoReader(path) as video:
            decoded = [frame.rgb for frame in video]
        (track,) = extract_landmarks(path)
        row = featurize_video(path).iloc[0]
    signals = compute_signals(track).signals
    named = {"nose_tip": 4, "chin": 152, "left_iris": 473}
    return {
        "rendered": _frames(rendered),
        "decoded": _frames(decoded),
        "landmarks": {
            f"{name}_{axis}_px": float(np.mean(track.points_px[:, index, number]))
            for name, index in named.items()
            for number, axis in enumerate("xyz")
        }
        | {"confidence": float(track.confidence.mean()), "version": LANDMARKS_VERSION},
        "signals": {name: float(np.nanmean(values)) for name, values in signals.items()},
        "features": {name: float(row[name]) for name in describe_features()["name"]},
    }


def _frames(frames: list[np.ndarray]) -> dict[str, float]:
    mean = {f"mean_{n}": float(frames[n].mean()) for n in (0, 50, 99)}
    return mean | {f"spread_{n}": float(frames[n].std()) for n in (0, 50, 99)}
