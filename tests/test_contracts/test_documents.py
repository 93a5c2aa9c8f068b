"""The documents say what the code does."""

import re
from pathlib import Path

from featurize import describe_features
from featurize.__main__ import app as featurize_app
from featurize.assets import EXTRA_MODEL_FILES, MODEL_FILES, MODELS_VARIABLE
from featurize.errors import VideoError
from featurize.runs.journal import ALWAYS_TRIED_AGAIN, TRIED_AGAIN_AFTERWARDS
from featurize.synthesis.pseudo_fakes.piece import FaceTooSmallError, SceneCutsError
from featurize.synthesis.pseudo_fakes.rendering import NOT_RENDERED, UNCHANGED
from models.__main__ import app as models_app

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def test_table_of_families_is_the_registry() -> None:
    table = dict(re.findall(r"^\| `(\w+)` \| (\d+) \|", README, flags=re.MULTILINE))
    counts = describe_features()["family"].value_counts()
    assert {family: int(count) for family, count in table.items()} == counts.to_dict()
    assert f"{len(describe_features())} features per face" in README


def test_every_status_is_explained() -> None:
    # Those of videos that are measured; pseudo-fakes have some of their own.
    errors = [one for one in VideoError.__subclasses__() if one.__module__ == VideoError.__module__]
    statuses = {error.status for error in errors}
    statuses |= {"ok", *ALWAYS_TRIED_AGAIN, *TRIED_AGAIN_AFTERWARDS}
    rows = re.search(r"\| `status` \| meaning \|\n\|---\|---\|\n((?:\|.*\n)+)", README)[1]
    explained = {
        word for row in rows.splitlines() for word in re.findall(r"`(\w+)`", row.split("|")[1])
    }
    assert explained == statuses


def test_every_status_of_a_pseudo_fake_is_named() -> None:
    statuses = {SceneCutsError.status, FaceTooSmallError.status, UNCHANGED, NOT_RENDERED}
    assert [status for status in sorted(statuses) if f"`{status}`" not in README] == []


def test_every_command_of_the_documents_exists() -> None:
    known = {
        package: {
            command.name or command.callback.__name__.replace("_", "-")
            for command in app.registered_commands
        }
        for package, app in (("featurize", featurize_app), ("models", models_app))
    }
    used = re.findall(
        r"python -m (featurize|models) ([a-z-]+)", README + (ROOT / "Makefile").read_text()
    )
    assert used
    assert [pair for pair in used if pair[1] not in known[pair[0]]] == []


def test_model_files_and_their_licences_are_named() -> None:
    assert MODELS_VARIABLE in README
    for model in (*MODEL_FILES, *EXTRA_MODEL_FILES):
        assert model.name in README
        assert model.licence in README
