"""The columns of a table that say at which quality a video was measured."""

from collections.abc import Iterable

# The order is that of the columns in the classifier's input; a table may lack some. No measure of
# quality are the duration of a clip, an editor's choice, and the brightness of a face, which is
# that of the skin as well.
COVARIATES = (
    "face_width_px",
    "fps",
    "head_pose__angular_speed_deg_per_s__median",
    "quality__blur__median",
    "quality__blockiness__median",
    "quality__noise_sigma_levels__median",
    "quality__bit_rate__log10_bits_per_pixel",
    "quality__frame_step__cv",
    "quality__repeated_frames__share",
    "quality__interpolated_frames__share",
)


def covariate_columns(columns: Iterable[str]) -> list[str]:
    """Return the columns that say at which quality a video was measured."""
    present = set(columns)
    return [name for name in COVARIATES if name in present]
