import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from benchmarks import families
from tests.test_models.conftest import make_table


@pytest.fixture(scope="module")
def sources():
    """Six sources; ``print`` tells which it is, ``truth`` whether it is fake."""
    rng = np.random.default_rng(0)
    table = make_table(n_groups=60, signal=0.0, group_offset=0.0, n_noise=2)
    source = np.repeat(np.arange(60), 2) % 6
    fake = (table["label"] == "fake").to_numpy()
    table["dataset"] = [f"repository_{i}" for i in source]
    for i in range(6):
        level = rng.normal(size=6)[source]
        table[f"print__source_{i}__mean"] = level + 0.1 * rng.normal(size=len(table))
    for i in range(4):
        table[f"truth__told_{i}__mean"] = fake + 0.5 * rng.normal(size=len(table))
    return table


def test_columns_are_dealt_to_families_and_quality_stands_by_itself(sources):
    dealt = families.family_columns(list(sources.columns))
    assert list(dealt) == ["eyes", "noise", "print", "truth", "all", "quality"]
    assert len(dealt["print"]) == 6
    assert dealt["quality"] == ["quality__face_width_px__mean"]
    assert not set(dealt["quality"]) & set(dealt["all"])


def test_a_family_is_tested_with_covariates_only_where_conditioned(sources):
    plain, conditioned = (
        families.family_table(sources.rename(columns={"noise__n00__std": speed}), "truth", asked)
        for speed in ["head_pose__angular_speed_deg_per_s__median"]
        for asked in (False, True)
    )
    assert [name for name in plain if "__" in name] == [f"truth__told_{i}__mean" for i in range(4)]
    assert set(conditioned.columns) - set(plain.columns) == {
        "head_pose__angular_speed_deg_per_s__median"
    }


def run(*arguments):
    app = typer.Typer()
    app.command()(families.main)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize(
    ("content", "arguments", "told"),
    [
        (None, [], "Cannot read the feature table"),
        ("", [], "is empty"),
        ("path,label\na.mp4,fake\n", [], "no feature column"),
        (None, ["--classifier", "all"], "no classifier 'all': choose one of svm"),
        (None, ["--classifier", "forest"], "no classifier 'forest'"),
        (None, ["--seed", "-1"], "seed"),
    ],
)
def test_bad_input_is_one_clear_sentence(tmp_path, content, arguments, told):
    path = tmp_path / "features.csv"
    if content is not None:
        path.write_text(content)
    result = run(path, "--jobs", "1", *arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: ")
    assert len(result.stderr.splitlines()) == 1
    assert told in result.stderr


def test_the_table_has_a_row_for_each_family(sources, tmp_path):
    few = [name for name in sources if not name.startswith(("eyes", "noise"))]
    sources[few].to_csv(tmp_path / "features.csv", index=False)
    result = run(tmp_path / "features.csv", "--jobs", "1")
    assert result.exit_code == 0, result.output
    rows = {line.split("│")[1].strip(): line for line in result.stdout.splitlines() if "│ " in line}
    assert {"print", "truth", "all", "quality", "not trained on"} <= set(rows)
    cells = [cell.strip() for cell in rows["truth"].split("│")[2:-1]]
    assert cells[0] == "4"
    # People held out, then sources held out: the truth is told either way.
    assert all(float(cells[i][:4]) > 0.9 for i in (1, 2, 4, 5))
    told, chance = rows["print"].split("│")[-2].split()
    assert float(told) > 0.95
    assert chance == "(0.17)"
