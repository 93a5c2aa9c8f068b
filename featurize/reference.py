"""Is the face of a video that of a person whose photographs are at hand.

Limits were measured on 94 authentic clips of 71 people, eleven of whom have several. Frames of a
person's other clips stood for photographs; a clip of 5 s, sampled twice a second, was the video.
In percent, people weighted alike (340 comparisons of one person, 6 580 of two):

==============  ======  =========  =========  ======  =========  =========
Photographs     of one person                 of two people
--------------  ----------------------------  ----------------------------
..              same    uncertain  different  same    uncertain  different
==============  ======  =========  =========  ======  =========  =========
1               88.6    11.4       0.0        0.2     2.3        97.5
3               99.3    0.7        0.0        0.4     2.9        96.7
5               99.8    0.2        0.0        0.5     3.0        96.5
==============  ======  =========  =========  ======  =========  =========

Median distances are 0.23 for a frame of the clip itself, 0.37 for one of another clip of the
person, 0.83 for one of another person. At dlib's own limit of 0.6, taken alone, one photograph
mistakes 2.5 % of pairs of people for one person.

The limits, and the mean as the way to combine photographs, were chosen on these same clips, so real
errors are larger; another draw of frames called one person two in 0.4 % with one photograph. Eleven
people are few, the clips of several look like one session, and no frame is a photograph that is
years old: expect more verdicts that are uncertain.

What looks like the same person: siblings and look-alikes; people of a descent that the network
knows less well (nearly all of the nearest pairs of different people were East Asian); and
manipulations: 21 videos, lip-synced or re-enacted by six methods from a person's own footage, were
the same person in 104 of 105 comparisons. What does not, though it is: the years between photograph
and video, make-up, strong expressions, coloured light, glasses, small and blurred faces; and
re-enactments that lose likeness (four of dae-talker, 0.50 to 0.72). Three face swaps were 0.69 to
0.85 away from the person whose face was replaced.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from featurize.errors import ReferencePhotoError
from featurize.networks.facts import IDENTITY_NETWORK, IDENTITY_SPEC
from featurize.sampled_frames import first_of_stretch
from featurize.scratch import blocks, let_go

if TYPE_CHECKING:
    from featurize.declaration import Recording
    from featurize.frame import Frame
    from featurize.landmarks.detection import FaceDetection, LandmarkBackend

SAME_UP_TO = 0.50
"""Median distance up to which a face is that of the reference person."""

DIFFERENT_FROM = 0.60
"""Median distance from which it is another person's. dlib's own limit, above which two pictures are
of different people, and below which it calls them the same."""

MIN_COMPARED_SAMPLES = 3
"""A face of fewer samples, twice a second, is not compared."""

MIN_PHOTO_FACE_PX = 40.0
"""Width of a face in a photograph; smaller ones are refused. The embeddings of 45 faces that were
scaled down to so many pixels moved by 0.18 in median, less than from one frame of a clip to another
(0.25); at 30 pixels by 0.26, at 20 by 0.41."""

NOT_AUTHENTIC = (
    "The same person does not mean an authentic video: a face swapped onto a video of somebody "
    "else, and a re-enactment, look like the person whose face is shown."
)
"""Said with every verdict of the same person."""

_SAME_FACE_OVERLAP = 0.5
# As many of the samples as far off as another person are remarked on.
_OFTEN = 0.1


@dataclass(frozen=True)
class IdentityMatch:
    """Whether the face of a video is that of the reference person.

    Attributes
    ----------
    verdict : str
        ``"same"``, ``"different"``, ``"uncertain"`` between the limits, or ``"unknown"`` when no
        face could be compared; the warnings then say why. ``"same"`` never means authentic.
    face : int
        Number of the face, of those that were compared, that fits the reference best.
    distance : float
        Its median distance over time: Euclidean, between embeddings of dlib's network; NaN when
        unknown.
    time_s : tuple of float
        Times of its samples.
    distances : tuple of float
        The distance of each.
    n_photos : int
        Photographs of the reference.
    warnings : tuple of str
        What to know before the verdict is believed, a sentence each.
    same_up_to, different_from : float
        The limits of the verdict.
    """

    verdict: str
    face: int
    distance: float
    time_s: tuple[float, ...]
    distances: tuple[float, ...]
    n_photos: int
    warnings: tuple[str, ...]
    same_up_to: float = SAME_UP_TO
    different_from: float = DIFFERENT_FROM


@dataclass(frozen=True)
class PhotoFaces:
    """The faces of one photograph.

    Attributes
    ----------
    name : str
        What the photograph is called in warnings.
    embeddings : numpy.ndarray
        ``(n_faces, n_dims)``, at least one face.
    """

    name: str
    embeddings: np.ndarray


@dataclass(frozen=True)
class Reference:
    """A person, known by photographs.

    Attributes
    ----------
    photos : tuple of PhotoFaces
        One per photograph, at least one.
    """

    photos: tuple[PhotoFaces, ...]

    @classmethod
    def of(cls, photos: str | Path | Sequence[str | Path], device: str = "auto") -> Self:
        """Read photographs and embed their faces.

        Parameters
        ----------
        photos : path or sequence of paths
            JPEG, PNG or WebP. Several should differ in light, expression and age: they are
            averaged.
        device : str
            Where the network runs, see :func:`featurize.networks.network.open_network`.

        Raises
        ------
        ReferencePhotoError
            When there is none, one cannot be read, shows no face, or only faces that are too small.
        OptionError, ModelFileError
            When the network cannot run.
        """
        from featurize.extraction import make_backend
        from featurize.networks.crops import aligned_width_px
        from featurize.networks.network import open_network
        from featurize.photo import read_photo

        paths = [photos] if isinstance(photos, str | Path) else list(photos)
        if not paths:
            raise ReferencePhotoError("There is no reference photograph: name at least one.")
        network = open_network(IDENTITY_SPEC, device)
        found = []
        with make_backend("mediapipe") as backend:
            for path in paths:
                frame = read_photo(path)
                faces = _faces(backend, frame)
                if not faces:
                    raise ReferencePhotoError(
                        f"{path} shows no face: use a photograph that shows the person from the "
                        "front, sharp and upright."
                    )
                crops = [
                    network.crop(frame, face.points_px, backend.schema)
                    for face in faces
                    if aligned_width_px(face.points_px, backend.schema) >= MIN_PHOTO_FACE_PX
                ]
                if not crops:
                    raise ReferencePhotoError(
                        f"The face in {path} is less than {MIN_PHOTO_FACE_PX:g} pixels wide: use a "
                        "larger photograph, or one taken from nearer."
                    )
                found.append(PhotoFaces(str(path), network.embed(np.stack(crops))))
        return cls(tuple(found))

    def compare(self, recordings: Sequence["Recording"]) -> IdentityMatch:
        """Compare the faces of one video with the person; the one that fits best is told of.

        Of a photograph with several faces the one nearest to the video's face is taken. Several
        photographs are averaged, which told people apart better than the nearest of them, or the
        median of the distances to each.

        Parameters
        ----------
        recordings : sequence of Recording
            The faces, whose tracks carry samples of dlib's network; those of others are passed
            over.
        """
        matches = [
            match
            for number, recording in enumerate(recordings)
            if (match := self._match(number, recording)) is not None
        ]
        if not matches:
            reason = (
                f"Whether it is the same person is not known: each face is too small to be "
                f"compared, or seen in fewer than {MIN_COMPARED_SAMPLES} samples."
                if recordings
                else "Whether it is the same person is not known: the video shows no face."
            )
            return IdentityMatch("unknown", 0, np.nan, (), (), len(self.photos), (reason,))
        return min(matches, key=lambda match: match.distance)

    def _match(self, number: int, recording: "Recording") -> IdentityMatch | None:
        """How one face fits; None when there are too few samples of it."""
        samples = recording.track.samples.get(IDENTITY_NETWORK)
        if samples is None:
            return None
        time_s = recording.time_s[samples.frames]
        chosen = np.flatnonzero(first_of_stretch(time_s))
        if len(chosen) < MIN_COMPARED_SAMPLES:
            return None

        def distances_to(embedding: np.ndarray) -> np.ndarray:
            return _distances(samples.values, chosen, embedding)

        nearest = [
            min(photo.embeddings, key=lambda face: np.median(distances_to(face)))
            if len(photo.embeddings) > 1
            else photo.embeddings[0]
            for photo in self.photos
        ]
        distances = distances_to(np.mean(nearest, axis=0))
        distance = float(np.median(distances))
        verdict = _verdict(distance)
        return IdentityMatch(
            verdict=verdict,
            face=number,
            distance=distance,
            time_s=tuple(time_s[chosen].tolist()),
            distances=tuple(distances.tolist()),
            n_photos=len(self.photos),
            warnings=(*self._remarks(nearest), *_remarks(verdict, distances)),
        )

    def _remarks(self, nearest: Sequence[np.ndarray]) -> list[str]:
        """What is odd about the photographs."""
        remarks = [
            f"{photo.name} shows {len(photo.embeddings)} faces; the one nearest to the face of the "
            "video was compared."
            for photo in self.photos
            if len(photo.embeddings) > 1
        ]
        named = zip(self.photos, nearest, strict=True)
        remarks += [
            f"{one.name} and {other.name} seem to show different people: leave out the one that "
            "does not show the reference person."
            for (one, face), (other, other_face) in combinations(named, 2)
            if np.linalg.norm(face - other_face) >= DIFFERENT_FROM
        ]
        return remarks


def _verdict(distance: float) -> str:
    if distance <= SAME_UP_TO:
        return "same"
    return "different" if distance >= DIFFERENT_FROM else "uncertain"


def _remarks(verdict: str, distances: np.ndarray) -> list[str]:
    """What is to be known of a verdict."""
    if verdict != "same":
        return []
    far = float(np.mean(distances >= DIFFERENT_FROM))
    remarks = [NOT_AUTHENTIC]
    if far >= _OFTEN:
        remarks.append(
            f"In {far:.0%} of its samples the face is as far from the reference as that of another "
            "person: look at the distances over time."
        )
    return remarks


def _distances(values: np.ndarray, chosen: np.ndarray, embedding: np.ndarray) -> np.ndarray:
    """``(n_chosen,)`` distances of some samples to an embedding, a block at a time."""
    distances = np.empty(len(chosen))
    for block in blocks(len(chosen)):
        distances[block] = np.linalg.norm(values[chosen[block]] - embedding, axis=1)
        let_go(values)
    return distances


def _faces(backend: "LandmarkBackend", frame: "Frame") -> list["FaceDetection"]:
    """Faces of a picture whose landmarks are trusted, surest first."""
    from featurize.landmarks.detection import overlap

    found: list[FaceDetection] = []
    for region in backend.search(frame, thorough=True):
        face = backend.fit(frame, region)
        if face is not None:
            # Where the landmarks are tells better than the search where to read them.
            face = backend.fit(frame, backend.region_after(face))
        if face is None or not face.is_trusted:
            continue
        if all(overlap(face.box_px, other.box_px) <= _SAME_FACE_OVERLAP for other in found):
            found.append(face)
    return found
