"""FakeAVCeleb v1.2: the tree and the table as published, with the columns one name short."""

from pathlib import Path

import pytest

from featurize.datasets.fakeavceleb import list_fakeavceleb
from featurize.errors import ManifestError
from tests.test_featurize.test_datasets.listed import by_path, groups_of, paths_with
from tests.test_featurize.test_datasets.trees import grow, write

TABLE = "meta_data.csv"
HEADER = "source,target1,target2,method,category,type,race,gender,path,"

AUTHENTIC = "RealVideo-RealAudio/African/men/id00076/00109.mp4"
OTHER = "RealVideo-RealAudio/African/men/id00366/00118.mp4"
ALONE = "RealVideo-RealAudio/Asian (East)/women/id09174/00015.mp4"
CLONED = "RealVideo-FakeAudio/African/men/id00076/00109_fake.mp4"
DRIVEN = "FakeVideo-FakeAudio/African/men/id00076/00109_10_id00476_wavtolip.mp4"
SWAPPED = (
    "FakeVideo-FakeAudio/African/men/id00366/"
    "00118_id00076_Isiq7cA-DNE_faceswap_id01170_wavtolip.mp4"
)
SILENT_SWAP = "FakeVideo-RealAudio/Caucasian (European)/men/id00519/00028_id01098_fsgan.mp4"


def line(path: str, target1: str, target2: str, method: str, category: str) -> str:
    kind, race, gender, source, name = path.split("/")
    where = f"FakeAVCeleb/{kind}/{race}/{gender}/{source}"
    return f"{source},{target1},{target2},{method},{category},{kind},{race},{gender},{name},{where}"


LINES = [
    line(AUTHENTIC, "-", "-", "real", "A"),
    line(OTHER, "-", "-", "real", "A"),
    line(ALONE, "-", "-", "real", "A"),
    line(CLONED, "-", "-", "rtvc", "B"),
    line(DRIVEN, "id00476", "10", "wav2lip", "D"),
    line(SWAPPED, "id00076", "id01170", "faceswap-wav2lip", "D"),
    line(SILENT_SWAP, "id01098", "-", "fsgan", "C"),
]
PATHS = [AUTHENTIC, OTHER, ALONE, CLONED, DRIVEN, SWAPPED, SILENT_SWAP]


def tabled(root: Path, *lines: str, header: str = HEADER) -> Path:
    return write(root / TABLE, "\n".join((header, *lines)) + "\n").parent


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return grow(tabled(tmp_path, *LINES), *PATHS)


def test_labels_methods_and_counts_are_those_of_the_table(root):
    listing = list_fakeavceleb(root)
    assert listing.dataset == "FakeAVCeleb"
    assert paths_with(listing, label="real", method="") == sorted([AUTHENTIC, OTHER, ALONE])
    assert {video.path: video.method for video in listing.videos if video.label == "fake"} == {
        CLONED: "rtvc",
        DRIVEN: "wav2lip",
        SWAPPED: "faceswap-wav2lip",
        SILENT_SWAP: "fsgan",
    }
    assert {video.split for video in listing.videos} == {""}
    assert listing.missing == listing.surplus == ()


def test_groups_join_the_one_shown_and_whose_face_or_voice_was_used(root):
    listing = list_fakeavceleb(root)
    assert by_path(listing)[SWAPPED].identities == {
        *("fakeavceleb/id00366", "fakeavceleb/id00076", "fakeavceleb/id01170"),
    }
    groups = groups_of(listing)
    assert len({groups[path] for path in (AUTHENTIC, OTHER, CLONED, DRIVEN, SWAPPED)}) == 1
    assert len({groups[AUTHENTIC], groups[ALONE], groups[SILENT_SWAP]}) == 3


def test_the_remarks_speak_of_the_cloned_voice_and_the_silence(root):
    remarks = " ".join(list_fakeavceleb(root).remarks)
    assert "cloned voice (RealVideo-FakeAudio, method rtvc: 1) are labelled fake" in remarks
    assert "begin with a moment of silence" in remarks
    assert "FakeVideo-FakeAudio holds 2 of the 10857 videos that were published" in remarks


def test_missing_and_surplus_are_named(root):
    (root / DRIVEN).unlink()
    extra = "FakeVideo-FakeAudio/African/men/id00076/00110_3_id00481_wavtolip.mp4"
    grow(root, extra, "intro.mp4", f"{Path(AUTHENTIC).parent}/._00109.mp4")
    listing = list_fakeavceleb(root)
    assert listing.missing == (DRIVEN,)
    assert listing.surplus == (extra, "intro.mp4")


def test_the_table_may_lie_beside_the_folder_that_its_paths_begin_with(tmp_path):
    tabled(tmp_path, *LINES)
    listing = list_fakeavceleb(grow(tmp_path / "FakeAVCeleb", *PATHS))
    assert (len(listing.videos), listing.missing) == (7, ())


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (
            "source,target1,target2,method,category,type,race,gender,filename,path",
            "id00076,-,-,real,A,RealVideo-RealAudio,African,men,00109.mp4,"
            "FakeAVCeleb/RealVideo-RealAudio/African/men/id00076",
        ),
        (
            "source,target1,target2,method,category,type,race,gender,path",
            "id00076,-,-,real,A,RealVideo-RealAudio,African,men,00109.mp4",
        ),
        (
            "source,target1,target2,method,category,type,race,gender,path",
            f"id00076,-,-,real,A,RealVideo-RealAudio,African,men,{AUTHENTIC}",
        ),
        (
            HEADER,
            "id00076,nan,,real,A,RealVideo-RealAudio,African,men,00109.mp4,"
            r"FakeAVCeleb\RealVideo-RealAudio\African\men\id00076",
        ),
        (
            HEADER,
            "id00076,fake.mp4,-,real,A,RealVideo-RealAudio,African,men,00109.mp4,"
            "FakeAVCeleb/RealVideo-RealAudio/African/men/id00076",
        ),
    ],
)
def test_tables_that_were_put_right_are_read(tmp_path, header, row):
    listing = list_fakeavceleb(grow(tabled(tmp_path, row, header=header), AUTHENTIC))
    (video,) = listing.videos
    assert (video.path, video.label) == (AUTHENTIC, "real")
    assert video.identities == {"fakeavceleb/id00076"}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_table_with_a_byte_order_mark_is_read(tmp_path, encoding):
    (tmp_path / TABLE).write_text("\r\n".join([HEADER, *LINES]), encoding=encoding)
    assert len(list_fakeavceleb(grow(tmp_path, *PATHS)).videos) == 7


def test_repeated_lines_join_their_people_and_a_second_method_is_remarked(tmp_path):
    again = line(DRIVEN, "id01170", "-", "fsgan-wav2lip", "D")
    listing = list_fakeavceleb(grow(tabled(tmp_path, *LINES, LINES[0], again), *PATHS))
    assert len(listing.videos) == 7
    assert by_path(listing)[DRIVEN].method == "wav2lip"
    assert "fakeavceleb/id01170" in by_path(listing)[DRIVEN].identities
    assert any(f"two methods in {TABLE}: 1 (first: {DRIVEN})" in r for r in listing.remarks)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is empty"),
        ("filename,label\na.mp4,1\n", "no column source and no target1"),
        (f"{HEADER}\nid1,-,-,real,A,Unknown,African,men,1.mp4,x\n", "type other than"),
        (f"{HEADER}\nid1,-,-,real,A,RealVideo-RealAudio,African,men,,x\n", "without the name"),
        (f"{HEADER}\nid1,-,a.mp4,real,A,RealVideo-RealAudio\n", "a line without"),
        (f"{HEADER}\nx,-,-,real,A,RealVideo-RealAudio,African,men,1.mp4,\n", "tells no person"),
        (f'{HEADER}\n"id1,-,-\n', "is not a CSV table"),
    ],
)
def test_a_broken_table_is_one_sentence(tmp_path, text, complaint):
    write(tmp_path / TABLE, text)
    with pytest.raises(ManifestError, match=complaint):
        list_fakeavceleb(grow(tmp_path, AUTHENTIC))


def test_no_table_no_listed_video_and_other_folders_are_refused(tmp_path):
    root = grow(tmp_path / "FakeAVCeleb_v1.2", AUTHENTIC)
    with pytest.raises(ManifestError, match=f"There is no {root / TABLE}"):
        list_fakeavceleb(root)
    tabled(root, LINES[1])
    with pytest.raises(ManifestError, match="names 1 video, none of which"):
        list_fakeavceleb(root)
    for wrong in (tmp_path, root / "RealVideo-RealAudio"):
        with pytest.raises(ManifestError, match=f"give {root}"):
            list_fakeavceleb(wrong)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ManifestError, match="and has no video"):
        list_fakeavceleb(tmp_path / "empty")
