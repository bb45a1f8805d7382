"""Command lines of odd words."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pandas as pd
import typer.main
from hypothesis import strategies as st

import opp_analytics as oa
from opp_analytics.cli import app, main
from opp_analytics.cli.app import _import
from tests.fuzz import odd
from tests.fuzz.from_frames import sound
from tests.fuzz.from_servers import odd_server
from tests.fuzz.from_tables import sound_files
from tests.fuzz.targets import Findings, Target
from tests.support import paged, row

__all__ = ["TARGETS"]

_FILES = [
    "deals.csv",
    "deals.xlsx",
    "export.parquet",
    "edited.csv",
    "log.csv",
    "long.xlsx",
    "people.csv",
    "targets.csv",
    "plan.json",
    "org.toml",
    "history",
    "new",
    "out.csv",
    "out.xlsx",
    "out.md",
    "out.html",
    "out.json",
    "salesforce",
]
_WORDS = [
    "2026-03-10",
    "2026-01-02",
    "2026-03",
    "M",
    "Q",
    "owner_name",
    "stage",
    "team",
    "500k",
    "opp-1",
    "Ann",
    "stated",
    "auto",
    "15min",
    "0",
    "3",
    "utf-8",
    "changes",
    "skip",
]
_COMMANDS: dict[str, Any] = {
    " ".join([name, *inner]): command
    for name in typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for inner, command in [
        *[([], _import(name)) for _ in [0] if not hasattr(_import(name), "commands")],
        *[([key], one) for key, one in getattr(_import(name), "commands", {}).items()],
    ]
}
"""Every command, with those inside `org`."""


@cache
def _sound_demo() -> tuple[oa.Client, oa.History]:
    return oa.demo(3)


def _value(param: Any) -> st.SearchStrategy[str]:
    files = st.one_of(*[st.sampled_from(_FILES)] * 4, odd.paths)
    words = st.one_of(*[st.sampled_from(_WORDS)] * 3, odd.texts)
    named = any(word in (param.help or "") for word in ("file", "Folder", "folder", "export"))
    return st.one_of(*[files if named else words] * 4, files, words)


@st.composite
def _command_lines(draw: st.DrawFn) -> list[str]:
    """A command with its arguments and some of its options."""
    name = draw(st.sampled_from(list(_COMMANDS)))
    words: list[str] = []
    for param in _COMMANDS[name].params:
        if param.param_type_name == "argument":
            count = draw(st.sampled_from([1, 1, 1, 1, 2, 0]))
            words += [draw(_value(param)) for _ in range(count)]
        elif "--help" not in param.opts and draw(st.integers(0, 3)) == 0:
            spelling = draw(st.sampled_from([*param.opts, *param.secondary_opts]))
            words += [spelling] if param.is_flag else [spelling, draw(_value(param))]
    return [*name.split(), *words]


def _run(findings: Findings, words: list[str]) -> None:
    """A command ends with one of its exit codes, without a traceback."""
    odd_server().answer = paged([row(n, owner_name="Ann") for n in range(6)])
    client, history = _sound_demo()
    started = oa.sandbox.start

    def start(**options: Any) -> Any:
        server = started(**options | {"weeks": min(options["weeks"], 1)})
        server.wait = lambda: None  # type: ignore[method-assign]
        return server

    printed, back = io.StringIO(), Path.cwd()
    with tempfile.TemporaryDirectory() as place, contextlib.ExitStack() as changed:
        _fill(Path(place))
        settings = {
            "BLOCKS_API_URL": odd_server().server.url,
            "BLOCKS_AUTH_TOKEN": "t",
            "BLOCKS_API_KEY": "k",
            "COLUMNS": "100",
        }
        folders = {f"XDG_{kind}_HOME": f"{place}/{kind}" for kind in ("CACHE", "STATE")}
        for change in (
            patch.dict(os.environ, settings | folders),
            patch.object(sys, "argv", ["opp-analytics", *words]),
            patch.object(sys, "excepthook"),
            patch.object(sys, "stdin", io.StringIO("y\n")),
            patch.object(oa, "demo", lambda *_, **__: (client, history), create=True),
            patch.object(oa.sandbox, "start", start),
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(printed),
        ):
            changed.enter_context(change)
        os.chdir(place)
        code: Any = 0
        try:
            with findings.call(f"opp-analytics {words}"[:1500]):
                try:
                    main()
                except SystemExit as end:
                    code = end.code or 0
                assert code in range(5), code
                assert "Traceback" not in printed.getvalue(), printed.getvalue()[-600:]
        finally:
            os.chdir(back)
        findings.refused += code in (1, 2)


def _fill(folder: Path) -> None:
    """The files that command lines name."""
    for name, content in sound_files().items():
        (folder / name).write_bytes(content)
    oa.plan(sound(), sound().assign(value=7.0)).save(folder / "plan.json")
    (folder / "org.toml").write_text(
        'stages = [{name = "proposal", kind = "open"}, {name = "Won", kind = "won"}]\n'
    )
    for week in (1, 2):
        oa.History(folder / "history").record(
            sound().assign(value=100.0 * week), at=pd.Timestamp(2026, 1, week)
        )
    (folder / "folder").mkdir()
    (folder / "loop").symlink_to("loop")


TARGETS = {"command lines": Target(_run, _command_lines(), 15)}
