"""A table that lacks what was only measured because it was asked for: what to do is said."""

import re

import numpy as np
import pandas as pd
import pytest

from featurize.networks.network import BUILT_IN, network_facts
from models import cross_validate, train
from models.errors import FeatureMismatchError
from models.table.lacking import lacking, networks_of, run_command
from models.table.matrix import feature_matrix
from tests.test_models.conftest import SIGNAL, make_table
from tests.test_models.series_tables import series_table

RESNET = tuple(f"cnn__dlib_resnet_{i:04d}__{s}" for i in range(3) for s in ("mean", "std"))
LITE = ("cnn__efficientnet_lite0_1279__std", "cnn__efficientnet_lite0_change__max")
FILE = ("cnn__my_2_net_0a1b2c3d_0000__mean", "cnn__my_2_net_0a1b2c3d_change__mean")
IDENTITY = ("identity__within__mean", "identity__drift__slope")
SERIES = ("series__yaw_deg__000", "series__yaw_deg__001")


def test_networks_are_told_by_their_columns():
    columns = (SIGNAL, *LITE, *FILE, *RESNET, *IDENTITY, *SERIES)
    assert networks_of(columns) == ("efficientnet_lite0", "my_2_net_0a1b2c3d", "dlib_resnet")
    assert networks_of(["cnn__efficientnet_lite0_change__std"]) == ("efficientnet_lite0",)
    assert networks_of([SIGNAL, *IDENTITY]) == ()


@pytest.mark.parametrize(
    ("missing", "command"),
    [
        (RESNET, "--cnn dlib-resnet"),
        (LITE, "--cnn efficientnet-lite0"),
        (FILE, "--cnn FILE"),
        (IDENTITY, "--identity"),
        (SERIES, "--window 5 --series"),
        (
            (*IDENTITY, *LITE, *RESNET),
            "--cnn efficientnet-lite0 --cnn dlib-resnet --identity",
        ),
    ],
)
def test_one_sentence_names_what_is_missing_and_the_option(missing, command):
    told = lacking(missing, (SIGNAL, *missing))
    assert f"`python -m featurize run {command}`" in told
    assert re.findall(r"[.:!?](?: |$)", told) == [": ", "."]
    assert "__" not in told
    for network in networks_of(missing):
        assert f"the network {network}" in told


def test_of_a_user_s_file_name_and_content_are_told():
    told = lacking(FILE, FILE)
    assert "whose name starts with my_2_net and whose content is the very same" in told
    assert "0a1b2c3d" in told


def test_where_other_columns_are_missing_too_they_are_named():
    told = lacking((SIGNAL, *RESNET), (SIGNAL, *RESNET, *IDENTITY))
    assert "7 of the 9" in told
    assert SIGNAL in told
    assert "--cnn dlib-resnet" in told
    assert "same landmark backend" in told
    assert "`python -m featurize run`" in lacking((SIGNAL,), (SIGNAL, "eyes__ear__mean"))


@pytest.mark.parametrize("missing", [RESNET, IDENTITY, SERIES, (SIGNAL,), (*FILE, *SERIES)])
def test_the_whole_command_is_told_whatever_is_missing(missing):
    columns = (SIGNAL, *RESNET, *FILE, *IDENTITY, *SERIES)
    told = lacking(missing, columns, window_s=2.0)
    command = "--window 2 --series --cnn dlib-resnet --cnn FILE --identity"
    assert f"`python -m featurize run {command}`" in told
    assert "0a1b2c3d" in told


def test_a_detector_tells_it_of_whole_videos_and_of_missing_columns():
    rows = series_table(n_groups=8, in_features=4.0)
    rng = np.random.default_rng(0)
    names = [*RESNET, *IDENTITY]
    more = pd.DataFrame(rng.normal(size=(len(rows), len(names))), columns=names)
    full = pd.concat([rows, more], axis=1)
    detector = train(full, "committee", members=("svm", "frames"))
    command = "`python -m featurize run --window 2 --series --cnn dlib-resnet --identity`"
    series = [name for name in full if name.startswith("series__")]
    longer = full.assign(window_end_s=full["window_start_s"] + 5.0)
    for table in (
        full.drop(columns=["window_start_s", "window_end_s"]),
        full.drop(columns=series),
        full.drop(columns=list(RESNET)),
        full.drop(columns=[SIGNAL]),
        longer,
    ):
        with pytest.raises(FeatureMismatchError) as error:
            detector.predict_proba(table)
        assert command in str(error.value)


def test_a_detector_with_a_network_refuses_a_table_without():
    table = make_table(n_groups=16)
    rng = np.random.default_rng(0)
    names = [*RESNET, *FILE, *IDENTITY]
    more = pd.DataFrame(rng.normal(size=(len(table), len(names))), columns=names)
    both = pd.concat([table, more], axis=1)
    detector = train(both, "svm")
    assert detector.networks == ("dlib_resnet", "my_2_net_0a1b2c3d")
    assert detector.needs_identity
    assert not detector.needs_series
    assert np.isfinite(detector.predict_proba(both)).any()
    with pytest.raises(FeatureMismatchError, match="--cnn dlib-resnet --cnn FILE --identity"):
        detector.predict_proba(table)
    plain = train(table, "svm")
    assert (plain.networks, plain.needs_identity, plain.needs_series) == ((), False, False)
    # A table of more than is asked for is no mistake.
    np.testing.assert_array_equal(plain.predict_proba(both), plain.predict_proba(table))
    report = cross_validate(both, classifier="svm", n_folds=2, audit=False)
    assert report.settings["n_features"] == len(detector.columns)


def test_a_matrix_says_the_same():
    frame = pd.DataFrame({SIGNAL: [1.0]})
    with pytest.raises(FeatureMismatchError, match="--identity"):
        feature_matrix(frame, (SIGNAL, *IDENTITY))


def test_every_network_of_the_package_is_asked_for_by_its_name():
    for spec in BUILT_IN:
        told = run_command([f"cnn__{network_facts(spec).name}_0000__mean"])
        assert told == f"`python -m featurize run --cnn {spec}`"
