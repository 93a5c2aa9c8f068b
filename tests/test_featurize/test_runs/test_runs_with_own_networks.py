"""Runs with networks of the user: replaced meanwhile, failing on a face, named as the table."""

import json
from pathlib import Path

import pandas as pd
import pytest

from featurize import featurize_dataset
from featurize.errors import OptionError, OutputError
from featurize.feature_options import FeatureOptions
from featurize.feature_rows import Row
from featurize.outputs.sidecars import run_file
from featurize.runs import crew, one_video
from featurize.runs.journal import Journal
from featurize.runs.settings import RunSettings
from featurize.synthesis import Script
from featurize.table import run_dataset
from tests.test_featurize.conftest import ask_here, film

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")


@pytest.fixture(autouse=True)
def one_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """One process does all the work, and remembers what a worker remembers."""
    monkeypatch.setattr(crew, "ask", ask_here)


class Means(torch.nn.Module):
    """Mean of each colour, times a number."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return pictures.mean((2, 3)) * self.factor


class NoFaces(torch.nn.Module):
    """No number for a picture that is neither of one colour nor noise."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        means = pictures.mean((2, 3))
        usual = (means < 0.01) | (means > 0.99) | ((means - 0.5).abs() < 0.01)
        return torch.where(usual, means, torch.full_like(means, float("nan")))


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two videos of the same content."""
    folder = tmp_path_factory.mktemp("own") / "videos"
    folder.mkdir()
    film(folder / "a.mp4", Script(duration_s=2.2), 12.5, 192)
    (folder / "b.mp4").write_bytes((folder / "a.mp4").read_bytes())
    return folder


@pytest.fixture
def network(tmp_path: Path) -> Path:
    return saved(Means(1.0), tmp_path / "net.pt")


def saved(module: torch.nn.Module, path: Path) -> Path:
    torch.jit.save(torch.jit.script(module), path)
    return path


def run(videos: Path, network: Path, out: Path) -> pd.DataFrame:
    store = videos.parent / "store"  # of all tests: landmarks are found once
    return featurize_dataset(videos, out, n_jobs=1, landmark_store=store, cnn=network)


def done(out: Path) -> list[str]:
    """Statuses that a journal holds."""
    lines = out.with_name(out.name + ".journal").read_text().splitlines()
    entries = [json.loads(line) for line in lines if line]
    return [entry["status"] for entry in entries if "status" in entry]


class TestReplaced:
    def test_after_a_video(
        self, videos: Path, network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        out, add = tmp_path / "f.csv", Journal.add

        def trains_on(self: Journal, *args: object) -> int:
            saved(Means(1000.0), network)
            return add(self, *args)

        monkeypatch.setattr(Journal, "add", trains_on)
        with pytest.raises(OptionError, match=r"net\.pt has changed since the run began: put the"):
            run(videos, network, out)
        assert not out.exists()
        assert done(out) == ["ok"]

    def test_while_a_video_is_measured(
        self, videos: Path, network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        out, old, whole = tmp_path / "f.csv", network.read_bytes(), one_video.video_rows

        def trains_on(*args: object) -> list[Row]:
            rows = whole(*args)
            saved(Means(1000.0), network)
            return rows

        with monkeypatch.context() as meanwhile:
            meanwhile.setattr(one_video, "video_rows", trains_on)
            with pytest.raises(OptionError, match=r"net\.pt has changed since the run began"):
                run(videos, network, out)
        assert done(out) == []
        network.write_bytes(old)
        table = run(videos, network, out)
        (name,) = json.loads(run_file(out).read_text())["settings"]["networks"]
        assert (table[f"cnn__{name}_0000__mean"] < 1).all()

    def test_between_two_runs_of_the_same_settings(
        self, videos: Path, network: Path, tmp_path: Path
    ) -> None:
        features = FeatureOptions((str(network),))
        how = RunSettings(n_jobs=1, landmark_store=videos.parent / "store", features=features)
        levels = []
        for factor in (1.0, 1000.0):
            saved(Means(factor), network)
            run_dataset(videos, tmp_path / f"{factor:g}.csv", how)
            table = pd.read_csv(tmp_path / f"{factor:g}.csv")
            levels += table.loc[:, table.columns.str.endswith("_0000__mean")].mean().tolist()
        assert levels[1] == pytest.approx(1000 * levels[0], rel=1e-5)


def test_a_network_that_fails_on_a_face_costs_the_rows_of_those_videos(
    videos: Path, network: Path, tmp_path: Path
) -> None:
    saved(NoFaces(), network)
    (tmp_path / "manifest.csv").write_text(f"path\n{videos / 'a.mp4'}\n")
    out, store = tmp_path / "f.csv", videos.parent / "store"
    how = {"n_jobs": 1, "landmark_store": store, "cnn": network}
    n_kept = len(list(store.rglob("*.samples")))
    table = featurize_dataset(tmp_path / "manifest.csv", out, **how)
    assert table["status"].tolist() == ["network_failed"]
    reason = table.loc[0, "reason"]
    assert reason.startswith(f"{videos / 'a.mp4'}, 0.00 to ")
    assert "The network net_" in reason
    assert "gives numbers that are not finite on a face" in reason
    assert len(list(store.rglob("*.samples"))) == n_kept
    assert out.with_name("f.csv.journal").exists()  # it deserves another try


def test_a_network_is_not_replaced_by_the_table(videos: Path, network: Path) -> None:
    content = network.read_bytes()
    with pytest.raises(OutputError, match=r"net\.pt is to be read, not replaced"):
        run(videos, network, network)
    assert network.read_bytes() == content
