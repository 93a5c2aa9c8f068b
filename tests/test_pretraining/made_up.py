"""Corpora of which the truth is known."""

import numpy as np
import pandas as pd

METHODS = ("pseudo-swap", "pseudo-sync", "forger")


def corpus(n_sources: int = 8, n_clips: int = 6, seed: int = 0) -> pd.DataFrame:
    """Authentic clips and fakes of one method as they are, and a world of each; pseudo-fakes.

    Nothing tells anything yet: two columns of noise, and quality alike in all.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for source in range(n_sources):
        for clip in range(n_clips):
            name = f"{source}/{clip}"
            about = {"group": f"g{name}", "dataset": f"d{source}", "source": source}
            kinds = [("real", "none", -1, name), ("fake", "forger", -1, f"{name}f")]
            kinds += [("real", "none", 0, f"0/{name}")]
            kinds += [("fake", method, 0, f"0/{name}") for method in METHODS[:2]]
            kinds += [("fake", "forger", 0, f"0/{name}f")]
            for label, method, number, world in kinds:
                rows.append(
                    {
                        "path": f"{world}/{method}/{number}.mp4",
                        "label": label,
                        "method": method,
                        "round": number,
                        "world": world,
                        "chain": "as-is" if number < 0 else "h264-crf23",
                        **about,
                    }
                )
    table = pd.DataFrame(rows)
    n = len(table)
    return table.assign(
        face=0,
        status="ok",
        compression="",
        window_start_s=0.0,
        window_end_s=5.0,
        fps=25.0,
        face_width_px=rng.normal(200, 20, n),
        quality__blur__median=rng.normal(0, 1, n),
        mouth__one__median=rng.normal(0, 1, n),
        mouth__two__median=rng.normal(0, 1, n),
    )


def told(table: pd.DataFrame, seed: int = 1) -> pd.DataFrame:
    """The same with a feature that tells manipulations in every source."""
    rng = np.random.default_rng(seed)
    is_fake = (table["label"] == "fake").to_numpy()
    return table.assign(eyes__truth__median=3.0 * is_fake + rng.normal(0, 1, len(table)))
