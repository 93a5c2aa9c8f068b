"""Damaged and lying videos: each has its row, and none ends the run. More of them, and of more
containers, in ``python -m benchmarks.hostile``.
"""

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.boxes import read_boxes, written
from benchmarks.hostile import ON_PURPOSE
from benchmarks.mutations import mutants, write_mutants
from benchmarks.short_clips import FORMS, write_short_clips
from featurize import featurize_dataset

N_MUTANTS = 38
"""Two of each kind."""

SOME_FORMS = [
    form
    for form in FORMS
    if form.name in ("h264_aac.mp4", "fragments.mp4", "h264_opus.mkv", "mpeg4_mp3.avi")
]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_short_clips(tmp_path_factory.mktemp("clips"), SOME_FORMS)


def test_every_mutant_has_its_row_and_spares_the_others(clips: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "videos"
    names = write_mutants(clips, folder, N_MUTANTS, seed=0)
    for clip in clips:
        (folder / f"intact_{clip.name}").write_bytes(clip.read_bytes())
    featurize_dataset(folder, tmp_path / "f.csv", n_jobs=2, timeout_s=60)
    rows = pd.read_csv(tmp_path / "f.csv", keep_default_na=False, low_memory=False)
    statuses = rows.drop_duplicates("path").set_index("path")["status"]
    intact = statuses.index.str.startswith("intact")
    assert statuses[intact].eq("ok").all()
    assert sorted(statuses.index[~intact]) == sorted(names)
    assert set(statuses) <= ON_PURPOSE, rows[~rows["status"].isin(ON_PURPOSE)]["reason"].tolist()
    # Were all of one status, the mutants would not be worth their name.
    assert len(Counter(statuses[~intact])) >= 3
    assert rows.loc[rows["status"] != "ok", "reason"].str.endswith(".").all()


class TestMutants:
    """What the test above stands on."""

    def test_a_seed_gives_the_same_mutants(self, clips: list[Path]) -> None:
        some = list(mutants(clips, N_MUTANTS, seed=1))
        assert some == list(mutants(clips, N_MUTANTS + 5, seed=1))[:N_MUTANTS]
        assert some != list(mutants(clips, N_MUTANTS, seed=2))

    def test_nothing_stays_intact(self, clips: list[Path]) -> None:
        intact = {clip.read_bytes() for clip in clips}
        changed = [mutant.data not in intact for mutant in mutants(clips, 190, seed=3)]
        # Two boxes of one kind may change places.
        assert sum(changed) > 180

    def test_boxes_are_read_and_written_whole(self, clips: list[Path]) -> None:
        for clip in clips:
            if clip.suffix == ".mp4":
                boxes = read_boxes(clip.read_bytes())
                assert written(boxes) == clip.read_bytes()
                kinds = [box.kind for top in boxes for box in top.all()]
                assert {b"moov", b"trak", b"stsd", b"mdat"} <= set(kinds)

    def test_what_is_no_boxes_is_refused(self, clips: list[Path]) -> None:
        with pytest.raises(ValueError, match="no box of"):
            read_boxes(clips[-1].read_bytes())
