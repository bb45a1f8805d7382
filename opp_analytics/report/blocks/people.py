"""People on the page: who is short, and who carries.

Teams, their people, and figures that add up as shown; what each person must win.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import analysis, svg, text
from opp_analytics.answers import (
    Context,
    Part,
    find_expected,
    forecasts,
    list_deals,
    list_expected,
    say_win_dates,
    tables,
)
from opp_analytics.errors import NotEnoughHistory
from opp_analytics.report.cells import (
    name_deal,
    open_chance,
    say_finding,
    show_change,
    show_stated,
    stress_largest,
)
from opp_analytics.report.model import (
    Block,
    Cell,
    Deals,
    Goal,
    Goals,
    Group,
    Line,
    PageColumn,
    Saying,
    Table,
    draw_column,
    say_only,
)
from opp_analytics.report.show_answer import show_deals
from opp_analytics.schema import ALL, BUCKETS

_FEW, _KEPT = 16, 8
"""Rows up to which all are in view, about a screen; beyond, 8 stay: those furthest below target,
then the largest."""
_Places = dict[tuple[Any, ...], NDArray[np.intp]]
"""Places of the deals of each team, and of each person in one."""
_MONEY = ["target", "booked", "expected", "gap", "change"]


def people(context: Context) -> Block:
    """Show target, closed, forecast, what is to go, chance and change of each team and person.

    A name opens its deals.
    """
    if forecasts.persons(context).empty:
        words = (
            "No column says whose a deal is. Name one with by=."
            if not context.by
            else f"Nobody has a deal in {context.name}."
        )
        return say_only("people", "People", words)
    rows = _Rows(context, forecasts.compared_people(context))
    aim = f", upright line target{'' if rows.aimed else ' of all'}"
    line = aim if math.isfinite(forecasts.current(context)["target"]) else ""
    drawn = f"Gray bar closed, dot forecast, blue band range{line}. A name opens its deals"
    said = (
        _say_calls(context, rows.table.iloc[rows.whole]),
        _say_habits(context),
        _say_strangers(context),
    )
    sub, note = (
        ". ".join(filter(None, words)) for words in ([rows.unit.words, drawn, *said], said)
    )
    table = Table(_name_columns(context, rows.aimed), tuple(rows.group()), "people")
    return Block(
        "people",
        say_finding(rows.table),
        sub,
        (table,),
        says=tuple(rows.say()),
        note=note and f"{note}.",
    )


def _say_calls(context: Context, whole: pd.Series[Any]) -> str:
    """Say how far the call of all is from the forecast.

    Empty without either, and of one person, whose call stands above.
    """
    away, money = whole["call"] - whole["expected"], context.money
    if len(forecasts.persons(context)) == 1 or not math.isfinite(away):
        return ""
    said = "Calls sum to" if pd.isna(whole["caller"]) else f"{whole['caller']} calls"
    how = f"{money(abs(away))} {'above' if away > 0 else 'below'} the forecast"
    return (
        f"{said} {money(whole['call'])}, {how if money(abs(away)) != money(0) else 'the forecast'}"
    )


def _say_habits(context: Context) -> str:
    """Say whose past calls, among those in the table, leaned beyond chance, and which way.

    Those that leaned most.
    """
    shown = [
        *forecasts.calls(context)["caller"].dropna(),
        *forecasts.calls(context)["overrider"].dropna(),
    ]
    try:
        past = tables.call_accuracy(context) if shown else pd.DataFrame({"bias": []})
    except NotEnoughHistory:
        return ""
    return analysis.name_leans(past[past.index.isin(shown)])


def _say_strangers(context: Context) -> str:
    """Name people with a target and not one deal: new ones, or names spelled in two ways."""
    people = forecasts.persons(context)
    if not context.person:
        return ""
    aimed = people.index[people["target"].notna()]
    names = [str(name) for name in aimed if name not in set(context.deals[context.person])]
    if not names:
        return ""
    have = (
        "has a target and owns no deal" if len(names) == 1 else "have a target each and own no deal"
    )
    return f"{text.joined(names, most=3)} {have}; is the name spelled as in the CRM?"


def _name_columns(context: Context, aimed: bool) -> tuple[PageColumn, ...]:
    head = text.capital(", ".join([*map(text.label, context.by[:-1]), context.who]))
    target, further = (["Target"], ["To go", "Chance"]) if aimed else ([], ["Due"])
    columns = [
        PageColumn(head, right=False),
        *map(PageColumn, [*target, "Closed", "Forecast"]),
        *([PageColumn("Call", kind="call")] if len(forecasts.calls(context)) else []),
        draw_column(picture=svg.progress_axis() if aimed else ""),
        *map(PageColumn, further),
    ]
    if not forecasts.no_changes(context):
        columns.append(
            PageColumn(f"Since {context.write_day(forecasts.earlier(context).day)}", kind="since")
        )
    return tuple(columns)


@dataclass(frozen=True)
class _Rows:
    """The rows of the table by their places in `table`; totals are labeled "(all)"."""

    context: Context
    table: pd.DataFrame

    @cached_property
    def keys(self) -> list[tuple[Any, ...]]:
        """Labels of each row, the widest group first."""
        return list(map(text.split_key, self.table.index))

    @cached_property
    def whole(self) -> int:
        """Place of the total."""
        return self.keys.index((ALL,) * len(self.keys[0]))

    @cached_property
    def aimed(self) -> bool:
        """True when somebody has a target."""
        return bool(self.table["target"].iloc[self._members()].notna().any())

    @cached_property
    def unit(self) -> Scale:
        """Unit of the money."""
        shown = self.table[[*_MONEY, "call"]].to_numpy(dtype=float).ravel()
        return choose_scale(shown, self.context.org.currency)

    @cached_property
    def money(self) -> pd.DataFrame:
        """Money as shown: people add up to their team, and teams to the total.

        Full digits are rounded so that they do.
        """
        exact = self.table[_MONEY].astype("float64")
        return exact.apply(self._round_to_totals) if self.unit.divisor == 1 else exact

    def _round_to_totals(self, column: pd.Series[Any]) -> pd.Series[Any]:
        keys, depth, exact = self.keys, len(self.keys[0]), column.to_numpy(dtype=float)
        rounded = np.full(len(keys), np.nan)
        rounded[self.whole] = text.round_parts([exact[self.whole]])[0]
        # A row's parts have one more label: the widest groups first.
        for level in range(depth):
            parents = [
                key for key in keys if key[:level].count(ALL) == 0 and set(key[level:]) == {ALL}
            ]
            for parent in parents:
                parts = [
                    place
                    for place, key in enumerate(keys)
                    if key[:level] == parent[:level]
                    and key[level] != ALL
                    and set(key[level + 1 :]) <= {ALL}
                ]
                total = rounded[keys.index(parent)]
                known = None if math.isnan(total) else float(total)
                rounded[parts] = text.round_parts(exact[parts].tolist(), known)
        return pd.Series(rounded, column.index)

    def _members(self, team: tuple[Any, ...] = ()) -> list[int]:
        return [
            place
            for place, key in enumerate(self.keys)
            if ALL not in key and (not team or key[:-1] == team)
        ]

    def _sort(self, places: list[int]) -> list[int]:
        return list(
            analysis.evidence.rank_groups(
                self.table.iloc[places].set_axis(places), aimed=self.aimed
            ).index
        )

    def group(self) -> Iterator[Group]:
        """Group each team with its people, then the total.

        The rest of many people folds below a line that opens.
        """
        everybody = self._members()
        kept = self._choose_kept() if len(self.table) > _FEW else set(everybody)
        if len(self.context.by) == 1:
            members = self._sort(everybody)
            yield Group(tuple(self.line(place, "") for place in members if place in kept))
            rest = [self.line(place, "member") for place in members if place not in kept]
            if rest:
                fold = Line(
                    _name_row(rest[0], text.count(len(rest), f"more {self.context.who}")),
                    "group",
                )
                yield Group((fold, *rest), folded=True)
        else:
            teams = [
                place
                for place, key in enumerate(self.keys)
                if key[-1] == ALL and ALL not in key[:-1]
            ]
            for team in self._sort(teams):
                members = self._sort(self._members(self.keys[team][:-1]))
                lines = [self.line(place, "member", place in kept) for place in members]
                rest = [line for line in lines if not line.kept]
                first = self.line(team, "group")
                if rest:
                    name, *figures = first.cells
                    deals = _name_row(first, f"Deals of {name.text}")
                    lines.append(replace(first, cells=deals, level="member"))
                    whom = (
                        self.context.who
                        if len(rest) == len(members)
                        else f"more {self.context.who}"
                    )
                    cells = (replace(name, small=text.count(len(rest), whom)), *figures)
                    first = replace(first, cells=cells, opens=None)
                yield Group((first, *lines), folded=bool(rest))
        yield Group((self.line(self.whole, "total"),))

    def _choose_kept(self) -> set[int]:
        """Choose who stays in view: furthest below target, then the largest forecasts."""
        rows = self.table.set_axis(range(len(self.table))).iloc[self._members()]
        rows = rows.assign(short=rows["target"] - rows["expected"])
        ranked = rows.sort_values(["short", "expected", "booked"], ascending=False, kind="stable")
        return set(ranked.index[:_KEPT])

    @cached_property
    def _top(self) -> float | None:
        """End of the axis without targets."""
        rows = self.table[["high", "expected"]].drop(index=self.table.index[self.whole])
        return None if self.aimed else 1.05 * max(float(rows.max().max()), 1.0)

    @cached_property
    def _changes(self) -> list[Cell | None]:
        """The change of each row, the largest of a person in blue."""
        shown, members = (
            [self._show_change(float(one)) for one in self.money["change"]],
            self._members(),
        )
        stressed = stress_largest(
            [cell if place in members else None for place, cell in enumerate(shown)]
        )
        return [blue or cell for blue, cell in zip(stressed, shown, strict=True)]

    def line(self, place: int, level: Any, kept: bool = False) -> Line:
        """Write one row."""
        row, money, key = self.table.iloc[place], self.money.iloc[place], self.keys[place]
        name = self._name(place)
        top, gap = None if place == self.whole else self._top, float(money["gap"])
        cells = [
            Cell(name, name=True, part=self._find_part(key)),
            *(
                self._show(float(money[part]))
                for part in (*(["target"] if self.aimed else []), "booked", "expected")
            ),
            *([self._show_call(key[-1], row)] if len(forecasts.calls(self.context)) else []),
            Cell("", picture=svg.progress(row, self.context.money, top=top)),
        ]
        if self.aimed:
            past = (
                replace(self._show(-gap, signed=True), tone="quiet")
                if gap <= 0
                else self._show(gap)
            )
            cells += [past, self._show_chance(row)]
        else:
            cells.append(self._show(row["open_value"]))
        if not forecasts.no_changes(self.context):
            cells.append(self._changes[place] or Cell(text.MISSING, tone="quiet"))
        opens = self._list(key, name, row, float(money["expected"]))
        return Line(tuple(cells), level, opens, kept, tables.find_teams(self.context, key[0]))

    def say(self) -> Iterator[Saying]:
        """Say each team, then each person, who has most to go first."""
        money = partial(self.context.money, fine=True)
        rows = self.table.set_axis(range(len(self.table))).drop(self.whole)
        rows = rows.assign(groups=[self.keys[place].count(ALL) for place in rows.index])
        order = ["groups", "gap", "expected"]
        for place in rows.sort_values(order, ascending=False, kind="stable").index:
            row, shown = rows.loc[place], self.money.iloc[place]
            aimed = math.isfinite(row["target"])
            of = f" of {money(shown['target'])}" if aimed else ""
            parts = [f"{money(shown['booked'])}{of} closed"]
            parts += (
                [f"forecast {money(shown['expected'])}"] if math.isfinite(row["expected"]) else []
            )
            chance = self._show_chance(row).text if aimed else text.MISSING
            said = {"met": "target met", text.MISSING: ""}.get(chance, chance)
            parts += [f"{said} likely" if said.endswith("%") else said] if said else []
            yield Saying(self._name(place), f": {', '.join(parts)}", bool(row["groups"]))

    def _name(self, place: int) -> str:
        """Name a row; a group's label is that of its parts."""
        key = self.keys[place]
        return (
            (" · ".join(str(part) for part in key if part != ALL) or "All")
            if ALL in key
            else str(key[-1])
        )

    def _find_part(self, key: tuple[Any, ...]) -> Part | None:
        """Find the team or person of the last label that is not of all."""
        named = [
            (column, label)
            for column, label in zip(self.context.by, key, strict=True)
            if label != ALL
        ]
        return Part(*named[-1]) if named else None

    def _show(self, value: float, *, signed: bool = False) -> Cell:
        if not math.isfinite(value):
            return Cell(text.MISSING, tone="quiet")
        said = text.money(value, self.context.org.currency, fine=True, signed=signed)
        return Cell(self.unit.show(value, signed=signed), said=said)

    def _show_change(self, value: float) -> Cell | None:
        cell = show_change(value, 0.0, self.unit.show)
        return (
            replace(cell, said=self.context.money(abs(value), fine=True))
            if cell and cell.sign
            else cell
        )

    def _show_call(self, name: Any, row: pd.Series[Any]) -> Cell:
        """Show the call in force, with remarks below it.

        Remarks: what somebody else says, or who called the number, and what is below closed money.
        """
        low, other = (round(row[call] - row["booked"], 2) < 0 for call in ("call", "override"))
        by = "" if pd.isna(row["caller"]) or row["caller"] == name else row["caller"]
        remarks = [f"below closed{',' if by else ''}"] if low else []
        if math.isfinite(row["override"]):
            said = self.context.money(row["override"], fine=True)
            remarks, by = [*remarks, f"{said}, below closed," if other else said], row["overrider"]
        return replace(self._show(row["call"]), small=" · ".join(remarks), by=by)

    def _show_chance(self, row: pd.Series[Any]) -> Cell:
        """Show the chance of the target, or why there is none."""
        if row["gap"] <= 0:
            return Cell("met", tone="quiet")
        if not row["open_count"] and not row["expected"] > row["booked"]:
            return Cell("none due", tone="quiet")
        known = math.isfinite(row["p_target"]) and not forecasts.stated(self.context)
        return Cell(text.percent(row["p_target"])) if known else Cell(text.MISSING, tone="quiet")

    @cached_property
    def _due(self) -> tuple[pd.DataFrame, _Places]:
        """The deals closed or due in this period, and the overdue ones."""
        deals = self.context.deals
        return self._part(deals[deals["period"].isin([self.context.label, BUCKETS[0]])])

    @cached_property
    def _expected(self) -> tuple[pd.DataFrame, _Places]:
        """The deals of this period's forecast."""
        return self._part(find_expected(self.context, self.context.label))

    def _part(self, deals: pd.DataFrame) -> tuple[pd.DataFrame, _Places]:
        """Find the deals of each team and person."""
        by, parts = self.context.by, _Places()
        for depth in range(1, len(by) + 1):
            found = deals.groupby(list(by[:depth]) if depth > 1 else by[0], observed=True).indices
            parts |= {text.split_key(label): rows for label, rows in found.items()}
        return deals, parts

    def _list(
        self, key: tuple[Any, ...], name: str, row: pd.Series[Any], expected: float
    ) -> Deals | None:
        """List the deals of a row, closed, due and overdue, with what else the forecast expects."""
        context, known = self.context, math.isfinite(expected)
        rows, parts = self._expected if known else self._due
        named = tuple(label for label in key if label != ALL)
        rows = rows.iloc[parts.get(named, [])] if named else rows
        # Somebody who changed teams has a row in each.
        twice = sum(other[-1] == key[-1] != ALL for other in self.keys) > 1
        whose = f"{name} ({text.join_key(key[:-1])})" if twice else name
        period = context.label
        if not known:
            title = f"{whose}: closed, due and overdue"
            return show_deals(list_deals(context, title, rows, period=period))
        title = f"{whose}: forecast for {context.name}"
        return show_deals(list_expected(context, title, rows, row, period), expected)


def _name_row(line: Line, name: str) -> tuple[Cell, ...]:
    """Write the cells of a row that has a name alone, as many as a line has."""
    return (Cell(name), *[Cell("", tone="quiet")] * (len(line.cells) - 1))


@dataclass(frozen=True)
class Scale:
    """The unit of one table's money: every cell is divided by it."""

    divisor: float
    words: str
    """The unit for the line under the title, empty when there is nothing to say."""

    def show(self, value: float, *, signed: bool = False) -> str:
        """Show a cell in full digits, or with one decimal of millions."""
        return text.number(value / self.divisor, int(self.divisor == 1e6), signed=signed)


def choose_scale(values: Iterable[float], currency: str | None = None) -> Scale:
    """Choose the unit of a table's money: full digits, else thousands or millions.

    Full digits are kept unless they would be too long.
    """
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    name = text.currency_name(currency)
    if largest < 9_999_999.5:
        return Scale(1.0, text.capital(name))
    divisor, unit = (1e6, "Millions") if largest >= 1e9 else (1e3, "Thousands")
    return Scale(divisor, f"{unit}{f' of {name}' if name else ''}, rounded, may not add")


_MOST, _MOST_NAMED = 12, 8
"""People with a card of their own, four rows of three; and people that a card of several names."""
_ACTIONS = {
    "due": "due {}",
    "overdue": "was due {}: re-date or close",
    "pull_in": "due {}: pull into {month}",
}


def to_win(context: Context) -> Block:
    """Show a card for each person short of the target, the largest gap first.

    Then who is at target, with what is due.
    """
    people, nav = forecasts.leading_persons(context), "To win"
    month = forecasts.lead_name(context)
    if people["target"].isna().all():
        words = "This needs a target for each person: see [targets] in the org file."
        if forecasts.persons(context)["target"].notna().any():
            words = f"Nobody has a target for {month}."
        return say_only("to_win", "What each person must win", words, nav)
    short = forecasts.to_win(context)
    stuck = short["deals"] == 0
    stuck &= stuck.sum() > 1  # One alone has a card with a name.
    shown = short[~stuck]
    goals = [_show_person(context, name, row) for name, row in shown.head(_MOST).iterrows()]
    if stuck.any():
        goals.append(_show_stuck(context, short[stuck]))
    met = people[people["gap"] <= 0]
    if len(met):
        goals.append(_show_met(context, met))
    rest = len(shown) - _MOST
    more = (
        f"; {text.count(rest, f'more {context.who}')} in the workbook, sheet “To win”"
        if rest > 0
        else ""
    )
    chance = "the chance of the target"
    if forecasts.stated(context):
        chance = "the chance that enough of them close, at the stated chances"
    elif "p_target" not in short or short["p_target"].isna().all():
        chance = "what closed of the target"
    sub = (
        f"Each one’s own deals that could still close in {month}: due, overdue, or due within five "
        f"weeks at 50% or more. Beside the name, {chance}{more}"
    )
    history = forecasts.name_history(context, str(forecasts.lead(context)))
    made = Block("to_win", _say_gaps(context, short), sub, (Goals(tuple(goals), history),), nav)
    if len(people) > 1 or short.empty:
        return made
    mine = forecasts.deals_to_win(context).head(int(short["deals"].iloc[0])).to_dict("records")
    says = tuple(_say_deal(context, deal) for deal in mine)
    return replace(made, says=says, note=f"{text.capital(short['advice'].iloc[0])}.")


def _say_deal(context: Context, deal: dict[Any, Any]) -> Saying:
    """Say a deal to win: its value, both chances, and what to do with it."""
    name, _, *chances, todo, _ = _show_deal(context, deal)
    known = [
        f"{how} {chance}"
        for how, chance in zip(("stated", "from history"), chances, strict=True)
        if chance not in ("", text.MISSING)
    ]
    return Saying(name.text, f", {', '.join([context.money(deal['value']), *known])}. {todo}")


def _say_gaps(context: Context, short: pd.DataFrame) -> str:
    if len(forecasts.leading_persons(context)) == 1 and len(short):
        month = forecasts.lead_name(context)
        return f"What to win in {month}: {context.money(short['gap'].sum())} to go"
    if short.empty:
        due = forecasts.leading_persons(context)["open_count"].sum() > 0
        return f"Everyone is at target: {'upside still due' if due else 'no more deals due'}"
    who = text.spelled(len(short), context.who)
    verb = "has" if len(short) == 1 else "have"
    return f"What each person must win: {who} {verb} {context.money(short['gap'].sum())} to go"


def _show_person(context: Context, name: Any, row: pd.Series[Any]) -> Goal:
    fine = {"fine": True}
    deals = forecasts.deals_to_win(context)
    mine = deals[deals[context.person] == name].head(int(row["deals"]))
    state = f"{context.money(row['booked'], **fine)} of {context.money(row['target'], **fine)}"
    chance = float(row["p_enough"] if forecasts.stated(context) else row["p_target"])
    if math.isfinite(chance) and chance > 0:
        state += (
            f" · {text.percent(chance)} {'as stated' if forecasts.stated(context) else 'likely'}"
        )
    advice = f"You have {context.money(row['gap'], **fine)} to go; {row['advice']}."
    deals_shown = tuple(_show_deal(context, deal) for deal in mine.to_dict("records"))
    call = _compare_call(context, name)
    return Goal(str(name), state, advice, deals_shown, call, tables.find_teams(context, name))


def _compare_call(context: Context, name: Any) -> str:
    """Compare a person's call with the range of the forecast.

    Empty where either is missing, or of two teams.
    """
    rows = forecasts.people(context).join(forecasts.calls(context))
    rows = rows[rows.index.get_level_values(-1) == name]
    low, expected, high, call = map(float, rows[["low", "expected", "high", "call"]].iloc[0])
    if len(rows) > 1 or forecasts.stated(context) or math.isnan(low) or math.isnan(call):
        return ""
    money = partial(context.money, fine=True)
    said, ends = f"{rows['caller'].iloc[0]} calls {money(call)}", text.money_range(low, high, money)
    if low <= call <= high:
        return f"{said}, within the range of history and deals ({ends})."
    return f"{said}; history and deals say {money(expected)} (range {ends})."


def _show_deal(context: Context, deal: dict[Any, Any]) -> tuple[Cell, str, str, str, str, str]:
    flags = str(tables.flags(context)["reasons"].get(deal["unique_id"], "")).split(" · ")
    # The first flag that the date does not say already.
    flag = [reason for reason in flags if reason and "overdue" not in reason][:1]
    words = ". ".join(
        [f"{text.stage(deal['stage'])}, {say_action(context, deal)}", *map(text.capital, flag)]
    )
    history = (
        forecasts.show_history(context, deal["unique_id"], str(forecasts.lead(context)))
        if len(forecasts.chances(context))
        else ""
    )
    stated = show_stated(deal.get("probability"))
    opens = open_chance(
        context,
        deal,
        say_win_dates(context, deal["unique_id"]),
        of=forecasts.explained_to_win(context),
    )
    why = opens.note if opens else ""
    return name_deal(context, deal), text.number(deal["value"]), stated, history, words, why


def say_action(context: Context, deal: dict[Any, Any]) -> str:
    """Say what to do with a deal of `forecasts.deals_to_win`, by its close date."""
    return _ACTIONS[deal["action"]].format(
        context.write_day(deal["close_date"]), month=forecasts.lead_name(context)
    )


def _show_stuck(context: Context, short: pd.DataFrame) -> Goal:
    """Show who has no deal to win on one card where there are many."""
    lines = _list_people(context, short, "gap")
    more = _count_more(len(short), len(lines), "without one")
    advice = f"No open deal of theirs could close in time{more}."
    state, teams = (
        f"{context.money(short['gap'].sum())} to go",
        tables.find_teams(context, *short.index),
    )
    return Goal("No deal to close", state, advice, lines, teams=teams)


def _show_met(context: Context, met: pd.DataFrame) -> Goal:
    """Show who is at target, with the upside still due."""
    met = met.sort_values("open_value", ascending=False, kind="stable")
    due = met[met["open_count"] > 0]
    lines = _list_people(context, due, "open_value") if len(due) else _list_people(context, met)
    month = forecasts.lead_name(context)
    words = f"{'Upside still' if len(due) else 'No more deals'} due in {month}"
    advice = f"{words}{_count_more(len(met), len(lines), 'at target')}."
    return Goal("At target", "", advice, lines, teams=tables.find_teams(context, *met.index))


def _list_people(
    context: Context, people: pd.DataFrame, amount: str = ""
) -> tuple[tuple[Any, ...], ...]:
    """List people as a card lists deals, with a column of money."""
    money, lines = context.money, []
    for name, row in people.head(_MOST_NAMED).iterrows():
        due = f", {text.count(int(row['open_count']))} due" if amount == "open_value" else ""
        words = f"{money(row['booked'])} of {money(row['target'])} closed{due}"
        shown = text.number(row[amount]) if amount else ""
        lines.append((Cell(str(name), name=True), shown, "", "", words, ""))
    return tuple(lines)


def _count_more(people: int, named: int, state: str) -> str:
    """Count the people that a card does not name."""
    more = people - named
    return f"; {more:,} more {'is' if more == 1 else 'are'} {state}" if more > 0 else ""
