"""Features that are chosen to learn from, and no others."""

import numpy as np
import pytest

from models import train
from models.errors import SettingError, TableError
from tests.test_models.conftest import JITTER, SIGNAL, SPEED, WIDTH, make_table, quality_table


class TestColumns:
    def test_a_detector_of_chosen_features_asks_for_no_others(self):
        table = make_table()
        chosen = ["noise__n03__std", SIGNAL]
        detector = train(table, "svm", columns=chosen)
        assert detector.columns == tuple(sorted(chosen))
        fewer = table[[c for c in table.columns if "__" not in c or c in chosen]]
        alone = train(fewer, "svm")
        np.testing.assert_array_equal(detector.predict_proba(fewer), alone.predict_proba(fewer))

    def test_conditioned_they_have_their_covariates_beside_them(self):
        detector = train(
            quality_table(), "linear", condition_on_quality=True, columns=[JITTER, SIGNAL]
        )
        assert set(detector.columns) == {JITTER, SIGNAL}
        assert detector.covariates == (WIDTH, "fps", SPEED)

    @pytest.mark.parametrize(
        ("columns", "said"),
        [
            (["eyes__third__std", SIGNAL], "no such feature to learn from: 'eyes__third__std'"),
            (["quality__face_width_px__mean"], "no such feature"),
            (["path"], "no such feature"),
            ("eyes__third__std", "no such feature to learn from: 'eyes__third__std'"),
            ([], "at least one"),
            ([SIGNAL, SIGNAL], "2 names of 1 features"),
        ],
    )
    def test_what_cannot_be_chosen_is_refused(self, columns, said):
        with pytest.raises(TableError, match=said):
            train(make_table(), "svm", columns=columns)

    def test_a_covariate_cannot_be_chosen_where_it_is_conditioned_on(self):
        assert train(quality_table(), "linear", columns=[SPEED, JITTER]).columns
        with pytest.raises(TableError, match=f"conditioned on '{SPEED}', which cannot be learnt"):
            train(quality_table(), "linear", columns=[SPEED, JITTER], condition_on_quality=True)

    def test_a_detector_knows_whether_they_were_chosen(self):
        assert train(make_table(), "svm", columns=[SIGNAL]).provenance["columns_chosen"] is True
        assert train(make_table(), "svm").provenance["columns_chosen"] is False

    def test_there_is_nothing_to_choose_where_nothing_learns_from_features(self):
        with pytest.raises(SettingError, match="choose columns of"):
            train(make_table(), "frames", columns=[SIGNAL])
