"""The check of an org file: every mistake at once.

Each mistake has its place, its value and what would be right.
"""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, Generic, TypeVar, get_args
from zoneinfo import ZoneInfo

import tomlkit
from babel.numbers import is_currency
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
)
from pydantic_core import ErrorDetails
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Item

from opp_analytics.columns import ALERT_FIGURES, ALERT_WORDS
from opp_analytics.errors import ArgumentValueError, OrgProblem
from opp_analytics.inputs import TwoReadings, did_you_mean, find_habits, read_amount, read_date
from opp_analytics.org.conditions import Condition, check_template, read_condition
from opp_analytics.org.links import PLACE, explain_refusal
from opp_analytics.org.people import TABLES
from opp_analytics.org.presets import PRESETS
from opp_analytics.org.stages import CATEGORIES, KINDS, NOT_RECORDED, Category, Kind
from opp_analytics.periods import MONTHS, period_days, read_period
from opp_analytics.schema import BadCell, Json
from opp_analytics.text import joined

# Shapes

_Text = Annotated[str, StringConstraints(min_length=1, pattern=r"\S")]
_Columns = dict[_Text, _Text | Annotated[list[_Text], Field(min_length=1)]]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


def _check_criterion(typed: str) -> str:
    read_condition(typed, None)
    return typed


def _check_name(name: str) -> str:
    if name == NOT_RECORDED:
        raise ValueError("the stage of imported deals whose stage is not known; rename yours")
    return name


def _check_preset(preset: str) -> str:
    if preset not in PRESETS:
        raise ValueError(f"unknown preset; {_near(preset, PRESETS)}{_RIGHT['preset']}")
    return preset


def _check_code(code: str) -> str:
    if not is_currency(code):
        raise ValueError(f"not a currency; {_RIGHT['currency']}")
    return code


def _check_zone(zone: str) -> str:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"not a time zone; {_RIGHT['timezone']}") from None
    return zone


def _check_url(url: str) -> str:
    if refused := explain_refusal(url) or (PLACE not in url and _RIGHT["record_url"]):
        raise ValueError(refused)
    return url


_Name = Annotated[_Text, AfterValidator(_check_name)]
_Code = Annotated[_Text, AfterValidator(_check_code)]


class _Stage(_Strict):
    name: _Name
    kind: Kind
    probability: Annotated[int, Field(ge=0, le=100)] | None = None
    category: Category | None = None
    aliases: list[_Name] = []
    pipeline: _Text | None = None
    criteria: list[Annotated[_Text, AfterValidator(_check_criterion)]] = []


def _refuse_doubt(typed: Any) -> Any:
    """Refuse a day with two readings; people write days as text too."""
    try:
        read_date(str(typed))
    except TwoReadings as doubt:
        raise ValueError(str(doubt)) from None
    except BadCell:  # it is refused as no date
        pass
    return typed


_ADDRESS = re.compile(
    r"(?!.{255})[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[a-z\d-]+(\.[a-z\d-]+)*", re.ASCII | re.IGNORECASE
)
"""A mail address that every server takes: without a name, quotes or letters beyond ASCII."""


def _check_address(typed: str) -> str:
    if not _ADDRESS.fullmatch(typed):
        raise ValueError('not a mail address; use one such as "ada@example.com"')
    return typed


def _check_sender(typed: str) -> str:
    """Check an address that may have a name before it."""
    # A comma or another sign of the format in the name would end the address there.
    named = re.fullmatch(r'[^<>@"\\\x00-\x1f,;:()\[\]]+<([^<>]+)>', typed)
    _check_address(named[1] if named else typed)
    return typed


_Address = Annotated[str, AfterValidator(_check_address)]
_Sender = Annotated[str, AfterValidator(_check_sender)]


_Day = Annotated[date, BeforeValidator(_refuse_doubt), Field(strict=False)]


class _Person(_Strict):
    owner_name: _Text
    team: _Text | None = None
    region: _Text | None = None
    from_date: _Day | None = None
    email: _Address | None = None


def _read_amount(typed: Any, raw: ValidationInfo) -> Any:
    """Read an amount typed as text.

    It is read as the country of the org's currency and time zone writes it.
    """
    if not isinstance(typed, str):
        return typed
    given = [(raw.context or {}).get(name) for name in ("currency", "timezone")]
    currency, zone = (one if isinstance(one, str) else None for one in given)
    return read_amount(typed, currency, decimal_comma=find_habits(zone, currency)[1])


_Period = Annotated[
    str, BeforeValidator(lambda typed: read_period(typed) if isinstance(typed, str) else typed)
]
_Money = Annotated[float, BeforeValidator(_read_amount), Field(ge=0, allow_inf_nan=False)]


class _Target(_Strict):
    period: Annotated[_Period, StringConstraints(pattern=r"^\d{4}(Q[1-4]|-(0[1-9]|1[0-2]))?$")]
    owner_name: _Text | None = None
    team: _Text | None = None
    target: _Money


@lru_cache(maxsize=4096)
def _find_end(period: str, first_month: Any) -> date:
    fiscal = first_month if first_month in range(1, 13) else 1
    try:
        return period_days(period, year_end=MONTHS[fiscal - 2])[1].date()
    except ArgumentValueError:
        raise ValueError(_RIGHT["calls.rows.period"]) from None


def _check_period(period: str, raw: ValidationInfo) -> str:
    _find_end(period, (raw.context or {}).get("fiscal_year_start"))
    return period


def _check_made_on(made_on: date, raw: ValidationInfo) -> date:
    # It may be tomorrow already where the caller is.
    if made_on > (datetime.now(UTC) + timedelta(hours=14)).date():
        raise ValueError("in the future; write the day on which the call was made")
    period = raw.data.get("period")
    if period and made_on > (
        end := _find_end(period, (raw.context or {}).get("fiscal_year_start"))
    ):
        raise ValueError(
            f"{period} was over by then: it ended on {end}; correct the day or the period"
        )
    return made_on


def _check_best(best_case: float | None, raw: ValidationInfo) -> float | None:
    commit = raw.data.get("commit", best_case)
    if best_case is None:
        return None
    if commit is None:
        raise ValueError("without a commit; a call that withdraws has none")
    if best_case < commit:
        raise ValueError(f"below the commit, {commit:,.15g}; correct one of them")
    return best_case


class _Call(_Strict):
    # A field is checked with those above it.
    period: Annotated[_Period, AfterValidator(_check_period)]
    made_on: Annotated[_Day, AfterValidator(_check_made_on)]
    caller: _Text
    owner_name: _Text | None = None
    team: _Text | None = None
    commit: _Money | None = None
    best_case: Annotated[_Money | None, AfterValidator(_check_best)] = None
    reason: _Text | None = None


class _Rate(_Strict):
    date: _Day
    currency: _Code
    rate: Annotated[float, Field(gt=0, allow_inf_nan=False)]


_Row = TypeVar("_Row", bound=_Strict)


class _Table(_Strict, Generic[_Row]):
    file: _Text | None = None
    rows: list[_Row] = []


class _Join(_Strict):
    file: _Text
    key: _Text | Annotated[_Columns, Field(min_length=1, max_length=1)] | None = None
    date: _Text | None = None
    columns: list[_Text] | _Columns | None = None


class _Api(_Strict):
    columns: dict[_Text, _Text] = {}


class _Report(_Strict):
    by: _Text | list[_Text] | None = None
    freq: _Text | None = None
    alert_when: _Text | list[_Text] | None = None
    alert_deals_when: _Text | list[_Text] | None = None
    milestones: list[Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)]] = []
    alert_text: dict[_Text, _Text] = {}
    title: _Text | None = None
    blocks: list[_Text] | None = None


class _Deliver(_Strict):
    mail_from: _Sender | None = None
    mail_to: list[_Address] = []
    teams: dict[_Text, list[_Address]] = {}


class OrgShape(_Strict):
    """An org file, after its preset."""

    preset: Annotated[_Text, AfterValidator(_check_preset)] | None = None
    currency: _Code | None = None
    timezone: Annotated[_Text, AfterValidator(_check_zone)] | None = None
    fiscal_year_start: Annotated[int, Field(ge=1, le=12)] | None = None
    record_url: Annotated[_Text, AfterValidator(_check_url)] | None = None
    ignore: list[_Text] = []
    stages: Annotated[list[_Stage], Field(min_length=1)] | None = None
    columns: _Columns = {}
    api: _Api = _Api()
    people: _Table[_Person] = _Table()
    targets: _Table[_Target] = _Table()
    calls: _Table[_Call] = _Table()
    currency_rates: _Table[_Rate] = _Table()
    join: dict[_Text, _Join] = {}
    report: _Report = _Report()
    deliver: _Deliver = _Deliver()


def _list_shapes(kind: Any, path: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    """List the shapes within a type, each with the path of its key."""
    for inner in get_args(kind):
        yield from _list_shapes(inner, path)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield path, kind
        for name, field in kind.model_fields.items():
            yield from _list_shapes(field.annotation, f"{path}.{name}".strip("."))


_SHAPES = dict(_list_shapes(OrgShape))
"""The shape at each key that holds further keys. A path has no numbers of lists, and no names of
joined tables."""


# The check

KeyPath = tuple[int | str, ...]
"""Keys, and the numbers of entries of lists, that lead to a setting."""
_RIGHT = {
    "preset": f"use text: {joined(PRESETS, last='or')}",
    "currency": 'use an ISO code in quotes, such as "USD" or "EUR"',
    "timezone": 'use the name of a time zone in quotes, such as "America/Chicago"',
    "fiscal_year_start": "use the number of a month, 1 to 12",
    "record_url": (
        "use an address in quotes with {unique_id} in it, such as "
        '"https://crm.example.com/{unique_id}"'
    ),
    "ignore": 'use a list of columns, such as ["last_activity_at"]',
    "stages": 'use a list with at least one stage, such as [{name = "Demo", kind = "open"}]',
    "stages.name": "use text that is not blank",
    "stages.kind": f"use {joined(KINDS, last='or')}",
    "stages.probability": "use a whole number of percent, 0 to 100",
    "stages.category": f"use {joined(CATEGORIES, last='or')}",
    "stages.aliases": 'use a list of texts, such as ["Discovery call"]',
    "stages.pipeline": "use the name of a pipeline in quotes",
    "stages.criteria": 'use a list of conditions, such as ["next_action", "value > 0"]',
    "columns": (
        'use lines such as "Amount" = "value": theirs on the left, ours or a list of ours on the '
        "right"
    ),
    "api.columns": 'use lines such as total = "value": theirs on the left, ours on the right',
    "people.rows.from_date": "use a date such as 2026-11-01",
    "targets.rows.period": 'use a month, quarter or year such as "2026-11", "2027Q4" or "2027"',
    "targets.rows.target": "use an amount of money, 0 or more",
    "calls.rows.period": (
        'use a month, quarter, year or week such as "2026-11", "2027Q4", "2027" or "2026-W48"'
    ),
    "calls.rows.made_on": "use a date such as 2026-11-01",
    "calls.rows.commit": "use an amount of money, 0 or more; none withdraws",
    "calls.rows.best_case": "use an amount of money, at least the commit",
    "currency_rates.rows.date": "use a date such as 2026-11-01",
    "currency_rates.rows.currency": 'use an ISO code, such as "EUR"',
    "currency_rates.rows.rate": "use a number above 0: what one unit is in the org's currency",
    "join": 'use keys such as file = "accounts.csv", key = "account_id" and columns = ["industry"]',
    "people.rows.email": 'use a mail address, such as "ada@example.com"',
    "deliver": (
        'use keys such as mail_from = "forecast@example.com" and mail_to = ["sales@example.com"]'
    ),
    "deliver.mail_from": 'use a mail address, such as "forecast@example.com"',
    "deliver.mail_to": 'use a list of mail addresses, such as ["sales@example.com"]',
    "deliver.teams": 'use lines such as East = ["lead@example.com"]',
    "report.milestones": "use a list of shares of the target, such as [0.5, 0.9, 1]",
    "report.by": 'use the name of a column, such as "owner_name", or a list of names',
}
"""The right value of each key, in words."""
_WANTED = {
    "string_type": "use text in quotes",
    "int_type": "use a whole number",
    "float_type": "use a number",
    "list_type": "use a list in [ ]",
    "dict_type": "use a table of lines",
}


@dataclass(frozen=True)
class _Mistake:
    path: KeyPath
    value: Any
    right: str


_MISSING = object()


def check_settings(raw: Json, text: str | None = None) -> tuple[Json, list[OrgProblem]]:
    """Read the rows in an org's settings, and find every mistake.

    With `text`, the mistakes are in the order of the file.
    """
    read, mistakes = _read_shape(raw)
    listed = [
        *_check_shape(raw, mistakes),
        *_check_stages(raw),
        *_check_columns(raw),
        *_check_repeats(raw),
        *_check_whose(raw),
        *_check_rates(raw),
        *_check_alerts(raw),
    ]
    paths = {one.path for one in listed} if text is not None and len(text) <= _FINDABLE else ()
    lines = _find_lines(text or "", paths)
    problems = [
        OrgProblem(
            "".join(
                f"[{part}]" if isinstance(part, int) else f".{part}" for part in one.path
            ).lstrip("."),
            "" if one.value is _MISSING else _show(one.value),
            one.right,
            line=lines.get(one.path),
        )
        for one in listed
    ]
    return read, sorted(problems, key=lambda problem: problem.line or 0)


def _show(value: Any) -> str:
    shown = str(value) if isinstance(value, date) else repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}…"


def _names(path: KeyPath) -> str:
    return ".".join(part for part in path if isinstance(part, str))


def _read_shape(raw: Json) -> tuple[Json, list[ErrorDetails]]:
    """Read amounts, days and periods in the rows of the settings.

    Settings with mistakes stay as they are.
    """
    try:
        shape = OrgShape.model_validate(raw, context=raw)
    except ValidationError as error:
        return raw, error.errors(include_url=False)
    return raw | shape.model_dump(include={*TABLES}, exclude_unset=True, exclude_none=True), []


def _check_shape(raw: Json, mistakes: Iterable[ErrorDetails]) -> Iterator[_Mistake]:
    """Find unknown and missing keys, and values of the wrong type or out of range."""
    reported: set[KeyPath] = set()
    for mistake in mistakes:
        loc, kind, value = mistake["loc"], mistake["type"], mistake["input"]
        path = _cut_to_known(raw, loc) if kind not in ("missing", "extra_forbidden") else loc
        if path in reported:
            continue
        reported.add(path)
        if kind == "extra_forbidden":
            inside = _SHAPES["join" if path[0] == "join" else _names(path[:-1])].model_fields
            near = _near(str(path[-1]), inside)
            yield _Mistake(path, value, f"unknown key; {near}the keys here are {joined(inside)}")
        elif kind == "missing":
            yield _Mistake(path, _MISSING, "missing; add it")
        elif kind == "value_error":
            # An address may hold a password.
            hidden = path == ("record_url",) and "@" in value
            yield _Mistake(path, _MISSING if hidden else value, str(mistake["ctx"]["error"]))
        else:
            names = _names(path)
            while names and names not in _RIGHT:
                names = names.rpartition(".")[0]
            options = {"stages.kind": KINDS, "stages.category": CATEGORIES}.get(names, ())
            hint = _near(value, options) if isinstance(value, str) else ""
            yield _Mistake(
                path,
                _get(raw, path, value),
                hint + (_RIGHT.get(names) or _WANTED.get(kind, "use text that is not blank")),
            )


def _cut_to_known(raw: Any, loc: KeyPath) -> KeyPath:
    """Cut a path to the part that is in the settings; pydantic adds the branch of a union."""
    depths = (depth for depth in range(len(loc)) if _get(raw, loc[: depth + 1]) is _MISSING)
    return loc[: next(depths, len(loc))]


def _get(settings: Any, path: KeyPath, otherwise: Any = _MISSING) -> Any:
    try:
        for step in path:
            settings = settings[step]
    except (KeyError, IndexError, TypeError):
        return otherwise
    return settings


def _near(name: str, names: Iterable[str]) -> str:
    near = did_you_mean(name, names, write=str)
    return f"{near} " if near else ""


def _check_stages(raw: Json) -> Iterator[_Mistake]:
    """Find stages of one name, names of two kinds, and aliases that do not lead to one stage."""
    stages = raw.get("stages")
    named = [
        (row, stage)
        for row, stage in enumerate(stages if isinstance(stages, list) else [])
        if isinstance(stage, dict) and isinstance(stage.get("name"), str)
    ]
    kinds: Json = {}
    seen: set[tuple[str, str]] = set()
    leads_to = {stage["name"]: stage["name"] for _, stage in named}
    names = set(leads_to)
    for row, stage in named:
        name, kind, pipeline = stage["name"], stage.get("kind"), repr(stage.get("pipeline"))
        if (name, pipeline) in seen:
            within = f" in pipeline {pipeline}" if stage.get("pipeline") else ""
            right = f"a second stage of that name{within}; rename one"
            yield _Mistake(("stages", row, "name"), name, right)
        elif kinds.setdefault(name, kind) != kind:
            right = f"{name!r} is {kinds[name]!r} in another pipeline; a name has one kind, so "
            yield _Mistake(("stages", row, "kind"), kind, f"{right}rename one")
        seen.add((name, pipeline))
        aliases = stage.get("aliases")
        for position, alias in enumerate(aliases if isinstance(aliases, list) else []):
            if isinstance(alias, str) and (
                alias in names or leads_to.setdefault(alias, name) != name
            ):
                right = f"means {leads_to[alias]!r} already; a spelling leads to one stage"
                yield _Mistake(("stages", row, "aliases", position), alias, right)


def _check_columns(raw: Json) -> Iterator[_Mistake]:
    tables: tuple[KeyPath, ...] = (("columns",), ("api", "columns"))
    for table in tables:
        columns = _get(raw, table)
        if not isinstance(columns, dict):
            continue
        twice = Counter(ours for ours in columns.values() if isinstance(ours, str))
        for theirs, ours in columns.items():
            key = (*table, theirs)
            # A tenant may have a column "currency" or "stages", under that name.
            if theirs in OrgShape.model_fields and str(ours) not in OrgShape.model_fields:
                yield _Mistake(
                    key,
                    ours,
                    f"{theirs} is no column; move the line above the first [table] of the file",
                )
            elif isinstance(ours, str) and twice[ours] > 1 and table[0] == "api":
                others = joined([repr(name) for name in columns if columns[name] == ours])
                yield _Mistake(
                    key, ours, f"{others} all lead to {ours!r}; what is sent needs one of them"
                )


def list_rows(raw: Json, table: str) -> Iterator[tuple[int, Json]]:
    """List the rows of a table in the settings, each with its number."""
    rows = _get(raw, (table, "rows"))
    for number, row in enumerate(rows if isinstance(rows, list) else []):
        if isinstance(row, dict):
            yield number, row


def _check_alerts(raw: Json) -> Iterator[_Mistake]:
    """Find conditions and sentences of alerts that cannot be read."""
    conditions: dict[str, tuple[Condition, bool]] = {}
    for key, figures in (("alert_when", ALERT_FIGURES), ("alert_deals_when", None)):
        asked = _get(raw, ("report", key), None)
        listed = isinstance(asked, list)
        for number, typed in enumerate(asked if listed else [asked]):
            where: KeyPath = ("report", key, *([number] if listed else []))
            if isinstance(typed, str) and typed.strip():
                try:
                    condition = read_condition(typed, figures)
                    conditions[condition.text] = condition, figures is None
                    _check_shares(condition if figures is None else None)
                except ArgumentValueError as error:
                    yield _Mistake(where, typed, str(error))
    texts = _get(raw, ("report", "alert_text"), None)
    for key, typed in texts.items() if isinstance(texts, dict) else ():
        named = conditions.get(" ".join(key.split()))
        words = ALERT_WORDS if named is None or named[0].comparison else ALERT_WORDS[:2]
        try:
            if named is None and key not in ALERT_FIGURES:
                way = "use a column of the forecast, or a condition of alert_when or "
                near = did_you_mean(key, [*ALERT_FIGURES, *conditions]) or f"{way}alert_deals_when"
                raise ArgumentValueError(f"{key!r} is none of them; {near}")
            if isinstance(typed, str) and typed.strip():
                check_template(
                    typed, known=None if named and named[1] else (*ALERT_FIGURES, *words)
                )
        except ArgumentValueError as error:
            yield _Mistake(("report", "alert_text", key), typed, str(error))


_SHARES = ("win_chance", "period_chance", "probability")


def _check_shares(condition: Condition | None) -> None:
    """Refuse a chance of no named event, and one that is compared with more than 1."""
    if condition and "chance" in condition.columns:
        raise ArgumentValueError(
            "a deal has two chances; use win_chance, to be won at all, or period_chance, to be won "
            "in the period of its close date"
        )
    for one in condition.comparisons if condition else ():
        if one.column in _SHARES and not one.base and one.line > 1:
            raise ArgumentValueError(f"{one.column} is a share, 1 at most; write 50% or 0.5")


_REPEATED: Mapping[str, tuple[str, str, Callable[[Json], object]]] = {
    "people": (
        "owner_name",
        "a second row of this person from the same date; keep one, or date the move by from_date",
        lambda row: (row.get("owner_name"), str(row.get("from_date"))),
    ),
    "targets": (
        "period",
        "a second target of this period; keep one",
        lambda row: (read_period(str(row.get("period"))), row.get("owner_name"), row.get("team")),
    ),
    "currency_rates": (
        "date",
        "a second rate of this currency on this day; keep one",
        lambda row: (str(row.get("date"))[:10], row.get("currency")),
    ),
}
"""By table: the column to name in a repeated row, what is right, and the key that is repeated."""


def _check_repeats(raw: Json) -> Iterator[_Mistake]:
    """Find repeated rows, and second addresses of a person."""
    for table, (column, right, find_key) in _REPEATED.items():
        seen: set[str] = set()
        for number, row in list_rows(raw, table):
            key = str(find_key(row))
            if key in seen:
                yield _Mistake((table, "rows", number, column), row.get(column), right)
            seen.add(key)
    emails: Json = {}
    for number, row in list_rows(raw, "people"):
        name, email = str(row.get("owner_name")), row.get("email")
        if email is not None and emails.setdefault(name, email) != email:
            right = f"a second address of {name}, who has {emails[name]}; keep one"
            yield _Mistake(("people", "rows", number, "email"), email, right)


def _check_whose(raw: Json) -> Iterator[_Mistake]:
    """Find targets and calls of both a person and a team, and anything for an empty team."""
    people, receivers = list_rows(raw, "people"), _get(raw, ("deliver", "teams"), None)
    known = {row["team"] for _, row in people if isinstance(row.get("team"), str)}
    if (_get(raw, ("deliver", "mail_to"), None) or receivers) and not _get(
        raw, ("deliver", "mail_from"), None
    ):
        yield _Mistake(
            ("deliver", "mail_from"),
            _MISSING,
            f"missing, and mail needs a sender; {_RIGHT['deliver.mail_from']}",
        )
    named: list[tuple[KeyPath, Any, Any]] = [
        (("deliver", "teams", team), team, receivers[team])
        for team in (receivers if isinstance(receivers, dict) else ())
    ]
    for table in ("targets", "calls"):
        for number, row in list_rows(raw, table):
            where, team = (table, "rows", number, "team"), row.get("team")
            named.append((where, team, team))
            if row.get("owner_name") is not None and team is not None:
                right = "a person's or a team's, not both; keep owner_name or team"
                yield _Mistake(where, team, right)
    for path, team, value in named:
        if known and isinstance(team, str) and team not in known:
            near, ways = _near(team, known), joined(sorted(known))
            right = f"nobody under [people] is in this team; {near}the teams are {ways}"
            yield _Mistake(path, value, right)


def _check_rates(raw: Json) -> Iterator[_Mistake]:
    """Find rates in an org without a currency, and rates of the org's own currency."""
    home, rows = raw.get("currency"), [*list_rows(raw, "currency_rates")]
    if home is None and rows:
        right = f"missing, and rates lead to it; {_RIGHT['currency']}"
        yield _Mistake(("currency",), _MISSING, right)
    for number, row in rows:
        if home is not None and row.get("currency") == home and row.get("rate") != 1:
            right = "the org's own currency, whose rate is 1; remove the row"
            yield _Mistake(("currency_rates", "rows", number, "currency"), home, right)


# Line numbers

_FINDABLE = 200_000
"""Characters of a file in which line numbers are looked for. Reading a longer one with its layout
takes too long."""


def _find_lines(text: str, keys: Collection[KeyPath]) -> dict[KeyPath, int]:
    """Find the line of each key, or of the first thing in its table or list.

    A missing key has the line of the table around it. Each value is replaced by a mark with as many
    line breaks, and the marks' lines are read.
    """
    try:
        document = tomlkit.parse(text)
    except TOMLKitError:
        return {}
    leaves: dict[KeyPath, KeyPath] = {}
    for key in keys:
        first = next(at for at in (key, key[:-1], ()) if _get(document, at) is not _MISSING)
        value = _get(document, first)
        while first and isinstance(value, (Mapping, list)) and value:
            step = next(iter(value)) if isinstance(value, Mapping) else 0
            first, value = (*first, step), value[step]
        if first:
            leaves[key] = first
    mark = f"{secrets.token_hex(8)}_"
    marks = list(dict.fromkeys(leaves.values()))
    for number, (*path, last) in enumerate(marks):
        holder = _get(document, tuple(path))
        breaks = holder[last].as_string().count("\n") if isinstance(holder[last], Item) else 0
        holder[last] = tomlkit.string(f"{mark}{number}" + "\n" * breaks, multiline=True)
    lines = {
        marks[int(number)]: line
        for line, words in enumerate(tomlkit.dumps(document).split("\n"), start=1)
        for number in re.findall(rf"{mark}(\d+)", words)
    }
    return {key: lines[leaf] for key, leaf in leaves.items()}
