"""`forecast_change_deals`: why a period's forecast moved, deal by deal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import schema, text
from opp_analytics.analysis.forecasting.method import Method
from opp_analytics.analysis.forecasting.pricing import Pricing, price_period
from opp_analytics.analysis.shared.groups import By, check_by
from opp_analytics.analysis.shared.history_query import Span, find_span, instant, name_groups
from opp_analytics.analysis.shared.tables import annotate, index_by_groups, label_groups, sort_groups
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.history import TRANSFERRED, TRANSFERRED_IN
from opp_analytics.org import outcomes
from opp_analytics.periods import When, as_date, as_instant, as_period, check_freq

if TYPE_CHECKING:
    from opp_analytics.history import History

Floats = NDArray[np.float64]
Frame = pd.DataFrame

DEAL_STEPS = (
    "removed", "won", "lost", "reopened", "new", "pulled_in", "pushed_out", "value", "owner", "chance",
)  # fmt: skip
"""What moves a deal's part of a forecast, in the order in which the steps are taken."""
OWNER = "owner_name"
_LEAST = 1e-9
"""Money below which a step is the rounding of floats."""


def forecast_change_deals(
    history: History,
    *,
    start: When,
    end: When,
    period: str,
    freq: str = "M",
    by: By = None,
    method: str | Method = "auto",
    tz: str | None = None,
) -> Frame:
    """The deals behind `forecast_change`: what each one added to the forecast of a period or took from it.

    Parameters
    ----------
    history, start, end, period, freq, by, method, tz
        As for `forecast_change`.

    Returns
    -------
    DataFrame
        One row per opportunity and movement that changed expected money, the largest first (with `by`, within each group,
        which is the index): ``unique_id``, ``name``, ``movement`` (str: one of `DEAL_STEPS`), ``expected`` (float64, money,
        signed), ``value`` (float64, money: the deal's full value, as last known). If nothing moved, no rows.

    Raises
    ------
    NotEnoughHistory, ArgumentError, MissingColumnError
        As for `forecast_change`, which sums these rows.

    Examples
    --------
    >>> from opp_analytics.history import History
    >>> log = pd.DataFrame({"unique_id": ["a", "b", "a"], "seen_at": ["2026-03-02", "2026-03-02", "2026-03-09"],
    ...                     "stage": ["proposal", "proposal", "closed_won"], "value": [100.0, 50.0, 100.0],
    ...                     "close_date": "2026-03-20", "probability": 40})
    >>> deals = forecast_change_deals(History.from_changes(log), start="2026-03-03", end="2026-03-09", period="2026-03",
    ...                               method="stated")
    >>> deals[["unique_id", "movement", "expected"]].to_numpy().tolist()
    [['a', 'won', 60.0]]
    """
    change = explain(history, start, end, period, freq, by, method, tz, asked_by="forecast_change_deals")
    return deals_table(history, change)


def deals_table(history: History, change: Change) -> Frame:
    """The deals of an explained change, as `forecast_change_deals` returns them."""
    rows = change.rows
    moved = rows[rows["movement"].isin(DEAL_STEPS) & rows["unique_id"].notna()]
    moved = moved.sort_values(["expected", "unique_id"], key=_largest_first, kind="stable")
    moved = sort_groups(moved, name_groups(change.groups))
    table = moved[["unique_id", "name", "movement", "expected", "value"]]
    return annotate(
        index_by_groups(table.reset_index(drop=True), moved, change.groups),
        made_from=history,
        n=table["unique_id"].nunique(),
        **change.notes,
    )


def _largest_first(column: pd.Series[Any]) -> pd.Series[Any]:
    return -column.abs().round(6) if column.dtype.kind == "f" else column


@dataclass(frozen=True)
class Change:
    """A forecast at two moments, and every step between them."""

    rows: Frame
    """Columns of the groups, ``unique_id`` (missing for new business), name, movement, expected, value."""
    groups: list[str]
    notes: dict[str, Any]
    """For the attrs of a table."""


def explain(
    history: History,
    start: When,
    end: When,
    period: str,
    freq: str,
    by: By,
    method: str | Method,
    tz: str | None,
    *,
    asked_by: str,
) -> Change:
    """Forecast a period at two moments by one method, and price what happened to each deal between them."""
    groups = check_by(by, level="movement")
    asked = find_span(history, start, end, asked_by=asked_by, by=groups, tz=tz, within_one_record=True)
    as_period(period, asked.org.freq(check_freq(freq)))
    moments = as_instant(start, tz=asked.tz, name="start"), as_instant(end, tz=asked.tz, end=True, name="end")
    then, now = _priced(history, moments, period, freq, method, groups, asked.tz)
    first, last = (_known(priced.opportunities, groups) for priced in (then, now))
    handed_over = _handed_over(history, asked)
    parts = [
        _ends("then", first, then.expected(first), then),
        *_steps(first, last, then, now, handed_over),
        _ends("now", last, now.expected(last), now),
        _new_business(then, now),
    ]
    keys = name_groups(groups)
    filled = [part for part in parts if len(part)] or parts[:1]
    rows = pd.concat([part.rename(columns=dict(enumerate(keys))) for part in filled], ignore_index=True)
    notes = _notes(asked, now, moments) | _other_method(then, now)
    return Change(rows.astype({"unique_id": schema.TEXT, "name": schema.TEXT}), groups, notes)


def _priced(
    history: History,
    moments: tuple[pd.Timestamp, pd.Timestamp],
    period: str,
    freq: str,
    method: str | Method,
    groups: list[str],
    tz: str,
) -> tuple[Pricing, Pricing]:
    """The pricing at both moments, by the method of the second."""
    now = price_period(history, at=moments[1], period=period, freq=freq, method=method, by=groups, tz=tz)
    same = now.chosen.method
    then = price_period(history, at=moments[0], period=period, freq=freq, method=same, by=groups, tz=tz)
    for priced, moment in zip((then, now), moments, strict=True):
        if np.isnan(list(priced.new_business.values())).any():
            day = text.day(as_date(moment, tz=tz), year=True)
            raise NotEnoughHistory(
                f"period={period!r} had no forecast on {day}: too far ahead for method={same.name!r}; "
                "choose an earlier period or a later start"
            )
    return then, now


def _notes(asked: Span, now: Pricing, moments: tuple[pd.Timestamp, pd.Timestamp]) -> dict[str, Any]:
    return {
        "as_of": as_date(moments[1], tz=asked.tz),
        "period": str(now.period),
        "freq": now.period.freqstr,
        "method": now.chosen.label,
        "tz": asked.tz,
        "then_at": moments[0].isoformat(),
        "now_at": moments[1].isoformat(),
        **asked.notes(),
    }


def _other_method(then: Pricing, now: Pricing) -> dict[str, Any]:
    """The method that was in use at the first moment, where it was another one."""
    if not now.chosen.why:
        return {}
    used = then.automatic.method.name
    return {} if used == now.chosen.method.name else {"method_then": used}


def _known(frame: Frame, groups: list[str]) -> Frame:
    """The deals of a record by id, with their groups in columns 0, 1, …, all as text where pandas has categories."""
    org = {key: frame.attrs[key] for key in ("org",) if key in frame.attrs}
    labels = {k: label_groups(frame[name]) for k, name in enumerate(groups)}
    kinds = dict.fromkeys(frame.select_dtypes("category").columns, schema.TEXT)
    plain = pd.DataFrame(frame).astype(kinds).assign(name=frame.get("name"))
    plain = pd.concat([plain, pd.DataFrame(labels, index=frame.index)], axis=1)
    plain = plain.set_index("unique_id", drop=False).rename_axis(None)
    plain.attrs = org  # type: ignore[assignment]
    return plain


def _ends(movement: str, frame: Frame, expected: Floats, priced: Pricing) -> Frame:
    """The forecast at one moment: its deals, and new business."""
    return pd.concat(
        [_rows(frame, frame, expected, np.full(len(frame), movement)), _business(movement, priced, 1.0)]
    )


def _new_business(then: Pricing, now: Pricing) -> Frame:
    return pd.concat([_business("new_business", then, -1.0), _business("new_business", now, 1.0)])


def _business(movement: str, priced: Pricing, sign: float) -> Frame:
    rows = [
        {**dict(enumerate(labels)), "movement": movement, "expected": sign * amount}
        for labels, amount in priced.new_business.items()
    ]
    return pd.DataFrame(rows).assign(unique_id=None, name=None, value=np.nan)


def _handed_over(history: History, asked: Span) -> set[str]:
    """The deals that entered or left a part of a history, because they changed owner or another of its columns."""
    if not history.is_part:
        return set()
    log = history.table
    log = log.filter(log["seen_at"] > instant(asked.opening), log["seen_at"] <= instant(asked.closing))
    return set(
        history.collect(log.filter(log["operation"].isin([TRANSFERRED, TRANSFERRED_IN])).select("unique_id"))[
            "unique_id"
        ]
    )


def _steps(first: Frame, last: Frame, then: Pricing, now: Pricing, handed_over: set[str]) -> list[Frame]:
    """Every step of every deal."""
    place = last.index.get_indexer(first.index)
    stayed = place >= 0
    gone, before, after = first[~stayed], first[stayed], last.iloc[place[stayed]]
    new = last[~np.isin(np.arange(len(last)), place)]
    left = np.where(gone["unique_id"].isin(handed_over), "owner", "removed")
    came = np.where(new["unique_id"].isin(handed_over), "owner", "new")
    added = then.expected(new)
    return [
        _rows(gone, gone, -then.expected(gone), left),
        _rows(new, new, added, came),
        _rows(new, new, now.expected(new) - added, np.full(len(new), "chance")),
        *_steps_between(before, after, then, now),
    ]


def _steps_between(before: Frame, after: Frame, then: Pricing, now: Pricing) -> list[Frame]:
    """The steps of deals that both records hold: one fact after the other, at the chances of the first moment."""
    label = _changed_outcome(before, after)
    changed = label != ""
    grouping = [name for name in before.columns if isinstance(name, int)]
    ownership = [name for name in (OWNER, *grouping) if name in before.columns]
    closed = [name for name in before.columns if name not in ("value", *ownership)]
    # A deal that closes or reopens does so with its new date.
    outcome = _overlaid(before, after, closed, changed)
    dated = _overlaid(outcome, after, ["close_date"])
    valued = _overlaid(dated, after, ["value"])
    owned = _overlaid(valued, after, ownership)
    prices = [then.expected(frame) for frame in (before, outcome, dated, valued, owned)]
    moved = np.diff(prices, axis=0)
    passed_on = (before[grouping].to_numpy() != after[grouping].to_numpy()).any(axis=1)
    inward = _inward(outcome["close_date"], dated["close_date"], then)
    return [
        _rows(before, after, moved[0], label),
        _rows(before, after, moved[1], np.where(inward, "pulled_in", "pushed_out")),
        _rows(before, after, moved[2], np.full(len(before), "value")),
        _rows(before, after, np.where(passed_on, -prices[3], 0.0), np.full(len(before), "owner")),
        _rows(after, after, np.where(passed_on, prices[4], moved[3]), np.full(len(before), "owner")),
        _rows(after, after, now.expected(after) - prices[4], np.full(len(before), "chance")),
    ]


def _inward(before: pd.Series[Any], after: pd.Series[Any], then: Pricing) -> NDArray[np.bool_]:
    """True where a date moved into what was left of the period, or earlier without leaving or entering it."""
    first = max(then.today, then.period.start_time.normalize())
    was, became = (dates.between(first, then.period.end_time.normalize()) for dates in (before, after))
    earlier = (after < before) | (before.isna() & after.notna())
    return np.asarray(np.where(was == became, earlier, became), dtype=bool)


def _changed_outcome(before: Frame, after: Frame) -> NDArray[np.str_]:
    """The step of each deal whose outcome is another one; empty for the others."""
    steps = {"open": "reopened", "won": "won", "lost": "lost"}
    was, became = (
        outcomes(frame).map(steps).fillna("removed").to_numpy(dtype=str) for frame in (before, after)
    )
    found: NDArray[np.str_] = np.where(was == became, "", became)
    return found


def _overlaid(
    frame: Frame, other: Frame, columns: list[Any], where: NDArray[np.bool_] | bool = True
) -> Frame:
    """The frame with these columns of another one, in the rows where `where` is true."""
    mask = np.broadcast_to(where, len(frame))
    taken = {name: frame[name].where(~mask, other[name]) for name in columns if name in other.columns}
    made = pd.DataFrame({name: taken.get(name, frame[name]) for name in frame.columns}, index=frame.index)
    made.attrs = frame.attrs
    return made


def _rows(group_of: Frame, latest: Frame, expected: Floats, movement: NDArray[Any]) -> Frame:
    """The rows of steps that are worth anything, in the groups of one frame and with the values of another."""
    worth = np.abs(expected) > _LEAST
    groups = {name: group_of[name].to_numpy() for name in group_of.columns if isinstance(name, int)}
    table = pd.DataFrame(
        {
            **groups,
            "unique_id": latest["unique_id"].to_numpy(),
            "name": latest["name"].to_numpy(),
            "movement": movement,
            "expected": expected,
            "value": latest["value"].to_numpy(dtype=np.float64),
        }
    )
    return table[worth]
