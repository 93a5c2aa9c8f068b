"""A feature table: as it stands in a file, checked, and as training data."""
