"""Place and turn of the head in centimetres from face mesh landmarks, as MediaPipe gives them.

The mesh is lifted from the picture to space under an assumed camera (vertical field of view 63
degrees) and the canonical face of MediaPipe's bundle is laid onto it by weighted Procrustes
analysis, following MediaPipe's face geometry module. The field of view of the real camera is
unknown, so distances are only as good as that guess, and a face off the middle of the picture seems
turned.
"""

import struct
import zipfile
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from featurize.assets import FACE_LANDMARKER, locate
from featurize.landmarks.detection import FIELD_OF_VIEW_DEG
from featurize.landmarks.storage.spool import MappedArrays, rounded
from featurize.types import LandmarkTrack, pieces

_NEAR_CM = 1.0
# Points of the mesh; those of the irises come behind.
_N_MESH = 468


def with_metric_pose(track: LandmarkTrack) -> LandmarkTrack:
    """A track with the pose of each of its frames, worked out for many at a time."""
    mapped = MappedArrays({"pose": (4, 4)}, track.n_frames)
    for frames in pieces(track.n_frames):
        piece = track.part(frames)
        pose = np.full((piece.n_frames, 4, 4), np.nan, np.float32)
        pose[piece.present] = metric_pose(piece.points_px[piece.present], track.frame_size_px)
        mapped.write("pose", frames.start, rounded("pose", pose))
    return replace(track, **mapped.arrays())


def metric_pose(points_px: np.ndarray, frame_size_px: tuple[int, int]) -> np.ndarray:
    """Pose of the head under the assumed camera.

    Parameters
    ----------
    points_px : numpy.ndarray
        ``(..., 478, 3)`` landmarks in pixels of the upright frame; the irises may be unknown.
    frame_size_px : tuple of int
        Its width and height.

    Returns
    -------
    numpy.ndarray
        ``(..., 4, 4)`` float32, as :attr:`featurize.types.LandmarkTrack.pose`.
    """
    width, height = frame_size_px
    basis = _basis()
    near_height = 2 * _NEAR_CM * np.tan(np.radians(FIELD_OF_VIEW_DEG) / 2)
    cm_per_px = near_height / height
    mesh_px = points_px[..., :_N_MESH, :].astype(np.float64)
    middle_px = np.array([width / 2, height / 2, 0])
    near_plane = (mesh_px[..., basis.indices, :] - middle_px) * (np.array([1, -1, 1]) * cm_per_px)
    depth_offset = mesh_px[..., 2].mean(axis=-1)[..., None] * cm_per_px

    def lifted(scale: np.ndarray) -> np.ndarray:
        depth = (near_plane[..., 2] - depth_offset + _NEAR_CM) / scale[..., None]
        across = near_plane[..., :2] * (depth / _NEAR_CM)[..., None]
        return np.concatenate([across, -depth[..., None]], axis=-1)

    _, scale = _turn_and_scale(near_plane * (1, 1, -1))
    scale = scale * _turn_and_scale(lifted(scale))[1]
    target = lifted(scale)
    rotation, size = _turn_and_scale(target)
    pose = np.zeros((*points_px.shape[:-2], 4, 4), dtype=np.float32)
    turn = rotation * size[..., None, None]
    pose[..., :3, :3] = turn
    pose[..., :3, 3] = basis.shares @ target - turn @ basis.mean_cm
    pose[..., 3, 3] = 1
    return pose


def _turn_and_scale(target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotations and scales that lay the canonical landmarks onto others best (Umeyama 1991)."""
    basis = _basis()
    u, singular, vt = np.linalg.svd(np.swapaxes(target, -1, -2) @ basis.weighted_cm)
    # Keeps the solution a rotation where noise would make it a reflection.
    sign = np.sign(np.linalg.det(u @ vt))
    u[..., 2] *= sign[..., None]
    scale = singular[..., 0] + singular[..., 1] + sign * singular[..., 2]
    return u @ vt, scale / basis.spread_cm2


@dataclass(frozen=True)
class _Basis:
    """Landmarks that the pose rests on: numbers, share in the sum, canonical places."""

    indices: np.ndarray
    shares: np.ndarray
    mean_cm: np.ndarray
    weighted_cm: np.ndarray
    spread_cm2: float


@cache
def _basis() -> _Basis:
    """Read from the bundle's metadata.

    It is a protocol buffer: field 1 is the canonical mesh, whose field 3 holds five floats a vertex
    (place, texture); field 2 holds pairs of landmark number and weight.
    """
    with zipfile.ZipFile(locate(FACE_LANDMARKER)) as bundle:
        metadata = bundle.read("geometry_pipeline_metadata_landmarks.binarypb")
    vertices: list[float] = []
    weights: dict[int, float] = {}
    for number, value in _fields(metadata):
        if number == 1:
            vertices += [struct.unpack("<f", v)[0] for n, v in _fields(value) if n == 3]
        elif number == 2:
            pair = dict(_fields(value))
            weights[pair.get(1, 0)] = struct.unpack("<f", pair[2])[0]
    mesh = np.array(vertices).reshape(-1, 5)[:, :3]
    indices = np.array(sorted(weights))
    shares = np.array([weights[index] for index in indices])
    shares /= shares.sum()
    mean_cm = shares @ mesh[indices]
    centred = mesh[indices] - mean_cm
    weighted = centred * shares[:, None]
    return _Basis(indices, shares, mean_cm, weighted, float((weighted * centred).sum()))


def _fields(message: bytes) -> list[tuple[int, bytes | int]]:
    """Fields of a protocol buffer message: numbers and raw values."""
    fields: list[tuple[int, bytes | int]] = []
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        number, wire_type = divmod(varint(), 8)
        if wire_type == 0:
            fields.append((number, varint()))
            continue
        length = 4 if wire_type == 5 else varint()
        fields.append((number, message[at : at + length]))
        at += length
    return fields
