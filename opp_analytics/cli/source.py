"""Sources of a command's opportunities and of their meaning.

Opportunities come from the API or a file of another CRM, their meaning from the org file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, NamedTuple

import pandas as pd
import typer

import opp_analytics as oa
from opp_analytics import text
from opp_analytics.api import VARIABLES
from opp_analytics.certificate import Certificate
from opp_analytics.cli.console import OUTPUT, note, write_command
from opp_analytics.cli.output import Command, Options, add_options
from opp_analytics.crm import explain_export, guess_org
from opp_analytics.errors import ConfigError, NotEnoughHistory
from opp_analytics.inputs import did_you_mean, read_amount
from opp_analytics.org import PRESETS, Org, find_day, find_old_date, read_folder_org
from opp_analytics.periods import as_date, as_instant
from opp_analytics.schema import BadCell

_MOST_UNCLEAR = 3
"""Guesses that a command says; `import-crm` lists all."""
FromFile = Annotated[
    Path | None,
    typer.Option(
        "--from", help="Read this export of your CRM (.csv, .xlsx, .parquet) instead of the API."
    ),
]
"""The option ``--from`` of a command that reads opportunities."""


_CELLS: Options = {
    "day_first": (
        Annotated[
            bool | None,
            typer.Option(
                "--day-first/--month-first",
                help="Whether 03/04/2027 in a file is April 3 or March 4.",
                show_default="as the file's other rows tell",
            ),
        ],
        None,
    ),
    "decimal_comma": (
        Annotated[
            bool | None,
            typer.Option(
                "--decimal-comma/--no-decimal-comma",
                help="Whether 45.000 in a file is 45,000 or 45.",
                show_default="as the column's other amounts tell",
            ),
        ],
        None,
    ),
    "unreadable": (
        Annotated[
            Literal["refuse", "blank"],
            typer.Option(
                "--unreadable",
                help=(
                    "An amount, date or percentage that can't be read, such as TBD: refuse the "
                    "file, or leave the cell blank."
                ),
            ),
        ],
        "refuse",
    ),
}
"""Options that say how the cells of a file are written, each with its default."""


def reads_cells(command: Command) -> Command:
    """Give a command the options for how a file's cells are written, as `written`."""

    def run(**others: Any) -> None:
        command(written={name: others.pop(name) for name in _CELLS}, **others)

    return add_options(run, command, _CELLS, given=("written",))


OrgFile = Annotated[
    Path | None,
    typer.Option(
        "--org",
        help=(
            "Org file, or a preset: salesforce, hubspot, pipedrive, zoho, dynamics, close or attio."
        ),
        show_default="opp-analytics.toml in this folder, if any",
    ),
]
"""The option ``--org``."""


def parse_amount(
    typed: str | None, org: Org | None, decimal_comma: bool | None = None
) -> float | None:
    """Read an option's amount like a cell, in the org's currency: 500000, $500,000 or 500k.

    `decimal_comma` is that of a file beside it; without one, the org tells it.
    """
    if typed is None:
        return None
    known = org or oa.Org()
    try:
        comma = known.decimal_comma if decimal_comma is None else decimal_comma
        return read_amount(typed, known.currency, decimal_comma=comma)
    except BadCell as error:
        raise typer.BadParameter(f"{typed!r} {error}") from None


Target = Annotated[
    str | None,
    typer.Option(
        "--target",
        metavar="AMOUNT",
        help="Target of each period, as 500000 or 500k.",
        show_default="[targets] of the org file",
    ),
]
HistoryFolder = Annotated[Path, typer.Option("--history", help="Folder of the history.")]
HISTORY_FOLDER = Path("opp-history")


def find_history(folder: Path, org: oa.Org | None) -> oa.History | None:
    """Open the history of the folder; None where nothing was recorded yet."""
    try:
        folder.stat()
    except FileNotFoundError:
        return None
    except OSError:  # `History` says what is wrong; `is_dir` hides it from Python 3.14 on
        pass
    history = oa.History(folder, org=org)
    return history if len(history.records) else None


By = Annotated[
    list[str] | None,
    typer.Option("--by", help="Column to group by, such as owner_name; repeat it for more."),
]
Freq = Annotated[
    str | None,
    typer.Option("--freq", help="Period: W, M, Q, Y, or a fiscal Q-JAN.", show_default="M"),
]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", help="Day, as 2026-03-31.", show_default="the day of the data"),
]
Method = Annotated[
    str,
    typer.Option(
        "--method", help="How the forecast is made: auto, learned, run_rate, stated, stage."
    ),
]
Explain = Annotated[
    bool, typer.Option("--explain", help="Say all reasons for the method of the forecast.")
]


def open_history(folder: Path, org: oa.Org | None) -> oa.History:
    """Open the history of the folder, which needs a record."""
    history = oa.History(folder, org=org)
    if not len(history.records):
        record = write_command("record", "--history", folder)
        raise NotEnoughHistory(f"{folder} holds no records; make one every day with: {record}")
    return history


class CommandSource(NamedTuple):
    """The data of a command."""

    opportunities: pd.DataFrame
    org: oa.Org | None
    """What they mean; None where nobody said."""
    client: oa.Client | None
    """The connection that they came from; None for a file."""
    as_of: str | None = None
    """The day of ``--as-of`` as typed."""

    @property
    def zone(self) -> str:
        """The business time zone."""
        return oa.Org.of(self.opportunities).zone(None)

    @property
    def day(self) -> pd.Timestamp:
        """The day of ``--as-of``; that of the data without it."""
        if self.as_of is None:
            return find_day(self.opportunities)
        return as_date(self.as_of, tz=self.zone, name="as_of")

    def own_writes(self) -> pd.DataFrame | None:
        """Find edits written from this computer to the same tenant; None for a file."""
        return None if self.client is None else oa.own_writes(self.client)


def read_source(
    file: Path | None,
    org_file: Path | None,
    written: Mapping[str, Any] = MappingProxyType({}),
    *,
    asked: str | None = None,
    recorded: Path | None = None,
    **options: Any,
) -> CommandSource:
    """Read the opportunities of a file, or load them from the API with these options of `load`.

    Without a setting of the API, the last record of the history in the folder `recorded` answers,
    if there is one; of an earlier day of --as-of that was `asked`, always the last record by then.
    A file's cells are `written` as its options say, see `reads_cells`.
    """
    org = find_org(org_file)
    zone = (org or oa.Org()).zone(None)
    # The API knows today alone.
    earlier = asked is not None and as_date(asked, tz=zone, name="--as-of") < as_date(
        datetime.now(UTC), tz=zone
    )
    unset = not any(map(os.environ.get, VARIABLES))
    if file is None and recorded is not None and (earlier or unset):
        history = find_history(recorded, org)
        if history is not None:
            opportunities, day = _read_record(history, org, asked)
            read, last = text.count(len(opportunities), "opportunity"), f"the record of {day}"
            note(f"Read {read} from {last} in {recorded}; --from FILE reads an export.")
            return CommandSource(opportunities, org, None)
    if file is None:
        client = _connect(org)
        opportunities = oa.load(client, progress=False if OUTPUT.get().quiet else None, **options)
        return CommandSource(opportunities, org, client)
    known = org or guess_org(file)
    export = explain_export(file, known, **written)
    note(f"Read {text.count(len(export.opportunities), 'opportunity')} from {file}.")
    unclear = export.mapping[
        export.mapping["how"].isin(["guessed", "unknown"]) & (export.mapping["theirs"] != "")
    ]
    said = [
        f'"{theirs}" read as {text.label(ours)} (a guess)'
        if how == "guessed"
        else f'"{theirs}" unknown'
        for theirs, ours, how in unclear[["theirs", "ours", "how"]].itertuples(index=False)
    ]
    if said:
        lists = f"; {write_command('import-crm', file)} lists all"
        note(f"{text.joined(said, most=_MOST_UNCLEAR)}{lists}.")
    for what in export.left_out:
        note(f"Left out: {what}.")
    filled = export.mapping["theirs"] == ""
    for why in export.mapping.loc[filled, "note"]:
        note(f"{text.capital(why)}.")
    return CommandSource(export.opportunities, oa.Org.of(export.opportunities), None)


def _read_record(
    history: oa.History, org: Org | None, asked: str | None
) -> tuple[pd.DataFrame, str]:
    """Read the last record, or the last one by the day `asked`: its opportunities and its day."""
    zone = (org or oa.Org()).zone(None)
    moment = history.recorded_before(
        history.records["recorded_at"].iloc[-1]
        if asked is None
        else as_instant(as_date(asked, tz=zone, name="as_of"), tz=zone, end=True)
    )
    return history.as_of(moment), f"{as_date(moment, tz=zone):%Y-%m-%d}"


def reads_deals(command: Command) -> Command:
    """Give a command its `source` of opportunities, and the options that choose it.

    The source is the API, the file of --from, or the last record.
    """

    def run(
        *, source_file: Path | None, org_file: Path | None, as_of: str | None, **others: Any
    ) -> None:
        written = {name: others.pop(name) for name in _CELLS}
        recorded = others.pop("folder")
        source = read_source(source_file, org_file, written, asked=as_of, recorded=recorded)
        source = source._replace(as_of=as_of)
        say_day(source)
        if as_of is None:
            say_age(source.opportunities, source.day, "--as-of")
        command(source=source, history=find_history(recorded, source.org), **others)

    return add_options(run, command, _READING, given=("source", "history"))


def reads_records(command: Command) -> Command:
    """Give a command its `history`, and as `source` the last record of the day of --as-of."""

    def run(*, org_file: Path | None, as_of: str | None, folder: Path, **others: Any) -> None:
        source, history = read_last_record(folder, find_org(org_file), as_of)
        command(source=source, history=history, **others)

    options = {name: _READING[name] for name in ("as_of", "org_file", "folder")}
    return add_options(run, command, options, given=("source", "history"))


def read_last_record(
    folder: Path, org: Org | None, as_of: str | None
) -> tuple[CommandSource, oa.History]:
    """Read a history, which needs a record, and its last record of the day of --as-of."""
    history = open_history(folder, org)
    source = CommandSource(_read_record(history, org, as_of)[0], org, None, as_of)
    say_day(source)
    return source, history


_READING = {
    "as_of": (AsOf, None),
    "source_file": (FromFile, None),
    **_CELLS,
    "org_file": (OrgFile, None),
    "folder": (HistoryFolder, HISTORY_FOLDER),
}


def say_day(source: CommandSource) -> None:
    """Say the day of the data where it is not today, or not that of ``--as-of``."""
    seen = find_day(source.opportunities)
    last, asked = text.day(seen, year=True), text.day(source.day, year=True)
    if source.as_of is None and seen < as_date(datetime.now(UTC), tz=source.zone):
        note(f"As of {last}, the day of the data.")
    elif Certificate.moment_of(source.opportunities) and seen > source.day:
        note(f"The deals are those of {last}; without a record, those of {asked} are not known.")


def say_age(
    opportunities: pd.DataFrame, day: pd.Timestamp | None = None, option: str | None = None
) -> None:
    """Say that data are old on a day, by default today, and the `option` that asks of another."""
    today = as_date(datetime.now(UTC), tz=oa.Org.of(opportunities).zone(None))
    old = find_old_date(opportunities, today if day is None else day)
    if old is not None:
        asks = f"; did you mean {option} {old:%Y-%m-%d}?" if option else "."
        note(f"Old data: newest date {old:%Y-%m-%d}{asks}")


def _connect(org: oa.Org | None) -> oa.Client:
    try:
        return oa.Client.from_env(org=org)
    except ConfigError as error:
        error.shell_way = (
            f"or begin with an export of your CRM: {write_command('start', 'FILE')}; or read one "
            "with --from FILE"
        )
        raise


def find_org(path: Path | None) -> Org | None:
    """Find the org: the named file or preset, else the working folder's org file, or None."""
    if path is None:
        return read_folder_org()
    name = str(path)
    if path.suffix or path.name != name or path.exists():
        return Org.read(path)
    if name not in PRESETS:
        near = (
            did_you_mean(name, PRESETS, write=str) or "choose one of the presets, or name a file."
        )
        raise ConfigError(f'no file or preset "{name}"; {near} Presets: {", ".join(PRESETS)}')
    return Org(preset=name)
