"""Where per-frame files go: inside their folder, no two in one place, whatever their names."""

import os
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from featurize.per_frame.frame_file import write_per_frame
from featurize.per_frame.places import per_frame_path

PART = st.one_of(
    st.sampled_from(["", ".", "..", "a", "a.csv", ".b.csv.part", "elsewhere", "columns.json", "é"]),
    st.text(max_size=8),
    st.binary(min_size=1, max_size=6).map(os.fsdecode),
    st.integers(200, 300).map(lambda n: "ж" * (n // 2)),
)
LISTED = st.one_of(
    st.lists(PART, min_size=1, max_size=4).map("/".join),
    st.sampled_from(["/a", "//a", "s3://b/a.mp4", "zip://a.mp4::s3://b/c.zip", "x/" * 2000 + "y"]),
)


class TestPlaces:
    @pytest.mark.parametrize(
        ("listed", "expected"),
        [
            ("a/b.mp4", "a/b.mp4.csv"),
            ("./a//b.mp4", "a/b.mp4.csv"),
            ("Größe 1/ж.MOV", "Größe 1/ж.MOV.csv"),
            ("b.csv", "b.csv.csv"),
        ],
    )
    def test_the_folder_looks_like_that_of_the_videos(self, listed, expected) -> None:
        assert per_frame_path(Path("signals"), listed) == Path("signals") / expected

    @pytest.mark.parametrize(
        "listed",
        [
            "/data/b.mp4",
            "../b.mp4",
            "a/../../b.mp4",
            "s3://bucket/b.mp4",
            "columns.json/b.mp4",
            "\n/b.mp4",
        ],
    )
    def test_other_paths_stay_inside_under_a_readable_name(self, listed) -> None:
        place = per_frame_path(Path("signals"), listed)
        assert place.parent == Path("signals/elsewhere")
        assert place.name.startswith("b.mp4-")
        assert place.suffix == ".csv"

    @settings(deadline=None)
    @given(st.lists(LISTED, max_size=6, unique=True))
    @example(["x/b", "x/b.csv/c", "x/.b.csv.part/c"])
    def test_no_two_videos_meet(self, listed) -> None:
        places = {text: per_frame_path(Path("signals"), text) for text in listed}
        for one, two in combinations(listed, 2):
            if places[one] == places[two]:
                assert Path(one) == Path(two)
            parts = {place.with_name(f".{place.name}.part") for place in (places[one], places[two])}
            for place in (*parts, places[one], places[two]):
                assert place not in places[one].parents
                assert place not in places[two].parents
        for place in places.values():
            assert ".." not in place.parts
            assert place.parts[0] == "signals"
            assert place != Path("signals/columns.json")

    @settings(deadline=None)
    @given(LISTED)
    def test_every_place_can_be_written(self, tmp_path_factory, listed) -> None:
        folder = tmp_path_factory.mktemp("signals")
        path = write_per_frame([], folder, listed)
        assert path.is_relative_to(folder)
        assert path.resolve().is_relative_to(folder.resolve())
