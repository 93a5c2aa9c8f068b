"""Memory and time of cross-validation on a large table: ``python -m benchmarks.large_table``.

A made-up table of 20 000 videos with 2 000 features, cross-validated by the command line as a user
would. What counts is the peak of the memory; times are told beside it, for one process.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from rich.console import Console
from rich.table import Table

MOST_GIB = 4.0


def write_large_table(path: Path, n_rows: int, n_columns: int, seed: int = 0) -> None:
    """Write a feature table of five videos per group, one in two fake, with gaps and signal."""
    rng = np.random.default_rng(seed)
    is_fake = rng.integers(0, 2, n_rows)
    features = rng.normal(size=(n_rows, n_columns))
    features[:, :20] += 0.3 * is_fake[:, None]
    features[rng.random(features.shape) < 0.01] = np.nan
    table = pd.DataFrame(
        features, columns=[f"family_{i % 10}__f{i:04d}__median" for i in range(n_columns)]
    )
    meta = {
        "path": [f"{i:06d}.mp4" for i in range(n_rows)],
        "face": 0,
        "label": np.where(is_fake == 1, "fake", "real"),
        "group": [f"group_{i // 5}" for i in range(n_rows)],
        "dataset": [f"set_{i // 5 % 4}" for i in range(n_rows)],
        "method": np.where(is_fake == 1, [f"method_{i % 5}" for i in range(n_rows)], ""),
        "status": "ok",
        "fps": 25.0,
    }
    pd.concat([pd.DataFrame(meta), table], axis=1).to_csv(path, index=False, float_format="%.6g")


def peak_and_time(features: Path, classifier: str, folds: int) -> tuple[float, float]:
    """Return peak memory in GiB and seconds of ``python -m models cross-validate``."""
    command = [sys.executable, "-m", "models", "cross-validate", str(features)]
    command += ["--classifier", classifier, "--folds", str(folds)]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603  its own command
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise typer.Exit(1)
    return usage.ru_maxrss / 2**20, time.perf_counter() - start


def main(
    classifier: Annotated[str, typer.Option(help="Names joined by commas.")] = "mlp,xgboost",
    rows: Annotated[int, typer.Option(help="Videos.")] = 20_000,
    columns: Annotated[int, typer.Option(help="Features.")] = 2_000,
    folds: Annotated[int, typer.Option(help="Folds.")] = 2,
) -> None:
    """Print peak memory and time of cross-validating a large table."""
    shown = Table("classifier", "table", "peak memory", "reach", "time", box=None)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "features.csv"
        write_large_table(path, rows, columns)
        for name in classifier.split(","):
            peak_gib, seconds = peak_and_time(path, name, folds)
            size = f"{rows} x {columns}"
            shown.add_row(
                name, size, f"{peak_gib:.2f} GiB", f"at most {MOST_GIB:.0f} GiB", f"{seconds:.0f} s"
            )
    Console(width=120).print(shown)


if __name__ == "__main__":
    typer.run(main)
