"""Every stage still gives the values it gave; see :mod:`tests.test_golden.stages`."""

import json

import pytest

from tests.test_golden.stages import FOLDER, all_stages


@pytest.fixture(scope="module")
def now() -> dict[str, dict[str, float]]:
    return all_stages()


@pytest.mark.parametrize(
    "stage", ["rendered", "decoded", "landmarks", "measures", "signals", "features"]
)
def test_stage(stage: str, now: dict[str, dict[str, float]]) -> None:
    golden = json.loads((FOLDER / f"{stage}.json").read_text("utf-8"))
    # In both directions: a feature without a golden value fails as well as a value without feature.
    assert now[stage].keys() == golden.keys()
    # Other processors round the networks' sums differently in the last digits.
    assert now[stage] == pytest.approx(golden, rel=0.02, abs=2e-3, nan_ok=True)
