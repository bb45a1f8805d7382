"""Small worlds: deals, their history, an org file, a day, and where it can be worked by hand, the
truth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tomlkit

import opp_analytics as oa
from tests.scratch import scratch_folder
from tests.worlds import play_few

__all__ = ["WORLDS", "World"]


@dataclass(frozen=True)
class World:
    """What is known on a day, in memory and as files."""

    name: str
    folder: Path
    """Holds ``opp-analytics.toml``, ``deals.parquet`` and, with a history, ``opp-history``."""
    as_of: str
    target: float | None = None
    """A target of the whole, for functions and surfaces that take one; None for those of the org
    file."""
    truth: Mapping[str, Any] = field(default_factory=dict)
    """Figures worked by hand: columns of `oa.forecast` in the current period, or counts of flags."""  # noqa: E501

    @cached_property
    def org(self) -> oa.Org:
        """The org of the file."""
        return oa.Org.read(self.folder / "opp-analytics.toml")

    @cached_property
    def history(self) -> oa.History | None:
        """The history, opened anew: nothing that another reader remembers is shared."""
        folder = self.folder / "opp-history"
        return oa.History(folder, org=self.org) if folder.is_dir() else None

    @cached_property
    def opportunities(self) -> pd.DataFrame:
        """The deals on the day, meant by the org."""
        if self.history is not None:
            return self.history.as_of(self.history.records["recorded_at"].iloc[-1])
        return self.org.apply(pd.read_parquet(self.folder / "deals.parquet"))

    @property
    def targets(self) -> Any:
        """The targets that every surface is given."""
        if self.target is not None:
            return self.target
        return self.org.targets if len(self.org.targets) else None

    @property
    def day(self) -> pd.Timestamp:
        """The day of all questions."""
        return pd.Timestamp(self.as_of)

    @property
    def freq(self) -> Any:
        """Period of the forecast."""
        return self.org.freq(self.org.report.get("freq", "M"))

    @property
    def period(self) -> str:
        """Label of the current period."""
        return str(pd.Period(self.day, self.freq))


def _settle(
    name: str,
    deals: pd.DataFrame,
    log: pd.DataFrame | None,
    settings: Mapping[str, Any],
    **known: Any,
) -> World:
    """Write the files of a world."""
    folder = scratch_folder(f"opp-analytics-{name}-")
    tables = {
        name: {"rows": rows} if name in ("people", "targets") else rows
        for name, rows in settings.items()
    }
    (folder / "opp-analytics.toml").write_text(tomlkit.dumps(tables), "utf-8")
    deals.to_parquet(folder / "deals.parquet")
    if log is not None:
        org = oa.Org.read(folder / "opp-analytics.toml")
        oa.History.from_changes(log, path=folder / "opp-history", org=org, progress=False)
    return World(name, folder, **known)


# -- teams that are played


def _last(log: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The deals as the log's last record shows them, and its day."""
    deals = log.drop_duplicates("unique_id", keep="last").drop(columns="seen_at")
    return deals.reset_index(drop=True), f"{log['seen_at'].max():%Y-%m-%d}"


def learned() -> World:
    """The default org and a target for all: a year of weekly records, the last weeks daily; chances
    learned from them."""
    log = play_few("weekly", 1, 50)
    last, days = log["seen_at"].max(), np.random.default_rng(2).integers(0, 7, len(log))
    late = log["seen_at"] > last - pd.Timedelta(weeks=3)
    log["seen_at"] -= pd.to_timedelta(np.where(late, days, 0), unit="D")
    log = log.sort_values(["seen_at", "unique_id"], kind="stable").reset_index(drop=True)
    deals, day = _last(log)
    return _settle("learned", deals, log, {}, as_of=day, target=90_000.0)


def run_rate() -> World:
    """Dollars, no history, many wins; twelve people who are equals: chance alone gives each their
    deals."""
    deals, day = _last(play_few("plain", 7, 58, deals_per_week=3.0))
    names = [f"Rep {letter}" for letter in "ABCDEFGHIJKL"]
    deals["owner_name"] = np.random.default_rng(3).choice(names, len(deals))
    return _settle(
        "run_rate",
        deals,
        None,
        {"currency": "USD"},
        as_of=day,
        target=120_000.0,
        truth=_sum_up(deals, day),
    )


def stated() -> World:
    """No history and few wins: stated chances only, no target."""
    deals, day = _last(play_few("young", 3, 9, deals_per_week=4.0))
    keep = deals["status"].ne("won") | (
        deals["close_date"] > pd.Timestamp(day) - pd.Timedelta(days=20)
    )
    deals = deals[keep].reset_index(drop=True)
    return _settle("stated", deals, None, {"currency": "USD"}, as_of=day, truth=_sum_up(deals, day))


def _sum_up(deals: pd.DataFrame, day: str) -> dict[str, Any]:
    """The current month of a frame by plain sums."""
    today = pd.Timestamp(day)
    end = today + pd.offsets.MonthEnd(0)
    is_open = deals["status"] == "active"
    due = deals[is_open & deals["close_date"].between(today, end)]
    won = deals[(deals["status"] == "won") & deals["close_date"].between(today.replace(day=1), end)]
    return {
        "booked": float(won["value"].sum()),
        "open_count": len(due),
        "open_value": float(due["value"].sum()),
        "weighted_open": float((due["value"] * due["probability"].astype(float) / 100).sum()),
    }


# -- worlds by hand


def _rows(deals: Iterable[tuple[Any, ...]]) -> pd.DataFrame:
    """Deals by hand: id, name, stage, value, close date, stated chance, owner, created."""
    columns = [
        "unique_id",
        "name",
        "stage",
        "value",
        "close_date",
        "probability",
        "owner_name",
        "created_at",
    ]
    table = pd.DataFrame(deals, columns=columns)
    table["value"] = table["value"].astype("float64")
    table["probability"] = table["probability"].astype("Int64")
    return table.assign(
        created_at=pd.to_datetime(table["created_at"], utc=True),
        close_date=pd.to_datetime(table["close_date"]),
    )


def met() -> World:
    """Targets that are met to the cent, whose sum binary fractions miss; and a deal whose value was
    always negative."""
    aims = {"Ada": 1000.1, "Ben": 2000.2, "Cleo": 3000.4}
    deals = _rows(
        [
            *(
                (f"w{k}", f"Won {k}", "closed_won", value, "2026-03-05", 100, name, "2026-01-10")
                for k, (name, value) in enumerate(aims.items())
            ),
            ("o1", "Open 1", "proposal", 900.0, "2026-03-28", 40, "Ben", "2026-02-10"),
            ("o2", "Open 2", "discovery", 1500.0, "2026-04-12", 20, "Ada", "2026-02-12"),
            ("o3", "Credit", "proposal", -2000.0, "2026-04-20", 60, "Cleo", "2026-02-12"),
            ("l1", "Lost 1", "closed_lost", 700.0, "2026-02-20", 0, "Ben", "2026-01-20"),
        ]
    )
    teams = zip(aims, ("East", "West", "West"), strict=True)
    settings = {
        "currency": "USD",
        "people": [{"owner_name": name, "team": team} for name, team in teams],
        "targets": [
            {"period": f"2026-{month:02d}", "owner_name": name, "target": aim}
            for month in (3, 4)
            for name, aim in aims.items()
        ],
    }
    opened = deals["stage"].isin(["proposal", "discovery"])
    before = deals.assign(
        seen_at="2026-03-02T08:00Z",
        stage=deals["stage"].where(opened, "discovery"),
        probability=deals["probability"].where(opened, 20),
    )
    log = pd.concat(
        [
            before,
            deals.assign(seen_at="2026-03-09T08:00Z"),
            deals.iloc[:1].assign(seen_at="2026-03-16T08:00Z"),
        ]
    )
    log["seen_at"] = pd.to_datetime(log["seen_at"], utc=True)
    truth = {"booked": 6000.7, "gap": 0.0, "open_value": 900.0, "value_cut": 0}
    return _settle("met", deals, log, settings, as_of="2026-03-16", truth=truth)


def hopeless() -> World:
    """A target that nothing reaches: chances below one percent."""
    log = play_few("weekly", 11, 44, deals_per_week=2.0)
    deals, day = _last(log)
    return _settle("hopeless", deals, log, {"currency": "CHF"}, as_of=day, target=400_000.0)


_NAMES = ("Ada", "Ben", "Cleo", "Dev")


def tokyo() -> World:
    """Teams with dated moves, east of UTC: Dev moves at midnight in Tokyo of a day that UTC reaches
    nine hours later."""
    log = play_few("tokyo", 4, 48)
    still = log[(log["owner_name"] == "Dev") & (log["stage"] == "discovery")].iloc[:1]
    still = still.assign(
        unique_id="deal-still", name="Deal Still", close_date=pd.Timestamp("2022-12-30")
    )
    log = pd.concat([log, still]).sort_values("seen_at", kind="stable").reset_index(drop=True)
    deals, _ = _last(log)
    # Recorded late in the evening of UTC, when it is the next day in Tokyo.
    log["seen_at"] += pd.Timedelta(hours=12)
    day = f"{log['seen_at'].max() + pd.Timedelta(hours=9):%Y-%m-%d}"
    month = day[:7]
    settings = {
        "currency": "JPY",
        "timezone": "Asia/Tokyo",
        "people": [
            *(
                {"owner_name": name, "team": ("East", "West")[k % 2]}
                for k, name in enumerate(_NAMES[:3])
            ),
            {"owner_name": "Dev", "team": "West"},
            {"owner_name": "Dev", "team": "East", "from_date": day},
            {"owner_name": "Noor", "team": "West", "from_date": f"{month}-04"},
        ],
        "targets": [
            {"period": str(period), "owner_name": name, "target": 12_000.0 + 3_000 * k}
            for period in pd.period_range("2022-03", "2023-06", freq="M")
            for k, name in enumerate((*_NAMES, "Noor"))
        ],
    }
    truth = {"target": 12_000.0 * 5 + 3_000 * 10}
    return _settle("tokyo", deals, log, settings, as_of=day, truth=truth)


_HEBREW, _ARABIC = "רותם כהן", "شركة النور"


def euros() -> World:
    """Euros, twenty people without targets, one whose name runs from the right, and deals without
    an owner or a value."""
    dice = np.random.default_rng(3)
    people = [*(f"Rep {letter}" for letter in "ABCDEFGHIJKLMNOPQR"), _HEBREW, None]
    rows = []
    for k in range(120):
        owner, value = people[k % len(people)], float(dice.integers(10, 900) * 10)
        due = pd.Timestamp("2026-03-01") + pd.Timedelta(days=int(dice.integers(0, 60)))
        stage = str(
            dice.choice(
                [
                    "discovery",
                    "qualification",
                    "proposal",
                    "negotiation",
                    "closed_won",
                    "closed_lost",
                ]
            )
        )
        if stage.startswith("closed"):
            due = pd.Timestamp("2026-02-01") + pd.Timedelta(days=int(dice.integers(0, 44)))
        chance = {"discovery": 10, "qualification": 25, "proposal": 50, "negotiation": 75}.get(
            stage
        )
        chance = (100 if stage == "closed_won" else 0) if chance is None else chance
        name = f"{_ARABIC} {k}" if k % 9 == 0 else f"Deal E{k:03d}"
        rows.append((f"e{k:03d}", name, stage, value, due, chance, owner, "2026-01-05"))
    deals = _rows(rows)
    deals.loc[deals.index[4::37], "value"] = np.nan
    deals = deals.assign(
        status=deals["stage"].map({"closed_won": "won", "closed_lost": "lost"}).fillna("active")
    )
    log = pd.concat(
        [
            deals[deals.index % 5 > 0].assign(
                seen_at=f"{day}T08:00Z", stage="discovery", status="active", probability=10
            )
            if day < "2026-03-10"
            else deals.assign(seen_at=f"{day}T08:00Z")
            for day in ("2026-03-02", "2026-03-09", "2026-03-16")
        ]
    )
    gone = deals.iloc[:1].assign(
        unique_id="gone", name="Gone", value=4000.0, stage="proposal", status="active"
    )
    gone = gone.assign(owner_name=None, close_date=pd.Timestamp("2026-03-25"), probability=50)
    seen = {"2026-03-02": "new", "2026-03-16": "deleted"}
    log = pd.concat(
        [
            log.assign(operation=None),
            *(
                gone.assign(seen_at=f"{day}T08:00Z", operation=operation)
                for day, operation in seen.items()
            ),
        ]
    )
    log["seen_at"] = pd.to_datetime(log["seen_at"], utc=True)
    log = log.sort_values("seen_at", kind="stable")
    day = "2026-03-16"
    return _settle(
        "euros",
        deals,
        log.reset_index(drop=True),
        {"currency": "EUR"},
        as_of=day,
        truth=_sum_up(deals, day),
    )


WORLDS: dict[str, Callable[[], World]] = {
    make.__name__: cache(make)
    for make in (
        learned,
        run_rate,
        stated,
        met,
        hopeless,
        tokyo,
        euros,
    )
}
"""Each world by its name, made once."""
