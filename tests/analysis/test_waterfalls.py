import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import plots
from opp_analytics.analysis import movements, sentence, waterfall
from tests.history.logs import history_of

ALL = {"start": "2026-01-05", "end": "2026-01-26"}
FEBRUARY = ("2026-02-01", "2026-02-28")


@pytest.fixture(scope="module")
def history():
    """One deal for each way in and out of what is due in February."""
    rows = [
        ("stays", 0, 0.1, "proposal", "2026-02-10", "active"),
        ("grows", 0, 10.0, "proposal", "2026-02-10", "active"),
        ("grows", 1, 10.2, "proposal", "2026-02-10", "active"),
        ("grows", 2, 9.9, "closed_won", "2026-03-10", "won"),
        ("fresh", 1, 20.0, "discovery", "2026-02-20", "active"),
        ("fresh", 3, 20.0, "discovery", None, "active"),
        ("brief", 2, 40.0, "closed_lost", "2026-02-20", "lost"),
        ("old", 0, 7.0, "closed_lost", "2026-01-01", "lost"),
        ("old", 1, 7.0, "proposal", "2026-02-02", "active"),
        ("old", 2, 7.0, "proposal", "2026-02-02", "inactive"),
        ("in", 0, 1.0, "proposal", "2026-03-01", "active"),
        ("in", 1, 2.0, "proposal", "2026-02-28", "active"),
        ("in", 2, 3.0, "proposal", "2026-03-01", "active"),
        ("up", 0, 5.0, "proposal", "2026-01-31", "active"),
        ("up", 1, 5.0, "proposal", "2026-02-01", "active"),
        ("up", 2, 5.0, "proposal", "2026-01-31", "active"),
        ("dated", 0, 6.0, "proposal", None, "active"),
        ("dated", 1, 6.0, "proposal", "2026-02-14", "active"),
        ("back", 0, None, "proposal", "2026-02-14", "active"),
        ("back", 2, 3.0, "proposal", "2026-02-14", "active"),
        ("odd", 0, 4.0, "proposal", "2026-02-14", "active"),
        ("odd", 1, 4.0, "closed_won", "2026-02-14", "lost"),
    ]
    return history_of(rows, gone=[("back", 1), ("dated", 3)], name="Deal")


def test_waterfall__of_all_open_deals(history):
    table = waterfall(history, **ALL)
    moved = table[table["deals"] > 0]
    assert moved["value"].round(2).to_dict() == {
        "opening": 26.1,
        "new": 60.0,
        "reopened": 7.0,
        "value_up": 2.2,
        "value_down": -0.3,
        "won": -9.9,
        "lost": -40.0,
        "disqualified": -7.0,
        "deleted": -6.0,
        "returned": 3.0,
        "conflict": -4.0,
        "closing": 31.1,
    }
    assert moved["count"].tolist() == [7, 2, 1, 0, 0, -1, -1, -1, -2, 1, -1, 5]
    assert moved["deals"].tolist() == [7, 2, 1, 2, 1, 1, 1, 1, 2, 1, 1, 5]
    assert table.index[0] == "opening"
    assert table.index[-1] == "closing"
    assert table.index.name == "movement"


def test_waterfall__of_those_due(history):
    table = waterfall(history, **ALL, due=FEBRUARY)
    moved = table[table["deals"] > 0]
    assert moved["value"].round(2).to_dict() == {
        "opening": 14.1,
        "new": 60.0,
        "reopened": 7.0,
        "pulled_in": 2.0,
        "pushed_in": 5.0,
        "value_up": 1.2,
        "value_down": -0.3,
        "pushed_out": -3.0,
        "pulled_out": -5.0,
        "won": -9.9,
        "lost": -40.0,
        "disqualified": -7.0,
        "deleted": -6.0,
        "returned": 3.0,
        "date_set": 6.0,
        "date_cleared": -20.0,
        "conflict": -4.0,
        "closing": 3.1,
    }
    assert table["count"].iloc[:-1].sum() == table.loc["closing", "count"] == 2


def test_waterfall__balances_to_the_cent(history):
    for due in (None, FEBRUARY):
        cents = (waterfall(history, **ALL, due=due)["value"] * 100).round().astype("int64")
        assert cents.iloc[:-1].sum() == cents["closing"]


def test_movements__sum_to_the_waterfall(history):
    table = movements(history, **ALL, due=FEBRUARY)
    assert table.columns.tolist() == ["unique_id", "name", "movement", "value", "count"]
    assert table["name"].unique().tolist() == ["Deal"]
    whole = waterfall(history, **ALL, due=FEBRUARY)
    summed = table.groupby("movement")[["count", "value"]].sum().round(2)
    expected = whole.loc[summed.index, ["count", "value"]].round(2)
    pd.testing.assert_frame_equal(summed, expected, check_index_type=False)
    own = table[table["unique_id"] == "grows"]
    assert own["movement"].tolist() == ["value_up", "value_down", "won"]
    assert own["value"].round(2).tolist() == [0.2, -0.3, -9.9]


def test_movements__by_record_sum_to_those_of_the_whole_stretch(history):
    table = movements(history, **ALL, by_record=True)
    assert str(table["seen_at"].dtype) == "datetime64[us, UTC]"
    assert set(table["seen_at"]) <= set(history.records["recorded_at"])
    summed = table.groupby(["unique_id", "movement"])[["count", "value"]].sum().round(2)
    whole = movements(history, **ALL).set_index(["unique_id", "movement"])[["count", "value"]].round(2)
    pd.testing.assert_frame_equal(summed, whole.sort_index())


def test_waterfall__between_a_moment_and_itself_nothing_moves(history):
    table = waterfall(history, start=pd.Timestamp("2026-01-12T00:00Z"), end=pd.Timestamp("2026-01-12T00:00Z"))
    assert table.loc["opening"].tolist() == table.loc["closing"].tolist()
    assert (table["deals"].iloc[1:-1] == 0).all()
    nothing = movements(
        history, start=pd.Timestamp("2026-01-12T00:00Z"), end=pd.Timestamp("2026-01-12T00:00Z")
    )
    assert nothing.dtypes["value"] == "float64"
    assert nothing.empty


@pytest.mark.parametrize(
    ("due", "error"),
    [
        ("2026-13", oa.errors.DataError),
        ("2026-02-01", oa.errors.DataError),
        ("soon", oa.errors.DataError),
        (202602, oa.errors.ArgumentError),
        (("2026-02-28", "2026-02-01"), oa.errors.DataError),
    ],
)
def test_waterfall__refuses_a_window_that_is_none(history, due, error):
    with pytest.raises(error, match="due="):
        waterfall(history, **ALL, due=due)


def test_waterfall__in_one_sentence(history):
    said = sentence(waterfall(history, **ALL, due=FEBRUARY))
    assert said.startswith(
        "Pipeline due 2026-02-01 to 2026-02-28 went from 14 (4 deals) to 3 (2 deals): added 60 (2), "
    )
    assert said.endswith("contradictory 4 (1).")
    said = sentence(movements(history, **ALL))
    assert said == "8 deals moved the pipeline by +5, Deal most: added 40."
    moment = pd.Timestamp("2026-01-12T00:00Z")
    assert sentence(movements(history, start=moment, end=moment)) == "Nothing moved the pipeline."
    with pytest.raises(oa.errors.ArgumentError, match="expected a table of waterfall"):
        sentence(pd.DataFrame({"value": [1.0]}))


def test_movements__drawing_shows_the_largest_first(history):
    drawn = plots.movements(movements(history, **ALL))
    assert [bar.get_width() for bar in drawn.patches][:3] == [40.0, -40.0, 20.0]
    assert drawn.texts[0].get_text() == "new 40"
    assert drawn.get_yticklabels()[0].get_text() == "Deal"
    moment = pd.Timestamp("2026-01-12T00:00Z")
    empty = plots.movements(movements(history, start=moment, end=moment))
    assert any("nothing moved" in text.get_text() for text in empty.texts)


def test_waterfall__drawing_steps_from_opening_to_closing(history):
    drawn = plots.waterfall(waterfall(history, **ALL))
    labels = [text.get_text() for text in drawn.get_xticklabels()]
    assert labels[0] == "opening"
    assert labels[-1] == "closing"
    assert "value up" in labels
    assert drawn.patches[0].get_height() == pytest.approx(26.1)
    assert drawn.patches[-1].get_height() == pytest.approx(31.1)
    last_step = drawn.patches[-2]
    assert last_step.get_y() + last_step.get_height() == pytest.approx(31.1)


@pytest.mark.parametrize(
    ("label", "days"),
    [
        ("2026-02", FEBRUARY),
        ("2026Q1", ("2026-01-01", "2026-03-31")),
        ("2026", ("2026-01-01", "2026-12-31")),
    ],
)
def test_waterfall__due_takes_the_label_of_a_period(history, label, days):
    pd.testing.assert_frame_equal(waterfall(history, **ALL, due=label), waterfall(history, **ALL, due=days))
    pd.testing.assert_frame_equal(movements(history, **ALL, due=label), movements(history, **ALL, due=days))
