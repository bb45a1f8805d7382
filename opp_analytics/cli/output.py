"""The answer of a command beside its lines: JSON, or files, each written whole or not at all."""

from __future__ import annotations

import inspect
import io
import json
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

from opp_analytics import files, text
from opp_analytics.cli.console import OUTPUT, Output, note
from opp_analytics.errors import DataError
from opp_analytics.files import check_writable, replace_file, say_failure
from opp_analytics.note import note_of
from opp_analytics.workbooks import add_sheet, make_workbook, write_table

Command = Callable[..., None]
"""The function of a command, with a parameter for each option."""
Options = dict[str, tuple[Any, Any]]
"""Options of commands by name, each with its kind and default."""
TABLES = (".xlsx", ".csv")
"""Endings of the files that `write_tables` writes."""
_LONGEST_NAME = 31
"""Characters of a sheet's name that Excel takes."""


def check_ending(file: Path | None, endings: Collection[str]) -> None:
    """Refuse an output file that cannot be written, before the first request.

    Its ending must be known, its folder must exist, and an old file must be replaceable.
    """
    if file is None:
        return
    files.check_ending(file, endings)
    if not file.parent.is_dir():
        raise DataError(f"the folder {file.parent} does not exist; create it first")
    with say_failure(f"cannot write {file}"):
        check_writable(file)


@contextmanager
def write_staged(file: Path) -> Iterator[Path]:
    """Write to a temporary path that becomes `file` at the end.

    A failed write leaves an older file unchanged.
    """
    with say_failure(f"cannot write {file}"), replace_file(file) as staged:
        yield staged


def write_csv(table: pd.DataFrame, file: Path) -> None:
    """Write a table as CSV.

    A text that a spreadsheet would take for a formula gets a leading apostrophe.
    """
    # Here: other files than CSV need no writer.
    from opp_analytics.writer import write_guarded

    with write_staged(file) as staged:
        write_guarded(table, staged)


def with_tables(
    out: Sequence[str] = TABLES, **own: Collection[str]
) -> Callable[[Command], Command]:
    """Add --json, --quiet and --out to a command that ends with `answer`.

    --out takes files with an ending in `out`, and is not added if there is none.

    Files of its `own` options are checked first too, by their endings.
    """
    options: Options = {"as_json": (_Json, False), "quiet": (_Quiet, False)}
    if out:
        words = f"Write the tables in full to this {', '.join(out[:-1])} or {out[-1]} file."
        options = {
            "tables_file": (
                Annotated[Path | None, typer.Option("--out", help=words, show_default=False)],
                None,
            ),
            **options,
        }

    def decorate(command: Command) -> Command:
        def run(
            *, quiet: bool, as_json: bool, tables_file: Path | None = None, **others: Any
        ) -> None:
            for name, endings in {"tables_file": out, **own}.items():
                check_ending(tables_file if name == "tables_file" else others[name], endings)
            ways = "--out FILE or --json" if out else "--json"
            before = OUTPUT.set(Output(quiet, as_json, tables_file, ways))
            try:
                command(**others)
            finally:
                OUTPUT.reset(before)

        return add_options(run, command, options)

    return decorate


_Json = Annotated[bool, typer.Option("--json", help="Print the tables as JSON, and nothing else.")]
_Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print the answer only: no notes, no progress.")
]


def add_options(
    run: Command,
    command: Command,
    options: Options,
    *,
    given: Collection[str] = (),
) -> Command:
    """Give `run` the options of the command that it calls, and its own `options`.

    The options in `given` are left out, because `run` passes them. `options` maps each name to its
    kind and default.
    """
    signature = inspect.signature(command, eval_str=True)
    own = [one for name, one in signature.parameters.items() if name not in given]
    kind = inspect.Parameter.KEYWORD_ONLY
    more = [
        inspect.Parameter(n, kind, default=default, annotation=a)
        for n, (a, default) in options.items()
    ]
    vars(wraps(command)(run))["__signature__"] = signature.replace(parameters=[*own, *more])
    return run


def answer(tables: pd.DataFrame | Mapping[str, pd.DataFrame]) -> None:
    """End a command: write its tables to the file of --out, and print them with --json."""
    asked = OUTPUT.get()
    if asked.file is not None:
        check_ending(asked.file, TABLES)
        write_tables({"table": tables} if isinstance(tables, pd.DataFrame) else tables, asked.file)
        note(f"Written to {asked.file}.")
    if asked.as_json:
        echo_json(
            _list_rows(tables)
            if isinstance(tables, pd.DataFrame)
            else {"tables": {name: _list_rows(table) for name, table in tables.items()}}
        )


def echo_json(shown: Any) -> None:
    """Print the JSON of a command, in one line."""
    typer.echo(json.dumps(shown, ensure_ascii=False, default=str))


def _list_rows(table: pd.DataFrame) -> dict[str, Any]:
    """List a table for JSON: its columns, its rows, and its note without the org.

    The levels of the index are the first columns.
    """
    flat = _flatten(table)
    names = list(map(str, flat))
    rows = [
        dict(zip(names, map(_plain, row), strict=True))
        for row in flat.itertuples(index=False, name=None)
    ]
    note = note_of(table).to_dict()
    note.pop("org", None)
    return {"columns": names, "rows": rows, "note": note}


def _flatten(table: pd.DataFrame) -> pd.DataFrame:
    return table.reset_index(drop=list(table.index.names) == [None])


def _plain(value: Any) -> Any:
    """Write a value for JSON: dates and instants in ISO, what is missing or without end as null."""
    if isinstance(value, (str, list, dict)):
        return value
    if pd.isna(value):
        return None
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, date):
        whole = isinstance(value, datetime) and (value.tzinfo is not None or value.time() != time())
        return value.isoformat() if whole else f"{value:%Y-%m-%d}"
    return value


def write_tables(tables: Mapping[str, pd.DataFrame], file: Path) -> None:
    """Write tables to one file: workbook sheets, or one table as CSV.

    CSV gets the first table of deals, else the first table.

    Ids come last.
    """
    flat = ((text.title(name), _flatten(table)) for name, table in tables.items())
    tables = {name: table[sorted(table, key="unique_id".__eq__)] for name, table in flat}
    if file.suffix.lower() == ".csv":
        of_deals = [table for table in tables.values() if "unique_id" in table]
        write_csv([*of_deals, *tables.values()][0], file)
    else:
        saved = io.BytesIO()
        with make_workbook(saved, "excel") as book:
            for name, table in tables.items():
                page = add_sheet(book, name[:_LONGEST_NAME])
                write_table(book, page, table, list(map(text.one_line, table)), None, widest=60)
        with write_staged(file) as staged:
            staged.write_bytes(saved.getvalue())
