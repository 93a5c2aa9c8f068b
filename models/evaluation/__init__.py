"""From held-out scores to figures: folds, parts, families, and the report of them."""
