"""DFDC: its parts with metadata.json, the sample of Kaggle, validation and test with labels.csv."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurize.datasets.dfdc import list_dfdc
from featurize.errors import ManifestError
from tests.test_featurize.test_datasets.listed import by_path, groups_of, paths_with
from tests.test_featurize.test_datasets.trees import grow, write


def fake_of(original: str) -> dict[str, str]:
    return {"label": "FAKE", "split": "train", "original": original}


REAL = {"label": "REAL", "split": "train", "original": None}

# As in train_sample_videos/metadata.json; originals are in this part, in another or nowhere.
PART_0 = {
    "aagfhgtpmv.mp4": fake_of("vudstovrck.mp4"),
    "aapnvogymq.mp4": fake_of("jdubbvfswz.mp4"),
    "abarnvbtwb.mp4": REAL,
    "acxnxvbsxk.mp4": fake_of("abarnvbtwb.mp4"),
}
PART_1 = {
    "vudstovrck.mp4": {"label": "REAL", "split": "train"},
    "adhsbajydo.mp4": fake_of("vudstovrck.mp4"),
    "adylbeequz.mp4": fake_of("jdubbvfswz.mp4"),
}


def part(root: Path, folder: str, entries: dict, inner: str = "") -> Path:
    write(root / folder / "metadata.json", json.dumps(entries))
    return grow(root, *(str(Path(folder, inner, name)) for name in entries))


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    part(tmp_path, "dfdc_train_part_0", PART_0)
    return part(tmp_path, "dfdc_train_part_1", PART_1)


def test_labels_and_split_are_those_of_the_metadata(parts):
    listing = list_dfdc(parts)
    assert listing.dataset == "DFDC"
    assert paths_with(listing, label="real", split="train", method="") == [
        "dfdc_train_part_0/abarnvbtwb.mp4",
        "dfdc_train_part_1/vudstovrck.mp4",
    ]
    assert len(paths_with(listing, label="fake", split="train", method="")) == 5
    assert listing.missing == listing.surplus == ()


def test_a_fake_is_grouped_with_its_original_wherever_that_lies(parts):
    groups = groups_of(list_dfdc(parts))
    in_0, in_1 = "dfdc_train_part_0/", "dfdc_train_part_1/"
    assert groups[f"{in_0}acxnxvbsxk.mp4"] == groups[f"{in_0}abarnvbtwb.mp4"]
    assert (
        groups[f"{in_0}aagfhgtpmv.mp4"]
        == groups[f"{in_1}vudstovrck.mp4"]
        == groups[f"{in_1}adhsbajydo.mp4"]
    )
    # The original is nowhere; its two fakes still belong together.
    assert groups[f"{in_0}aapnvogymq.mp4"] == groups[f"{in_1}adylbeequz.mp4"]
    assert len(set(groups.values())) == 3


def test_remarks_say_what_the_data_set_keeps_to_itself(parts):
    actors, originals, n_parts = list_dfdc(parts).remarks
    assert "one actor may be in several groups" in actors
    assert originals.startswith("Originals that are in none of the parts here: 1 of 3;")
    assert n_parts == "Training parts that are here: 2 of 50."


def test_a_fake_of_a_fake_is_of_the_same_group(tmp_path):
    part(tmp_path, "", {"a.mp4": REAL, "b.mp4": fake_of("a.mp4"), "c.mp4": fake_of("b.mp4")})
    assert len(set(groups_of(list_dfdc(tmp_path)).values())) == 1


def test_the_root_may_be_a_part_or_any_folder_above_one(tmp_path):
    part(tmp_path, "data/dfdc/train/dfdc_train_part_49", PART_0)
    for depth in ("", "data", "data/dfdc", "data/dfdc/train", "data/dfdc/train/dfdc_train_part_49"):
        listing = list_dfdc(tmp_path / depth)
        assert len(listing.videos) == 4
        assert all((tmp_path / depth / video.path).is_file() for video in listing.videos)


def test_missing_and_surplus_are_named(parts):
    (parts / "dfdc_train_part_0/abarnvbtwb.mp4").unlink()
    grow(
        parts,
        *("dfdc_train_part_1/unknown.mp4", "dfdc_train_part_1/._vudstovrck.mp4"),
        *("dfdc_train_part_2/orphan.mp4", "test_videos/aassnaulhq.mp4", "sample_submission.csv"),
    )
    write(parts / "dfdc_train_part_3/metadata.json", json.dumps({"gone.mp4": REAL}))
    write(parts / ".cache/metadata.json", "not for us")
    listing = list_dfdc(parts)
    assert listing.missing == (
        *("dfdc_train_part_0/abarnvbtwb.mp4", "dfdc_train_part_2/metadata.json"),
        "dfdc_train_part_3/gone.mp4",
    )
    assert listing.surplus == (
        *("dfdc_train_part_1/unknown.mp4", "dfdc_train_part_2/orphan.mp4"),
        "test_videos/aassnaulhq.mp4",
    )


def test_the_full_release_has_three_splits(tmp_path):
    part(tmp_path, "train/dfdc_train_part_0", PART_0)
    write(tmp_path / "validation/labels.csv", "filename,label\nva.mp4,0\nvb.mp4,1\n")
    grow(tmp_path, "validation/va.mp4", "validation/vb.mp4")
    write(tmp_path / "test/metadata.json", '{"ta.mp4": {"is_fake": 1}, "tb.mp4": {"is_fake": 0}}')
    write(tmp_path / "test/labels.csv", "filename,label\nta.mp4,1\ntb.mp4,0\n")
    grow(tmp_path, "test/videos/ta.mp4", "test/videos/tb.mp4")
    listing = list_dfdc(tmp_path)
    assert len(paths_with(listing, split="train")) == 4
    assert paths_with(listing, split="val", label="real") == ["validation/va.mp4"]
    assert paths_with(listing, split="val", label="fake") == ["validation/vb.mp4"]
    assert paths_with(listing, split="test", label="fake") == ["test/videos/ta.mp4"]
    assert paths_with(listing, split="test", label="real") == ["test/videos/tb.mp4"]
    assert any(remark.startswith("Fakes that name no original: 2;") for remark in listing.remarks)


def test_a_part_is_for_training_also_where_its_entries_do_not_say(tmp_path):
    part(tmp_path, "dfdc_train_part_7", {"a.mp4": {"label": "REAL"}})
    assert list_dfdc(tmp_path).videos[0].split == "train"


def test_the_split_is_known_also_where_the_root_is_the_split(tmp_path):
    write(tmp_path / "test/labels.csv", "filename,label\nta.mp4,1\n")
    grow(tmp_path, "test/ta.mp4")
    assert list_dfdc(tmp_path / "test").videos[0].split == "test"


def test_copies_in_the_sample_and_in_a_part_are_one_group_and_remarked(parts):
    part(parts, "train_sample_videos", {"acxnxvbsxk.mp4": PART_0["acxnxvbsxk.mp4"]})
    listing = list_dfdc(parts)
    groups = groups_of(listing)
    assert (
        groups["train_sample_videos/acxnxvbsxk.mp4"] == groups["dfdc_train_part_0/abarnvbtwb.mp4"]
    )
    assert any(
        "in more than one folder, such as the sample and a part: 1;" in r for r in listing.remarks
    )


@pytest.mark.parametrize("nothing", [None, "", " ", float("nan")])
def test_an_original_that_is_not_told_is_none(tmp_path, nothing):
    entries = {f"{name}.mp4": {"label": "FAKE", "original": nothing} for name in "ab"}
    part(tmp_path, "", entries)
    groups = groups_of(list_dfdc(tmp_path))
    assert groups["a.mp4"] != groups["b.mp4"]


def test_a_link_to_a_part_on_another_disk_is_followed(tmp_path):
    part(tmp_path / "disk", "dfdc_train_part_0", PART_0)
    (tmp_path / "dfdc").mkdir()
    (tmp_path / "dfdc/dfdc_train_part_0").symlink_to(tmp_path / "disk/dfdc_train_part_0")
    listing = list_dfdc(tmp_path / "dfdc")
    assert (len(listing.videos), listing.missing, listing.surplus) == (4, (), ())


def test_names_in_another_case_are_found_and_kept_as_on_the_disk(tmp_path):
    write(tmp_path / "metadata.json", json.dumps({"aaA.mp4": REAL}))
    listing = list_dfdc(grow(tmp_path, "AAA.MP4"))
    assert list(by_path(listing)) == ["AAA.MP4"]
    assert listing.videos[0].identities == {"dfdc/aaA.mp4"}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_lists_with_a_byte_order_mark_are_read(tmp_path, encoding):
    (tmp_path / "metadata.json").write_text(json.dumps({"a.mp4": REAL}), encoding=encoding)
    (tmp_path / "labels.csv").write_text("filename,label\r\nb.mp4,1\r\n", encoding=encoding)
    listing = list_dfdc(grow(tmp_path, "a.mp4", "b.mp4"))
    assert [video.label for video in listing.videos] == ["real", "fake"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "no entries by name"),
        ("", "is not JSON"),
        ('{"a.mp4": "FAKE"}', "not a list of DFDC"),
        ('{"a.mp4": {"label": "MAYBE"}}', "the label 'MAYBE'"),
        ('{"a.mp4": {"label": 2}}', "the label '2'"),
        ('{"a.mp4": {"label": NaN}}', "give no label to 1"),
        ('{"a.mp4": {"split": "train"}}', "give no label to 1"),
        ('{"a.mp4": {"label": "REAL"}, "a.mp4": {"label": "FAKE"}}', "twice and differs"),
    ],
)
def test_a_broken_metadata_is_one_sentence(tmp_path, text, complaint):
    write(tmp_path / "metadata.json", text)
    with pytest.raises(ManifestError, match=complaint):
        list_dfdc(grow(tmp_path, "a.mp4"))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is empty"),
        ("name,label\na.mp4,1\n", "columns are filename and label"),
        ("filename,label\na.mp4\n", "cut short"),
        ("filename,label\na.mp4,yes\n", "the label 'yes'"),
        ('filename,label\n"a.mp4,1\n', "is not a CSV table"),
        ("filename,label\na.mp4,1\na.mp4,0\n", "'real' of a.mp4, for which 'fake'"),
    ],
)
def test_broken_labels_are_one_sentence(tmp_path, text, complaint):
    write(tmp_path / "labels.csv", text)
    with pytest.raises(ManifestError, match=complaint):
        list_dfdc(grow(tmp_path, "a.mp4"))


def test_an_entry_repeated_alike_is_no_contradiction(tmp_path):
    write(tmp_path / "metadata.json", '{"a.mp4": {"label": "REAL"}, "a.mp4": {"label": "REAL"}}')
    write(tmp_path / "labels.csv", "filename,label\na.mp4,0\na.mp4,0.0\n")
    assert len(list_dfdc(grow(tmp_path, "a.mp4")).videos) == 1


def test_two_lists_that_disagree_are_refused(tmp_path):
    write(tmp_path / "metadata.json", json.dumps({"a.mp4": REAL}))
    write(tmp_path / "labels.csv", "filename,label\na.mp4,1\n")
    with pytest.raises(ManifestError, match=r"labels.csv says 'fake' of a.mp4"):
        list_dfdc(grow(tmp_path, "a.mp4"))


def test_no_list_and_no_video_are_refused_with_what_was_expected(tmp_path):
    with pytest.raises(ManifestError, match=r"dfdc_train_part_0/metadata.json"):
        list_dfdc(grow(tmp_path, "a.mp4"))
    write(tmp_path / "metadata.json", json.dumps(PART_0))
    with pytest.raises(ManifestError, match="name 4 videos, none of which"):
        list_dfdc(tmp_path)
    grow(tmp_path, "videos/aagfhgtpmv.mp4")
    with pytest.raises(ManifestError, match=f"give {tmp_path}"):
        list_dfdc(tmp_path / "videos")


def test_names_that_are_empty_or_lead_out_of_the_folder_are_ignored_with_a_remark(tmp_path):
    grow(tmp_path, "secret.mp4", "dfdc/b.mp4", "dfdc/part/a.mp4")
    wrong = ("", "..", "../b.mp4", "x/../../../secret.mp4", f"{tmp_path}/secret.mp4")
    write(tmp_path / "dfdc/metadata.json", json.dumps({"b.mp4": REAL}))
    entries = {**dict.fromkeys(wrong, fake_of("b.mp4")), "a.mp4": REAL}
    write(tmp_path / "dfdc/part/metadata.json", json.dumps(entries))
    listing = list_dfdc(tmp_path / "dfdc")
    assert paths_with(listing, label="real") == ["b.mp4", "part/a.mp4"]
    assert listing.missing == listing.surplus == ()
    _, ignored = listing.remarks
    assert "lead out of the folder: 5 (first: '' in part/metadata.json)" in ignored


def test_remarks_count_only_what_is_there(tmp_path):
    part(tmp_path, "dfdc_train_part_0", {"a.mp4": REAL, "b.mp4": fake_of("a.mp4")})
    gone = {"b.mp4": fake_of("a.mp4"), "c.mp4": fake_of("x.mp4"), "d.mp4": {"label": "FAKE"}}
    write(tmp_path / "dfdc_train_part_1/metadata.json", json.dumps(gone))
    actors, n_parts = list_dfdc(tmp_path).remarks
    assert actors.startswith("DFDC does not publish who is shown")
    assert n_parts.startswith("Training parts")
    (tmp_path / "dfdc_train_part_0/a.mp4").unlink()
    _, originals, _ = list_dfdc(tmp_path).remarks
    assert originals.startswith("Originals that are in none of the parts here: 1 of 1;")


@settings(max_examples=30, deadline=None)
@given(
    originals=st.lists(st.integers(0, 5), min_size=1, max_size=12),
    absent=st.sets(st.integers(0, 5)),
)
def test_groups_are_the_originals(tmp_path_factory, originals, absent):
    root = tmp_path_factory.mktemp("dfdc")
    reals = {f"r{i}.mp4": REAL for i in {*originals} - absent}
    fakes = {f"f{at}.mp4": fake_of(f"r{i}.mp4") for at, i in enumerate(originals)}
    part(root, "dfdc_train_part_0", reals)
    part(root, "dfdc_train_part_1", fakes)
    groups = groups_of(list_dfdc(root))
    assert len(set(groups.values())) == len(set(originals))
