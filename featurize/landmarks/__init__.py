"""Frames in, landmark tracks out: one track per face."""
