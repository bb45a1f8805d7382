"""Past forecasts against what was booked, on histories small enough to work by hand."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import scoringrules

from opp_analytics import errors
from opp_analytics.analysis import backtest, forecast
from opp_analytics.analysis.forecasting.backtest import EVERY, score_quantiles
from opp_analytics.history import History
from opp_analytics.note import note_of
from tests.analysis.forecasting.histories import MONTHS, MONTHS_TO_MARCH, even_months
from tests.history.logs import recorded, row

MADE = ["booked", "expected", "low", "median", "high"]
DAYS = [
    row("a", "2026-01-10", "proposal", close_date="2026-01-28"),
    row("a", "2026-01-28", "closed_won", close_date="2026-01-28", value=130.0),
    row("b", "2026-02-09", "proposal", close_date="2026-02-20"),
    row("b", "2026-02-20", "closed_won", close_date="2026-02-20", value=100.0),
    row("c", "2026-03-12", "proposal", close_date="2026-03-30"),
]
MOMENTS = [
    "2026-01-10T12:00Z",
    "2026-01-15T12:00Z",
    "2026-01-28T12:00Z",
    "2026-02-09T12:00Z",
    "2026-02-09T18:00Z",
    "2026-02-20T12:00Z",
    "2026-03-12T12:00Z",
]
PAST = recorded(DAYS, MOMENTS)


def now(history: History, day: str, **asked: Any) -> pd.DataFrame:
    """Forecasts with as many days left as on a day, by period."""
    table = backtest(history, freq="M", lead="now", as_of=day, **asked)
    assert table.index.names == ["method", "made_at", "period"]
    return table.droplevel("method").reset_index("made_at")


def test_backtest__each_record_forecasts_alone():
    table = backtest(MONTHS, freq="M")
    assert table.index.names == ["method", "made_at", "period"]
    made = pd.Timestamp("2026-02-15T12:00Z")
    february = table.xs(("auto", made, "2026-02"))
    wanted = {"lead": 13, "booked": 30, "expected": 80, "actual": 130, "error": -50}
    assert february[list(wanted)].to_dict() == wanted
    assert february["used"] == "stated"
    assert table.loc[("auto", pd.Timestamp("2026-01-02T12:00Z"), "2026-02"), "expected"] == 50
    assert "2026-04" not in table.index.get_level_values("period")


@pytest.mark.slow
def test_backtest__nothing_later_leaks_into_a_forecast():
    for method in ("stage", "learned", "run_rate"):
        full, short = (backtest(even_months(n), freq="M", methods=method)[MADE] for n in (12, 9))
        assert 0 < len(short) < len(full)
        pd.testing.assert_frame_equal(short, full.loc[short.index])


def test_backtest__counts_the_records_too_early_to_learn():
    table = backtest(even_months(9), freq="M", methods="learned")
    # Two records a month forecast January to August, and until July the next month too.
    assert note_of(table).figures["left_out"]["too_early_to_learn"] == 2 * 8 + 2 * 7 - len(table)
    assert table.index[0] == ("learned", pd.Timestamp("2026-04-20T12:00Z"), "2026-04")
    with pytest.raises(errors.NotEnoughHistory, match="learn from"):
        backtest(MONTHS, freq="M", methods="learned")
    with pytest.raises(errors.NotEnoughHistory, match="ended by the last record"):
        backtest(MONTHS, freq="Y")


@pytest.mark.slow
def test_backtest__is_the_forecast_made_at_the_record():
    methods: list[Any] = ["learned", "run_rate", "stated"]
    history = even_months(12, owners=True)
    made = pd.Timestamp("2026-09-10T12:00Z")
    for by in (None, "owner_name"):
        every = backtest(history, freq="M", methods=methods, by=by)
        for method in methods:
            table = every.xs((method, made), level=("method", "made_at"))
            asked: dict[str, Any] = {"method": method, "by": by, "periods": 2}
            for confidence, low, high in ((0.8, "low", "high"), (0.5, "low_50", "high_50")):
                then = forecast(
                    history.as_of(made), as_of=made, history=history, confidence=confidence, **asked
                )
                for column, own in zip(
                    MADE, ["booked", "expected", low, "median", high], strict=True
                ):
                    pd.testing.assert_series_equal(
                        table[own],
                        then[column].reindex(table.index),
                        atol=1e-6,
                        check_names=False,
                    )


def test_backtest__by_owner_adds_up_to_the_whole():
    methods: list[Any] = ["auto", "last_period", "stage_projection"]
    history = even_months(12, owners=True)
    whole = backtest(history, freq="M", methods=methods)
    parts = backtest(history, freq="M", methods=methods, by="owner_name")
    assert parts.index.names == ["owner_name", "method", "made_at", "period"]
    sums = parts.groupby(level=whole.index.names)[["expected", "actual", "booked", "error"]].sum()
    for method in ("auto", "stage_projection"):
        mine = whole[list(sums)].loc[[method]]
        pd.testing.assert_frame_equal(sums.loc[mine.index], mine)
    # What one closed beyond its last month counts for that one alone.
    assert (sums["expected"]["last_period"] >= whole["expected"]["last_period"]).all()


def test_backtest__reads_nothing_later_than_as_of():
    whole = backtest(MONTHS, freq="M", as_of="2026-03-15")
    pd.testing.assert_frame_equal(whole, backtest(MONTHS_TO_MARCH, freq="M"))
    assert note_of(whole).day == "2026-03-15"
    with pytest.raises(errors.NotEnoughHistory, match="2025-12-31"):
        backtest(MONTHS, freq="M", as_of="2025-12-31")


def test_backtest__refuses_what_cannot_be_told_apart():
    with pytest.raises(errors.ArgumentValueError, match="'stated' occurs twice"):
        backtest(MONTHS, methods=["stated", "stated"])
    with pytest.raises(errors.ArgumentTypeError, match="not a list"):
        backtest(MONTHS, methods={"stated"})  # type: ignore[arg-type]
    with pytest.raises(errors.ArgumentTypeError, match="methods=3 is not a method"):
        backtest(MONTHS, methods=[3])  # type: ignore[list-item]
    with pytest.raises(errors.ArgumentValueError, match="unknown methods='best'"):
        backtest(MONTHS, methods="best")  # type: ignore[arg-type]
    with pytest.raises(errors.ArgumentValueError, match="lead='then'"):
        backtest(MONTHS, lead="then")  # type: ignore[arg-type]


@pytest.mark.slow
def test_backtest__of_all_methods_has_those_that_could_be_asked():
    table = backtest(even_months(12), freq="M", methods="all")
    assert list(table.index.unique("method")) == [one for one in EVERY if one != "year_ago"]
    others = table.loc[["weighted", "three_periods", "stage_projection"]]
    assert others[["low", "high", "low_50", "high_95", "held"]].isna().all(axis=None)
    np.testing.assert_allclose(others["crps"], others["error"].abs())


@pytest.mark.slow
def test_backtest__asks_functions_of_ones_own():
    history, seen = even_months(3, owners=True), []

    def last_known(opportunities, *, history, as_of, freq, period):
        seen.append((history, opportunities, as_of, period))
        table = forecast(
            opportunities, as_of=as_of, freq=freq, history=history, method="stated", periods=2
        )
        return table.loc[period, ["expected", "low", "high"]].to_dict()

    def hundred(opportunities, **_):
        return 100

    table = backtest(history, freq="M", methods=["stated", last_known, hundred])
    mine, stated = (table.loc[[name]].droplevel("method") for name in ("last_known", "stated"))
    pd.testing.assert_frame_equal(
        mine[["expected", "low", "high", "held", "booked"]],
        stated[["expected", "low", "high", "held", "booked"]],
    )
    assert mine["median"].isna().all()
    np.testing.assert_allclose(mine["crps"], mine["error"].abs())
    assert (table.loc["hundred", "expected"] == 100).all()
    for (until, opportunities, as_of, _), (made, period) in zip(seen, mine.index, strict=True):
        assert until.records["recorded_at"].max() == made
        assert until.changes()["seen_at"].max() <= made
        pd.testing.assert_frame_equal(until.as_of(made), opportunities)
        assert as_of == made.tz_localize(None).normalize() <= pd.Period(period).end_time
    seen.clear()
    parts = backtest(history, freq="M", methods=last_known, by="owner_name")
    assert all(
        len(set(opportunities["owner_name"])) == 1
        and len(until.as_of(until.records["recorded_at"].max())) == len(opportunities)
        for until, opportunities, *_ in seen
    )
    sums = parts.groupby(level=["made_at", "period"])["expected"].sum()
    np.testing.assert_allclose(sums, mine["expected"])


@pytest.mark.parametrize(
    ("said", "error", "match"),
    [
        ({"mean": 1.0}, errors.ArgumentValueError, "own returned 'mean'"),
        ("much", errors.ArgumentTypeError, "own returned"),
        ({"expected": [1.0]}, errors.ArgumentTypeError, "is not a number"),
    ],
)
def test_backtest__names_a_function_whose_answer_is_no_forecast(said, error, match):
    def own(opportunities, **_):
        return said

    with pytest.raises(error, match=match):
        backtest(MONTHS, freq="M", methods=own)


def test_backtest__a_function_may_say_nothing():
    def own(opportunities, *, period, **_):
        if period == "2026-01":
            raise errors.NotEnoughHistory("no record")
        return None if period == "2026-02" else np.nan if period == "2026-03" else 1.0

    def stated(opportunities, **_):
        return 1.0

    table = backtest(MONTHS, freq="M", methods=["stated", own])
    assert list(table.index.unique("method")) == ["stated"]
    with pytest.raises(errors.ArgumentValueError, match="'stated' occurs twice"):
        backtest(MONTHS, freq="M", methods=stated)


def test_backtest__now_takes_the_record_as_long_before_each_end():
    table = now(PAST, "2026-03-13")
    # 18 days are left of March: January's 15th has 16, February's 9th 19, and of that day the later
    # record counts.
    assert table["made_at"].dt.strftime("%F %H").tolist() == ["2026-01-15 12", "2026-02-09 18"]
    assert table["lead"].tolist() == [16, 19]
    assert table["expected"].tolist() == [50, 50]
    assert table["actual"].tolist() == [130, 100]
    assert table["held"].tolist() == [False, True]
    whole = backtest(PAST, freq="M").droplevel("method")
    same = whole.reindex(pd.MultiIndex.from_arrays([table["made_at"], table.index]))
    for name in ("expected", "low", "high", "actual", "error"):
        assert table[name].tolist() == same[name].tolist()


def test_backtest__a_missing_range_neither_held_nor_failed():
    # No win in a month's last days: the run rate has no range there.
    days = [f"2026-{month:02d}-{day:02d}" for month in range(1, 7) for day in (4, 8, 12)]
    won = [row(day, day, "closed_won", close_date=day) for day in days]
    moments = [f"2026-{month:02d}-27T12:00Z" for month in range(1, 7)]
    history = recorded(won, sorted([*moments, *(f"{day}T12:00Z" for day in days)]))
    table = now(history, "2026-06-27", methods="run_rate")
    assert len(table)
    assert table[["low", "held"]].isna().all(axis=None)
    assert table["held"].dtype == "boolean"


@pytest.mark.parametrize("method", ["auto", "learned"])
def test_backtest__now_judges_the_method_of_today_wherever_it_can_be_used(method):
    # "auto" learns from six ended months, and took the run rate, or stated chances, at earlier
    # records.
    history = even_months(9)
    table = now(history, "2026-09-10", methods=method)
    asked = [
        forecast(history.as_of(at), as_of=at, history=history, method="learned")
        for at in table["made_at"]
    ]
    # Three ended months teach May’s forecast the first range.
    assert table.index.tolist() == [f"2026-{month:02d}" for month in range(5, 9)]
    for name in ("expected", "low", "high"):
        assert table[name].tolist() == [
            then.loc[label, name] for label, then in zip(table.index, asked, strict=True)
        ]
    assert table["held"].all()
    assert (note_of(table).method, note_of(table).figures["n"]) == ("learned", 4)
    assert note_of(table).figures["left_out"] == {"too_early_to_learn": 4}


def test_backtest__now_reads_nothing_later_than_its_day():
    cut = recorded(DAYS[:4], MOMENTS[:6])
    pd.testing.assert_frame_equal(now(PAST, "2026-02-25"), now(cut, "2026-02-25"))
    assert list(now(PAST, "2026-02-25").index) == ["2026-01"]
    # By the last record of February that month was not over.
    assert list(now(cut, "2026-03-13").index) == ["2026-01"]


def test_backtest__now_needs_a_period_that_is_over_and_a_record_near_enough():
    with pytest.raises(
        errors.NotEnoughHistory,
        match="learned had too little history 10 days before the end of 3 earlier months",
    ):
        now(even_months(4), "2026-04-20", methods="learned")
    with pytest.raises(
        errors.NotEnoughHistory, match="no earlier month has a record 11 days before its end; keep"
    ):
        now(PAST, "2026-01-20")
    with pytest.raises(errors.NotEnoughHistory, match="has a record 12 days before its end"):
        now(PAST, "2026-03-19")


def test_score_quantiles__agrees_with_scoringrules():
    rng, levels = np.random.default_rng(2), np.arange(1, 100) / 100
    actual, quantiles = rng.gamma(2, 100, 50), np.sort(rng.gamma(2, 100, (50, 99)), axis=1)
    theirs = scoringrules.crps_quantile(actual, quantiles, levels)
    np.testing.assert_allclose(score_quantiles(actual, quantiles, levels), theirs)
    draws = np.random.default_rng(3).normal(0, 1, 200_000)
    for came in (-1.0, 0.0, 2.5):
        found = score_quantiles([came], [np.quantile(draws, levels)], levels)[0]
        assert found == pytest.approx(scoringrules.crps_normal(came, 0, 1), abs=0.02)
