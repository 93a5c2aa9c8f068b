import fcntl
import hashlib
import json

import av
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from featurize.__main__ import app, main
from featurize.errors import ManifestError, OptionError, OutputError
from featurize.synthesis import (
    Performer,
    make_dataset,
    random_script,
    write_video,
)
from featurize.synthesis.degradations.chain import Chain
from featurize.synthesis.degradations.encoder import Encoder
from featurize.synthesis.manipulations.catalogue import MANIPULATIONS
from featurize.synthesis.pseudo_fakes import make_pseudo_fakes
from featurize.synthesis.pseudo_fakes.piece import load_piece

LOSSLESS = Chain(encoder=Encoder(quality=0))
FPS = 10.0
SIZE_PX = 192
WORLDS = {"worlds": 2, "fakes": 2, "seed": 3}


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    """Scripted people, and beside them what cannot be used."""
    folder = tmp_path_factory.mktemp("material") / "clips"
    made = make_dataset(
        folder, n_people=3, seed=4, fps=FPS, duration_s=3.0, size_px=SIZE_PX, n_jobs=1
    )
    usable = made[(made["label"] == "real") | (made["group"] == "person-000")]
    times_s = np.arange(30) / FPS
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (30, 96, 96, 3), np.uint8)
    write_video(folder / "faceless.mp4", noise, times_s)
    performer, script = Performer(SIZE_PX, 1), random_script(1, 3.0)
    short = times_s[:15]
    write_video(folder / "short.mp4", (performer.frame(script, t) for t in short), short)
    (folder / "broken.mp4").write_bytes(b"no video at all" * 100)
    bad = [
        {"path": f"{name}.mp4", "label": "real", "group": name, "dataset": "bad"}
        for name in ("broken", "faceless", "missing", "short")
    ]
    manifest = folder.parent / "list.csv"
    table = pd.concat([usable, pd.DataFrame(bad)], ignore_index=True)
    table["path"] = "clips/" + table["path"]
    table.to_csv(manifest, index=False)
    return manifest


@pytest.fixture(scope="module")
def store(material):
    return material.parent / "landmarks"


@pytest.fixture(scope="module")
def made(material, store):
    out = material.parent / "made"
    return out, make_pseudo_fakes(material, out, **WORLDS, n_jobs=1, store=store)


def digests(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def pictures(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def test_every_video_of_the_manifest_is_there_and_no_other(made):
    out, table = made
    there = {str(path.relative_to(out)) for path in out.rglob("*.mp4")}
    assert there == set(table.loc[table["status"] == "ok", "path"])
    written = pd.read_csv(out / "manifest.csv", keep_default_na=False)
    pd.testing.assert_frame_equal(written, table, check_dtype=False)


def test_usable_videos_are_all_rendered(made):
    _, table = made
    ours = table[table["dataset"] == "scripted"]
    assert (ours["status"] == "ok").all()
    real = ours[ours["label"] == "real"]
    assert len(real) == 3 * 2
    assert (ours["method"].str.startswith("pseudo-")).sum() == 3 * 2 * 2
    assert (ours["method"] == "scripted-face-swap").sum() == 2
    for text in ours.loc[ours["method"].str.startswith("pseudo-"), "parameters"]:
        assert json.loads(text)


def test_what_cannot_be_used_is_a_row_with_its_reason(made):
    _, table = made
    bad = table[table["dataset"] == "bad"]
    assert len(bad) == 4 * 2 * 3
    statuses = bad.groupby("group")["status"].unique()
    assert {group: list(found) for group, found in statuses.items()} == {
        "broken": ["unreadable"],
        "faceless": ["no_face"],
        "missing": ["missing"],
        "short": ["too_short"],
    }
    for row in bad.itertuples():
        assert f"{row.group}.mp4" in row.reason


def test_videos_of_a_world_have_the_same_size_times_and_chain(made):
    out, table = made
    for _, world in table[table["status"] == "ok"].groupby("world"):
        assert len(set(world["compression"])) == 1
        facts = set()
        for path in world["path"]:
            with av.open(str(out / path)) as container:
                stream = container.streams.video[0]
                times = tuple(frame.pts for frame in container.decode(stream))
                facts.add((stream.width, stream.height, stream.codec_context.name, times))
        assert len(facts) == 1


def test_a_pseudo_fake_differs_from_its_original_in_the_face_alone(material, store, tmp_path):
    one = material.with_name("one.csv")
    one.write_text("path,label\nclips/person-000_take-0_real.mp4,real\n")
    order = {"worlds": 1, "fakes": 1, "methods": ["self-blended"], "n_jobs": 1, "store": store}
    made = make_pseudo_fakes(one, tmp_path / "o", **order, chain=lambda _rng: LOSSLESS)
    plain, fake = (np.float32(pictures(tmp_path / "o" / path)) for path in made["path"])
    clip = load_piece(material.parent / "clips/person-000_take-0_real.mp4", 0.0, 5.2, store)
    change = np.abs(fake - plain).mean(axis=(0, 3))
    (left, top), (right, bottom) = (
        np.nanmin(clip.points_px, axis=(0, 1)) - 20,
        np.nanmax(clip.points_px, axis=(0, 1)) + 20,
    )
    y, x = np.mgrid[:SIZE_PX, :SIZE_PX]
    in_face = (x > left) & (x < right) & (y > top) & (y < bottom)
    assert 0.05 < in_face.mean() < 0.8
    assert change[in_face].max() > 2  # how much more depends on the parameters drawn
    assert change[~in_face].max() == 0
    assert set(made["compression"]) == {"h264-crf0"}


def test_one_process_or_two_the_bytes_are_the_same(material, store, made, tmp_path):
    table = pd.read_csv(material, keep_default_na=False)
    backwards = material.with_name("backwards.csv")
    table.iloc[::-1].to_csv(backwards, index=False)
    make_pseudo_fakes(backwards, tmp_path / "again", **WORLDS, n_jobs=2, store=store)
    assert digests(tmp_path / "again") == digests(made[0])


def test_a_second_run_renders_nothing_again(material, store, made):
    out, first = made
    before = {path: path.stat().st_ino for path in out.rglob("*.mp4")}
    second = make_pseudo_fakes(material, out, **WORLDS, n_jobs=1, store=store)
    assert {path: path.stat().st_ino for path in out.rglob("*.mp4")} == before
    pd.testing.assert_frame_equal(first, second)


def test_what_is_lost_or_cut_short_is_rendered_again_and_only_that(material, store, made):
    out, table = made
    before = digests(out)
    worlds = table.loc[table["status"] == "ok", "world"].unique()
    lost = out / table.loc[table["world"] == worlds[0], "path"].iloc[0]
    cut = out / table.loc[table["world"] == worlds[1], "path"].iloc[0]
    lost.unlink()
    cut.write_bytes(cut.read_bytes()[:-1])
    half = out / worlds[2]
    half.rename(half.with_name(f".{half.name}.part"))  # as an interrupted run leaves it
    kept = [path for path in out.rglob("*.mp4") if str(path.parent.relative_to(out)) in worlds[3:]]
    inodes = {path: path.stat().st_ino for path in kept}
    make_pseudo_fakes(material, out, **WORLDS, n_jobs=1, store=store)
    assert digests(out) == before
    assert {path: path.stat().st_ino for path in kept} == inodes


def test_another_plan_takes_the_place_of_the_old_one(material, store, tmp_path):
    one = material.with_name("first.csv")
    pd.read_csv(material, keep_default_na=False).iloc[:1].to_csv(one, index=False)
    order = {"worlds": 1, "fakes": 1, "n_jobs": 1, "store": store}
    method = next(name for name, kind in MANIPULATIONS.items() if not kind.needs_donor)
    first = make_pseudo_fakes(one, tmp_path / "o", methods=[method], seed=0, **order)
    before = digests(tmp_path / "o")
    second = make_pseudo_fakes(one, tmp_path / "o", methods=[method], seed=1, **order)
    assert list(first["path"]) == list(second["path"])
    assert (second["status"] == "ok").all()
    assert all(digests(tmp_path / "o")[path] != before[path] for path in second["path"])


def test_refusals(material, made, tmp_path):
    out = tmp_path / "out"
    folder = material.parent / "clips"
    with pytest.raises(OptionError, match="No manipulation is called time-travel"):
        make_pseudo_fakes(material, out, methods=["time-travel"])
    with pytest.raises(OptionError, match="1 method cannot make 2 fakes"):
        make_pseudo_fakes(material, out, fakes=2, methods=list(MANIPULATIONS)[:1])
    for wrong in ({"worlds": 0}, {"fakes": -1}, {"seed": -1}, {"n_jobs": 0}, {"piece_s": 1.0}):
        with pytest.raises(OptionError, match=next(iter(wrong))):
            make_pseudo_fakes(material, out, **wrong)
    alone = pd.DataFrame({"path": [str(folder / "missing.mp4")], "label": ["real"]})
    with pytest.raises(ManifestError, match="face-swap takes the face of another person"):
        make_pseudo_fakes(alone, out, fakes=1, methods=["face-swap"])
    with pytest.raises(ManifestError, match="no manifest"):
        make_pseudo_fakes(tmp_path / "none.csv", out)
    with pytest.raises(ManifestError, match="without a label"):
        make_pseudo_fakes(folder, out)
    with pytest.raises(ManifestError, match="No video is authentic"):
        make_pseudo_fakes(pd.DataFrame({"path": ["a.mp4"], "label": ["fake"]}), out)
    with pytest.raises(OutputError, match="lies in"):
        make_pseudo_fakes(material, folder / "deeper")
    (material.parent / "manifest.csv").write_text("path,label\nclips/a.mp4,real\n")
    with pytest.raises(OutputError, match="not a manifest of this command"):
        make_pseudo_fakes(material, material.parent)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError):
        make_pseudo_fakes(material, tmp_path / "file")
    assert not out.exists()


def test_command_line(material, store, tmp_path, monkeypatch, capsys):
    out = tmp_path / "by-command"
    order = ["pseudo-fakes", str(material), "-o", str(out), "--worlds", "1", "--fakes", "1"]
    result = CliRunner().invoke(app, [*order, "--landmark-store", str(store), "--jobs", "1"])
    assert result.exit_code == 0, result.output
    assert "8 could not be made" in result.output
    assert "faceless.mp4" in result.output
    table = pd.read_csv(out / "manifest.csv", keep_default_na=False)
    assert (table["status"] == "ok").sum() == 3 * 2 + 1
    assert f"{len(table) - 8} videos" in result.output
    monkeypatch.setattr("sys.argv", ["featurize", *order, "--method", "time-travel"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert capsys.readouterr().err.startswith("No manipulation is called time-travel: use ")


def test_two_runs_into_one_folder_are_refused(material, tmp_path):
    out = tmp_path / "busy"
    out.mkdir()
    with (out / ".manifest.csv.part").open("w") as part:
        fcntl.flock(part, fcntl.LOCK_EX)
        with pytest.raises(OutputError, match="another process"):
            make_pseudo_fakes(material, out, n_jobs=1)
    assert not list(out.rglob("*.mp4"))
