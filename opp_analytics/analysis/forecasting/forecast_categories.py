"""`forecast_categories`: closed, commit, best case, pipeline and omitted money by period."""

from __future__ import annotations

import numpy as np
import pandas as pd

from opp_analytics import schema
from opp_analytics.analysis.forecasting.forecast import PeriodRows
from opp_analytics.analysis.forecasting.moment import Moment
from opp_analytics.analysis.shared.groups import By, check_by, read
from opp_analytics.analysis.shared.tables import annotate
from opp_analytics.arrays import Places, Series
from opp_analytics.inputs import fold
from opp_analytics.org import Org, find_known_day, list_probabilities, place_teams
from opp_analytics.periods import When, as_date, check_freq

CATEGORIES = ("commit", "best_case", "pipeline", "omitted")
"""Categories of open deals; `categorize` gives positions in this list."""
DECIDING = ("category", "pipeline", "probability")
"""Columns that decide, where a frame has them."""
_PLACES = {
    **{name: place for place, name in enumerate(CATEGORIES)},
    **dict.fromkeys(("bestcase", "upside"), CATEGORIES.index("best_case")),
    "omit": CATEGORIES.index("omitted"),
}
_BOUNDS = ((75, 0), (50, 1))
"""Stated percent from which a deal is in a category, as CRMs set them up; the rest is pipeline."""


def forecast_categories(
    opportunities: pd.DataFrame,
    *,
    as_of: When,
    freq: str = "M",
    by: By = None,
    tz: str | None = None,
) -> pd.DataFrame:
    """Sum closed, commit, best case, pipeline and omitted money by period, each alone and added up.

    Parameters
    ----------
    opportunities : DataFrame
        ``stage``, ``value`` (money), ``close_date`` (date); where present ``status``, ``category``,
        ``pipeline`` (str), ``probability`` (percent); the columns of `by`.
    as_of : date or str
        Day of the question.
    freq : str
        Period alias: "M", "Q" (of the org's fiscal year), …
    by : str or list of str, optional
        Columns to group by; a missing value is shown as "(none)".
    tz : str, optional
        Business time zone; default: the org's, else UTC.

    Returns
    -------
    DataFrame
        Index ``period`` (str; below the columns of `by`): "overdue", "unscheduled", the current
        period, and every other with a won or open deal; the same for every group. float64 money:
        ``closed`` (won in the period), ``commit``, ``best_case``, ``pipeline``, ``omitted`` (open,
        each deal in one), ``commit_total`` (closed + commit) and ``best_case_total`` (commit_total
        + best_case); ``open_count`` (int64); ``to_date`` (bool): True for the current period. A
        missing value counts 0. Note: ``n``, ``day``, ``freq``, ``left_out``. Without deals,
        zeros; with `by` no rows.

    Raises
    ------
    MissingColumnError, DataError, ArgumentError
        When a column is missing, a value does not fit, or an argument cannot be used.

    See Also
    --------
    category_moves : Outcome of each category, which is how a commit is judged.

    Notes
    -----
    The column ``category`` decides ("Commit", "best case", …), else the category of the stage in
    the org, else the stated probability, or that of the stage: 75% and more is commit, 50% and more
    best case, the rest pipeline. A stage is that of the deal's own pipeline.

    Examples
    --------
    >>> frame = pd.DataFrame(
    ...     {
    ...         "stage": ["closed_won", "negotiation", "proposal"],
    ...         "value": [100.0, 50.0, 80.0],
    ...         "close_date": ["2026-03-02", "2026-03-20", "2026-03-25"],
    ...         "probability": [100, 80, 50],
    ...     }
    ... )
    >>> table = forecast_categories(frame, as_of="2026-03-10")
    >>> [
    ...     int(table.loc["2026-03", name])
    ...     for name in ("closed", "commit", "best_case", "commit_total", "best_case_total")
    ... ]
    [100, 50, 80, 150, 230]
    """
    names, meaning = check_by(by, level="period"), Org.of(opportunities)
    zone = meaning.zone(tz)
    today = as_date(as_of, tz=zone)
    current = pd.Period(today, meaning.freq(check_freq(freq)))
    placed = place_teams(opportunities, find_known_day(opportunities, today, zone), current.freqstr)
    deals = Moment.of(placed, today=today, tz=zone, by=names).keep_alive()
    category, strange = categorize(_read_deciding(opportunities)[deals.open])
    rows = PeriodRows.of(deals, deals.periods(current.freqstr, [current]), current.freqstr)
    columns = {"closed": rows.sum(deals.value, deals.booked)}
    for place, name in enumerate(CATEGORIES):
        mine = deals.open.copy()
        mine[deals.open] = category == place
        columns[name] = rows.sum(deals.value, mine)
    table = rows.tabulate(columns)
    table["commit_total"] = table["closed"] + table["commit"]
    table["best_case_total"] = table["commit_total"] + table["best_case"]
    table["open_count"] = rows.count(deals.open).ravel()
    table["to_date"] = np.asarray(
        table.index.get_level_values("period") == str(current), dtype=bool
    )
    return annotate(
        table,
        "forecast_categories",
        made_from=opportunities,
        n=int(np.count_nonzero(deals.open | deals.booked)),
        as_of=today,
        left_out={
            **deals.left_out,
            "unknown_category": strange,
            "without_value": int((deals.open & np.isnan(deals.value)).sum()),
        },
        freq=current.freqstr,
    )


def deal_categories(opportunities: pd.DataFrame) -> Series:
    """Find each opportunity's forecast category, by the rule of `forecast_categories`.

    A closed deal gets the category that it would have if it were open.
    """
    categories = np.array(CATEGORIES)[categorize(_read_deciding(opportunities))[0]]
    return pd.Series(categories, opportunities.index, name="category", dtype=schema.TEXT)


def _read_deciding(opportunities: pd.DataFrame) -> pd.DataFrame:
    """Read the columns that decide on the category."""
    there = [name for name in DECIDING if name in opportunities.columns]
    return read(opportunities, "stage", *there, any_stage=True)


def categorize(frame: pd.DataFrame) -> tuple[Places, int]:
    """Find each conformed row's category, as if open, and count the unknown categories.

    The tenant's column ``category`` decides, else the stage's category in the org, else the stated
    probability (or that of the stage): 75% and more is commit, 50% and more best case, the rest
    pipeline.
    """
    meaning = Org.of(frame)
    own, strange = _read_own(frame)
    found = np.where(own >= 0, own, _by_stage(frame, meaning))
    codes: Places = np.where(found >= 0, found, _by_probability(frame, meaning)).astype(np.intp)
    return codes, strange


def _read_own(frame: pd.DataFrame) -> tuple[Places, int]:
    if "category" not in frame:
        return np.full(len(frame), -1, dtype=np.intp), 0
    names = frame["category"].astype(schema.TEXT).str.strip()
    spelled = names.map({name: fold(name) for name in names.dropna().unique()})
    place = spelled.map(_PLACES).fillna(-1).astype("int64")
    # "Closed" is what some systems say of a deal that was won; while it is open, its stage decides.
    strange = spelled.notna() & (spelled != "") & (spelled != "closed") & (place < 0)
    return np.asarray(place, dtype=np.intp), int(strange.sum())


def _by_stage(frame: pd.DataFrame, meaning: Org) -> Places:
    places = meaning.stages.look_up(
        frame,
        lambda part: {one.name: CATEGORIES.index(one.category) for one in part if one.category},
    )
    return np.nan_to_num(places, nan=-1).astype(np.intp)


def _by_probability(frame: pd.DataFrame, meaning: Org) -> Places:
    by_stage = meaning.stages.look_up(frame, list_probabilities)
    own = frame.get("probability", pd.Series(np.nan, frame.index))
    stated = own.to_numpy(dtype=float, na_value=np.nan)
    percent = np.where(np.isnan(stated), by_stage, stated)
    found = np.full(len(frame), CATEGORIES.index("pipeline"), dtype=np.intp)
    for bound, category in reversed(_BOUNDS):
        found[percent >= bound] = category
    return found
