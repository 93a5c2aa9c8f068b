"""Do landmarks go where the skin under them goes? Optical flow against the landmarks themselves."""

import numpy as np

from featurize.declaration import FrameSignal, frame_signal
from featurize.frame_features.points import in_iod
from featurize.landmarks.schema import SCHEMES
from featurize.types import LandmarkTrack

MIN_KNOWN_SHARE = 0.5
"""A region of which flow has lost more than the rest has no value."""


def _flow_disagreement(region: str, of_what: str) -> FrameSignal:
    def function(track: LandmarkTrack) -> np.ndarray:
        if track.flow_px is None:
            return np.full(track.n_frames, np.nan)
        schema = SCHEMES[track.schema]
        members = np.isin([*schema.points], schema.regions[region])
        points_px = track.points_px[:, schema.indices(schema.points)[members], :2]
        difference_px = track.flow_px[:, members].astype(np.float64) - points_px
        squared = np.sum(difference_px**2, axis=2)
        known = np.isfinite(squared)
        count = known.sum(axis=1).astype(np.float64)
        count[count < max(1, MIN_KNOWN_SHARE * members.sum())] = np.nan
        return in_iod(track, np.sqrt(np.where(known, squared, 0).sum(axis=1) / count))

    function.__name__ = f"flow_disagreement_{region}_iod"
    function.__doc__ = f"""How far landmarks {of_what} are from where optical flow carries them.

    Root mean square over the points of ``|flow_px - points_px|``, over iod; both start from the
    landmarks of the frame before. Unknown in the first frame of a sighting, where flow has lost
    more than half of the points, and when the landmarks were extracted without flow.
    """
    return frame_signal(
        unit="iod",
        reference="the two inputs of LRNet's calibrator (Sun et al. 2021), per region",
        confounded_by=(
            "head speed",
            "expression",
            "frame rate",
            "blur",
            "compression",
            "face size",
            "light changes",
        ),
    )(function)


flow_disagreement_face_iod = _flow_disagreement("face", "of the whole face")
flow_disagreement_eyes_iod = _flow_disagreement("eyes", "of the eyes")
flow_disagreement_brows_iod = _flow_disagreement("brows", "of the brows")
flow_disagreement_nose_iod = _flow_disagreement("nose", "of the nose")
flow_disagreement_mouth_iod = _flow_disagreement("mouth", "of the mouth")
flow_disagreement_outline_iod = _flow_disagreement("outline", "of the outline")
