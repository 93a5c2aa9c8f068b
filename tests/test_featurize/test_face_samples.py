"""Samples of a face: they go with their frames wherever a track is cut."""

from dataclasses import replace

import numpy as np
import pytest

from featurize import pipeline
from featurize.errors import TrackError
from featurize.extraction import LandmarkOptions
from featurize.feature_options import FeatureOptions
from featurize.registry import video_features
from featurize.sampled_frames import sampled_frames
from featurize.types import Extraction, FaceSamples, LandmarkTrack
from tests.test_featurize.tracks import make_track


def sampled_track(duration_s: float = 6.0) -> LandmarkTrack:
    """A face of whom a network says, of each sampled frame, the time and its square."""
    track = make_track(duration_s=duration_s)
    frames = sampled_frames(track.time_s, track.present)
    values = np.stack([track.time_s[frames], track.time_s[frames] ** 2], axis=1)
    return replace(track, samples={"clock": FaceSamples(frames, values.astype(np.float32))})


@pytest.mark.parametrize("frames", [slice(0, 150), slice(40, 90), slice(1, 2), slice(13, None)])
def test_a_cut_keeps_the_samples_of_its_frames(frames: slice) -> None:
    whole = sampled_track()
    part = whole.cut(frames)
    samples = part.samples["clock"]
    assert samples.values[:, 0].tolist() == part.time_s[samples.frames].astype(np.float32).tolist()
    times_s = part.time_s
    known_s = whole.samples["clock"].values[:, 0]
    inside = (known_s > times_s[0] - 0.01) & (known_s < times_s[-1] + 0.01)
    assert len(samples.frames) == np.count_nonzero(inside)
    assert np.shares_memory(samples.values, whole.samples["clock"].values) == inside.any()


def test_a_piece_in_memory_leaves_them_out() -> None:
    assert sampled_track().part(slice(0, 50)).samples == {}


@pytest.mark.parametrize(
    ("frames", "shape"),
    [([0, 1], (3, 4)), ([0, 1], (2,)), ([1, 1], (2, 4)), ([3, 1], (2, 4)), ([-1, 1], (2, 4))],
)
def test_samples_that_cannot_be_are_refused(frames: list[int], shape: tuple[int, ...]) -> None:
    with pytest.raises(TrackError):
        FaceSamples(np.array(frames), np.zeros(shape, np.float32))


def test_samples_of_frames_that_there_are_not_are_refused() -> None:
    track = make_track(duration_s=1.0)
    samples = FaceSamples(np.array([3, track.n_frames]), np.zeros((2, 1), np.float32))
    with pytest.raises(TrackError, match="more frames"):
        replace(track, samples={"n": samples})


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        ([], "The face is too small or too unclear for dlib_resnet."),
        ([0], "dlib_resnet needs 4 samples of the face, two a second; there is 1."),
        ([0, 1, 13, 25, 26], "dlib_resnet needs 4 samples of the face, two a second; there are 3."),
        ([0, 13, 25, 38], ""),
    ],
)
def test_a_row_says_why_features_of_a_network_are_empty(frames: list[int], reason: str) -> None:
    """Whenever levels are: neighbours are no samples more."""
    values = np.random.default_rng(0).normal(size=(len(frames), 128)).astype(np.float32)
    samples = {"dlib_resnet": FaceSamples(np.array(frames, np.int64), values)}
    track = replace(make_track(duration_s=2.0), samples=samples)
    extraction = Extraction([track], track.n_frames, ("A remark of the first pass.",))
    features = FeatureOptions(("dlib-resnet",))
    ((_, (row,)),) = pipeline._rows_of("v.mp4", extraction, LandmarkOptions(), features)
    assert row.meta["reason"] == f"A remark of the first pass. {reason}".rstrip()
    means = [
        f.name.startswith("cnn__") and f.name.endswith("__mean") for f in video_features(features)
    ]
    levels = row.features[np.array(means)][:128]
    assert np.isnan(levels).all() == bool(reason)
