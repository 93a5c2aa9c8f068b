"""Videos shared by the tests of the feature side. All are rendered or drawn; none is committed."""

from pathlib import Path

import pytest

from featurize.synthesis import Blink, Performer, Script, Sines, write_video


def film(path: Path, script: Script, fps: float, size_px: int = 256) -> Path:
    """Render a script to a file."""
    performer = Performer(size_px)
    times_s = [number / fps for number in range(round(script.duration_s * fps))]
    write_video(path, (performer.frame(script, t) for t in times_s), times_s)
    return path


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A face that sways its head by 8 degrees of yaw every two seconds and blinks twice."""
    script = Script(
        duration_s=4.0,
        yaw_deg=Sines((8.0,), (0.5,), (0.0,)),
        blinks=(Blink(1.0, 0.3, 1.0), Blink(2.6, 0.3, 1.0)),
    )
    return film(tmp_path_factory.mktemp("video") / "clip.mp4", script, fps=25)
