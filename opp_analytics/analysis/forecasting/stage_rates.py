"""`stage_rates`: the win chance by stage, learned from past records with shrinkage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import arguments, org, periods, schema
from opp_analytics.analysis.shared.ages import curve_of
from opp_analytics.analysis.shared.annotate import annotate
from opp_analytics.analysis.shared.replay import DELETED, change_rows, last_record
from opp_analytics.org import DISQUALIFIED, LOST, OPEN, WON
from opp_analytics.periods import When
from opp_analytics.schema import NO_LABEL

if TYPE_CHECKING:
    from opp_analytics.analysis.shared.replay import Replay
    from opp_analytics.history import History


_DAY_SECONDS = 86_400
_STRENGTH = 10.0
"""Default weight of the overall rate in a learned rate, in deals."""


def stage_rates(
    history: History | Replay, *, as_of: When | None = None, strength: float = _STRENGTH, tz: str = "UTC"
) -> pd.DataFrame:
    """Chance that a deal in a stage is won, learned from past records.

    Parameters
    ----------
    history : History
        Past records.
    as_of : date-like, optional
        Only records up to the end of this day are used; None uses all.
    strength : float
        Weight of the overall rate in each stage's rate, in deals.
    tz : str
        Business time zone of the day `as_of`.

    Returns
    -------
    DataFrame
        Index ``stage`` (str). Columns: ``rate`` (float64, fraction): shrunk toward the overall rate; ``raw``: the
        stage's own rate; ``n``, ``won``, ``lost`` (int64): deals first seen in the stage that have ended since then.
        Attrs: ``overall``, ``n``, ``as_of``.

    Raises
    ------
    ArgumentTypeError, ArgumentValueError, NotEnoughHistory
        When `history` is not a `History` or has no record, or `strength` is negative.

    See Also
    --------
    Method : takes the result as its `stage_rates`.

    Notes
    -----
    A deal enters a stage at the first record that shows it open there, and ends when a record shows it won or
    lost; deleted and disqualified deals count as lost, because they bring no money. raw = F_W / (F_W + F_L) at the end of
    the Aalen–Johansen curves, so that open deals neither count as lost nor favor fast deals.
    rate = (n·raw + strength·overall) / (n + strength): the posterior mean under a beta prior.
    """
    arguments.number(strength, "strength", low=0, example=_STRENGTH)
    rows = change_rows(history, "stage_rates")
    until = last_record(history)
    if as_of is not None:
        until = min(until, periods.as_instant(as_of, tz=tz, end=True, name="as_of"))
    return _learned(rows[rows["seen_at"] <= until], until, strength, tz)


def _learned(rows: pd.DataFrame, until: pd.Timestamp, strength: float, tz: str) -> pd.DataFrame:
    """`stage_rates` from change rows with ``outcome``, up to `until`."""
    state = rows["outcome"]
    ended = state.isin([WON, LOST, DISQUALIFIED, DELETED])
    end = pd.DataFrame({"at": rows["seen_at"].where(ended), "state": state.where(ended)})
    end = end.groupby(rows["unique_id"], sort=False).bfill()
    entered = rows.assign(end_at=end["at"], end_state=end["state"])[state == OPEN]
    entered = entered.assign(stage=entered["stage"].astype(schema.TEXT).fillna(NO_LABEL))
    entered = entered.drop_duplicates(["unique_id", "stage"])
    spent: pd.Series[Any] = entered["end_at"].fillna(until) - entered["seen_at"]
    days = (spent.dt.total_seconds() / _DAY_SECONDS).to_numpy()
    days = np.maximum(np.ceil(days), 0).astype(np.int64)
    outcome = np.where(
        entered["end_state"] == WON, WON, np.where(entered["end_state"].isna(), OPEN, LOST)
    ).astype(np.int8)
    first = ~entered["unique_id"].duplicated().to_numpy()
    overall = _share_won(days[first], outcome[first])
    found = [
        (name, *_learned_stage(days[place], outcome[place], overall, strength))
        for name, place in _places(entered)
    ]
    table = pd.DataFrame(found, columns=["stage", "rate", "raw", "n", "won", "lost"]).set_index("stage")
    table = table.astype({"rate": "float64", "raw": "float64", "n": "int64", "won": "int64", "lost": "int64"})
    table.index = table.index.astype(schema.TEXT)
    return annotate(
        table,
        made_from=rows,
        n=int(first.sum()),
        as_of=periods.as_date(until, tz=tz),
        overall=None if np.isnan(overall) else overall,
    )


def _places(entered: pd.DataFrame) -> list[tuple[str, NDArray[np.intp]]]:
    """Row positions of each stage, in stage order, then unknown stages."""
    groups = entered.groupby("stage", sort=True).indices
    places = {str(name): np.asarray(place, dtype=np.intp) for name, place in groups.items()}
    known = org.Org.of(entered).stages.names
    order = [*(s for s in known if s in places), *(s for s in places if s not in known)]
    return [(name, places[name]) for name in order]


def _share_won(days: NDArray[np.int64], outcome: NDArray[np.int8]) -> float:
    curve = curve_of(days, outcome)
    if not len(curve.time):
        return float("nan")
    return float(curve.won_share[-1] / (curve.won_share[-1] + curve.lost_share[-1]))


def _learned_stage(
    days: NDArray[np.int64], outcome: NDArray[np.int8], overall: float, strength: float
) -> tuple[float, float, int, int, int]:
    won, lost = int((outcome == WON).sum()), int((outcome == LOST).sum())
    raw = _share_won(days, outcome)
    n = won + lost
    weight = n + strength
    rate = ((n * raw if n else 0.0) + strength * overall) / weight if weight else float("nan")
    return rate, raw, n, won, lost
