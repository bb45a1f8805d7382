"""Damaged files of plans."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pandas as pd
from hypothesis import strategies as st

import opp_analytics as oa
from tests.fuzz import odd
from tests.fuzz.from_frames import sound
from tests.fuzz.from_servers import odd_server
from tests.fuzz.targets import Findings, Target

__all__ = ["TARGETS"]

Damage = Callable[[bytes], bytes]


@cache
def _sound_cells() -> dict[str, Any]:
    edited = sound().assign(value=7.0, close_date=pd.Timestamp("2026-07-01")).iloc[1:]
    made = oa.plan(sound(), pd.concat([edited, edited.head(1).assign(unique_id=None)]))
    with tempfile.TemporaryDirectory() as folder:
        return dict(json.loads(made.save(Path(folder) / "plan.json").read_text()))


@st.composite
def _tampered(draw: st.DrawFn) -> Any:
    return draw(odd.damage_json)(_sound_cells())


def _read_plan(findings: Findings, given: tuple[Any, Damage | None]) -> None:
    content, damage = given
    body = json.dumps(content).encode()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "plan.json"
        file.write_bytes(damage(body) if damage is not None else body)
        with findings.call(f"Plan.read({_difference(content)})"):
            made = oa.Plan.read(file)
            made.summary()
            repr(made)
            made._repr_html_()
            made.edited()
            made.impact(as_of="2026-03-10")
            made.save(file)
            with patch.dict(os.environ, XDG_STATE_HOME=folder):
                oa.apply(
                    made,
                    odd_server().client(Path(folder)),
                    dry_run=True,
                    clear_nulls=True,
                    allow_delete=True,
                    progress=False,
                )


def _difference(content: Any) -> str:
    """What was tampered with."""
    if not isinstance(content, dict):
        return repr(content)[:200]
    sound_content = _sound_cells()
    changed = {
        k: content.get(k, "missing") for k in sound_content if content.get(k) != sound_content[k]
    }
    for key, value in changed.items():
        if isinstance(value, list) and isinstance(sound_content[key], list):
            changed[key] = [line for line in value if line not in sound_content[key]]
    return repr(changed)[:1500]


TARGETS = {
    "plan file": Target(
        _read_plan,
        st.tuples(st.deferred(_tampered), st.one_of(st.none(), st.none(), odd.damage_bytes())),
        100,
    ),
}
