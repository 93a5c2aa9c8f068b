"""Manifests: what is accepted, and one clear sentence for what is not."""

from pathlib import Path

import pandas as pd
import pytest

from featurize.errors import ManifestError
from featurize.manifest import MANIFEST_COLUMNS, read_videos


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
    for name in ("real/b.mp4", "real/deep/a.MOV", "fake/c.webm", "d.mkv", "notes.txt"):
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


def test_one_video(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").touch()
    videos, folder = read_videos(tmp_path / "clip.mp4")
    assert (videos["path"].tolist(), folder) == (["clip.mp4"], tmp_path)


def test_table_in_memory() -> None:
    videos, folder = read_videos(pd.DataFrame({"path": ["a.mp4"], "label": [None]}))
    assert (videos.loc[0, "label"], folder) == ("", Path())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("file,label\na.mp4,real\n", "no column `path`.*found: file, label"),
        ("path,label\na.mp4,reel\nb.mp4,real\n", "labels other than real.*line 2: a.mp4"),
        ("path\na.mp4\nb.mp4\na.mp4\n", "more than once.*line 4: a.mp4"),
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


@pytest.mark.parametrize("name", ["nothing.csv", "nothing", "nothing.mp4"])
def test_nothing_there(tmp_path: Path, name: str) -> None:
    with pytest.raises(ManifestError, match="There is no"):
        read_videos(tmp_path / name)


def test_folder_without_videos(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="no video below"):
        read_videos(tmp_path)
