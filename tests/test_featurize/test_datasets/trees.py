"""Data sets as empty trees: every file is there, named as published, and holds nothing."""

from pathlib import Path


def grow(root: Path, *names: str) -> Path:
    """Make empty files below a folder."""
    for folder in {Path(name).parent for name in names}:
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name in names:
        (root / name).touch()
    return root


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path
