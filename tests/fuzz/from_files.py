"""Damaged files and odd paths for everything that reads or writes one, and odd settings."""

from __future__ import annotations

import json
import os
import socket
import tempfile
from collections.abc import Callable
from contextlib import closing, suppress
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
from tests.support import paged, row

__all__ = ["TARGETS"]

Damage = Callable[[bytes], bytes]


@cache
def _sound_cells() -> dict[str, Any]:
    edited = sound().assign(value=7.0, close_date=pd.Timestamp("2026-07-01")).iloc[1:]
    made = oa.plan(sound(), pd.concat([edited, edited.head(1).assign(unique_id=None)]))
    with tempfile.TemporaryDirectory() as folder:
        return dict(json.loads(made.save(Path(folder) / "plan.json").read_text()))


@cache
def _log() -> pd.DataFrame:
    with tempfile.TemporaryDirectory() as folder:
        history = oa.History(Path(folder) / "history")
        for week in range(3):
            history.record(
                sound().iloc[week:].assign(value=100.0 * week), at=f"2026-01-0{1 + week}"
            )
        return history.changes()


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


_TAKERS: dict[str, Callable[[Any], Any]] = {
    "History": lambda path: oa.History(path).records,
    "History.record": lambda path: oa.History(path).record(sound(), at="2026-01-01"),
    "from_changes": lambda path: oa.History.from_changes(_log(), path=path),
    "from_changes of a file": lambda path: oa.History.from_changes(path, progress=False),
    "read_export": lambda path: oa.read_export(path, oa.Org(), progress=False),
    "Org.read": oa.Org.read,
    "people": lambda path: _read_beside("people", path),
    "targets": lambda path: _read_beside("targets", path),
    "logo": lambda path: oa.weekly_report(
        sound(), as_of="2026-03-10", out="out", org=oa.Org(report={"logo": str(path)})
    ),
    "read_csv": oa.read_csv,
    "read_excel": oa.read_excel,
    "to_csv": lambda path: oa.to_csv(sound(), path),
    "to_excel": lambda path: oa.to_excel(sound(), path),
    "Plan.read": oa.Plan.read,
    "Plan.save": lambda path: oa.plan(sound(), sound().assign(value=1.0)).save(path),
    "weekly_report": lambda path: oa.weekly_report(sound(), as_of="2026-03-10", out=path),
    "load": lambda path: oa.load(odd_server().client(path), progress=False),
    "cache from the environment": lambda path: _with(XDG_CACHE_HOME=str(path))(
        lambda: oa.load(oa.Client(odd_server().server.url, "t", "k", retries=0), progress=False)
    ),
    "runs": lambda path: _with(XDG_STATE_HOME=str(path))(oa.runs),
    "apply": lambda path: _with(XDG_STATE_HOME=str(path))(
        lambda: oa.apply(
            oa.plan(sound(), sound().assign(value=1.0)),
            odd_server().client(Path("pages")),
            progress=False,
        )
    ),
}


def _read_beside(section: str, path: Any) -> oa.Org:
    Path("org.toml").write_text(f"[{section}]\nfile = {json.dumps(str(path))}\n")
    return oa.Org.read("org.toml")


def _with(**environment: str) -> Callable[[Callable[[], Any]], Any]:
    def call(ask: Callable[[], Any]) -> Any:
        with suppress(ValueError, UnicodeError):  # what no environment can hold
            changed = patch.dict(os.environ, **environment)
            changed.start()
            try:
                return ask()
            finally:
                changed.stop()

    return call


_WRITERS = ("to_csv", "to_excel", "Plan.save", "weekly_report")


def _take_path(findings: Findings, given: tuple[str, Any, bool]) -> None:
    name, path, as_path = given
    if path == "fifo" and name in _WRITERS:
        return  # a pipe waits for its reader
    odd_server().answer = paged([row(n) for n in range(3)])
    back = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            Path("folder.xlsx").mkdir()
            Path("folder").mkdir()
            Path("file").write_text("x")
            Path("loop").symlink_to("loop")
            Path("dangling").symlink_to("nowhere/at/all")
            Path("to_zero.csv").symlink_to("/dev/zero")
            os.mkfifo("fifo")
            for large in ("sparse", "sparse.xlsx"):
                with Path(large).open("wb") as sparse:
                    sparse.truncate(2**40)
            with (
                closing(socket.socket(socket.AF_UNIX)) as listening,
                findings.call(f"{name}({path[:40]!r})"),
            ):
                listening.bind("socket")
                _TAKERS[name](Path(path) if as_path else path)
        finally:
            os.chdir(back)


TARGETS = {
    "plan file": Target(
        _read_plan,
        st.tuples(st.deferred(_tampered), st.one_of(st.none(), st.none(), odd.damage_bytes())),
        100,
    ),
    "paths": Target(
        _take_path, st.tuples(st.sampled_from(list(_TAKERS)), odd.paths, st.booleans()), 60
    ),
}
