"""Manifests joined by ``--add``, and groups that were filled in by hand."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurize.datasets.manifest_file import make_manifest, write_manifest
from featurize.errors import ManifestError, OutputError
from featurize.manifest import read_videos
from tests.test_featurize.test_datasets.command import (
    DEEPERFORENSICS,
    FFPP,
    listing_of,
    real,
    run,
    written,
)
from tests.test_featurize.test_datasets.trees import grow, write


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
    assert "the largest (deeperforensics/M101) holds 88% of the videos, joining" in text
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


def by_hand(manifest: Path, groups: dict[str, str]) -> None:
    """Fill in the groups of videos by the end of their path, as with a spreadsheet."""
    table = pd.read_csv(manifest, dtype=str, keep_default_na=False)
    for end, group in groups.items():
        table.loc[table["path"].str.endswith(end), "group"] = group
    table.to_csv(manifest, index=False)


def test_group_that_was_filled_in_by_hand_is_one_more_identity(tmp_path: Path) -> None:
    clips = grow(tmp_path / "clips", *(f"real/{i}.mp4" for i in range(4)))
    run("folder", clips, "-o", tmp_path / "clips.csv")
    by_hand(tmp_path / "clips.csv", {"0.mp4": "Anna; 50%", "1.mp4": "Anna; 50%", "3.mp4": ""})
    other = grow(tmp_path / "other", "real/0.mp4", "real/1.mp4")
    text = run("folder", other, "-o", tmp_path / "all.csv", "--add", tmp_path / "clips.csv")
    groups = written(tmp_path / "all.csv")["group"]
    assert groups["clips/real/0.mp4"] == groups["clips/real/1.mp4"]
    assert groups.nunique() == 5
    assert "filled in by hand (2 videos), count as one more identity" in text
    # It is an identity now, so joining once more keeps it and finds nothing edited.
    third = grow(tmp_path / "third", "real/0.mp4")
    text = run("folder", third, "-o", tmp_path / "all.csv", "--add", tmp_path / "all.csv")
    again = written(tmp_path / "all.csv")["group"]
    assert again["clips/real/0.mp4"] == again["clips/real/1.mp4"]
    assert again.nunique() == 6
    assert "by hand" not in text


def test_group_by_hand_does_not_part_those_who_share_a_person(tmp_path: Path) -> None:
    run("ffpp", grow(tmp_path / "ff", *FFPP), "-o", tmp_path / "ff.csv")
    by_hand(tmp_path / "ff.csv", {"videos/000.mp4": "alone", "videos/001.mp4": "ffpp/000"})
    root = grow(tmp_path / "clips", "real/0.mp4")
    run("folder", root, "-o", tmp_path / "all.csv", "--add", tmp_path / "ff.csv")
    groups = written(tmp_path / "all.csv")["group"]
    assert set(groups.drop("clips/real/0.mp4")) == {"alone"}


def test_edited_manifest_is_not_written_over(tmp_path: Path) -> None:
    out = tmp_path / "m.csv"
    root = grow(tmp_path / "clips", "real/a.mp4", "real/b.mp4")
    run("folder", root, "-o", out)
    run("folder", root, "-o", out)
    for edit in ({"a.mp4": "Anna", "b.mp4": "Anna"}, {"a.mp4": ""}):
        by_hand(out, edit)
        before = out.read_bytes()
        with pytest.raises(OutputError, match=r"edited by hand.*choose another name, or --add it"):
            run("folder", root, "-o", out)
        other = grow(tmp_path / "other", "real/a.mp4")
        with pytest.raises(OutputError, match="edited by hand"):
            run("folder", other, "-o", out)
        assert out.read_bytes() == before
    run("folder", other, "-o", out, "--add", out)
    assert len(written(out)) == 3


def test_broken_manifest_is_not_written_over(tmp_path: Path) -> None:
    root = grow(tmp_path / "clips", "real/a.mp4")
    out = tmp_path / "m.csv"
    run("folder", root, "-o", out)
    out.write_text(out.read_text() + '"a,b\n')
    with pytest.raises(OutputError, match="edited by hand"):
        run("folder", root, "-o", out)


def test_two_folders_of_one_name_are_told(tmp_path: Path) -> None:
    for place in ("a", "b"):
        grow(tmp_path / place / "data", "real/x.mp4")
    run("folder", tmp_path / "a" / "data", "-o", tmp_path / "a.csv")
    out = tmp_path / "both.csv"
    text = run("folder", tmp_path / "b" / "data", "-o", out, "--add", tmp_path / "a.csv")
    assert "a.csv has videos of data too, and what has the same name in both is taken" in text
    assert set(written(out)["group"]) == {"data/real/x.mp4"}
    clips = grow(tmp_path / "clips", "real/x.mp4")
    assert "taken for the same" not in run(
        "folder", clips, "-o", tmp_path / "c.csv", "--add", tmp_path / "a.csv"
    )


def test_carriage_return_in_a_name_survives_being_added(tmp_path: Path) -> None:
    run("folder", grow(tmp_path / "a", "real/x\ry.mp4", "fake/x\ry.mp4"), "-o", tmp_path / "a.csv")
    assert read_videos(tmp_path / "a.csv")[0]["path"].tolist() == [
        *("a/fake/x\ry.mp4", "a/real/x\ry.mp4"),
    ]
    other = grow(tmp_path / "b", "real/x.mp4")
    run("folder", other, "-o", tmp_path / "b.csv", "--add", tmp_path / "a.csv")
    videos, _ = read_videos(tmp_path / "b.csv")
    assert videos["path"].tolist() == ["b/real/x.mp4", "a/fake/x\ry.mp4", "a/real/x\ry.mp4"]
    assert videos["group"].nunique() == 2
