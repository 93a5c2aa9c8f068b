"""The command ``manifest`` as a test runs it, and two small data sets for it."""

from pathlib import Path

import pandas as pd
from typer.testing import CliRunner

from featurize import __main__ as cli
from featurize.datasets.listing import ListedVideo, Listing
from featurize.errors import FeaturizeError

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
