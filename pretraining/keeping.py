"""What was computed is kept on disk, under a key of all that it was computed from."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from models.versions import installed_versions


def fingerprint(table: pd.DataFrame, *files: Path) -> str:
    """Return a key that changes with a table, with files of code and with versions of packages."""
    digest = hashlib.sha256(pd.util.hash_pandas_object(table).to_numpy().tobytes())
    digest.update(json.dumps([list(table), installed_versions()]).encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Kept:
    """Tables and facts of one key.

    Attributes
    ----------
    root : Path
        Folder of all keys.
    key : str
        See :func:`fingerprint`.
    """

    root: Path
    key: str

    def folder(self, name: str) -> Path:
        """Return a folder of this key, made if missing."""
        path = self.root / self.key / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def table(self, name: str, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        """Return the table of that name, made only where it is not kept yet."""
        path = self._file(name, ".parquet")
        if not path.exists():
            part = path.with_name(f".{path.name}")
            make().to_parquet(part)
            part.replace(path)
        return pd.read_parquet(path)

    def facts(self, name: str, make: Callable[[], dict[str, object]]) -> dict[str, object]:
        """Return plain data of that name, made only where it is not kept yet."""
        path = self._file(name, ".json")
        if not path.exists():
            part = path.with_name(f".{path.name}")
            part.write_text(json.dumps(make(), allow_nan=False), encoding="utf-8")
            part.replace(path)
        return json.loads(path.read_text(encoding="utf-8"))

    def _file(self, name: str, suffix: str) -> Path:
        return self.folder(".") / f"{name.replace(' ', '-').replace(',', '')}{suffix}"
