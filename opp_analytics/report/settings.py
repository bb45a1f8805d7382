"""What the ``[report]`` section of an org file asks for: the logo of the page, and alerts."""

from __future__ import annotations

import base64
import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from opp_analytics import text
from opp_analytics.columns import find_unit, format_cell
from opp_analytics.errors import ArgumentValueError, DataWarning
from opp_analytics.files import SMALL, read_whole
from opp_analytics.org import Condition, read_condition
from opp_analytics.report.model import Alert

_PICTURES = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".svg": "svg+xml", ".webp": "webp"}
_LARGEST = 200_000
"""Bytes of a logo, which is part of every page."""


def read_logo(settings: Mapping[str, Any]) -> str | None:
    """Read the logo as a ``data:`` address; refuse one that a page cannot hold."""
    if settings.get("logo") is None:
        return None
    file = Path(settings["logo"])
    kind = _PICTURES.get(file.suffix.lower())
    if kind is None:
        raise ArgumentValueError(
            f"report.logo={str(file)!r} is not a picture; use one of {', '.join(_PICTURES)}"
        )
    content = read_whole(file, most=SMALL)
    if len(content) > _LARGEST:
        raise ArgumentValueError(
            f"the logo {file} has {len(content):,} bytes; use one of at most {_LARGEST:,}, since every page holds it"
        )
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


_TOLD = "you asked to be told {bound}."
_TEXTS = {
    "p_target": f"{{period}} is {{figure}} likely to hit {{target}}; {_TOLD}",
    "expected": f"Forecast for {{period}} is {{figure}}; {_TOLD}",
    "expected / target": "Forecast {expected} is {figure} of target; your line is {line}.",
    "booked": f"{{period}} has {{figure}} closed; {_TOLD}",
    "booked / target": "Closed {booked} is {figure} of target; your line is {line}.",
    "attainment": "Closed {booked} is {figure} of target; your line is {line}.",
    "gap": f"{{period}} has {{figure}} to go; {_TOLD}",
    "open_value": f"{{period}} has {{figure}} open and due; {_TOLD}",
    "pipeline_coverage": f"{{period}} has {{figure}} coverage of what is to go; {_TOLD}",
    "needed_pipeline": f"{{period}} needs {{figure}} more pipeline; {_TOLD}",
    "world_changed": "New deals or the share won changed beyond chance; you asked to be told.",
}
"""Sentences of alerts by the column that is compared with a number, or by the two columns of a ratio."""


def find_alerts(
    settings: Mapping[str, Any],
    row: pd.Series[Any],
    earlier: pd.Series[Any] | None = None,
    *,
    label: str,
    period: str,
    currency: str | None,
) -> list[Alert]:
    """Say each condition of ``alert_when`` that holds for the current period's row, new ones first; warn of one on an unknown figure.

    `earlier` is the row as of the record that changes are counted from, `label` that of the period.
    """
    typed, texts = settings.get("alert_when") or (), settings.get("alert_text") or {}
    now: Any = row.to_dict()
    before: Any = None if earlier is None else earlier.to_dict()
    own = {" ".join(key.split()): words for key, words in texts.items()}
    alerts = []
    for words in [typed] if isinstance(typed, str) else typed:
        condition = read_condition(words, row.index)
        holds = condition.judge(now)
        if holds:
            new = None if before is None else not condition.judge(before)
            sentence = _say_alert(condition, row, own, period, currency)
            alerts.append(Alert(sentence, new, f"{label} {condition.text}"))
        elif holds is None:
            unknown = [name for name in condition.columns if math.isnan(row[name])]
            why = f"{text.joined(unknown)} is not known" if unknown else "it divides by zero"
            why = f"alert_when={condition.text!r} cannot be judged for {period}: {why}"
            warnings.warn(why, DataWarning, stacklevel=2)
    return sorted(alerts, key=lambda alert: alert.new is False)


def _say_alert(
    condition: Condition, row: pd.Series[Any], own: Mapping[str, str], period: str, currency: str | None
) -> str:
    shown = {str(name): _write(str(name), float(figure), currency) for name, figure in row.items()}
    shown |= {"period": period, "condition": condition.text}
    found = condition.comparison
    if found is None:
        figures = text.joined(f"{name} is {shown[name]}" for name in condition.columns)
        template = f"{{period}}: {figures}; you asked to be told when {{condition}}."
    else:
        figure = float(row[found.column])
        if found.base:
            figure = figure / float(row[found.base]) if row[found.base] else math.nan
        for fine in (False, True):
            pair = [
                _write("" if found.base else found.column, number, currency, fine)
                for number in (figure, found.line)
            ]
            if pair[0] != pair[1] or figure == found.line:
                break
        shown |= {"figure": pair[0], "line": pair[1], "bound": f"{found.word} {pair[1]}"}
        names = f"{found.column} / {found.base}" if found.base else found.column
        usual = f"{{period}}: {found.column} is {{figure}}"
        usual += f" of {found.base}; your line is {{line}}." if found.base else f"; {_TOLD}"
        template = own.get(found.column) or _TEXTS.get(names, usual)
    return text.one_line(text.capital(own.get(condition.text, template).format_map(shown)))


def _write(column: str, figure: float, currency: str | None, fine: bool = False) -> str:
    """Write a figure for reading, that of no column as a share; `fine` where rounding hides on which side of a line it is."""
    unit = find_unit(column) if column else "rate"
    if unit == "money":
        return text.money(figure, currency, full=fine)
    if unit == "rate":
        return text.percent(figure, 2 * fine)
    return f"{text.number(figure, 2)}×" if unit == "ratio" and fine else format_cell(column, figure, currency)
