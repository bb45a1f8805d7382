"""`deal_flags`: open deals to question, each flag with its reason in words."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from opp_analytics import arguments, periods, schema, text
from opp_analytics.analysis.quality.audit import find_last_updates, select_writes
from opp_analytics.analysis.shared.groups import read
from opp_analytics.analysis.shared.history_query import (
    check_history,
    check_same_deals,
    count_days,
    count_unknown_deals,
    find_first_record,
    instant,
    lag,
    last,
    lead,
    read_log,
)
from opp_analytics.analysis.shared.tables import annotate
from opp_analytics.arrays import Flags, Floats, Series
from opp_analytics.errors import ArgumentTypeError, DataWarning
from opp_analytics.history import MOVED, History, ibis, label_of, missing
from opp_analytics.org import (
    LAST_TOUCH,
    NOT_RECORDED,
    OPEN,
    PIPELINE,
    UNKNOWN,
    WON,
    Condition,
    Org,
    find_known_day,
    outcome_codes,
    rank_open,
    read_condition,
    read_figures,
)
from opp_analytics.periods import When

_FURTHER = ("name", "owner_name", PIPELINE, "probability", "updated_at", "next_action_at")


@dataclass(frozen=True)
class FlagLimits:
    """Thresholds of `deal_flags`.

    Raises
    ------
    ArgumentError
        When a threshold is of the wrong kind or out of range.
    """

    pushes: int = 2
    """Pushes from which a deal is ``pushed``."""
    quantile: float = 0.8
    """Share of won deals that a learned threshold covers."""
    stay_days: int | None = None
    """Most days in a stage; None to learn them from won deals."""
    stale_days: int | None = None
    """Most days without a change; None to learn them from won deals."""
    cut_share: float = 0.1
    """Share of the highest value seen by which a lower value is a cut."""
    soon_days: int = 14
    """``due_soon_unlikely``: due within so many days …"""
    low_chance: float = 0.4
    """… with a stated chance below this."""
    lately_days: int = 30
    """``owner_changed``: at most so many days ago."""

    def __post_init__(self) -> None:
        arguments.whole(self.pushes, "pushes", example=2)
        for name, example in (
            ("stay_days", 30),
            ("stale_days", 30),
            ("soon_days", 14),
            ("lately_days", 30),
        ):
            if getattr(self, name) is not None or name in ("soon_days", "lately_days"):
                arguments.whole(getattr(self, name), name, low=0, example=example)
        for name, share in (("quantile", 0.8), ("cut_share", 0.1), ("low_chance", 0.4)):
            arguments.share(getattr(self, name), name, example=share)


def deal_flags(
    opportunities: pd.DataFrame,
    history: History | None = None,
    *,
    as_of: When,
    own_writes: pd.DataFrame | None = None,
    limits: FlagLimits | None = None,
    tz: str | None = None,
) -> pd.DataFrame:
    """List open deals to question, with flags and their reasons in words.

    Parameters
    ----------
    opportunities : DataFrame
        ``unique_id``, ``stage``, ``value`` (money), ``close_date`` (date); if present ``status``,
        ``name``, ``owner_name``, ``pipeline``, ``probability`` (percent), ``created_at``,
        ``updated_at`` and ``next_action_at`` (instants), and ``last_touch`` (date) where the org
        joins activities; the columns that criteria of the stages name.
    history : History, optional
        Past records, for the flags that compare. Records after `as_of` are not read.
    as_of : date or str
        Day of the question.
    own_writes : DataFrame, optional
        Batch writes of this package, from `own_writes`; they are no change for ``no_change``.
    limits : FlagLimits, optional
        Thresholds other than the defaults, such as ``oa.FlagLimits(pushes=3, low_chance=0.2)``.
    tz : str, optional
        Business time zone; default: the org's, else UTC.

    Returns
    -------
    DataFrame
        Index ``unique_id``, one row per open deal, the largest flagged value first, deals without a
        flag last: ``name``, ``owner_name`` (str), ``value`` (float64, money), ``close_date``
        (datetime64[us]), ``risk`` (int64, number of flags), ``reasons`` (str, joined by " · "),
        then each flag (boolean; missing where the data cannot tell). Note: ``n``, ``day``. No
        open deal, no rows.

    Raises
    ------
    MissingColumnError, DataError, ArgumentError
        When a column is missing, ids are missing or repeated, or an argument cannot be used.

    Notes
    -----
    overdue; pushed ``limits.pushes`` times or more; slow_in_stage: longer in its stage than
    ``limits.quantile`` of the deals won in its pipeline were there; moved_back: below its highest
    stage in this pipeline; value_cut; no_change: longer than ``limits.quantile`` of the won deals
    ever paused, or 30 days, since the later of its last recorded change and ``updated_at`` (a team
    move of its owner is none); due_soon_unlikely; no_date; no_value; far_larger: over 20 times the
    largest win of the frame; next_action_passed; owner_changed, or lost; no_touch: 30 days without
    an activity, by ``last_touch``, for a deal that is older than that; criteria_unmet: the stage's
    criteria in the org file are not met (one that names a column the deals do not have is left out,
    with a DataWarning). Days are learned
    from 10 won deals on. Times are only as exact as the records, and counts of pushes are lower
    bounds. A flag is a question, not a forecast.

    Examples
    --------
    >>> frame = pd.DataFrame(
    ...     {
    ...         "unique_id": ["a", "b"],
    ...         "name": ["Acme", "Bolt"],
    ...         "stage": "proposal",
    ...         "value": [500.0, None],
    ...         "close_date": ["2026-03-01", "2026-04-15"],
    ...     }
    ... )
    >>> deal_flags(frame, as_of="2026-03-10")[["risk", "reasons"]]
               risk         reasons
    unique_id
    a             1  9 days overdue
    b             1       no amount
    """
    if not isinstance(limits, FlagLimits | None):
        raise ArgumentTypeError(
            f"limits={limits!r} is not FlagLimits; use for example oa.FlagLimits(pushes=3)"
        )
    return flag_deals(
        OpenDeals.of(
            opportunities, history, as_of=as_of, own_writes=own_writes, limits=limits, tz=tz
        )
    )


def flag_deals(deals: OpenDeals) -> pd.DataFrame:
    """Make the table of `deal_flags` from deals that were read."""
    table = _make_table(deals)
    # Flagged deals by value, deals without a flag last.
    ids = table.index.to_numpy().astype(str)
    order = np.lexsort((ids, -table["risk"], -table["value"].fillna(0.0), table["risk"] == 0))
    return annotate(
        table.iloc[order],
        "deal_flags",
        made_from=deals.opportunities,
        n=len(table),
        as_of=deals.today,
        left_out={"unknown": deals.unknown},
    )


def _select_open(opportunities: Any) -> tuple[pd.DataFrame, int, float]:
    """Select the open deals, indexed by row.

    Also counts the deals in unknown stages, and finds the value of the largest win.
    """
    known = opportunities.columns if isinstance(opportunities, pd.DataFrame) else ()
    touch = ("created_at", LAST_TOUCH) if LAST_TOUCH in known else ()
    there = [name for name in (*_FURTHER, *touch) if name in known]
    frame = read(opportunities, "stage", "value", "close_date", *there, unique=True)
    if "next_action_at" in frame:
        instants = pd.to_datetime(
            frame["next_action_at"], utc=True, format="ISO8601", errors="coerce"
        )
        frame["next_action_at"] = instants.astype("datetime64[us, UTC]")
    outcome = outcome_codes(frame)
    # A filter keeps the org, which says what stages mean and the currency of reasons.
    largest = frame.loc[outcome == WON, "value"].max()
    return frame.loc[outcome == OPEN], int((outcome == UNKNOWN).sum()), largest


def _make_table(deals: OpenDeals) -> pd.DataFrame:
    frame, known = deals.frame, deals.flags
    rows, nothing = len(frame), np.zeros(len(frame), dtype=bool)
    blank = pd.Series(None, index=frame.index, dtype=schema.TEXT)
    columns = {
        "name": frame.get("name", blank).astype(schema.TEXT),
        "owner_name": frame.get("owner_name", blank).astype(schema.TEXT),
        "value": frame["value"],
        "close_date": frame["close_date"],
        "risk": np.sum([nothing, *(mask for mask, _ in known.values())], axis=0, dtype=np.int64),
        "reasons": pd.array(
            [" · ".join(map(Reason.write, one)) for one in deals.reasons.values()],
            dtype=schema.TEXT,
        ),
        **{
            name: pd.array(known[name][0] if name in known else [pd.NA] * rows, dtype="boolean")
            for name in RULES
        },
    }
    return pd.DataFrame(columns, index=frame.index).set_index(
        pd.Index(frame["unique_id"], name="unique_id")
    )


class Reason(NamedTuple):
    """Why a deal is flagged, in words."""

    words: str
    measure: str = ""
    """What the flag is measured by."""

    def write(self) -> str:
        """Write both."""
        return "; ".join(filter(None, self))


@dataclass(frozen=True)
class OpenDeals:
    """The open deals of a frame with their records; all columns have the frame's index."""

    frame: pd.DataFrame
    today: pd.Timestamp
    tz: str
    limits: FlagLimits
    past: PastRecords | None
    touched: Series
    """The last update of each deal that the frame shows, other than by our own writes."""
    opportunities: pd.DataFrame
    """The whole frame, with all its columns."""
    unknown: int
    """How many deals are in unknown stages."""
    largest_win: float
    """Value of the largest won deal; NaN without one."""

    @classmethod
    def of(
        cls,
        opportunities: pd.DataFrame,
        history: History | None,
        *,
        as_of: When,
        own_writes: pd.DataFrame | None = None,
        limits: FlagLimits | None = None,
        tz: str | None = None,
    ) -> OpenDeals:
        """Read the open deals, with the arguments of `deal_flags`."""
        tz, limits = Org.of(opportunities).zone(tz), limits or FlagLimits()
        today = find_known_day(opportunities, periods.as_date(as_of, tz=tz), tz)
        frame, unknown, largest = _select_open(opportunities)
        writes = select_writes(own_writes, opportunities)
        past = None
        if history is not None:
            until = periods.as_instant(today, tz=tz, end=True)
            check_same_deals(opportunities, check_history(history, "deal_flags"))
            past = read_past(history, until=until, share=limits.quantile, writes=writes)
        touched = find_last_updates(frame, writes)
        return cls(frame, today, tz, limits, past, touched, opportunities, unknown, largest)

    @cached_property
    def flags(self) -> dict[str, Flagged]:
        """The flags that the data can tell."""
        known = {*self.frame, *self.records}
        asked = [name for name in RULES if known.issuperset(_NEEDS.get(name, ()))]
        return {name: flag for name in asked if (flag := RULES[name](self)) is not None}

    @cached_property
    def reasons(self) -> dict[str, list[Reason]]:
        """Why each deal is flagged, by id."""
        found: list[dict[Reason, None]] = [{} for _ in range(len(self.frame))]
        for mask, why in self.flags.values():
            for place in np.flatnonzero(mask):
                said = why(int(place))
                found[place] |= dict.fromkeys([Reason(said)] if isinstance(said, str) else said)
        return dict(zip(self.frame["unique_id"], map(list, found), strict=True))

    @cached_property
    def days_in_stage(self) -> Series | None:
        """Days since each deal entered its stage, missing where it did after the last record.

        None without records.
        """
        if self.past is None:
            return None
        stage, records = self.frame["stage"].astype("object"), self.records
        return self.count_days_since(records["entered_at"]).where(stage == records["last_stage"])

    @cached_property
    def changed_at(self) -> Series:
        """Last change of each deal, by records and frame, except our own writes."""
        if self.past is None:
            return self.touched
        changed = self.records["changed_at"]
        return self.touched.where(changed.isna() | (self.touched > changed), changed)

    @cached_property
    def org(self) -> Org:
        """The meaning of the frame's stages."""
        return Org.of(self.frame)

    @cached_property
    def records(self) -> pd.DataFrame:
        """`PastRecords.deals` for each row; missing values for a deal without records."""
        deals = self.past.deals if self.past else pd.DataFrame()
        return deals.reindex(self.frame["unique_id"]).set_axis(self.frame.index)

    def count_days_since(self, instants: Series) -> Series:
        """Count whole days from instants to today; missing where unknown."""
        days: Series = (self.today - periods.to_dates(instants, tz=self.tz)).dt.days
        return days

    def take(self, name: str) -> Series:
        """Take any column of the open deals, as the analyses read it where they do."""
        rows = self.opportunities[name].iloc[self.frame.index].set_axis(self.frame.index)
        return self.frame[name] if name in self.frame else rows


Flagged = tuple[Flags, Callable[[int], str | list[Reason]]]
"""Mask of the flagged rows, and a function from a row's place to its reasons."""


def _as_floats(column: Series) -> Floats:
    """Convert to floats; NaN, which passes no limit, where unknown."""
    return column.to_numpy(dtype="float64", na_value=np.nan)


def _flag_overdue(deals: OpenDeals) -> Flagged:
    late = _as_floats((deals.today - deals.frame["close_date"]).dt.days)
    return late > 0, lambda k: f"{text.count(int(late[k]), 'day')} overdue"


def _flag_no_date(deals: OpenDeals) -> Flagged:
    return deals.frame["close_date"].isna().to_numpy(), lambda k: "no close date"


def _flag_no_value(deals: OpenDeals) -> Flagged:
    return ~(_as_floats(deals.frame["value"]) > 0), lambda k: "no amount"


def _flag_far_larger(deals: OpenDeals) -> Flagged | None:
    if not deals.largest_win > 0:
        return None
    times = _as_floats(deals.frame["value"]) / deals.largest_win
    won = text.money(deals.largest_win, deals.org.currency)
    return times > _FAR_LARGER, lambda k: f"{times[k]:,.0f} times the largest win, {won}"


# Times the largest win from which an amount is rather a typing error, or rules the forecast alone.
_FAR_LARGER = 20.0


def _flag_next_action_passed(deals: OpenDeals) -> Flagged:
    late = _as_floats(deals.count_days_since(deals.frame["next_action_at"]))
    return late > 0, lambda k: f"next action was due {text.count(int(late[k]), 'day')} ago"


def _flag_due_soon_unlikely(deals: OpenDeals) -> Flagged:
    chance = _as_floats(deals.frame["probability"]) / 100
    left = _as_floats((deals.frame["close_date"] - deals.today).dt.days)
    soon = (left >= 0) & (left <= deals.limits.soon_days)
    return (
        soon & (chance < deals.limits.low_chance),
        lambda k: f"due in {text.count(int(left[k]), 'day')} at {text.percent(chance[k])}",
    )


def _flag_no_change(deals: OpenDeals) -> Flagged:
    limit, after = deals.limits.stale_days, ""
    if limit is None:
        learned, limit = deals.past.pauses if deals.past else None, _STALE_DAYS
        if learned:
            limit = learned.days
            after = f"{learned.whose} never paused for more than {limit}"
    days = _as_floats(deals.count_days_since(deals.changed_at))
    return days > limit, lambda k: [
        Reason(f"{text.count(int(days[k]), 'day')} without a change", after)
    ]


# Days without a change, until enough deals are won to learn them: as long as in `audit`.
_STALE_DAYS = 30


def _flag_no_touch(deals: OpenDeals) -> Flagged | None:
    if LAST_TOUCH not in deals.frame or LAST_TOUCH not in deals.org.derived:
        return None
    last = deals.frame[LAST_TOUCH]
    quiet = last.isna() | ((deals.today - last).dt.days > _TOUCH_DAYS)
    if "created_at" in deals.frame:
        quiet &= last.notna() | ~(deals.count_days_since(deals.frame["created_at"]) < _TOUCH_DAYS)

    def why(k: int) -> str:
        day = last.iloc[k]
        other_year = not pd.isna(day) and day.year != deals.today.year
        return (
            "no touch on record"
            if pd.isna(day)
            else f"no touch since {text.day(day, year=other_year)}"
        )

    return quiet.to_numpy(dtype=bool), why


# Most days without an activity: as many as without a change, since a deal that is worked has a call
# or a message a month.
_TOUCH_DAYS = 30


def _flag_criteria_unmet(deals: OpenDeals) -> Flagged | None:
    """Flag the deals that do not meet a criterion of their stage.

    A criterion is checked only where the frame has its columns.
    """
    stages, lacking = deals.org.stages.stages, list[str]()
    place = deals.org.stages.look_up(
        deals.frame, lambda part: {one.name: stages.index(one) for one in part}
    )
    unmet: dict[int, list[Reason]] = {}
    asked = [(one, typed) for one in stages if one.kind == "open" for typed in one.criteria]
    for stage, typed in asked:
        criterion, rows = read_condition(typed, None), np.flatnonzero(place == stages.index(stage))
        if absent := [name for name in criterion.columns if name not in deals.opportunities]:
            lacking.append(
                f"{stage.name} asks for {typed!r}, and the deals have no column {absent[0]!r}"
            )
            continue
        figures = read_figures({name: deals.take(name).iloc[rows] for name in criterion.columns})
        for row, known in zip(rows.tolist(), figures, strict=True):
            holds = criterion.judge(known)
            if holds is False or (holds is None and any(map(math.isnan, known.values()))):
                unmet.setdefault(row, []).append(Reason(_say_unmet(criterion)))
    if lacking:
        DataWarning.warn(f"criteria not judged: {'; '.join(lacking)}")
    mask = np.isin(np.arange(len(deals.frame)), list(unmet))
    return (mask, unmet.__getitem__) if asked else None


def _say_unmet(criterion: Condition) -> str:
    """Say what a deal lacks: a filled column, or an amount above 0, by its name.

    Else the criterion as it is written.
    """
    (name, *others), compared = criterion.columns, criterion.comparison
    above = compared is not None and (compared.word, compared.line) == ("above", 0.0)
    if others or not (above or criterion.text == name):
        grouped = re.sub(
            r"(?<![\w.])\d{4,}(?![\w.])", lambda found: f"{int(found[0]):,}", criterion.text
        )
        return f"does not meet: {grouped}"
    return f"no {'amount' if name == 'value' else text.label(re.sub('_(id|name|at)$', '', name))}"


def _flag_pushed(deals: OpenDeals) -> Flagged:
    pushes, days = (_as_floats(deals.records[name]) for name in ("pushes", "days_pushed"))
    return (
        pushes >= deals.limits.pushes,
        lambda k: f"pushed {text.often(int(pushes[k]))}, {text.count(int(days[k]), 'day')} in all",
    )


def _flag_slow_in_stage(deals: OpenDeals) -> Flagged | None:
    if deals.days_in_stage is None:
        return None
    days, stage = _as_floats(deals.days_in_stage), deals.frame["stage"].astype("object")
    given = deals.limits.stay_days
    learned = deals.past.stays if deals.past and given is None else {}
    several = len(deals.org.stages.pipelines) > 1 and PIPELINE in deals.frame
    pipelines = schema.label_groups(deals.frame[PIPELINE]) if several else [""] * len(stage)
    places = list(zip(pipelines, stage, strict=True))
    limit = [learned[place].days if place in learned else math.nan for place in places]

    def why(k: int) -> list[Reason]:
        usual = learned.get(places[k])
        most = f"{usual.whose} took {usual.days} or fewer" if usual else f"the limit is {given}"
        return [Reason(f"{text.count(int(days[k]), 'day')} in {text.stage(places[k][1])}", most)]

    return days > (limit if given is None else given), why


def _flag_moved_back(deals: OpenDeals) -> Flagged:
    pipeline, highest = deals.records["last_pipeline"], _as_floats(deals.records["best_rank"])
    stages = deals.org.stages
    several = len(stages.pipelines) > 1
    rank = stages.look_up(deals.frame, rank_open)
    # A deal that changed its pipeline after the last record is not compared.
    same = (
        (deals.frame[PIPELINE] == pipeline).to_numpy()
        if several and PIPELINE in deals.frame
        else not several
    )

    def why(k: int) -> str:
        names = stages.of(str(pipeline.iloc[k])).open if several else stages.open
        return (
            f"back in {text.stage(names[int(rank[k])])}, was in "
            f"{text.stage(names[int(highest[k])])}"
        )

    return (rank < highest) & same, why


def _flag_value_cut(deals: OpenDeals) -> Flagged:
    value, highest = _as_floats(deals.frame["value"]), _as_floats(deals.records["peak"]) / 100

    def why(k: int) -> str:
        before, now = (text.money(amount[k], deals.org.currency) for amount in (highest, value))
        return f"value cut from {before} to {now}"

    return value < highest - deals.limits.cut_share * np.abs(highest), why


def _flag_owner_changed(deals: OpenDeals) -> Flagged:
    days = _as_floats(deals.count_days_since(deals.records["owner_at"]))
    owners = deals.records["owner_before"].to_numpy()
    how = np.where(deals.frame["owner_name"].isna(), "lost its owner", "taken over from")
    return (
        days <= deals.limits.lately_days,
        lambda k: f"{how[k]} {owners[k]} {text.count(int(days[k]), 'day')} ago",
    )


RULES: dict[str, Callable[[OpenDeals], Flagged | None]] = {
    rule.__name__.removeprefix("_flag_"): rule
    for rule in (
        _flag_overdue,
        _flag_pushed,
        _flag_slow_in_stage,
        _flag_moved_back,
        _flag_value_cut,
        _flag_no_change,
        _flag_due_soon_unlikely,
        _flag_no_date,
        _flag_no_value,
        _flag_far_larger,
        _flag_next_action_passed,
        _flag_owner_changed,
        _flag_no_touch,
        _flag_criteria_unmet,
    )
}
"""The flags, in the order of the table; None where the data cannot tell."""
_NEEDS = {
    "pushed": ("pushes",),
    "moved_back": ("best_rank",),
    "value_cut": ("peak",),
    "due_soon_unlikely": ("probability",),
    "next_action_passed": ("next_action_at",),
    "owner_changed": ("owner_name", "owner_at"),
}
"""The columns of deals or records without which a flag is not known."""

# Won deals that a learned threshold needs: of fewer, the slowest one or two decide the 80% point.
_LEAST_WON = 10


@dataclass(frozen=True)
class LearnedDays:
    """A number of days learned from won deals."""

    days: int
    share: float
    """Share of the deals that needed no more."""
    n: int

    @property
    def whose(self) -> str:
        """The deals that needed no more, in words: "4 of 5 wins"."""
        part = Fraction(self.share).limit_denominator(10)
        if math.isclose(part, self.share):
            return f"{part.numerator} of {part.denominator} wins"
        return f"{text.percent(self.share)} of wins"


@dataclass(frozen=True)
class PastRecords:
    """The records up to a day: each open deal's changes, and the usual days of won deals."""

    deals: pd.DataFrame
    """Deals open in the last record; index ``unique_id``, columns ``pushes days_pushed entered_at
    last_stage last_pipeline best_rank peak changed_at owner_at owner_before``."""
    stays: dict[tuple[str, str], LearnedDays]
    """Days in each pipeline's stages of deals that were won; the pipeline is empty where the org
    has one."""
    pauses: LearnedDays | None
    """Longest time without a change of deals that were won."""


def read_past(
    history: History, *, until: pd.Timestamp, share: float, writes: pd.DataFrame
) -> PastRecords | None:
    """Read the records up to a moment; None if there are fewer than two."""
    moments = history.records["recorded_at"]
    if (moments <= until).sum() < 2:
        return None
    count_unknown_deals(history)
    dated = find_first_record(history, moments, ["stage", "close_date"])
    log = _read_places(history, until)
    found = history.collect(_sum_up_deals(log, dated)).set_index("unique_id")
    won, pause = found["is_won"], found["pause"]
    deals = found[~won].drop(columns=["is_won", "pause"])
    if moments.between(dated, until).sum() < 2:
        deals = deals.drop(columns=["pushes", "days_pushed"])
    deals["changed_at"] = _find_last_changes(history, log, deals, writes)
    if "owner_name" in log.columns:
        deals = deals.assign(**_find_owner_changes(history.collect(_list_owners(log))))
    if (history.stages_seen()["stage"] == NOT_RECORDED).any():
        unknown = log.filter(log["place"] == NOT_RECORDED).select("unique_id").distinct()
        log = log.anti_join(unknown, "unique_id")
        won &= ~won.index.isin(history.collect(unknown)["unique_id"])
    pauses = pause[won].value_counts().rename_axis("days").reset_index(name="times")
    stays = (
        history.collect(_count_won_stays(log)).groupby(["pipeline", "place"]) if won.any() else ()
    )
    learned = {
        (str(pipeline), str(stage)): days
        for (pipeline, stage), rows in stays
        if (days := _learn_days(rows, share))
    }
    return PastRecords(deals, learned, _learn_days(pauses, share))


def _read_places(history: History, until: pd.Timestamp) -> ibis.Table:
    """Read the changes of deals by `until`.

    ``place`` is the stage of an open deal, else its outcome.
    """
    stages, columns = Org.of(history).stages, history.log.columns
    owner = [name for name in ("owner_name",) if name in columns]
    placed = [name for name in (PIPELINE,) if name in columns and len(stages.pipelines) > 1]
    history = history.at_rates_of(history.recorded_before(until))
    log = read_log(history, "seen_after", "updated_at", *owner, *placed)
    # A team move of the owner is no change of the deal.
    log = log.filter(log["seen_at"] <= instant(until), log["operation"] != MOVED)
    is_open = log["outcome"] == "open"
    rows = log.select(
        *("unique_id", "seen_after", "seen_at", "updated_at", "within"),
        *("value", "cents", "close_date", *owner),
        pipeline=label_of(log[PIPELINE]) if placed else ibis.literal(""),
        rank=stages.rank_expression(log, rank_open),
        is_open=is_open,
        is_won=log["outcome"] == "won",
        place=ibis.ifelse(is_open, log["stage"].fill_null(""), log["outcome"]),
    )
    place = rows["place"]
    return rows.mutate(
        is_entry=missing(lag(place)) | (lag(place) != place),
        ends_won=last(rows["is_won"]),
    )


def _sum_up_deals(log: ibis.Table, dated: pd.Timestamp) -> ibis.Table:
    """Sum up each deal that is open or won in its last row; dates count as moved after `dated`."""
    rows = log.mutate(
        was_open=lag(log["is_open"]),
        date_before=lag(log["close_date"]),
        until=lead(log["seen_at"]),
        ends_open=last(log["is_open"]),
        last_pipeline=last(log["pipeline"]),
    )
    rows = rows.filter(rows["ends_open"] | rows["ends_won"])
    here = rows["is_open"] & (rows["pipeline"] == rows["last_pipeline"])
    later = rows["close_date"] > rows["date_before"]
    pushed = (
        later
        & rows["is_open"]
        & rows["was_open"]
        & rows["within"]
        & (rows["seen_at"] > instant(dated))
    )
    days = rows["close_date"].delta(rows["date_before"], unit="day").cast("int64")
    paused = ibis.ifelse(
        rows["ends_won"] & rows["is_open"], _count_whole_days(rows["seen_at"], rows["until"]), None
    )
    return rows.group_by("unique_id", is_won="ends_won").agg(
        pushes=pushed.ifelse(1, 0).sum().cast("int64"),
        days_pushed=ibis.ifelse(pushed, days, 0).sum().cast("int64"),
        best_rank=rows["rank"].max(where=here).cast("int64"),
        peak=rows["cents"].max(where=rows["is_open"] & ~missing(rows["value"])),
        entered_at=rows["seen_at"].max(where=rows["is_entry"]),
        first_at=rows["seen_at"].min(),
        last_at=rows["seen_at"].max(),
        last_stage=rows["place"].max(where=missing(rows["until"])),
        last_pipeline=rows["last_pipeline"].max(),
        seen_after=rows["seen_after"].min(),
        updated_at=rows["updated_at"].max(),
        pause=paused.max(),
    )


def _list_owners(log: ibis.Table) -> ibis.Table:
    """List the owners of each deal that ever changed its owner: the first one, and each change."""
    rows = log.select("unique_id", "seen_at", "owner_name", owner=label_of(log["owner_name"]))
    ends = rows.group_by("unique_id").agg(low=rows["owner"].min(), high=rows["owner"].max())
    rows = rows.semi_join(ends.filter(ends["low"] != ends["high"]), "unique_id")
    rows = rows.mutate(before=lag(rows["owner"]))
    return rows.filter(missing(rows["before"]) | (rows["before"] != rows["owner"])).drop(
        "owner", "before"
    )


def _find_owner_changes(owners: pd.DataFrame) -> pd.DataFrame:
    """Find when each deal was last taken over or lost its owner, and who was its owner before."""
    owners = owners.sort_values("seen_at")
    known = owners.groupby("unique_id")["owner_name"].ffill()
    last = owners.assign(owner_before=known.groupby(owners["unique_id"]).shift())
    last = last.drop_duplicates("unique_id", keep="last").set_index("unique_id")
    other = last["owner_before"].notna() & (last["owner_before"] != last["owner_name"]).fillna(True)
    return last[other.astype(bool)].rename(columns={"seen_at": "owner_at"})[
        ["owner_at", "owner_before"]
    ]


def _count_won_stays(log: ibis.Table) -> ibis.Table:
    """Count the stays of won deals in each stage, by days.

    Stays that began before the records are left out.
    """
    rows = log.filter("ends_won", "is_entry")
    rows = rows.mutate(left_at=lead(rows["seen_at"]))
    stays = rows.filter(rows["is_open"], ~missing(rows["left_at"]), ~missing(rows["seen_after"]))
    counted = stays.select(
        "pipeline", "place", days=_count_whole_days(stays["seen_at"], stays["left_at"])
    )
    return counted.group_by(["pipeline", "place", "days"]).agg(times=counted.count().cast("int64"))


def _count_whole_days(start: Any, end: Any) -> Any:
    return count_days(start, end).round().cast("int64")


def _learn_days(counted: pd.DataFrame, share: float) -> LearnedDays | None:
    """Find the fewest days that this share of the deals did not exceed.

    None for fewer deals than `_LEAST_WON`.
    """
    ordered = counted.sort_values("days")
    times, days = ordered["times"].to_numpy(dtype="int64"), ordered["days"].to_numpy(dtype="int64")
    n = int(times.sum())
    if n < _LEAST_WON:
        return None
    place = int(np.searchsorted(np.cumsum(times), share * n - 1e-9))
    return LearnedDays(int(days[place]), share, n)


def _find_last_changes(
    history: History, log: ibis.Table, deals: pd.DataFrame, writes: pd.DataFrame
) -> Series:
    """Find when each deal last changed, other than by our own `writes`."""
    # No change on record: use the server's `updated_at`.
    never = (deals["last_at"] == deals["first_at"]) & deals["seen_after"].isna()
    changed = deals["last_at"].where(~never | deals["updated_at"].isna(), deals["updated_at"])
    ids = sorted(set(writes["unique_id"]) & set(deals.index))
    if not ids:
        return changed
    mine = log.filter(log["unique_id"].isin(ids))
    rows = history.collect(mine.select("unique_id", "seen_after", "seen_at"))
    both = rows.reset_index().merge(writes[["unique_id", "written_at"]], on="unique_id")
    mine = both[(both["written_at"] > both["seen_after"]) & (both["written_at"] <= both["seen_at"])]
    others = rows.drop(index=mine["index"].unique()).groupby("unique_id")["seen_at"].max()
    replaced = others.reindex(pd.Index(ids)).fillna(deals["first_at"].reindex(pd.Index(ids)))
    return changed.where(~changed.index.isin(ids), replaced.reindex(changed.index))
