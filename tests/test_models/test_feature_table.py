import numpy as np
import pandas as pd
import pytest

from models.errors import FeatureMismatchError, TableError
from models.table.feature_table import (
    feature_columns,
    feature_matrix,
    read_training_table,
)
from models.table.known import usually_known
from tests.test_models.conftest import SIGNAL, make_table


def test_only_features_that_speak_of_the_truth_are_used(table):
    columns = read_training_table(table).columns
    assert SIGNAL in columns
    assert not any(name.startswith("quality__") or "__" not in name for name in columns)
    assert list(columns) == sorted(columns)


def test_a_file_and_the_frame_it_came_from_are_the_same_data(table, tmp_path):
    path = tmp_path / "merkmale é ü.csv"
    table.to_csv(path, index=False)
    from_file, from_memory = read_training_table(path), read_training_table(table)
    np.testing.assert_allclose(from_file.features, from_memory.features, rtol=1e-12)
    assert list(from_file.groups) == list(from_memory.groups)
    assert len(from_file.sha256) == 64
    assert from_memory.sha256 == ""


def test_group_names_that_look_like_numbers_stay_text(table, tmp_path):
    path = tmp_path / "features.csv"
    table.assign(group=[f"{i // 2:03d}" for i in range(len(table))]).to_csv(path, index=False)
    assert read_training_table(path).groups[0] == "000"


def test_groups_called_na_or_none_are_groups(table, tmp_path):
    path = tmp_path / "features.csv"
    names = ["NA", "null", "None", "nan"]
    table.assign(group=[names[i // 2 % 4] for i in range(len(table))]).to_csv(path, index=False)
    data = read_training_table(path)
    assert set(data.groups) == set(names)
    assert data.remarks == ()


def test_an_empty_cell_is_no_group_and_an_empty_feature_is_missing(tmp_path):
    path = tmp_path / "features.csv"
    features = ",".join(f"a__b__{i}" for i in range(5))
    rows = ["x,real,,1", "y,fake,bob,", "z,fake,bob,2", "zz,real,NA,NA"]
    path.write_text("\n".join([f"path,label,group,{features}", *(f"{r},1,2,3,4" for r in rows)]))
    data = read_training_table(path)
    assert list(data.groups) == ["x", "bob", "bob", "NA"]
    assert list(data.group_given) == [False, True, True, True]
    np.testing.assert_array_equal(data.features[:, 0], [1, np.nan, 2, np.nan])


def test_rows_of_other_faces_failed_videos_and_unlabelled_ones_are_left_out(table):
    changed = table.copy()
    changed.loc[0, "face"] = 1
    changed.loc[1, "status"] = "no_face"
    changed.loc[2, "label"] = None
    data = read_training_table(changed)
    assert data.n_videos == len(table) - 3
    assert not {"clip_000.mp4", "clip_001.mp4", "clip_002.mp4"} & set(data.meta["path"])
    assert any("status" in remark for remark in data.remarks)
    assert any("no label" in remark for remark in data.remarks)


def test_videos_without_group_are_groups_of_their_own_and_that_is_said(table):
    data = read_training_table(table.drop(columns="group"))
    assert data.n_groups == data.n_videos
    assert any("no group" in remark for remark in data.remarks)


def test_infinite_values_count_as_missing_and_that_is_said(table):
    changed = table.fillna(0.0)
    changed.loc[3, SIGNAL] = np.inf
    changed.loc[4, SIGNAL] = -np.inf
    # More than single precision holds, as a division by almost nothing gives.
    changed.loc[5, SIGNAL] = 1e300
    data = read_training_table(changed)
    assert np.isnan(data.features[3:6, data.columns.index(SIGNAL)]).all()
    assert any("3 infinite" in remark for remark in data.remarks)


def test_a_table_of_mixed_versions_is_remarked_on(table):
    changed = table.copy()
    changed.loc[0, "featurize_version"] = "0.0.9"
    assert any("featurize_version" in r for r in read_training_table(changed).remarks)


def _all_features(table, value):
    return table.assign(**dict.fromkeys(feature_columns(table.columns), value))


def _renamed_twice(table):
    return table.rename(columns={"noise__n00__std": SIGNAL})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.drop(columns="label"), "label"),
        (lambda t: t.drop(columns="path"), "path"),
        (lambda t: t.assign(label=["genuine", *t["label"][1:]]), "'genuine'.*clip_000.mp4"),
        (lambda t: t.assign(label="real"), "fake"),
        (lambda t: t.assign(status="unreadable"), "status ok"),
        (lambda t: t[t["face"] == 7], "no rows"),
        (lambda t: t.assign(face=7), "None of the 80 rows"),
        (lambda t: t[[c for c in t.columns if "__" not in c]], "no feature column"),
        (lambda t: t.assign(**{SIGNAL: "high"}), "'high' in the row of 'clip_000.mp4'"),
        (
            lambda t: t.assign(fps="fast"),
            "'fps' must hold numbers, not 'fast'.*correct the table.$",
        ),
        (_renamed_twice, "twice"),
        (lambda t: pd.concat([t, t]), "twice"),
        (
            lambda t: t.assign(**dict.fromkeys(feature_columns(t.columns), 1.0)),
            "No feature differs",
        ),
        (lambda t: t.assign(**dict.fromkeys(feature_columns(t.columns), np.nan)), "No feature"),
    ],
)
def test_a_table_that_cannot_be_learnt_from_is_named_as_such(table, change, said):
    with pytest.raises(TableError, match=said):
        read_training_table(change(table))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\x00\xff\xfe\x80binary\x00", "not a CSV"),
        (b'path,label\n"unclosed', "not a CSV"),
        (b'path,label\n"unclosed\n', "not a CSV"),
        (b"path,label,a__b__c\nx,real,1\ny,fa", "ends in the middle of a row"),
        (b"path;label;a__b__c\nx;real;1\n", "separated by semicolons"),
        (b"path\tlabel\ta__b__c\nx\treal\t1\n", "separated by tabs"),
        (b"path,label\nx,real,1\n", "rows have more fields than its header"),
        (b"path,label\nx,real\ny,fake,1\n", "not a CSV.*line 3"),
        (b"path,label,a__b__c,a__b__c\nx,real,1,2\n", "twice"),
        (b"path,label,a__b__c\n", "no rows"),
    ],
)
def test_a_file_that_is_no_table_is_named_as_such(tmp_path, content, said):
    path = tmp_path / "features.csv"
    path.write_bytes(content)
    with pytest.raises(TableError, match=said):
        read_training_table(path)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    for path in (tmp_path / "nowhere.csv", tmp_path):
        with pytest.raises(TableError, match="Cannot read"):
            read_training_table(path)


def test_matrix_takes_columns_by_name_whatever_their_order(table):
    names = [SIGNAL, "noise__n00__std"]
    shuffled = table[table.columns[::-1]].assign(foreign="text")
    np.testing.assert_array_equal(feature_matrix(shuffled, names), feature_matrix(table, names))
    with pytest.raises(FeatureMismatchError, match="absent__x__y"):
        feature_matrix(table, ["absent__x__y"])


def test_the_table_passed_in_is_not_changed():
    original = make_table(3)
    original.loc[0, SIGNAL] = np.inf
    before = original.copy()
    read_training_table(original)
    pd.testing.assert_frame_equal(original, before)


def windowed(table, n_windows=3, length_s=5.0):
    """Every video cut into windows; a feature of the i-th window is higher by i."""
    parts = []
    for i in range(n_windows):
        part = table.assign(window_start_s=i * length_s, window_end_s=(i + 1) * length_s)
        part[SIGNAL] = part[SIGNAL] + i
        parts.append(part)
    return pd.concat(parts).sort_values(["path", "window_start_s"], ignore_index=True)


def test_rows_of_a_windowed_table_belong_to_videos(table):
    whole, cut = read_training_table(table), read_training_table(windowed(table))
    assert whole.window_s is None
    assert list(whole.videos) == list(range(len(table)))
    assert cut.window_s == 5.0
    assert (cut.n_rows, cut.n_videos, cut.n_groups) == (3 * len(table), len(table), whole.n_groups)
    assert list(cut.videos[:4]) == [0, 0, 0, 1]
    again = cut.per_video()
    assert again.window_s is None
    pd.testing.assert_frame_equal(again.meta, whole.meta)
    signal = whole.columns.index(SIGNAL)
    np.testing.assert_allclose(again.features[:, signal], whole.features[:, signal] + 1)
    assert whole.per_video() is whole


def test_the_mean_of_windows_is_over_those_that_know():
    table = windowed(make_table(n_groups=8))
    table.loc[0, SIGNAL] = np.nan
    data = read_training_table(table)
    known = table.loc[[1, 2], SIGNAL].mean()
    assert data.per_video().features[0, data.columns.index(SIGNAL)] == pytest.approx(known)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.assign(window_start_s=0.0), "windows occur twice"),
        (lambda t: t.assign(window_end_s=np.nan), "no start or no end"),
        (
            lambda t: t.drop(columns="window_end_s"),
            "no column 'window_end_s' beside 'window_start_s'",
        ),
        (lambda t: t.assign(group=[f"g{i}" for i in range(len(t))]), "do not have one group"),
        (lambda t: t.assign(label=["real", "fake"] * (len(t) // 2)), "do not have one label"),
        (lambda t: t.assign(split=["test", *["train"] * (len(t) - 1)]), "do not have one split"),
        (lambda t: t.assign(window_end_s=t["window_start_s"] - 1), "Windows must all be of one"),
        (
            lambda t: t.assign(window_end_s=t["window_end_s"] + (t["window_start_s"] > 0)),
            "not of 5 to 6 s",
        ),
    ],
)
def test_windows_that_contradict_each_other_are_named(table, change, said):
    with pytest.raises(TableError, match=said):
        read_training_table(change(windowed(table)))


def test_rows_that_no_detector_scores_are_left_out_and_that_is_said(table):
    """13 features: two may be missing, three may not; a column that nobody has does not count."""
    features = feature_columns(table.columns)
    full = table.assign(**dict.fromkeys(features, np.arange(len(table)) * 1.0))
    full["pulse__rate_bpm__median"] = np.nan
    full.loc[3, features[:2]] = np.nan
    full.loc[[7, 9], features[:3]] = np.nan
    data = read_training_table(full)
    assert set(full["path"]) - set(data.meta["path"]) == {"clip_007.mp4", "clip_009.mp4"}
    (remark,) = data.remarks
    assert remark.startswith("2 rows lack more than 20 % of the features")
    labels = list(full.loc[[7, 9], "label"])
    counts = f"{labels.count('real')} real and {labels.count('fake')} fake videos have no other"
    assert counts in remark


def test_a_few_rows_with_more_features_do_not_make_the_others_incomplete(table):
    """As where one video of many has sound, or was measured by another landmark backend."""
    more = [f"voice__v{i}__median" for i in range(8)]
    few = table.fillna(0.0).assign(**dict.fromkeys(more, np.nan))
    few.loc[:20, more] = 1.0
    assert read_training_table(few).n_videos == len(table)
    most = few.copy()
    most.loc[:60, more] = 1.0
    assert read_training_table(most).n_videos == 61
    assert list(usually_known(np.array([[1.0, np.nan, np.nan], [1.0, 2.0, np.nan]]))) == [
        *(True, True, False)
    ]


def test_who_is_left_out_is_counted_by_class_and_named_where_none_remains(table):
    features = feature_columns(table.columns)
    full = table.assign(**dict.fromkeys(features, np.arange(len(table)) * 1.0))
    fake = (full["label"] == "fake").to_numpy()
    full.loc[fake & (np.arange(len(full)) % 2 == 0), features[:4]] = np.nan
    data = read_training_table(full)
    n_gone = (fake & (np.arange(len(full)) % 2 == 0)).sum()
    assert data.n_left_out == (0, n_gone)
    assert read_training_table(full, most_missing=1.0).n_left_out == (0, 0)
    full.loc[fake, features[:4]] = np.nan
    with pytest.raises(TableError, match=f"labelled fake.* 0 real and {fake.sum()} fake videos"):
        read_training_table(full)


def test_a_method_cannot_be_called_what_all_of_them_are(table):
    called = table.assign(method=np.where(table["label"] == "fake", "all", ""))
    with pytest.raises(TableError, match="A method is called 'all'"):
        read_training_table(called)


@pytest.mark.parametrize("end", [b"", b"\n", b"\n   ", b"\n\n"])
def test_a_whole_file_is_read_however_it_ends(tmp_path, end):
    path = tmp_path / "features.csv"
    path.write_bytes(b'a__b__c,label,path\n1,real,x\n2,fake,"y\nz"' + end)
    assert list(read_training_table(path).meta["path"]) == ["x", "y\nz"]


def test_the_order_of_a_table_does_not_matter(table):
    cut = windowed(table)
    for rows in (table, cut):
        one = read_training_table(rows)
        other = read_training_table(rows.sample(frac=1, random_state=1))
        np.testing.assert_array_equal(one.features, other.features)
        np.testing.assert_array_equal(one.videos, other.videos)
        pd.testing.assert_frame_equal(one.meta, other.meta)


def test_how_a_video_was_taken_is_kept_beside_the_features(table):
    data = read_training_table(table)
    assert data.quality_columns == (
        *("duration_s", "face_rate", "face_width_px", "fps", "n_frames"),
        "quality__face_width_px__mean",
    )
    expected = table[list(data.quality_columns)].to_numpy(dtype=float)
    np.testing.assert_array_equal(data.quality, expected)


def test_blanks_around_names_and_capitals_of_labels_do_not_count(table):
    noisy = table.rename(columns={"label": " label ", SIGNAL: f"{SIGNAL} "})
    noisy[" label "] = noisy[" label "].str.capitalize()
    clean, read = read_training_table(table), read_training_table(noisy)
    assert read.columns == clean.columns
    np.testing.assert_array_equal(read.is_fake, clean.is_fake)
    with pytest.raises(TableError, match="twice"):
        read_training_table(table.assign(**{"label ": "real"}))
    with pytest.raises(TableError, match="has a column 'LABEL': call it 'label'"):
        read_training_table(table.rename(columns={"label": "LABEL"}))


def test_a_table_of_another_version_is_remarked_on(table):
    assert read_training_table(table).remarks == ()
    (remark,) = read_training_table(table.assign(featurize_version="0.0.7")).remarks
    assert "made by featurize 0.0.7, and 0.1.0 is installed here" in remark


def test_a_column_that_no_video_has_is_kept_and_known_by_none(table):
    data = read_training_table(table.assign(pulse__rate_bpm__median=np.nan))
    assert np.isnan(data.features[:, data.columns.index("pulse__rate_bpm__median")]).all()
