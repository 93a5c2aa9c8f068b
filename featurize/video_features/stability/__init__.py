"""Landmark stability: what still moves when the head's own motion is taken out.

A pasted or generated face trembles against its own skull from frame to frame, or is held too still;
a filmed one trembles by the noise of the landmark finder. So both ends of these features mean
something: face swaps made frame by frame lie above authentic video, talking heads drawn by a
generator below it.
"""
