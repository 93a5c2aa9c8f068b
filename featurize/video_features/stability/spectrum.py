"""How fast the points of a face move once the head's rigid motion is taken out."""

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.signal import detrend

from featurize.declaration import Recording, summary
from featurize.landmarks.schema import SCHEMES
from featurize.video_features.sampling import stretches
from featurize.video_features.stability.rigid_residual import RigidResidual, rigid_residual

REGIONS = ("brows", "nose", "mouth", "outline")
"""Without the eyes, where blinks make most of the spectrum."""

WINDOW_S = 2.0
LOW_HZ = (0.5, 4.0)
MIDDLE_HZ = (4.0, 8.0)
HIGH_HZ = (8.0, 11.5)
NYQUIST_MARGIN = 0.96
"""Part of half the frame rate up to which the spectrum is looked at."""

# Power of points that stand still but for the rounding of float32 pixels.
_ROUNDING_IOD2 = 1e-12


def residual_spectrum(
    residual: RigidResidual, names: tuple[str, ...], time_s: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Power of the residual over frequency, by Welch's method at the frames' own rate.

    Parameters
    ----------
    residual : RigidResidual
        Of the whole track.
    names : tuple of str
        Points to look at.
    time_s : numpy.ndarray
        ``(n_frames,)``; their typical step makes the frequencies.

    Returns
    -------
    frequency_hz : numpy.ndarray
        ``(n_frequencies,)`` in steps of about 0.5 Hz, up to half the frame rate.
    power : numpy.ndarray
        ``(n_frequencies, n_names)`` in squared interocular distances, summed over both axes; NaN
        when the points are nowhere known for 2 s without a break.
    """
    step_s = float(np.median(np.diff(time_s))) if len(time_s) > 1 else WINDOW_S
    length = max(2, round(WINDOW_S / step_s))
    taper = np.hanning(length + 1)[:-1, None, None]
    count, power = 0, np.zeros((length // 2 + 1, len(names)))
    for window in _windows(residual.known(names), time_s, length):
        values = detrend(residual.of(names, window), axis=0) * taper
        power += np.sum(np.abs(np.fft.rfft(values, axis=0)) ** 2, axis=2)
        count += 1
    scale = count * length * np.sum(taper**2)
    return np.fft.rfftfreq(length, step_s), power / scale if count else power * np.nan


def _windows(known: np.ndarray, time_s: np.ndarray, length: int) -> Iterator[slice]:
    """Windows of one length that overlap by half."""
    for stretch in stretches(known, time_s):
        for first in range(stretch.start, stretch.stop - length + 1, length // 2):
            yield slice(first, first + length)


@summary(
    family="stability",
    reference="spectrum of landmark motion (LRNet's temporal evidence, Sun et al. 2021); spectral "
    "flatness after Gray & Markel 1974",
    confounded_by=(
        "speech",
        "face size",
        "compression",
        "frame rate",
        "frame-rate irregularity",
        "clip length",
    ),
    features={
        f"spectrum_{region}_db__middle_over_low": (
            "dB",
            f"Motion of the {region} from 4 to 8 Hz against that from 0.5 to 4 Hz",
        )
        for region in REGIONS
    }
    | {
        f"spectrum_{region}__flatness": (
            "1",
            f"Flatness of the spectrum of the {region} above 4 Hz: 1 for white noise",
        )
        for region in REGIONS
    }
    | {
        "spectrum_face_db__high_over_middle": (
            "dB",
            "Motion of the face from 8 to 11.5 Hz against that from 4 to 8 Hz",
        )
    },
)
def residual_spectra(recording: Recording) -> dict[str, float]:
    """Bands of the spectrum of what rigid motion leaves, per region.

    Bands compare in decibels: ``10 log10(P_band / P_other)``. Flatness is the geometric over the
    arithmetic mean of the power from 4 Hz up to 11.5 Hz or 0.96 of half the frame rate, in [0, 1].
    A generator that draws frame after frame from smooth coefficients leaves little at the fast end,
    a landmark finder on real pixels leaves white noise. NaN when the face is never seen for 2 s
    without a break, when half the frame rate lies below the upper end of a band (17 frames per
    second for the middle one and flatness, 24 for the high one), and of a face that stands still.
    """
    residual = rigid_residual(recording)
    regions = SCHEMES[recording.track.schema].regions
    names = regions["face"]
    frequency_hz, power = residual_spectrum(residual, names, recording.time_s)
    carried_hz = NYQUIST_MARGIN / 2 / recording.frame_step_s
    # Half the frame rate must carry the whole of a band; a thousandth of tolerance for 24 fps.
    carries_middle, carries_high = (
        1.001 * carried_hz >= high_hz for _, high_hz in (MIDDLE_HZ, HIGH_HZ)
    )
    in_fast = _within(frequency_hz, (MIDDLE_HZ[0], min(HIGH_HZ[1], carried_hz)))
    values: dict[str, float] = {}
    for region in REGIONS:
        of_region = _mean(power, [names.index(name) for name in regions[region]])
        middle, low = (_band(of_region, frequency_hz, band) for band in (MIDDLE_HZ, LOW_HZ))
        values[f"spectrum_{region}_db__middle_over_low"] = (
            _decibels(middle, low) if carries_middle else np.nan
        )
        values[f"spectrum_{region}__flatness"] = (
            _flatness(of_region[in_fast]) if carries_middle else np.nan
        )
    of_face = _mean(power, range(len(names)))
    high, middle = (_band(of_face, frequency_hz, band) for band in (HIGH_HZ, MIDDLE_HZ))
    values["spectrum_face_db__high_over_middle"] = (
        _decibels(high, middle) if carries_high else np.nan
    )
    return {f"stability__{name}": value for name, value in values.items()}


def _mean(power: np.ndarray, points: Sequence[int]) -> np.ndarray:
    """Mean over points; NaN where they stand still but for the rounding of pixels."""
    mean = power[:, points].mean(axis=1)
    return mean if mean.sum() > _ROUNDING_IOD2 else np.full(mean.shape, np.nan)


def _band(power: np.ndarray, frequency_hz: np.ndarray, band_hz: tuple[float, float]) -> float:
    return float(power[_within(frequency_hz, band_hz)].sum())


def _within(frequency_hz: np.ndarray, band_hz: tuple[float, float]) -> np.ndarray:
    """Which frequencies belong to a band.

    By the upper ends of their bins: bands begin and end on frequencies of the spectrum, and the
    last bit of the step between frames would decide on which side of an edge these are.
    """
    low_hz, high_hz = band_hz
    upper_hz = frequency_hz + frequency_hz[1] / 2
    return (upper_hz >= low_hz) & (upper_hz < high_hz)


def _decibels(power: float, other: float) -> float:
    return 10 * np.log10(power / other) if power > 0 and other > 0 else float("nan")


def _flatness(power: np.ndarray) -> float:
    """Geometric over arithmetic mean (Wiener entropy)."""
    if not len(power) or not np.all(power > 0):
        return float("nan")
    return float(np.exp(np.mean(np.log(power))) / np.mean(power))
