"""A small labelled data set of made-up people: what the demo and the tests stand on."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from featurize.synthesis.errors import SynthesisError
from featurize.synthesis.faults import manipulated_frame, random_faults
from featurize.synthesis.performer import Performer, check_size_px
from featurize.synthesis.script import Script, random_script
from featurize.synthesis.video_writer import write_video

_REAL, _FAKE = "real", "fake"
# What a seed draws.
_IDENTITY, _SCRIPT, _FAULTS = range(3)


@dataclass(frozen=True)
class Take:
    """One performance of one person, filmed once as it is and once with a swapped face.

    Attributes
    ----------
    person, number : int
        Which person, and which of their takes; both from 0.
    identity_seed, script_seed, faults_seed : int
        Draw the person (the same in all takes of theirs), the performance and the swap.
    """

    person: int
    number: int
    identity_seed: int
    script_seed: int
    faults_seed: int

    def file_name(self, label: str) -> str:
        """Name of the clip that is ``real`` or ``fake``."""
        return f"person-{self.person:03d}_take-{self.number}_{label}.mp4"


def plan_takes(n_people: int, n_takes: int, seed: int) -> list[Take]:
    """List the takes of a data set; arguments as in :func:`make_dataset`.

    Every seed is drawn apart from all others, so that nothing about a performance or a swap can
    be told from the person.
    """
    return [
        Take(
            person,
            number,
            identity_seed=_draw(seed, _IDENTITY, person, 0),
            script_seed=_draw(seed, _SCRIPT, person, number),
            faults_seed=_draw(seed, _FAULTS, person, number),
        )
        for person in range(n_people)
        for number in range(n_takes)
    ]


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
        0 or above. Same seed and arguments, same bytes, whatever ``n_jobs``.
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

    Raises
    ------
    SynthesisError
        Before anything is filmed: when an argument is out of range, or ``folder`` cannot be
        written to.
    """
    _check_order(n_people, n_takes, seed, fps, duration_s, size_px, crf, n_jobs)
    folder = Path(folder)
    _open_folder(folder)
    takes = plan_takes(n_people, n_takes, seed)
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


def _check_order(
    n_people: int,
    n_takes: int,
    seed: int,
    fps: float,
    duration_s: float,
    size_px: int,
    crf: int,
    n_jobs: int,
) -> None:
    """Refuse what cannot be filmed, in the words of :func:`make_dataset`."""
    demands = {
        f"n_people must be at least 1, not {n_people}.": n_people >= 1,
        f"n_takes must be at least 1, not {n_takes}.": n_takes >= 1,
        f"seed must be 0 or above, not {seed}.": seed >= 0,
        f"fps must be from 1 to 1000, not {fps}.": 1 <= fps <= 1000,
        f"crf must be from 0 to 51, not {crf}.": 0 <= crf <= 51,
        "n_jobs must be a number of processes, or -1 for one per core, not 0.": n_jobs != 0,
    }
    for sentence, met in demands.items():
        if not met:
            raise SynthesisError(sentence)
    check_size_px(size_px)
    if len(Script(duration_s).frame_times(fps)) == 0:
        raise SynthesisError(
            f"A clip of {duration_s} s at {fps} Hz holds no frame: raise duration_s or fps."
        )


def _open_folder(folder: Path) -> None:
    """Make the folder if missing, and make sure that files can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise SynthesisError(
            f"Clips cannot be written to {folder} ({error.strerror}): name a folder that can be "
            "written to."
        ) from error


def _draw(seed: int, use: int, person: int, number: int) -> int:
    """Make one seed of several; another use, person or number is another seed.

    The numbers are a spawn key, not further entropy: NumPy fills entropy up with zeros, so that
    ``(seed, person)`` and ``(seed, person, 0, 0)`` would be one seed.
    """
    sequence = np.random.SeedSequence(seed, spawn_key=(use, person, number))
    return int(sequence.generate_state(1, np.uint64)[0])


def _film(folder: Path, take: Take, fps: float, duration_s: float, size_px: int, crf: int) -> None:
    """Write the two clips of a take."""
    # Takes are what runs side by side; the setting is the caller's when this is their process.
    n_threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        performer = Performer(size_px, take.identity_seed)
        script = random_script(take.script_seed, duration_s)
        faults = random_faults(take.faults_seed)
        times = script.frame_times(fps)
        real = (performer.frame(script, time_s) for time_s in times)
        fake = (manipulated_frame(performer, script, time_s, faults) for time_s in times)
        write_video(folder / take.file_name(_REAL), real, times, crf=crf)
        write_video(folder / take.file_name(_FAKE), fake, times, crf=crf)
    finally:
        cv2.setNumThreads(n_threads)


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
