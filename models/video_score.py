"""What is said about one video."""

import json
import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from models.reason_wording import (
    amount,
    beside,
    factor_text,
    is_size,
    number_text,
    odds_text,
    span_text,
    subject,
)

if TYPE_CHECKING:
    from featurize.reference import IdentityMatch

# What changes the odds by less than one in a hundred is not told.
_LEAST_TOLD = 0.01


@dataclass(frozen=True)
class Reason:
    """A signal that moved the score, told by one feature beside what authentic videos show.

    Attributes
    ----------
    feature : str
        Column name of the feature of the signal that moved the score most.
    value : float
        In the video.
    unit : str
        ``"1"`` for a pure number; empty when unknown.
    meaning : str
        What the feature measures.
    real_low, real_median, real_high : float
        5 %, 50 % and 95 % quantile among authentic training videos.
    contribution : float
        Log-odds of being manipulated that the video gains by the whole signal; positive speaks for
        a fake. Where log-odds are a sum over features, the part that is the signal's; else by how
        much they change when the signal is made as in the median authentic video, or in one of the
        same quality. :attr:`VideoScore.base_log_odds` says which.
    n_features : int
        Features of the signal, its statistics on the left and on the right, that contributed: that
        were measured and, where log-odds are a sum over features, change it at all.
    usual : float
        What authentic video of the same quality shows, where the feature depends on it and the
        detector was trained to ask for it; else NaN.
    window : tuple of float or None
        Start and end in seconds of the window that shows ``value``, which is the median one; None
        where the video was measured as a whole. Of windows, ``contribution`` is the mean, and the
        quantiles are those of windows of authentic videos.
    usual_low, usual_high : float
        Between what about nine in ten authentic videos of the same quality lie; NaN where ``usual``
        is.
    """

    feature: str
    value: float
    unit: str
    meaning: str
    real_low: float
    real_median: float
    real_high: float
    contribution: float
    n_features: int = 1
    usual: float = math.nan
    window: tuple[float, float] | None = None
    usual_low: float = math.nan
    usual_high: float = math.nan

    @property
    def sentence(self) -> str:
        """Return the reason as one sentence."""
        at_quality = not math.isnan(self.usual_low)
        band = (self.usual_low, self.usual_high) if at_quality else (self.real_low, self.real_high)
        where, whose = "", "authentic videos"
        if self.window is not None:
            where = f" in the median window ({span_text(self.window)})"
            whose = "windows of authentic videos"
        whose += " of this quality" if at_quality else ""
        n = self.n_features
        moved = _raise(self.contribution)
        moved = f"{moved}s" if n == 1 else f"the {n} features of this signal together {moved}"
        told = beside(
            self.value,
            *band,
            self.unit,
            whose,
            of_size=is_size(self.feature),
            estimated=at_quality,
        )
        return (
            f"{subject(self.feature, self.meaning)}: {amount(self.value, self.unit)}{where}, "
            f"{told}; {moved} the odds of a fake by a factor of {factor_text(self.contribution)}."
        )


@dataclass(frozen=True)
class FaceScore:
    """The score of one face of the video; 0 is the main face.

    ``probability`` is in [0, 1], NaN where too little could be measured; ``face_rate`` is the share
    of frames that show the face, NaN when unknown.
    """

    face: int
    probability: float
    verdict: str
    face_rate: float


@dataclass(frozen=True)
class WindowScore:
    """What one window of the video says.

    ``start_s`` and ``end_s`` are seconds since the first frame. ``log_odds`` are those of a
    manipulated video, were all its windows like this one; NaN where too little could be measured.
    Those of the video are the mean of the known ones.
    """

    start_s: float
    end_s: float
    log_odds: float


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
        ``real`` or ``fake``; ``uncertain`` between the thresholds or when the video is unlike all
        training videos, or of a quality far from theirs; ``unknown`` when there is no usable face
        or too little was measured.
    reasons : tuple of Reason
        The signals that moved the score of the main face most, the strongest first: see
        ``base_log_odds`` for how that is told.
    faces : tuple of FaceScore
        Every face, the main face first.
    quality : dict of str to float
        ``n_frames, face_rate, duration_s, fps, face_width_px`` of the main face; NaN when unknown.
        Of windows, frames and durations are added up, the others are those of the median window.
    warnings : tuple of str
        Why to trust the answer less, one sentence each.
    timeline : tuple of WindowScore
        Every window of the main face in the order of time; empty where the detector was trained on
        whole videos.
    members : dict of str to float
        Calibrated probability of the main face by each classifier that has a say, by name; of a
        single classifier its own. Of windows, that of the mean log-odds, as the score is.
    weights : dict of str to float
        What each member counts for where their weights were learnt; else empty.
    base_log_odds : float
        Where the log-odds of the detector are a sum over its features, what they are before any
        signal speaks: with the contributions of ``reasons``, ``other_log_odds`` and
        ``unmeasured_log_odds`` it is the log-odds of ``probability``. NaN where they are no such
        sum, as with classifiers other than ``linear``, ``networks``, ``xgboost`` and a ``stacking``
        of these: then each reason
        is measured with everything else left as it is, and they do not add up to the score.
    identity : featurize.reference.IdentityMatch or None
        Whether the video shows the person of the reference photographs; None where there are none.
        The same person does not mean an authentic video: its warnings say so.
    other_log_odds : float
        What all signals that are not among ``reasons`` add together; NaN as ``base_log_odds``.
    unmeasured_log_odds : float
        What is added by the medians of training videos that are put in for what could not be
        measured; NaN as ``base_log_odds``.
    """

    path: str
    probability: float
    verdict: str
    reasons: tuple[Reason, ...]
    faces: tuple[FaceScore, ...]
    quality: dict[str, float]
    warnings: tuple[str, ...]
    timeline: tuple[WindowScore, ...] = ()
    members: dict[str, float] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)
    identity: "IdentityMatch | None" = None
    base_log_odds: float = math.nan
    other_log_odds: float = math.nan
    unmeasured_log_odds: float = math.nan

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
        lines = [
            f"{self.path}: {self.verdict}{_probability_text(self.probability)}",
            *self._members_text(),
        ]
        sections = {
            "Same person as the reference": self._identity_text(),
            f"Reasons ({self._reasons_text()})": [
                *(reason.sentence for reason in self.reasons),
                *self._sum_text(),
            ],
            "Faces": [
                f"Face {face.face}: {face.verdict}{_probability_text(face.probability)}"
                for face in self.faces
                if len(self.faces) > 1
            ],
            "Windows": self._extremes_text(),
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

    def _reasons_text(self) -> str:
        """Return how what reasons contribute is told."""
        if math.isnan(self.base_log_odds):
            return "each by itself; they do not add up to the score"
        return "exact shares of the score: all factors multiply up to it"

    def _sum_text(self) -> list[str]:
        """Return what the score is made of beside the reasons, and what they come to together."""
        if math.isnan(self.base_log_odds):
            return []
        told = [
            f"{what} the odds of a fake by a factor of {factor_text(added)}."
            for what, added in (
                (f"All other signals together {_raise(self.other_log_odds)}", self.other_log_odds),
                (
                    "What could not be measured is taken as in the median training video: that "
                    f"{_raise(self.unmeasured_log_odds)}s",
                    self.unmeasured_log_odds,
                ),
            )
            if abs(added) >= _LEAST_TOLD
        ]
        total = self.base_log_odds + self.other_log_odds + self.unmeasured_log_odds
        total += sum(reason.contribution for reason in self.reasons)
        return [
            *told,
            f"Before any signal speaks the odds of a fake are {odds_text(self.base_log_odds)}; "
            f"with all of these factors they are {odds_text(total)}.",
        ]

    def _members_text(self) -> list[str]:
        """Return what each member says, where there are several and anything is known."""
        if len(self.members) < 2 or all(map(math.isnan, self.members.values())):
            return []
        told = [
            f"{name} {probability:.2f}"
            + (f" (weight {self.weights[name]:.2f})" if name in self.weights else "")
            for name, probability in self.members.items()
        ]
        return [f"Members: {', '.join(told)}"]

    def _identity_text(self) -> list[str]:
        """Return whether the video shows the person of the reference, where that was asked."""
        match = self.identity
        if match is None:
            return []
        photos = "1 photo" if match.n_photos == 1 else f"{match.n_photos} photos"
        if match.verdict == "unknown":
            return [f"Unknown, beside {photos}", *match.warnings]
        known = [
            (distance, time_s)
            for distance, time_s in zip(match.distances, match.time_s, strict=True)
            if not math.isnan(distance)
        ]
        told = [
            f"{match.verdict.capitalize()}: median distance {match.distance:.2f} to {photos} (same "
            f"up to {match.same_up_to:.2f}, different from {match.different_from:.2f})"
        ]
        (nearest, nearest_s), (farthest, farthest_s) = min(known), max(known)
        if len(known) == 1:
            told.append(f"One sampled frame, at {nearest_s:.1f} s")
        else:
            told.append(
                f"Nearest at {nearest_s:.1f} s ({nearest:.2f}), farthest at {farthest_s:.1f} s "
                f"({farthest:.2f}), of {len(known)} sampled frames"
            )
        n_faces, best = len(self.faces), match.face
        if n_faces > 1:
            beside = "" if best == 0 else "; the verdict above is of the main face, 0"
            told.append(f"Face {best} fits best of {n_faces}{beside}")
        return [*told, *match.warnings]

    def _extremes_text(self) -> list[str]:
        """Return which window is most like a fake and which least, where there are several."""
        known = [window for window in self.timeline if not math.isnan(window.log_odds)]
        if len(known) < 2:
            return []
        most, least = (choose(known, key=lambda w: w.log_odds) for choose in (max, min))
        return [
            f"Most like a fake of {len(known)}: {span_text((most.start_s, most.end_s))}; least: "
            f"{span_text((least.start_s, least.end_s))}"
        ]


def _raise(log_odds: float) -> str:
    return "raise" if log_odds > 0 else "lower"


def _probability_text(probability: float) -> str:
    if math.isnan(probability):
        return ""
    return f", probability of being manipulated {probability:.2f}"


def _jsonable(value: object) -> object:
    if isinstance(value, dict):
        return {key: _jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_jsonable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
