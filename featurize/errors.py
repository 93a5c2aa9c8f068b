"""Every exception the package raises on purpose, each with one sentence that says what to do."""


class FeaturizeError(Exception):
    """Root of all errors of this package; catch it to catch them all."""


class VideoError(FeaturizeError):
    """A video that cannot be used.

    ``status`` is the short code written into the ``status`` column when a dataset run meets it.
    """

    status = "unreadable"


class VideoMissingError(VideoError):
    """There is no file at the given path."""

    status = "missing"


class VideoEmptyError(VideoError):
    """The file has no bytes."""

    status = "empty"


class VideoUnreadableError(VideoError):
    """FFmpeg cannot open the file or decode a single frame of it."""

    status = "unreadable"


class VideoUnreachableError(VideoError):
    """The file may be there and sound, but cannot be fetched now: the network or a server fails."""

    status = "unreachable"


class NoVideoStreamError(VideoError):
    """The file holds sound or data but no moving picture."""

    status = "no_video_stream"


class VideoTooLargeError(VideoError):
    """The video goes beyond :mod:`featurize.limits`, or beyond the memory that it may take."""

    status = "too_large"


class NoFaceError(VideoError):
    """No face was found in any frame."""

    status = "no_face"


class TooShortError(VideoError):
    """A face was found, but in too few frames to measure motion."""

    status = "too_short"


class NetworkFailedError(VideoError):
    """A network fails on a face of the video, or says no numbers of it."""

    status = "network_failed"


class ModelFileError(FeaturizeError):
    """A model file is missing, or is not the file it should be."""


class ReferencePhotoError(FeaturizeError):
    """A photograph of the reference person cannot be read, or shows no face that could be used."""


class ManifestError(FeaturizeError):
    """A manifest that cannot be worked with: a column is missing, a label or a path is wrong."""


class OptionError(FeaturizeError, ValueError):
    """An option has a value that makes no sense."""


class OutputError(FeaturizeError):
    """A table, a landmark store or the temporary folder cannot be written."""


class NoRoomError(OutputError):
    """The temporary folder is too small for what one video needs."""


class WorkerError(FeaturizeError):
    """A worker process cannot be started, fails at its task, or is not set up as the run is."""


class WorkerLostError(FeaturizeError):
    """A cluster was lost in the middle of a run; what was finished is kept."""


class TrackError(FeaturizeError, ValueError):
    """Arrays of a landmark track disagree in shape, or its times do not increase."""


class UnknownBackendError(FeaturizeError, ValueError):
    """No landmark backend has the given name."""
