"""Copies of one video in different groups: a leak that no splitter can see.

Splitters keep a group on one side. If the column ``group`` is wrong, and a copy or a re-encoding of
a video stands in another group, it is trained on and tested all the same. Copies give themselves
away because they measure alike in nearly every feature.
"""

from collections.abc import Iterator

import numpy as np
from scipy.stats import norm
from sklearn.impute import SimpleImputer

from models.audit.finding import Finding
from models.learning.preprocessing import ClippedRobustScaler
from models.metrics import FEWEST_CLUSTERS
from models.table.training_table import TrainingTable

# Likeness above which two videos are twins. Measured on nine clips of as many sources, each encoded
# anew in H.264, among 220 clips, by three draws of columns: copies at constant rate factor 23 are
# alike at 0.70 to 0.86; with the first tenth cut off as well at 0.51 to 0.71; at 0.6 of the size
# and factor 28 at 0.18 to 0.63, two in three of them above 0.3; at factor 40 at 0.09 to 0.35. Of
# 24 000 pairs of clips whose groups differ, the 4 to 5 above 0.3 are of the same portrait or driven
# by the same speech. Different people by one generator reach 0.24, other unrelated clips 0.2.
_LEAST_LIKENESS = 0.3
# Chance must leave room below the likeness of copies.
_MOST_BY_CHANCE = 0.9
# Expected number of pairs beyond what chance gives, over the whole table.
_FALSE_ALARMS = 0.05
# In robust standard deviations: features half of this apart already count as unlike.
_PERIOD = np.pi / 2
# Recognising a copy takes no more columns; a draw of rows tells how alike unrelated videos are.
_MOST_COLUMNS = 500
_N_REFERENCES = 1000
_FEWEST_REFERENCES = 3
_FEWEST_PAIRS = 30
_LEAST_KNOWN = 0.5
_PAIRS_AT_ONCE = 2**24


def twins_across_groups(table: TrainingTable, seed: int) -> Finding:
    """Return how many videos have a copy, or nearly, in another group.

    The likeness of two videos is the mean over features of ``cos(4 d)``, with ``d`` their distance
    in robust standard deviations: 1 for the same values, about 0 for unrelated ones. However far
    apart the few features are that a re-encoding upsets, they do not hide a copy. Likeness is told
    beside that of videos of different groups of the same data set, so what a camera or a generator
    stamps on all its videos makes no twins.

    Only features that most videos have count, and of two videos those that both have, if that is at
    least half. At most 500 columns are drawn; no video is left out. Strong re-encodings and other
    clips of the same person are not recognised.
    """
    about = ("twins_across_groups", "Do videos of different groups measure the same?")
    unit = "share of videos"
    if table.n_groups < FEWEST_CLUSTERS:
        reason = f"with fewer than {FEWEST_CLUSTERS} groups there is too little to compare."
        return Finding.unknown(*about, unit, reason)
    waves = _Waves(table, seed)
    least = waves.least_likeness()
    if not least < _MOST_BY_CHANCE:
        reason = "the table has too few features to tell a copy from a video that is like it."
        return Finding.unknown(*about, unit, reason)
    likeness, nearest = waves.most_alike()
    twins = np.flatnonzero(likeness > least)
    paths = table.meta["path"].to_numpy(dtype=str)
    pairs = {tuple(sorted((int(i), int(nearest[i])))) for i in twins}
    pairs = sorted(pairs, key=lambda pair: -max(likeness[list(pair)]))
    n_twins = len(np.unique(list(pairs)))
    blind = "Another clip of the same person, or a strong re-encoding, cannot be seen this way."
    if pairs:
        # Paths are long: one example, not three.
        example = repr(" ~ ".join(paths[list(pairs[0])]))
        shown = f"{example} and {len(pairs) - 1} more" if len(pairs) > 1 else example
        summary = (
            f"Of {len(paths)} videos, {n_twins} measure nearly the same as a video of another "
            f"group ({shown}): copies, re-encodings or fakes made from one source, which can then "
            "be trained on and tested."
        )
        advice = f"Look at them and give those that belong together one group. {blind}"
    else:
        summary = "No video measures nearly the same as a video of another group."
        advice = blind
    return Finding.counted(*about, unit, n_twins / len(paths), bool(pairs), summary, advice)


class _Waves:
    """Each feature of each video as a point on a circle, so that likeness is a product."""

    def __init__(self, table: TrainingTable, seed: int) -> None:
        rng = np.random.default_rng(seed)
        share_known = 1 - np.isnan(table.features).mean(axis=0)
        usable = rng.permutation(np.flatnonzero(share_known >= _LEAST_KNOWN))
        values = table.features[:, np.sort(usable[:_MOST_COLUMNS])]
        known = ~np.isnan(values)
        if values.shape[1]:
            scaler = ClippedRobustScaler()
            values = scaler.fit_transform(SimpleImputer(strategy="median").fit_transform(values))
            known = known[:, scaler.kept_]
        angle = (2 * np.pi / _PERIOD * values).astype(np.float32)
        self.known = known.astype(np.float32)
        self.points = np.hstack([np.cos(angle) * self.known, np.sin(angle) * self.known])
        self.groups = np.unique(table.groups, return_inverse=True)[1]
        self.sources = np.unique(table.meta["dataset"], return_inverse=True)[1]
        drawn = rng.permutation(len(values))[:_N_REFERENCES]
        self.references = np.sort(drawn)
        self.usual = self._usual()

    def least_likeness(self) -> float:
        """Return from which likeness on two videos are twins; NaN where nothing is comparable."""
        alike, same_source = [], []
        for rows, raw in self._compared(self.references):
            beside = self._beside_usual(raw, rows, self.references)
            alike.append(beside[~np.isnan(beside)])
            same = self.sources[rows][:, None] == self.sources[self.references]
            same_source.append(same[~np.isnan(beside)])
        pairs, same = np.concatenate(alike), np.concatenate(same_source)
        if same.sum() >= _FEWEST_PAIRS:
            pairs = pairs[same]
        if len(pairs) < _FEWEST_PAIRS:
            return np.nan
        n_pairs = len(self.groups) * (len(self.groups) - 1) / 2
        # By quantiles, as where every video has copies these would seem to be what is usual.
        middle, high = np.quantile(pairs, [0.5, norm.cdf(1)])
        by_chance = middle + norm.isf(_FALSE_ALARMS / n_pairs) * (high - middle)
        return max(_LEAST_LIKENESS, float(by_chance))

    def most_alike(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the largest likeness to a video of another group, and which video that is."""
        likeness, nearest = [], []
        everyone = np.arange(len(self.groups))
        for rows, raw in self._compared(everyone):
            beside = np.nan_to_num(self._beside_usual(raw, rows, everyone), nan=-np.inf)
            nearest.append(beside.argmax(axis=1))
            likeness.append(beside.max(axis=1))
        return np.concatenate(likeness), np.concatenate(nearest)

    def _compared(self, others: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield blocks of rows, and their likeness to ``others``; NaN in a group or unknown."""
        n_rows, n_columns = self.known.shape
        for rows in np.array_split(np.arange(n_rows), -(-n_rows * len(others) // _PAIRS_AT_ONCE)):
            n_both = self.known[rows] @ self.known[others].T
            raw = self.points[rows] @ self.points[others].T / np.maximum(n_both, 1)
            unknown = n_both < max(1, _LEAST_KNOWN * n_columns)
            raw[unknown | (self.groups[rows][:, None] == self.groups[others])] = np.nan
            yield rows, raw

    def _usual(self) -> np.ndarray:
        """Return ``(n_videos,)`` the mean likeness to other groups of the same source.

        Where too few of these were drawn, to all other groups.
        """
        usual = np.empty(len(self.groups))
        for rows, raw in self._compared(self.references):
            same = self.sources[rows][:, None] == self.sources[self.references]
            of_all, _ = _row_means(raw)
            of_source, n = _row_means(np.where(same, raw, np.nan))
            usual[rows] = np.where(n >= _FEWEST_REFERENCES, of_source, of_all)
        # Less alike than chance is no reason to call a pair more alike.
        return np.maximum(usual, 0.0)

    def _beside_usual(self, raw: np.ndarray, rows: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Return 0 for a pair as alike as usual, 1 for the same values."""
        usual = np.maximum(self.usual[rows][:, None], self.usual[others]).astype(np.float32)
        return (raw - usual) / np.maximum(1 - usual, np.finfo(np.float32).eps)


def _row_means(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and number of what is known in each row; 0 where nothing is."""
    n_known = (~np.isnan(values)).sum(axis=1)
    return np.nansum(values, axis=1) / np.maximum(n_known, 1), n_known
