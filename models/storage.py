"""Detector files: skops archives that repeat byte for byte and hold only types from a list."""

import hashlib
import io
import json
import os
import struct
import zipfile
import zlib
from pathlib import Path
from types import NoneType

import numpy as np
import skops.io
from sklearn.pipeline import Pipeline
from skops.io.exceptions import UntrustedTypesFoundException

from models.errors import DetectorError

FORMAT = "deepfake-biometrics detector"
FORMAT_VERSION = 5

# Beyond what skops trusts by itself (containers, numbers, numpy arrays, public scikit-learn
# estimators). Nothing outside this list is ever rebuilt from a file.
TRUSTED_TYPES = (
    "models.learning.blocks.CompressedBlocks",
    "models.learning.blocks.TakeBlocks",
    "models.learning.calibration.CalibratedByGroup",
    "models.learning.conditioning.QualityConditioner",
    "models.learning.convolutions.ConvolutionFeatures",
    "models.learning.frame_mean.FrameMean",
    "models.learning.kernel_machine.RadialSVC",
    "models.learning.preprocessing.BestShare",
    "models.learning.preprocessing.ClippedRobustScaler",
    "models.learning.preprocessing.TakeColumns",
    "models.learning.vote.SoftVote",
    "models.learning.vote.Stacking",
    "numpy.dtype",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier",
)

_FIELDS = {
    "columns": list,
    "covariates": list,
    "series": list,
    "pipeline": Pipeline,
    "threshold_real": float,
    "threshold_fake": float,
    "real_quantiles": np.ndarray,
    "residual_quantiles": np.ndarray,
    "seen_range": np.ndarray,
    "window_s": (float, NoneType),
    "provenance": dict,
}

# A detector of a thousand features takes a few megabytes.
_LARGEST_BYTES = 256 * 2**20

# What skops, zipfile, json and numpy raise on a file that is cut off, foreign or tampered with.
# MemoryError: the header of an array may claim any shape.
DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


def check_destination(path: str | os.PathLike) -> None:
    """Raise DetectorError unless ``path`` can name a new file: ask before the work, not after."""
    path = Path(path)
    if path.is_dir() or not path.parent.is_dir():
        raise DetectorError(
            f"Cannot write the detector to {str(path)!r}: give the name of a file in a folder that "
            "exists."
        )


def write_repeatable(content: dict, path: str | os.PathLike) -> None:
    """Write ``content`` and the marks of the format; the same content gives the same bytes.

    The file appears complete or not at all.

    Raises
    ------
    DetectorError
        When the file cannot be written.
    """
    check_destination(path)
    path = Path(path)
    marked = {"format": FORMAT, "format_version": FORMAT_VERSION, **content}
    archive = _repeatable(skops.io.dumps(marked))
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        partial.write_bytes(archive)
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise DetectorError(
            f"Cannot write the detector to {str(path)!r}: {error.strerror}; choose a folder that "
            "exists and can be written to."
        ) from error


def read_checked(path: str | os.PathLike) -> dict:
    """Return the content of a file that :func:`write_repeatable` wrote.

    Raises
    ------
    DetectorError
        When the file is missing, damaged, of another kind or version, or holds a type that is
        not in :data:`TRUSTED_TYPES`.
    """
    path = Path(path)
    try:
        archive = path.read_bytes()
    except OSError as error:
        raise DetectorError(f"Cannot read the detector {str(path)!r}: {error.strerror}.") from error
    try:
        _check_members(archive)
        # Before anything is rebuilt: another version may hold types that this one does not know.
        _check_marks(path, _marks(archive))
        marked = skops.io.loads(archive, trusted=list(TRUSTED_TYPES))
    except UntrustedTypesFoundException as error:
        raise DetectorError(
            f"{str(path)!r} holds types that no detector needs and was not loaded: use only "
            f"detector files you trust. {str(error).splitlines()[0]}"
        ) from error
    except DAMAGE as error:
        raise damaged(path) from error
    if not isinstance(marked, dict):
        raise damaged(path)
    wrong = [name for name, kind in _FIELDS.items() if not isinstance(marked.get(name), kind)]
    if wrong:
        raise DetectorError(
            f"The detector {str(path)!r} is incomplete ({', '.join(wrong)}): train it again."
        )
    return marked


def _marks(archive: bytes) -> dict[str, object]:
    """Return what a file says of its format, as plain JSON."""
    with zipfile.ZipFile(io.BytesIO(archive)) as source:
        content = json.loads(source.read("schema.json"))["content"]
    if not isinstance(content, dict):
        return {}
    names = [name for name in ("format", "format_version") if name in content]
    return {name: json.loads(content[name]["content"]) for name in names}


def _check_marks(path: Path, marks: dict[str, object]) -> None:
    if marks.get("format") != FORMAT:
        raise DetectorError(
            f"{str(path)!r} is a skops file, but not a detector: give a file that "
            "`python -m models train` wrote."
        )
    if marks.get("format_version") != FORMAT_VERSION:
        raise DetectorError(
            f"{str(path)!r} has format version {marks.get('format_version')!r}, but this package "
            f"reads version {FORMAT_VERSION}: train the detector again."
        )


def damaged(path: str | os.PathLike) -> DetectorError:
    """Return the error for a file that cannot be made sense of."""
    return DetectorError(
        f"{str(path)!r} is not a detector file or is damaged: give a file that "
        "`python -m models train` wrote."
    )


def _check_members(archive: bytes) -> None:
    """Raise ValueError where unpacking could fill the memory or meet an unneeded decompressor."""
    with zipfile.ZipFile(io.BytesIO(archive)) as packed:
        members = packed.infolist()
    if any(m.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for m in members):
        raise ValueError("A member is compressed in a way that no detector is.")
    if sum(member.file_size for member in members) > _LARGEST_BYTES:
        raise ValueError("The members are larger than those of any detector.")


def _repeatable(archive: bytes) -> bytes:
    """Return the skops archive without what differs from run to run.

    skops names the members and marks shared objects by memory address, and zip entries carry the
    time of day. Members are renamed by their content; the marks are dropped, which only means
    that an object used twice is rebuilt twice.
    """
    with zipfile.ZipFile(io.BytesIO(archive)) as source:
        members = {name: source.read(name) for name in source.namelist()}
    schema = json.loads(members.pop("schema.json"))
    renamed = {
        name: hashlib.sha256(content).hexdigest() + Path(name).suffix
        for name, content in members.items()
    }
    files = {renamed[name]: content for name, content in members.items()}
    files["schema.json"] = json.dumps(_without_addresses(schema, renamed)).encode()
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive_file:
        for name in sorted(files):
            # A ZipInfo without a date is of 1980-01-01.
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive_file.writestr(entry, files[name])
    return target.getvalue()


def _without_addresses(node: object, renamed: dict[str, str]) -> object:
    if isinstance(node, list):
        return [_without_addresses(item, renamed) for item in node]
    if not isinstance(node, dict):
        return node
    # Keys of saved dictionaries stand beside skops' own; only a string is its reference.
    return {
        key: renamed.get(value, value)
        if key == "file" and isinstance(value, str)
        else _without_addresses(value, renamed)
        for key, value in node.items()
        if key != "__id__"
    }
