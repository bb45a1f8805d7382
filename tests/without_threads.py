"""What a browser's Python can be asked, and an interpreter that refuses what such a Python lacks.

``python -m tests.without_threads FOLDER`` asks everything in an interpreter that starts no thread
and no process, opens no connection and locks no file, and prints the answers as JSON. What is
refused, and how, was read off Pyodide 314.0.7 and 0.29.5 in Node.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

__all__ = ["LACKING", "answers", "refuse", "refuse_calls"]

LACKING = (
    *(
        "_hashlib",
        "_multiprocessing",
        "_posixshmem",
        "_uuid",
        "curses",
        "dbm",
        "ensurepip",
        "grp",
        "msvcrt",
        "pwd",
    ),
    *("readline", "resource", "syslog", "tkinter", "venv"),
    *("fcntl", "termios"),  # Pyodide 314 has them: every `flock` succeeds, and locks nothing
)
"""Modules of the standard library that cannot be imported."""


def refuse_calls(replace: Callable[[Any, str, Any], None] = setattr) -> None:
    """Let no thread and no process start, and no connection begin, with the errors of Pyodide."""

    def start_nothing(*_: object, **__: object) -> NoReturn:
        raise RuntimeError("can't start new thread")

    def do_nothing(*_: object, **__: object) -> NoReturn:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    replace(threading.Thread, "start", start_nothing)
    replace(subprocess.Popen, "__init__", do_nothing)
    replace(os, "fork", do_nothing)
    for name in ("connect", "connect_ex", "bind", "listen"):
        replace(socket.socket, name, do_nothing)


def refuse() -> None:
    """Take from this interpreter what a browser's has not; call it before anything else is
    imported."""
    assert "numpy" not in sys.modules, "something was imported already"
    refuse_calls()
    for name in ("link", "sched_getaffinity"):
        if hasattr(os, name):
            delattr(os, name)
    sys.modules.update(dict.fromkeys(LACKING))  # type: ignore[arg-type]
    # Arrow is built without threads there; here it makes one for each core that it is told of.
    os.environ["OMP_NUM_THREADS"] = "1"


def answers(folder: Path) -> Iterator[tuple[str, Any]]:
    """Ask what a person asks in a notebook: each question, and its answer as JSON has it."""
    import pandas as pd

    import opp_analytics as oa
    from opp_analytics import plots
    from opp_analytics.files import digest
    from opp_analytics.widgets.explorer.choice import VIEWS
    from tests.analysis import every_analysis
    from tests.golden.tables import as_plain
    from tests.pages import ROOT, blocks

    def plain(answer: Any) -> Any:
        return as_plain(answer) if isinstance(answer, pd.DataFrame) else str(answer)

    org = oa.Org()
    every_analysis.deals().to_csv(folder / "deals.csv", index=False)
    every_analysis.deals().to_excel(folder / "deals.xlsx", index=False)
    for name in ("deals.csv", "deals.xlsx"):
        deals = oa.read_export(folder / name, org, progress=False)
        yield f"read_export {name}", as_plain(deals)

    recording = oa.History(folder / "history", org=org)
    for at, frame in every_analysis.log().groupby("seen_at"):
        recording.record(frame.drop(columns="seen_at"), at=str(at))
    history = oa.History(folder / "history", org=org)
    yield "history.records", as_plain(history.records)
    yield "history.as_of", as_plain(history.as_of("2026-03-03"))

    yield "history.table", str(history.collect(history.table.count()))

    tables = {f"{name} of a frame": ask(deals) for name, ask in every_analysis.OF_FRAMES.items()}
    tables |= {
        f"{name} of a history": ask(history) for name, ask in every_analysis.OF_HISTORIES.items()
    }
    for name, table in tables.items():
        yield name, plain(table)
        if name.split()[0] in plots.DRAWINGS:
            file = folder / "drawn.png"
            getattr(plots, name.split()[0])(table).figure.savefig(file, dpi=50)
            yield f"plots: {name}", digest(file)

    written = oa.weekly_report(
        deals,
        history,
        as_of=every_analysis.AS_OF,
        target=900.0,
        out=folder / "pages",
        markdown=True,
        eml=True,
        progress=True,
    )
    for page in (written.html, written.markdown):
        assert page is not None
        yield f"weekly_report {page.suffix}", page.read_text("utf-8")
    sheets = pd.read_excel(written.xlsx, sheet_name=None)
    yield "weekly_report .xlsx", {name: as_plain(sheet) for name, sheet in sheets.items()}

    for view in VIEWS:
        explorer = oa.explore(deals, history, as_of=every_analysis.AS_OF, state={"view": view})
        yield f"explore {view}", as_plain(explorer.table)

    (folder / "opp-analytics.toml").write_text('currency = "USD"\n')
    with contextlib.chdir(folder):
        printed: dict[str, Any] = {}
        exec("".join(blocks(ROOT / "docs/browser.md", "py")), printed)
        recorded = printed["history"].records
    yield "docs/browser.md", [as_plain(recorded), (folder / "weekly.html").read_text("utf-8")]

    planned = oa.plan(deals, deals.assign(value=deals["value"] + 1))
    grid = oa.edit(deals, history=history, as_of=every_analysis.AS_OF)
    yield "edit", grid.take(planned.changes)
    yield "edit, plan", as_plain(grid.plan().changes)
    oa.to_excel(grid.edited, folder / "edited.xlsx")
    oa.to_csv(grid.edited, folder / "edited.csv")
    yield "to_excel, read_excel", as_plain(oa.read_excel(folder / "edited.xlsx")[1])
    yield "to_csv, read_csv", as_plain(oa.read_csv(folder / "edited.csv", before=deals))


if __name__ == "__main__":
    refuse()
    sys.stdout.write(json.dumps(dict(answers(Path(sys.argv[1])))))
