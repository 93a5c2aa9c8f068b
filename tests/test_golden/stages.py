"""One scripted performance through every stage, each stage's outcome in a few numbers.

A change that moves a value fails at the stage it comes from. ``regenerate.py`` writes the values
anew; look at what changed before committing.
"""

import tempfile
from pathlib import Path

import av
import numpy as np

from featurize import extract_landmarks, featurize_video
from featurize.extraction import LANDMARKS_VERSION
from featurize.registry import compute_signals, describe_features
from featurize.synthesis import Performer, Script, random_script, write_video
from featurize.video import VideoReader

FOLDER = Path(__file__).parent
FPS = 25
DURATION_S = 6.0
SOUND_HZ = 16_000


def all_stages() -> dict[str, dict[str, float]]:
    """Values by stage: rendered frames, decoded frames, landmarks, measures, signals, features."""
    script = random_script(seed=7, duration_s=DURATION_S)
    performer = Performer(256)
    times_s = script.frame_times(FPS)
    rendered = [performer.frame(script, t) for t in times_s]
    with tempfile.TemporaryDirectory() as folder:
        path, silent = Path(folder) / "clip.mkv", Path(folder) / "silent.mp4"
        write_video(silent, rendered, times_s)
        _add_speech(silent, path, script)
        with VideoReader(path) as video:
            decoded = [frame.rgb for frame in video]
        (track,) = extract_landmarks(path)
        row = featurize_video(path).iloc[0]
    signals = compute_signals(track).signals
    measures = {name: track.measured(name) for name in track.measures}
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
        "measures": {name: _mean(values) for name, values in measures.items()},
        "signals": {name: _mean(values) for name, values in signals.items()},
        "features": {name: float(row[name]) for name in describe_features()["name"]},
    }


def _add_speech(silent: Path, path: Path, script: Script) -> None:
    """The same pictures, and noise as loud as the mouth is open, a tenth of a second later."""
    time_s = np.arange(round(DURATION_S * SOUND_HZ)) / SOUND_HZ
    known_s = script.frame_times(100)
    opening = np.interp(time_s - 0.1, known_s, [script.mouth_opening(t) for t in known_s])
    noise = np.random.default_rng(0).normal(0, 4000, len(time_s))
    wave = np.clip(noise * opening, -32768, 32767).astype(np.int16)
    with av.open(str(silent)) as source, av.open(str(path), "w") as target:
        pictures = target.add_stream_from_template(source.streams.video[0])
        sound = target.add_stream("pcm_s16le", rate=SOUND_HZ, layout="mono")
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = pictures
                target.mux(packet)
        frame = av.AudioFrame.from_ndarray(wave[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts = SOUND_HZ, 0
        target.mux([*sound.encode(frame), *sound.encode()])


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")


def _frames(frames: list[np.ndarray]) -> dict[str, float]:
    mean = {f"mean_{n}": float(frames[n].mean()) for n in (0, 50, 99)}
    return mean | {f"spread_{n}": float(frames[n].std()) for n in (0, 50, 99)}
