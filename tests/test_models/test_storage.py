import copy
import io
import json
import pickle
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import skops.io
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from models import load_detector, train
from models.errors import DetectorError
from models.storage import FORMAT, FORMAT_VERSION, TRUSTED_TYPES
from models.table.feature_table import read_training_table
from models.thresholds import Thresholds
from tests.test_models.conftest import SIGNAL, made, make_table
from tests.test_models.series_tables import series_table


class Trap:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_pickle_is_refused_and_not_run(tmp_path):
    path, sprung = tmp_path / "model.skops", tmp_path / "sprung"
    path.write_bytes(pickle.dumps(Trap(sprung)))
    with pytest.raises(DetectorError, match="not a detector"):
        load_detector(path)
    assert not sprung.exists()


def test_a_foreign_type_inside_a_detector_is_refused_and_not_run(detector, tmp_path):
    """The classifier's class is replaced by one whose construction would run a command."""
    path, sprung = tmp_path / "model.skops", tmp_path / "sprung"
    detector.save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(members["schema.json"])
    schema["content"]["pipeline"] = {
        "__class__": "Popen",
        "__module__": "subprocess",
        "__loader__": "ConstructorFromReduceNode",
        "content": {
            "__class__": "tuple",
            "__module__": "builtins",
            "__loader__": "TupleNode",
            "content": [
                {
                    "__class__": "str",
                    "__module__": "builtins",
                    "__loader__": "JsonNode",
                    "content": json.dumps(["touch", str(sprung)]),
                }
            ],
        },
    }
    members["schema.json"] = json.dumps(schema).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(DetectorError, match=r"subprocess\.Popen"):
        load_detector(path)
    assert not sprung.exists()


def test_of_another_version_is_said_so_before_its_types_are_asked_for(committee, tmp_path):
    """In version 3 the class of a committee had another name, which nothing here is called."""
    path = tmp_path / "model.skops"
    committee.save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema = members["schema.json"].decode()
    assert '"models.learning.vote"' in schema
    schema = schema.replace('"models.learning.vote"', '"models.learning.calibration"')
    for version, said in ((3, "version 3, but.*train the detector again"), (5, "types that no")):
        content = json.loads(schema)
        content["content"]["format_version"]["content"] = json.dumps(version)
        members["schema.json"] = json.dumps(content).encode()
        with zipfile.ZipFile(path, "w") as archive:
            for name, written in members.items():
                archive.writestr(name, written)
        with pytest.raises(DetectorError, match=said):
            load_detector(path)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_file_is_refused(detector, tmp_path, share):
    path = tmp_path / "model.skops"
    detector.save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DetectorError, match="damaged"):
        load_detector(path)


def test_flipped_bytes_are_refused(detector, tmp_path):
    path = tmp_path / "model.skops"
    detector.save(path)
    damaged = bytearray(path.read_bytes())
    middle = len(damaged) // 2
    damaged[middle : middle + 20] = bytes(255 - b for b in damaged[middle : middle + 20])
    path.write_bytes(damaged)
    with pytest.raises(DetectorError, match="damaged"):
        load_detector(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"weights": [1, 2]}, "not a detector"),
        ([1, 2], "not a detector"),
        ({"format": FORMAT, "format_version": 99}, "version 99"),
        ({"format": FORMAT, "format_version": 1}, "version 1, but.*train the detector again"),
        ({"format": FORMAT, "format_version": FORMAT_VERSION, "columns": ["a"]}, "incomplete"),
    ],
)
def test_a_skops_file_of_something_else_is_refused(tmp_path, content, said):
    path = tmp_path / "model.skops"
    skops.io.dump(content, path)
    with pytest.raises(DetectorError, match=said):
        load_detector(path)


def test_text_a_zip_of_pictures_a_folder_and_nothing_are_refused(tmp_path):
    text, pictures = tmp_path / "a.skops", tmp_path / "b.skops"
    text.write_text("path,label\nx,real\n")
    with zipfile.ZipFile(pictures, "w") as archive:
        archive.writestr("cat.png", b"\x89PNG")
    for path, said in (
        (text, "damaged"),
        (pictures, "damaged"),
        (tmp_path, "Cannot read"),
        (tmp_path / "nowhere", "Cannot read"),
    ):
        with pytest.raises(DetectorError, match=said):
            load_detector(path)


def repacked(path, changes, compression=zipfile.ZIP_DEFLATED):
    """Write the archive anew with some members changed by a function of their content."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            change = changes.get(name.rpartition(".")[2], lambda content: content)
            archive.writestr(name, change(content))


def npy_of_a_terabyte(_):
    target = io.BytesIO()
    header = {"descr": "<f8", "fortran_order": False, "shape": (10**12,)}
    np.lib.format.write_array_header_1_0(target, header)
    return target.getvalue()


@pytest.mark.parametrize(
    ("changes", "compression"),
    [
        ({"npy": npy_of_a_terabyte}, zipfile.ZIP_DEFLATED),
        ({"npy": lambda content: content[:9]}, zipfile.ZIP_DEFLATED),
        ({"json": lambda content: b'{"a":' * 100_000}, zipfile.ZIP_DEFLATED),
        ({}, zipfile.ZIP_LZMA),
        ({}, zipfile.ZIP_BZIP2),
    ],
    ids=["terabyte", "short", "deep", "lzma", "bzip2"],
)
def test_a_hostile_archive_is_refused(detector, tmp_path, changes, compression):
    path = tmp_path / "model.skops"
    detector.save(path)
    repacked(path, changes, compression)
    with pytest.raises(DetectorError, match="damaged"):
        load_detector(path)


def test_an_archive_that_would_fill_the_memory_is_refused(detector, tmp_path):
    path = tmp_path / "model.skops"
    detector.save(path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("zeros.npy", bytes(257 * 2**20))
    assert path.stat().st_size < 5 * 2**20
    with pytest.raises(DetectorError, match="damaged"):
        load_detector(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: {"columns": (SIGNAL, *d.columns[:-1])},
        lambda d: {"columns": (1, *d.columns[1:])},
        lambda d: {"columns": d.columns[:-1]},
        lambda d: {"real_quantiles": d.real_quantiles[:, :2]},
        lambda d: {"real_quantiles": np.zeros((3, 3))},
        lambda d: {"residual_quantiles": d.residual_quantiles[:, :2]},
        lambda d: {"seen_range": d.seen_range[:-1]},
        lambda d: {"seen_range": d.seen_range > 0},
        lambda d: {"thresholds": Thresholds(0.6, 0.5)},
        lambda d: {"thresholds": Thresholds(0.5, float("nan"))},
        lambda d: {"pipeline": Pipeline([("a", StandardScaler())])},
        lambda d: {"pipeline": Pipeline([("a", StandardScaler().fit(d.seen_range.T))])},
        lambda d: {"pipeline": made("svm", 0)},
        lambda d: {"provenance": {"versions": "1.0"}},
    ],
)
def test_parts_that_do_not_fit_together_are_refused(detector, tmp_path, change):
    replace(detector, **change(detector)).save(tmp_path / "model.skops")
    with pytest.raises(DetectorError, match="damaged"):
        load_detector(tmp_path / "model.skops")


def test_a_classifier_without_calibration_is_refused(detector, tmp_path):
    pipeline = copy.deepcopy(detector.pipeline)
    pipeline[-1].slope_ = float("nan")
    replace(detector, pipeline=pipeline).save(tmp_path / "model.skops")
    with pytest.raises(DetectorError, match="damaged"):
        load_detector(tmp_path / "model.skops")


def test_saving_where_nothing_can_be_written_leaves_nothing_behind(detector, tmp_path):
    with pytest.raises(DetectorError, match="Cannot write"):
        detector.save(tmp_path / "no" / "such" / "folder.skops")
    (tmp_path / "taken").mkdir()
    with pytest.raises(DetectorError, match="Cannot write"):
        detector.save(tmp_path / "taken")
    assert [p.name for p in tmp_path.iterdir()] == ["taken"]


def test_every_trusted_type_is_needed(table, tmp_path):
    train(table, "committee", condition_on_quality=True).save(tmp_path / "model.skops")
    train(table, "svm", search=True).save(tmp_path / "searched.skops")
    of_series = series_table(n_groups=8)
    train(of_series, "stacking", members="svm,sequences,frames").save(tmp_path / "series.skops")
    said = np.random.default_rng(0).normal(size=(len(table), 17))
    names = [f"cnn__n_{i:04d}__mean" for i in range(17)]
    with_network = table.assign(**dict(zip(names, said.T, strict=True)))
    train(with_network, "svm").save(tmp_path / "network.skops")
    train(with_network, "networks").save(tmp_path / "networks.skops")
    needed = {
        name
        for file in (
            "model.skops",
            "searched.skops",
            "series.skops",
            "network.skops",
            "networks.skops",
        )
        for name in skops.io.get_untrusted_types(file=tmp_path / file)
    }
    assert sorted(needed) == sorted(TRUSTED_TYPES)


def test_a_file_of_the_approximated_machine_holds_its_landmarks_and_no_other_rows(
    detector, tmp_path
):
    """Of noise nearly every row is a support vector, so the exact machine keeps them all."""
    sizes = {}
    for n_exact in (0, 10_000):
        for n_groups in (40, 160):
            table = make_table(n_groups=n_groups, signal=0.5)
            data = read_training_table(table)
            pipeline = made("svm", 0).set_params(
                classify__estimator__model__n_exact=n_exact,
                classify__estimator__model__n_landmarks=15,
                classify__n_folds=2,
            )
            pipeline.fit(data.inputs, data.is_fake, classify__groups=data.groups)
            kept = replace(detector, pipeline=pipeline)
            path = tmp_path / f"{n_exact}_{n_groups}.skops"
            kept.save(path)
            again = load_detector(path)
            np.testing.assert_array_equal(
                again.decision_function(table), kept.decision_function(table)
            )
            machine = again.pipeline[-1].estimator_[-1].machine_
            sizes[n_exact, n_groups] = _largest_array(machine)
    assert sizes[0, 40] == sizes[0, 160] == 15 * 15
    assert sizes[10_000, 160] > 2 * sizes[10_000, 40] > 0


def _largest_array(estimator):
    """Return the number of values in the largest array that an estimator or its steps keep."""
    parts = estimator.named_steps.values() if isinstance(estimator, Pipeline) else [estimator]
    arrays = (value for part in parts for value in vars(part).values())
    return max(value.size for value in arrays if isinstance(value, np.ndarray))
