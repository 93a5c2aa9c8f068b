"""The MediaPipe backend: Face Landmarker's points, and faces found wherever they are."""

from collections.abc import Callable
from itertools import combinations

import cv2
import numpy as np
import pytest
from mediapipe import Image, ImageFormat
from mediapipe.tasks.python import BaseOptions, vision
from skimage.data import astronaut

from benchmarks.parity import OneEuro
from featurize.assets import FACE_LANDMARKER, locate
from featurize.frame import Frame
from featurize.landmarks.detection import FaceDetection, Region, overlap
from featurize.landmarks.mediapipe478.backend import MediaPipeBackend
from featurize.landmarks.mediapipe478.face_mesh import FaceMesh
from featurize.landmarks.mediapipe478.metric_pose import metric_pose
from featurize.picture import ArrayPicture
from featurize.synthesis import Performer, State, random_script

N_MESH = 468
OUTER_EYES = (33, 263)


@pytest.fixture(scope="module")
def backend() -> MediaPipeBackend:
    return MediaPipeBackend()


def iod_px(points: np.ndarray) -> float:
    return float(np.linalg.norm(points[OUTER_EYES[0]] - points[OUTER_EYES[1]]))


def difference_iod(points: np.ndarray, other: np.ndarray) -> float:
    """Mean distance of mesh points in the picture, in interocular distances."""
    away = np.linalg.norm((points - other)[:N_MESH, :2], axis=1)
    return float(away.mean() / iod_px(other))


def settled(backend: MediaPipeBackend, rgb: np.ndarray, region: Region) -> FaceDetection | None:
    """The face in a region, looked at once more in the region that its landmarks give."""
    frame = Frame(0, 0.0, rgb)
    rough = backend.fit(frame, region)
    return rough and backend.fit(frame, backend.region_after(rough))


def surest(backend: MediaPipeBackend, rgb: np.ndarray, thorough: bool = False) -> FaceDetection:
    """The face of the first region that a search gives."""
    face = settled(backend, rgb, backend.search(Frame(0, 0.0, rgb), thorough)[0])
    assert face is not None
    return face


def portrait_of_astronaut(side_px: int = 480) -> np.ndarray:
    head = astronaut()[:320, 60:380]
    return cv2.resize(head, (side_px, side_px), interpolation=cv2.INTER_CUBIC)


def portrait_of_grace_hopper(side_px: int = 480) -> np.ndarray:
    cbook = pytest.importorskip("matplotlib.cbook")
    with cbook.get_sample_data("grace_hopper.jpg") as file:
        data = np.frombuffer(file.read(), np.uint8)
    photograph = cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    return cv2.resize(photograph[:512], (side_px, side_px), interpolation=cv2.INTER_AREA)


def portrait_of_performer(side_px: int = 480) -> np.ndarray:
    return Performer(side_px, identity_seed=3).render(State())


PORTRAITS: dict[str, Callable[..., np.ndarray]] = {
    "astronaut": portrait_of_astronaut,
    "grace hopper": portrait_of_grace_hopper,
    "performer": portrait_of_performer,
}


@pytest.fixture(scope="module", params=PORTRAITS)
def portrait(request: pytest.FixtureRequest) -> np.ndarray:
    return PORTRAITS[request.param]()


WIDE_PX = (448, 256)


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    """A head that moves, blinks and speaks, off the middle of a wide picture."""
    script, performer = random_script(seed=4, duration_s=1.2), Performer(256)
    width, height = WIDE_PX
    wall = np.linspace(60, 150, width).astype(np.uint8)[None, :, None]
    shown = []
    for number, time_s in enumerate(script.frame_times(25)):
        picture = np.broadcast_to(wall, (height, width, 3)).copy()
        picture[:, 150:406] = performer.frame(script, float(time_s))
        shown.append(Frame(number, float(time_s), picture))
    return shown


def face_landmarker(mode: vision.RunningMode) -> vision.FaceLandmarker:
    return vision.FaceLandmarker.create_from_options(
        vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=str(locate(FACE_LANDMARKER))),
            running_mode=mode,
            output_face_blendshapes=True,
            output_facial_transformation_matrixes=True,
        )
    )


def time_ms(frame: Frame) -> int:
    """Face Landmarker's clock knows whole milliseconds, later than 0."""
    return round(frame.time_s * 1000) + 1


@pytest.fixture(scope="module")
def alone(frames: list[Frame]) -> list[vision.FaceLandmarkerResult]:
    """What Face Landmarker says of each frame by itself."""
    with face_landmarker(vision.RunningMode.IMAGE) as landmarker:
        return [landmarker.detect(Image(ImageFormat.SRGB, frame.rgb)) for frame in frames]


def theirs_px(result: vision.FaceLandmarkerResult) -> np.ndarray:
    width, height = WIDE_PX
    unit = np.array([[p.x, p.y, p.z] for p in result.face_landmarks[0]])
    return unit * (width, height, width)


def median_difference_iod(ours: list[np.ndarray], theirs: list[np.ndarray]) -> float:
    """Of points in space: median over the points of a frame, then over frames."""
    of_frames = [
        np.median(np.linalg.norm((one - other)[:N_MESH], axis=1)) / iod_px(other)
        for one, other in zip(ours, theirs, strict=True)
    ]
    return float(np.median(of_frames))


class SampledPicture(ArrayPicture):
    """A picture whose crops take single pixels however much they shrink it."""

    def crop(self, to_frame: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(self.rgb, to_frame, size_px, flags=flags)


class TestFaceLandmarkersOwn:
    """What the backend says is what mediapipe's own graph says."""

    @pytest.mark.parametrize(("averaged", "limit"), [(False, 0.003), (True, 0.01)])
    def test_points_of_single_pictures(self, backend, frames, alone, averaged, limit) -> None:
        """The same to 0.3 % when the detector's crop is sampled as mediapipe samples it.

        The package averages pixels where a crop shrinks the picture, which moves the first region a
        little, and with it the points of the first fit.
        """
        ours = []
        for frame in frames:
            seen = frame if averaged else Frame(0, 0.0, SampledPicture(frame.rgb))
            (region,) = backend.search(seen, thorough=False)
            face = backend.fit(frame, region)
            assert face is not None
            ours.append(face.points_px)
        assert median_difference_iod(ours, [theirs_px(result) for result in alone]) < limit

    def test_points_of_a_face_that_is_followed(self, backend, frames) -> None:
        """Face Landmarker smooths in video mode: the same smoothing is put behind."""
        smooth, face, ours, theirs = OneEuro(), None, [], []
        with face_landmarker(vision.RunningMode.VIDEO) as landmarker:
            for frame in frames:
                image = Image(ImageFormat.SRGB, frame.rgb)
                theirs.append(theirs_px(landmarker.detect_for_video(image, time_ms(frame))))
                region = backend.region_after(face) if face else backend.search(frame, False)[0]
                face = backend.fit(frame, region)
                assert face is not None
                ours.append(smooth(face.points_px.astype(np.float64), time_ms(frame) / 1000))
        assert median_difference_iod(ours, theirs) < 0.005

    def test_blendshapes_from_the_same_points(self, alone) -> None:
        mesh = FaceMesh()
        for result in alone:
            expected = [shape.score for shape in result.face_blendshapes[0]]
            assert mesh.blendshapes(theirs_px(result)) == pytest.approx(expected, abs=1e-3)

    def test_pose_from_the_same_points(self, alone) -> None:
        for result in alone:
            expected = result.facial_transformation_matrixes[0]
            pose = metric_pose(theirs_px(result), WIDE_PX)
            for part in (np.s_[:3, :3], np.s_[:3, 3]):
                apart = np.linalg.norm(pose[part] - expected[part])
                assert apart < 1e-3 * np.linalg.norm(expected[part])
            assert pose[3].tolist() == [0, 0, 0, 1]


def pasted(picture: np.ndarray, portrait: np.ndarray, side_px: int, x: int, y: int) -> np.ndarray:
    """Put a portrait into a picture, scaled; map from its pixels to those of the picture."""
    small = cv2.resize(portrait, (side_px, side_px), interpolation=cv2.INTER_AREA)
    picture[y : y + side_px, x : x + side_px] = small
    scale = side_px / len(portrait)
    # Indices of pixels: their middles are half a pixel further in.
    middle = (scale - 1) / 2
    return np.array([[scale, 0, x + middle], [0, scale, y + middle]])


def mapped(points: np.ndarray, to_picture: np.ndarray) -> np.ndarray:
    moved = points.copy()
    moved[:, :2] = points[:, :2] @ to_picture[:, :2].T + to_picture[:, 2]
    return moved


def covered(rgb: np.ndarray, face: FaceDetection, side: str, share: float, fill: str) -> np.ndarray:
    """A patch over the face, from one side of its box on, that takes a share of it."""
    left, top, right, bottom = (round(edge) for edge in face.box_px)
    width, height = round(share * (right - left)), round(share * (bottom - top))
    hole = {
        "bottom": np.s_[bottom - height : bottom, left:right],
        "top": np.s_[top : top + height, left:right],
        "left": np.s_[top:bottom, left : left + width],
        "right": np.s_[top:bottom, right - width : right],
    }[side]
    picture = rgb.copy()
    patch = picture[hole]
    noise = np.random.default_rng(0).integers(0, 255, patch.shape)
    patch[:] = {"skin": (190, 150, 130), "plain": (40, 90, 160), "noise": noise}[fill]
    return picture


def wall(width: int, height: int, level: int = 90) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def trusted_faces(backend: MediaPipeBackend, rgb: np.ndarray) -> list[FaceDetection]:
    """What a thorough search and two fits, as those who follow faces do them, lead to."""
    regions = backend.search(Frame(0, 0.0, rgb), thorough=True)
    faces = [settled(backend, rgb, region) for region in regions]
    return [face for face in faces if face and face.confidence >= 0.5]


class TestSearch:
    @pytest.mark.parametrize("height_share", [0.06, 0.07, 0.08])
    def test_small_faces_are_found_by_the_thorough_one(
        self, backend, portrait, height_share: float
    ) -> None:
        large = surest(backend, portrait)
        height_px = large.box_px[3] - large.box_px[1]
        side_px = round(height_share * 720 / height_px * len(portrait))
        rng = np.random.default_rng(round(1000 * height_share))
        for _ in range(3):
            picture = wall(1280, 720)
            x, y = rng.integers(0, 1280 - side_px), rng.integers(0, 720 - side_px)
            to_picture = pasted(picture, portrait, side_px, int(x), int(y))
            assert backend.search(Frame(0, 0.0, picture), thorough=False) == []
            face = surest(backend, picture, thorough=True)
            assert difference_iod(face.points_px, mapped(large.points_px, to_picture)) < 0.04
            assert face.confidence > 0.9

    @pytest.mark.parametrize("roll_deg", [-40, -30, 30, 40])
    def test_a_tilted_face(self, backend, portrait, roll_deg: float) -> None:
        upright = surest(backend, portrait)
        middle = (len(portrait) - 1) / 2
        tilt = cv2.getRotationMatrix2D((middle, middle), -roll_deg, 1)
        tilted = cv2.warpAffine(
            portrait, tilt, portrait.shape[1::-1], borderMode=cv2.BORDER_REPLICATE
        )
        (region,) = backend.search(Frame(0, 0.0, tilted), thorough=False)
        assert np.degrees(region.roll_rad) == pytest.approx(roll_deg, abs=10)
        face = settled(backend, tilted, region)
        assert face is not None
        assert difference_iod(face.points_px, mapped(upright.points_px, tilt)) < 0.02
        assert face.confidence > 0.9
        after = np.degrees(backend.region_after(face).roll_rad)
        before = np.degrees(backend.region_after(upright).roll_rad)
        assert after - before == pytest.approx(roll_deg, abs=1.5)

    @pytest.mark.parametrize("side", ["left", "right", "top", "bottom"])
    def test_a_face_at_the_edge_is_right_or_not_trusted(self, backend, portrait, side) -> None:
        whole = surest(backend, portrait)
        left, top, right, bottom = (round(edge) for edge in whole.box_px)
        for share in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6):
            across, down = round(share * (right - left)), round(share * (bottom - top))
            x, y = (left + across) * (side == "left"), (top + down) * (side == "top")
            end_x = right - across if side == "right" else None
            end_y = bottom - down if side == "bottom" else None
            rgb = np.ascontiguousarray(portrait[y:end_y, x:end_x])
            trusted = trusted_faces(backend, rgb)
            for face in trusted:
                assert difference_iod(face.points_px + np.array([x, y, 0]), whole.points_px) < 0.1
            assert len(trusted) == 1 or share > 0.2

    @pytest.mark.parametrize("colour", [0, 90, 255, (190, 150, 130), (30, 200, 90)])
    @pytest.mark.parametrize("size_px", [(640, 360), (100, 700), (3, 500), (1, 1)])
    def test_nothing_in_a_plain_picture(self, backend, colour, size_px) -> None:
        frame = Frame(0, 0.0, np.full((size_px[1], size_px[0], 3), colour, np.uint8))
        assert backend.search(frame, thorough=True) == []

    @pytest.mark.parametrize("seed", range(8))
    def test_nothing_to_trust_in_noise_and_clouds(self, backend, seed: int) -> None:
        rng = np.random.default_rng(seed)
        noise = rng.integers(0, 255, (360, 640, 3), dtype=np.uint8)
        clouds = cv2.resize(rng.integers(0, 255, (9, 16, 3), dtype=np.uint8), (640, 360))
        for picture in (noise, cv2.GaussianBlur(noise, (0, 0), 4 + seed), clouds):
            assert trusted_faces(backend, picture) == []

    @pytest.mark.parametrize("seed", range(6))
    def test_everybody_once(self, backend, seed: int) -> None:
        """Of up to four people each is found, and no two candidates are of one face."""
        rng = np.random.default_rng(seed)
        picture, people = wall(960, 540), list(PORTRAITS.values())
        truth = []
        for number in range(1 + seed % 4):
            side_px = int(rng.integers(130, 235))
            x = 240 * number + int(rng.integers(0, 240 - side_px))
            portrait = people[rng.integers(len(people))](480)
            large = surest(backend, portrait)
            y = int(rng.integers(0, 540 - side_px))
            truth.append(mapped(large.points_px, pasted(picture, portrait, side_px, x, y)))
        frame = Frame(0, 0.0, picture)
        regions = backend.search(frame, thorough=True)
        for one, other in combinations(regions, 2):
            assert overlap(one.box_px, other.box_px) <= 0.3
        fits = [backend.fit(frame, region) for region in regions]
        faces = [face for face in fits if face and face.confidence >= 0.5]
        assert len(faces) == len(truth)
        for points in truth:
            away = [difference_iod(face.points_px, points) for face in faces]
            assert sum(error < 0.05 for error in away) == 1

    @pytest.mark.parametrize("dim_first", [False, True])
    @pytest.mark.parametrize("thorough", [False, True])
    def test_the_surest_comes_first(self, backend, dim_first: bool, thorough: bool) -> None:
        """Of a clean face and one of which the upper half is covered, wherever they are."""
        clean = PORTRAITS["astronaut"](360)
        hidden = covered(clean, surest(backend, clean), "top", 0.45, "skin")
        picture = wall(720, 360)
        for number, portrait in enumerate((hidden, clean) if dim_first else (clean, hidden)):
            pasted(picture, portrait, 360, 360 * number, 0)
        regions = backend.search(Frame(0, 0.0, picture), thorough)
        assert len(regions) >= 2
        assert (regions[0].centre_px[0] > 360) == dim_first
