"""Five public event logs read as pipelines: loan applications of a bank, traffic fines of a police
force, and three kinds of expense claims of a university.

Only trips abroad have a planned date behind them, the trip's end. Elsewhere each `Plan` is a rule
that makes one, and every rule is shown. No log has stated chances: those of the stages below are
made up. The logs are not kept here: `FOLDER` holds them.
"""

from __future__ import annotations

import gzip
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from xml.etree import ElementTree

import numpy as np
import pandas as pd

import opp_analytics as oa
from opp_analytics.history import History

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "real"


@dataclass(frozen=True)
class Plan:
    """A rule for the planned date of a deal: some days after it was created, or after a stage if it
    was there."""

    days: int
    after: str = ""

    @property
    def name(self) -> str:
        """The rule in words."""
        return f"{self.after or 'created'} + {self.days} days"


@dataclass(frozen=True)
class RealLog:
    """A log, its place, and how it reads as a pipeline."""

    name: str
    file: str
    org: oa.Org
    freqs: tuple[Literal["W", "M", "Q"], ...]
    recorded: tuple[Literal["daily", "weekly"], ...]
    plans: tuple[Plan, ...]
    reads: Callable[[Path], pd.DataFrame]
    """Reads the events of its file."""

    def read(self, folder: Path) -> pd.DataFrame:
        """Read the events: ``unique_id``, ``at`` (instant), ``stage``, ``value``, in order of time
        within each deal."""
        return self.reads(folder / self.file)

    def history(self, events: pd.DataFrame, plan: Plan, recorded: str) -> History:
        """Make the history of its events."""
        return History.from_changes(
            make_log(events, self.org, plan, recorded), org=self.org, progress=False
        )


def _org(zone: str, stated: dict[str, int], won: str, *lost: str) -> oa.Org:
    stages: list[dict[str, Any]] = [
        *(
            {"name": name, "kind": "open", "probability": percent}
            for name, percent in stated.items()
        ),
        {"name": won, "kind": "won"},
        *({"name": name, "kind": "lost"} for name in lost),
    ]
    return oa.Org(stages=stages, timezone=zone, currency="EUR")


_OFFER = "offer sent"
_BANK_STAGES = {
    "A_SUBMITTED": "submitted",
    "A_PARTLYSUBMITTED": "partly submitted",
    "A_PREACCEPTED": "preaccepted",
    "A_ACCEPTED": "accepted",
    "A_FINALIZED": "finalized",
    "O_SENT": _OFFER,
    "A_ACTIVATED": "activated",
    "A_DECLINED": "declined",
    "A_CANCELLED": "cancelled",
}
_REGISTER_STAGES = {
    "Create Fine": "created",
    "Send Fine": "sent",
    "Insert Fine Notification": "notified",
    "Add penalty": "penalty added",
    "Insert Date Appeal to Prefecture": "appealed",
    "Appeal to Judge": "appealed",
    "Payment": "paid",
    "Send for Credit Collection": "credit collection",
}
_TRIP = "trip end"
_CLAIM_STAGES = {
    "begun": 60,
    "permit approved": 70,
    "submitted": 80,
    "rejected": 50,
    "checked": 90,
    "approved": 95,
    "payment asked": 98,
}
_CLAIM_STEPS = (
    ("Payment Handled", "paid"),
    ("Request Payment", "payment asked"),
    ("REJECTED by (?:EMPLOYEE|MISSING)", "withdrawn"),
    ("REJECTED", "rejected"),
    ("Permit FINAL_APPROVED", "permit approved"),
    ("Permit|SAVED", "begun"),
    ("FINAL_APPROVED", "approved"),
    ("APPROVED", "checked"),
    ("SUBMITTED", "submitted"),
)
"""Pattern of a step's name, and the stage it leads to; the first that fits."""


def read_bank(path: Path) -> pd.DataFrame:
    """Read the steps of each application from an XES log (gzip); an offer that is sent again is the
    first one."""
    rows = (
        (case["concept:name"], case["AMOUNT_REQ"], stage, event["time:timestamp"])
        for case, events in _read_xes(path)
        for event in events
        if (stage := _BANK_STAGES.get(event["concept:name"]))
    )
    table = pd.DataFrame(rows, columns=["unique_id", "value", "stage", "at"])
    table["at"] = pd.to_datetime(table["at"], utc=True, format="ISO8601")
    again = (table["stage"] == _OFFER) & table.duplicated(["unique_id", "stage"])
    return _sort(table[~again].astype({"value": "float64"}))


def _read_xes(path: Path) -> Iterator[tuple[dict[str, str], list[dict[str, str]]]]:
    """Read the attributes of each case and of its events, one case at a time, so that the file is
    never held whole."""
    with gzip.open(path) as file:
        steps = iter(ElementTree.iterparse(file, events=("start", "end")))
        _, root = next(steps)
        for kind, element in steps:
            if kind == "end" and element.tag.endswith("trace"):
                yield _attributes(element), [*map(_attributes, element.iterfind("{*}event"))]
                root.clear()


def read_claims(path: Path) -> pd.DataFrame:
    """Read the steps of each claim; it is worth its budget until the claim itself is submitted.

    ``trip end`` is the planned one, which is known from the first step on.
    """
    rows = [
        {"unique_id": case["concept:name"], **event}
        for case, events in _read_xes(path)
        for event in events
    ]
    found = pd.DataFrame(rows)
    ids, step = found["unique_id"], found["concept:name"]
    at = pd.to_datetime(found["time:timestamp"], utc=True, format="ISO8601")
    amounts = {
        name: pd.to_numeric(found[key], errors="coerce")
        for name in ("Amount", "RequestedAmount", "Permit_RequestedBudget")
        if (key := f"(case)_{name}") in found
    }
    value = amounts["Amount" if "Amount" in amounts else "RequestedAmount"]
    claimed = step.str.contains("^(?:Declaration|Request)").groupby(ids).cummax()
    budget = amounts.get("Permit_RequestedBudget", value)
    units = ("(case)_Permit_OrganizationalEntity", "(case)_OrganizationalEntity")
    stage = pd.Series(pd.NA, found.index, dtype="str")
    for pattern, name in _CLAIM_STEPS:
        stage = stage.where(stage.notna() | ~step.str.contains(pattern), name)
    table = pd.DataFrame(
        {
            "unique_id": ids,
            "at": at,
            "stage": stage,
            "value": value.where(claimed | budget.isna() | (budget <= 0), budget),
            "owner_name": next(found[name] for name in units if name in found),
            _TRIP: at.where(step == "End trip").groupby(ids).transform("max"),
        }
    )
    return _sort(table[stage.notna()])


def _attributes(element: ElementTree.Element) -> dict[str, str]:
    return {one.attrib["key"]: one.attrib["value"] for one in element if "value" in one.attrib}


def read_register(path: Path) -> pd.DataFrame:
    """Read the steps of each fine from an R file."""
    # Imported here: only who has the data needs it.
    import rdata

    with warnings.catch_warnings():
        # It says that it knows no class of its event log, which is a table.
        warnings.simplefilter("ignore")
        (table,) = rdata.read_rda(path).values()
    return read_fines(table)


def read_fines(table: pd.DataFrame) -> pd.DataFrame:
    """Read the steps of each fine: its value is what is owed, and at a payment what is paid.

    A further payment is a deal of its own, won on its day. ``paymentamount`` lacks its decimal
    point (360 for 36.0).
    """
    named = table["case_id"].astype("str")
    owed = pd.to_numeric(table["amount"].astype("object")).groupby(named).ffill()
    sent = pd.to_numeric(table["expense"].astype("object")).fillna(0.0).groupby(named).cumsum()
    pays = table["activity"].astype("str") == "Payment"
    turn = pays.astype("int64").groupby(named).cumsum()
    again = pays & (turn > 1)
    found = pd.DataFrame(
        {
            "unique_id": named.where(~again, named + "-" + turn.astype("str")),
            "at": pd.to_datetime(table["timestamp"].astype("float64"), unit="s", utc=True),
            "stage": table["activity"].astype("str").map(_REGISTER_STAGES),
            "value": (owed + sent).where(~pays, table["paymentamount"].astype("float64") / 10),
        }
    )
    return _sort(found[found["stage"].notna()])


def _sort(events: pd.DataFrame) -> pd.DataFrame:
    return events.sort_values(["unique_id", "at"], kind="stable", ignore_index=True)


def make_log(events: pd.DataFrame, org: oa.Org, plan: Plan, recorded: str) -> pd.DataFrame:
    """Make the change log of a pipeline, up to each deal's first win, or loss where it is final.

    Records are of the end of each day, or of Monday 6:00 with the week before; each shows a deal's
    last state.
    """
    kinds: dict[str, str] = {stage.name: stage.kind for stage in org.stages}
    stated = {stage.name: stage.probability for stage in org.stages}
    kind = events["stage"].map(kinds)
    # A claim that was withdrawn can be handed in again.
    closed = ((kind == "won") if _TRIP in events else (kind != "open")).astype("int64")
    log = events[closed.groupby(events["unique_id"]).cumsum() - closed == 0].copy()
    deals = log.groupby("unique_id")["at"]
    log["created_at"] = deals.transform("min")
    base = log["created_at"]
    if plan.after == _TRIP:
        base = log[_TRIP].fillna(base + pd.Timedelta(days=40))
    elif plan.after:
        there = log["at"].where(log["stage"] == plan.after)
        base = there.groupby(log["unique_id"]).ffill().fillna(base)
    local = log["at"].dt.tz_convert(org.timezone).dt.tz_localize(None)
    planned = base.dt.tz_convert(org.timezone).dt.tz_localize(None) + pd.Timedelta(days=plan.days)
    status = log["stage"].map(kinds)
    log["status"] = status.replace("open", "active")
    log["close_date"] = planned.where(status == "open", local).dt.normalize()
    log["probability"] = (
        log["stage"].map(stated).where(status == "open", np.where(status == "won", 100, 0))
    )
    day = local.dt.normalize()
    if recorded == "weekly":
        seen = day + pd.to_timedelta(7 - day.dt.day_of_week, unit="D") + pd.Timedelta(hours=6)
    else:
        seen = day + pd.Timedelta(hours=23, minutes=59)
    log["seen_at"] = seen.dt.tz_localize(org.timezone).dt.tz_convert("UTC")
    return log.drop(columns=["at", _TRIP], errors="ignore").drop_duplicates(
        ["unique_id", "seen_at"], keep="last"
    )


BANK = RealLog(
    "bank",
    "bpic2012.xes.gz",
    _org(
        "Europe/Amsterdam",
        dict(zip(list(_BANK_STAGES.values())[:6], (10, 15, 25, 40, 50, 60), strict=True)),
        "activated",
        "declined",
        "cancelled",
    ),
    ("W",),
    ("daily", "weekly"),
    (Plan(20), Plan(30), Plan(45), Plan(20, _OFFER)),
    read_bank,
)
REGISTER = RealLog(
    "register",
    "traffic_fines.rda",
    _org(
        "UTC",
        {"created": 40, "sent": 40, "notified": 40, "penalty added": 20, "appealed": 10},
        "paid",
        "credit collection",
    ),
    ("M", "Q"),
    ("weekly",),
    (Plan(90), Plan(150)),
    read_register,
)
TRIPS, REQUESTS, PREPAID = (
    RealLog(
        name,
        f"bpic2020_{file}.xes.gz",
        _org("Europe/Amsterdam", _CLAIM_STAGES, "paid", "withdrawn"),
        ("M", "Q"),
        ("weekly",),
        (plan,),
        read_claims,
    )
    for name, file, plan in (
        ("trips abroad", "travel_abroad", Plan(14, _TRIP)),
        ("payment requests", "payment_requests", Plan(14)),
        ("prepaid travel", "prepaid_travel", Plan(21)),
    )
)
LOGS = (BANK, REGISTER, TRIPS, REQUESTS, PREPAID)
