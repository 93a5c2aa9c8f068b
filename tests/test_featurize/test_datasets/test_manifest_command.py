"""``python -m featurize manifest``: what it writes, what it prints, what it refuses."""

import os
import subprocess
import sys
from pathlib import Path
from typing import get_args, get_type_hints

import pandas as pd
import pytest

from featurize import __main__ as cli
from featurize.datasets.manifest_file import make_manifest
from featurize.datasets.readers import READERS
from featurize.errors import ManifestError, OutputError
from featurize.manifest import MANIFEST_COLUMNS, read_videos
from tests.test_featurize.test_datasets.command import (
    FFPP,
    listing_of,
    real,
    run,
)
from tests.test_featurize.test_datasets.trees import grow, write


def test_command_offers_every_reader() -> None:
    dataset = get_type_hints(cli.manifest)["dataset"]
    assert get_args(dataset) == tuple(READERS)


def test_manifest_is_read_back_and_finds_every_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grow(tmp_path / "data" / "ff", *FFPP)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    for out in ("manifest.csv", "../data/ff/manifest.csv", tmp_path / "new" / "folder" / "m.csv"):
        run("ffpp", "../data/ff", "-o", out)
        videos, folder = read_videos(out)
        assert [(folder / path).resolve() for path in videos["path"]] == [
            (tmp_path / "data" / "ff" / path).resolve() for path in sorted(FFPP)
        ]
    assert [tuple(pd.read_csv(out).columns)] == [(*MANIFEST_COLUMNS, "identities")]
    assert videos["label"].tolist() == ["fake", "fake", "real", "real", "real"]
    assert videos["group"].tolist() == ["ffpp/000"] * 3 + ["ffpp/001", "ffpp/000"]
    assert videos["method"].tolist() == ["Deepfakes", "Deepfakes", "", "", ""]
    assert videos["compression"].tolist() == ["c23", "c40", "c23", "c23", "c23"]
    assert set(videos["dataset"]) == {"FaceForensics++"}


def test_paths_hold_where_folders_are_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grow(tmp_path / "disk" / "deep" / "ff", *FFPP)
    (tmp_path / "disk" / "deep" / "work").mkdir()
    (tmp_path / "work").symlink_to(tmp_path / "disk" / "deep" / "work")
    (tmp_path / "ff").symlink_to(tmp_path / "disk" / "deep" / "ff")
    monkeypatch.chdir(tmp_path)
    run("ffpp", "ff", "-o", "work/manifest.csv")
    videos, folder = read_videos("work/manifest.csv")
    assert len(videos) == len(FFPP)
    assert all((folder / path).is_file() for path in videos["path"])


def test_same_tree_same_bytes(tmp_path: Path) -> None:
    for name, files in (("a", FFPP), ("b", FFPP[::-1])):
        root = grow(tmp_path / name / "ff", *files)
        run("ffpp", root, "-o", tmp_path / name / "m.csv")
        run("ffpp", root, "-o", tmp_path / name / "m.csv")
    assert (tmp_path / "a" / "m.csv").read_bytes() == (tmp_path / "b" / "m.csv").read_bytes()
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["ff", "m.csv"]


def test_video_without_identities_is_a_group_of_its_own(tmp_path: Path) -> None:
    listing = listing_of(real("a.mp4"), real("b.mp4"))
    manifest, _ = make_manifest(listing, tmp_path, tmp_path / "m.csv")
    assert manifest["group"].tolist() == ["made up/a.mp4", "made up/b.mp4"]


def test_names_that_no_table_can_hold_are_surplus(tmp_path: Path) -> None:
    bad = (os.fsdecode(b"caf\xe9.mp4"), " blank.mp4")
    listing = listing_of(*(real(name, "p/1") for name in (*bad, "good.mp4")))
    manifest, left = make_manifest(listing, tmp_path, tmp_path / "m.csv")
    assert manifest["path"].tolist() == ["good.mp4"]
    assert sorted(left.surplus) == sorted(bad)
    assert left.remarks == (
        "Videos left out for a name that no table can hold, not UTF-8 or with a blank at an end: "
        f"2 (first: {bad[0]!r}); rename to have them listed.",
    )
    with pytest.raises(ManifestError, match="no video of made up"):
        make_manifest(listing_of(real(bad[0], "p/1")), tmp_path, tmp_path / "m.csv")


def test_blanks_at_the_ends_of_folders_and_names_are_kept_apart(tmp_path: Path) -> None:
    root = grow(
        tmp_path / "in" / " clips",
        *("real/a .mp4", "fake/a .mp4", "fake/ a.mp4", "real/a.mp4", "fake/a.mp4"),
    )
    run("folder", root, "-o", tmp_path / "out" / "m.csv")
    videos, folder = read_videos(tmp_path / "out" / "m.csv")
    assert all((folder / path).is_file() for path in videos["path"])
    names = videos["path"].map(lambda path: Path(path).name)
    assert sorted(names.groupby(videos["group"]).agg(list).tolist()) == [
        [" a.mp4"],
        ["a .mp4", "a .mp4"],
        ["a.mp4", "a.mp4"],
    ]
    # Nothing was edited, so it may be written again.
    run("folder", root, "-o", tmp_path / "out" / "m.csv")


def test_reason_is_given_where_no_name_can_be_written(tmp_path: Path) -> None:
    root = grow(tmp_path / "real", " a.mp4", " b.mp4")
    with pytest.raises(ManifestError, match=r"with a blank at an end: 2 \(first: ' a.mp4'\)"):
        run("folder", root, "-o", tmp_path / "m" / "m.csv")
    with pytest.raises(ManifestError, match="has a blank at an end: rename the folder"):
        run("folder", grow(tmp_path / " clips", "real/a.mp4"), "-o", tmp_path / "m.csv")


def test_way_to_the_videos_that_is_not_utf8(tmp_path: Path) -> None:
    root = grow(tmp_path / os.fsdecode(b"caf\xe9"), *FFPP)
    with pytest.raises(ManifestError, match=r"caf\\udce9', which no table can hold"):
        run("ffpp", root, "-o", tmp_path / "m.csv")
    assert not (tmp_path / "m.csv").exists()
    with pytest.raises(OutputError, match=r"caf\\udce9/m\.csv' is no name"):
        run("ffpp", root, "-o", root / "m.csv")


def test_no_colours_and_no_cut_lines_in_a_pipe(tmp_path: Path) -> None:
    root = grow(tmp_path / ("long_" * 30) / "ff", *FFPP)
    command = [sys.executable, "-m", "featurize", "manifest", "ffpp", root, "-o", root / "m.csv"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "\x1b" not in result.stdout
    assert str(root / "m.csv") in result.stdout


def test_error_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "featurize", "manifest", "ffpp", tmp_path / "gone"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_to(tmp_path: Path) -> None:
    root = grow(tmp_path / "ff", *FFPP)
    foreign = write(tmp_path / "meta_data.csv", "source,target\nid1,id2\n")
    (tmp_path / "folder.csv").mkdir()
    for out, sentence in (
        (foreign, "is not a manifest of this command"),
        (tmp_path / "folder.csv", "is not a manifest of this command"),
        (tmp_path / "manifest", "end in .csv"),
        (tmp_path / "manifest.tsv", "end in .csv"),
        (foreign / "m.csv", "cannot be written"),
    ):
        with pytest.raises(OutputError, match=sentence):
            run("ffpp", root, "-o", out)
    assert foreign.read_text() == "source,target\nid1,id2\n"


def test_failed_listing_leaves_the_old_manifest(tmp_path: Path) -> None:
    out = tmp_path / "m.csv"
    run("ffpp", grow(tmp_path / "ff", *FFPP), "-o", out)
    before = out.read_bytes()
    with pytest.raises(ManifestError):
        run("ffpp", tmp_path / "gone", "-o", out)
    assert out.read_bytes() == before


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import sys, featurize.datasets; print(*{'pandas', 'numpy', 'scipy'} & set(sys.modules));"
        "import featurize.datasets.readers, featurize.datasets.manifest_file;"
        "print(*{'cv2', 'av', 'dlib', 'sklearn', 'ai_edge_litert'} & set(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == ""
