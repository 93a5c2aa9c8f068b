"""Runs on a Dask cluster: the same table, whatever happens to its workers."""

import builtins
import contextlib
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from featurize import featurize_dataset
from featurize.errors import OptionError, WorkerError, WorkerLostError
from featurize.extraction import LandmarkOptions
from featurize.runs import cluster as cluster_module
from featurize.runs import crew
from featurize.runs.one_video import TASK, Plan, answered_rows, work
from tests.test_featurize.test_runs.tasks import WORK, times_seen

distributed = pytest.importorskip("distributed")


@pytest.fixture(autouse=True)
def task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "TASK", WORK)


@pytest.fixture
def cluster() -> Iterator[object]:
    """A cluster of two worker processes on this machine."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as started:
        yield started


def videos(folder: Path, *names: str) -> pd.DataFrame:
    for name in names:
        (folder / f"{name}.mp4").touch()
    return pd.DataFrame({"path": [str(folder / f"{name}.mp4") for name in names]})


def test_the_table_is_that_of_one_machine(cluster, tmp_path: Path) -> None:
    source = videos(tmp_path, "a", "segfault", "b", "hangs", "c", "grows", "once", "cluster")
    limits = {"timeout_s": 6.0, "memory_mib": 400.0}
    far = tmp_path / "far.csv"
    there = featurize_dataset(source, far, scheduler=cluster.scheduler_address, **limits)
    expected = ["empty", "crashed", "empty", "timeout", "empty", "too_large", "empty", "empty"]
    assert there["status"].tolist() == expected
    # Dask has given the video of a worker that was killed to another.
    assert times_seen(tmp_path / "cluster.mp4") == 2
    featurize_dataset(source, tmp_path / "here.csv", n_jobs=2, **limits)
    assert far.read_bytes() == (tmp_path / "here.csv").read_bytes()


@pytest.mark.parametrize("n_jobs", [-1, 1])
def test_a_cluster_of_one_core_does_the_work(tmp_path: Path, n_jobs: int) -> None:
    source = videos(tmp_path, "a", "b", "once")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as small:
        table = featurize_dataset(source, n_jobs=n_jobs, scheduler=small.scheduler_address)
    assert table["status"].eq("empty").all()


def test_jobs_are_those_at_a_time(cluster, tmp_path: Path) -> None:
    source = videos(tmp_path, *(f"alone-{n}" for n in range(4)))
    table = featurize_dataset(source, n_jobs=1, scheduler=cluster.scheduler_address)
    assert table["status"].eq("empty").all(), table["reason"].tolist()


def test_features_come_back_as_from_one_machine(
    cluster, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew, "TASK", TASK)
    shutil.copyfile(clip, tmp_path / "a.mp4")
    monkeypatch.chdir(tmp_path)
    options = {"window_s": 2.0, "landmark_store": "store"}
    source = pd.DataFrame({"path": ["a.mp4", "missing.mp4"]})
    featurize_dataset(source, "far.csv", scheduler=cluster.scheduler_address, **options)
    featurize_dataset(source, "here.csv", n_jobs=1, **options)
    assert Path("far.csv").read_bytes() == Path("here.csv").read_bytes()
    assert pd.read_csv("far.csv")["status"].tolist() == ["ok", "ok", "missing"]


def test_nobody_goes_on_with_what_is_not_wanted(
    cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = videos(tmp_path, *(f"hangs-{n}" for n in range(4)))

    def stops() -> None:
        deadline = time.monotonic() + 60
        while sum(times_seen(Path(path)) for path in source["path"]) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        raise KeyboardInterrupt

    whole = crew.spread

    @contextlib.contextmanager
    def interrupted(*arguments: object, **how: object) -> Iterator[object]:
        with whole(*arguments, **how):
            stops()
            yield

    monkeypatch.setattr(crew, "spread", interrupted)
    with pytest.raises(KeyboardInterrupt):
        featurize_dataset(source, tmp_path / "f.csv", scheduler=cluster.scheduler_address)
    deadline = time.monotonic() + 30
    while hanging(tmp_path):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def hanging(folder: Path) -> list[int]:
    """Worker processes that say in a file of their own that they began, and are there."""
    return [
        int(f.read_text()) for f in folder.glob("*.pid") if Path(f"/proc/{f.read_text()}").exists()
    ]


def test_no_scheduler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "CONNECT_S", 0.5)
    with pytest.raises(OptionError, match=r"No Dask scheduler answers at tcp://127\.0\.0\.1:1 "):
        featurize_dataset(videos(tmp_path, "a"), scheduler="tcp://127.0.0.1:1")
    with pytest.raises(OptionError, match="No Dask scheduler answers at nonsense://x"):
        featurize_dataset(videos(tmp_path, "a"), scheduler="nonsense://x")


def test_a_scheduler_without_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "CONNECT_S", 2.0)
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=None) as empty,
        pytest.raises(OptionError, match="has no workers: start some with `dask worker"),
    ):
        featurize_dataset(videos(tmp_path, "a"), scheduler=empty.scheduler_address)


@pytest.mark.parametrize("lost", ["workers", "scheduler"])
def test_a_cluster_that_is_lost_is_one_sentence_and_what_is_finished_is_kept(
    cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    monkeypatch.setattr(cluster_module, "ALONE_S", 1.0)
    monkeypatch.setattr(cluster_module, "LOOK_S", 0.1)
    names = ["a", "b", *(f"slow-{n}" for n in range(12))]
    source, out = videos(tmp_path, *names), tmp_path / "f.csv"
    whole = crew.spread

    @contextlib.contextmanager
    def breaks_after_the_first(*arguments: object, **options: object) -> Iterator[object]:
        with whole(*arguments, **options) as outcomes:
            yield breaking(outcomes)

    def breaking(outcomes: Iterator[object]) -> Iterator[object]:
        for number, outcome in enumerate(outcomes):
            yield outcome
            if number == 1:
                cluster.scale(0) if lost == "workers" else cluster.close()

    monkeypatch.setattr(crew, "spread", breaks_after_the_first)
    with pytest.raises(WorkerLostError, match=r"^The Dask cluster at .* is lost.* kept; give the"):
        featurize_dataset(source, out, scheduler=cluster.scheduler_address)
    monkeypatch.setattr(crew, "spread", whole)
    assert featurize_dataset(source, out, n_jobs=2)["status"].eq("empty").all()
    assert times_seen(tmp_path / "a.mp4") == 1


def test_without_dask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = builtins.__import__

    def without(name: str, *arguments: object) -> object:
        if name.partition(".")[0] == "distributed":
            raise ImportError(name)
        return whole(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(OptionError, match="pip install 'deepfake-biometrics"):
        featurize_dataset(videos(tmp_path, "a"), scheduler="tcp://127.0.0.1:1")


@pytest.mark.parametrize(
    ("name", "told"), [("av", "A worker has av "), ("models", "A worker has other models")]
)
def test_a_worker_with_other_versions_is_refused(clip: Path, name: str, told: str) -> None:
    plan = Plan(LandmarkOptions())
    request = plan.request(str(clip), "clip.mp4")
    request["settings"] = {**request["settings"], name: "another"}
    with pytest.raises(WorkerError, match=f"^{told}.*install the same versions everywhere"):
        answered_rows(work(request), plan)


def test_a_worker_that_does_not_see_the_folder_is_refused() -> None:
    plan = Plan(LandmarkOptions())
    request = plan.request("clip.mp4", "clip.mp4")
    with pytest.raises(WorkerError, match="cannot enter /nowhere/at/all"):
        answered_rows(work({**request, "folder": "/nowhere/at/all"}), plan)
