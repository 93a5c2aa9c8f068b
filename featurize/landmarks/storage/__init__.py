"""Landmarks on disk: while a video is read, and for good."""
