"""The shape of an org file: its keys and the type of each value, checked by pydantic."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from opp_analytics.org.stages import Category, Kind

__all__ = ["SHAPES", "OrgShape", "mistakes"]

_Text = Annotated[str, StringConstraints(min_length=1, pattern=r"\S")]
_Columns = dict[_Text, _Text]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Stage(_Strict):
    name: _Text
    kind: Kind
    probability: Annotated[int, Field(ge=0, le=100)] | None = None
    category: Category | None = None
    aliases: list[_Text] = []
    pipeline: _Text | None = None


class _Person(_Strict):
    owner_name: _Text
    team: _Text | None = None
    region: _Text | None = None
    # People write dates as text too.
    from_date: Annotated[date, Field(strict=False)] | None = None


class _Target(_Strict):
    period: Annotated[str, StringConstraints(pattern=r"^\d{4}(Q[1-4]|-(0[1-9]|1[0-2]))?$")]
    owner_name: _Text | None = None
    team: _Text | None = None
    target: Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _People(_Strict):
    file: _Text | None = None
    rows: list[_Person] = []


class _Targets(_Strict):
    file: _Text | None = None
    rows: list[_Target] = []


class _Api(_Strict):
    columns: _Columns = {}


class _Report(_Strict):
    by: _Text | list[_Text] | None = None
    freq: _Text | None = None
    method: _Text | None = None
    confidence: Annotated[float, Field(gt=0, lt=1)] | None = None
    alert_when: _Text | list[_Text] | None = None
    title: _Text | None = None
    logo: _Text | None = None
    accent: Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$")] | None = None
    blocks: list[_Text] | None = None


class OrgShape(_Strict):
    """An org file, after its preset."""

    preset: _Text | None = None
    currency: _Text | None = None
    timezone: _Text | None = None
    fiscal_year_start: Annotated[int, Field(ge=1, le=12)] | None = None
    record_url: _Text | None = None
    stages: Annotated[list[_Stage], Field(min_length=1)] | None = None
    columns: _Columns = {}
    api: _Api = _Api()
    people: _People = _People()
    targets: _Targets = _Targets()
    report: _Report = _Report()


SHAPES: dict[str, type[BaseModel]] = {
    "": OrgShape,
    "stages": _Stage,
    "api": _Api,
    "people": _People,
    "people.rows": _Person,
    "targets": _Targets,
    "targets.rows": _Target,
    "report": _Report,
}
"""The shape at each key that holds further keys, lists left out of the path."""


def mistakes(raw: dict[str, Any]) -> list[tuple[tuple[int | str, ...], str, Any]]:
    """Place, kind and value of every value whose shape is wrong."""
    try:
        OrgShape.model_validate(raw)
    except ValidationError as error:
        return [(found["loc"], found["type"], found["input"]) for found in error.errors(include_url=False)]
    return []
