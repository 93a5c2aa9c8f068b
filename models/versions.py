"""The versions that a result or a detector was made with."""

from importlib import metadata

# Name of the package, and of the distributions that carry it.
_PACKAGES = {
    "deepfake-biometrics": ("deepfake-biometrics",),
    "numpy": ("numpy",),
    "scikit-learn": ("scikit-learn",),
    "scipy": ("scipy",),
    "xgboost": ("xgboost-cpu", "xgboost"),
}


def installed_versions() -> dict[str, str]:
    """Return name and version of the packages that figures depend on, where installed."""
    versions = {}
    for name, distributions in _PACKAGES.items():
        for distribution in distributions:
            try:
                versions[name] = metadata.version(distribution)
            except metadata.PackageNotFoundError:
                continue
            break
    return versions
