import warnings

import numpy as np
import pandas as pd
import pytest

from models.audit import Audit, Finding, audit_shortcuts
from models.audit.sources import source_told
from models.errors import HoldOutError, SettingError
from models.table.feature_table import read_training_table
from tests.test_models.audit_tables import (
    NAMES,
    audit,
    fake_of,
    features_of,
    finding,
    honest_table,
    stamped,
)
from tests.test_models.conftest import SPEED, make_table


@pytest.fixture(autouse=True)
def no_warning_of_numpy():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def test_an_honest_table_is_not_warned_of():
    found = audit(honest_table())
    assert [f.name for f in found.findings] == NAMES
    assert found.warnings == ()
    assert not found.tells_source
    assert not any(np.isnan(f.value) for f in found.findings)


@pytest.fixture(scope="module")
def of_random_labels():
    """Findings about 20 tables whose labels are dealt to videos at random."""
    found = []
    for seed in range(20):
        table = honest_table(seed, n_noise=10)
        table["label"] = np.random.default_rng(seed).permutation(table["label"])
        found.append(audit(table).to_frame())
    return pd.concat(found)


def test_labels_dealt_at_random_are_warned_of_no_more_often_than_intervals_allow(of_random_labels):
    """A 95 % interval starts above chance once in forty tables, above the margin less often."""
    by_name = of_random_labels.groupby("name")["is_warning"].sum()
    assert by_name.max() <= 2
    assert by_name.sum() <= 3


@pytest.mark.parametrize("name", NAMES[:3])
def test_by_random_labels_and_sources_chance_is_found_on_average(of_random_labels, name):
    found = of_random_labels[of_random_labels["name"] == name]
    off = (found["value"] - found["chance"]).to_numpy(dtype=float)
    assert abs(off.mean()) < 4 * off.std() / np.sqrt(len(off))
    covered = (found["low"] <= found["chance"]) & (found["chance"] <= found["high"])
    assert covered.mean() >= 0.75


@pytest.mark.parametrize(
    ("is_warned", "tells_source"),
    [(name, i < 3) for i, name in enumerate(NAMES)],
)
def test_only_what_tells_the_source_makes_the_auc_a_fingerprint(is_warned, tells_source):
    nothing = (0.0, 0.0, 0.0, 0.0)
    given = [
        Finding(name, "?", "AUC", *nothing, name == is_warned, f"About {name}.") for name in NAMES
    ]
    found = Audit(tuple(given))
    assert found.tells_source == tells_source
    assert found.warnings == (f"About {is_warned}.",)


@pytest.mark.parametrize("column", ["quality__blur__median", "duration_s", "face_width_px"])
def test_quality_that_copies_the_label_is_caught(column):
    table = honest_table()
    rng = np.random.default_rng(0)
    table[column] = 20.0 + 5 * fake_of(table) + 0.5 * rng.normal(size=len(table))
    found = finding(table, "quality_tells_label")
    assert found.is_warning
    assert found.value > 0.95
    assert found.low > 0.9
    assert found.chance == 0.5
    assert "fingerprint of the source" in found.sentence


def test_quality_that_is_missing_only_in_fakes_is_caught():
    table = honest_table()
    table.loc[table["label"] == "fake", "quality__bit_rate__log10_bps"] = np.nan
    found = finding(table, "quality_tells_label")
    assert found.is_warning
    assert found.value > 0.9


def test_quality_that_says_nothing_but_whether_it_is_known_is_caught():
    table = honest_table()
    for name in ("quality__blur__median", "quality__bit_rate__log10_bps", "face_width_px"):
        table[name] = np.where(table["label"] == "fake", np.nan, 5.0)
    assert finding(table, "quality_tells_label").value == 1.0


def with_gaps(table, in_fakes, in_reals, seed=0):
    """Each value goes missing by itself, so no single column tells much."""
    rng = np.random.default_rng(seed)
    columns = features_of(table)
    share = np.where(fake_of(table) == 1, in_fakes, in_reals)[:, None]
    table[columns] = table[columns].mask(rng.random((len(table), len(columns))) < share)
    return table


def test_gaps_spread_over_many_columns_are_caught():
    table = with_gaps(honest_table(n_noise=100), in_fakes=0.12, in_reals=0.02)
    assert not finding(table, "feature_copies_label").is_warning
    found = finding(table, "quality_tells_label")
    assert found.is_warning
    assert found.value > 0.9
    assert "share of features that are missing" in found.sentence


def test_gaps_in_windows_are_caught_though_each_video_has_every_feature():
    table = honest_table(n_noise=100)
    windows = pd.concat([table.fillna(0.0)] * 6, ignore_index=True)
    start_s = np.repeat(5.0 * np.arange(6), len(table))
    windows = windows.assign(window_start_s=start_s, window_end_s=start_s + 5).copy()
    found = audit(with_gaps(windows, 0.12, 0.02)).findings[0]
    assert found.name == "quality_tells_label"
    assert found.is_warning
    assert found.value > 0.9


def test_gaps_are_all_there_is_of_quality_in_a_table_without_it():
    table = honest_table(n_noise=100)
    measured = ["fps", "n_frames", "face_rate", "duration_s", "face_width_px"]
    quality = [*measured, *(name for name in table if name.startswith("quality__"))]
    found = finding(with_gaps(table.drop(columns=quality), 0.12, 0.02), "quality_tells_label")
    assert found.value > 0.9
    assert found.sentence.startswith("The share of features that are missing in a video")


def test_gaps_alike_in_fakes_and_reals_are_no_shortcut():
    table = with_gaps(honest_table(n_noise=100), 0.1, 0.1)
    assert not finding(table, "quality_tells_label").is_warning


@pytest.mark.parametrize("conditioned", [False, True])
def test_what_features_are_conditioned_on_is_audited_whether_or_not_it_is_a_column_of_quality(
    conditioned,
):
    """A feature among the covariates is no feature, so no other question is about it."""
    table = honest_table()
    rng = np.random.default_rng(0)
    table[SPEED] = np.exp(2 * fake_of(table) + 0.05 * rng.normal(size=len(table)))
    found = audit_shortcuts(read_training_table(table, conditioned)).to_frame().set_index("name")
    assert found.loc["quality_tells_label", "is_warning"] == conditioned
    assert found.loc["feature_copies_label", "is_warning"] != conditioned


def test_a_source_of_fakes_only_is_caught():
    table = honest_table()
    table["dataset"] = np.where(table["label"] == "fake", "generator", "camera")
    found = finding(table, "source_tells_label")
    assert (found.value, found.low, found.high) == (1.0, 1.0, 1.0)
    assert found.is_warning


def test_a_source_that_holds_three_fakes_in_four_has_the_auc_of_that_share():
    """P(fake from A) = 3/4, P(real from A) = 1/4: AUC = 9/16 + 6/16 / 2 = 3/4."""
    table = honest_table(n_groups=400, per_group=1)
    rng = np.random.default_rng(0)
    is_usual = rng.random(400) < 0.75
    table["dataset"] = np.where(is_usual == fake_of(table), "A", "B")
    found = finding(table, "source_tells_label")
    assert found.value == pytest.approx(0.75, abs=0.05)
    assert found.low < 0.75 < found.high
    assert found.is_warning


@pytest.mark.parametrize("names", [["generator"], ["first", "second"]])
def test_sources_named_for_fakes_only_are_caught(names):
    """No name is as telling as a name."""
    table = honest_table()
    named = np.array(names)[np.arange(len(table)) // 2 % len(names)]
    table["dataset"] = np.where(table["label"] == "fake", named, "")
    n_real = int((1 - fake_of(table)).sum())
    found = finding(table, "source_tells_label")
    assert found.is_warning
    assert found.value == 1.0
    assert f"{len(names)} named, none for {n_real} of {len(table)} videos" in found.sentence
    assert "Fill in the column dataset" in found.sentence
    assert "group" not in found.sentence


def test_how_many_videos_have_a_source_is_told_where_some_have_none():
    table = honest_table(n_groups=60)
    table["dataset"] = np.array(["A", "B"])[np.arange(120) % 4 // 2]
    table.loc[24:, "dataset"] = ""
    found = finding(table, "source_tells_label")
    assert not found.is_warning
    assert "2 named, none for 96 of 120 videos" in found.sentence


@pytest.mark.parametrize("name", ["", "studio"])
def test_one_source_or_none_tells_nothing(name):
    table = honest_table()
    table["dataset"] = name
    found = finding(table, "source_tells_label")
    assert np.isnan(found.value)
    assert "Fill in where each video is from" in found.sentence


def test_sources_seen_in_one_group_only_tell_nothing():
    """Held out, the source is new: nothing is known of its share of fakes."""
    table = honest_table()
    table["dataset"] = table["group"]
    found = finding(table, "source_tells_label")
    assert found.value == pytest.approx(0.5, abs=0.01)
    assert not found.is_warning


@pytest.mark.parametrize(("n_sources", "n_people"), [(2, 40), (6, 60), (24, 150)])
def test_a_fingerprint_of_the_source_is_caught(n_sources, n_people):
    found = finding(stamped(honest_table(n_groups=n_people), n_sources), "features_tell_source")
    assert found.is_warning
    assert found.value > 0.9
    assert 0 < found.chance <= 1 / 2


def test_features_of_the_truth_are_no_fingerprint():
    table = stamped(honest_table(n_groups=120), 6, strength=0.0)
    for i in range(4):
        table[f"lips__truth_{i}__mean"] = fake_of(table) + 0.1 * np.arange(len(table)) / len(table)
    found = finding(table, "features_tell_source")
    assert found.chance == pytest.approx(1 / 6)
    assert not found.is_warning


@pytest.mark.parametrize("conditioned", [False, True])
def test_a_fingerprint_stays_one_beside_quality_that_knows_nothing_of_it(conditioned):
    table = stamped(honest_table(n_groups=120), 6)
    told = source_told(read_training_table(table, conditioned))
    assert told.value > 0.9
    assert told.low <= told.value <= told.high
    assert told.chance == pytest.approx(1 / 6)


@pytest.mark.parametrize("seed", [0, 1, 3])
def test_a_source_that_noise_does_not_tell_is_told_by_chance_though_people_have_many_clips(seed):
    """What is learnt of quality by clip and not by person is wrong for people held out: below 0.33.

    Two sources, each filmed in its own quality; features tell the person and nothing else.
    """
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(20), 6)
    table = make_table(seed, 20, per_group=6, group_offset=10.0, n_noise=300, signal=0.0)
    table["label"] = np.where(np.arange(len(table)) % 6, "real", "fake")
    table["dataset"] = [f"repository_{i % 2}" for i in person]
    log_width = 4 + 0.1 * rng.normal(size=20) + np.arange(20) % 2
    table["face_width_px"] = np.exp(log_width)[person]
    told = source_told(read_training_table(table, True))
    assert told.chance == 0.5
    assert told.value == pytest.approx(0.5, abs=0.15)


def test_windows_are_audited_by_video():
    """Three windows whose mean is the video."""
    table = honest_table()
    columns = features_of(table)
    windows = []
    for i, shift in enumerate((-1.0, 0.0, 1.0)):
        part = table.assign(window_start_s=5.0 * i, window_end_s=5.0 * (i + 1))
        part[columns] += shift
        windows.append(part)
    joined = pd.concat(windows).sort_values("path", kind="stable", ignore_index=True)
    by_video, by_window = (audit(given).to_frame() for given in (table, joined))
    numbers = ["value", "low", "high", "chance"]
    np.testing.assert_allclose(by_window[numbers], by_video[numbers], atol=1e-9)
    assert list(by_window["is_warning"]) == list(by_video["is_warning"])


def test_same_table_and_seed_same_audit():
    table = stamped(honest_table(), 4)
    first, second, other = (audit(table, seed=seed).to_frame() for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, second)
    assert not first.equals(other)


def test_the_frame_holds_what_the_findings_say():
    found = audit(honest_table())
    frame = found.to_frame()
    assert list(frame["name"]) == NAMES
    assert list(frame["sentence"]) == [f.sentence for f in found.findings]
    assert list(frame["summary"]) == [f.summary for f in found.findings]


def test_of_more_videos_than_can_be_learnt_from_each_group_keeps_some(monkeypatch):
    """The videos of one person are nine in ten, yet the others are what is learnt from."""
    monkeypatch.setattr("models.audit.shortcuts.MOST_VIDEOS_TO_LEARN_FROM", 60)
    table = honest_table(n_groups=40, per_group=10)
    many = table["group"].duplicated()
    table.loc[many, "group"] = "everywhere"
    table["face_width_px"] = 100 + 50.0 * fake_of(table)
    found = audit(table).findings[0]
    assert found.value > 0.9
    assert found.is_warning


def unknown_in(table):
    return {f.name for f in audit(table).findings if np.isnan(f.value)}


def test_what_cannot_be_answered_is_unknown_and_not_fine():
    table = honest_table()
    meta = ["split", "dataset", "fps", "n_frames", "face_rate", "duration_s", "face_width_px"]
    quality = [name for name in table if name.startswith("quality__")]
    bare = table.drop(columns=[*meta, *quality]).fillna(0.0)
    expected = {
        "quality_tells_label",
        "source_tells_label",
        "features_tell_source",
        "split_shares_groups",
    }
    assert unknown_in(bare) == expected
    for found in audit(bare).findings:
        assert found.sentence.startswith("Not known: ") == (found.name in expected)
    assert not audit(bare).tells_source


@pytest.mark.parametrize("value", [np.nan, 25.0, np.inf])
def test_quality_that_does_not_differ_is_unknown(value):
    table = honest_table().fillna(0.0)
    for name in ["face_width_px", *(name for name in table if name.startswith("quality__"))]:
        table[name] = value
    assert "quality_tells_label" in unknown_in(table)


def test_quality_that_differs_in_one_group_only_is_chance():
    table = honest_table()
    for name in ["face_width_px", *(name for name in table if name.startswith("quality__"))]:
        table[name] = (table["group"] == table["group"].iloc[0]).astype(float)
    found = finding(table, "quality_tells_label")
    assert found.value == pytest.approx(0.5, abs=0.1)
    assert not found.is_warning


@pytest.mark.parametrize("n_groups", [2, 3, 4, 5, 8])
def test_few_groups_are_no_error_and_never_warned_of_without_an_interval(n_groups):
    table = make_table(0, max(n_groups, 5), 4, 0.0)
    table = table[table["group"].isin(sorted(set(table["group"]))[:n_groups])]
    table = table.assign(label=np.where(np.arange(len(table)) % 2, "real", "fake"))
    found = audit(table)
    assert all(np.isfinite(f.low) for f in found.findings[:3] if f.is_warning)


def test_one_class_per_group_and_source_is_no_error():
    table = honest_table()
    person = np.unique(table["group"], return_inverse=True)[1]
    table["label"] = np.where(person % 2, "real", "fake")
    table["dataset"] = [f"source_{i:02d}" for i in person % 24]
    found = finding(table, "source_tells_label")
    assert found.is_warning
    assert found.value > 0.9


def test_features_of_one_source_that_do_not_vary_among_authentic_videos_are_unknown():
    table = honest_table(n_groups=60)
    real = table["label"] == "real"
    for name in features_of(table):
        table.loc[real, name] = 1.0
    assert "features_tell_source" in unknown_in(table)


def test_settings_out_of_range_are_refused():
    table = read_training_table(honest_table())
    with pytest.raises(HoldOutError, match="two folds"):
        audit_shortcuts(table, n_folds=1)
    with pytest.raises(SettingError, match="seed"):
        audit_shortcuts(table, seed=-1)
