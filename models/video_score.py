"""What is said about one video."""

import json
import math
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Reason:
    """A feature that moved the score, beside what authentic videos show.

    Attributes
    ----------
    feature : str
        Its column name.
    value : float
        In the video.
    unit : str
        ``"1"`` for a pure number; empty when unknown.
    meaning : str
        What the feature measures.
    real_low, real_median, real_high : float
        5 %, 50 % and 95 % quantile among authentic training videos.
    contribution : float
        Log-odds of being manipulated that the video gains by having this value rather than the
        median of authentic videos; positive speaks for a fake.
    """

    feature: str
    value: float
    unit: str
    meaning: str
    real_low: float
    real_median: float
    real_high: float
    contribution: float

    @property
    def sentence(self) -> str:
        """Return the reason as one sentence."""
        meaning = self.meaning.strip().rstrip(".")
        what = meaning[:1].upper() + meaning[1:] or self.feature
        if self.value > self.real_high:
            place = "above"
        elif self.value < self.real_low:
            place = "below"
        else:
            place = "within"
        side = "raises" if self.contribution > 0 else "lowers"
        unit = "" if self.unit in ("", "1") else f" {self.unit}"
        return (
            f"{what}: {number_text(self.value)}{unit}, {place} the "
            f"{number_text(self.real_low)} to {number_text(self.real_high)} of nine in ten real "
            f"videos; {side} the odds of a fake by a factor of {factor_text(self.contribution)}."
        )


@dataclass(frozen=True)
class FaceScore:
    """The score of one face of the video; 0 is the main face.

    ``probability`` is in [0, 1], NaN where nothing could be measured; ``face_rate`` is the share of
    frames that show the face, NaN when unknown.
    """

    face: int
    probability: float
    verdict: str
    face_rate: float


@dataclass(frozen=True)
class VideoScore:
    """The answer about one video.

    Attributes
    ----------
    path : str
        The file.
    probability : float
        Calibrated probability in [0, 1] that the main face is manipulated; NaN when unknown.
    verdict : str
        ``real``, ``fake``, ``uncertain``, or ``unknown`` when there is no usable face.
    reasons : tuple of Reason
        The features that moved the score of the main face most, the strongest first.
    faces : tuple of FaceScore
        Every face, the main face first.
    quality : dict of str to float
        ``n_frames, face_rate, duration_s, fps, face_width_px`` of the main face; NaN when unknown.
    warnings : tuple of str
        Why to trust the answer less, one sentence each.
    """

    path: str
    probability: float
    verdict: str
    reasons: tuple[Reason, ...]
    faces: tuple[FaceScore, ...]
    quality: dict[str, float]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """Return plain dictionaries, lists, text and numbers, with None for NaN."""
        content = asdict(self)
        content["reasons"] = [
            {**asdict(reason), "sentence": reason.sentence} for reason in self.reasons
        ]
        return _jsonable(content)

    def to_json(self) -> str:
        """Return :meth:`to_dict` as JSON."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)

    def to_text(self) -> str:
        """Return the answer for a reader."""
        known = not math.isnan(self.probability)
        likely = f", probability of being manipulated {self.probability:.2f}" if known else ""
        lines = [f"{self.path}: {self.verdict}{likely}"]
        sections = {
            "Reasons": [reason.sentence for reason in self.reasons],
            "Faces": [
                f"Face {face.face}: {face.verdict}, probability {face.probability:.2f}"
                for face in self.faces
                if len(self.faces) > 1
            ],
            "Quality": [
                f"{name}: {number_text(value)}"
                for name, value in self.quality.items()
                if not math.isnan(value)
            ],
            "Warnings": list(self.warnings),
        }
        for title, items in sections.items():
            if items:
                lines += ["", title, *(f"  - {item}" for item in items)]
        return "\n".join(lines) + "\n"


def number_text(value: float) -> str:
    """Return a number with three significant digits, large ones as whole numbers."""
    if abs(value) >= 1000 and math.isfinite(value):
        return f"{value:.0f}"
    return f"{value:.3g}"


def factor_text(log_odds: float) -> str:
    """Return by what factor a change of the log-odds multiplies or divides the odds."""
    factor = math.exp(min(abs(log_odds), 7))
    return f"{factor:.2f}" if factor < 10 else f"{factor:.0f}"


def _jsonable(value: object) -> object:
    if isinstance(value, dict):
        return {key: _jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_jsonable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
