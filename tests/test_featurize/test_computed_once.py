"""Shared values: computed once, gone with their owner."""

import gc
import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from featurize.computed_once import computed_once
from featurize.frame_features.points import rotation
from tests.test_featurize.tracks import make_track, turn


@dataclass(frozen=True)
class Owner:
    values: np.ndarray


@dataclass(frozen=True)
class CountingOwner(Owner):
    calls: list[str]


@computed_once
def total(owner: CountingOwner) -> np.ndarray:
    owner.calls.append("total")
    return owner.values.sum(keepdims=True)


@computed_once
def doubled(owner: Owner) -> np.ndarray:
    return 2 * owner.values


UNNAMED = (lambda owner: len(owner.values),)


class Elsewhere:
    @staticmethod
    @computed_once
    def doubled(owner: Owner) -> np.ndarray:
        return owner.values + owner.values[::-1]


def test_one_call_for_each_owner() -> None:
    first, second = CountingOwner(np.arange(3), []), CountingOwner(np.arange(4), [])
    assert total(first) is total(first)
    assert total(first) == 3
    assert total(second) == 6
    assert first.calls == second.calls == ["total"]


def test_functions_do_not_share() -> None:
    owner = CountingOwner(np.array([1, 2, 5]), [])
    assert total(owner).tolist() == [8]
    assert doubled(owner).tolist() == [2, 4, 10]
    assert Elsewhere.doubled(owner).tolist() == [6, 4, 6]


def test_functions_that_would_share_are_refused() -> None:
    """Two functions from one factory, and any two lambdas, have one name."""

    def made(factor: int) -> Callable[[Owner], int]:
        def scaled(owner: Owner) -> int:
            return factor * len(owner.values)

        return scaled

    owner = Owner(np.arange(3))
    assert (made(2)(owner), made(5)(owner)) == (6, 15)
    assert made(2).__qualname__ == made(5).__qualname__
    with pytest.raises(ValueError, match=r"scaled shares its name.* at module level"):
        computed_once(made(2))
    with pytest.raises(ValueError, match="<lambda> shares its name"):
        computed_once(UNNAMED[0])


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
