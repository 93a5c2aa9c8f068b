"""Manifests: what is accepted, and one clear sentence for what is not."""

import os
from pathlib import Path

import pandas as pd
import pytest

from featurize.errors import ManifestError
from featurize.manifest import MANIFEST_COLUMNS, is_utf8, read_videos


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def test_columns_that_are_not_given_are_empty(tmp_path: Path) -> None:
    source = write(tmp_path / "m.csv", "path,label,licence\na.mp4,real,MIT\nb.mp4,,\n")
    videos, folder = read_videos(source)
    assert folder == tmp_path
    assert tuple(videos.columns) == MANIFEST_COLUMNS
    assert videos["label"].tolist() == ["real", ""]
    assert videos["group"].tolist() == ["", ""]


def test_text_is_kept_as_it_is_written(tmp_path: Path) -> None:
    source = write(tmp_path / "m.csv", "path,label,group\n001.mp4, REAL ,007\nNA,Fake,null\n")
    videos, _ = read_videos(source)
    assert videos["path"].tolist() == ["001.mp4", "NA"]
    assert videos["group"].tolist() == ["007", "null"]
    assert videos["label"].tolist() == ["real", "fake"]


def test_byte_order_mark_and_tabs(tmp_path: Path) -> None:
    source = write(tmp_path / "m.tsv", "path\tlabel\nä b.mp4\treal\n", "utf-8-sig")
    assert read_videos(source)[0]["path"].tolist() == ["ä b.mp4"]


def test_folder_is_searched_and_labelled_by_folder_name(tmp_path: Path) -> None:
    hidden = ("._d.mkv", "real/._b.mp4", ".trash/e.mp4")
    for name in ("real/b.mp4", "real/deep/a.MOV", "fake/c.webm", "d.mkv", "notes.txt", *hidden):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    videos, folder = read_videos(tmp_path)
    assert folder == tmp_path
    labels = dict(zip(videos["path"], videos["label"], strict=True))
    assert labels == {
        "d.mkv": "",
        "fake/c.webm": "fake",
        "real/b.mp4": "real",
        "real/deep/a.MOV": "real",
    }


def test_name_of_the_searched_folder_is_a_label_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fake" / "real").mkdir(parents=True)
    for name in ("a.mp4", "real/b.mp4"):
        (tmp_path / "fake" / name).touch()
    monkeypatch.chdir(tmp_path / "fake")
    for source in (tmp_path / "fake", "."):
        assert read_videos(source)[0]["label"].tolist() == ["fake", "real"]


def test_linked_folders_are_searched_once(tmp_path: Path) -> None:
    store = tmp_path / "store"
    (store / "deep").mkdir(parents=True)
    (store / "deep" / "a.mp4").touch()
    (store / "deep" / "loop").symlink_to(tmp_path)
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "real").symlink_to(store / "deep")
    (tmp_path / "clips" / "gone.mp4").symlink_to("nowhere.mp4")
    videos, _ = read_videos(tmp_path / "clips")
    assert "real/a.mp4" in set(videos["path"])
    assert len(videos) == 1
    assert videos["label"].tolist() == ["real"]


def test_videos_of_a_folder_are_in_the_order_of_its_folders(tmp_path: Path) -> None:
    for name in ("a b/x.mp4", "a/y.mp4", "a.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert read_videos(tmp_path)[0]["path"].tolist() == ["a/y.mp4", "a b/x.mp4", "a.mp4"]


def test_one_video_keeps_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "clip.mp4").touch()
    monkeypatch.chdir(tmp_path)
    for source in ("clips/clip.mp4", str(tmp_path / "clips/clip.mp4")):
        videos, folder = read_videos(source)
        assert videos["path"].tolist() == [source]
        assert (folder / source).is_file()


def test_table_in_memory() -> None:
    videos, folder = read_videos(pd.DataFrame({"path": ["a.mp4"], "label": [None]}))
    assert (videos.loc[0, "label"], folder) == ("", Path())


def test_table_in_memory_with_other_types() -> None:
    table = pd.DataFrame(
        {
            "path": [Path("a.mp4"), Path("b.mp4")],
            "label": pd.Categorical(["real", None]),
            "group": [7, None],
            "method": [0.5, 1e300],
        }
    )
    videos, _ = read_videos(table)
    assert videos["path"].tolist() == ["a.mp4", "b.mp4"]
    assert videos["label"].tolist() == ["real", ""]
    assert videos["group"].tolist() == ["7", ""]
    assert videos["method"].tolist()[0] == "0.5"


def test_blanks_around_the_names_of_columns(tmp_path: Path) -> None:
    videos, _ = read_videos(write(tmp_path / "m.csv", "path , label\na.mp4, fake\n"))
    assert videos[["path", "label"]].to_numpy().tolist() == [["a.mp4", "fake"]]


def test_short_and_blank_lines(tmp_path: Path) -> None:
    videos, _ = read_videos(write(tmp_path / "m.csv", 'path,label\n\n"a,b.mp4"\r\n\nc.mp4,real'))
    assert videos["path"].tolist() == ["a,b.mp4", "c.mp4"]
    assert videos["label"].tolist() == ["", "real"]


def test_column_named_twice() -> None:
    with pytest.raises(ManifestError, match="more than one column `label`"):
        read_videos(pd.DataFrame([["a.mp4", "real", "fake"]], columns=["path", "label", " label"]))


def test_the_same_file_by_its_full_path(tmp_path: Path) -> None:
    source = write(tmp_path / "m.csv", f"path\na.mp4\n{tmp_path / 'a.mp4'}\n")
    with pytest.raises(ManifestError, match=r"more than once.*line 3"):
        read_videos(source)


def test_file_name_that_is_not_utf8(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.mp4"))
    path.touch()
    table = pd.DataFrame({"path": ["a.mp4", str(path)]}, dtype=object)
    for source in (tmp_path, path, table):
        with pytest.raises(ManifestError, match=r"not UTF-8.*caf\\udce9\.mp4'") as caught:
            read_videos(source)
        assert "\n" not in str(caught.value)


def test_folder_name_that_is_not_utf8(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    folder.mkdir()
    (folder / "a.mp4").touch()
    with pytest.raises(ManifestError, match=r"folder .*caf\\udce9' is not UTF-8"):
        read_videos(folder)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("file,label\na.mp4,real\n", "no column `path`.*found: file, label"),
        ("path,label\na.mp4,reel\nb.mp4,real\n", "labels other than real.*line 2: a.mp4"),
        ("path\na.mp4\nb.mp4\na.mp4\n", "more than once.*line 4: a.mp4"),
        ("path\na.mp4\n./a.mp4\nx/../a.mp4\n", "more than once.*line 3: ./a.mp4; line 4: x"),
        ("path,label\na.mp4,real,\nb.mp4,fake,\n", "more fields than its header.*line 2; line 3"),
        ("path,label\na.mp4,real\nb,c.mp4,fake\n", "more fields than its header.*line 3"),
        ("path,label,path\na.mp4,real,b.mp4\n", "more than one column `path`"),
        ("path,label\n,real\n", "without a path.*line 2"),
        ("path,label\n", "lists no video"),
        ("", "not a CSV table"),
        ('path\n"a.mp4\n', "not a CSV table"),
    ],
)
def test_bad_manifest_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ManifestError, match=sentence) as caught:
        read_videos(write(tmp_path / "m.csv", text))
    assert "\n" not in str(caught.value)


def test_binary_manifest(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_bytes(bytes(range(128, 256)))
    with pytest.raises(ManifestError, match="not a CSV table"):
        read_videos(tmp_path / "m.csv")


@pytest.mark.parametrize("suffix", [".csv", ".mp4", ""])
def test_name_longer_than_any_file_can_have(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(ManifestError, match=r"cannot be read \(File name too long"):
        read_videos(tmp_path / ("x" * 300 + suffix))


def test_manifest_that_cannot_be_read(tmp_path: Path) -> None:
    # No rights to take away as root; a process's own memory cannot be read from its start.
    (tmp_path / "m.csv").symlink_to("/proc/self/mem")
    with pytest.raises(ManifestError, match="cannot be read"):
        read_videos(tmp_path / "m.csv")


@pytest.mark.parametrize("name", ["nothing.csv", "nothing", "nothing.mp4"])
def test_nothing_there(tmp_path: Path, name: str) -> None:
    with pytest.raises(ManifestError, match="There is no"):
        read_videos(tmp_path / name)


def test_no_name_is_not_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.mp4").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ManifestError, match="give a manifest"):
        read_videos("")
    assert list(read_videos(".")[0]["path"]) == ["a.mp4"]


def test_the_same_file_by_way_of_a_link(tmp_path: Path) -> None:
    (tmp_path / "vv").mkdir()
    (tmp_path / "lv").symlink_to("vv")
    (tmp_path / "m.csv").write_text("path\nvv/a.mp4\nlv/a.mp4\n")
    with pytest.raises(ManifestError, match=r"more than once .line 3: lv/a.mp4"):
        read_videos(tmp_path / "m.csv")


def test_folder_without_videos(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="no video below"):
        read_videos(tmp_path)


def test_is_utf8() -> None:
    assert is_utf8("日本 é")
    assert not is_utf8("caf\udce9")
