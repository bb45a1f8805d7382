"""Faults that misled people once, each put back as the few words of code that made it, and what
must find it."""

from __future__ import annotations
import __future__

import contextlib
import functools
import importlib
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

from tests.surfaces.facts import Ledger
from tests.surfaces.harness import judge

__all__ = ["FAULTS", "Fault", "find", "put_back"]


@dataclass(frozen=True)
class Edit:
    """A piece of a function's source, and what stood there."""

    target: str
    """``module:function`` or ``module:Class.method``, below opp_analytics."""
    now: str
    once: str


@dataclass(frozen=True)
class Fault:
    """What was wrong, the edits that make it wrong again, and the world and surfaces that must show
    it."""

    name: str
    world: str
    surfaces: tuple[str, ...]
    edits: tuple[Edit, ...]
    words: str = ""
    """Part of the mismatch that names the fault; any mismatch when empty."""


def _function(target: str) -> FunctionType:
    """The function behind a name, whatever wraps it."""
    module, _, path = target.partition(":")
    # A function named like its module hides it.
    found: Any = importlib.import_module(f"opp_analytics.{module}")
    for name in path.split("."):
        found = inspect.getattr_static(found, name)
    for wrapper in ("fget", "func", "__func__", "__wrapped__"):
        found = getattr(found, wrapper, found)
    assert isinstance(found, FunctionType), target
    return found


def _compile(function: FunctionType, source: str) -> CodeType:
    """The code of a function with another source."""
    flags = __future__.annotations.compiler_flag
    module = compile(source, function.__code__.co_filename, "exec", flags, dont_inherit=True)
    return next(
        constant
        for constant in module.co_consts
        if isinstance(constant, CodeType) and constant.co_name == function.__name__
    )


@contextlib.contextmanager
def put_back(*edits: Edit) -> Iterator[None]:
    """Let functions be as they were, wherever they are known; at the end they are as they are."""
    before: dict[FunctionType, CodeType] = {}
    sources: dict[FunctionType, str] = {}
    try:
        for edit in edits:
            function = _function(edit.target)
            source = sources.get(function) or textwrap.dedent(inspect.getsource(function))
            assert edit.now in source, (
                f"{edit.target} no longer holds {edit.now!r}: say anew how the fault is put back"
            )
            sources[function] = source.replace(edit.now, edit.once)
        for function, source in sources.items():
            before[function] = function.__code__
            function.__code__ = _compile(function, source)
        _forget()
        yield
    finally:
        for function, code in before.items():
            function.__code__ = code
        _forget()


def _forget() -> None:
    """Empty what functions remember of their results."""
    import sys

    for name, module in list(sys.modules.items()):
        if name.startswith("opp_analytics"):
            for value in list(vars(module).values()):
                if isinstance(value, functools._lru_cache_wrapper):
                    value.cache_clear()


def find(fault: Fault) -> list[str]:
    """The mismatches that a fault makes, once it is put back."""
    with put_back(*fault.edits):
        ledger: Ledger = judge(fault.world, fault.surfaces)
    return [line for line in ledger.mismatches if fault.words in line]


FAULTS: tuple[Fault, ...] = (
    Fault(
        "a blank stage counts as open",
        "blank",
        (),
        (
            Edit(
                "org.stages:_mark_rows",
                "return np.array([*found, other]",
                "return np.array([*found, 0]",
            ),
        ),
        "open value",
    ),
    Fault(
        "the import file writes cells that nobody edited",
        "import_file",
        (),
        (Edit("writer.sheets:make_import_files", "if before is None:", "if True:"),),
        "import file",
    ),
    Fault(
        "an old export gets a forecast for today without a word",
        "stale",
        (),
        (Edit("cli.source:say_age", "if old is not None:", "if False:"),),
        "newest date",
    ),
    Fault(
        "who is in view of many people is chosen by name",
        "euros",
        ("page",),
        (
            Edit(
                "report.blocks.people:_Rows._choose_kept",
                "set(ranked.index[:_KEPT])",
                "set(sorted(ranked.index)[:_KEPT])",
            ),
        ),
        "people, in view",
    ),
    Fault(
        "ten people are hidden and nothing opens them",
        "euros",
        ("page",),
        (
            Edit(
                "report.blocks.people:_Rows.group",
                'text.count(len(rest), f"more {self.tables.inputs.who}")',
                '""',
            ),
        ),
        "hidden",
    ),
    Fault(
        "the trend counts from another record than the tiles",
        "learned",
        ("page",),
        (
            Edit(
                "report.blocks.forecast:trend",
                "priced[priced.index.isin(ends)]",
                "priced",
            ),
            Edit("report.forecasts:Forecasts._choose_weekly", "& (weeks != week) ", ""),
            Edit(
                "report.forecasts:Forecasts._choose_weekly",
                "moments[kept | compared]",
                "moments[kept]",
            ),
            Edit("report.forecasts:Forecasts.fan", "if not self.no_changes:", "if False:"),
        ),
        "the day that changes are counted from",
    ),
    Fault(
        "the trend dates a record in UTC",
        "tokyo",
        ("page",),
        (
            Edit(
                "org.org:day_of",
                'tz=Org.of(table).zone(table.attrs.get("tz"))',
                'tz="UTC"',
            ),
        ),
        "the day that changes are counted from",
    ),
    Fault(
        "the explorer forecasts by stated chances although it has a history",
        "learned",
        ("explorer",),
        (
            Edit(
                "widgets.explorer.views.view:View._ask",
                "if self.selector.history is not None:",
                'options["method"] = "stated"\n    if False:',
            ),
        ),
        "explorer, forecast",
    ),
    Fault(
        "the explorer judges the flags of deals without their history",
        "learned",
        ("explorer",),
        (
            Edit(
                "widgets.explorer.choice:DealSelector._read_facts",
                "if self.moments else None",
                "if False else None",
            ),
        ),
        "explorer, at_risk",
    ),
    Fault(
        "the figures above a filtered chart count other deals",
        "hopeless",
        ("explorer",),
        (
            Edit(
                "widgets.explorer.views.changes:ChangesView.kpis",
                "f\"{int(self._sum('count', 'closing')):,}\"",
                'f"{len(open_deals(self.selector.select(self.choice, self.end))):,}"',
            ),
        ),
        "KPI",
    ),
    Fault(
        "a dated team move is read in UTC",
        "tokyo",
        ("truth",),
        (
            Edit("history.scope:_list_stays", "tz=org.zone(None)", 'tz="UTC"'),
            Edit("history.scope:_find_moves", "tz=org.zone(None)", 'tz="UTC"'),
        ),
        "deals of Dev",
    ),
    Fault(
        "a team move counts as a change of every open deal",
        "tokyo",
        ("truth",),
        (
            Edit(
                "analysis.quality.deal_flags:_read_places",
                'log["operation"] != MOVED',
                'log["operation"] != ""',
            ),
        ),
        "without the teams",
    ),
    Fault(
        "a target that is met is missed by the last bit",
        "met",
        ("truth", "page"),
        (
            Edit(
                "analysis.forecasting.targets:find_gap",
                "cents = np.round(np.clip(gap, -_NO_CENTS, _NO_CENTS), 2) + 0.0",
                "cents = gap",
            ),
        ),
        "met",
    ),
    Fault(
        "the target of somebody who joins a first team loses days by owner",
        "tokyo",
        ("truth",),
        (
            Edit(
                "org.place_targets:place_targets",
                'if part.get("owner_name") is not None:',
                "if False:",
            ),
        ),
        "target of Noor",
    ),
    Fault(
        "stages of two pipelines are ranked together",
        "pipelines",
        ("truth",),
        (
            Edit(
                "org.stages:Stages.rank_expression",
                "several = len(self.pipelines) > 1",
                "several = False",
            ),
            Edit(
                "org.stages:Stages.rank_expression",
                "if pipeline is not None or not several",
                'if pipeline == "New"',
            ),
            Edit(
                "analysis.quality.deal_flags:_flag_moved_back",
                "stages.look_up(deals.frame, rank_open)",
                'deals.frame["stage"].astype(str).map({"review": 0.0, "offer": 1.0}).to_numpy()',
            ),
        ),
        "moved_back",
    ),
    Fault(
        "a category is taken from another pipeline's stage of the same name",
        "pipelines",
        ("truth",),
        (
            Edit(
                "org.stages:Stages.look_up",
                (
                    "pipelines = self.pipelines if len(self.pipelines) > 1 and PIPELINE in frame "
                    "else ()"
                ),
                (
                    "given = {(None, name): number for (_, name), number in given.items()}; "
                    "pipelines = ()"
                ),
            ),
        ),
        "oa.forecast_categories",
    ),
    Fault(
        "an unchanged negative value counts as cut",
        "met",
        ("truth",),
        (
            Edit(
                "analysis.quality.deal_flags:_flag_value_cut",
                "highest - deals.limits.cut_share * np.abs(highest)",
                "highest * (1 - deals.limits.cut_share)",
            ),
        ),
        "value_cut",
    ),
    Fault(
        "a coverage is negative",
        "met",
        ("truth",),
        (
            Edit(
                "analysis.forecasting.forecast:_tabulate",
                '.where((gap > 0) & (table["open_value"] > 0))',
                ".where(gap > 0)",
            ),
        ),
        "negative coverage",
    ),
    Fault(
        "a period that is over needs pipeline",
        "run_rate",
        ("truth",),
        (Edit("analysis.forecasting.forecast:_tabulate", "needed.mask(over)", "needed"),),
        "period that is over",
    ),
    Fault(
        "the deals of one period are those of all",
        "learned",
        ("truth",),
        (
            Edit(
                "analysis.forecasting.forecast_deals:forecast_deals",
                "only=only or periods is not None",
                "only=only",
            ),
        ),
        "not asked for",
    ),
    Fault(
        "categories by owner are an error where no deal was due",
        "early_wins",
        ("truth",),
        (
            Edit(
                "analysis.forecasting.category_moves:_index",
                (
                    "pairs = [str(pair).partition(_ARROW) for pair in "
                    'table.index.get_level_values("pair")]'
                ),
                (
                    'pairs = pd.Series(table.index.get_level_values("pair")).str.split(_ARROW, '
                    "regex=False, expand=True)"
                ),
            ),
            Edit(
                "analysis.forecasting.category_moves:_index",
                "(pd.Index([pair[k] for pair in pairs], dtype=schema.TEXT) for k in (0, 2))",
                "(pd.Index(pairs[k], dtype=schema.TEXT) for k in (0, 1))",
            ),
        ),
        "KeyError",
    ),
    Fault(
        "a stored frame loses its org",
        "fiscal",
        ("commands",),
        (Edit("schema:keep_facts", "for name in FACTS if", "for name in () if"),),
        "stored frame",
    ),
    Fault(
        "a rate beyond its own interval is called more than chance",
        "run_rate",
        ("page", "explorer"),
        (
            Edit(
                "analysis.sentences.evidence:list_apart",
                "    off = (",
                (
                    '    differs = ((table["rate_low"] > table["won"].sum() / closed.sum()) | '
                    '(table["rate_high"] < table["won"].sum() / closed.sum())).to_numpy()\n    '
                    "off = ("
                ),
            ),
        ),
        "beyond chance",
    ),
    Fault(
        "a title says a share of four deals",
        "early_wins",
        ("page",),
        (Edit("analysis.sentences.evidence:is_enough", "deals >= FEWEST", "deals > 0"),),
        "a share of",
    ),
    Fault(
        "an owner is called nan",
        "euros",
        ("page",),
        (Edit("report.cells:add_details", "if len(gone):", "if False:"),),
        "",
    ),
    Fault(
        "45.000 without a cell that settles it is forty-five",
        "german",
        (),
        (
            Edit(
                "inputs:_read_in_column",
                "    if wanted:\n",
                "    if wanted:\n        return float(min(filter(None, wanted)))\n    if wanted:\n",
            ),
        ),
        "57.5",
    ),
    Fault(
        "euros are read as the dollars of the org",
        "signs",
        (),
        (Edit("inputs:read_amounts", "not _is_sign_of(amount.money, currency)", "False"),),
        "euros",
    ),
    Fault(
        "the year 3026 is taken for one",
        "years",
        (),
        (
            Edit("inputs:check_year", "if not FIRST_YEAR <= year <= LAST_YEAR:", "if False:"),
            Edit("inputs:_read_times", ".read_each(check_year)[1]", ".read_each(int)[1]"),
        ),
        "3026",
    ),
    Fault(
        "1/5 typed in December is of the year that ends",
        "typed",
        (),
        (Edit("inputs:read_date", "if this == today or (this < today) == past:", "if True:"),),
        "1/5",
    ),
    Fault(
        "a list of one month shows chances of other months",
        "learned",
        ("page",),
        (
            Edit(
                "report.forecasts:Forecasts.show_history",
                "if period and len(self.chances) else",
                "if False else",
            ),
        ),
        "from history",
    ),
    Fault(
        "one word for two chances",
        "learned",
        ("page",),
        (Edit("report.blocks.quality:risk", '"Stated", tables', '"Chance", tables'),),
        "two chances",
    ),
    Fault(
        "a forecast opens to its deals without what else it expects",
        "learned",
        ("page",),
        (Edit("report.cells:list_expected", "if abs(new) >= _CENT else {}", "if False else {}"),),
        "parts add up",
    ),
    Fault(
        "the deal that decides the most changes nothing",
        "hopeless",
        ("page",),
        (
            Edit(
                "analysis.sentences.forecasts:describe_forecast_deals",
                "won < evidence.LEAST_SWING",
                "False",
            ),
            Edit(
                "analysis.sentences.forecasts:describe_forecast_deals",
                'known["swing"].max() < evidence.LEAST_SWING',
                "False",
            ),
        ),
        "page, decide, ends of",
    ),
    Fault(
        "a mean is beside a range that excludes it without a word",
        "hopeless",
        ("page",),
        (
            Edit(
                "analysis.sentences.evidence:name_outside",
                'expected, low, high = float(row["expected"])',
                'return ""; expected, low, high = float(row["expected"])',
            ),
        ),
        "has its word",
    ),
    Fault(
        "closed deals without a line in a field history are won on the day they were created",
        "closings",
        (),
        (
            Edit(
                "crm.unrecorded:Closings.missing",
                'self.deals.index[~self.deals["held"]]',
                "self.deals.index[:0]",
            ),
        ),
        "open deals",
    ),
    Fault(
        "ids that are spelled in two ways are two deals",
        "ids",
        (),
        (
            Edit("crm.change_log:match_ids", "if len(missing) else ():", "if False else ():"),
            Edit("crm.change_log:refuse_other_deals", "if are_others(every, known):", "if False:"),
        ),
        "zeros lost",
    ),
    Fault(
        "a field history of other deals is taken for that of the export",
        "ids",
        (),
        (Edit("crm.change_log:refuse_other_deals", "if are_others(every, known):", "if False:"),),
        "other deals",
    ),
    Fault(
        "the workbook says 0.1% where the page says less than 1%",
        "hopeless",
        ("workbook",),
        (
            Edit(
                "columns:choose_workbook_format",
                "return WORKBOOK_FORMATS.get(unit)",
                'return "0.0%" if unit == "rate" else WORKBOOK_FORMATS.get(unit)',
            ),
        ),
        "chance as shown",
    ),
    Fault(
        "a forecast has cents beside thousands",
        "run_rate",
        ("commands",),
        (
            Edit(
                "columns:make_formatter", "not (estimated and values.abs().max() >= WHOLE) and ", ""
            ),
            Edit("columns:format_cell", "whole = column in _ESTIMATES and", "whole = False and"),
            Edit("cli.console:show", "money, compact=compact", "money"),
        ),
        "cents",
    ),
    Fault(
        "the tile and the block judge other past forecasts",
        "learned",
        ("page",),
        (Edit("report.blocks.forecast:past", "say_finding(table)", "say_finding(shown)"),),
        "ranges that held",
    ),
    Fault(
        "the grid forecasts by stated chances although it has a history",
        "learned",
        ("grid",),
        (
            Edit(
                "widgets.grid.review:ForecastEffect.show",
                "periods=2, **self._asked",
                'periods=2, method="stated", **self._asked',
            ),
        ),
        "grid",
    ),
)
"""Every fault."""
