"""What is compared; each is run in a process of its own, pinned to cores.

``python -m benchmarks.contenders NAME CLIP WARM_UP [POINTS]`` prints one line of JSON: frames, wall
and CPU seconds, peak memory; the points, where they are compared, go to the file POINTS. Imports
are done before, on the clip WARM_UP. BENCHMARK_CORES in the environment names the cores to run on.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

Result = dict[str, object]

WINDOW_S = 5.0
"""Length of windows, where rows are of windows."""


def _extract(path: Path, backend: str) -> Result:
    from featurize.extraction import LandmarkOptions, extract

    tracks = extract(path, LandmarkOptions(backend, faces="main")).tracks
    points = tracks[0].points_px[..., :2] if backend == "dlib" else None
    return {"n_frames": tracks[0].n_frames, "points": points}


def ours_mediapipe(path: Path) -> Result:
    """The package's MediaPipe backend: landmarks alone."""
    return _extract(path, "mediapipe")


def ours_dlib(path: Path) -> Result:
    """The package's dlib backend: landmarks alone."""
    return _extract(path, "dlib")


def _row(path: Path, **asked: object) -> Result:
    from featurize import featurize_video

    return {"n_frames": int(featurize_video(path, faces="main", **asked)["n_frames"].iloc[0])}


def features(path: Path) -> Result:
    """The whole way from the video to its row."""
    return _row(path)


def dlib_resnet(path: Path) -> Result:
    """The whole way, and dlib's face embedding, on the CPU."""
    return _row(path, cnn="dlib-resnet", device="cpu")


def efficientnet_lite0(path: Path) -> Result:
    """The whole way, and EfficientNet-Lite0, on the CPU."""
    return _row(path, cnn="efficientnet-lite0", device="cpu")


def identity(path: Path) -> Result:
    """The whole way, and identity, which is told by dlib's face embedding."""
    return _row(path, identity=True, device="cpu")


def both_and_identity(path: Path) -> Result:
    """The whole way, both networks and identity: what one of them needs, the others share."""
    return _row(path, cnn=("dlib-resnet", "efficientnet-lite0"), identity=True, device="cpu")


def windows(path: Path) -> Result:
    """The whole way, with rows of windows."""
    return _row(path, window_s=WINDOW_S)


def series(path: Path) -> Result:
    """The same, with the signals themselves."""
    return _row(path, window_s=WINDOW_S, series=True)


def _measures(path: Path, with_pairs: bool) -> Result:
    from featurize.declaration import PairSignal
    from featurize.extraction import LandmarkOptions, extract
    from featurize.frame_features.observer import PixelObserver
    from featurize.registry import MEASURED_SIGNALS

    signals = [s for s in MEASURED_SIGNALS if with_pairs or not isinstance(s, PairSignal)]
    found = extract(path, LandmarkOptions(faces="main"), PixelObserver(signals))
    return {"n_frames": found.n_frames}


def measures(path: Path) -> Result:
    """Landmarks, and all that is read off pixels and sound."""
    return _measures(path, with_pairs=True)


def measures_without_transitions(path: Path) -> Result:
    """The same without what is read off pairs of frames."""
    return _measures(path, with_pairs=False)


def sound(path: Path) -> Result:
    """The level of the sound alone."""
    from featurize.audio import read_sound

    heard = read_sound(path)
    return {"n_frames": 0 if heard is None else len(heard.level_db)}


def plain_mediapipe(path: Path) -> Result:
    """The loop that every tutorial shows."""
    import cv2
    from mediapipe import Image, ImageFormat
    from mediapipe.tasks.python import BaseOptions, vision

    from featurize.assets import FACE_LANDMARKER, locate

    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(locate(FACE_LANDMARKER))),
        running_mode=vision.RunningMode.VIDEO,
        output_face_blendshapes=True,
        output_facial_transformation_matrixes=True,
    )
    n_frames = 0
    with vision.FaceLandmarker.create_from_options(options) as landmarker:
        for bgr in _captured(path):
            rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
            landmarker.detect_for_video(Image(ImageFormat.SRGB, rgb), n_frames * 40)
            n_frames += 1
    return {"n_frames": n_frames}


def plain_dlib(path: Path) -> Result:
    """Dlib's HOG detector and 68 points on every frame."""
    import cv2
    import dlib

    from featurize.assets import SHAPE_PREDICTOR_68, locate

    detector = dlib.get_frontal_face_detector()
    predictor = dlib.shape_predictor(str(locate(SHAPE_PREDICTOR_68)))
    points = []
    for bgr in _captured(path):
        rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
        faces = detector(rgb, 0)
        shape = None
        if faces:
            largest = max(faces, key=lambda face: face.area())
            shape = [(p.x, p.y) for p in predictor(rgb, largest).parts()]
        points.append(shape if shape else np.full((68, 2), np.nan))
    return {"n_frames": len(points), "points": np.array(points, np.float64)}


def limit(path: Path) -> Result:
    """Decoding, the mesh network and the blendshape network, and nothing else."""
    from featurize.landmarks.mediapipe478.face_mesh import CROP_PX, FaceMesh
    from featurize.video import VideoReader

    mesh = FaceMesh()
    crop = np.random.default_rng(0).integers(0, 255, (CROP_PX, CROP_PX, 3), np.uint8)
    n_frames = 0
    with VideoReader(path) as video:
        for _ in video:
            points, _ = mesh.landmarks(crop)
            mesh.blendshapes(points)
            n_frames += 1
    return {"n_frames": n_frames}


CONTENDERS: tuple[Callable[[Path], Result], ...] = (
    ours_mediapipe,
    ours_dlib,
    features,
    dlib_resnet,
    efficientnet_lite0,
    identity,
    both_and_identity,
    windows,
    series,
    measures,
    measures_without_transitions,
    sound,
    plain_mediapipe,
    plain_dlib,
    limit,
)


def _captured(path: Path):
    import cv2

    capture = cv2.VideoCapture(str(path))
    while True:
        works, bgr = capture.read()
        if not works:
            return
        yield bgr


def _peak_mib() -> float:
    """Peak of this process's own memory; ru_maxrss would begin with that of its parent."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main(name: str, clip: str, warm_up: str, points_out: str = "") -> None:
    """Run one contender, first on a short clip for its imports, and print what it took."""
    contender = {function.__name__: function for function in CONTENDERS}[name]
    os.sched_setaffinity(0, {int(core) for core in os.environ["BENCHMARK_CORES"].split(",")})
    contender(Path(warm_up))
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    result = contender(Path(clip))
    measured = {
        "n_frames": result["n_frames"],
        "wall_s": time.perf_counter() - wall_s,
        "cpu_s": time.process_time() - cpu_s,
        "peak_mib": _peak_mib(),
    }
    if points_out:
        np.save(points_out, result["points"])
    print(json.dumps(measured))


if __name__ == "__main__":
    main(*sys.argv[1:])
