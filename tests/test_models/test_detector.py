import json
import pickle
import zipfile

import numpy as np
import pytest
import skops.io
from hypothesis import given
from hypothesis import strategies as st

from models import load_detector, train
from models.classifiers import MAKERS
from models.errors import DetectorError, FeatureMismatchError, TableError, UnknownClassifierError
from models.storage import FORMAT, TRUSTED_TYPES
from models.training import choose_thresholds
from tests.test_models.conftest import SIGNAL, make_table


@pytest.mark.parametrize("classifier", sorted(MAKERS))
def test_saved_and_loaded_it_says_bit_for_bit_the_same(classifier, tmp_path):
    table = make_table(2)
    detector = train(table, classifier)
    path = tmp_path / "größe mit leerzeichen.skops"
    detector.save(path)
    loaded = load_detector(path)
    new = make_table(11)
    np.testing.assert_array_equal(loaded.predict_proba(new), detector.predict_proba(new))
    np.testing.assert_array_equal(loaded.decision_function(new), detector.decision_function(new))
    assert loaded.thresholds == detector.thresholds
    assert loaded.columns == detector.columns
    assert loaded.provenance == detector.provenance
    np.testing.assert_array_equal(loaded.real_quantiles, detector.real_quantiles)
    # Saved again, and trained again, it is the same file.
    loaded.save(tmp_path / "again.skops")
    train(make_table(2), classifier).save(tmp_path / "retrained.skops")
    assert (tmp_path / "again.skops").read_bytes() == path.read_bytes()
    assert (tmp_path / "retrained.skops").read_bytes() == path.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        [path.name, "again.skops", "retrained.skops"]
    )


def test_another_seed_is_another_detector():
    table = make_table(2)
    one, two = train(table, "mlp", seed=0), train(table, "mlp", seed=1)
    assert not np.array_equal(one.predict_proba(table), two.predict_proba(table))


def test_it_finds_the_planted_signal_in_new_people(committee):
    new = make_table(21)
    p = committee.predict_proba(new)
    fake = (new["label"] == "fake").to_numpy()
    assert p[fake].mean() > p[~fake].mean() + 0.3
    assert ((p >= 0) & (p <= 1)).all()


def test_order_of_columns_and_foreign_columns_do_not_matter(detector, table):
    changed = table[table.columns[::-1]].assign(foreign__column__mean="text", note="hello")
    np.testing.assert_array_equal(detector.predict_proba(changed), detector.predict_proba(table))


def test_missing_columns_are_named(detector, table):
    with pytest.raises(FeatureMismatchError, match=SIGNAL):
        detector.predict_proba(table.drop(columns=SIGNAL))


def test_text_in_a_feature_is_named(detector, table):
    with pytest.raises(TableError, match=SIGNAL):
        detector.predict_proba(table.assign(**{SIGNAL: "high"}))


def test_a_row_without_any_feature_is_unknown_not_guessed(detector, table):
    changed = table.copy()
    changed.loc[0, list(detector.columns)] = np.nan
    changed.loc[1, SIGNAL] = np.inf
    p = detector.predict_proba(changed)
    assert np.isnan(p[0])
    assert np.isfinite(p[1:]).all()
    assert detector.verdict(p[0]) == "unknown"


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=60),
    st.lists(st.floats(0, 1), min_size=1, max_size=60),
)
def test_at_most_one_in_twenty_held_out_videos_gets_the_wrong_verdict(real, fake):
    real, fake = np.array(real), np.array(fake)
    limits = choose_thresholds(
        np.r_[real, fake], np.r_[np.zeros(len(real), int), np.ones(len(fake), int)]
    )
    assert limits.real <= limits.fake
    assert (real >= limits.fake).sum() <= 0.05 * len(real)
    assert (fake <= limits.real).sum() <= 0.05 * len(fake)


def test_verdicts_follow_the_thresholds(detector):
    limits = detector.thresholds
    assert detector.verdict(limits.fake) == "fake"
    assert detector.verdict(limits.real) == "real"
    assert detector.verdict((limits.fake + limits.real) / 2) == "uncertain"


def test_real_quantiles_are_those_of_authentic_training_videos(detector, table):
    real = table.loc[table["label"] == "real", SIGNAL]
    np.testing.assert_allclose(
        detector.real_quantiles[detector.columns.index(SIGNAL)], real.quantile([0.05, 0.5, 0.95])
    )


def test_provenance_says_where_it_came_from(table, tmp_path):
    path = tmp_path / "features.csv"
    table.to_csv(path, index=False)
    made = train(path, "svm", seed=4).provenance
    assert made["classifier"] == "svm"
    assert made["seed"] == 4
    assert len(made["table_sha256"]) == 64
    assert made["n_real"] + made["n_fake"] == made["n_videos"] == len(table)
    assert made["featurize_version"] == "0.1.0"
    assert made["landmarks_backend"] == "mediapipe"


def test_an_unknown_classifier_is_named(table):
    with pytest.raises(UnknownClassifierError, match="forest"):
        train(table, "forest")


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
        ({"format": FORMAT, "format_version": 1, "columns": ["a__b__c"]}, "incomplete"),
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


def test_saving_where_nothing_can_be_written_leaves_nothing_behind(detector, tmp_path):
    with pytest.raises(DetectorError, match="Cannot write"):
        detector.save(tmp_path / "no" / "such" / "folder.skops")
    (tmp_path / "taken").mkdir()
    with pytest.raises(DetectorError, match="Cannot write"):
        detector.save(tmp_path / "taken")
    assert [p.name for p in tmp_path.iterdir()] == ["taken"]


def test_every_trusted_type_is_needed(committee, tmp_path):
    committee.save(tmp_path / "model.skops")
    needed = skops.io.get_untrusted_types(file=tmp_path / "model.skops")
    assert sorted(needed) == sorted(TRUSTED_TYPES)
