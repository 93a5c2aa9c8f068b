"""What a run writes is nothing that it reads, nothing of others, and no two things in one file."""

import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from featurize.errors import OptionError, OutputError
from featurize.outputs.sidecars import columns_file, run_file, write_json
from featurize.per_frame.columns import write_per_frame_columns
from featurize.per_frame.frame_file import write_per_frame
from featurize.runs.refusals import refuse_outputs

LISTED = ("a.mkv", "sub/b.mp4")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: videos in ``vv`` and a manifest beside that folder."""
    (tmp_path / "vv" / "sub").mkdir(parents=True)
    for name in LISTED:
        (tmp_path / "vv" / name).write_text("video")
    (tmp_path / "m.csv").write_text("path,notes\nvv/a.mkv,precious\n")
    (tmp_path / "lv").symlink_to("vv")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refuse(
    out: str | None,
    source: str | None = "m.csv",
    per_frame: str | None = None,
    places: tuple[str, ...] = ("vv/a.mkv", "vv/sub/b.mp4"),
    listed: tuple[str, ...] = LISTED,
    networks: tuple[str, ...] = (),
) -> None:
    refuse_outputs(
        None if out is None else Path(out),
        source,
        places,
        listed,
        None if per_frame is None else Path(per_frame),
        networks,
    )


def files_below(folder: Path) -> dict[str, str]:
    return {str(p): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()}


READ = {
    "the manifest": ("m.csv", {}),
    "through a folder and back": ("vv/../m.csv", {}),
    "a video": ("vv/a.mkv", {}),
    "a video through a linked folder": ("lv/sub/../sub/b.mp4", {}),
    "a video listed through one": ("vv/a.mkv", {"places": ("lv/a.mkv",)}),
    "a video of a folder": ("vv/a.mkv", {"source": "vv"}),
    "one video": ("vv/a.mkv", {"source": "vv/a.mkv", "places": ("vv/a.mkv",)}),
    "a video that is not there": ("vv/c.mp4", {"places": ("vv/c.mp4",)}),
    "a manifest called as the run's story": ("f.csv", {"source": "f.run.json"}),
    "a manifest called as the columns' meaning": ("f.csv", {"source": "f.columns.json"}),
    "a manifest called as the journal": ("f", {"source": "f.journal"}),
    "a manifest called as an unfinished table": ("f.csv", {"source": ".f.csv.part"}),
    "per-frame files over the manifest": (
        "f.csv",
        {"source": "vv/a.mkv.csv", "per_frame": "vv"},
    ),
    "through a linked folder": ("f.csv", {"source": "vv/a.mkv.csv", "per_frame": "lv"}),
    "per-frame files over a video": (
        "f.csv",
        {"places": ("vv/a.mkv", "vv/a.mkv.csv"), "listed": ("a.mkv", "c"), "per_frame": "vv"},
    ),
    "a video called as an unfinished one": (
        "f.csv",
        {"places": ("vv/.a.mkv.csv.part",), "per_frame": "vv"},
    ),
    "their columns over a manifest": ("f.csv", {"source": "vv/columns.json", "per_frame": "vv"}),
    "a network": ("net.pt", {"networks": ("dark.pt", "vv/../net.pt")}),
    "a network called as the journal": ("f", {"networks": ("f.journal",)}),
    "per-frame files over a network": (
        "f.csv",
        {"networks": ("vv/a.mkv.csv",), "per_frame": "vv"},
    ),
    "without a table": (None, {"source": "vv/a.mkv.csv", "per_frame": "vv"}),
}


@pytest.mark.parametrize("case", READ)
def test_what_is_read_is_not_replaced(folder: Path, case: str) -> None:
    out, given = READ[case]
    source = Path(given.get("source", "m.csv"))
    if not source.exists():
        source.write_text("path\na.mkv\n")
    before = files_below(folder)
    with pytest.raises(OutputError, match="is to be read, not replaced: ") as caught:
        refuse(out, **given)
    assert "\n" not in str(caught.value)
    assert files_below(folder) == before


@pytest.mark.parametrize("link", ["manifest", "network", "video"])
def test_what_a_link_leads_to_is_not_replaced(folder: Path, link: str) -> None:
    """The link stands in the list; the table would stand where it leads."""
    real = folder / "elsewhere.bin"
    real.write_text("precious")
    Path("link").symlink_to(real)
    given = {
        "manifest": {"source": "link"},
        "network": {"networks": ("link",)},
        "video": {"places": ("vv/a.mkv", "link")},
    }[link]
    with pytest.raises(OutputError, match="not replaced"):
        refuse(str(real), **given)
    refuse(str(real))


@pytest.mark.parametrize(
    ("out", "per_frame"),
    [
        ("signals/a.mkv.csv", "signals"),
        ("lv/a.mkv.csv", "vv"),
        ("vv/sub/b.mp4.csv", "lv"),
        ("signals/columns.json", "signals"),
    ],
)
def test_nothing_is_written_twice(folder: Path, out: str, per_frame: str) -> None:
    with pytest.raises(OutputError, match="would be written twice"):
        refuse(out, per_frame=per_frame)
    refuse("signals/other.csv", per_frame=per_frame)


def test_two_videos_do_not_meet_through_a_link(folder: Path) -> None:
    Path("signals/one").mkdir(parents=True)
    Path("signals/two").symlink_to("one")
    with pytest.raises(OutputError, match="are one folder"):
        refuse("f.csv", per_frame="signals", listed=("one/x.mp4", "three/x.mp4", "two/x.mp4"))
    refuse("f.csv", per_frame="signals", listed=("one/x.mp4", "three/x.mp4"))


@pytest.mark.parametrize("out", ["", ".", "/", "./"])
def test_a_table_without_a_name(folder: Path, out: str) -> None:
    with pytest.raises(OptionError, match="has no name"):
        refuse(out)


@pytest.mark.parametrize("beside", [columns_file, run_file, Path])
def test_a_folder_is_no_file(folder: Path, beside: Callable[[Path], Path]) -> None:
    beside(Path("f.csv")).mkdir()
    with pytest.raises(OutputError, match=r"is not a file|is a folder"):
        refuse("f.csv")


def test_files_beside_another_table_are_not_taken_over(folder: Path) -> None:
    write_json({"table": {"name": "f.parquet"}}, Path("f.run.json"))
    refuse("f.csv")
    Path("f.parquet").touch()
    with pytest.raises(OutputError, match=r"f\.run\.json tells how f\.parquet was made"):
        refuse("f.csv")
    refuse("f.parquet")


@pytest.mark.parametrize("listed", [LISTED, ("/data/b.mp4", "s3://bucket/c.mp4", "x/" * 2000)])
def test_a_file_of_somebody_else_is_not_replaced(folder: Path, listed: tuple[str, ...]) -> None:
    """Annotations beside the videos, called as a per-frame file would be."""
    refuse("f.csv", per_frame="vv", listed=listed)
    path = write_per_frame([], Path("vv"), listed[1])
    refuse("f.csv", per_frame="vv", listed=listed)
    path.write_text("time_s,annotator\n1,anna\n")
    with pytest.raises(OutputError, match="is no per-frame file of this package"):
        refuse("f.csv", per_frame="vv", listed=listed)


def test_the_same_command_again_is_not_refused(folder: Path) -> None:
    """With its own table, files beside it, journal and per-frame files all there."""
    for name in ("f.csv", "f.csv.journal", "f.columns.json"):
        Path(name).write_text("path,face\n")
    write_json({"table": {"name": "f.csv"}}, Path("f.run.json"))
    write_per_frame_columns(Path("vv"))
    for name in LISTED:
        write_per_frame([], Path("vv"), name)
    refuse("f.csv", per_frame="vv")
    refuse("f.csv", source=None, per_frame="vv")


def test_addresses_are_no_files_of_this_machine(folder: Path) -> None:
    places = ("s3://bucket/f.csv", "https://host/vv/a.mkv.csv")
    Path("s3:/bucket").mkdir(parents=True)
    refuse("s3:/bucket/f.csv", source="s3://bucket/f.csv", places=places, per_frame="vv")


@pytest.mark.parametrize("place", ["x" * 300 + "/f.csv", "a\0b/f.csv", "m.csv/f.csv", "f.csv/", ""])
def test_impossible_names_are_left_to_the_run(folder: Path, place: str) -> None:
    refuse("f.csv", places=(place,), per_frame="signals")


def test_a_folder_that_is_a_file_is_left_to_the_run(folder: Path) -> None:
    refuse("f.csv", per_frame="m.csv")


def test_a_new_video_costs_no_memory(folder: Path) -> None:
    """Names of existing files are held; of a folder of new ones, nothing but the folder."""

    def peak_bytes(n_videos: int) -> int:
        listed = [f"{number:06d}.mp4" for number in range(n_videos)]
        places = [os.fspath(folder / "vv" / name) for name in listed]
        tracemalloc.start()
        refuse_outputs(Path("f.csv"), "m.csv", places, listed, Path("signals"))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    peak_bytes(10)
    # One number for each video more would be 200 kB.
    assert peak_bytes(12_000) - peak_bytes(2000) < 100_000
