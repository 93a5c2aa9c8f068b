"""Whether a video is of the person of a photograph, told beside whether it is manipulated."""

import json
import math

import pandas as pd
import pytest

import featurize.reference
from featurize.errors import NoFaceError, TooShortError
from featurize.reference import NOT_AUTHENTIC, IdentityMatch
from models import score_video
from models.video_score import FaceScore, VideoScore

UNKNOWN = IdentityMatch("unknown", 0, math.nan, (), (), 2, ("No face was seen.",))
SAME = IdentityMatch("same", 0, 0.41, (0.0, 3.5, 8.0), (0.41, 0.35, 0.52), 1, (NOT_AUTHENTIC,))
DIFFERENT = IdentityMatch("different", 1, 0.82, (1.0,), (0.82,), 2, ("The photos are dark.",))


class Person:
    """Stand in for a reference: note what is shown, answer what was put here."""

    def __init__(self, match):
        self.match, self.shown = match, []

    def compare(self, recordings):
        self.shown.append(recordings)
        return self.match if recordings else UNKNOWN


@pytest.fixture
def person(monkeypatch):
    known = Person(SAME)
    known.asked = []

    def of(photos, device):
        known.asked.append((photos, device))
        return known

    monkeypatch.setattr(featurize.reference.Reference, "of", of)
    return known


def scored(verdict, *others, identity):
    faces = (verdict, *others)
    return VideoScore(
        path="clip.mp4",
        probability=0.7,
        verdict=verdict,
        reasons=(),
        faces=tuple(FaceScore(i, 0.7, one, 1.0) for i, one in enumerate(faces)),
        quality={},
        warnings=(),
        identity=identity,
    )


def section(score):
    """Lines of the answer on the person."""
    blocks = [block.splitlines() for block in score.to_text().split("\n\n")]
    (lines,) = (lines for lines in blocks if lines[0] == "Same person as the reference")
    return [line.removeprefix("  - ") for line in lines[1:]]


def test_the_video_is_measured_once_for_both(detector, video, person):
    video["recordings"] = ["main", "other"]
    score = score_video("clip.mp4", detector, reference="her.png", device="cpu")
    assert person.asked == [(["her.png"], "cpu")]
    assert person.shown == [["main", "other"]]
    assert video["options"]["identity"] is True
    assert score.identity == SAME
    assert score.probability == score_video("clip.mp4", detector).probability
    assert "see" not in video["options"]


def test_several_photographs_are_of_one_person(detector, video, person, tmp_path):
    video["recordings"] = ["main"]
    score_video("clip.mp4", detector, reference=["a.png", tmp_path / "b.png"])
    assert person.asked == [(["a.png", tmp_path / "b.png"], "auto")]


@pytest.mark.parametrize("error", [NoFaceError, TooShortError])
def test_without_a_usable_face_nobody_is_known_and_it_is_said_why(detector, video, person, error):
    video["error"] = error("There is no face in clip.mp4: give a video that shows one.")
    score = score_video("clip.mp4", detector, reference="her.png")
    assert (score.verdict, score.identity.verdict) == ("unknown", "unknown")
    assert score.identity.warnings == score.warnings
    assert section(score) == [
        "Unknown, beside 2 photos",
        "There is no face in clip.mp4: give a video that shows one.",
    ]
    assert json.loads(score.to_json())["identity"]["distance"] is None


@pytest.mark.parametrize("verdict", ["real", "uncertain", "fake"])
def test_a_reader_is_told_how_near_and_when_and_that_it_does_not_mean_authentic(verdict):
    assert section(scored(verdict, identity=SAME)) == [
        "Same: median distance 0.41 to 1 photo (same up to "
        f"{SAME.same_up_to:.2f}, different from {SAME.different_from:.2f})",
        "Nearest at 3.5 s (0.35), farthest at 8.0 s (0.52), of 3 sampled frames",
        NOT_AUTHENTIC,
    ]


def test_of_several_faces_it_is_said_which_fits_best():
    told = section(scored("real", "real", identity=DIFFERENT))
    assert told[0].startswith("Different: median distance 0.82 to 2 photos (same up to")
    assert told[1] == "One sampled frame, at 1.0 s"
    assert told[2] == "Face 1 fits best of 2; the verdict above is of the main face, 0"
    assert told[3] == "The photos are dark."
    assert len(told) == 4


def test_json_holds_the_distances_over_time(detector, video, person):
    video["recordings"] = ["main"]
    score = score_video("clip.mp4", detector, reference="her.png")
    content = json.loads(score.to_json())
    assert content == score.to_dict()
    identity = content["identity"]
    assert (identity["verdict"], identity["n_photos"]) == ("same", 1)
    assert list(zip(identity["time_s"], identity["distances"], strict=True)) == [
        (0.0, 0.41),
        (3.5, 0.35),
        (8.0, 0.52),
    ]
    assert score_video("clip.mp4", detector).to_dict()["identity"] is None


def test_the_answer_stands_beside_the_verdict(detector, video, person, table):
    real = table[table["label"] == "real"].iloc[[0]].assign(face=1)
    video["rows"] = pd.concat([video["rows"], real])
    video["recordings"] = ["main", "other"]
    text = score_video("clip.mp4", detector, reference="her.png").to_text()
    assert text.index("Same person as the reference") < text.index("Reasons")
    assert "Same person" not in score_video("clip.mp4", detector).to_text()
