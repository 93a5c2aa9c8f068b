"""Small tables of the columns that a run writes."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from featurize import __version__
from featurize.extraction import LandmarkOptions
from featurize.feature_options import BASE_FEATURES
from featurize.feature_rows import Row, as_table
from featurize.outputs.columns import describe_columns
from featurize.outputs.shards import Shard
from featurize.outputs.sidecars import (
    columns_file,
    describe_run,
    run_file,
    table_facts,
    write_json,
)
from featurize.outputs.table_file import write_table
from featurize.registry import video_features

N_FEATURES = len(video_features())


def rows_of(number: int) -> list[Row]:
    """The rows of a video: some fail, one in three shows two people; names are nasty."""
    path = f'Ordner {number}/ä,\r\n"{number}".mp4'
    origin = {"landmarks_backend": "mediapipe", "featurize_version": __version__}
    if number % 5 == 4:
        reason = "No face\rwas found."
        meta = {"path": path, "face": 0, "status": "no_face", "reason": reason, **origin}
        return [Row(meta, np.full(N_FEATURES, np.nan))]
    rng = np.random.default_rng(number)
    rows = []
    for face in range(1 + (number % 3 == 0)):
        features = rng.normal(size=N_FEATURES) * 10.0 ** rng.integers(-300, 300, N_FEATURES)
        features[rng.random(N_FEATURES) < 0.1] = np.nan
        meta = {"path": path, "face": face, "label": "real", "group": "NA", "status": "ok"}
        numbers = {"n_frames": 250, "face_rate": 1 / 3, "duration_s": 10.0, "fps": 25.0}
        rows.append(Row({**meta, **numbers, "face_width_px": 1e-9, **origin}, features))
    return rows


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def table_of(numbers: range, n_features: int = 24) -> pd.DataFrame:
    """The table of some videos with the first few of its features: all take their time."""
    table = as_table([row for number in numbers for row in rows_of(number)])
    return table.iloc[:, : table.shape[1] - N_FEATURES + n_features]


def parts_of(table: pd.DataFrame, n_rows: int) -> Iterator[pd.DataFrame]:
    for start in range(0, len(table), n_rows):
        yield table.iloc[start : start + n_rows]


def write_run(
    numbers: range,
    out: Path,
    shard: Shard | None = None,
    n_lines: int = 0,
    n_features: int = 24,
    **changed: object,
) -> None:
    """What a run over some videos of a list leaves behind, as far as tables are concerned."""
    table = table_of(numbers, n_features)
    videos = table.drop_duplicates("path")
    failed = videos[videos["status"] != "ok"]
    write_table([table], out)
    write_json(describe_columns(BASE_FEATURES), columns_file(out))
    facts = {
        "table": table_facts(out),
        "limits": {"timeout_s": 60.0, "memory_mib": None},
        "settings": {**LandmarkOptions().settings, "window_s": None},
        "versions": {"numpy": "2.0", "dlib": None},
        "list_sha256": "ab" * 32,
        "list_lines": n_lines or len(videos),
        "shard": shard,
        "videos_by_status": videos["status"].value_counts().to_dict(),
        "n_faces": len(table) - len(failed),
        "n_rows": len(table),
        "n_frames": 250 * (len(videos) - len(failed)),
        "video_s": 10.0 * (len(videos) - len(failed)),
        "wall_s": 5.0 + len(videos),
        "cpu_s": 8.0 + len(videos),
        "peak_mib": 200.0 + len(videos),
        "n_videos_taken_over": 1,
        "session_n_frames": 250 * (len(videos) - len(failed) - 1),
        "session_video_s": 10.0 * (len(videos) - len(failed) - 1),
        "failures": failed[["path", "status", "reason"]].itertuples(index=False, name=None),
    }
    write_json(describe_run(**facts | changed), run_file(out))
