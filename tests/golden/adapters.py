"""Where the golden tables reach inside the package, or call what is spelled otherwise in another
build."""

from __future__ import annotations

import datetime
import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

import opp_analytics as oa
from tests.salesforce_files import salesforce_files

__all__ = ["forecast_by_column", "forecast_by_rates", "read_field_history"]


def read_field_history(
    folder: Path, org: oa.Org, *, weeks: int, today: str
) -> tuple[pd.DataFrame, oa.History]:
    """The sandbox's Salesforce files, read as an export and a history."""
    files = salesforce_files(folder, weeks=weeks, today=datetime.date.fromisoformat(today))
    deals = oa.read_export(files.opportunities, org, progress=False)
    for room in ("crm", "org"):
        try:
            read_changes = importlib.import_module(f"opp_analytics.{room}").read_changes
            break
        except (ImportError, AttributeError):
            continue
    return deals, oa.History.from_changes(
        read_changes(files.field_history, org, opportunities=deals), org=org
    )


def forecast_by_rates(
    opportunities: pd.DataFrame, rates: Mapping[str, float], **asked: Any
) -> pd.DataFrame:
    """The forecast from a given rate of each stage."""
    return oa.forecast(opportunities, method="stage", stage_rates=rates, **asked)


def forecast_by_column(opportunities: pd.DataFrame, column: str, **asked: Any) -> pd.DataFrame:
    """The forecast from a column of chances."""
    return oa.forecast(opportunities, probability=column, **asked)
