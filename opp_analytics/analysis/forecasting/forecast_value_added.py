"""`forecast_value_added`: who makes the number better."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd

from opp_analytics import schema
from opp_analytics.analysis.forecasting.call_samples import (
    FEWEST,
    NUMBER,
    POINT,
    CallSamples,
    Errors,
    tabulate,
)
from opp_analytics.analysis.shared.tables import annotate
from opp_analytics.errors import ArgumentValueError
from opp_analytics.history import History
from opp_analytics.org import Org, find_teams
from opp_analytics.periods import Freq

SOURCES = ("model", "weighted", "last_period", "reps", "manager", "blend")
"""Whose numbers are compared, in the order of the table."""
_COLUMNS = ("n", "wape", "bias", "error_ratio", "ratio_low", "ratio_high", "differs", "better")
_STRENGTH, _MOST = 4, 2.0
"""Pseudo-periods in which calls were right, and the most that the blend scales calls up, or
down."""


def forecast_value_added(
    history: History,
    *,
    org: Org | None = None,
    freq: Freq | None = None,
    by: Literal["team", "owner_name"] | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Compare the model, people's calls and simple formulas on the same periods and days.

    The table tells who makes the number better.

    Parameters
    ----------
    history, org, freq, confidence
        As for `call_accuracy`.
    by : {"team", "owner_name"}, optional
        One block of rows for each team, or person, with a call; None compares the whole's numbers.

    Returns
    -------
    DataFrame
        Index `by` if given, and ``source`` (str): "model" (the default method), "weighted" (booked,
        and the deals due at their stated chances), "last_period" (what the period before had won
        by then, raised to what is booked), "reps" (sum of people's own calls; who has none counts
        with the weighted pipeline), "manager" (the same with overrides: of a person, of a team
        instead of its sum, of the whole instead of all), "blend" (half model, half reps, scaled by
        their past bias). Columns: ``n`` (int64): periods judged; ``wape``, ``bias`` (float64,
        fractions of what was won); ``error_ratio`` (ratio to the model's error) with ``ratio_low``
        and ``ratio_high``; ``differs`` (bool): from the model's errors, beyond chance; ``better``
        (fraction): share of periods in which it missed by less than the model. NaN below 3
        periods: too few to say; the ends of the ratio below 6. All rows of a block judge the same
        periods and days: those on which every source with 3 periods has a number. Note: ``n``
        periods, ``day``, ``freq``, ``tz``, ``confidence``, ``left_out`` as for `call_accuracy`;
        ``without_call``: people counted with the weighted pipeline, over all days; ``called``:
        mean share of people with a call of their own, ``override``: p-value of reps against
        manager, by block.

    Raises
    ------
    NotEnoughHistory, ArgumentError
        As for `call_accuracy`.

    See Also
    --------
    call_accuracy, backtest

    Notes
    -----
    Days, errors and tests are those of `call_accuracy`. Without any override "manager" has no
    figures.

    Examples
    --------
    The example of `call_accuracy` ends with this table of the same calls.
    """
    if by not in (None, "team", "owner_name"):
        raise ArgumentValueError.of("by", by, "is unknown", "use None, 'team' or 'owner_name'")
    samples = CallSamples.of(
        history, "forecast_value_added", org=org, freq=freq, confidence=confidence
    )
    return compare_sources(samples, by)


def compare_sources(samples: CallSamples, by: str | None = None) -> pd.DataFrame:
    """Tabulate `forecast_value_added` of samples."""
    cells, without_call = _collect_sources(samples, by)
    groups: dict[Any, pd.DataFrame] = (
        dict(iter(cells.groupby(level="group"))) if by else {"": cells}
    )
    judged = {key: _keep_common(part) for key, part in groups.items()}
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    override, confidence = {}, samples.question.confidence
    for key, part in judged.items():
        errors = Errors.of(part, [name for name in SOURCES if name in part])
        for source in SOURCES:
            if source in part:
                rows[key, source] = errors.judge(source, confidence=confidence)
            else:
                lone = groups[key][source].dropna().index.get_level_values("period")
                rows[key, source] = {"n": lone.nunique()}
        if errors.enough and {"reps", "manager"} <= set(part):
            override[key] = errors.compare("manager", "reps")
    table = tabulate(rows.values(), _COLUMNS, confidence=confidence)
    labels = pd.DataFrame(list(rows), columns=[by or "group", "source"], dtype=schema.TEXT)
    table.index = pd.MultiIndex.from_frame(labels) if by else pd.Index(labels["source"])
    return annotate(
        table,
        "forecast_value_added",
        n=pd.concat(judged.values()).index.get_level_values("period").nunique() if judged else 0,
        left_out={**samples.left_out, "no_forecast": int(cells["model"].isna().sum())},
        without_call=without_call,
        called=cells.groupby(level="group")["called"].mean().to_dict(),
        override=override,
        **samples.notes,
    )


def _collect_sources(samples: CallSamples, by: str | None) -> tuple[pd.DataFrame, int]:
    """Tabulate each source's number on each day, by group (an empty one for the whole).

    Count the people who had none and counted otherwise.
    """
    level = samples.read_level(*([by] if by else []))
    people = samples.read_level("owner_name")["weighted"]
    plain_on: dict[Any, Any] = {
        day: part.droplevel([0, 1]).to_dict() for day, part in people.groupby(level=POINT)
    }
    rows, without_call, staff = [], 0, samples.question.org.people
    point: Any
    day: Any
    for (*point, day), known in samples.in_force.groupby([*POINT, "day"]):
        plain, team_of = plain_on.get(tuple(point), {}), find_teams(staff, day)
        said = list(known[["override", *NUMBER, "commit"]].itertuples(index=False, name=None))
        own = {owner: commit for override, owner, _, commit in said if not override}
        over = {(owner, team): commit for override, owner, team, commit in said if override}
        # Within the whole, a team's override stands for its people.
        placed: set[str] = set() if by else {*staff["team"].dropna()}
        inside = {team: commit for (_, team), commit in over.items() if team in placed}
        groups: dict[str, list[str]] = {team: [] for _, team in over} if by == "team" else {}
        for name in dict.fromkeys([*plain, *own, *(owner for owner, _ in over if owner)]):
            group = {None: "", "team": team_of.get(name, ""), "owner_name": name}[by]
            groups.setdefault(group, []).append(name)
        for group, names in groups.items():
            if by and not group:
                continue
            reps = {name: own.get(name, plain.get(name, 0.0)) for name in names}
            rest = [name for name in names if team_of.get(name) not in inside]
            manager = sum(inside.values()) + sum(over.get((name, ""), reps[name]) for name in rest)
            number = (group, "") if by == "owner_name" else ("", group)
            above = bool(inside) or number in over or any((name, "") in over for name in rest)
            called = len(own.keys() & {*names})
            without = (
                sum(bool(plain.get(name)) for name in names if name not in own) if called else 0
            )
            without_call += without
            own_sum, share = (
                (sum(reps.values()), called / (called + without)) if called else (np.nan, np.nan)
            )
            final = over.get(number, manager) if called or above else np.nan
            rows.append((group, *point, own_sum, final, share, above))
    sums = ["reps", "manager"]
    found = pd.DataFrame(rows, columns=["group", *POINT, *sums, "called", "overridden"])
    found = found.astype(dict.fromkeys([*sums, "called"], "float64")).dropna(how="all", subset=sums)
    found.loc[~found.groupby("group")["overridden"].transform("any").astype(bool), "manager"] = (
        np.nan
    )
    keys = [*POINT, *(["group"] if by else [])]
    cells = found.merge(level, how="left", left_on=keys, right_index=True)
    return cells.assign(blend=_blend(cells)).set_index(["group", *POINT]), without_call


def _blend(cells: pd.DataFrame) -> pd.Series[float]:
    """Blend the model with the calls of reps, scaled by their past bias at the same lead."""
    # A ratio of sums: the mean of ratios is too high, because a small call weighs as much as a
    # large one.
    keys = [cells["group"], cells["place"]]
    known = cells[["actual", "reps"]].where(cells["reps"].notna())
    n, past = known["reps"].notna().groupby(keys).cumsum() - 1, known.groupby(keys).cumsum() - known
    ratio = (past["actual"] / past["reps"]).where(past["reps"] > 0, 1.0)
    scale = ((_STRENGTH + n * ratio) / (_STRENGTH + n)).clip(1 / _MOST, _MOST)
    return 0.5 * cells["model"] + 0.5 * scale * cells["reps"]


def _keep_common(part: pd.DataFrame) -> pd.DataFrame:
    """Keep the days on which all sources have a number.

    One with too few periods is not compared.
    """
    known = part[list(SOURCES)].notna().groupby(level="period").any().sum()
    kept = [source for source in SOURCES if source == "model" or known[source] >= FEWEST]
    return part[[*kept, "actual"]].dropna()
