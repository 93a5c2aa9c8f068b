"""How much of one video is worked on: a file of anybody's must not take the machine.

Each limit lies well above what real recordings of faces have. A video beyond one is refused with
:class:`featurize.errors.VideoTooLargeError`; what a file *declares* is believed only to refuse it
early, what is *read* is counted.
"""

MAX_BYTES = 64 * 2**30
"""Of a file that is fetched from elsewhere, since the temporary folder has to hold it: a day of
4K at 6 Mbit/s. Files of this machine are read where they are, and may be of any size."""

MAX_PIXELS = 2**26
"""Of one upright picture, square pixels: 8192 x 8192, twice the pixels of 8K. FFmpeg's own limit is
four times higher, and decoders keep some twenty pictures."""

MAX_SIDE_PX = 2**15 - 1
"""Of one upright picture: OpenCV resamples no longer ones."""

MAX_STREAMS = 100
"""Of one file: pictures, languages of sound, subtitles, covers. Each costs memory when it is
opened, and FFmpeg's own limit is 1000."""

MAX_DURATION_S = 24 * 3600.0
"""Of presentation: a camera that ran for a day. Longer recordings are worked on in parts."""

MAX_FRAMES = int(120 * MAX_DURATION_S)
"""Pictures of one video: a day at 120 a second. What is kept of each takes room to the end."""

MAX_LEAP_S = 3600.0
"""From one picture to the next: a time stamp that leaps further is damaged and not believed. Longer
than a presentation rests on a slide, shorter than the wrap of any clock (MPEG's is 26.5 hours)."""

TIMEOUT_S = 3600.0
"""Longest that one video of a run may take unless said otherwise: some three hours of 720p."""

MEMORY_MIB = 4096.0
"""Most memory that one video of a run may take unless said otherwise. One of 1080p takes about
300 MiB."""
