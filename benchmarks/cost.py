"""What a thousand hours of video cost: ``python -m benchmarks.cost features.run.json``.

From the throughput that a run has written down, so run it on videos of the size and kind that the
plan is for, on the machine that it is for.
"""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

HOURS = 1000.0
EXAMPLE_PRICE = 0.04
"""Of one core for an hour, in any currency: about what large clouds ask for a core of a virtual
machine. An example, not a quotation."""


def costs(
    run: dict, table_bytes: int, store_bytes: int | None, price_per_core_h: float
) -> dict[str, float]:
    """Figures for a thousand hours of video.

    Parameters
    ----------
    run : dict
        What ``features.run.json`` says.
    table_bytes, store_bytes : int
        Size of the table and of its landmark store; None for no store.
    price_per_core_h : float
        Of one core for an hour.

    Returns
    -------
    dict of str to float
        ``core_h, price, table_gb`` and, with a store, ``store_gb``; and ``core_h_per_video_h``.

    Raises
    ------
    SystemExit
        When the run has measured no video.
    """
    timing, counts = run["timing"], run["counts"]
    if not timing["video_s"] or not counts["video_s"]:
        raise SystemExit("This run has measured no video: give one that has.")
    core_h_per_video_h = timing["cpu_s"] / timing["video_s"]
    # The table and the store are of all videos, the CPU time is of those of the last session.
    per_bytes = HOURS * 3600 / counts["video_s"] / 1e9
    figures = {
        "core_h_per_video_h": core_h_per_video_h,
        "core_h": HOURS * core_h_per_video_h,
        "price": HOURS * core_h_per_video_h * price_per_core_h,
        "table_gb": table_bytes * per_bytes,
    }
    if store_bytes is not None:
        figures["store_gb"] = store_bytes * per_bytes
    return figures


def main(
    run: Annotated[Path, typer.Argument(exists=True, help="features.run.json of a finished run.")],
    table: Annotated[
        Path | None, typer.Option(exists=True, help="The table; by default the one beside it.")
    ] = None,
    landmark_store: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Its landmark store.")
    ] = None,
    price: Annotated[
        float, typer.Option(min=0, help="Price of one core for an hour; the default is an example.")
    ] = EXAMPLE_PRICE,
) -> None:
    """Print CPU time, price and storage of 1000 hours of video."""
    described = json.loads(run.read_text())
    stem = run.name.removesuffix(".run.json")
    beside = [run.with_name(stem + ending) for ending in (".csv", ".parquet")]
    table = table or next((path for path in beside if path.exists()), None)
    if table is None:
        raise SystemExit(f"There is no table beside {run}: give it with --table.")
    store_bytes = None
    if landmark_store is not None:
        store_bytes = sum(
            path.stat().st_size for path in landmark_store.rglob("*") if path.is_file()
        )
    found = costs(described, table.stat().st_size, store_bytes, price)
    timing, counts = described["timing"], described["counts"]
    shown = Table("figure", "value", box=None)
    shown.add_row("videos of the run", f"{counts['n_videos']}")
    shown.add_row("video of the run", f"{counts['video_s'] / 3600:.3f} h")
    fps = timing["n_frames"] / timing["video_s"]
    shown.add_row("its frames per second of video", f"{fps:.1f}")
    shown.add_row("core-hours per hour of video", f"{found['core_h_per_video_h']:.3f}")
    shown.add_row(f"core-hours for {HOURS:.0f} h of video", f"{found['core_h']:.0f}")
    shown.add_row(f"the same at {price:g} per core-hour", f"{found['price']:.2f}")
    shown.add_row(f"table for {HOURS:.0f} h, {table.suffix[1:]}", f"{found['table_gb']:.3f} GB")
    if "store_gb" in found:
        shown.add_row(f"landmark store for {HOURS:.0f} h", f"{found['store_gb']:.1f} GB")
    Console(width=100).print(shown)


if __name__ == "__main__":
    typer.run(main)
