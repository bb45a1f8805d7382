"""`Org`: what an organization means by its data."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property, partial
from hashlib import sha256
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import msgspec
import pandas as pd

from opp_analytics import arguments, text
from opp_analytics.arrays import Series
from opp_analytics.certificate import Certificate
from opp_analytics.columns import WHOLE
from opp_analytics.errors import ArgumentTypeError, DataError, OrgError
from opp_analytics.inputs import find_habits
from opp_analytics.note import note_of
from opp_analytics.org.conform import conform_to
from opp_analytics.org.joins import Join, derive_columns, read_joins
from opp_analytics.org.people import (
    DAYS,
    TABLES,
    list_derived,
    list_stays,
    mask_in_force,
    tabulate_rows,
)
from opp_analytics.org.presets import PRESETS, Columns
from opp_analytics.org.rates import (
    CURRENCY,
    VALUE_ORIGINAL,
    HeldRates,
    convert_values,
    restore_values,
)
from opp_analytics.org.stages import LOST, STAGES, Stage, Stages
from opp_analytics.periods import MONTHS, Freq, When, as_date, period_days
from opp_analytics.schema import Json, is_blank
from opp_analytics.text import count, joined

_NONE: Mapping[str, Any] = MappingProxyType({})
_Rows = Sequence[Mapping[str, Any]] | pd.DataFrame
_SETTINGS = ("currency", "timezone", "fiscal_year_start")
"""Settings of one value that numbers depend on, which two orgs may contradict."""
FILE = "opp-analytics.toml"
"""Name of the org file."""
_log = logging.getLogger("opp_analytics")


@dataclass(frozen=True, init=False, repr=False)
class Org:
    """The meaning of an organization's data: stages, calendar, currency, columns, people.

    Targets and calls are part of it.

    Parameters
    ----------
    preset : {"salesforce", "hubspot", "pipedrive", "zoho", "dynamics", "close", "attio"}, optional
        Start from the stages and columns of this CRM's exports. Stages given here replace the
        preset's, columns are added.
    stages : list of Stage or dict, optional
        The stages in order: ``name``, ``kind`` (open, won, lost, disqualified), and where wanted
        ``probability`` (percent), ``category`` (commit, best_case, pipeline, omitted), ``aliases``,
        ``pipeline`` and ``criteria`` (conditions that its deals meet, as in `alert_when`; a column
        alone means that it is not empty). Default: the API's six.
    currency : str, optional
        ISO code of the one currency in which amounts are read; without it, no sign is printed.
    timezone : str, optional
        Business time zone, in which instants become dates; UTC when not given.
    fiscal_year_start : int, optional
        First month of the fiscal year; 1 when not given.
    record_url : str, optional
        Address of a deal in the CRM, with ``{unique_id}`` in it: http, https or a relative path.
    ignore : list of str, optional
        Columns that automations write: a change there is nobody's work on a deal, so that it holds
        back no deletion.
    columns : mapping, optional
        Columns of exports and files: theirs to ours, to a list of ours where one column serves
        several.
    api_columns : mapping, optional
        Attributes on the wire: theirs to ours, used in both directions.
    people : list of dict or DataFrame, optional
        ``owner_name``, ``team``, ``region``, ``from_date``, ``email``; a person who moves has a row
        for each move.
    targets : list of dict or DataFrame, optional
        ``period``, ``owner_name`` or ``team`` (neither for the whole), ``target`` (money).
    calls : list of dict or DataFrame, optional
        Numbers that somebody submitted: ``made_on``, ``period``, ``caller``, ``owner_name`` or
        ``team`` (neither for the whole), ``commit``, ``best_case`` (money; no commit withdraws),
        ``reason``. A later one supersedes.
    currency_rates : list of dict or DataFrame, optional
        ``date``, ``currency``, ``rate``: what one unit is in the org's currency from that day on.
        Without rates, rows of another currency are refused.
    join : mapping, optional
        Tables joined to the deals, by name: ``file``, and where wanted ``key``, ``date`` and
        ``columns``, as in the org file.
    report : mapping, optional
        Settings of the weekly report: ``by``, ``freq``, ``alert_when``, ``alert_deals_when``,
        ``alert_text``, ``milestones``, and its look: ``title``, ``blocks``
        (questions of `oa.questions`, in the order of the page).
    deliver : mapping, optional
        Who gets the weekly report: ``mail_from``, ``mail_to`` (a list of addresses), ``teams`` (a
        list for each team).

    Raises
    ------
    OrgError
        When anything is wrong; every mistake is listed, each with what would be right.

    Examples
    --------
    >>> org = Org(
    ...     stages=[{"name": "Demo", "kind": "open"}, {"name": "Signed", "kind": "won"}],
    ...     currency="EUR",
    ... )
    >>> org.stages.open, org.stages.won, org.currency
    (('Demo',), ('Signed',), 'EUR')
    """

    stages: Stages
    """The stages, in order."""
    currency: str | None
    """ISO code of the currency; None when it was not given."""
    timezone: str | None
    """Business time zone; None when it was not given, and then UTC holds."""
    fiscal_year_start: int
    """First month of the fiscal year."""
    record_url: str | None
    """Address of a deal in the CRM, with ``{unique_id}`` in it."""
    ignore: tuple[str, ...]
    """Columns that automations write."""
    columns: Columns = field(hash=False)
    """Columns of exports: theirs to ours, or to a list of ours."""
    api_columns: Mapping[str, str] = field(hash=False)
    """Attributes on the wire: theirs to ours."""
    report: Mapping[str, Any] = field(hash=False)
    """Settings of the weekly report."""
    deliver: Mapping[str, Any] = field(hash=False)
    """Who gets the weekly report: ``mail_from``, ``mail_to``, ``teams``."""
    derived: tuple[str, ...]
    """Columns that a frame gains at reading: ``team`` and ``region`` of people, and those of joined
    tables."""
    converts: bool
    """True where ``value`` is converted to the org's currency, and a frame gains
    ``value_original``."""
    joins: tuple[Join, ...]
    """Tables joined to the deals."""
    file: Path | None = field(compare=False)
    """The org file; None for an org that was not read from one."""
    _rows: Mapping[str, tuple[Mapping[str, Any], ...]] = field(hash=False)
    """The rows of each of the `TABLES`."""
    _read_from: Mapping[str, Mapping[Hashable, Any]] = field(compare=False)
    """By table, where its rows come from: ``file``, ``lines`` and ``left_out``, as far as each is
    known."""
    _declared: frozenset[str] = field(compare=False)

    def __init__(
        self,
        *,
        preset: str | None = None,
        stages: Sequence[Stage | Mapping[str, Any]] | None = None,
        currency: str | None = None,
        timezone: str | None = None,
        fiscal_year_start: int | None = None,
        record_url: str | None = None,
        ignore: Sequence[str] | None = None,
        columns: Columns | None = None,
        api_columns: Mapping[str, str] | None = None,
        people: _Rows | None = None,
        targets: _Rows | None = None,
        calls: _Rows | None = None,
        currency_rates: _Rows | None = None,
        join: Mapping[str, Mapping[str, Any]] | None = None,
        report: Mapping[str, Any] | None = None,
        deliver: Mapping[str, Any] | None = None,
    ) -> None:
        given = {
            "preset": preset,
            "stages": _make_plain(stages),
            "currency": currency,
            "timezone": timezone,
            "fiscal_year_start": fiscal_year_start,
            "record_url": record_url,
            "ignore": _make_plain(ignore),
            "columns": _make_plain(columns),
            "api": None if api_columns is None else {"columns": _make_plain(api_columns)},
            **{
                name: None if rows is None else {"rows": _make_plain(rows)}
                for name, rows in zip(TABLES, (people, targets, calls, currency_rates), strict=True)
            },
            "join": _make_plain(join),
            "report": _make_plain(report),
            "deliver": _make_plain(deliver),
        }
        raw = {name: value for name, value in given.items() if value is not None}
        if raw:
            # pydantic takes longer to import than everything else here.
            from opp_analytics.org.check_file import check_settings

            raw, problems = check_settings(raw)
            raw["joins"], mistakes = ([], []) if problems else read_joins(raw, Path())
            if problems := [*problems, *mistakes]:
                raise OrgError("This org cannot be used", problems)
        self._fill(raw)

    def _fill(self, raw: Mapping[str, Any], file: Path | None = None) -> None:
        """Take checked settings in the form of an org file."""
        preset = PRESETS.get(raw.get("preset", ""), _NONE)
        stages = raw.get("stages", preset.get("stages"))
        columns = {**preset.get("columns", _NONE), **raw.get("columns", _NONE)}
        joins = tuple(raw.get("joins", ()))
        tables = {name: raw.get(name, _NONE) for name in TABLES}
        rows = {name: tuple(table.get("rows", ())) for name, table in tables.items()}
        values = {
            "stages": STAGES if stages is None else Stages(tuple(map(Stage.from_dict, stages))),
            **{name: raw.get(name) for name in ("currency", "timezone", "record_url")},
            "fiscal_year_start": raw.get("fiscal_year_start", 1),
            "ignore": tuple(raw.get("ignore", ())),
            "columns": MappingProxyType(
                {
                    theirs: ours if isinstance(ours, str) else tuple(ours)
                    for theirs, ours in columns.items()
                }
            ),
            "api_columns": MappingProxyType(dict(raw.get("api", _NONE).get("columns", _NONE))),
            **{
                name: MappingProxyType(dict(raw.get(name, _NONE))) for name in ("report", "deliver")
            },
            "derived": (
                *list_derived(tabulate_rows("people", rows["people"])),
                *(name for join in joins for name in join.columns),
            ),
            "joins": joins,
            "file": file,
            "_rows": rows,
            "_read_from": {
                name: {key: told for key, told in table.items() if key != "rows"}
                for name, table in tables.items()
            },
            "converts": bool(rows["currency_rates"]),
            "_declared": frozenset(
                name for name in ("stages", *_SETTINGS) if name in raw or name in preset
            ),
        }
        # A frozen class takes no assignment, and its own `__init__` takes the settings.
        vars(self).update(values)

    def _replace(self, **values: Any) -> Org:
        """Copy this org with other values of its fields."""
        org = Org.__new__(Org)
        vars(org).update({one.name: getattr(self, one.name) for one in fields(self)} | values)
        return org

    @classmethod
    def read(cls, path: str | PathLike[str]) -> Org:
        """Read an org file, checked whole.

        Parameters
        ----------
        path : str or path
            An ``opp-analytics.toml``; tables that it names are files beside it.

        Raises
        ------
        OrgError
            When the file cannot be read or holds mistakes; each is listed with its key, its line
            where that can be told, the value, and what would be right.
        """
        return parse_org(arguments.path(path))

    @classmethod
    def salesforce(cls, **settings: Any) -> Org:
        """Make the org of an untouched Salesforce; `settings` are those of `Org` and win."""
        return cls(preset="salesforce", **settings)

    @classmethod
    def hubspot(cls, **settings: Any) -> Org:
        """Make the org of an untouched HubSpot; `settings` are those of `Org` and win."""
        return cls(preset="hubspot", **settings)

    @classmethod
    def pipedrive(cls, **settings: Any) -> Org:
        """Make the org of an untouched Pipedrive; `settings` are those of `Org` and win."""
        return cls(preset="pipedrive", **settings)

    @classmethod
    def of(cls, source: Any) -> Org:
        """Find the org of a frame (``attrs["org"]``), of a result table or of a history.

        The API's six stages without one.

        Raises
        ------
        DataError
            When ``attrs["org"]`` is not an org.
        """
        return get_org(source) or DEFAULT

    def zone(self, tz: str | None) -> str:
        """Choose the business time zone: `tz`, else the org's, else UTC."""
        return tz if tz is not None else self.timezone or "UTC"

    @property
    def day_first(self) -> bool | None:
        """True where the day comes first in the dates of the country of its time zone and currency.

        None if unknown.
        """
        return find_habits(self.timezone, self.currency)[0]

    @property
    def decimal_comma(self) -> bool | None:
        """True where the country of its time zone and currency writes a decimal comma.

        None if unknown.
        """
        return find_habits(self.timezone, self.currency)[1]

    def freq(self, freq: str) -> Freq:
        """Complete a period alias, with "Q" and "Y" as quarters and years of the org's fiscal year.

        Examples
        --------
        >>> fiscal = Org(fiscal_year_start=2)
        >>> fiscal.freq("Q"), fiscal.freq("Q-DEC"), Org().freq("Q")
        ('Q-JAN', 'Q-DEC', 'Q')
        """
        fiscal = freq in ("Q", "Y") and self._year_end != "DEC"
        return cast("Freq", f"{freq}-{self._year_end}" if fiscal else freq)

    def period_days(self, label: str, *, name: str = "period") -> tuple[pd.Timestamp, pd.Timestamp]:
        """Find the first and last day of a month, or of a quarter or year of the org's fiscal year.

        Parameters
        ----------
        label : str
            Such as "2026-11", "2027Q4" or "2027".
        name : str
            Name of the argument, for error messages.

        Examples
        --------
        >>> [str(day.date()) for day in Org(fiscal_year_start=2).period_days("2027Q4")]
        ['2026-11-01', '2027-01-31']
        """
        return period_days(label, name=name, year_end=self._year_end)

    @property
    def _year_end(self) -> str:
        """The last month of the fiscal year."""
        return MONTHS[self.fiscal_year_start - 2]

    @property
    def people(self) -> pd.DataFrame:
        """People: ``owner_name``, ``team``, ``region``, ``from_date`` and ``email``.

        ``from_date`` is a date, missing for always; the others are str. ``email`` is there only if
        somebody has one.
        """
        return self._people.copy()

    @cached_property
    def _people(self) -> pd.DataFrame:
        people = tabulate_rows("people", self._rows["people"])
        return people if people["email"].notna().any() else people.drop(columns="email")

    def hold_teams(self, day: pd.Timestamp) -> Org:
        """Copy this org with people in their teams and regions of a day, as if always there."""
        stays = list_stays(self.people)
        held = stays[(stays["from_date"] <= day) & (day < stays["until"])]
        rows = held[["owner_name", "team", "region"]].astype("object")
        found = rows.where(rows.notna(), None).to_dict("records")
        return self._replace(_rows={**self._rows, "people": tuple(found)})

    def find_source(self, column: str) -> str | None:
        """Name what gives frames a derived column; None for a column of their own."""
        given = dict.fromkeys(list_derived(self.people), "[people]")
        given |= {
            name: f"{join.file} ([join.{join.name}])"
            for join in self.joins
            for name in join.columns
        }
        return given.get(column, "the org file" if column in self.derived else None)

    @property
    def targets(self) -> pd.DataFrame:
        """The targets: ``period``, ``owner_name``, ``team`` (str), ``target`` (float64, money).

        Attrs name the org, which knows the people's teams, the ``file`` that the rows come from
        with their ``lines``, and what of it was ``left_out``, such as a row of totals.
        """
        table = tabulate_rows("targets", self._rows["targets"])
        table.attrs = {"org": self.facts, **self._read_from["targets"]}
        return table

    @property
    def calls(self) -> pd.DataFrame:
        """The calls, as `oa.calls` describes them."""
        table = tabulate_rows("calls", self._rows["calls"])
        table["in_force"] = mask_in_force(table)
        table.attrs = {"org": self.facts, **self._read_from["calls"]}
        return table

    @property
    def currency_rates(self) -> pd.DataFrame:
        """List the exchange rates by date: ``date`` (date), ``currency`` (str), ``rate`` (float64).

        A rate is what one unit of the row's money is in amounts of the org. It holds from its date
        on, until the next row of the same code. Deals are converted when they are read: closed ones
        at the rate of their close date, open ones at that of the frame's moment.
        """
        return self._rates_by_date.copy()

    @cached_property
    def _rates_by_date(self) -> pd.DataFrame:
        table = tabulate_rows("currency_rates", self._rows["currency_rates"])
        return table.sort_values(["date", "currency"], kind="stable", ignore_index=True)

    @property
    def rates_file(self) -> str:
        """Name of the rates in messages: the file, else the section of the org file."""
        return str(self._read_from["currency_rates"].get("file", "[currency_rates]"))

    @property
    def facts(self) -> Json:
        """Settings that travel in a frame's attrs, as far as they were given.

        They are stages, currency, time zone and fiscal year, in plain JSON made anew each time, and
        a digest by which this process finds the whole org again.
        """
        _remember(self._facts, self)
        return Facts(json.loads(self._facts))

    @cached_property
    def _settings(self) -> Json:
        settings = {
            name: value
            for name, value in self.to_dict().items()
            if name in self._declared | {"stages"}
        }
        gained = {"derived": list(self.derived), "converts": self.converts}
        return {**settings, **{name: given for name, given in gained.items() if given}}

    @cached_property
    def _facts(self) -> str:
        whole = json.dumps(self.to_dict(), sort_keys=True, default=str)
        digest = sha256(whole.encode()).hexdigest()[:16]
        return json.dumps({**self._settings, "digest": digest}, sort_keys=True)

    def apply(self, opportunities: pd.DataFrame) -> pd.DataFrame:
        """Copy a frame with this org's meaning: known columns typed, stages in order.

        Parameters
        ----------
        opportunities : DataFrame
            Any frame of opportunities; an org that it has is replaced.

        Returns
        -------
        DataFrame
            The same rows and index. An alias is replaced by its stage. With people, ``team`` and
            ``region`` of the owner are added: a closed deal's by its ``close_date``, an open one's
            by the frame's moment (today for a frame that was not loaded). With rates, and a column
            ``currency``, ``value`` is in the org's currency, a closed deal's (won or lost) at the
            rate of its ``close_date``, an open one's at that of the frame's moment; the CRM's value
            is ``value_original``. With joined tables, their columns are added. ``attrs["org"]``
            holds the meaning of the stages.

        Warns
        -----
        DataWarning
            When a rate is older than 30 days where it is needed, or there is none before that day.

        Raises
        ------
        DataError
            When a value does not fit its column, the frame has an added column of its own, or a
            currency has no rate.

        Examples
        --------
        >>> org = Org(
        ...     stages=[
        ...         {"name": "Demo", "kind": "open", "aliases": ["Call"]},
        ...         {"name": "Signed", "kind": "won"},
        ...     ]
        ... )
        >>> org.apply(pd.DataFrame({"stage": ["Call", "Signed"]}))["stage"].tolist()
        ['Demo', 'Signed']
        """
        return self.apply_on(opportunities, None)

    def apply_on(self, opportunities: pd.DataFrame, days: Series | None) -> pd.DataFrame:
        """Do as `apply` does with `opportunities`, at the rates of given `days`.

        There is one day for each row.
        """
        frame = conform_to(opportunities, self.stages)
        before, own = Org.of(opportunities), self._find_days(frame)
        if self.converts and {CURRENCY, "value"} <= set(frame.columns):
            frame = convert_values(
                frame,
                self._rates_by_date,
                own if days is None else days.reset_index(drop=True),
                home=str(self.currency),
                file=self.rates_file,
                gained=before.converts,
            )
        if self._rows["people"] or self.joins:
            frame = derive_columns(
                frame, self.people, self.joins, before.derived, own, self._find_day(frame)
            )
        frame.index = opportunities.index
        frame.attrs = {**opportunities.attrs, "org": self.facts}
        return frame

    def _find_days(self, frame: pd.DataFrame) -> Series:
        """Find the day of each deal: a closed one's close date, an open one's moment.

        The moment is that of the load or record, else today.
        """
        today = pd.Series(self._find_day(frame), index=frame.index)
        if "stage" not in frame or "close_date" not in frame:
            return today
        closed = self.stages.outcome_codes(frame) <= LOST
        return frame["close_date"].where(closed, today).fillna(today)

    def _find_day(self, frame: pd.DataFrame) -> pd.Timestamp:
        """Find the day of a frame's moment: of the load or record, else today."""
        moment = Certificate.moment_of(frame) or pd.Timestamp.now("UTC")
        return as_date(moment, tz=self.zone(None)).as_unit("us")

    def hold_rates(self, converted: pd.DataFrame) -> HeldRates:
        """Find the rates at which a frame's values were converted."""
        return HeldRates(converted, self.currency, self._rates_by_date)

    def bare(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Drop what a frame gained from an org, and give it the CRM's values again."""
        bare = frame.drop(columns=list(self.derived), errors="ignore")
        return (
            restore_values(bare, self.currency)
            if self.converts and VALUE_ORIGINAL in bare
            else bare
        )

    def __repr__(self) -> str:
        tables = {"people": "row", "targets": "target", "calls": "call", "currency_rates": "rate"}
        facts = [
            self.file,
            f"{len(self.stages)} stages {self.stages[0].name!r} to {self.stages[-1].name!r}",
            self.currency,
            self.timezone,
            *(count(len(rows), tables[name]) for name, rows in self._rows.items() if rows),
        ]
        return f"<Org: {', '.join(str(fact) for fact in facts if fact)}>"

    def __copy__(self) -> Org:
        return self

    def __deepcopy__(self, _: Any) -> Org:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _parse_json, (
            json.dumps({**self.to_dict(), "derived": self.derived, "converts": self.converts}),
        )

    def to_dict(self) -> Json:
        """Write every setting as plain JSON: ``Org(**org.to_dict())`` is the same org.

        Examples
        --------
        >>> Org(currency="USD").to_dict()["currency"]
        'USD'
        """
        settings = {
            "stages": [stage.to_dict() for stage in self.stages],
            "currency": self.currency,
            "timezone": self.timezone,
            "fiscal_year_start": self.fiscal_year_start
            if "fiscal_year_start" in self._declared
            else None,
            "record_url": self.record_url,
            "ignore": list(self.ignore),
            "columns": _make_plain(self.columns),
            "api_columns": dict(self.api_columns),
            **{
                name: [
                    {
                        key: str(row[key]) if key in DAYS else row[key]
                        for key in columns
                        if key in row
                    }
                    for row in self._rows[name]
                ]
                for name, columns in TABLES.items()
            },
            "join": {join.name: dict(join.settings) for join in self.joins},
            "report": dict(self.report),
            "deliver": dict(self.deliver),
        }
        return {name: value for name, value in settings.items() if value not in (None, {}, [])}


def _make_plain(given: Any) -> Any:
    """Write settings as an org file holds them; calls lose the column that the org adds."""
    if isinstance(given, pd.DataFrame):
        given = given.drop(columns="in_force", errors="ignore").to_dict("records")
    if isinstance(given, Stage):
        return given.to_dict()
    if isinstance(given, Mapping):
        return {
            name: _make_plain(value)
            for name, value in given.items()
            if isinstance(value, str) or not is_blank(value)
        }
    if isinstance(given, Iterable) and not isinstance(given, str):
        return [_make_plain(value) for value in given]
    return given


def parse_org(file: Path, text: str | None = None, **beside: Path) -> Org:
    """Read an org file with the tables beside it.

    `text` and `beside` replace a text and tables that are not written yet.
    """
    from opp_analytics.org.read_file import read_settings

    org = Org.__new__(Org)
    org._fill(read_settings(file, text, beside), file)
    return org


_ORGS: dict[str, Org] = {}
"""The orgs used last, by their facts: so a frame's org is not parsed again at each step."""
_MOST_ORGS = 64


def _remember(facts: str, org: Org) -> Org:
    _ORGS.pop(facts, None)
    _ORGS[facts] = org
    if len(_ORGS) > _MOST_ORGS:
        del _ORGS[next(iter(_ORGS))]
    return org


def _parse_json(text: str) -> Org:
    settings = json.loads(text)
    settings.pop("digest", None)
    derived, converts = settings.pop("derived", ()), settings.pop("converts", False)
    org = Org(**settings)
    return org._replace(derived=tuple(derived) or org.derived, converts=converts or org.converts)


class Facts(dict[str, Any]):
    """Plain JSON in attrs, copied quickly: pandas copies attrs deeply with each step of a frame."""

    def __deepcopy__(self, memo: object) -> Facts:
        return Facts(msgspec.json.decode(msgspec.json.encode(self)))


DEFAULT = Org()
"""The org of a frame that has none: the API's six stages."""


def get_org(source: Any) -> Org | None:
    """Get the org of a frame (``attrs["org"]``), a result table or a history; None without one."""
    attached = (
        note_of(source).org or source.attrs.get("org")
        if isinstance(source, pd.DataFrame)
        else getattr(source, "org", None)
    )
    if attached is None or isinstance(attached, Org):
        return attached
    try:
        facts = json.dumps(attached, sort_keys=True)
        # A process knows its orgs; facts of a file are all that there is.
        return _ORGS.get(facts) or _remember(facts, _parse_json(facts))
    except (TypeError, ValueError) as error:
        raise DataError(
            f'attrs["org"] is not an org ({error}); set it with org.apply(frame)'
        ) from None


def read_folder_org(folder: str | Path = ".") -> Org | None:
    """Read the org file of a folder, and log that; None without one."""
    path = Path(folder) / FILE
    if not path.exists():
        return None
    _log.info("read the org of %s", path.resolve())
    return Org.read(path)


def merge_orgs(one: Org | None, other: Org | None, *, names: tuple[str, str]) -> Org | None:
    """Merge two orgs that meet.

    The result has the settings of both, those of `other` where both have them, and the larger set
    of stages.

    None agrees with every org. A contradiction (the kind of a stage, or a setting) raises and is
    named.
    """
    if one is None or other is None:
        return one or other
    if one._settings == other._settings:
        return max(one, other, key=lambda org: len(org.stages.kinds) + len(org.to_dict()))
    differences = _compare(one, other)
    if differences:
        raise DataError(
            f"{names[0]} and {names[1]} contradict each other: {joined(differences, most=5)}; "
            "correct one of them, or replace the frame's with org.apply(frame)"
        )
    wider = max(other, one, key=lambda org: ("stages" in org._declared, len(org.stages.kinds)))
    # The tables of joins are read already.
    merged = Org(**{**one.to_dict(), **other.to_dict(), "stages": wider.stages, "join": None})
    return merged._replace(
        file=other.file or one.file,
        joins=other.joins or one.joins,
        converts=other.converts or one.converts,
        derived=tuple(dict.fromkeys((*one.derived, *other.derived))),
        _read_from={name: other._read_from[name] or one._read_from[name] for name in TABLES},
    )


def _compare(one: Org, other: Org) -> list[str]:
    """List the stages of two kinds and the settings of two values, in words."""
    kinds, ours, settings = other.stages.kinds, one._settings, other._settings
    return [
        *(
            f"stage {name!r} is {kind} in the one and {kinds[name]} in the other"
            for name, kind in one.stages.kinds.items()
            if kinds.get(name, kind) != kind
        ),
        *(
            f"{name} is {ours[name]!r} in the one and {settings[name]!r} in the other"
            for name in _SETTINGS
            if name in ours and name in settings and ours[name] != settings[name]
        ),
    ]


def check_org(org: Any) -> Org | None:
    """Check an argument `org`."""
    if org is None or isinstance(org, Org):
        return org
    raise ArgumentTypeError(
        f"org is a {type(org).__name__}, not an Org; use for example "
        "org=oa.Org.read('opp-analytics.toml')"
    )


Money = Callable[..., str]
"""Writes an amount: `text.money` in one currency."""


def money_of(source: Any, *, beside: float = 0.0) -> Money:
    """Make the writer of amounts in the currency of a frame's or history's org.

    No currency, no sign.

    Amounts `beside` one of a thousand or more are written in whole units, and less than half of one
    as "<$1".
    """
    write = partial(text.money, currency=Org.of(source).currency)
    if not abs(beside) >= WHOLE:
        return write

    def write_whole(value: float, **style: Any) -> str:
        if 0 < abs(value) < 0.5:
            return f"<{write(1)}"
        return write(math.floor(value + 0.5) if math.isfinite(value) else value, **style)

    return write_whole


def day_of(table: pd.DataFrame, moment: When) -> pd.Timestamp:
    """Read the date of an instant in a result table's zone: the one asked for, else the org's."""
    return as_date(moment, tz=Org.of(table).zone(note_of(table).tz))
