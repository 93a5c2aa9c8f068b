"""What is an address, what is a path, and when two of them are the same."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurize.manifest import whole_paths
from featurize.media_file import is_url, located, shown

ADDRESSES = [
    "s3://bucket/a.mp4",
    "file:///a.mp4",
    "https://user:word@host/a.mp4?key=1",
    "zip://a.mp4::file:///x.zip",
    "simplecache::s3://bucket/a.mp4",
    "memory://a",
    "S3://bucket/a.mp4",
]
PATHS = ["a.mp4", "/a/b.mp4", "./s3://a", "concat:a|b", "http:/a", "://a", "", "a b://c", "9p://a"]


class TestWhatIsAnAddress:
    @pytest.mark.parametrize("address", ADDRESSES)
    def test_addresses(self, address: str) -> None:
        assert is_url(address)
        assert not is_url(Path(address))
        assert located(Path("folder"), address) == address

    @pytest.mark.parametrize("path", PATHS)
    def test_paths(self, path: str) -> None:
        assert not is_url(path)
        assert located(Path("folder"), path) == Path("folder") / path

    @given(st.text())
    def test_any_text(self, text: str) -> None:
        assert is_url(text) or shown(text) == text
        assert isinstance(located(Path("folder"), text), str if is_url(text) else Path)

    def test_secrets_are_not_shown(self) -> None:
        address = "zip://a.mp4::https://me:word@host/x.zip?signature=word&b=word"
        assert shown(address) == "zip://a.mp4::https://me:***@host/x.zip?***"
        assert shown("s3://bucket/a@b:c.mp4") == "s3://bucket/a@b:c.mp4"
        assert shown("a?b:c@d") == "a?b:c@d"


class TestWholePaths:
    def test_one_name_for_one_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "deep/vv").mkdir(parents=True)
        (tmp_path / "lv").symlink_to("deep/vv")
        monkeypatch.chdir(tmp_path)
        names = [
            "lv/a",
            Path("lv/a"),
            f"{tmp_path}/lv/a",
            "lv/../vv/a",
            "deep/vv/b/../a",
            "./lv//a",
        ]
        assert set(whole_paths(names)) == {f"{tmp_path.resolve()}/deep/vv/a"}
        # A video that is a link may have been given another name on purpose.
        (tmp_path / "deep/vv/b").symlink_to("a")
        assert list(whole_paths(["lv/b", "lv/.."])) == [
            *(f"{tmp_path.resolve()}/deep/vv/b", f"{tmp_path.resolve()}/deep")
        ]

    @given(st.text())
    def test_any_text(self, text: str) -> None:
        (whole,) = whole_paths([text])
        assert whole == text if is_url(text) else Path(whole).is_absolute()

    @pytest.mark.parametrize("address", ADDRESSES)
    def test_addresses_as_they_are(self, address: str) -> None:
        assert list(whole_paths([address])) == [address]
