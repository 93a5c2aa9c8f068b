"""Made-up tables that are honest, and ways to spoil them."""

import numpy as np

from models.audit import audit_shortcuts
from models.audit.columns import feature_copies_label, name_says_label
from models.audit.membership import left_out_tells_label, no_groups, split_shares_groups
from models.audit.sources import (
    features_tell_source,
    quality_tells_label,
    source_tells_label,
    with_all_quality,
)
from models.audit.twins import twins_across_groups
from models.table.feature_table import read_training_table
from tests.test_models.conftest import make_table

# A question by itself, so that a test need not ask the others.
QUESTIONS = {
    "quality_tells_label": lambda table: quality_tells_label(with_all_quality(table), 5, 0),
    "source_tells_label": lambda table: source_tells_label(table, 5, 0),
    "features_tell_source": lambda table: features_tell_source(table, 5, 0),
    "feature_copies_label": feature_copies_label,
    "name_says_label": name_says_label,
    "twins_across_groups": lambda table: twins_across_groups(table, 0),
    "split_shares_groups": split_shares_groups,
    "no_groups": no_groups,
    "left_out_tells_label": left_out_tells_label,
}
NAMES = list(QUESTIONS)


def honest_table(seed=1, n_groups=40, per_group=2, n_noise=30, group_offset=1.0):
    """Features and quality tell the person, nothing tells the label; official split by person."""
    table = make_table(seed, n_groups, per_group, 0.0, 0.4, n_noise, group_offset)
    rng = np.random.default_rng(seed + 1000)
    person = np.repeat(np.arange(n_groups), per_group)
    for name in ("quality__blur__median", "quality__bit_rate__log10_bps", "face_width_px"):
        table[name] = rng.normal(size=n_groups)[person] + 0.5 * rng.normal(size=len(table))
    table["split"] = np.array(["train", "train", "val", "test"])[person % 4]
    return table.drop(columns="quality__face_width_px__mean")


def features_of(table):
    return [name for name in table if "__" in name and not name.startswith("quality__")]


def fake_of(table):
    return (table["label"] == "fake").to_numpy(dtype=int)


def audit(table, **settings):
    return audit_shortcuts(read_training_table(table), **settings)


def finding(table, name):
    found = QUESTIONS[name](read_training_table(table))
    assert found.name == name
    return found


def stamped(table, n_sources, strength=5.0, seed=0):
    """People are dealt to sources, and each source shifts every feature of its videos."""
    rng = np.random.default_rng(seed)
    source = np.unique(table["group"], return_inverse=True)[1] % n_sources
    columns = features_of(table)
    stamp = strength * rng.normal(size=(n_sources, len(columns)))[source]
    table = table.assign(dataset=[f"repository_{i:02d}" for i in source])
    table[columns] += stamp
    return table


def copies_of(table, noise, seed=0):
    """The same videos measured again, each in a group of its own."""
    rng = np.random.default_rng(seed)
    columns = features_of(table)
    spread = table[columns].quantile(0.75) - table[columns].quantile(0.25)
    again = table.assign(
        path="again_" + table["path"], group=[f"stranger_{i}" for i in range(len(table))]
    )
    again[columns] += noise * spread.to_numpy() * rng.normal(size=again[columns].shape)
    return again
