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


def test_versions_of_a_world_differ_in_nothing_but_the_manipulation():
    for world in planned(CLIPS, **ORDER):
        for column in ("group", "dataset", "compression", "world", "split"):
            assert len({row[column] for row in world.rows()}) == 1
    worlds = [row["world"] for w in planned(CLIPS, **ORDER) for row in w.rows()[:1]]
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
        assert (donor is not None) == (fake.manipulation.name in NEED_A_DONOR)
        if donor is not None:
            assert donor.label == "real"
            assert donor.dataset == own.dataset
            assert donor.group != own.group
    for world in plan:
        for row in world.rows():
            if row["donor_group"]:
                assert by_group[row["donor_group"]].dataset == row["dataset"]


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


@given(st.integers(1, 4), st.integers(1, len(METHODS)), st.integers(0, 50))
@settings(max_examples=20, deadline=None)
def test_methods_come_to_much_the_same_number_of_videos(worlds, fakes, seed):
    clips = [clip(n) for n in range(9)]
    plan = planned(clips, worlds=worlds, fakes=fakes, methods=METHODS, seed=seed)
    dealt = Counter(fake.method for world in plan for fake in world.fakes)
    assert sum(dealt.values()) == 9 * worlds * fakes
    counts = [dealt[f"pseudo-{name}"] for name in METHODS]
    assert max(counts) - min(counts) <= 1


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
