"""The history in an export: HubSpot's columns for entering and leaving each stage."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pandas as pd

from opp_analytics.crm.mapping import Mapped
from opp_analytics.crm.recognize import STAGE_SPAN, find_stage_date
from opp_analytics.crm.values import read_stage
from opp_analytics.org import NOT_RECORDED, Org, Stages
from opp_analytics.schema import TEXT
from opp_analytics.text import count

_SAME = pd.Timedelta(minutes=1)
"""Exports write minutes, so a stage is left and the next one entered within one."""
ONE_DATE = (
    "Only the latest entry of a deal into a stage has a date: of one that came back to a stage, "
    "the earlier one is not known"
)


def mark_stage_dates(matched: list[Mapped]) -> list[Mapped]:
    """Mark columns of stage dates among those to keep, and drop times derived from them."""
    lines = []
    for line in matched:
        if line.how == "kept" and find_stage_date(line.theirs):
            line = replace(line, how="mapped")
        elif line.how == "kept" and STAGE_SPAN.fullmatch(line.theirs):
            line = replace(
                line, ours="", how="dropped", note="follows from the dates of the stages"
            )
        lines.append(line)
    return lines


def take_stage_dates(
    columns: dict[str, pd.Series[Any]], org: Org, lines: list[Mapped]
) -> pd.DataFrame:
    """Take the dates of stages out of the columns.

    Returns ``unique_id``, ``stage``, ``entered`` and ``exited`` (instants).
    """
    own = {_match(text, org.stages): text for text in columns["stage"].dropna().unique()}
    found: dict[str, dict[str, pd.Series[Any]]] = {}
    for place, line in enumerate(lines):
        dated = find_stage_date(line.ours)
        if line.theirs != line.ours or dated is None or line.ours not in columns:
            continue
        stage = _match(dated[1], org.stages)
        stage = own.get(stage, stage)
        dates = columns.pop(line.ours)
        sides = found.setdefault(stage, {})
        # Two pipelines may have a stage of one name.
        sides[dated[0]] = dates if dated[0] not in sides else sides[dated[0]].fillna(dates)
        note = f"{dated[0]} {stage}, {count(int(dates.notna().sum()))}"
        lines[place] = replace(line, ours="stage", note=note)
    ids = columns["unique_id"]
    empty = pd.Series(pd.NaT, index=ids.index, dtype="datetime64[us, UTC]")
    rows = [
        pd.DataFrame(
            {
                "unique_id": ids,
                "stage": pd.Series(stage, index=ids.index, dtype=TEXT),
                "entered": sides.get("entered", empty),
                "exited": sides.get("exited", empty),
            }
        )
        for stage, sides in found.items()
    ]
    none = pd.DataFrame(
        {"unique_id": ids[:0], "stage": ids[:0], "entered": empty[:0], "exited": empty[:0]}
    )
    every = pd.concat([none, *rows], ignore_index=True)
    return every.dropna(subset=["unique_id", "entered"]).drop_duplicates(ignore_index=True)


def _match(text: str, stages: Stages) -> str:
    """Match the stage in a label.

    The id of one of several pipelines may have a number behind it.
    """
    found = next(
        (
            name
            for tried in (text, re.sub(r"_\d+$", "", text))
            if (name := read_stage(tried, stages)) in stages.kinds
        ),
        re.sub(r"\s*\([^()]+\)$", "", text),
    )
    return stages.match(found) or found


def list_entries(dates: pd.DataFrame, created: pd.Series[Any], org: Org) -> pd.DataFrame:
    """List the changes of stage from dates of stages.

    Columns: ``unique_id``, ``changed_at``, ``field``, ``old_value`` (missing), ``new_value``.

    Between an exit and the next entry a deal was somewhere that no column holds, and so from its
    creation where it has no date.
    """
    ranks = {name: rank for rank, name in enumerate(org.stages.kinds)}
    ordered = (
        dates.assign(rank=dates["stage"].map(ranks))
        .sort_values(["unique_id", "entered", "rank"], kind="stable")
        .reset_index(drop=True)
    )
    after = ordered.groupby("unique_id")["entered"].shift(-1)
    away = ordered["exited"].ge(ordered["entered"]) & ~(after - ordered["exited"] <= _SAME)
    born = created.drop(ordered["unique_id"], errors="ignore").dropna()
    silent = pd.DataFrame({"unique_id": born.index, "changed_at": born.array})
    parts = [
        ordered.rename(columns={"entered": "changed_at", "stage": "new_value"}),
        ordered[away].rename(columns={"exited": "changed_at"}).assign(new_value=NOT_RECORDED),
        silent.assign(new_value=NOT_RECORDED),
    ]
    every = pd.concat(
        [part[["unique_id", "changed_at", "new_value"]] for part in parts if len(part)]
    )
    every = every.sort_values("changed_at", kind="stable", ignore_index=True)
    return every.assign(field="stage", old_value=None)[
        ["unique_id", "changed_at", "field", "old_value", "new_value"]
    ]
