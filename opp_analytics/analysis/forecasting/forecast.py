"""`forecast`: booked, open and expected money by period, with a range."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import schema
from opp_analytics.analysis.forecasting.method import read_method
from opp_analytics.analysis.forecasting.moment import Labels, Moment, row_numbers
from opp_analytics.analysis.forecasting.outlook import Mix
from opp_analytics.analysis.forecasting.question import ForecastQuestion, Outlooks, answer
from opp_analytics.analysis.forecasting.stage_rates import look_up_chances
from opp_analytics.analysis.forecasting.targets import Target, find_gap
from opp_analytics.analysis.shared.groups import By, Groups, divide
from opp_analytics.analysis.shared.tables import annotate
from opp_analytics.arguments import MethodName, StageRates
from opp_analytics.arrays import Counts, Flags, Floats, Series
from opp_analytics.columns import FORECAST_COLUMNS
from opp_analytics.history import History
from opp_analytics.note import note_of
from opp_analytics.org import LOST
from opp_analytics.periods import Freq, When
from opp_analytics.schema import ALL, BUCKETS


def forecast(
    opportunities: pd.DataFrame,
    *,
    as_of: When,
    freq: Freq = "M",
    method: MethodName = "auto",
    history: History | None = None,
    target: Target = None,
    by: By = None,
    periods: int | Sequence[str] | None = None,
    only: bool = False,
    new_business: bool = True,
    confidence: float = 0.8,
    totals: bool = False,
    probability: str | None = None,
    stage_rates: StageRates = None,
    tz: str | None = None,
) -> pd.DataFrame:
    """Forecast bookings by period: booked, open and expected money, with a range.

    Parameters
    ----------
    opportunities : DataFrame
        ``stage``, ``value`` (money), ``close_date`` (date); ``status``, ``probability`` (percent),
        ``created_at`` (instant) and ``owner_name`` where present; the columns of `by`.
    as_of : date or str
        Date T of the forecast.
    freq : str
        Period alias: "M", "Q", a fiscal "Q-JAN", …
    method : str
        "auto": learned where the history allows, else run_rate, else stated. "learned": chances,
        new business and ranges from past records. "run_rate": what ended periods won after the same
        point. "stated": a deal's ``probability``. "stage": the rate of its stage.
    probability : str, optional
        Column of chances (fractions 0–1, or whole percents) for "stated", in place of
        ``probability``.
    stage_rates : mapping or DataFrame, optional
        Rate (fraction 0–1) by stage, or by pipeline and stage, such as the result of `stage_rates`,
        for "stage" and for deals without a stated chance; None learns those of "stage" from the
        history.
    history : History, optional
        Past records, to learn from. Records after T are not read.
    target : float, mapping or DataFrame, optional
        Target of each period of the whole, in money, 0 or more; a mapping from period label, or the
        tuple of labels and period, to money; or a table such as `Org.targets`, with ``period``,
        ``target`` and ``owner_name``, ``team`` or other columns of `by`. A group without a target
        of its own has the sum of its parts'; people's add up to their teams' by the days that they
        are in each.
    by : str or list of str, optional
        One forecast for each value of these columns; a missing value is shown as "(none)".
    periods : int or list of str, optional
        Periods with a row even if they have no deals: their labels, or their number (at most 1,200)
        from the current one on.
    only : bool
        If True, no other period has a row, which is faster where one of many is asked about.
    new_business : bool
        If False, nothing is expected from deals that are not in the frame: for a part of the
        pipeline. As in `forecast_deals`, "auto" is then learned where the history allows, else
        stated.
    confidence : float
        Confidence level of the range.
    totals : bool
        If True, add rows "(all)" for the whole and for each further level of `by`; their money is
        the sum of the rows below.
    tz : str, optional
        Business time zone, in which instants become dates; default: the org's, else UTC.

    Returns
    -------
    DataFrame
        Index ``period`` (str; below the columns of `by`): "overdue", "unscheduled", then each
        period with a won or open deal, in `periods`, or with its own target; the same for every
        group. Columns (float64 money unless noted):

        - ``booked``: won in the period by T. ``open_count`` (int64), ``open_value``: open deals due
          in it.
        - ``weighted_open``: Σ value · stated probability of these deals; NaN where the frame has no
          ``probability``.
        - ``expected_open``: Σ value · chance of every open deal under the method, due in the period
          or not.
        - ``new_business``: expected from other deals. ``expected``: booked + expected_open +
          new_business; 0 in the first two rows, NaN in a period of which nothing can be known.
        - ``low``, ``median``, ``high``: the range at `confidence`; NaN in the first two rows and
          where nothing is known.
        - ``target``; ``p_target`` (fraction): P(total ≥ target), 1 once it is met; ``gap``: target
          − booked, in cents: a target is met at half a cent.
        - ``pipeline_coverage`` (fraction): open_value / gap, NaN once the target is met and without
          open value. ``needed_pipeline``: gap / own win rate by value − open_value, at least 0; NaN
          for a period that is over. ``attainment`` (fraction): booked / target.
        - ``won_later``: the part of ``booked`` that is dated after T.
        - ``no_value``, ``no_probability`` (int64): open deals without a value or a stated
          probability. Both are in ``open_count``, the latter also in ``open_value``; neither is in
          ``weighted_open``.
        - ``to_date`` (bool): True for the period of T.

        Note: ``n`` deals, ``day``, ``freq``, ``method`` (its name), ``why`` ("auto" took it;
        empty if it was asked for), ``learned_from`` ended periods (0 for "stated" and "stage"),
        ``learns_on`` the day from which "auto" can learn from the records (None where it does, or
        without records), ``confidence``, ``left_out``. Empty input gives the first two rows with
        zeros, or no rows with `by`.

    Raises
    ------
    MissingColumnError, DataError
        When a column is missing, or an open deal's probability is out of range.
    ArgumentTypeError, ArgumentValueError
        When an argument is invalid.
    NotEnoughHistory
        When the data cannot serve the method; the message says from when it can.

    See Also
    --------
    forecast_deals, forecast_fan, backtest

    Notes
    -----
    ``booked`` = Σ v, won with d in P; in a frame loaded after T only with d ≤ T, since the others
    were perhaps not won by T (``won_after`` in ``left_out``). Open and d < T: overdue; d missing:
    unscheduled; so the open values of all rows add up to the total. learned:
    chances by due bucket and stage, new business and the width of ranges come from ended periods,
    each seen as long before its end as T is. run_rate: what ended periods won after the same point.
    The others know only the deals due in a period, so their range is too narrow: `backtest`
    shows by how much. docs/definitions.md explains them.

    Examples
    --------
    >>> frame = pd.DataFrame(
    ...     {
    ...         "stage": ["closed_won", "proposal", "proposal"],
    ...         "value": [100.0, 50.0, 80.0],
    ...         "close_date": ["2026-03-02", "2026-03-20", "2026-02-20"],
    ...         "probability": [100, 40, 50],
    ...     }
    ... )
    >>> table = forecast(frame, as_of="2026-03-10", method="stated")
    >>> table[["booked", "open_value", "weighted_open", "expected", "low", "high"]]
                 booked  open_value  weighted_open  expected    low   high
    period
    overdue         0.0        80.0           40.0       0.0    NaN    NaN
    unscheduled     0.0         0.0            0.0       0.0    NaN    NaN
    2026-03       100.0        50.0           20.0     120.0  100.0  150.0
    """
    meant = read_method(method, probability=probability, stage_rates=stage_rates)
    leveled = LeveledForecast.of(
        opportunities,
        as_of=as_of,
        freq=freq,
        method=meant,
        history=history,
        by=by,
        target=target,
        totals=totals,
        periods=periods,
        only=only,
        tz=tz,
        new_business=new_business,
        confidence=confidence,
    )
    return leveled.show()


@dataclass(frozen=True)
class LeveledForecast:
    """A forecast by levels of groups, the finest first.

    Ranges and chances of its rows are found when they are shown.
    """

    question: ForecastQuestion
    answers: tuple[Outlooks, ...]
    plain: pd.DataFrame
    """The table of `forecast` without ranges and chances."""
    names: Series
    """Name of each deal, or its id."""
    _found: dict[tuple[int, int, int], tuple[float, ...]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, opportunities: pd.DataFrame, *, totals: bool = False, **asked: Any
    ) -> LeveledForecast:
        """Forecast, as a `ForecastQuestion` asks; with `totals`, each further level too."""
        question = ForecastQuestion.of(opportunities, totals=totals, **asked)
        moment = question.read(opportunities)
        finest = answer(question, moment)
        levels = range(len(question.by) if totals else 0)[::-1]
        coarser = [answer(question, moment, level=k, parts=finest if k else None) for k in levels]
        tables = [
            _tabulate(question, one, question.by[:k])
            for k, one in zip([None, *levels], [finest, *coarser], strict=True)
        ]
        deals = finest.moment
        table = annotate(
            _stack_levels(tables, question.by),
            "forecast",
            made_from=opportunities,
            n=int(np.count_nonzero(deals.open | deals.booked)),
            as_of=question.today,
            left_out={
                **deals.left_out,
                **question.targets.left_out,
                "without_value": int(tables[0]["no_value"].sum()),
                "without_probability": int(tables[0]["no_probability"].sum()),
            },
            freq=question.freq,
            method=finest.method.label,
            why=finest.method.why,
            learns_on=finest.method.learns_on,
            learned_from=finest.method.ended,
            confidence=question.confidence,
        )
        named = "name" if "name" in opportunities else "unique_id"
        names = opportunities[named] if named in opportunities else opportunities.index.to_series()
        made = cls(question, (finest, *coarser), table, names)
        note = note_of(table).change(giants={} if question.by else made.find_giants())
        return replace(made, plain=note.write(table))

    def find_giants(self, depth: int = 0, part: str = "") -> dict[str, list[Any]]:
        """Find the deal that makes over half of what is expected beyond booked, by period.

        With its name, value and chance, and what it adds; of a part, or of the whole. Only learned
        chances count: stated ones are those of the deals due alone.
        """
        asked = (part,) if depth else ()
        found: dict[str, list[Any]] = {}
        groups = [
            (one, group)
            for one in self.answers
            for group, labels in enumerate(one.moment.labels)
            if len(labels) == depth and labels[-1:] == asked and one.method.name == "learned"
        ]
        for one, group in groups:
            for period, outlook in one.outlooks.items():
                total = outlook.totals[group]
                if not isinstance(total, Mix) or not len(total.rows):
                    continue
                more = outlook.expected_open[group] + outlook.new_business[group]
                adds = total.amounts * total.chances
                k = int(adds.argmax())
                if adds[k] > more / 2 > 0:
                    facts = one.moment.value[total.rows[k]], total.chances[k], adds[k]
                    found[str(period)] = [str(self.names.iloc[total.rows[k]]), *map(float, facts)]
        return found

    def show(self, shown: Callable[[Labels, str], bool] | None = None) -> pd.DataFrame:
        """Make the table of `forecast`, with ranges and chances only in `shown` rows.

        `shown` decides by a row's labels and period; without it every row gets them.
        """
        filled = np.full((len(_RANGE), len(self.plain)), np.nan)
        targets, row = self.plain["target"].to_numpy(), 0
        for level, one in enumerate(self.answers):
            periods = list(one.outlooks)
            for group, labels in enumerate(one.moment.labels):
                row += len(BUCKETS)
                for place, period in enumerate(periods):
                    if shown is None or shown(labels, str(period)):
                        key = (level, group, place)
                        if key not in self._found:
                            self._found[key] = self._find(one, group, period, targets[row])
                        filled[:, row] = self._found[key]
                    row += 1
        table = self.plain.assign(**dict(zip(_RANGE, filled, strict=True)))
        table.attrs = self.plain.attrs
        return table

    def _find(
        self, one: Outlooks, group: int, period: pd.Period, target: float
    ) -> tuple[float, ...]:
        outlook, confidence = one.outlooks[period], self.question.confidence
        total, booked = outlook.totals[group], one.moment.booked_in(period)[group]
        levels = ((1 - confidence) / 2, 0.5, (1 + confidence) / 2)
        ends = [np.nan if total is None else total.quantile(level) for level in levels]
        return (*ends, outlook.p_target(group, booked, target))


_RANGE = ("low", "median", "high", "p_target")
"""Columns that each row takes time for."""


def _stack_levels(tables: Sequence[pd.DataFrame], names: Sequence[str]) -> pd.DataFrame:
    """Stack the tables of all levels, with "(all)" in place of the missing labels."""
    if len(tables) == 1:
        return tables[0]
    parts = []
    for table in tables:
        rows = table.reset_index()
        missing = {name: ALL for name in names if name not in rows}
        parts.append(rows.assign(**missing).set_index([*names, "period"])[table.columns])
    return pd.concat(parts)


def _tabulate(question: ForecastQuestion, found: Outlooks, by: Sequence[str]) -> pd.DataFrame:
    """Tabulate every group: overdue, unscheduled, then the periods."""
    deals = found.moment
    rows = PeriodRows.of(deals, list(found.outlooks), question.freq)
    method = question.method
    if (
        method.name == "stated"
        and "probability" in deals.columns
        and method.column == "probability"
    ):
        deals.columns["probability"].check(deals.open, deals.list_ids)
    stated = look_up_chances(deals, "probability", method.stage_rates or {})
    no_value = np.isnan(deals.value)
    rated = "probability" in deals.columns or method.stage_rates is not None
    columns: dict[str, NDArray[Any]] = {
        "booked": rows.sum(deals.value, deals.booked),
        "open_count": rows.count(deals.open),
        "open_value": rows.sum(deals.value, deals.open),
        "weighted_open": rows.sum(deals.value * stated, deals.open)
        if rated
        else rows.filled(np.nan),
        **_tabulate_outlooks(question, rows, found, by),
        "won_later": rows.sum(deals.value, deals.won_later),
        "no_value": rows.count(deals.open & no_value),
        "no_probability": rows.count(
            deals.open & ~no_value & (found.unpriced | (rated & np.isnan(stated)))
        ),
        "to_date": np.tile([label == str(question.current) for label in rows.labels], deals.size),
    }
    table = compare_with_target(rows.tabulate(columns))
    lost = (deals.outcome == LOST) & ~deals.dated_later
    won = deals.sum(deals.value, deals.booked)
    # The won share of closed money; NaN where nothing closed by the day.
    won_share = divide(won, np.maximum(won + deals.sum(deals.value, lost), 0))
    rates = np.repeat(won_share, len(rows.labels))
    needed = (table["gap"] / np.where(rates > 0, rates, np.nan) - table["open_value"]).clip(lower=0)
    over = np.tile(
        [*[False] * len(BUCKETS), *(question.is_over(one, deals) for one in found.outlooks)],
        deals.size,
    )
    table["needed_pipeline"] = needed.mask(over)
    return table[list(FORECAST_COLUMNS)]


def compare_with_target(table: pd.DataFrame) -> pd.DataFrame:
    """Compare booked and open money with the target: gap, coverage of the gap, attainment."""
    gap = find_gap(table["target"], table["booked"])
    covered = (table["open_value"] / gap).where((gap > 0) & (table["open_value"] > 0))
    share = (table["booked"] / table["target"]).where(table["target"] > 0)
    attained = share.clip(lower=1.0).where(gap <= 0, share)
    return table.assign(gap=gap, pipeline_coverage=covered, attainment=attained)


@dataclass(frozen=True)
class PeriodRows:
    """The rows of a table: groups times buckets and periods."""

    labels: list[str]
    """Buckets and periods."""
    cells: Groups
    """Row of each deal."""
    shape: tuple[int, int]
    """Groups, and rows of each."""

    @classmethod
    def of(cls, deals: Moment, wanted: Sequence[pd.Period], freq: str) -> PeriodRows:
        """Lay out the rows of all groups."""
        numbers, own = row_numbers(wanted), deals.rows(freq)
        order = np.argsort(numbers)
        place = order[np.searchsorted(numbers, own, sorter=order).clip(max=len(numbers) - 1)]
        inside = (deals.group >= 0) & (deals.open | deals.booked) & (numbers[place] == own)
        cell = np.where(inside, deals.group * len(numbers) + place, -1)
        labels = [*BUCKETS, *map(str, wanted)]
        below = pd.Index(np.tile(labels, deals.size), name="period", dtype=schema.TEXT)
        index = Groups(deals.group, deals.index).nest(below, len(labels))
        return cls(labels, Groups(cell, index), (deals.size, len(labels)))

    def sum(self, amounts: Floats, mask: Flags) -> Floats:
        """Sum amounts in each row; missing amounts count 0."""
        return self.cells.sum(amounts, mask).reshape(self.shape)

    def count(self, mask: Flags) -> Counts:
        """Count deals in each row."""
        return self.cells.count(mask).reshape(self.shape)

    def filled(self, value: float) -> Floats:
        """Repeat a value in each row."""
        return np.full(self.shape, value)

    def tabulate(self, columns: Mapping[str, Any]) -> pd.DataFrame:
        """Make a table of columns, each by group and row."""
        flat = {name: column.ravel() for name, column in columns.items()}
        return pd.DataFrame(flat, index=self.cells.index)


def _tabulate_outlooks(
    question: ForecastQuestion, rows: PeriodRows, found: Outlooks, by: Sequence[str]
) -> dict[str, Floats]:
    deals = found.moment
    names = ("expected_open", "new_business", "expected", "target", *_RANGE)
    columns = {name: rows.filled(np.nan) for name in names}
    for name in names[:3]:
        columns[name][:, : len(BUCKETS)] = 0.0
    for place, (period, outlook) in enumerate(found.outlooks.items(), start=len(BUCKETS)):
        columns["expected_open"][:, place] = outlook.expected_open
        columns["new_business"][:, place] = outlook.new_business
        columns["expected"][:, place] = found.expected(period)
        of = [question.targets.of(by, labels, str(period)) for labels in deals.labels]
        columns["target"][:, place] = of
    return columns
