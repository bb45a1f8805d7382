"""The page, the workbook, the mail and the Markdown, figure by figure."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable
from typing import Any

import pandas as pd

import opp_analytics as oa
from opp_analytics import text
from opp_analytics.analysis import find_lead, list_steps
from opp_analytics.columns import write_label
from tests.report import reading
from tests.surfaces.answers import Answers
from tests.surfaces.facts import CHANCE, EVERYWHERE, FLAGGED, FORECAST, Ledger, Pool
from tests.surfaces.shown import DealList, Shown, as_frame, cell_text, lists_of, rows_of, texts_of

__all__ = ["check_digests", "check_page", "check_workbook"]


_SINCE = re.compile(r"[Ss]ince ([A-Z][a-z]{2} \d+)")


def _sum_over(people: pd.DataFrame | None) -> float:
    """Sum by how much people are past their targets."""
    if people is None:
        return 0.0
    single = ["(all)" not in (key if isinstance(key, tuple) else (key,)) for key in people.index]
    return float(people["gap"][single].clip(upper=0).sum())


def check_page(ledger: Ledger, shown: Shown, answers: Answers) -> None:
    """Compare every figure of the page."""
    page = shown.page
    said = oa.sentence(answers.forecast)
    ledger.same("page: first sentence", f"{page.sentence} {page.second}"[: len(said)], said)
    pool = answers.pool(answers.people, answers.world_changes, answers.forecast)
    if answers.world_changes is not None:
        pool.rate(*answers.world_changes[["was", "now"]].to_numpy().ravel())
    pool.money(_sum_over(answers.people))
    ledger.among("page: second sentence", page.second, pool, answers.names)
    _check_tiles(ledger, page, answers)
    for behind in reading.by_class(page.root, "behind"):
        for listed in lists_of(behind):
            _check_list(ledger, "tiles", listed, answers)
            _check_sum(ledger, "tiles", listed, answers, {})
    _check_enough(ledger, page, answers)
    for key in page.keys:
        section = page.block(key)
        if key in _BLOCKS:
            _BLOCKS[key](ledger, page, answers)
        pool = _pool(answers, key)
        for words in texts_of(section):
            for since in _SINCE.findall(words):
                ledger.claim("page", "the day that changes are counted from", since, f"block {key}")
            _check_range(ledger, f"page, {key}", words)
            for flagged in FLAGGED.findall(words):
                ledger.claim(
                    EVERYWHERE, "open deals with a flag", " of ".join(flagged), f"page, {key}"
                )
            ledger.same(
                f"page, {key}: nan in {words[:60]!r}", bool(re.search(r"\bnan\b", words)), False
            )
            # The sentence of `oa.deal_reasons` for some deal, letter by letter.
            for said in answers.reasons if "From history " in words else ():
                words = words.replace(f"From history {said}", "")
            ledger.among(f"page, {key}", words, pool, answers.names)
        figures: dict[str, list[str]] = {}
        for cells in rows_of(page, "people"):
            figures.setdefault(next(iter(cells.values())), []).append(cells.get("Forecast", ""))
        for listed in lists_of(section):
            _check_list(ledger, key, listed, answers)
            _check_sum(ledger, key, listed, answers, figures)


def _check_tiles(ledger: Ledger, page: reading.Read, answers: Answers) -> None:
    money, (label, lead) = answers.money, find_lead(answers.forecast)
    row: Any = answers.forecast.loc[lead]
    tiles = {name.partition(",")[0]: tile for name, tile in page.tiles.items()}
    named = [name.partition(", ")[2] for name in page.tiles]
    here, there = (
        text.period_name(one, answers.world.freq, today=answers.world.day, short=True)
        for one in (label, lead)
    )
    ledger.same(
        "page, tiles, periods",
        named,
        [here, *[there] * (len(named) - 1)] if lead != label else [""] * len(named),
    )
    said = {name: figure for name, (figure, _, _) in tiles.items()}
    ledger.same("page, tile Closed won", said.get("Closed won"), money(answers.current["booked"]))
    ledger.same("page, tile Forecast", said.get("Forecast"), money(row["expected"]))
    met = row["booked"] >= row["target"] - 0.005
    if lead == label:
        ledger.claim(EVERYWHERE, FORECAST, said.get("Forecast", ""), "page, tile")
        if said.get("Chance of target", text.MISSING) not in (text.MISSING, "met"):
            ledger.claim(EVERYWHERE, CHANCE, said["Chance of target"], "page, tile")
    if "Chance of target" in said and said["Chance of target"] != text.MISSING:
        ledger.same(
            "page, tile Chance",
            said["Chance of target"],
            "met" if met else text.percent(row["p_target"]),
        )
    if "Coverage" in said and said["Coverage"] != text.MISSING:
        ledger.same(
            "page, tile Coverage",
            said["Coverage"],
            "met" if met else text.times(row["pipeline_coverage"]),
        )
    if "Open and due" in said and row["open_count"]:
        ledger.same("page, tile Open and due", said["Open and due"], money(row["open_value"]))
    changes = {
        "Closed won": "booked",
        "Forecast": "expected",
        "Coverage": "pipeline_coverage",
        "Open and due": "open_value",
    }
    for name, (_, change, note) in tiles.items():
        pool = _pool(answers, "tiles").count(answers.deals["unique_id"].nunique())
        ledger.among(f"page, tile {name}, note", note, pool, answers.names)
        column = changes.get(name)
        if not change or column is None:
            continue
        before, whose = answers.earlier, label if name == "Closed won" else lead
        assert before is not None, f"{name} changed since {change}, and there is no earlier record"
        moved = float(answers.forecast.loc[whose, column] - before.loc[whose, column])
        size = text.times(abs(moved)) if name == "Coverage" else money(abs(moved))
        words = (
            f"{'▲' if moved > 0 else '▼'} {size}"
            if abs(moved) > 0 and size not in ("0", "$0", "€0")
            else "no change"
        )
        ledger.same(f"page, tile {name}, change", change.split(" since")[0], words)
        assert answers.since is not None
        ledger.same(
            f"page, tile {name}, since", change.split("since ")[-1], text.day(answers.since[1])
        )


def _pool(answers: Answers, key: str) -> Pool:
    """The figures that a block's functions give."""
    world, row = answers.world, answers.current
    tables: dict[str, list[pd.DataFrame | None]] = {
        "tiles": [answers.forecast, answers.track_record, answers.earlier],
        "people": [answers.people, answers.earlier_people],
        "why": [answers.change, answers.change_deals, answers.forecast],
        "decide": [answers.forecast_deals, answers.forecast],
        "risk": [answers.flags],
        "to_win": [answers.people, answers.flags, answers.to_win],
        "categories": [answers.categories, answers.forecast],
        "months": [answers.forecast],
        "created": [answers.created],
        "created_by": [answers.created_by],
        "slippage": [*answers.slippages.values()],
        "past": [answers.track_record],
        "funnel": [answers.flow],
        "win_rates": [answers.win_rate, answers.win_rates, answers.scores],
        "fix": [answers.audit],
        "trend": [answers.forecast, answers.fan],
        "notes": [answers.forecast],
    }
    pool = answers.pool(*tables.get(key, []))
    add: Callable[[Pool, Answers], object] | None = _FURTHER.get(key)
    if add is not None:
        add(pool, answers)
    if math.isfinite(row["target"]):
        pool.money(row["target"], row["booked"] - row["target"])
    return pool.count(world.org.fiscal_year_start)


def _add_later(pool: Pool, answers: Answers) -> None:
    """Add what each group's forecasts rest on that is dated after their period."""
    levels = list(answers.levels)
    whose = answers.deals[["unique_id", *levels]]
    for period, rows in answers.forecast_deals.groupby("period"):
        ends = pd.Period(str(period), answers.world.freq).end_time.normalize()
        later = rows.loc[rows["close_date"] > ends, ["unique_id", "weighted"]].merge(
            whose, on="unique_id"
        )
        pool.money(later["weighted"].sum()).day(ends)
        for depth in range(len(levels)):
            pool.money(*later.groupby(levels[: depth + 1])["weighted"].sum())


def _add_tiles(pool: Pool, answers: Answers) -> None:
    _add_later(pool, answers)
    row, past, before = answers.current, answers.track_record, answers.earlier
    due = answers.deals["close_date"].between(*_days(answers)) & (
        oa.outcomes(answers.deals) == "won"
    )
    pool.count(int(due.sum())).rate(row["attainment"])
    if past is not None:
        known = past["low"].notna()
        pool.count(int(known.sum()), int((past["held"].fillna(False) & known).sum()))
    if before is not None:
        for label, then in before[before.index.isin(find_lead(answers.forecast))].iterrows():
            now: Any = answers.forecast.loc[str(label)]
            pool.rate(then["p_target"], now["p_target"] - then["p_target"])
            pool.money(
                *(now[column] - then[column] for column in ("booked", "expected", "open_value"))
            )
            pool.ratio(now["pipeline_coverage"] - then["pipeline_coverage"])


def _days(answers: Answers) -> tuple[pd.Timestamp, pd.Timestamp]:
    period = pd.Period(answers.world.day, answers.world.freq)
    return period.start_time, period.end_time.normalize()


def _add_trend(pool: Pool, answers: Answers) -> None:
    fan, target = answers.fan, answers.current["target"]
    won = answers.deals[
        (oa.outcomes(answers.deals) == "won") & answers.deals["close_date"].between(*_days(answers))
    ]
    pool.money(*won.sort_values("close_date")["value"].cumsum()).day(_days(answers)[0])
    if answers.pacing is not None:
        pool.money(*answers.pacing["booked"]).count(len(answers.pacing) - 1)
    if answers.history is not None:
        recorded = answers.history.records["recorded_at"]
        pool.day(*recorded.dt.tz_convert(answers.tz).dt.tz_localize(None).dt.normalize())
    if fan is None:
        return
    expected = [*fan["expected"], float(answers.current["expected"])]
    pool.table(fan.reset_index(drop=True)).money(*(value - target for value in expected))
    pool.money(*(later - before for before, later in itertools.pairwise(expected)))
    pool.money(*(expected[-1] - before for before in expected))


def _add_people(pool: Pool, answers: Answers) -> None:
    _add_later(pool, answers)
    pool.money(answers.world.called.get("All", math.nan) - answers.current["expected"])
    people, before = answers.people, answers.earlier_people
    if people is None:
        return
    if before is not None:
        pool.money(*people["expected"].sub(before["expected"], fill_value=0.0))
    leaves = people[
        [("(all)" not in (key if isinstance(key, tuple) else (key,))) for key in people.index]
    ]
    pool.money(*(people["target"] - people["expected"]), *(people["booked"] - people["target"]))
    for column in ("booked", "expected"):
        if leaves[column].sum() > 0:
            pool.rate(float(leaves[column].max() / leaves[column].sum()))
    aimed = leaves[leaves["target"].notna()]
    pool.count(len(leaves), len(aimed), int((aimed["booked"] >= aimed["target"]).sum()))
    pool.money(float(aimed["gap"].clip(lower=0).sum())).count(int((aimed["gap"] > 0).sum()))


def _add_to_win(pool: Pool, answers: Answers) -> None:
    _add_reasons(pool, answers)
    pool.rate(*answers.own_chances)
    _add_people(pool, answers)
    deals = answers.deals
    pool.money(*deals["value"].dropna()).day(*deals["close_date"])
    if "probability" in deals:
        pool.rate(0.5, *(deals["probability"].dropna().astype(float) / 100))
    pool.count(5)


def _add_deals(pool: Pool, answers: Answers) -> None:
    table = answers.forecast_deals
    lead: Any = answers.forecast.loc[find_lead(answers.forecast)[1]]
    pool.rate(*answers.own_chances)
    pool.money(lead["target"] - lead["expected"], lead["booked"] + lead["open_value"])
    _add_reasons(pool, answers)
    pool.count(len(table), *table.groupby("period").size(), min(5, len(table)))
    if "probability" in answers.deals:
        pool.rate(*(answers.deals["probability"].dropna().astype(float) / 100))


def _add_reasons(pool: Pool, answers: Answers) -> None:
    table = answers.forecast_deals
    pool.rate(*answers.earlier_chances).day(*table["won_low"].dropna(), *table["won_high"].dropna())


def _add_risk(pool: Pool, answers: Answers) -> None:
    _add_reasons(pool, answers)
    flags, deals, day = answers.flags, answers.deals, answers.world.day
    if flags is None:
        return
    flagged, opened = flags[flags["risk"] > 0], oa.outcomes(deals) == "open"
    pool.count(len(flags), len(flagged), len(flagged) - 9).money(
        flagged["value"].sum(), flags["value"].sum()
    )
    due = deals[opened & deals["close_date"].between(day, _days(answers)[1])]
    late = deals[opened & (deals["close_date"] < day)]
    pool.count(len(due), int(due["unique_id"].isin(flagged.index).sum()), len(late)).money(
        late["value"].sum()
    )
    _add_to_win(pool, answers)


def _add_created(pool: Pool, answers: Answers) -> None:
    table = answers.created
    if table is None:
        return
    values = table["value"].tail(12)
    pool.count(len(values))
    average = float(values.iloc[:-1].mean())
    pool.money(average, float(values.iloc[-1])).count(len(values) - 1)
    if average:
        pool.rate(abs(float(values.iloc[-1]) / average - 1))
    for label in table.index:
        pool.day(*str(label).split("/"))


def _add_creators(pool: Pool, answers: Answers) -> None:
    table = answers.created_by
    if table is not None and table["value"].sum() > 0:
        pool.money(table["value"].sum()).rate(*(table["value"] / table["value"].sum()))


def _add_slippage(pool: Pool, answers: Answers) -> None:
    for table in answers.slippages.values():
        pool.money(table["value"].sum()).count(int(table["count"].sum()))
    deals, history = answers.deals, answers.history
    pool.money(*deals["value"].dropna())
    if history is not None:
        moves = oa.close_date_moves(history, end=answers.until)
        pool.table(moves).count(int((moves["pushes"] > 1).sum()))


def _add_past(pool: Pool, answers: Answers) -> None:
    past, world = answers.track_record, answers.world
    if past is None and answers.history is not None:
        try:
            oa.track_record(answers.history, as_of=world.day, freq=world.freq)
        except oa.errors.NotEnoughHistory as reason:
            pool.words(str(reason))
    if past is None:
        return
    pool.count(*past.attrs["left_out"].values())
    for shown in (past, past.tail(6)):
        _add_judged(pool, shown)


def _add_judged(pool: Pool, shown: pd.DataFrame) -> None:
    known = shown["low"].notna()
    pool.count(
        int(known.sum()),
        int((shown["held"].fillna(False) & known).sum()),
        len(shown),
        int((~known).sum()),
    )
    ran = shown["error"].sum() / shown["actual"].sum() if shown["actual"].sum() else math.nan
    pool.rate(
        ran,
        shown["error"].abs().sum() / shown["actual"].sum() if shown["actual"].sum() else math.nan,
    )


def _add_funnel(pool: Pool, answers: Answers) -> None:
    flow, deals = answers.flow, answers.deals
    if flow is not None and answers.history is not None:
        begins = answers.history.records["recorded_at"].iloc[0].tz_convert(answers.tz)
        pool.day(max((answers.world.day - pd.Timedelta(weeks=13)).tz_localize(answers.tz), begins))
        summed = flow.groupby(level="stage")[
            ["entries", "advanced", "still", "lost", "back", "removed"]
        ].sum()
        ended = summed["entries"] - summed["still"]
        pool.count(*ended, ended.sum(), *summed.to_numpy().ravel()).rate(
            *(1 - summed["advanced"] / ended)
        )
        if ended.sum():
            pool.rate(1 - summed["advanced"].sum() / ended.sum())
        for column in ("advanced", "still", "lost", "back", "removed"):
            pool.rate(*(flow[column] / flow["entries"]))
    opened = deals[oa.outcomes(deals) == "open"]
    by_stage = opened.groupby("stage", observed=True)["value"].agg(["sum", "size"])
    pool.money(*by_stage["sum"], by_stage["sum"].sum()).count(*by_stage["size"])
    if opened["value"].sum():
        pool.rate(*(by_stage["sum"] / opened["value"].sum()))


def _add_rates(pool: Pool, answers: Answers) -> None:
    pool.day(answers.closed_since)
    for table in (answers.win_rate, answers.win_rates):
        if table is not None:
            closed = table["won"] + table["lost"]
            pool.count(*closed, *table["won"], closed.sum(), int((closed > 0).sum()), 12)
    if answers.scores is not None:
        known = answers.scores[answers.scores["n"] > 0]
        apart = int(known["differs"].sum())
        pool.count(len(known) - apart, apart).count(known["n"].sum())


def _add_categories(pool: Pool, answers: Answers) -> None:
    table = answers.categories
    if table is not None and answers.world.period in table.index:
        row, target = table.loc[answers.world.period], answers.current["target"]
        pool.money(row["commit_total"] - target, row["best_case_total"] + row["pipeline"])


def _add_fix(pool: Pool, answers: Answers) -> None:
    summary = answers.audit
    if summary is not None:
        pool.count(len(summary) - 8, *summary["deals"])
        found = answers.findings.drop_duplicates(["check", "unique_id"])
        ends = found["unique_id"].map(
            oa.outcomes(answers.deals).set_axis(answers.deals["unique_id"])
        )
        parts = found.groupby(["check", ends], observed=True)["value"].agg(["size", "sum"])
        pool.count(*parts["size"].tolist()).money(*parts["sum"].tolist())
        copies = answers.deals[
            answers.deals["unique_id"].isin(found["unique_id"][found["check"] == "duplicate"])
        ]
        if len(copies):
            pool.count(copies.groupby([copies["name"].str.lower(), "account_id"]).ngroups)
    pool.rate(0.0, 1.0).day(answers.world.day).count(len(answers.deals), 0, 100)


def _add_why(pool: Pool, answers: Answers) -> None:
    table = answers.change
    if table is not None:
        pool.money(table["expected"]["now"] - table["expected"]["then"])
        running = table["expected"].drop("now").cumsum()
        pool.money(*running)
        pool.money(table["value"]["won"] - table["expected"]["won"])
        pool.day(pd.Period(table.attrs["period"], table.attrs["freq"]).end_time)
    if answers.history is not None:
        pool.day(answers.history.records["recorded_at"].iloc[-1].tz_convert(answers.tz))


def _add_notes(pool: Pool, answers: Answers) -> None:
    table, history, deals = answers.forecast, answers.history, answers.deals
    pool.money(table["open_value"].sum()).count(len(deals), int(table["no_value"].sum())).rate(0.05)
    pool.words(str(table.attrs["why"]))
    for count in (table.attrs.get("left_out") or {}).values():
        pool.count(count)
    if history is not None:
        moments = history.records["recorded_at"].dt.tz_convert(answers.tz)
        pool.count(
            len(moments),
            round(moments.diff().median() / pd.Timedelta(days=1)) if len(moments) > 1 else 1,
        )
        pool.day(moments.iloc[0].tz_localize(None), moments.iloc[-1].tz_localize(None))
        last = history.records["recorded_at"].iloc[-1].tz_localize(None)
        pool.day(last).count(2).words(
            f"As recorded at {text.day(last, year=True)}, {last:%H:%M} UTC"
        )


_FURTHER: dict[str, Callable[[Pool, Answers], object]] = {
    "tiles": _add_tiles,
    "trend": _add_trend,
    "people": _add_people,
    "months": _add_later,
    "decide": _add_deals,
    "risk": _add_risk,
    "to_win": _add_to_win,
    "created": _add_created,
    "created_by": _add_creators,
    "slippage": _add_slippage,
    "past": _add_past,
    "funnel": _add_funnel,
    "win_rates": _add_rates,
    "categories": _add_categories,
    "fix": _add_fix,
    "why": _add_why,
    "notes": _add_notes,
}


# -- blocks by row and column


def _check_people(ledger: Ledger, page: reading.Read, answers: Answers) -> None:
    people, before = answers.people, answers.earlier_people
    if people is None or people.empty:
        return
    _check_view(ledger, page, answers)
    known: dict[str, list[tuple[Any, pd.Series[Any]]]] = {}
    for key, row in people.iterrows():
        parts = key if isinstance(key, tuple) else (key,)
        name = next((str(part) for part in reversed(parts) if part != "(all)"), "All")
        known.setdefault(name, []).append((key, row))
    for cells in rows_of(page, "people"):
        name = next(iter(cells.values()))
        if name not in known or len(known[name]) > 1:
            continue
        key, row = known[name][0]
        where = f"page, people, {name}"
        _near_number(ledger, f"{where}, closed", cells["Closed"], row["booked"])
        _near_number(ledger, f"{where}, forecast", cells["Forecast"], row["expected"])
        if "Target" in cells and math.isfinite(row["target"]):
            _near_number(ledger, f"{where}, target", cells["Target"], row["target"])
            ledger.claim("target", name, cells["Target"], "page, people")
        ledger.same(
            f"{where}, a call is shown where there is one",
            "Call" in cells,
            bool(answers.world.called),
        )
        if "Call" in cells:
            own, override = (answers.world.called.get(key) for key in (name, f"{name}, Dana"))
            said = "" if override is None else f"{answers.money(override, fine=True)} by Dana"
            ledger.same(f"{where}, call", cells["Call"], f"{own:,.0f}{said}")
        if "To go" in cells and math.isfinite(row["gap"]):
            gap = cells["To go"].replace("+", "-").replace("−", "-")
            _near_number(ledger, f"{where}, gap", gap, row["gap"])
        if cells.get("Chance") in ("met",):
            ledger.same(f"{where}, met", True, bool(row["booked"] >= row["target"] - 0.005))
        elif cells.get("Chance", text.MISSING) not in (text.MISSING, "none due"):
            ledger.same(f"{where}, chance", cells["Chance"], text.percent(row["p_target"]))
        since = next((head for head in cells if head.startswith("Since ")), None)
        if since is not None and before is not None and answers.since is not None:
            ledger.same("page, people, since", since, f"Since {text.day(answers.since[1])}")
            then = float(before["expected"].get(key, 0.0))
            moved = float(row["expected"]) - then
            cell = cells[since].replace("▲ ", "").replace("▼ ", "-").replace("no change", "0")
            if cell != text.MISSING:
                _near_number(ledger, f"{where}, change", cell, moved)


def _check_view(ledger: Ledger, page: reading.Read, answers: Answers) -> None:
    """Compare who of many people is in view with who is furthest below target, or without targets
    the largest."""
    people = answers.people
    assert people is not None
    leaves = people[
        [("(all)" not in (key if isinstance(key, tuple) else (key,))) for key in people.index]
    ]
    in_view, hidden, counted = [], 0, 0
    tables = [
        table for table in page.block("people").iter("table") if "st" in reading.classes(table)
    ]
    for body in [part for table in tables for part in table if part.tag == "tbody"]:
        folded = "folded" in reading.classes(body)
        for row in body:
            kinds = reading.classes(row)
            heads = [cell for cell in row if cell.tag == "th"]
            if not heads or "total" in kinds or "deals" in kinds:
                continue
            words = reading.words(heads[0])
            counted += sum(int(figure) for figure in re.findall(r"(\d+) more\b", words))
            if "group" in kinds:
                continue
            if folded and "kept" not in kinds:
                hidden += 1
            else:
                in_view.append(words)
    ledger.same("page, people, hidden ones are counted on a line that opens", counted, hidden)
    if not hidden:
        return
    names = leaves.index.get_level_values(-1)
    rank = leaves.assign(
        short=leaves["target"] - leaves["expected"], name=[str(name) for name in names]
    )
    rank = rank.sort_values(["short", "expected", "booked"], ascending=False, kind="stable")
    first = rank.iloc[: len(in_view)]
    ledger.same("page, people, in view", sorted(in_view), sorted(first["name"]))


_EQUAL_ENDS = re.compile(r": (\S+) likely if won, (\S+) if lost")


def _check_enough(ledger: Ledger, page: reading.Read, answers: Answers) -> None:
    """A title says a share of five deals or more, and a difference that is one."""
    titles = {key: page.title(key) for key in page.keys if page.block(key).find("h2") is not None}
    due = {
        text.period_name(label, answers.world.freq, today=answers.world.day): table["count"].sum()
        for label, table in answers.slippages.items()
    }
    for name, deals in due.items():
        title = titles.get("slippage", "")
        if "%" in title and name in title:
            ledger.same(
                f"page, slippage, a share of {int(deals)} deals in {title!r}", deals < 5, False
            )
    if answers.flow is not None and "%" in titles.get("funnel", ""):
        left = answers.flow["entries"].sum() - answers.flow["still"].sum()
        ledger.same(
            f"page, funnel, a share of {int(left)} deals in {titles['funnel']!r}", left < 5, False
        )
    if answers.win_rate is not None and "%" in titles.get("win_rates", ""):
        closed = int(answers.win_rate[["won", "lost"]].to_numpy().sum())
        ledger.same(
            f"page, win_rates, a share of {closed} deals in {titles['win_rates']!r}",
            closed < 5,
            False,
        )
    for won, lost in _EQUAL_ENDS.findall(titles.get("decide", "")):
        ledger.same(f"page, decide, ends of {titles['decide']!r}", won == lost, False)


_AMOUNT = r"[^\d\s−-]{0,3}\s?([\d.,]*\d[KMB]?)"
_RANGED = re.compile(rf"forecast {_AMOUNT},? (?:range |\(){_AMOUNT}(?:(?: to |–){_AMOUNT})?")


def _check_range(ledger: Ledger, where: str, words: str) -> None:
    """A mean beside a range that excludes it has its word."""
    for found in _RANGED.finditer(words.replace("\u00a0", "")):
        expected, least, most = found.groups()
        mean, low, high = map(_read_money, (expected, least, most or least))
        if not low <= mean <= high:
            ledger.same(
                f"{where}, the range of {words!r} has its word", "most likely" in words, True
            )


def _read_money(words: str) -> float:
    """An amount as people read it."""
    factor = {"K": 1e3, "M": 1e6, "B": 1e9}.get(words[-1], 1.0)
    return factor * float(words.rstrip("KMB").replace(",", ""))


def _is_outside(row: Any, money: Callable[[float], str]) -> bool:
    """Whether the mean is outside its own range, as both are written."""
    low, high, mean = row["low"], row["high"], row["expected"]
    return bool(
        (mean > high and money(mean) != money(high)) or (mean < low and money(mean) != money(low))
    )


def _near_number(ledger: Ledger, where: str, cell: str, value: float) -> None:
    """Compare a cell in full digits, which may be rounded so that parts add up."""
    try:
        said = float(cell.replace(",", "").replace("−", "-"))
    except ValueError:
        ledger.same(where, cell, text.number(value))
        return
    ledger.near(where, said, float(value), within=1.0)


def _check_months(ledger: Ledger, page: reading.Read, answers: Answers) -> None:
    table, money = answers.forecast, answers.money
    names = {
        text.period(str(label), answers.world.freq).partition(" (")[0]: row
        for label, row in table.iterrows()
    }
    for cells in rows_of(page, "months"):
        name = next(iter(cells.values()))
        row = names.get(name)
        if row is None:
            ledger.same("page, months", name, f"one of {list(names)}")
            continue
        where, known = f"page, months, {name}", math.isfinite(row["low"])
        ledger.same(
            f"{where}, forecast",
            cells["Forecast"],
            money(row["expected"]) if known else text.MISSING,
        )
        heads = [head for head in cells if head.endswith("range")]
        words = text.money_range(row["low"], row["high"], money) if known else text.MISSING
        said = cells[heads[0]].partition("most likely")[0].strip()
        ledger.same(f"{where}, range", said, words)
        if known and _is_outside(row, money):
            ledger.same(
                f"{where}, a mean outside its range has its word",
                "most likely" in cells[heads[0]],
                True,
            )
        if "Chance" in cells:
            ledger.same(f"{where}, chance", cells["Chance"], text.percent(row["p_target"]))
        if cells.get("Coverage", "none due") != "none due":
            usual = answers.usual_coverage.get(str(row.name))
            said = text.times(row["pipeline_coverage"]) + (
                "" if usual is None else f"hit: {text.times(usual)}"
            )
            ledger.same(f"{where}, coverage", cells["Coverage"], said)
        if "Pipeline to add" in cells:
            needed = row["needed_pipeline"]
            said = text.MISSING if math.isnan(needed) else "none" if needed <= 0 else money(needed)
            ledger.same(f"{where}, pipeline to add", cells["Pipeline to add"], said)


def _check_risk(ledger: Ledger, page: reading.Read, answers: Answers) -> None:
    flags = answers.flags
    if flags is None:
        return
    rows = flags.reset_index().set_index("name")
    stated = (
        answers.deals.set_index("name")["probability"] if "probability" in answers.deals else None
    )
    for cells in rows_of(page, "risk"):
        name = cells["Deal"]
        if name not in rows.index or rows.index.duplicated().any():
            continue
        row: Any = rows.loc[name]
        where = f"page, risk, {name}"
        ledger.same(f"{where}, value", cells["Value"], text.number(row["value"]))
        ledger.same(
            f"{where}, close", cells["Close"].partition(",")[0], text.day(row["close_date"])
        )
        if stated is not None:
            _check_chances(ledger, where, name, cells, answers)
        why = cells["Why"].rstrip(".").lower()
        ledger.same(f"{where}, why", why, str(row["reasons"]).replace(" · ", ". ").lower())


def _check_chances(
    ledger: Ledger, where: str, name: str, cells: dict[str, str], answers: Answers
) -> None:
    """Compare the two chances of a deal, under their own words."""
    if "Chance" in cells and cells["Chance"] not in ("won", "lost") and answers.method != "stated":
        ledger.same(
            f"{where.rpartition(',')[0]}: the column of two chances",
            "Chance",
            "Stated or From history",
        )
    if "probability" in answers.deals and "Stated" in cells:
        known = answers.deals.set_index("name")["probability"]
        if (
            name in known.index
            and not known.index.duplicated().any()
            and cells["Stated"] not in ("won", "lost")
        ):
            stated = known[name]
            words = text.MISSING if pd.isna(stated) else text.percent(float(stated) / 100)
            ledger.same(f"{where}, stated", cells["Stated"], words)
            ledger.claim("deal", f"stated chance of {name}", cells["Stated"], where)
    for head in (head for head in cells if head.startswith("From history")):
        said, known = cells[head], answers.chances_under.get(head, answers.own_chances[:0])
        if said not in ("", text.MISSING, "won", "lost") and name in known.index:
            own = known[name]
            if not isinstance(own, pd.Series):
                ledger.same(f"{where}, {head.lower()}", said, text.percent(own))
                ledger.claim("deal", f"chance of {name}, {head}", said, where)


def _check_decide(ledger: Ledger, page: reading.Read, answers: Answers) -> None:
    table = answers.forecast_deals
    now = table[table["period"] == find_lead(answers.forecast)[1]].set_index("name")
    for cells in rows_of(page, "decide"):
        names = [name for name in now.index if cells["Deal"].startswith(str(name))]
        if len(names) != 1:
            continue
        row, where = now.loc[names[0]], f"page, decide, {names[0]}"
        if "Value × chance" in cells:
            ledger.same(
                f"{where}, weighted", cells["Value × chance"], answers.money(row["weighted"])
            )
        pool = answers.pool().money(row["value"]).rate(row["chance"]).day(row["close_date"])
        pool.day(row["won_low"], row["won_high"])
        pool.rate(*answers.own_chances[answers.own_chances.index == names[0]])
        stated = (
            answers.deals.set_index("name")["probability"].get(names[0])
            if "probability" in answers.deals
            else None
        )
        if stated is not None and not pd.isna(stated):
            pool.rate(float(stated) / 100)
        ledger.among(where, cells["Deal"], pool, answers.names)


def _check_slippage(ledger: Ledger, page: reading.Read, answers: Answers) -> None:
    rows = {row[0]: row[-1] for row in page.rows("slippage") if len(row) > 1}
    for period, table in answers.slippages.items():
        short = text.capital(
            text.period_name(period, answers.world.freq, today=answers.world.day, short=True)
        )
        name = f"{short} to date" if period == answers.world.period else short
        if name in rows and table["value"].sum() > 0:
            ledger.same(f"page, slippage, {name}", rows[name], answers.money(table["value"].sum()))


def _check_why(ledger: Ledger, page: reading.Read, answers: Answers) -> None:
    table = answers.change
    if table is None:
        return
    rows = page.rows("why")
    rows = [row for row in rows if len(row) > 1 and row[0]]
    if not rows:
        return
    money = answers.money
    ledger.same("page, why, then", rows[0][1], money(table["expected"]["then"]))
    ledger.same("page, why, now", rows[-1][1], money(table["expected"]["now"]))
    steps = {text.capital(step.name): step.expected for step in list_steps(table)}
    found = dict(rows[1:-1])
    ledger.same("page, why, steps", [*found], [*steps])
    for title in found.keys() & steps:
        ledger.same(f"page, why, {title}", found[title], money(steps[title], signed=True))


def _check_funnel(ledger: Ledger, page: reading.Read, answers: Answers) -> None:
    flow = answers.flow
    rows = [row for row in page.rows("funnel") if len(row) == 3]
    if flow is None or not rows:
        return
    known = {
        text.join_key(key) if isinstance(key, tuple) else text.title(key): row
        for key, row in flow.iterrows()
    }
    for name, share, days in rows[1:]:
        if name in known:
            row = known[name]
            ledger.same(f"page, funnel, {name}, moved on", share, text.percent(row["conversion"]))
            ledger.same(f"page, funnel, {name}, days", days, text.number(row["median_days"]))


def _check_rates(ledger: Ledger, page: reading.Read, answers: Answers) -> None:
    table, scores = answers.win_rates, answers.scores
    if table is None or scores is None:
        return
    for row in page.rows("win_rates")[1:]:
        if row[0] in table.index:
            won, lost = table.loc[row[0], ["won", "lost"]]
            ledger.same(f"page, win_rates, {row[0]}", row[1], f"{int(won)} of {int(won + lost)}")
    title = page.title("win_rates")
    for name in scores.index[~scores["differs"].to_numpy(dtype=bool)]:
        ledger.same(
            f"page, win_rates, {name} named beyond chance",
            f"{name}’s " in title and "beyond" in title,
            False,
        )


def _check_categories(ledger: Ledger, page: reading.Read, answers: Answers) -> None:
    table = answers.categories
    if table is None or answers.world.period not in table.index:
        return
    row = table.loc[answers.world.period]
    titles = {
        "Closed": "closed",
        "Commit": "commit",
        "Best case": "best_case",
        "Pipeline": "pipeline",
    }
    for cells in page.rows("categories"):
        if cells[0] in titles:
            ledger.same(
                f"page, categories, {cells[0]}", cells[1], answers.money(row[titles[cells[0]]])
            )


def _check_created(ledger: Ledger, page: reading.Read, answers: Answers) -> None:
    table = answers.created_by
    if table is None:
        return
    for cells in page.rows("created_by"):
        if cells[0] in table.index:
            value = float(table.loc[cells[0], "value"])
            ledger.same(f"page, created_by, {cells[0]}", cells[1], answers.money(value))


def _check_fix(ledger: Ledger, page: reading.Read, answers: Answers) -> None:
    summary = answers.audit
    if summary is None:
        return
    known = {write_label("check", check): row for check, row in summary.iterrows()}
    for cells in page.rows("fix"):
        if cells[0] in known:
            row = known[cells[0]]
            said = (
                answers.money(row["value"]) if row["value"] > 0 else text.count(int(row["deals"]))
            )
            ledger.same(f"page, fix, {cells[0]}", re.split(", | in ", cells[1])[0], said)


def _check_past(ledger: Ledger, page: reading.Read, answers: Answers) -> None:
    """A range that is missing neither held nor failed."""
    table = answers.track_record
    if table is None:
        return
    known = table["low"].notna()
    held, judged = int((table["held"].fillna(False) & known).sum()), int(known.sum())
    ledger.claim("page", "ranges that held", _n_of_m(page.title("past")), "block past")
    notes = [note for _, _, note in page.tiles.values() if "held in" in note]
    for note in notes:
        ledger.claim("page", "ranges that held", _n_of_m(note), "tile Forecast")
        ledger.same("page, tile Forecast, ranges that held", _n_of_m(note), f"{held} of {judged}")


def _n_of_m(words: str) -> str:
    found = re.search(r"held in (\w+) of (?:the last )?(\w+)", words)
    return f"{found[1]} of {found[2]}" if found else ""


_BLOCKS: dict[str, Callable[[Ledger, reading.Read, Answers], None]] = {
    "people": _check_people,
    "months": _check_months,
    "risk": _check_risk,
    "decide": _check_decide,
    "slippage": _check_slippage,
    "why": _check_why,
    "funnel": _check_funnel,
    "win_rates": _check_rates,
    "categories": _check_categories,
    "created_by": _check_created,
    "fix": _check_fix,
    "past": _check_past,
}


def _check_list(ledger: Ledger, key: str, listed: DealList, answers: Answers) -> None:
    """Compare the deals that a figure opens to with the frame, and their sum with the figure."""
    said = [
        f"{cell}"
        for row in listed.rows
        for cell in row.values()
        if cell.lower() in ("nan", "none", "nat", "<na>")
    ]
    ledger.same(f"page, {key}, “{listed.caption}”, cells", said, [])
    deals = answers.deals.drop_duplicates("name", keep=False).set_index("name")
    for row in listed.rows:
        name = row.get("Deal", "")
        if name not in deals.index:
            continue
        deal: Any = deals.loc[name]
        where = f"page, {key}, “{listed.caption}”, {name}"
        if "Value" in row and key not in ("created", "created_by", "slippage", "why"):
            # Rounded so that the list adds up.
            _near_number(ledger, f"{where}, value", row["Value"], float(deal["value"]))
        if "Close" in row and key not in ("slippage",):
            ledger.same(
                f"{where}, close", row["Close"].partition(",")[0], text.day(deal["close_date"])
            )
        _check_chances(ledger, where, name, row, answers)


def _read_amount(cell: str) -> float:
    try:
        return float(cell.replace(",", "").replace("−", "-").replace("+", ""))
    except ValueError:
        return 0.0


def _check_sum(
    ledger: Ledger, key: str, listed: DealList, answers: Answers, figures: dict[str, list[str]]
) -> None:
    """What a figure opens to adds up to the figure."""
    where = f"page, {key}, “{listed.caption}”"
    parts = [_read_amount(list(row.values())[-1]) for row in listed.rows]
    parts += [_read_amount(amount) for _, amount in listed.sums[:-1]]
    total = sum(parts)
    if listed.sums and listed.sums[-1][0] in ("Total", "Forecast"):
        total = _read_amount(listed.sums[-1][1])
        ledger.near(f"{where}, parts add up", sum(parts), total, within=0.5)
    name, _, rest = listed.caption.partition(": ")
    if rest == "closed, due and overdue" and listed.sums and len(figures.get(name, ())) == 1:
        ledger.near(
            f"{where}, adds up to the forecast", total, _read_amount(figures[name][0]), within=0.5
        )
    given = math.nan
    if key == "why" and answers.change is not None:
        steps = {text.capital(step.name): step.expected for step in list_steps(answers.change)}
        given = steps.get(listed.caption, math.nan)
    elif key == "categories" and answers.categories is not None:
        given = float(
            answers.categories.loc[answers.world.period].get(
                listed.caption.partition(" in ")[0].lower().replace(" ", "_"), math.nan
            )
        )
    elif key == "tiles":
        columns = {"Closed": "booked", "Open and due": "open_value"}
        given = float(answers.current[columns.get(listed.caption.partition(" in ")[0], "expected")])
    elif key == "created_by" and answers.created_by is not None:
        owner = re.match(r"Created by (.*) in ", listed.caption)
        given = float(answers.created_by["value"].get(owner[1], math.nan)) if owner else math.nan
    if math.isfinite(given):
        ledger.near(f"{where}, adds up to its figure", total, given, within=1.0)
    for row in listed.rows:
        deal = row.get("Deal", "")
        if (
            "Expected" in row
            and rest == "closed, due and overdue"
            and deal in answers.own_chances.index
        ):
            value = _read_amount(row["Value"]) * float(
                answers.own_chances[answers.own_chances.index == deal].iloc[0]
            )
            ledger.near(
                f"{where}, {deal}, value × chance", _read_amount(row["Expected"]), value, within=1.5
            )


# -- workbook, mail, Markdown


_SHEETS: dict[str, Callable[[Answers], pd.DataFrame | None]] = {
    "Periods": lambda answers: answers.forecast.reset_index(),
    "Categories": lambda answers: (
        None if answers.categories is None else answers.categories.reset_index()
    ),
    "Win rates": lambda answers: (
        None if answers.win_rates is None else answers.win_rates.reset_index()
    ),
    "Past ranges": lambda answers: (
        None if answers.track_record is None else answers.track_record.reset_index()
    ),
    "Stage flow": lambda answers: None if answers.flow is None else answers.flow.reset_index(),
    "Change": lambda answers: answers.change_deals,
}


def check_workbook(ledger: Ledger, shown: Shown, answers: Answers) -> None:
    """Compare each sheet with its function, cell by cell."""
    book = shown.workbook
    summary = {str(row[0].value): row for row in book["Summary"] if row[0].value is not None}
    row = answers.current
    figures = {
        "Closed won": "booked",
        "Forecast": "expected",
        "Target": "target",
        "To go": "gap",
        "Coverage": "pipeline_coverage",
    }
    for title, column in figures.items():
        if title in summary and isinstance(summary[title][1].value, (int, float)):
            ledger.near(
                f"workbook, Summary, {title}", float(summary[title][1].value), float(row[column])
            )
    _check_shown_chances(ledger, book, summary)
    ledger.claim(
        EVERYWHERE,
        FORECAST,
        answers.money(_number(summary["Forecast"][1].value)),
        "workbook, Summary",
    )
    for name, make in _SHEETS.items():
        given = make(answers)
        if name in book and given is not None:
            sheet = as_frame(book[name])
            if "period" in given:
                # Those without a period come last.
                words = given["period"].isin(["overdue", "unscheduled"])
                given = pd.concat([given[~words], given[words]], ignore_index=True)
            _check_sheet(ledger, f"workbook, {name}", sheet, given)
    people = answers.people
    if "People" in book and people is not None:
        leaves = people[
            [("(all)" not in (key if isinstance(key, tuple) else (key,))) for key in people.index]
        ]
        keys = list(leaves.index.names)
        sheet = as_frame(book["People"]).dropna(subset=keys)
        given = leaves.reset_index().set_index(keys).loc[sheet.set_index(keys).index]
        _check_sheet(ledger, "workbook, People", sheet, given.reset_index())
        ledger.same("workbook, People, everybody", len(sheet), len(leaves))
        _check_calls(
            ledger,
            {name: as_frame(rows) for name, rows in book.items() if name == "Calls"}
            | {"People": sheet},
            answers,
        )
    if "Deals" in book:
        sheet = as_frame(book["Deals"]).set_index("unique_id")
        frame = answers.deals.set_index("unique_id").reindex(sheet.index)
        for column in ("value", "probability"):
            if column in sheet and column in frame:
                for deal, (said, given) in zip(
                    sheet.index, zip(sheet[column], frame[column], strict=True), strict=True
                ):
                    ledger.near(f"workbook, Deals, {deal}, {column}", _number(said), _number(given))


def _check_calls(ledger: Ledger, book: dict[str, pd.DataFrame], answers: Answers) -> None:
    """The sheet of people has the calls in force, that of calls each one."""
    called, people = answers.world.called, book["People"]
    ledger.same("workbook, sheet Calls where somebody called", "Calls" in book, bool(called))
    if called:
        found = dict(zip(people["owner_name"], people["call"], strict=True))
        found |= {
            f"{row['owner_name']}, {row['overrider']}": row["override"]
            for _, row in people.iterrows()
            if not pd.isna(row["overrider"])
        }
        ledger.same("workbook, People, calls", found, {name: called[name] for name in found})
        ledger.same(
            "workbook, People, overrides",
            len(found),
            sum("," in name for name in called) + len(people),
        )
        log = book["Calls"]
        now = log[log["in_force"].isin([True]) & (log["period"] == answers.world.period)]
        ledger.same(
            "workbook, Calls, in force",
            sorted(now["commit"]),
            sorted(called[name] for name in found),
        )


def _check_shown_chances(
    ledger: Ledger, book: dict[str, list[list[Any]]], summary: dict[str, list[Any]]
) -> None:
    """A spreadsheet shows a chance as the page does."""
    cells = [("Summary", summary["Chance of target"][1])] if "Chance of target" in summary else []
    for name in {"People", "Periods"} & set(book):
        heads = [
            head.comment.text.strip().partition(":")[0] if head.comment is not None else head.value
            for head in book[name][0]
        ]
        if "p_target" in heads:
            cells += [(name, row[heads.index("p_target")]) for row in book[name][1:]]
    for name, cell in cells:
        if isinstance(cell.value, (int, float)):
            ledger.same(
                f"workbook, {name}, chance as shown", cell_text(cell), text.percent(cell.value)
            )


def _number(value: Any) -> float:
    return math.nan if value is None or pd.isna(value) else float(value)


def _check_sheet(ledger: Ledger, where: str, sheet: pd.DataFrame, given: pd.DataFrame) -> None:
    ledger.same(f"{where}, rows", len(sheet), len(given))
    if len(sheet) != len(given):
        return
    for name in given.columns:
        if (
            name in sheet
            and pd.api.types.is_numeric_dtype(given[name])
            and given[name].dtype.kind != "b"
        ):
            for place, (said, value) in enumerate(zip(sheet[name], given[name], strict=True)):
                value = _number(value)
                expected = math.nan if math.isinf(value) else value
                ledger.near(
                    f"{where}, row {place + 1}, {name}", _number(said), expected, within=0.006
                )


def check_digests(ledger: Ledger, shown: Shown, answers: Answers) -> None:
    """Compare mail and text for a chat with the page: the same figures, as sentences."""
    page, money = shown.page, answers.money
    plain, rich = shown.mail
    texts = {
        "mail as text": plain,
        "mail as HTML": rich,
        "Markdown": shown.markdown.replace("\\", ""),
    }
    for surface, words in texts.items():
        flat = " ".join(words.replace("*", "").split()).replace(" ,", ",")
        chat, letter = surface == "Markdown", surface == "mail as text"
        for part in (page.sentence, "" if chat and rows_of(page, "people") else page.second):
            ledger.same(f"{surface}: {part[:40]}…", part.replace("*", "") in flat, True)
        for name, (figure, change, note) in page.tiles.items():
            parts = [] if letter and figure == text.MISSING else [figure]
            parts += [change or note] if chat else [change, note]
            parts = (
                [one.replace("▲", "up").replace("▼", "down") for one in parts] if letter else parts
            )
            ledger.same(f"{surface}, tile {name}", [one for one in parts if one not in flat], [])
        for name, amount in answers.world.called.items() if not chat else ():
            who, _, by = name.partition(", ")
            said_call = (
                f"({money(amount, fine=True)} by {by})"
                if by
                else f"call {money(amount, fine=True)}"
            )
            after = flat[flat.index(who) :]
            ledger.same(f"{surface}, call of {name}", said_call in after, True)
        for cells in rows_of(page, "risk")[:5]:
            value = cells["Value"].replace(",", "").replace("−", "-")
            facts = [money(float(value))] if value != text.MISSING else []
            flags = [
                flag.partition("; ")[0]
                for flag in cells["Why"].removesuffix(".").casefold().split(". ")
            ]
            named = cells["Deal"] if surface == "mail as HTML" else text.isolate(cells["Deal"])
            said = " ".join(", ".join([named, *facts]).split())
            found = flat[flat.index(said) :].casefold() if said in flat else ""
            ledger.same(
                f"{surface}, risk, {said}", [flag for flag in flags if flag not in found], []
            )
    pool = _pool(answers, "tiles")
    for key in ("people", "risk"):
        pool.figures |= _pool(answers, key).figures
    for surface, words in texts.items():
        ledger.among(surface, words, pool, answers.names)
