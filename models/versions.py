"""The versions that a result or a detector was made with."""

from importlib import metadata

_PACKAGES = ("deepfake-biometrics", "numpy", "scikit-learn", "scipy", "xgboost-cpu", "xgboost")


def installed_versions() -> dict[str, str]:
    """Return name and version of the packages that figures depend on, where installed."""
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions
