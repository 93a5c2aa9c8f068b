"""Shared values: computed once, gone with their owner."""

import gc
import weakref
from dataclasses import dataclass, replace

import numpy as np

from featurize.computed_once import computed_once
from featurize.frame_features.points import rotation
from tests.test_featurize.tracks import make_track, turn


@dataclass(frozen=True)
class Owner:
    values: np.ndarray


def test_one_call_for_each_owner() -> None:
    calls = []

    @computed_once
    def total(owner: Owner) -> np.ndarray:
        calls.append(owner)
        return owner.values.sum(keepdims=True)

    first, second = Owner(np.arange(3)), Owner(np.arange(4))
    assert total(first) is total(first)
    assert total(first) == 3
    assert total(second) == 6
    assert len(calls) == 2


def test_functions_of_one_name_do_not_share() -> None:
    def made(factor: int):
        def scaled(owner: Owner) -> int:
            return factor * len(owner.values)

        scaled.__qualname__ = f"scaled_{factor}"
        return computed_once(scaled)

    owner = Owner(np.arange(3))
    assert (made(2)(owner), made(5)(owner)) == (6, 15)


def test_a_changed_copy_has_its_own_value() -> None:
    track = make_track(duration_s=0.2)
    still = rotation(track)
    turned = replace(
        track, points_px=make_track(duration_s=0.2, rotation=lambda _: turn(20)).points_px
    )
    assert not np.allclose(rotation(turned), still)
    assert rotation(track) is still


def test_the_value_goes_with_its_owner() -> None:
    track = make_track(duration_s=0.2)
    kept = weakref.ref(rotation(track))
    gc.disable()
    try:
        assert kept() is not None
        del track
        assert kept() is None, "freed at once, without the garbage collector"
    finally:
        gc.enable()
