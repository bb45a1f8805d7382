"""``python -m tests.history.kills [COUNT] [STRIDE]``: writers of a history killed with ``kill -9``,
step by step and at random.

Each kill hits a forked process just before its n-th call that opens, makes, renames, removes,
lists, locks or syncs something in the history's folder, or right after it said that a record is
done. Then the history must be whole: every record that was said to be done, at most the one in the
making besides, and each with exactly its rows.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import ibis  # noqa: F401  once here, not in every process that is forked
import pandas as pd
from requests.adapters import HTTPAdapter

from opp_analytics.errors import HistoryError
from opp_analytics.history import History

__all__ = ["die_before", "ended", "forked", "kill_at_every_step", "kill_at_random_steps"]

_TOUCHES = {
    "open",
    "os.mkdir",
    "os.rename",
    "os.remove",
    "os.listdir",
    "os.scandir",
    "os.chmod",
    "fcntl.flock",
}
_FIRST = pd.Timestamp("2026-03-02", tz="UTC")


def _deals(k: int) -> pd.DataFrame:
    """The k-th record: one to five deals, so that some come, change, go and return."""
    return pd.DataFrame({"unique_id": [f"d{n}" for n in range(k % 5 + 1)], "value": float(k)})


def _at(k: int) -> pd.Timestamp:
    return _FIRST + pd.Timedelta(hours=k)


def _record(folder: Path, *numbers: int) -> None:
    for k in numbers:
        History(folder).record(_deals(k), at=_at(k))


def _import(folder: Path) -> None:
    log = pd.concat([_deals(k).assign(seen_at=_at(k)) for k in (2, 3)])
    History.from_changes(log, path=folder)


def _check(folder: Path, most: int, least: int) -> int:
    """How many records the folder holds, after a check of each one's rows."""
    history = History(folder)
    if not history.check().empty:
        raise AssertionError(f"{folder} is damaged:\n{history.check()}")
    moments = history.records["recorded_at"].tolist()
    if not least <= len(moments) <= most:
        raise AssertionError(f"{folder} holds {len(moments)} records, not {least} to {most}")
    log = history.changes()
    for moment in moments:
        last = log[log["seen_at"] <= moment].drop_duplicates("unique_id", keep="last")
        there = last[last["operation"] != "deleted"].sort_values("unique_id")
        _compare(folder, moment, there)
    if moments:
        _compare(folder, moments[-1], history.as_of(moments[-1]))
    return len(moments)


def _compare(folder: Path, moment: pd.Timestamp, found: pd.DataFrame) -> None:
    wanted = _deals(round((moment - _FIRST) / pd.Timedelta(hours=1)))
    if found[["unique_id", "value"]].to_numpy().tolist() != wanted.to_numpy().tolist():
        raise AssertionError(f"{folder} as of {moment}:\n{found}\ninstead of\n{wanted}")


def forked(act: Callable[[], object]) -> int:
    """The process id of a fork that does something and ends; it shares no thread or connection with
    this one."""
    child = os.fork()
    if child:
        return child
    try:
        act()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def ended(child: int) -> bool:
    """Whether a fork came to its end, and was not killed before."""
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return False
    if status:
        raise AssertionError(f"a process ended with {status}")
    return True


def die_before(step: int, folder: Path) -> None:
    """Kill this process just before its step-th call that touches the folder, request or answer."""
    calls = count(1)

    def touched() -> None:
        if next(calls) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event in _TOUCHES and (
            event == "fcntl.flock" or str(arguments[0]).startswith(str(folder))
        ):
            touched()

    def fsync(handle: int, real: Callable[[int], None] = os.fsync) -> None:
        touched()
        real(handle)

    def send(*given: Any, real: Any = HTTPAdapter.send, **options: Any) -> Any:
        touched()
        answer = real(*given, **options)
        touched()
        return answer

    os.fsync = fsync  # type: ignore[assignment]
    HTTPAdapter.send = send  # type: ignore[method-assign]
    sys.addaudithook(hook)


def _killed_places(
    base: Path | None, act: Callable[[Path], object], folder: Path, stride: int
) -> Iterator[Path]:
    """A copy of `base` after each kill of `act` on it: before the first step, `stride` steps later,
    and so on."""
    for step in count(1, stride):
        place = folder / f"{step:03d}"
        if base is not None:
            shutil.copytree(base, place)

        def killed(step: int = step, place: Path = place) -> None:
            die_before(step, place)
            act(place)

        if ended(forked(killed)):
            return
        yield place


def _record_again(place: Path, known: int) -> None:
    """What a killed record left is whole, and the same record then succeeds, once."""
    held = _check(place, known + 1, known)
    if held == known:
        _record(place, known)
    _record(place, known + 1)
    _check(place, known + 2, known + 2)


def _import_again(place: Path) -> None:
    if _check(place, 2, 0) == 0:
        _import(place)
    _check(place, 2, 2)


def _set_aside_again(place: Path) -> None:
    """A killed `check(set_aside=True)` refuses to read, or has done it; the next one does it."""
    warnings.simplefilter("ignore")
    try:
        if History(place).as_of(_at(2))["value"].tolist() != [0.0]:
            raise AssertionError(f"{place} shows what the damaged file held")
    except HistoryError as error:
        if "000002.parquet" not in str(error):
            raise
    problems = History(place).check(set_aside=True)["problem"].tolist()
    if problems != ["was damaged and set aside"]:
        raise AssertionError(f"{place}: {problems}")
    _record(place, 4)
    if History(place).as_of(_at(4))["value"].tolist() != [4.0] * 5:
        raise AssertionError(f"{place} did not see again what the damaged file held")


def kill_at_every_step(folder: Path, stride: int = 1) -> dict[str, int]:
    """How many kills each way to write survived: one before each `stride`-th call, of a record ten
    times as many."""
    base, torn, littered = folder / "base", folder / "torn", folder / "littered"
    _record(base, 0, 1, 2)
    shutil.copytree(base, littered)
    (littered / "changes/000004.parquet").write_bytes(b"half a file")
    (littered / "staging/.000004.json.77").write_bytes(b"{")
    _record(torn, 0, 1)
    (torn / "changes/000002.parquet").write_bytes(b"torn")
    ways: dict[str, tuple[Path | None, Callable[[Path], object], Callable[[Path], object]]] = {
        "first record": (None, lambda at: _record(at, 0), lambda at: _record_again(at, 0)),
        "record": (base, lambda at: _record(at, 3), lambda at: _record_again(at, 3)),
        "record after a crash": (
            littered,
            lambda at: _record(at, 3),
            lambda at: _record_again(at, 3),
        ),
        "import": (None, _import, _import_again),
        "set aside": (torn, lambda at: History(at).check(set_aside=True), _set_aside_again),
    }
    kills = {}
    for name, (start, act, recover) in ways.items():
        places = list(
            _killed_places(
                start, act, folder / name, max(1, stride // 10) if name == "record" else stride
            )
        )
        if not ended(forked(partial(list, map(recover, places)))):
            raise AssertionError(f"the check of {name} was killed")
        kills[name] = len(places)
    return kills


def kill_at_random_steps(folder: Path, rounds: int, seed: int = 0) -> int:
    """How many records a history has after so many writers were killed, one after the other."""
    dice, done = random.Random(seed), 0
    for number in range(rounds):
        step, lines = (dice.randrange(1, 150), None) if number % 2 else (None, dice.randrange(1, 6))
        done = _killed_writer(folder, done, step, lines)
        if number % 50 == 49 or number == rounds - 1:
            ended(forked(lambda done=done: _check(folder, done, done)))  # type: ignore[misc]
    return done


def _killed_writer(folder: Path, done: int, step: int | None, lines: int | None) -> int:
    """Records after a writer that adds one after the other was killed at a step of its own, or once
    it had said so many."""
    reads, writes = os.pipe()

    def write_on() -> None:
        os.close(reads)
        if step is not None:
            die_before(step, folder)
        for k in count(done):
            _record(folder, k)
            os.write(writes, b"done\n")

    child = forked(write_on)
    os.close(writes)
    with os.fdopen(reads) as said:
        for _ in range(lines or 0):
            said.readline()
        if lines is not None:
            os.kill(child, signal.SIGKILL)
        told = done + (lines or 0) + len(said.readlines())
    if ended(child):
        raise AssertionError("a writer without end has ended")
    held = len(History(folder).records)
    if held not in (told, told + 1):
        raise AssertionError(f"{folder} holds {held} records after {told} were said to be done")
    return held


def main() -> None:
    """Kill at every step, then as often as asked at random ones (1,000 by default), and say how it
    went."""
    given = [int(value) for value in sys.argv[1:]]
    rounds, stride = given + [1000, 1][len(given) :]
    with tempfile.TemporaryDirectory() as folder:
        every = kill_at_every_step(Path(folder), stride)
        held = kill_at_random_steps(Path(folder) / "random", rounds)
    print(", ".join(f"{name}: {kills}" for name, kills in every.items()))
    print(
        f"{sum(every.values()) + rounds} kills; {held} records at the end, nothing lost that had "
        "been said to be done"
    )


if __name__ == "__main__":
    main()
