"""dlib's 68 points: detectors and predictor, what the points are called, an average depth."""

DETECTORS: tuple[str, ...] = ("hog", "cnn")
"""Names of dlib's face detectors, the default first."""
