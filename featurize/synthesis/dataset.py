"""A small labelled data set of made-up people: what the demo and the tests stand on."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from featurize.synthesis.faults import manipulated_frame, random_faults
from featurize.synthesis.performer import Performer
from featurize.synthesis.script import Script, random_script
from featurize.synthesis.video_writer import write_video

_REAL, _FAKE = "real", "fake"


@dataclass(frozen=True)
class _Take:
    """One performance of one person, filmed once as it is and once with a swapped face."""

    person: int
    number: int
    identity_seed: int
    script_seed: int
    faults_seed: int

    def file_name(self, label: str) -> str:
        return f"person-{self.person:03d}_take-{self.number}_{label}.mp4"


def make_dataset(
    folder: str | Path,
    *,
    n_people: int = 16,
    n_takes: int = 1,
    seed: int = 0,
    fps: float = 25.0,
    duration_s: float = 5.0,
    size_px: int = 320,
    crf: int = 23,
    n_jobs: int = -1,
) -> pd.DataFrame:
    """Film scripted people and write clips, ``manifest.csv`` and ``truth.csv``.

    Every take is filmed twice, as it is (``real``) and with the faults of a face swap
    (``fake``): same person, script, frame rate and encoder. Nothing but the faults tells them
    apart.

    Parameters
    ----------
    folder : str or Path
        Where to write; made if missing.
    n_people : int
        Number of people; each is one ``group`` of the manifest.
    n_takes : int
        Performances per person, each of another script.
    seed : int
        Same seed and arguments, same bytes, whatever ``n_jobs``.
    fps, duration_s, size_px : float, float, int
        Frame rate in Hz, length of a clip in seconds, side of its square frames in pixels.
    crf : int
        Quality of the encoding, see :func:`featurize.synthesis.video_writer.write_video`.
    n_jobs : int
        Processes, as in joblib; -1 for one per core.

    Returns
    -------
    pandas.DataFrame
        The manifest, one row per clip: ``path`` relative to ``folder``, ``label``, ``group``,
        ``method`` (``none`` or ``scripted-face-swap``), ``dataset`` (``scripted``),
        ``compression``.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    takes = []
    for person in range(n_people):
        identity_seed = _draw(seed, person)
        for number in range(n_takes):
            seeds = (_draw(seed, person, number, use) for use in range(2))
            takes.append(_Take(person, number, identity_seed, *seeds))
    Parallel(n_jobs=n_jobs)(
        delayed(_film)(folder, take, fps, duration_s, size_px, crf) for take in takes
    )

    manifest, truth = [], []
    for take in takes:
        script = random_script(take.script_seed, duration_s)
        for label in (_REAL, _FAKE):
            path = take.file_name(label)
            manifest.append(
                {
                    "path": path,
                    "label": label,
                    "group": f"person-{take.person:03d}",
                    "method": "none" if label == _REAL else "scripted-face-swap",
                    "dataset": "scripted",
                    "compression": f"c{crf}",
                }
            )
            blinks = label == _REAL or random_faults(take.faults_seed).blinks
            truth.append({"path": path, **_truth(script, fps, blinks=blinks)})
    manifest = pd.DataFrame(manifest)
    manifest.to_csv(folder / "manifest.csv", index=False, lineterminator="\n")
    pd.DataFrame(truth).to_csv(folder / "truth.csv", index=False, lineterminator="\n")
    return manifest


def _draw(*seeds: int) -> int:
    """Make one seed of several."""
    return int(np.random.SeedSequence(seeds).generate_state(1)[0])


def _film(folder: Path, take: _Take, fps: float, duration_s: float, size_px: int, crf: int) -> None:
    """Write the two clips of a take."""
    cv2.setNumThreads(1)
    performer = Performer(size_px, take.identity_seed)
    script = random_script(take.script_seed, duration_s)
    faults = random_faults(take.faults_seed)
    times = script.frame_times(fps)
    real = (performer.frame(script, time_s) for time_s in times)
    fake = (manipulated_frame(performer, script, time_s, faults) for time_s in times)
    write_video(folder / take.file_name(_REAL), real, times, crf=crf)
    write_video(folder / take.file_name(_FAKE), fake, times, crf=crf)


def _truth(script: Script, fps: float, *, blinks: bool) -> dict[str, object]:
    """Return what a measurement of the clip should find."""
    states = [script.at(time_s) for time_s in script.frame_times(fps)]
    shown = script.blinks if blinks else ()
    row: dict[str, object] = {
        "n_blinks": len(shown),
        "blink_peaks_s": " ".join(f"{blink.peak_s:.3f}" for blink in shown),
    }
    for name in ("yaw_deg", "pitch_deg", "roll_deg", "mouth_opening"):
        values = [getattr(state, name) for state in states]
        row[f"{name}_mean"], row[f"{name}_std"] = np.mean(values), np.std(values)
    return row
