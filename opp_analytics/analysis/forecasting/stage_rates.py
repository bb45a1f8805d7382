"""`stage_rates`: the win chance by stage, learned from past records with shrinkage.

And the forecast at stated or learned chances.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd

from opp_analytics import arguments, periods, schema, text
from opp_analytics.analysis.forecasting.method import METHODS, Method, Rates
from opp_analytics.analysis.forecasting.moment import Moment
from opp_analytics.analysis.forecasting.outlook import Mix, Outlook
from opp_analytics.analysis.shared.history_query import (
    DELETED,
    TRANSFERRED,
    find_known_start,
    read_changes,
)
from opp_analytics.analysis.shared.tables import annotate
from opp_analytics.analysis.stats.competing_risks import incidence
from opp_analytics.arrays import Counts, Floats, Series
from opp_analytics.errors import ArgumentTypeError, MissingColumnError, NotEnoughHistory
from opp_analytics.history import History
from opp_analytics.org import DISQUALIFIED, LOST, NOT_RECORDED, OPEN, PIPELINE, WON, Org
from opp_analytics.periods import When
from opp_analytics.schema import NO_LABEL

_DAY_SECONDS = 86_400
_STRENGTH = 3.0
"""Default weight of the neighboring stages in a learned rate, in exits."""
_FEWEST_EXITS = 10
"""Default of exits below which a stage has no rate: its standard error is then above 0.15."""


def stage_rates(
    history: History,
    *,
    as_of: When | None = None,
    strength: float = _STRENGTH,
    fewest_exits: int = _FEWEST_EXITS,
    tz: str | None = None,
) -> pd.DataFrame:
    """Learn the chance that a deal in a stage is won from how past deals left each stage.

    Parameters
    ----------
    history : History
        Past records.
    as_of : date or str, optional
        Only records up to the end of this day are used; None uses all.
    strength : float
        Weight of the neighboring stages in each stage's rate, in exits.
    fewest_exits : int
        Exits below which a stage has no rate.
    tz : str, optional
        Business time zone of the day `as_of`; default: the org's, else UTC.

    Returns
    -------
    DataFrame
        Index ``stage`` (str), below ``pipeline`` (str) where the org has several. Columns: ``rate``
        (float64, fraction): shrunk toward the stages before and after; ``raw``: the stage's own
        rate; both NaN below `fewest_exits`. ``exits`` (int64): times that a deal left the stage;
        ``won``, ``lost``: deals seen in the stage that were won, or lost, deleted or disqualified,
        by the last record. Note: ``n`` deals, ``day``.

    Raises
    ------
    ArgumentTypeError, ArgumentValueError
        When `history` is not a `History`, or a number is out of range.
    NotEnoughHistory
        When there is no record, every stage has fewer exits, or an imported history lacks the
        stages of all months. Where it lacks those of the first months, the rates begin after them,
        with a warning.

    See Also
    --------
    forecast : takes the result as its `stage_rates`.

    Notes
    -----
    A deal leaves a stage for another one, or as won, lost, deleted or disqualified: competing ends
    of its stay, so that deals still there neither count as lost nor favor what happens fast. The
    shares of these ends, q, lead from stage to stage: raw(s) = q(s, won) + Σ q(s, t)·raw(t). That
    holds on a young pipeline too, where the share of closed deals that were won is far too low.
    rate = (exits·raw + strength·neighbors) / (exits + strength). Stages are those of a deal's own
    pipeline; a deal that moves to another pipeline is followed there anew.
    """
    arguments.number(strength, "strength", low=0, example=_STRENGTH)
    arguments.whole(fewest_exits, "fewest_exits", example=_FEWEST_EXITS)
    org = Org.of(history)
    several = len(org.stages.pipelines) > 1
    placed = [PIPELINE] if several and PIPELINE in history.table.columns else []
    rows = read_changes(history, "stage_rates", *placed, of=["outcome", "stage", *placed])
    zone, moments = org.zone(tz), history.records["recorded_at"]
    until = pd.Timestamp(moments.max())
    if as_of is not None:
        end = periods.as_instant(as_of, tz=zone, end=True, name="as_of")
        known = moments[moments <= end]
        # Deals are followed until the last record by then.
        until = pd.Timestamp(known.max()) if len(known) else end
    rows = rows[rows["seen_at"] <= until]
    begin = find_known_start(
        history, moments.min(), until, ("stage",), asked_by="stage_rates", tz=zone
    )
    if begin is not None:
        # The last row of each deal before it is what the deal was then.
        leaves = rows.groupby("unique_id")["seen_at"].shift(-1)
        rows = rows[(leaves > begin) | leaves.isna()]
        rows = rows.assign(seen_at=rows["seen_at"].where(rows["seen_at"] > begin, begin))
    stays = _stays(rows, until)
    if PIPELINE in rows and len(stays):
        parts = {}
        for home, mine in stays.groupby("pipeline"):
            stages = org.stages.of(str(home)) if home in org.stages.pipelines else org.stages
            parts[str(home)] = _rates(mine, stages.names, strength, fewest_exits)
        table = pd.concat(parts, names=[PIPELINE])
    else:
        table = _rates(stays, org.stages.names, strength, fewest_exits)
    if not table["rate"].notna().any():
        most = text.count(int(table["exits"].max()) if len(table) else 0, "exit")
        raise NotEnoughHistory(
            f"stage_rates needs a stage that deals left at least {fewest_exits:,} times by "
            f"{until.date()}, but the most is {most}; keep recording, or give rates: "
            f"stage_rates={{'proposal': 0.4, …}}"
        )
    further: dict[str, Any] = {} if begin is None else {"known_from": begin.isoformat()}
    as_of = periods.as_date(until, tz=zone)
    return annotate(
        table,
        "stage_rates",
        made_from=history,
        n=stays["unique_id"].nunique(),
        as_of=as_of,
        **further,
    )


def _stays(rows: pd.DataFrame, until: pd.Timestamp) -> pd.DataFrame:
    """List each stay of a deal in a stage of a pipeline.

    Columns: ``stage``, ``pipeline``, ``days``, ``next`` and ``end``.

    ``next`` is a stage, won or lost; missing while it lasts, and where the deal goes on in another
    pipeline or part.
    """
    stage = rows["stage"].astype(schema.TEXT).fillna(NO_LABEL)
    outcome = rows["outcome"].to_numpy()
    gone = np.isin(outcome, (LOST, DISQUALIFIED, DELETED))
    known = (outcome == OPEN) & (stage != NOT_RECORDED).to_numpy()
    state = stage.where(known, "").mask(outcome == WON, _WON).mask(gone, _LOST)
    state = state.mask(outcome == TRANSFERRED, _ELSEWHERE)
    home = rows[PIPELINE].astype(schema.TEXT).fillna(NO_LABEL) if PIPELINE in rows else ""
    rows = rows[["unique_id", "seen_at"]].assign(state=state, pipeline=home)
    rows = rows[rows["state"] != ""]
    place = rows[["unique_id", "state", "pipeline"]]
    rows = rows[(place != place.shift()).any(axis=1).to_numpy(dtype=bool)]
    following = rows.groupby("unique_id", sort=False)[["state", "seen_at", "pipeline"]].shift(-1)
    went = following["state"].where(
        following["state"].isin([_WON, _LOST])
        | ((following["pipeline"] == rows["pipeline"]) & (following["state"] != _ELSEWHERE))
    )
    spent: Series = following["seen_at"].fillna(until) - rows["seen_at"]
    days = np.maximum(np.ceil(spent.dt.total_seconds().to_numpy() / _DAY_SECONDS), 0).astype(
        np.int64
    )
    end = rows.groupby("unique_id", sort=False)["state"].transform("last")
    stays = rows.assign(days=days, next=went, end=end)
    return stays[~stays["state"].isin([_WON, _LOST, _ELSEWHERE])].rename(columns={"state": "stage"})


_WON, _LOST, _ELSEWHERE = "\x00won", "\x00lost", "\x00elsewhere"
"""Ends of a stay that are no stage."""


def _rates(stays: pd.DataFrame, order: Sequence[str], strength: float, fewest: int) -> pd.DataFrame:
    """Estimate the rate of each stage that deals were in, in the order of the stages."""
    seen = set(stays["stage"])
    names = [*(name for name in order if name in seen), *sorted(seen - set(order))]
    leaves = [_count_exits(stays[stays["stage"] == name], names) for name in names]
    exits = np.array([count for count, _ in leaves], dtype=np.int64)
    shares = np.array([share for _, share in leaves]).reshape(len(names), len(names) + 2)
    raw = _solve_win_chances(shares, exits)
    weight = exits.astype(np.float64)
    neighbors = _average_neighbors(raw, weight)
    pull = np.where(np.isnan(neighbors), 0.0, strength)
    rate = (weight * raw + pull * np.nan_to_num(neighbors)) / np.maximum(weight + pull, 1e-9)
    enough = exits >= fewest
    once = stays.drop_duplicates(["unique_id", "stage"])
    won, lost = (
        once["stage"][once["end"] == end].value_counts().reindex(names, fill_value=0)
        for end in (_WON, _LOST)
    )
    return pd.DataFrame(
        {
            "rate": np.where(enough, rate, np.nan),
            "raw": np.where(enough, raw, np.nan),
            "exits": exits,
            "won": won.to_numpy(dtype=np.int64),
            "lost": lost.to_numpy(dtype=np.int64),
        },
        index=pd.Index(names, name="stage", dtype=schema.TEXT),
    )


def _count_exits(stays: pd.DataFrame, names: list[str]) -> tuple[int, Floats]:
    """Count the ended stays in a stage, and the share of each end: a stage, won or lost."""
    left = stays["next"].notna().to_numpy()
    curve = incidence(stays["days"].to_numpy(), won=left)
    before = np.concatenate([[1.0], curve.open_share[:-1]])[: len(curve.time)]
    # Each end counts by what the curve steps there, so that stays still running are not taken for
    # slow losses.
    weight = (before / curve.at_risk)[np.searchsorted(curve.time, stays["days"].to_numpy()[left])]
    kinds = pd.Index([*names, _WON, _LOST]).get_indexer(pd.Index(stays["next"][left]))
    share = np.bincount(kinds, weights=weight, minlength=len(names) + 2).astype(np.float64)
    return int(left.sum()), share / share.sum() if share.sum() else share


def _solve_win_chances(share: Floats, exits: Counts) -> Floats:
    """Solve raw(s) = q(s, won) + Σ q(s, t)·raw(t).

    A stage that no deal has left yet takes the next stage's chance, the last one that of the stage
    before.
    """
    size = len(share)
    moves, won = share[:, :size].copy(), share[:, size].copy()
    for place in np.flatnonzero(exits == 0):
        later = np.flatnonzero(exits[place:] > 0) + place
        earlier = np.flatnonzero(exits[:place] > 0)
        if len(later) or len(earlier):
            moves[place, later[0] if len(later) else earlier[-1]] = 1.0
    # Deals that only move between two stages for ever would make the system singular; their chance
    # is 0.
    return np.clip(np.linalg.lstsq(np.eye(size) - moves, won, rcond=None)[0], 0.0, 1.0)


def _average_neighbors(raw: Floats, weight: Floats) -> Floats:
    """Average the rates of the stages before and after each one, by their exits.

    NaN where neither has any.
    """
    found = np.full(len(raw), np.nan)
    for place in range(len(raw)):
        beside = [k for k in (place - 1, place + 1) if 0 <= k < len(raw) and weight[k] > 0]
        if beside:
            found[place] = np.average(raw[beside], weights=weight[beside])
    return found


@dataclass(frozen=True)
class Stated:
    """Method that counts each deal due in a period at its given chance, and nothing else."""

    column: str | None
    """The column of chances; None under "stage"."""
    rates: Rates
    """Chances for deals without one of their own."""

    def weigh(self, moment: Moment, period: pd.Period) -> Floats:
        """Value × chance of each deal due in the period, NaN where it has none; 0 for others."""
        return np.where(moment.due_in(period), moment.value * self.every_chance(moment), 0.0)

    def outlook(self, moment: Moment, period: pd.Period, new: Floats | None = None) -> Outlook:
        """Forecast a current or future period; there is no new business, so `new` is not used."""
        booked = moment.booked_in(period)
        chance = np.where(moment.due_in(period), self.every_chance(moment), 0.0)
        uncertain = moment.due_in(period) & ~np.isnan(moment.value) & ~np.isnan(chance)
        totals = []
        for group in range(moment.size):
            rows = np.flatnonzero(uncertain & (moment.group == group))
            totals.append(Mix(rows, moment.value[rows], chance[rows], booked[group]))
        return Outlook(
            chance, moment.sum(moment.value * chance, moment.open), np.zeros(moment.size), totals
        )

    def every_chance(self, moment: Moment) -> Floats:
        """Look up the chance of each open deal, due in any period; NaN without one."""
        given = moment.columns.get(self.column) if self.column else None
        if given is not None:
            given.check(moment.open, moment.list_ids)
        return look_up_chances(moment, self.column, self.rates)


def look_up_chances(moment: Moment, column: str | None, rates: Rates) -> Floats:
    """Look up each open deal's chance in a column, else its stage's, by pipeline if given.

    A chance out of range counts as missing.
    """
    # The labels are the stage and its pipeline, those of rates the pipeline and its stage.
    given = [
        rates.get((labels[-1], labels[0]), rates.get(labels[0], np.nan)) for labels in moment.stages
    ]
    by_stage = np.array([*given, np.nan])[moment.stage]
    own = moment.columns.get(column) if column else None
    if own is None:
        return np.where(moment.open, by_stage, np.nan)
    stated = own.fractions
    inside = (stated >= 0) & (stated <= 1)
    return np.where(moment.open, np.where(inside, stated, by_stage), np.nan)


def fit_stated(method: Method, moment: Moment, history: History | None, *, tz: str) -> Stated:
    """Fit "stated", or "stage" with given or learned rates.

    Rates that are not given are learned from the records up to the moment.
    """
    if method.name == "stated" or method.stage_rates is not None:
        return Stated(method.column if method.name == "stated" else None, method.stage_rates or {})
    if history is None:
        raise ArgumentTypeError.of(
            "method",
            "stage",
            "learns its rates from a history",
            python_way="pass history=, or give rates: stage_rates={'proposal': 0.4, …}",
            shell_way="name its folder: --history",
        )
    learned = stage_rates(history, as_of=moment.today, tz=tz)["rate"].dropna()
    return Stated(None, cast("Rates", learned.to_dict()))


def check_column(method: Method, known: Collection[str], *, of: str) -> None:
    """Check that a frame or history has the column of chances that the method reads."""
    if method.name == "stated" and method.column not in known:
        others = f"use {', '.join(map(repr, METHODS))}"
        raise MissingColumnError.of(
            "method",
            method.label,
            f"reads the column {method.column!r}, which the {of} lacks",
            python_way=f"{others}, or probability= with one of {', '.join(map(str, known))}",
            shell_way=others,
        )
