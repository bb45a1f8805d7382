"""Text that another program read in the wrong encoding before it wrote the file: ``JosÃ©`` for José."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from opp_analytics.crm.problems import BadValue, refuse
from opp_analytics.crm.tables.table import Table

__all__ = ["refuse_garbled"]

_SIGNS = ("Ã", "Â", "â€", "\ufffd")
_GARBLED = "[ÂÃ][\u0080-\u00bf]|â€|\ufffd"
"""UTF-8 read as Windows-1252, and the sign that stands for a lost character."""


def refuse_garbled(table: Table, text: str) -> None:
    """Refuse a table whose text was garbled.

    Raises
    ------
    DataError
        The message names the rows and cells.
    """
    if not any(sign in text for sign in _SIGNS):
        return
    reason = "was garbled by a wrong encoding before it was exported; export it as UTF-8, or keep it with encoding='utf-8', or import-crm --encoding utf-8"
    bad = []
    for place, label in enumerate(table.labels):
        column = table.cells[place]
        if isinstance(column.dtype, pd.StringDtype):
            found = pc.match_substring_regex(pa.array(column, pa.string(), from_pandas=True), _GARBLED)
            garbled = column[pc.fill_null(found, False).to_numpy(zero_copy_only=False)]
            bad += [BadValue(int(row), label, cell, reason) for row, cell in garbled.items()]
    if bad:
        refuse(table.file, bad)
