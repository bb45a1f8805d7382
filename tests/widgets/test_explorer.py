"""The explorer: its views are the analyses of what its controls leave, and it asks nobody."""

import itertools
import socket

import numpy as np
import pandas as pd
import pytest

import opp_analytics as oa
from opp_analytics import History, errors, org

DAYS = ["2026-03-02", "2026-03-09", "2026-03-16", "2026-03-23", "2026-03-30"]
STAGES = [*org.STAGES.names, "demo"]


def _states():
    """Five weekly states of sixty deals that move, come, go and return at random."""
    dice = np.random.default_rng(7)
    frame = pd.DataFrame(
        {
            "unique_id": [f"d{k:02d}" for k in range(60)],
            "name": [f"Deal {k}" for k in range(60)],
            "value": dice.integers(1, 9_000, 60) / 4,
            "stage": dice.choice(org.STAGES.open, 60),
            "status": "active",
            "close_date": pd.Timestamp("2026-03-01") + pd.to_timedelta(dice.integers(0, 60, 60), unit="D"),
            "probability": dice.integers(5, 95, 60),
            "owner_name": dice.choice(["Ann", "Bo", "Cy", None], 60),  # type: ignore[arg-type]
        }
    )
    states = []
    for _ in DAYS:
        frame = frame.copy()
        for column, values in (
            ("stage", dice.choice(STAGES, 60)),
            ("value", dice.integers(1, 9_000, 60) / 4),
            ("status", dice.choice(["active", "active", "inactive"], 60)),
            ("close_date", frame["close_date"] + pd.to_timedelta(dice.integers(-20, 40, 60), unit="D")),
        ):
            hit = dice.random(60) < 0.25
            frame.loc[hit, column] = values[hit]
        frame.loc[dice.random(60) < 0.05, "value"] = None
        states.append(org.conform(frame[dice.random(60) < 0.9]))
    return states


@pytest.fixture(scope="module")
def states():
    return _states()


@pytest.fixture(scope="module")
def history(states, tmp_path_factory):
    kept = History(tmp_path_factory.mktemp("history"))
    for day, frame in zip(DAYS, states, strict=True):
        kept.record(frame, at=f"{day}T08:00Z")
    return kept


@pytest.fixture
def explorer(states, history):
    return oa.explore(states[-1], history, as_of=DAYS[-1])


def _same(shown, expected):
    pd.testing.assert_frame_equal(
        shown, expected[shown.columns], check_index_type=False, check_dtype=False, check_names=False
    )


def test_explore__views_are_the_analyses(explorer, states):
    frame = states[-1]
    _same(explorer.table, oa.stage_funnel(frame))
    explorer.view.value = "win rate"
    _same(explorer.table, oa.win_rate(frame, by="owner_name", as_of=DAYS[-1]))
    explorer.by.value = None
    _same(explorer.table, oa.win_rate(frame, freq="M", as_of=DAYS[-1]))
    explorer.view.value = "forecast"
    _same(explorer.table, oa.forecast(frame, as_of=DAYS[-1]))


@pytest.mark.parametrize("ends", list(itertools.combinations(range(5), 2)))
def test_explore__changes_and_slippage_between_any_two_records(explorer, history, ends):
    start, end = (f"{DAYS[place]}T08:00Z" for place in ends)
    explorer.moments.index = ends
    explorer.view.value = "changes"
    _same(explorer.table, oa.waterfall(history, start=start, end=end))
    explorer.view.value = "slippage"
    _same(explorer.table, oa.slippage(history, start=start, end=end))


def test_explore__the_slider_shows_the_pipeline_as_it_stood(explorer, history):
    explorer.moments.index = (0, 2)
    then = history.as_of(f"{DAYS[2]}T08:00Z")
    shown = explorer.opportunities.sort_values("unique_id", ignore_index=True)
    pd.testing.assert_frame_equal(shown[then.columns], then, check_dtype=False, check_categorical=False)
    _same(explorer.table, oa.stage_funnel(then))
    assert explorer.table.attrs["as_of"] == DAYS[2]


def test_explore__controls_leave_what_they_say(explorer, states):
    frame = states[-1]
    explorer.values.value = ["Ann", "(none)"]
    explorer.stages.value = ["proposal", "negotiation"]
    kept = frame[
        (frame["owner_name"].eq("Ann") | frame["owner_name"].isna())
        & frame["stage"].isin(["proposal", "negotiation"])
    ]
    assert explorer.opportunities["unique_id"].tolist() == kept["unique_id"].tolist()
    _same(explorer.table, oa.stage_funnel(kept))
    explorer.period.value = "2026-04"
    kept = kept[kept["close_date"].between("2026-04-01", "2026-04-30")]
    assert explorer.opportunities["unique_id"].tolist() == kept["unique_id"].tolist()
    low, high = explorer.value_range.options[3][1], explorer.value_range.options[-3][1]
    explorer.value_range.value = (low, high)
    kept = kept[kept["value"].between(low, high)]
    assert explorer.opportunities["unique_id"].tolist() == kept["unique_id"].tolist()
    assert f"{len(kept)} of {len(frame)} opportunities as of {DAYS[-1]}" in explorer._said.value


def test_explore__changes_of_the_chosen_deals_still_balance(explorer):
    explorer.view.value = "changes"
    explorer.values.value = ["Ann"]
    table = explorer.table
    for column in ("count", "value"):
        assert table[column].iloc[:-1].sum() == pytest.approx(table.loc["closing", column])
    assert 0 < table.loc["opening", "count"] < 30


def test_explore__a_stage_filter_hides_nobody_who_won(explorer, history):
    explorer.stages.value = ["proposal"]
    explorer.view.value = "changes"
    whole = {"start": f"{DAYS[0]}T08:00Z", "end": f"{DAYS[-1]}T08:00Z"}
    _same(explorer.table, oa.waterfall(history, **whole))
    assert explorer.table.loc["won", "deals"] > 0
    assert "includes every stage" in explorer._said.value
    explorer.view.value = "slippage"
    _same(explorer.table, oa.slippage(history, **whole))


def test_explore__due_in_a_period_is_the_waterfall_of_that_period(explorer, history):
    explorer.view.value = "changes"
    explorer.period.value = "2026-04"
    whole = {"start": f"{DAYS[0]}T08:00Z", "end": f"{DAYS[-1]}T08:00Z"}
    _same(explorer.table, oa.waterfall(history, **whole, due="2026-04"))


def test_explore__changes_of_deals_that_no_record_between_touched(tmp_path):
    frame = pd.DataFrame(
        {"unique_id": ["a", "b"], "stage": "proposal", "value": [1.0, 9.0], "close_date": "2026-03-20", "probability": 50,
         "owner_name": ["Ann", "Bo"]}
    )  # fmt: skip
    kept = History(tmp_path / "history")
    for day, value in zip(DAYS[:3], (1.0, 2.0, 3.0), strict=True):
        kept.record(frame.assign(value=[value, 9.0]), at=f"{day}T08:00Z")
    explorer = oa.explore(frame, kept, as_of=DAYS[2])
    explorer.values.value = ["Bo"]
    explorer.view.value = "changes"
    explorer.moments.index = (1, 2)
    assert explorer.table.loc[["opening", "closing"], "value"].tolist() == [9.0, 9.0]
    assert explorer.table["deals"].sum() == 2


def test_explore__another_column_offers_its_own_values(explorer):
    explorer.values.value = ["Ann"]
    explorer.by.value = "status"
    assert explorer.values.value == ()
    assert set(explorer.values.options) == {"active", "inactive"}
    explorer.freq.value = "Q"
    assert [label for label, _ in explorer.period.options] == ["any time", "2026Q1", "2026Q2"]


def test_explore__without_history_says_what_is_missing(states):
    explorer = oa.explore(states[-1])
    assert explorer.moments is None
    explorer.view.value = "changes"
    assert explorer.table.empty
    assert "history with two records" in explorer.ax.texts[0].get_text()


def test_explore__a_stretch_of_no_length_says_so(explorer):
    explorer.view.value = "slippage"
    explorer.moments.index = (2, 2)
    assert "Drag the left end" in explorer.ax.texts[0].get_text()


@pytest.mark.parametrize("rows", [0, 1])
def test_explore__of_next_to_nothing(states, tmp_path, rows):
    frame = states[0].head(rows)
    kept = History(tmp_path / "history")
    kept.record(frame, at="2026-03-02T08:00Z")
    explorer = oa.explore(frame, kept, as_of="2026-03-02")
    for view in explorer.view.options:
        explorer.view.value = view
        assert bytes(explorer._picture.value)[1:4] == b"PNG"


def test_explore__asks_nobody_and_changes_nothing(explorer, states, monkeypatch):
    def refuse(*_):
        raise AssertionError("the explorer opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    before = states[-1].copy()
    for view in explorer.view.options:
        explorer.view.value = view
    pd.testing.assert_frame_equal(states[-1], before)


def test_explore__names_from_the_data_are_escaped(states):
    frame = states[-1].assign(owner_name="<img src=x onerror=alert(1)>")
    frame.loc[0, "owner_name"] = "Bo"
    explorer = oa.explore(frame)
    explorer.view.value = "win rate"
    assert "<img" not in explorer._rows.value
    assert "&lt;img" in explorer._rows.value


def test_explore__errors_say_the_way_out(states):
    with pytest.raises(errors.ArgumentError, match="open a history with History"):
        oa.explore(states[0], "opp-history")  # type: ignore[arg-type]
    with pytest.raises(errors.MissingColumnError, match="stage"):
        oa.explore(states[0].drop(columns="stage"))
