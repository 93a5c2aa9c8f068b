"""What works on this machine: packages, model files, codecs, and one face found for real."""

import platform
from dataclasses import dataclass
from importlib import metadata

import av
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from featurize import __version__
from featurize.assets import EXTRA_MODEL_FILES, MODEL_FILES, find, locate
from featurize.errors import FeaturizeError, ModelFileError
from featurize.extraction import BACKENDS, make_backend
from featurize.frame import Frame
from featurize.networks.network import BUILT_IN, open_network

CODECS = ("h264", "hevc", "vp8", "vp9", "av1", "mpeg4", "mpeg2video", "mjpeg", "prores")

EXTRAS = (
    ("cnn", "torch", "CNN features of an EfficientNet, or of a TorchScript file"),
    ("sequences", "sktime", "classifiers of signals over time"),
    ("dask", "distributed", "runs on a cluster"),
    ("parquet", "pyarrow", "tables as Parquet"),
    ("remote", "fsspec", "videos by address"),
)
"""What can be installed besides: name, package that does it, what it is for."""

NETWORK_PACKAGES = {"efficientnet-lite0": ("torch", "efficientnet_lite_pytorch")}
"""What of an extra a network runs on."""


@dataclass(frozen=True)
class Finding:
    """One line of the examination."""

    subject: str
    works: bool
    detail: str


def examine() -> bool:
    """Print what works here in one screen; True when everything needed does."""
    findings = [
        *_packages(),
        *_extras(),
        *_model_files(),
        *_backends(),
        *_networks(),
        *_codecs(),
    ]
    table = Table(box=None, show_header=False, pad_edge=False)
    for finding in findings:
        mark = "[green]ok[/green]" if finding.works else "[red]NO[/red]"
        table.add_row(mark, finding.subject, escape(finding.detail))
    console = Console()
    console.print(
        f"deepfake-biometrics {__version__}, Python {platform.python_version()}, "
        f"{platform.system()} {platform.machine()}"
    )
    console.print(table)
    works = all(finding.works for finding in findings)
    console.print(
        "Everything works." if works else "Mend the lines marked NO, then run this again."
    )
    return works


def _packages() -> list[Finding]:
    """Both OpenCV wheels hold the module ``cv2``: of two versions, half of each is installed."""
    versions = {name: _version(name) for name in ("opencv-python", "opencv-contrib-python")}
    same = len(set(versions.values())) == 1 and None not in versions.values()
    detail = ", ".join(f"{name} {version or 'missing'}" for name, version in versions.items())
    return [
        Finding("OpenCV", same, detail if same else f"{detail}: install both in one version"),
        Finding("FFmpeg", True, f"inside PyAV {av.__version__}"),
    ]


def _extras() -> list[Finding]:
    """What need not be there."""
    return [
        Finding(
            f"extra {extra}", True, f"{package} {_version(package) or 'is not installed'}: {use}"
        )
        for extra, package, use in EXTRAS
    ]


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _model_files() -> list[Finding]:
    findings = []
    for model in (*MODEL_FILES, *EXTRA_MODEL_FILES):
        if model.extra and find(model) is None:
            findings.append(Finding(model.name, True, f"is not installed: {model.installing}"))
            continue
        try:
            locate(model)
        except ModelFileError as error:
            findings.append(Finding(model.name, False, str(error)))
        else:
            detail = (
                f"sha256 {model.sha256[:12]}… right, {model.licence}, from {model.package}: "
                f"{model.purpose}"
            )
            findings.append(Finding(model.name, True, detail))
    return findings


def _backends() -> list[Finding]:
    """Start each backend and let it find the face in a photograph."""
    from skimage.data import astronaut

    photograph = Frame(0, 0.0, astronaut())
    findings = []
    for name in BACKENDS:
        try:
            with make_backend(name) as backend:
                regions = backend.search(photograph, thorough=False)
                n_faces = sum(backend.fit(photograph, region) is not None for region in regions)
            library = _library(name)
        except (FeaturizeError, ImportError, RuntimeError) as error:
            findings.append(Finding(f"landmarks: {name}", False, str(error)))
        else:
            detail = f"{library}, found {n_faces} face in a test photograph"
            findings.append(Finding(f"landmarks: {name}", n_faces == 1, detail))
    return findings


def _library(backend: str) -> str:
    """What a backend runs on."""
    if backend == "dlib":
        from featurize.landmarks.dlib68.backend import build

        return build()
    return f"LiteRT {_version('ai-edge-litert')}"


def _networks() -> list[Finding]:
    """Open each network on the device that it chooses by itself."""
    findings = []
    for spec in BUILT_IN:
        subject = f"network: {spec}"
        missing = [name for name in NETWORK_PACKAGES.get(spec, ()) if _version(name) is None]
        if missing:
            detail = f"needs the extra cnn ({', '.join(missing)})"
            findings.append(Finding(subject, True, detail))
            continue
        try:
            network = open_network(spec)
        except FeaturizeError as error:
            findings.append(Finding(subject, False, str(error)))
        else:
            detail = (
                f"{network.facts.n_dims} numbers of a face, device {network.settings['device']}"
            )
            findings.append(Finding(subject, True, detail))
    return findings


def _codecs() -> list[Finding]:
    known = {name: _can_decode(name) for name in CODECS}
    missing = [name for name, works in known.items() if not works]
    detail = "decodes " + ", ".join(name for name, works in known.items() if works)
    return [
        Finding("codecs", not missing, detail + ("; not " + ", ".join(missing)) * bool(missing))
    ]


def _can_decode(codec: str) -> bool:
    try:
        av.Codec(codec, "r")
    except av.codec.codec.UnknownCodecError:
        return False
    return True
