"""`read_changes`: a change log from a CSV file."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike

import pandas as pd

from opp_analytics import arguments, files
from opp_analytics.errors import DataError, MissingColumnError
from opp_analytics.history.from_changes import LONG
from opp_analytics.schema import TEXT

__all__ = ["read_changes"]


def read_changes(file: str | PathLike[str], *, rename: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Read a change log from a CSV file, for `History.from_changes`.

    The first line names the columns, in one of two forms. Times are ISO 8601, UTC unless they say otherwise;
    dates are ``2026-03-31``; an empty cell is a missing value.

    *Long*, the form in which CRMs export a field history: one line per changed field, with any further fields::

        unique_id,changed_at,field,new_value
        881836,2026-04-09T21:32:09,created_at,2026-04-09T21:32:09
        881836,2026-04-20T21:32:09,stage,discovery

    *Wide*: one line per change, with the whole opportunity from then on; ``operation`` is optional::

        unique_id,seen_at,operation,name,value,stage,close_date,probability,status
        881836,2026-04-20T21:32:09,new,Acme,1200.50,discovery,2026-06-30,20,active

    Parameters
    ----------
    file : str or path
        Path of a UTF-8 CSV file.
    rename : mapping, optional
        Names in the file mapped to names of this package, for columns and, in the long form, fields:
        ``{"deal_id": "unique_id", "stage_id": "stage"}``.

    Returns
    -------
    DataFrame
        The file's columns as text, empty cells missing.

    Raises
    ------
    DataError
        When the file is not a table of this form, or lacks a column or field that `rename` names.
    """
    file = arguments.path(file, "file")
    files.refuse_devices(file)
    try:
        log = pd.read_csv(file, dtype=TEXT, keep_default_na=False, na_values=[""], encoding="utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"{file} does not exist; give the path of a CSV file") from None
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise DataError(f"{file} is not a CSV file of changes: {error}") from None
    names = dict(rename or {})
    log = log.rename(columns=names)
    fields = set(log["field"].dropna()) if "field" in log else set()
    unknown = [old for old, new in names.items() if new not in log.columns and old not in fields]
    if unknown:
        known = ", ".join([*log.columns, *sorted(fields)])
        raise DataError(f"{file} has no column or field {unknown[0]!r} to rename; it has {known}")
    if fields:
        log = log.assign(field=log["field"].replace(names))
    missing = set(LONG) - set(log.columns) if fields else {"unique_id", "seen_at"} - set(log.columns)
    if missing:
        raise MissingColumnError(
            f"{file} has no column {', '.join(sorted(missing))}; it has {', '.join(log.columns)}. Long: {', '.join(LONG)}; "
            "wide: unique_id, seen_at, the opportunity's columns"
        )
    return log
