"""A view of the explorer as one HTML page for those who were absent: no script, no request, all data escaped."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from html import escape, unescape
from typing import Any

from opp_analytics import svg, text
from opp_analytics.columns import write_label
from opp_analytics.svg import Row, Rows
from opp_analytics.widgets.explorer.views.view import View

_LARGEST = 50
"""Deals under each mark; an open table is there as it is on screen."""
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""Characters that HTML does not have."""
_STYLE = """
* { box-sizing: border-box; } html { color-scheme: light dark; }
body { margin: 0; background: var(--bg); color: var(--ink); font: 400 14px/20px -apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, "Helvetica Neue", Arial, "Noto Sans", sans-serif; font-variant-numeric: tabular-nums lining-nums; }
main { max-width: 1040px; margin: 0 auto; padding: 24px 16px 48px; }
h1 { font-size: 24px; line-height: 32px; font-weight: 600; margin: 4px 0; text-wrap: pretty; } h2 { font-size: 16px; line-height: 24px; font-weight: 600; margin: 24px 0 4px; }
p { margin: 4px 0; } .q { color: var(--ink3); font-size: 12px; line-height: 16px; } .top { border-bottom: 2px solid var(--ink); padding-bottom: 8px; font-weight: 600; }
.note { font-size: 12px; line-height: 16px; color: var(--ink2); } .hon { padding-left: 12px; border-left: 2px solid var(--hi); margin: 8px 0; }
.kpi { display: grid; grid-template-columns: repeat(auto-fit, minmax(152px, 1fr)); gap: 0 16px; margin: 16px 0; border: solid var(--rule); border-width: 1px 0; padding: 8px 0; }
.kpi b { display: block; font-size: 24px; line-height: 32px; font-weight: 600; color: var(--ink); } .kpi div { font-size: 12px; line-height: 16px; color: var(--ink2); padding: 4px 0; }
.scroll { overflow-x: auto; } .deals { padding: 4px 0 12px 16px; font-weight: 400; }
.wide .rows { --fig: 84px !important; } .wide .fig { white-space: pre-line; line-height: 16px; }
@media screen and (max-width: 1040px) {
.wide .row { grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 4px 8px; padding: 8px 0; } .wide .row > :not(.fig) { grid-column: 1 / -1; }
.wide .row.head > :is(.fig, :first-child) { display: none; } .wide .row > .fig { text-align: left; align-self: start; }
.wide .row > .fig::before { display: block; font-size: 11px; line-height: 14px; color: var(--ink3); font-weight: 400; } }
.fold > summary { cursor: pointer; min-height: 24px; padding: 4px 0; }
table { border-collapse: collapse; width: 100%; font-size: 13px; line-height: 20px; font-weight: 400; }
th, td { padding: 4px 0 4px 12px; text-align: left; font-weight: 400; border-bottom: 1px solid var(--rule); white-space: nowrap; vertical-align: top; } :is(th, td):first-child { padding-left: 0; }
tbody th { white-space: normal; overflow-wrap: anywhere; min-width: 144px; } thead th { font-size: 12px; color: var(--ink3); } .r { text-align: right; } small { display: block; color: var(--ink2); } a { color: inherit; text-decoration-color: var(--rule2); }
pre { background: var(--fill); padding: 8px 12px; border-radius: 3px; overflow-x: auto; font: 12px/16px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
:focus-visible { outline: 2px solid var(--hi); outline-offset: 2px; }
@media print { main { max-width: none; padding: 0; } .scroll, pre { overflow: visible; } pre { white-space: pre-wrap; } tr, .row { break-inside: avoid; } }
"""


def write_page(
    view: View,
    panel: Mapping[str, Any],
    show: Callable[[str, str], Mapping[str, Any]],
    key: str | None,
    label: str,
) -> str:
    """Write the page of a view as the panel shows it.

    `show` puts the deals under a mark into JSON, as `show_deals` does.

    With the `key` of a mark, and its `label`, it has the deals under this mark as on screen, else
    the first ones under each mark, folded.
    """
    chart = _read(Rows, {**panel, "rows": tuple(_read(Row, row) for row in panel["rows"])})
    links = [(link["key"], f"In no period: {link['label']}") for link in panel["links"]]
    notes = [*(words for _, words in links if key is not None), *panel["notes"]]
    heads = (
        "".join(map(_name_figure, range(1, len(chart.heads)), reversed(chart.heads)))
        if chart.wide
        else ""
    )
    keyed = dict(re.findall(r'data-key="([^"]*)"[^>]*>\s*<title>([^<]*)', panel["drawing"]))
    marks = [*links, *((unescape(mark), unescape(title)) for mark, title in keyed.items())]
    folded = [
        (
            "<details "
            f'class="fold"><summary>{escape(words)}</summary>{_write_deals(show, mark, words)}</details>'
        )
        for mark, words in marks
        if key is None
    ]
    drawn = panel["drawing"] or chart.html(
        [_write_deals(show, row.key, "") if key is None and row.key else "" for row in chart.rows]
    )
    table = "" if key is None else f"<h2>Deals</h2>{_write_deals(show, key, label, most=None)}"
    kpis = "".join(
        f"<div>{escape(each['name'])}<b>{escape(each['figure'])}</b>{escape(each['note'])}</div>"
        for each in panel["kpis"]
    )
    picked = [*["With planned changes"] * view.choice.planned, *describe_filters(view)] or [
        "All deals"
    ]
    page = "\n".join(
        [
            '<!doctype html><html lang="en-US"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            (
                '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
                "style-src 'unsafe-inline'; img-src data:\">"
            ),
            (
                '<link rel="icon" '
                f'href="data:,"><title>{escape(panel["title"])}</title><style>{svg.stylesheet()}{_STYLE}{heads}</style></head>'
            ),
            (
                '<body><main><p class="top">Pipeline review · '
                f"{escape(text.title(view.choice.view))}</p>"
            ),
            f'<h1>{escape(panel["title"])}</h1><p class="q">{escape(panel["about"])}</p>',
            f'<p><bdi>{escape(" · ".join(picked))}</bdi></p><div class="kpi">{kpis}</div>',
            f'<div class="scroll{" wide" if chart.wide else ""}">{drawn}</div>',
            *folded,
            *(f'<p class="note hon">{escape(note)}</p>' for note in notes),
            f'<p class="q">{escape(panel["n"])}</p>',
            table,
            f'<h2>Code</h2><pre tabindex="0">{escape(panel["code"])}</pre></main></body></html>',
            "",
        ]
    )
    return _CONTROLS.sub("\ufffd", page)


def _read(kind: Any, entries: Mapping[str, Any]) -> Any:
    return kind(**{each.name: entries[each.name] for each in fields(kind)})


def _name_figure(from_last: int, head: str) -> str:
    """Write the rule that puts its heading over a figure below the picture."""
    words = re.sub(r"[^\w %]", lambda sign: f"\\{ord(sign[0]):x} ", head.replace("\n", " "))
    return (
        f"@media screen and (max-width: 1040px) {{ .fig:nth-last-child({from_last})::before {{ "
        f'content: "{words}"; }} }}\n'
    )


def stack_narrow(chart: Rows) -> Rows:
    """Let pictures take the line below their row where it is narrow and has several figures, which leave them no room."""
    several = any(len(row.figures) > 1 for row in chart.rows)
    return replace(chart, stacked=chart.stacked or (several and not chart.wide))


def describe_filters(view: View) -> Iterator[str]:
    """Say in words which filters act in a view."""
    choice, currency = view.choice, view.org.currency
    for column, values in choice.where.items():
        if choice.has("stage" if column == "stage" else "names"):
            names = [text.MISSING if each is None else write_label(column, each) for each in values]
            yield f"{text.title(text.group_label(column))}: {text.joined(names)}"
    if choice.has("value"):
        yield (
            "Value: "
            f"{_span(choice.low, choice.high, lambda bound: text.money(bound, currency, full=True))}"
        )
    if choice.has("close"):
        yield (
            "Close date: "
            f"{choice.close or _span(choice.first, choice.last, lambda day: text.day(day, year=True))}"
        )
    if choice.has("text"):
        yield f"Name contains “{choice.text}”"
    if choice.has("picked"):
        yield f"{text.count(len(choice.picked))} picked by hand"
    if choice.has("discussed"):
        yield "Discussed" if choice.discussed == "yes" else "Not yet discussed"


def _span(low: Any, high: Any, write: Any) -> str:
    if low is not None and high is not None:
        return f"{write(low)} to {write(high)}"
    return f"from {write(low)}" if high is None else f"up to {write(high)}"


def _write_deals(
    show: Callable[[str, str], Mapping[str, Any]], key: str, label: str, most: int | None = _LARGEST
) -> str:
    """Write the deals under a mark as a table, with what the meeting noted below the names.

    Empty without any.
    """
    shown = show(key, label)
    rows, columns = shown["rows"][:most], shown["columns"]
    if not rows:
        return ""
    sides = [' class="r"' if column["right"] else "" for column in columns]
    heads = "".join(
        f'<th scope="col"{side}>{escape(column["title"])}</th>'
        for side, column in zip(sides, columns, strict=True)
    )
    lines, noted = [], shown["review"].get("rows") or [(False, "")] * len(rows)
    for row, link, (discussed, note) in zip(rows, shown["links"], noted, strict=False):
        name, *cells = (
            f'<bdi title="{escape(full)}">{escape(said)}</bdi>'
            if full
            else f"<bdi>{escape(said)}</bdi>"
            for said, full in ([*cell[1:], ""][:2] for cell in row)
        )
        if link and re.match("https?:", link, re.IGNORECASE):
            name = f'<a href="{escape(link)}" rel="noopener noreferrer">{name}</a>'
        words = escape(" · ".join(filter(None, ("Discussed" if discussed else "", note))))
        name += f"<small><bdi>{words}</bdi></small>" if words else ""
        lines.append(f'<tr><th scope="row">{name}</th>')
        lines += [f"<td{side}>{cell}</td>" for side, cell in zip(sides[1:], cells, strict=True)] + [
            "</tr>"
        ]
    left = len(shown["rows"]) + shown["more"] - len(rows)
    some = f"the first {len(rows)} are listed" if left else ""
    about = escape(
        " · ".join(filter(None, (label, shown["counted"], shown["sum"], some, shown["note"])))
    )
    return (
        f'<div class="deals"><p class="note">{about}</p><div class="scroll" tabindex="0" '
        'role="region" '
        f'aria-label="{escape(label or key)}: deals"><table><thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div></div>"
    )
