"""The versions that a result or a detector was made with."""

from importlib import metadata

PACKAGE = "deepfake-biometrics"

# Name of the package, and of the distributions that carry it. The bytes of a page depend on Jinja2
# and Matplotlib, those of a table on pandas.
_PACKAGES = {
    PACKAGE: (PACKAGE,),
    "jinja2": ("jinja2",),
    "matplotlib": ("matplotlib",),
    "numpy": ("numpy",),
    "pandas": ("pandas",),
    "scikit-learn": ("scikit-learn",),
    "scipy": ("scipy",),
    "sktime": ("sktime",),
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
