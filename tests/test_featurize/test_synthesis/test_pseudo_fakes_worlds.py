"""What becomes of the versions of one piece: made, hardly changed, or not to be made."""

import dataclasses

import numpy as np
import pytest

from featurize.synthesis import Performer, SynthesisError, random_script, write_video
from featurize.synthesis.degradations.chain import Chain
from featurize.synthesis.degradations.degradation import Degradation
from featurize.synthesis.degradations.encoder import Encoder
from featurize.synthesis.degradations.film import Film
from featurize.synthesis.manipulations.catalogue import MANIPULATIONS
from featurize.synthesis.manipulations.manipulation import Manipulation
from featurize.synthesis.pseudo_fakes import rendering
from featurize.synthesis.pseudo_fakes.piece import load_piece
from featurize.synthesis.pseudo_fakes.plan import Clip, Fake, World
from featurize.synthesis.pseudo_fakes.rendering import Workshop
from featurize.synthesis.pseudo_fakes.visibility import Visibility
from tests.test_featurize.test_synthesis.face_clips import donor_clip, photo_clip

LOSSLESS = Chain(encoder=Encoder(quality=0))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    times_s = np.arange(30) / 10
    performer, script = Performer(192, 1), random_script(1, 3.0)
    write_video(path, (performer.frame(script, t) for t in times_s), times_s)
    return path


@pytest.fixture(scope="module")
def store(place):
    return place.parent / "landmarks"


@dataclasses.dataclass(frozen=True)
class Nothing(Manipulation):
    """Finds nothing to change."""

    name = "nothing"

    @classmethod
    def drawn(cls, rng):
        return cls()

    def frames(self, clip, donor, seed):
        yield from clip.frames


@dataclasses.dataclass(frozen=True)
class Unable(Nothing):
    """Gives up in the middle."""

    name = "unable"

    def frames(self, clip, donor, seed):
        yield clip.frames[0]
        raise SynthesisError("The face is turned away: leave it out.")


@dataclasses.dataclass(frozen=True)
class Lent(Nothing):
    """Needs somebody else."""

    name = "lent"
    needs_donor = True


def test_a_fake_that_is_none_or_cannot_be_made_costs_itself_alone(place, store, tmp_path):
    missing = Clip("gone.mp4", tmp_path / "gone.mp4", "real")
    fakes = (Fake(Nothing(), 1), Fake(Unable(), 2), Fake(Lent(), 3, missing, 0.5))
    world = World(Clip("a.mp4", place, "real"), 0, 0.0, LOSSLESS, 7, fakes)
    workshop = Workshop(tmp_path / "o", store, 5.2)
    assert workshop.finished(world) is None
    outcomes = workshop.render(world)
    assert [status for status, _ in outcomes] == [
        *("ok", "unchanged", "not_rendered", "donor_missing")
    ]
    assert [path.name for path in (tmp_path / "o").rglob("*.mp4")] == ["none.mp4"]
    assert workshop.finished(world) == outcomes
    assert Workshop(tmp_path / "o", store, 5.0).finished(world) is None
    record = next((tmp_path / "o").rglob("*.json"))
    for damaged in (b"", b"[]", b"7", b"{}", record.read_bytes()[:-3]):
        record.write_bytes(damaged)
        assert workshop.finished(world) is None


@dataclasses.dataclass(frozen=True)
class Patch(Nothing):
    """Brightens a square between the eyes, at some frames."""

    name = "patch"
    side_iod: float = 1.0
    levels: int = 40
    every: int = 1

    def frames(self, clip, donor, seed):
        for now, frame in enumerate(clip.frames):
            frame = np.array(frame)
            x, y = clip.points_px[now][168].astype(int)
            half = round(self.side_iod * clip.interocular_px[now] / 2)
            part = frame[y - half : y + half, x - half : x + half]
            if now % self.every == 0:
                part[:] = np.minimum(part, 255 - self.levels) + self.levels
            yield frame


@pytest.mark.parametrize(
    ("patch", "is_seen"),
    [
        (Patch(), True),
        (Patch(levels=3), False),  # everywhere between the eyes, and less than an encoder loses
        (Patch(side_iod=0.12), False),  # a spot
        (Patch(every=15), True),  # in two of 30 frames, as a blink that is not there
        (Patch(every=1000), True),
        (Patch(every=15, side_iod=0.12), False),
    ],
)
def test_what_can_hardly_be_seen_is_not_called_fake(place, store, tmp_path, patch, is_seen):
    world = World(Clip("a.mp4", place, "real"), 0, 0.0, LOSSLESS, 7, (Fake(patch, 1),))
    authentic, fake = Workshop(tmp_path / "o", store, 5.2).render(world)
    assert authentic == ("ok", "")
    assert fake[0] == ("ok" if is_seen else "unchanged")
    assert "of the face" in fake[1] or is_seen


def test_how_much_of_a_face_has_changed(place, store):
    """A face is about 2 distances between the pupils wide and 2.7 high: an oval of 4.2."""
    clip = load_piece(place, 0.0, 5.2, store)
    for patch, share in ((Patch(), 1 / 4.2), (Patch(every=30), 1 / 4.2 / 2), (Nothing(), 0.0)):
        visibility = Visibility(clip)
        assert visibility.changed_share == 0
        passed = list(visibility.watched(patch.frames(clip, None, 0)))
        np.testing.assert_array_equal(passed, list(patch.frames(clip, None, 0)))
        # Of 30 frames the two that changed most are looked at.
        assert visibility.changed_share == pytest.approx(share, rel=0.3)


@dataclasses.dataclass(frozen=True)
class Tiny(Degradation):
    """Leaves less of a picture than x265 takes."""

    name = "tiny"

    @classmethod
    def drawn(cls, rng, strength):
        return cls(strength)

    def film(self, film, seed):
        return Film((rgb[:8, :8] for rgb in film), film.time_s)


def test_an_encoder_that_fails_is_rows_with_a_reason(place, store, tmp_path):
    chain = Chain((Tiny(1),), Encoder("h265", 26))
    world = World(Clip("a.mp4", place, "real"), 0, 0.0, chain, 7, (Fake(Patch(), 1),))
    outcomes = Workshop(tmp_path / "o", store, 5.2).render(world)
    assert [status for status, _ in outcomes] == ["not_rendered"] * 2
    assert all("encoder libx265 failed" in reason for _, reason in outcomes)
    assert not list((tmp_path / "o").rglob("*.mp4"))


@pytest.mark.parametrize("refused", ["clip", "donor"])
def test_a_piece_that_is_no_clip_is_rows_with_a_reason(monkeypatch, store, tmp_path, refused):
    """Were landmarks of a kind that no clip can be made of, the run would go on."""
    outside = donor_clip()
    outside = dataclasses.replace(outside, points_px=outside.points_px + np.float32(3000))

    def piece(place, start, piece_s, store):
        if refused == "clip":
            raise SynthesisError("Times of a clip must increase from 0 on.")
        return outside if place == "donor.mp4" else photo_clip(6)

    monkeypatch.setattr(rendering, "load_piece", piece)
    swap = MANIPULATIONS["face-swap"].drawn(np.random.default_rng(0))
    fakes = (Fake(swap, 1, Clip("donor.mp4", "donor.mp4", "real"), 0.0), Fake(Patch(), 2))
    world = World(Clip("a.mp4", "a.mp4", "real"), 0, 0.0, LOSSLESS, 7, fakes)
    statuses = [status for status, _ in Workshop(tmp_path / "o", store, 5.2).render(world)]
    lost = "not_rendered"
    assert statuses == ([lost] * 3 if refused == "clip" else ["ok", lost, "ok"])
