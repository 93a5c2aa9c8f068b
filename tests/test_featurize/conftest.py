"""Videos shared by the tests of the feature side. All are rendered or drawn; none is committed."""

import json
from pathlib import Path
from typing import Any

import pytest

from featurize.isolation.keeper import Limits, Outcome
from featurize.runs import crew, one_video
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


def ask_here(task: str, request: dict[str, Any], limits: Limits, *_: object) -> Outcome:
    """Answer in this process, as a worker would that has been asked before."""
    assert task == one_video.TASK
    return Outcome("answered", one_video.work(json.loads(json.dumps(request))))


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs do their work in this process, where a test can put something else in its place."""

    def ask(*request: object) -> Outcome:
        one_video._settings_here.cache_clear()  # a new process would not have it
        return ask_here(*request)

    monkeypatch.setattr(crew, "ask", ask)
