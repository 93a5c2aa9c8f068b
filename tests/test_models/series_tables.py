"""Made-up tables of windows with signals over time whose truth is known."""

import numpy as np
import pandas as pd

from tests.test_models.conftest import make_table

N_STEPS = 25
LENGTH_S = 2.0
SIGNALS = ("jaw_open", "yaw_deg")


def series_table(seed=0, signal=1.5, in_features=0.0, n_windows=2, **settings):
    """Windows of videos in which the jaw of a fake moves faster; features know nothing of it."""
    rng = np.random.default_rng(1000 + seed)
    table = make_table(seed, signal=in_features, **settings)
    number = np.tile(np.arange(n_windows), len(table))
    rows = table.loc[table.index.repeat(n_windows)].reset_index(drop=True)
    rows.insert(2, "window_start_s", LENGTH_S * number)
    rows.insert(3, "window_end_s", LENGTH_S * (number + 1))
    is_fake = (rows["label"] == "fake").to_numpy()
    time_s = np.arange(N_STEPS) / 12.5
    pace = 1.0 + signal * is_fake[:, None]
    phase = rng.uniform(0, 2 * np.pi, (len(rows), 1))
    jaw = np.sin(2 * np.pi * pace * time_s + phase) + 0.3 * rng.normal(size=(len(rows), N_STEPS))
    yaw = rng.normal(size=(len(rows), N_STEPS)).cumsum(axis=1)
    jaw[3, 5:8] = np.nan
    names = [f"series__{signal}__{step:03d}" for signal in SIGNALS for step in range(N_STEPS)]
    series = pd.DataFrame(np.hstack([jaw, yaw]), columns=names)
    return pd.concat([rows, series], axis=1)
