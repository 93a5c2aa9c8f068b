"""How a run over many videos is done."""

from dataclasses import dataclass, field
from pathlib import Path

from featurize.errors import OptionError
from featurize.extraction import LandmarkOptions
from featurize.feature_options import BASE_FEATURES, FeatureOptions
from featurize.isolation.keeper import Limits
from featurize.limits import MEMORY_MIB, TIMEOUT_S
from featurize.outputs.shards import Shard
from featurize.runs.one_video import Plan


@dataclass(frozen=True)
class RunSettings:
    """How a run is done; what each one means is said at :func:`featurize.featurize_dataset`.

    Attributes
    ----------
    n_jobs : int
    landmark_store, per_frame : str, Path or None
    features : FeatureOptions
    timeout_s, memory_mib : float or None
    scheduler : str or None
    shard : Shard or None
    progress : bool
    landmarks : LandmarkOptions

    Raises
    ------
    OptionError
        When a value makes no sense.
    """

    n_jobs: int = -1
    landmark_store: str | Path | None = None
    per_frame: str | Path | None = None
    features: FeatureOptions = BASE_FEATURES
    timeout_s: float | None = TIMEOUT_S
    memory_mib: float | None = MEMORY_MIB
    scheduler: str | None = None
    shard: Shard | None = None
    progress: bool = False
    landmarks: LandmarkOptions = field(default_factory=LandmarkOptions)

    def __post_init__(self) -> None:
        if type(self.n_jobs) is not int or self.n_jobs < -1 or self.n_jobs == 0:
            raise OptionError(
                f"n_jobs must be a number of videos at a time, or -1 for one per core, not "
                f"{self.n_jobs!r}."
            )
        for name in ("timeout_s", "memory_mib"):
            value = getattr(self, name)
            is_number = isinstance(value, (int, float)) and 0 < value < float("inf")
            if value is not None and not is_number:
                raise OptionError(
                    f"{name} must be a number above 0, or None for no limit, not {value!r}."
                )

    @property
    def plan(self) -> Plan:
        """What is done with each video."""
        return Plan(
            self.landmarks, self.features, _text(self.landmark_store), _text(self.per_frame)
        )

    @property
    def limits(self) -> Limits:
        """What each video may cost."""
        return Limits(self.timeout_s, self.memory_mib)


def _text(path: str | Path | None) -> str | None:
    return None if path is None else str(Path(path))
