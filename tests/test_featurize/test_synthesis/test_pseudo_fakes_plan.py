import dataclasses
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from featurize.synthesis.degradations.chain import Chain
from featurize.synthesis.manipulations.catalogue import MANIPULATIONS
from featurize.synthesis.pseudo_fakes.plan import Clip, planned

METHODS = tuple(MANIPULATIONS)
NEED_A_DONOR = {name for name, kind in MANIPULATIONS.items() if kind.needs_donor}
WELCOME_A_DONOR = {name for name, kind in MANIPULATIONS.items() if kind.welcomes_donor}
ORDER = {"worlds": 2, "fakes": 2, "methods": METHODS, "seed": 0}


def clip(number, label="real", group=None, dataset="one", path=None):
    path = path or f"clips/{number:03d}.mp4"
    group = f"person-{number}" if group is None else group
    method = "" if label == "real" else "talker"
    return Clip(path, path, label, group, method, dataset)


CLIPS = [
    *(clip(n) for n in range(12)),
    *(clip(n, dataset="two") for n in range(12, 18)),
    clip(18, dataset="alone"),
    *(clip(n, label="fake", dataset="two") for n in range(19, 22)),
]


@given(st.permutations(CLIPS), st.integers(0, 5))
@settings(max_examples=10, deadline=None)
def test_order_of_the_manifest_does_not_matter(shuffled, seed):
    order = {**ORDER, "seed": seed}
    assert planned(shuffled, **order) == planned(CLIPS, **order)


def test_another_seed_is_another_plan():
    first, second = planned(CLIPS, **ORDER), planned(CLIPS, **{**ORDER, "seed": 1})
    assert [w.name for w in first] == [w.name for w in second]
    assert all(a.start != b.start for a, b in zip(first, second, strict=True))
    assert all(a.chain_seed != b.chain_seed for a, b in zip(first, second, strict=True))


def test_no_two_draws_share_a_seed():
    plan = planned(CLIPS, **ORDER)
    seeds = [w.chain_seed for w in plan] + [fake.seed for w in plan for fake in w.fakes]
    assert len(set(seeds)) == len(seeds)


def test_where_the_videos_lie_changes_nothing_but_where_they_are_read():
    moved = [dataclasses.replace(c, place=f"/elsewhere/{c.path}") for c in CLIPS]
    assert repr(planned(moved, **ORDER)) == repr(planned(CLIPS, **ORDER))


def test_each_world_has_one_version_without_manipulation_and_fakes_of_different_methods():
    for world in planned(CLIPS, **{**ORDER, "fakes": 3}):
        rows = world.rows()
        plain, fakes = rows[0], rows[1:]
        assert plain["label"] == world.clip.label
        if world.clip.label == "fake":
            assert plain["method"] == "talker"
            assert fakes == []
            continue
        assert plain["method"] == "none"
        usable = set(METHODS) - (NEED_A_DONOR if world.clip.dataset == "alone" else set())
        assert len(fakes) == min(3, len(usable))
        assert len({row["method"] for row in fakes}) == len(fakes)
        assert all(row["label"] == "fake" for row in fakes)
        assert all(row["method"].removeprefix("pseudo-") in METHODS for row in fakes)


def test_every_world_has_a_name_of_its_own():
    worlds = [world.name for world in planned(CLIPS, **ORDER)]
    assert len(set(worlds)) == len(CLIPS) * 2


def test_paths_are_different_also_where_names_of_clips_are_not():
    alike = [clip(0, path="a/talk.mp4"), clip(1, path="b/talk.mp4"), clip(2, path="a_talk.mp4")]
    paths = [row["path"] for world in planned(alike, **ORDER) for row in world.rows()]
    assert len(set(paths)) == len(paths)


@pytest.mark.parametrize("name", ["../../up.mp4", "/root/a b\n.mp4", "…", "x" * 400, ".hidden"])
def test_folders_of_odd_names_stay_where_they_belong(name):
    folder = clip(0, path=name).folder
    assert folder.replace("-", "").replace("_", "").isalnum()
    assert len(folder) <= 60


def test_donors_are_other_people_of_the_same_source_filmed_authentically():
    by_group = {c.group: c for c in CLIPS}
    plan = planned(CLIPS, **{**ORDER, "worlds": 4, "fakes": len(METHODS)})
    donors = [(w.clip, fake.donor, fake) for w in plan for fake in w.fakes]
    assert any(donor is not None for _, donor, _ in donors)
    for own, donor, fake in donors:
        assert donor is not None or fake.manipulation.name not in NEED_A_DONOR
        assert donor is None or fake.manipulation.name in NEED_A_DONOR | WELCOME_A_DONOR
        if donor is not None:
            assert donor.label == "real"
            assert donor.dataset == own.dataset
            assert donor.group != own.group
    for world in plan:
        for row in world.rows():
            if row["donor_group"]:
                assert by_group[row["donor_group"]].dataset == row["dataset"]


@pytest.mark.parametrize("name", sorted(WELCOME_A_DONOR))
def test_who_welcomes_a_donor_has_one_in_every_second_draw(name):
    order = {"worlds": 16, "fakes": 1, "methods": (name,), "seed": 0}
    plan = planned([clip(n) for n in range(20)], **order)
    lent = [fake.donor is not None for world in plan for fake in world.fakes]
    assert len(lent) == 320
    assert np.mean(lent) == pytest.approx(0.5, abs=0.12)
    alone = planned([clip(0)], **order)
    assert len([f for w in alone for f in w.fakes if f.donor is None]) == 16


def test_a_clip_without_donors_gets_the_methods_that_need_none():
    alone = [world for world in planned(CLIPS, **ORDER) if world.clip.dataset == "alone"]
    assert all(len(world.fakes) == 2 for world in alone)
    assert all(fake.donor is None for world in alone for fake in world.fakes)
    lonely = planned([clip(0)], **{**ORDER, "fakes": 1, "methods": tuple(NEED_A_DONOR)})
    assert all(len(world.rows()) == 1 for world in lonely)


def test_clips_of_one_person_do_not_lend_each_other_the_face():
    one_person = [clip(n, group="same") for n in range(4)]
    plan = planned(one_person, **{**ORDER, "fakes": 1})
    assert all(fake.donor is None for world in plan for fake in world.fakes)


def test_clips_without_a_group_are_each_their_own():
    plan = planned([clip(n, group="") for n in range(2)], **ORDER)
    for world in plan:
        assert {row["group"] for row in world.rows()} == {world.clip.path}


@given(st.integers(1, 9), st.integers(1, len(METHODS)), st.integers(0, 50))
@settings(max_examples=30, deadline=None)
def test_a_clip_goes_through_all_methods_before_one_comes_again(worlds, fakes, seed):
    clips = [clip(n) for n in range(3)]
    plan = planned(clips, worlds=worlds, fakes=fakes, methods=METHODS, seed=seed)
    for one in clips:
        dealt = Counter(f.method for w in plan if w.clip == one for f in w.fakes)
        assert sum(dealt.values()) == worlds * fakes
        counts = [dealt[f"pseudo-{name}"] for name in METHODS]
        assert max(counts) - min(counts) <= 1
    assert all(len({fake.method for fake in world.fakes}) == fakes for world in plan)


def test_methods_are_as_likely_in_one_source_as_in_another():
    """Sources without donors leave nothing for those that have them."""
    clips = [clip(n, dataset="one" if n < 10 else f"alone-{n}") for n in range(60)]
    order = {**ORDER, "worlds": 1}
    worlds = [world for seed in range(80) for world in planned(clips, **{**order, "seed": seed})]
    with_donors = [world for world in worlds if world.clip.dataset == "one"]
    dealt = Counter(fake.manipulation.name for world in with_donors for fake in world.fakes)
    # 1600 fakes of eight methods; six standard deviations of a binomial are 79.
    expected = 2 * 10 * 80 / len(METHODS)
    assert set(dealt) == set(METHODS)
    assert all(abs(count - expected) < 80 for count in dealt.values())
    others = Counter(
        f.manipulation.name for w in worlds if w.clip.dataset != "one" for f in w.fakes
    )
    usable = set(METHODS) - NEED_A_DONOR
    assert set(others) == usable
    expected = 2 * 50 * 80 / len(usable)
    assert all(abs(count - expected) < 0.15 * expected for count in others.values())


@pytest.mark.parametrize("added", [0, 17, 39])
def test_a_clip_more_changes_no_world_but_those_it_lends_its_face_to(added):
    clips = [clip(n) for n in range(40)]
    order = {**ORDER, "worlds": 4}
    after = {world.name: world for world in planned(clips, **order)}
    before = planned(clips[:added] + clips[added + 1 :], **order)
    n_lent = n_new = 0
    for world in before:
        for old, new in zip(world.fakes, after[world.name].fakes, strict=True):
            assert dataclasses.replace(new, donor=old.donor) == old
            n_lent += old.donor is not None
            n_new += new != old
            assert new == old or new.donor == clips[added]
        if all(fake.donor != clips[added] for fake in after[world.name].fakes):
            assert after[world.name] == world
    assert n_lent > 20
    # One in 39 is expected.
    assert n_new <= 0.15 * n_lent


def test_donors_are_of_the_same_split():
    clips = [
        dataclasses.replace(clip(n), split=split) for n, split in enumerate(("train", "test") * 8)
    ]
    plan = planned(clips, **{**ORDER, "worlds": 4})
    lent = [(w.clip, fake.donor) for w in plan for fake in w.fakes if fake.donor is not None]
    assert len(lent) > 10
    assert all(own.split == donor.split for own, donor in lent)
    alone = [dataclasses.replace(c, split=str(n)) for n, c in enumerate(clips)]
    assert all(f.donor is None for w in planned(alone, **ORDER) for f in w.fakes)


def test_all_persons_lend_their_faces_about_as_often():
    often = [clip(n, group="filmed-often") for n in range(20, 40)]
    clips = [*(clip(n) for n in range(10)), *often]
    plan = planned(clips, **{**ORDER, "worlds": 16, "methods": ("face-swap",), "fakes": 1})
    lenders = Counter(f.donor.group for w in plan for f in w.fakes if w.clip.group == "person-0")
    assert sum(lenders.values()) == 16
    lenders = Counter(f.donor.group for w in plan for f in w.fakes)
    # 20 of 30 clips are of one person, who would lend the face to nearly all others.
    assert lenders["filmed-often"] < 0.25 * 16 * 10
    assert len(lenders) == 11


def test_methods_can_be_held_out():
    kept = METHODS[1:]
    plan = planned(CLIPS, **{**ORDER, "fakes": len(kept), "methods": kept})
    dealt = {fake.manipulation.name for world in plan for fake in world.fakes}
    assert dealt == set(kept)


def test_pieces_of_a_clip_begin_in_different_parts_of_it():
    plan = planned([clip(0)], **{**ORDER, "worlds": 5})
    starts = [world.start for world in plan]
    assert [int(start * 5) for start in starts] == [0, 1, 2, 3, 4]
    assert all(later > earlier for earlier, later in pairwise(starts))


def test_chains_know_nothing_of_the_label():
    as_real = planned([clip(n) for n in range(3)], **ORDER)
    as_fake = planned([clip(n, label="fake") for n in range(3)], **ORDER)
    assert [(w.chain, w.chain_seed, w.start) for w in as_real] == [
        (w.chain, w.chain_seed, w.start) for w in as_fake
    ]


def test_chains_can_be_drawn_otherwise():
    only = Chain.single("blur", 2, np.random.default_rng(0))
    plan = planned(CLIPS, **ORDER, chain=lambda _rng: only)
    assert {world.chain for world in plan} == {only}
