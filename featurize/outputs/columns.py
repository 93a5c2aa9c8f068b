"""What every column of a feature table means."""

from typing import NamedTuple

from featurize import __version__
from featurize.feature_options import FeatureOptions
from featurize.feature_rows import meta_columns
from featurize.registry import video_features

FORMAT = "featurize.columns/1"
"""Written into the file; the number is raised when something that reads it would break."""


class MetaColumn(NamedTuple):
    """Description of a column before the features.

    Attributes
    ----------
    dtype : str
        ``"string"``, ``"int64"`` or ``"float64"``.
    unit : str
        ``"1"`` for counts and shares, ``"none"`` for texts.
    meaning : str
        In words.
    """

    dtype: str
    unit: str
    meaning: str


META: dict[str, MetaColumn] = {
    "path": MetaColumn(
        "string",
        "none",
        "The video, as the manifest names it, from the manifest's folder; of a folder that was "
        "searched, from that folder",
    ),
    "face": MetaColumn(
        "int64", "1", "Which person of the video, 0 for the main face; 0 of a video without one"
    ),
    "window_start_s": MetaColumn(
        "float64",
        "s",
        "Start of the window since the first frame of the video; NaN of a video without a window",
    ),
    "window_end_s": MetaColumn(
        "float64", "s", "End of the window; the last of a video may end after the video"
    ),
    "label": MetaColumn("string", "none", "real, fake, or empty where unknown; from the manifest"),
    "group": MetaColumn(
        "string",
        "none",
        "Person or source, shared by all videos made from it, never to be on both sides of a "
        "split; from the manifest, empty where unknown",
    ),
    "method": MetaColumn(
        "string", "none", "How a fake was made; from the manifest, empty where unknown"
    ),
    "dataset": MetaColumn(
        "string", "none", "Data set the video is from; from the manifest, empty where unknown"
    ),
    "compression": MetaColumn(
        "string", "none", "Compression level of the data set; from the manifest, empty if unknown"
    ),
    "split": MetaColumn(
        "string", "none", "Part of the official split; from the manifest, empty where unknown"
    ),
    "status": MetaColumn(
        "string", "none", "ok, or a short code of why there are no features: all of them are NaN"
    ),
    "reason": MetaColumn(
        "string", "none", "In words why a video could not be used; beside ok a remark, or empty"
    ),
    "n_frames": MetaColumn("float64", "1", "Frames of the video or window, with and without face"),
    "face_rate": MetaColumn("float64", "1", "Share of these frames that show the face, 0 to 1"),
    "duration_s": MetaColumn(
        "float64", "s", "Length of the video or window, by the times at which frames are shown"
    ),
    "fps": MetaColumn(
        "float64", "Hz", "Frames per second, by the typical time from one frame to the next"
    ),
    "face_width_px": MetaColumn(
        "float64", "px", "Median distance of the cheekbones in the picture"
    ),
    "landmarks_backend": MetaColumn(
        "string", "none", "What found the landmarks, with the detector where there is a choice"
    ),
    "featurize_version": MetaColumn("string", "none", "Version of the package that made the row"),
}
"""Every column that is no feature, of tables of videos and of windows."""


def describe_columns(options: FeatureOptions) -> dict[str, object]:
    """Describe every column of a table, in its order, as ``features.columns.json`` has it.

    Parameters
    ----------
    options : FeatureOptions
        What the table holds: which features, of whole videos or of windows.

    Returns
    -------
    dict
        ``format``, ``featurize_version``, ``window_s`` and ``columns``: one dict per column with
        ``name``, ``kind`` (``meta`` or ``feature``), ``family``, ``dtype`` (``string``, ``int64``
        or ``float64``), ``unit``, ``meaning``, ``reference`` and ``confounded_by``, a list. Of a
        column that is no feature the last two, and the family, are empty.

    Raises
    ------
    KeyError
        When a column is not described: a fault of this package.
    """
    meta = [
        {
            "name": name,
            "kind": "meta",
            "family": "",
            **META[name]._asdict(),
            "reference": "",
            "confounded_by": [],
        }
        for name in meta_columns(options.window_s)
    ]
    features = [
        {
            "name": feature.name,
            "kind": "feature",
            "family": feature.family,
            "dtype": "float64",
            "unit": feature.unit,
            "meaning": feature.meaning,
            "reference": feature.reference,
            "confounded_by": list(feature.confounded_by),
        }
        for feature in video_features(options)
    ]
    return {
        "format": FORMAT,
        "featurize_version": __version__,
        "window_s": None if options.window_s is None else float(options.window_s),
        "columns": meta + features,
    }
