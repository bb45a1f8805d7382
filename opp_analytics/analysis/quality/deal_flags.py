"""`deal_flags`: open deals to question, each flag with its reason in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from opp_analytics import arguments, periods, schema, text
from opp_analytics.analysis.quality.audit_checks import last_touched, tenant_writes
from opp_analytics.analysis.quality.flag_facts import Past, past
from opp_analytics.analysis.quality.flag_rules import RULES, Found, Limits, Open
from opp_analytics.analysis.shared.groups import read
from opp_analytics.analysis.shared.history_query import check_history
from opp_analytics.analysis.shared.tables import annotate
from opp_analytics.certificate import Certificate
from opp_analytics.errors import ArgumentTypeError, ArgumentValueError
from opp_analytics.org import OPEN, UNKNOWN, Org, outcome_codes
from opp_analytics.periods import When

if TYPE_CHECKING:
    from opp_analytics.history import History

Rule = Callable[[pd.DataFrame], Any]
"""A flag of one's own: a mask of the open deals that it gets."""
_SEPARATOR = " · "
_COLUMNS = ("unique_id", "name", "owner_name", "value", "close_date", "risk", "reasons")
_FURTHER = ("name", "owner_name", "probability", "updated_at", "next_action_at")


def deal_flags(
    opportunities: pd.DataFrame,
    history: History | None = None,
    *,
    as_of: When,
    own_writes: pd.DataFrame | None = None,
    extra: Mapping[str, Rule] | None = None,
    without: str | Sequence[str] = (),
    pushes: int = 2,
    quantile: float = 0.8,
    stay_days: int | None = None,
    stale_days: int | None = None,
    cut_share: float = 0.1,
    soon_days: int = 14,
    low_chance: float = 0.4,
    lately_days: int = 30,
    tz: str | None = None,
) -> pd.DataFrame:
    """Open deals to question: one row each, with flags and their reasons in words.

    Parameters
    ----------
    opportunities : DataFrame
        ``unique_id``, ``stage``, ``value`` (money), ``close_date`` (date); if present ``status``, ``name``,
        ``owner_name``, ``probability`` (percent), ``updated_at`` and ``next_action_at`` (instants).
    history : History, optional
        Past records, for the flags that compare. Records after `as_of` are not read.
    as_of : date-like
        Day of the question.
    own_writes : DataFrame, optional
        Batch writes of this package, from `own_writes`; they are no change for ``no_change``.
    extra : mapping, optional
        Flags of your own: the name, and a function from the frame of open deals to a mask of those that have it, such as
        ``{"no champion": lambda deals: deals["champion"].isna()}``.
    without : str or list of str
        Flags to leave out.
    pushes : int
        Pushes from which a deal is ``pushed``.
    quantile : float
        Share of won deals that a learned threshold covers.
    stay_days, stale_days : int, optional
        Most days in a stage, and without a change; learned by default.
    cut_share : float
        Share of the highest value seen from which a lower one is a cut.
    soon_days, low_chance : int, float
        ``due_soon_unlikely``: due in so many days, with a stated chance below.
    lately_days : int
        ``owner_changed``: so many days ago at most.
    tz : str, optional
        Business time zone; default: the org's, else UTC.

    Returns
    -------
    DataFrame
        Index ``unique_id``, one row per open deal, the largest flagged value first, deals without a flag last:
        ``name``, ``owner_name`` (str), ``value`` (float64, money), ``close_date`` (datetime64[us]), ``risk`` (int64,
        number of flags), ``reasons`` (str, joined by " · "), then each flag (boolean; missing where the data cannot tell).
        Attrs: ``n``, ``as_of``, ``thresholds`` (the days learned, with n). No open deal, no rows.

    Raises
    ------
    MissingColumnError, DataError, ArgumentError
        When a column is missing, ids are missing or repeated, or an argument cannot be used.

    Notes
    -----
    overdue; pushed `pushes` times or more; slow_in_stage: longer in its stage than `quantile` of the won deals were there;
    moved_back: below its highest stage; value_cut; no_change: longer than `quantile` of the won deals ever
    paused, or 30 days; due_soon_unlikely; no_date; no_value; next_action_passed; owner_changed. Days are learned from
    10 won deals on. Times are only as exact as the records, and counts of pushes are lower bounds. A flag is a question,
    not a forecast.

    Examples
    --------
    >>> frame = pd.DataFrame({"unique_id": ["a", "b"], "name": ["Acme", "Bolt"], "stage": "proposal",
    ...                       "value": [500.0, None], "close_date": ["2026-03-01", "2026-04-15"]})
    >>> deal_flags(frame, as_of="2026-03-10")[["risk", "reasons"]]
               risk         reasons
    unique_id
    a             1  9 days overdue
    b             1        no value
    """
    limits = Limits(
        arguments.whole(pushes, "pushes", example=2),
        None if stay_days is None else arguments.whole(stay_days, "stay_days", low=0, example=30),
        arguments.between(cut_share, "cut_share", example=0.1),
        None if stale_days is None else arguments.whole(stale_days, "stale_days", low=0, example=30),
        arguments.whole(soon_days, "soon_days", low=0, example=14),
        arguments.between(low_chance, "low_chance", example=0.4),
        arguments.whole(lately_days, "lately_days", low=0, example=30),
    )
    share = arguments.between(quantile, "quantile", example=0.8)
    dropped = [
        arguments.one_of(name, "without", RULES)
        for name in arguments.texts(without or None, "without", of="flag")
    ]
    own = _checked_rules(extra)
    tz = Org.of(opportunities).zone(tz)
    today = periods.as_date(as_of, tz=tz)
    frame, unknown = _open_rows(opportunities)
    writes = tenant_writes(own_writes, load.tenant if (load := Certificate.of(opportunities)) else None)
    learned = None
    if history is not None:
        until = periods.as_instant(today, tz=tz, end=True)
        learned = past(check_history(history, "deal_flags"), until=until, share=share, own_writes=writes)
    deals = Open.of(frame, today, tz, limits, learned, last_touched(frame, writes))
    found = {name: rule(deals) for name, rule in RULES.items() if name not in dropped}
    found |= {name: _own_flag(name, rule, opportunities, frame) for name, rule in own.items()}
    return annotate(
        _sorted(_table(frame, found)),
        made_from=opportunities,
        n=len(frame),
        as_of=today,
        left_out={"unknown": unknown},
        thresholds=_thresholds(learned, limits),
    )


def _checked_rules(extra: Mapping[str, Rule] | None) -> dict[str, Rule]:
    if extra is None:
        return {}
    if not isinstance(extra, Mapping) or not all(
        isinstance(k, str) and callable(v) for k, v in extra.items()
    ):
        raise ArgumentTypeError(
            f"extra={extra!r} is not a mapping of names to functions; use for example "
            "extra={'no champion': lambda deals: deals['champion'].isna()}"
        )
    taken = [name for name in extra if name in (*RULES, *_COLUMNS)]
    if taken:
        raise ArgumentValueError(f"extra={taken[0]!r} is already a column of the table; use another name")
    return dict(extra)


def _open_rows(opportunities: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The checked open deals, with the place of each row as index, and the number of deals in unknown stages."""
    known = opportunities.columns if isinstance(opportunities, pd.DataFrame) else ()
    there = [name for name in _FURTHER if name in known]
    frame = read(opportunities, "stage", "value", "close_date", *there, unique=True)
    if "next_action_at" in frame:
        instants = pd.to_datetime(frame["next_action_at"], utc=True, format="ISO8601", errors="coerce")
        frame["next_action_at"] = instants.astype("datetime64[us, UTC]")
    outcome = outcome_codes(frame)
    # A filter keeps the org, which says what stages mean and the currency of reasons.
    return frame.loc[outcome == OPEN], int((outcome == UNKNOWN).sum())


def _own_flag(name: str, rule: Rule, opportunities: pd.DataFrame, frame: pd.DataFrame) -> Found:
    """A flag of one's own, asked of the open deals with all their columns."""
    mask = pd.Series(rule(opportunities.iloc[frame.index].copy()))
    if len(mask) != len(frame):
        raise ArgumentValueError(
            f"extra={name!r} gave {len(mask):,} values for {text.count(len(frame), 'open deal')}; return one for each"
        )
    return mask.astype("boolean").fillna(False).to_numpy(dtype=bool), lambda _: name


def _table(frame: pd.DataFrame, found: Mapping[str, Found | None]) -> pd.DataFrame:
    rows, nothing = len(frame), np.zeros(len(frame), dtype=bool)
    told = {name: flag for name, flag in found.items() if flag is not None}
    reasons: list[list[str]] = [[] for _ in range(rows)]
    for mask, why in told.values():
        for place in np.flatnonzero(mask):
            reasons[place].append(why(int(place)))
    blank = pd.Series(None, index=frame.index, dtype=schema.TEXT)
    columns = {
        "name": frame.get("name", blank).astype(schema.TEXT),
        "owner_name": frame.get("owner_name", blank).astype(schema.TEXT),
        "value": frame["value"],
        "close_date": frame["close_date"],
        "risk": np.sum([nothing, *(mask for mask, _ in told.values())], axis=0, dtype=np.int64),
        "reasons": pd.array([_SEPARATOR.join(said) for said in reasons], dtype=schema.TEXT),
        **{
            name: pd.array(told[name][0] if name in told else [pd.NA] * rows, dtype="boolean")
            for name in found
        },
    }
    return pd.DataFrame(columns, index=frame.index).set_index(pd.Index(frame["unique_id"], name="unique_id"))


def _sorted(table: pd.DataFrame) -> pd.DataFrame:
    """The flagged deals by value, the others last."""
    ids = table.index.to_numpy().astype(str)
    order = np.lexsort((ids, -table["risk"], -table["value"].fillna(0.0), table["risk"] == 0))
    return table.iloc[order]


def _thresholds(learned: Past | None, limits: Limits) -> dict[str, Any]:
    """The learned days and their n, for a table's attrs."""
    if learned is None:
        return {}
    stays = (
        {} if limits.stay_days is not None else {stage: [q.days, q.n] for stage, q in learned.stays.items()}
    )
    pause = learned.pauses if limits.stale_days is None else None
    return {
        **({"slow_in_stage": stays} if stays else {}),
        **({"no_change": [pause.days, pause.n]} if pause else {}),
    }
