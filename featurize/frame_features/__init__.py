"""Landmark tracks in, one value per frame out; one module per family of signals.

Every function takes a :class:`featurize.types.LandmarkTrack` and returns ``(n_frames,)`` float64
with NaN where the face is missing. None opens a file or knows a detector.
"""
