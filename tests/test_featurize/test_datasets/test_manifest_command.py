"""``python -m featurize manifest``: what it writes, what it prints, what it refuses."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import get_args, get_type_hints

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from featurize import __main__ as cli
from featurize.datasets.listing import ListedVideo, Listing
from featurize.datasets.manifest_file import make_manifest, write_manifest
from featurize.datasets.readers import READERS
from featurize.datasets.summary import cautions, summarise
from featurize.errors import FeaturizeError, ManifestError, OutputError
from featurize.manifest import MANIFEST_COLUMNS, read_videos
from tests.test_featurize.test_datasets.trees import grow, write

FFPP = (
    "original_sequences/youtube/c23/videos/000.mp4",
    "original_sequences/youtube/c23/videos/003.mp4",
    "original_sequences/youtube/c23/videos/001.mp4",
    "manipulated_sequences/Deepfakes/c23/videos/000_003.mp4",
    "manipulated_sequences/Deepfakes/c40/videos/003_000.mp4",
)
DEEPERFORENSICS = (
    "manipulated_videos/end_to_end/000_M101.mp4",
    "manipulated_videos/end_to_end/001_M101.mp4",
    "manipulated_videos/end_to_end/980_W010.mp4",
)


def run(*arguments: object) -> str:
    """Run the command; an error of the package is raised."""
    result = CliRunner().invoke(cli.app, ["manifest", *map(str, arguments)])
    if isinstance(result.exception, FeaturizeError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def written(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False).set_index("path")


def listing_of(*videos: ListedVideo) -> Listing:
    return Listing("made up", videos, (), ())


def real(path: str, *identities: str) -> ListedVideo:
    return ListedVideo(path, "real", frozenset(identities))


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


def test_people_of_two_data_sets_are_one_group(tmp_path: Path) -> None:
    ff, deeper = tmp_path / "ff.csv", tmp_path / "deep" / "deeper.csv"
    both = tmp_path / "elsewhere" / "both.csv"
    run("ffpp", grow(tmp_path / "ff", *FFPP), "-o", ff)
    root = grow(tmp_path / "deeper", *DEEPERFORENSICS)
    run("deeperforensics", root, "-o", deeper)
    assert written(ff).loc["ff/" + FFPP[2], "group"] == "ffpp/001"
    text = run("deeperforensics", root, "-o", both, "--add", ff)
    table = written(both)
    assert all((both.parent / path).is_file() for path in table.index)
    # M101 plays both 000 and 001, so all that is made of either is one group now.
    groups = table["group"].groupby(table["dataset"]).unique().map(sorted).to_dict()
    assert groups == {
        "FaceForensics++": ["deeperforensics/M101"],
        "DeeperForensics": ["deeperforensics/M101", "deeperforensics/W010"],
    }
    assert "One group (deeperforensics/M101) holds 88% of the videos" in text
    assert "videos of DeeperForensics, FaceForensics++ are joined in it" in text
    # The other way round, the groups are the same.
    run("ffpp", tmp_path / "ff", "-o", tmp_path / "elsewhere" / "turned.csv", "--add", deeper)
    turned = written(tmp_path / "elsewhere" / "turned.csv")
    pd.testing.assert_frame_equal(turned.sort_index(), table.sort_index())


def test_groups_are_joined_by_a_third_data_set(tmp_path: Path) -> None:
    for name, identities in (("a", "p/1"), ("b", "p/2")):
        manifest, _ = make_manifest(
            listing_of(real("v.mp4", identities)), tmp_path / name, tmp_path / "m.csv"
        )
        write_manifest(manifest, tmp_path / f"{name}.csv")
    manifest, _ = make_manifest(
        listing_of(real("v.mp4", "p/1", "p/2")),
        tmp_path / "c",
        tmp_path / "m.csv",
        [tmp_path / "a.csv", tmp_path / "b.csv"],
    )
    assert manifest["path"].tolist() == ["c/v.mp4", "a/v.mp4", "b/v.mp4"]
    assert manifest["group"].tolist() == ["p/1"] * 3


NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.frozensets(NAMES.map("made up/{}x".format), min_size=1), max_size=6, min_size=1))
def test_identities_of_any_name_survive_being_added(
    tmp_path_factory: pytest.TempPathFactory, identities: list[frozenset[str]]
) -> None:
    folder = tmp_path_factory.mktemp("added")
    videos = [real(f"{i}.mp4", *names) for i, names in enumerate(identities)]
    first, _ = make_manifest(listing_of(*videos), folder / "a", folder / "a.csv")
    write_manifest(first, folder / "a.csv")
    other = listing_of(real("other.mp4", "other/1"))
    joined, _ = make_manifest(other, folder / "b", folder / "b.csv", [folder / "a.csv"])
    columns = ["path", "identities"]
    assert joined[columns].to_numpy().tolist()[1:] == first[columns].to_numpy().tolist()
    assert len(joined["group"].unique()) == len(first["group"].unique()) + 1


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
    assert len(left.remarks) == 1
    with pytest.raises(ManifestError, match="no video of made up"):
        make_manifest(listing_of(real(bad[0], "p/1")), tmp_path, tmp_path / "m.csv")


def test_way_to_the_videos_that_is_not_utf8(tmp_path: Path) -> None:
    root = grow(tmp_path / os.fsdecode(b"caf\xe9"), *FFPP)
    with pytest.raises(ManifestError, match=r"caf\\udce9', which no table can hold"):
        run("ffpp", root, "-o", tmp_path / "m.csv")
    assert not (tmp_path / "m.csv").exists()
    with pytest.raises(OutputError, match=r"caf\\udce9/m\.csv' is no name"):
        run("ffpp", root, "-o", root / "m.csv")


def test_summary_counts_and_names(tmp_path: Path) -> None:
    root = grow(tmp_path / "ff", *FFPP, *(f"odd {i}.mp4" for i in range(7)))
    for split, pairs in {"train": [["000", "003"]], "val": [["001", "870"]], "test": []}.items():
        write(root / "splits" / f"{split}.json", json.dumps(pairs))
    lines = run("ffpp", root, "-o", tmp_path / "m.csv").splitlines()
    assert lines[0] == "5 videos of FaceForensics++ in 2 groups of people and sources"
    assert lines[1:3] == ["label: 3 real, 2 fake", "split: 4 train, 1 val"]
    table = [line.split() for line in lines[4:8]]
    assert table == [
        ["(authentic)", "Deepfakes"],
        ["FaceForensics++"],
        ["c23", "3", "1"],
        ["c40", "0", "1"],
    ]
    n_missing = 997 + 3 + 3  # originals at c23, and three fakes each at c23 and c40
    assert f"missing (named by the data set, not there): {n_missing}" in lines
    assert f"  and {n_missing - 5} more" in lines
    surplus = lines.index("surplus (there, and of no name that was published): 7")
    assert lines[surplus + 1 : surplus + 7] == [
        *(f"  odd {i}.mp4" for i in range(5)),
        "  and 2 more",
    ]
    assert lines[-1] == f"Written to {tmp_path / 'm.csv'}."


def test_summary_of_a_clean_data_set_has_no_lists() -> None:
    manifest = pd.DataFrame(
        {
            **{column: ["", ""] for column in MANIFEST_COLUMNS},
            **{"label": ["real", "fake"], "group": ["a", "b"], "dataset": "D"},
        }
    )
    text = summarise(manifest, Listing("D", (), (), ()))
    assert "missing" not in text
    assert "note" not in text
    assert "split: 2 none" in text


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"label": ["fake"] * 4}, "All videos are fake: nothing can be trained on them."),
        (
            {"compression": ["c23", "c23", "c40", "c40"]},
            "At c40 there are only fake videos, so the compression tells the label",
        ),
        ({"group": ["a", "a", "a", "b"]}, "One group (a) holds 75% of the videos"),
        (
            {"split": ["train", "", "val", "val"], "group": ["a", "b", "a", "b"]},
            "Groups with videos in several official splits: 1 (a)",
        ),
    ],
)
def test_cautions(columns: dict[str, list[str]], sentence: str) -> None:
    fair = {
        "label": ["real", "fake", "fake", "fake"],
        "group": ["a", "a", "b", "c"],
        "dataset": "D",
        "compression": "c23",
        "split": "",
    }
    assert cautions(pd.DataFrame(fair)) == []
    (caution,) = cautions(pd.DataFrame({**fair, **columns}))
    assert caution.startswith(sentence)


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


def test_what_cannot_be_added(tmp_path: Path) -> None:
    root = grow(tmp_path / "ff", *FFPP)
    run("ffpp", root, "-o", tmp_path / "ff.csv")
    by_hand = write(tmp_path / "hand.csv", "path,label\na.mp4,real\n")
    holes = write(tmp_path / "holes.csv", "path,label,identities\na.mp4,real,\n")
    short = write(tmp_path / "short.csv", "path,label,identities\na.mp4,real\n")
    broken = write(tmp_path / "broken.csv", 'path,label,identities\n"a.mp4,real,p/1\n')
    for added, sentence in (
        (by_hand, "does not name the `identities`"),
        (holes, "does not name the `identities`"),
        (short, "does not name the `identities`"),
        (broken, "is not a CSV table"),
        (tmp_path / "gone.csv", "no manifest .*gone.csv"),
        (root / FFPP[0], "000.mp4 is no manifest"),
        (root, "is no manifest"),
        (tmp_path / "ff.csv", r"lists 5 videos of .*ff already \(first ff/manipulated"),
    ):
        with pytest.raises(ManifestError, match=sentence) as caught:
            run("ffpp", root, "-o", tmp_path / "out.csv", "--add", added)
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "out.csv").exists()


def test_data_set_that_is_added_twice(tmp_path: Path) -> None:
    run("ffpp", grow(tmp_path / "ff", *FFPP), "-o", tmp_path / "ff.csv")
    root = grow(tmp_path / "deeper", *DEEPERFORENSICS)
    twice = ("--add", tmp_path / "ff.csv", "--add", tmp_path / "ff.csv")
    with pytest.raises(ManifestError, match="list 5 videos twice"):
        run("deeperforensics", root, "-o", tmp_path / "out.csv", *twice)


def test_adding_to_a_manifest_in_place(tmp_path: Path) -> None:
    out = tmp_path / "all.csv"
    run("ffpp", grow(tmp_path / "ff", *FFPP), "-o", out)
    run("deeperforensics", grow(tmp_path / "deeper", *DEEPERFORENSICS), "-o", out, "--add", out)
    assert len(read_videos(out)[0]) == len(FFPP) + len(DEEPERFORENSICS)


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
