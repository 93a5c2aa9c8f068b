import pytest

from featurize.datasets.joined_groups import FEW_GROUPS, remark_on_groups
from featurize.datasets.listing import ListedVideo


def video(label: str, *people: str) -> ListedVideo:
    return ListedVideo(path="x.mp4", label=label, identities=frozenset(people))


@pytest.mark.parametrize(("n_pairs", "is_few"), [(FEW_GROUPS, True), (FEW_GROUPS + 1, False)])
def test_few_groups_with_fakes_are_warned_of(n_pairs, is_few):
    pairs = [video(label, f"p{i}") for i in range(n_pairs) for label in ("real", "fake")]
    alone = [video("real", f"q{i}") for i in range(3)]
    remark = remark_on_groups([*pairs, *alone])
    assert f"{n_pairs + 3} groups; fakes are in {n_pairs} of them" in remark
    assert ("few and unequal" in remark) == is_few


def test_swaps_in_a_chain_are_one_group():
    chain = [video("fake", f"p{i}", f"p{i + 1}") for i in range(3)]
    assert (
        "the 4 videos are 2 groups; fakes are in 1 of them, and the largest holds 3 videos (75%)"
        in (remark_on_groups([*chain, video("real", "q")]))
    )
