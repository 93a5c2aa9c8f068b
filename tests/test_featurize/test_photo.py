"""Picture files of all kinds: upright pictures, or one clear sentence."""

import os
import resource
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from featurize.errors import FeaturizeError, ReferencePhotoError
from featurize.photo import MAX_PARTS, read_photo
from tests.test_featurize.pictures import HER, STORED, encoded, saved, with_orientation


def chunk(name: bytes, content: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + check


def png_of_size(width: int, height: int, *more: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 100))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(more) + pixels + chunk(b"IEND", b"")


@pytest.mark.parametrize("orientation", STORED)
def test_exif_orientation_is_obeyed(tmp_path: Path, orientation: int) -> None:
    jpeg = encoded(STORED[orientation](HER), ".jpg")
    frame = read_photo(saved(tmp_path, with_orientation(jpeg, orientation), "held.jpg"))
    assert np.abs(frame.rgb.astype(int) - HER).mean() < 5


@pytest.mark.parametrize(
    "picture",
    [
        HER.astype(np.uint16) * 257,
        np.dstack([HER, np.full(HER.shape[:2], 9, np.uint8)]),
    ],
    ids=["16 bits", "transparent"],
)
def test_depth_and_transparency_do_not_matter(tmp_path: Path, picture: np.ndarray) -> None:
    assert np.array_equal(read_photo(saved(tmp_path, picture)).rgb, HER)


def test_grey_is_grey(tmp_path: Path) -> None:
    grey = cv2.cvtColor(HER, cv2.COLOR_RGB2GRAY)
    assert np.array_equal(read_photo(saved(tmp_path, grey)).rgb, np.dstack([grey] * 3))


@pytest.mark.parametrize("quality", [70, 101], ids=["lossy", "lossless"])
def test_webp(tmp_path: Path, quality: int) -> None:
    content = cv2.imencode(".webp", HER[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, quality])[1]
    frame = read_photo(saved(tmp_path, content.tobytes(), "her.webp"))
    assert np.abs(frame.rgb.astype(int) - HER).mean() < 5


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"her face", "not a JPEG"),
        (b"GIF89a" + bytes(100), "not a JPEG"),
        (b"\x89PNG\r\n\x1a\n", "damaged"),
        (b"\xff\xd8\xff", "damaged"),
        (b"\xff\xd8\xff\xe0\x00\x00" + bytes(50), "damaged"),
        (b"RIFF\0\0\0\0WEBP", "damaged"),
        (png_of_size(60_000, 60_000), "60000 x 60000"),
        (png_of_size(40_000, 10), "40000 x 10"),
        (png_of_size(2**31 - 1, 2**31 - 1), "scale it down"),
        (png_of_size(0, 10), "damaged"),
        (png_of_size(64, 64, b"\xd0\0\0\0tEXt"), "damaged"),
        (png_of_size(64, 64, chunk(b"acTL", bytes(8))), "animated"),
        (encoded(HER, ".png")[:30_000], "damaged"),
        (encoded(HER, ".jpg")[:20_000], "damaged"),
        (encoded(HER, ".webp")[:10_000], "damaged"),
    ],
)
def test_what_is_no_photograph(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(ReferencePhotoError, match=says) as refused:
        read_photo(saved(tmp_path, content))
    assert "photo.png" in str(refused.value)


def jpeg_after(more: bytes) -> bytes:
    """Her picture, with something between the start and all the rest."""
    jpeg = encoded(HER, ".jpg")
    return jpeg[:2] + more + jpeg[2:]


def png_with(more: bytes) -> bytes:
    """Her picture, with something after the header."""
    png = encoded(HER, ".png")
    return png[:33] + more + png[33:]


def test_fillers_before_a_marker_do_not_matter(tmp_path: Path) -> None:
    """More of them than there may be parts: they are passed over at once."""
    plain = read_photo(saved(tmp_path, jpeg_after(b""), "plain.jpg"))
    filled = read_photo(saved(tmp_path, jpeg_after(b"\xff" * 2 * MAX_PARTS), "filled.jpg"))
    assert np.array_equal(filled.rgb, plain.rgb)


@pytest.mark.parametrize(
    ("content", "comment"),
    [
        (lambda n: jpeg_after(b"\xff\xd0" * n), "markers alone"),
        (lambda n: jpeg_after(b"\xff\xfe\0\2" * n), "empty comments"),
        (lambda n: png_with(chunk(b"teSt", b"") * n), "empty chunks"),
    ],
)
def test_a_file_of_nothing_but_parts_is_not_walked_to_its_end(
    tmp_path: Path, content, comment: str
) -> None:
    with pytest.raises(ReferencePhotoError, match="damaged"):
        read_photo(saved(tmp_path, content(MAX_PARTS)))


def test_ten_thousand_parts_are_a_picture(tmp_path: Path) -> None:
    """A large picture may well have so many."""
    for content in (
        jpeg_after(b"\xff\xfe\0\2" * 10_000),
        png_with(chunk(b"teSt", b"") * 10_000),
    ):
        assert read_photo(saved(tmp_path, content)).rgb.shape == HER.shape


def test_an_animation_is_refused(tmp_path: Path) -> None:
    animation = cv2.Animation()
    animation.frames = [HER[:64, :64], HER[64:128, 64:128]]
    animation.durations = np.array([100, 100])
    for name in ("two.webp", "two.png"):
        assert cv2.imwriteanimation(str(tmp_path / name), animation)
        with pytest.raises(ReferencePhotoError, match="animated"):
            read_photo(tmp_path / name)


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for path, says in {
        tmp_path: "folder",
        tmp_path / "none.png": "no photograph",
        tmp_path / "pipe.png": "no photograph",
        tmp_path / ("n" * 300): "cannot be read",
    }.items():
        with pytest.raises(ReferencePhotoError, match=says):
            read_photo(path)


@pytest.mark.parametrize("name", [b"IDAT", b"IEND"])
def test_a_chunk_takes_no_more_memory_than_the_file_has(tmp_path: Path, name: bytes) -> None:
    """OpenCV makes room for a chunk of 3.5 GB in a file of 200 bytes."""
    content = bytearray(png_of_size(64, 64))
    length = content.index(name) - 4
    content[length] = 0xD0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ReferencePhotoError, match="damaged"):
        read_photo(saved(tmp_path, bytes(content)))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**18


def test_a_file_that_is_far_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "vast.png").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(ReferencePhotoError, match="256 MiB"):
        read_photo(tmp_path / "vast.png")


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_damage_is_an_error_of_the_package_or_a_picture(tmp_path: Path, data) -> None:
    small = HER[60:124, 180:244]
    suffix = data.draw(st.sampled_from([".png", ".jpg", ".webp"]))
    content = bytearray(encoded(small, suffix))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(12, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = bytes(content[: data.draw(st.integers(12, len(content)))])
    try:
        frame = read_photo(saved(tmp_path, content))
    except FeaturizeError:
        return
    assert frame.rgb.dtype == np.uint8
    assert frame.rgb.shape[2] == 3
