"""Manipulations of authentic video with the faults of the real methods: pseudo-fakes."""
