"""``python -m tests.history.damages [COUNT] [SEED]``: histories with damaged files, which give what
was recorded or an error.

Each variant is a copy of a whole history in which one to three files or folders are cut off,
altered, emptied, removed, swapped, repeated under another name, or replaced by something else. Then
every way to read, and a further record, must give exactly the rows that were recorded, or an error
of ours that names a damaged file.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from opp_analytics.errors import DataWarning, OppAnalyticsError
from opp_analytics.history import History

__all__ = ["Variants"]

_WEEKS = 5
_NEXT = pd.Timestamp("2026-06-01", tz="UTC")
_FOLDERS = ("changes", "records", "state", "staging", "damaged")


def _deals(week: int) -> pd.DataFrame:
    """A week's deals: each changes in its turn, one comes, one goes and returns."""
    there = [n for n in range(6) if n <= week + 3 and not (n == 1 and week in (2, 3))]
    return pd.DataFrame(
        {
            "unique_id": [f"d{n}" for n in there],
            "name": [f"Deal {n}" for n in there],
            "value": [100.0 * n + (week if n % 5 == week else 0) for n in there],
            "note": [f"week {week}" if n == 2 else "" for n in there],
        }
    )


def _truncated(file: Path, dice: random.Random) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: dice.randrange(max(1, len(content)))])


def _altered(file: Path, dice: random.Random) -> None:
    content = bytearray(file.read_bytes() or b"x")
    for _ in range(dice.choice([1, 1, 8])):
        content[dice.randrange(len(content))] ^= dice.randrange(1, 256)
    file.write_bytes(content)


def _zeroed(file: Path, dice: random.Random) -> None:
    """As a power cut leaves it on some file systems: the right size, and nothing in it."""
    file.write_bytes(bytes(file.stat().st_size))


def _longer(file: Path, dice: random.Random) -> None:
    file.write_bytes(file.read_bytes() + dice.randbytes(dice.randrange(1, 99)))


def _removed(file: Path, dice: random.Random) -> None:
    file.unlink()


def _nested(file: Path, dice: random.Random) -> None:
    file.write_bytes(b"[" * 100_000)


def _other_json(file: Path, dice: random.Random) -> None:
    file.write_text(
        dice.choice(
            ["null", "3", "[]", "{}", '"x"', '{"until": 1e999}', '{"moments": [{}]}', "\ud800"]
        ),
        errors="surrogatepass",
    )


def _a_folder(file: Path, dice: random.Random) -> None:
    file.unlink()
    file.mkdir()


def _a_link(file: Path, dice: random.Random) -> None:
    elsewhere = file.parents[2] / f"elsewhere-{dice.random()}"
    file.rename(elsewhere)
    file.symlink_to(elsewhere)


def _in_place(file: Path, dice: random.Random) -> None:
    """Altered with size and time as they were."""
    stat = file.stat()
    content = bytearray(file.read_bytes() or b"x")
    content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    file.write_bytes(content)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))


_TO_ONE: tuple[Callable[[Path, random.Random], None], ...] = (
    _truncated,
    _altered,
    _altered,
    _in_place,
    _zeroed,
    _longer,
    _removed,
    _nested,
    _other_json,
    _a_folder,
    _a_link,
)


def _swapped(one: Path, other: Path) -> None:
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)


def _repeated(one: Path, other: Path) -> None:
    other.write_bytes(one.read_bytes())


def _damage(folder: Path, dice: random.Random) -> tuple[str, list[str]]:
    """Damage a copy; what was done, and the names of which one must be told."""
    files = sorted(file for file in folder.rglob("*") if file.is_file() and not file.is_symlink())
    how = dice.randrange(10)
    if how == 0:
        place = folder / dice.choice([name for name in _FOLDERS if (folder / name).is_dir()])
        lost = [file.name for file in place.iterdir()]
        shutil.rmtree(place)
        if dice.random() < 0.5:
            place.write_bytes(b"no folder")
        return f"{place.name}/ removed or a file", [place.name, *lost]
    if how in (1, 2, 3):
        one, other = dice.sample([f for f in files if f.parent.name in _FOLDERS], 2)
        if how == 3:
            name = dice.choice([f"{dice.randrange(1, 9):06d}", "notes", "000001-x"]) + one.suffix
            other = one.with_name(name)
        swap = dice.random() < 0.5 and other.exists()
        (_swapped if swap else _repeated)(one, other)
        return f"{one.name} {'swapped with' if swap else 'copied to'} {other.name}", [
            one.name,
            other.name,
        ]
    file, act = dice.choice(files), dice.choice(_TO_ONE)
    act(file, dice)
    return f"{file.name}{act.__name__.replace('_', ' ')}", [file.name]


@dataclass(frozen=True)
class _Truth:
    """What a whole history answers."""

    folder: Path
    records: pd.DataFrame
    changes: pd.DataFrame
    known: pd.DataFrame


class Variants:
    """Damaged copies of two histories, one of which goes on without a file that was set aside.

    Parameters
    ----------
    place : Path
        An empty folder.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        self.outcomes: Counter[str] = Counter()
        self._truths = [self._built(place / "whole", None), self._built(place / "set aside", 2)]

    def _built(self, folder: Path, torn: int | None) -> _Truth:
        history = History(folder)
        for week in range(_WEEKS):
            history.record(_deals(week), at=pd.Timestamp("2026-03-02") + pd.Timedelta(weeks=week))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            if torn is not None:
                (folder / f"changes/{torn:06d}.parquet").write_bytes(b"torn")
                history.check(set_aside=True)
            return _Truth(folder, history.records, history.changes(), history.as_of(_NEXT))

    def run(self, count: int, seed: int = 0) -> None:
        """Check so many variants, adding to `outcomes`.

        Raises
        ------
        AssertionError
            Naming the variant that gave a wrong row, another error, or an error without the file.
        """
        for number in range(count):
            dice = random.Random(f"{seed} {number}")
            truth = dice.choice(self._truths)
            folder = self.place / "variant" / "history"
            shutil.copytree(truth.folder, folder)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DataWarning)
                opened = History(folder)
                opened.changes()
            done = [_damage(folder, dice) for _ in range(dice.choice([1, 1, 1, 2, 3]))]
            touched = {name for _, names in done for name in names}
            variant = (
                f"variant {number} of seed {seed} ({truth.folder.name}; "
                f"{', '.join(what for what, _ in done)})"
            )
            try:
                self._check(folder, truth, touched, opened)
            except Exception as error:
                raise AssertionError(f"{variant}: {type(error).__name__}: {error}") from error
            shutil.rmtree(folder.parent)

    def _check(self, folder: Path, truth: _Truth, touched: set[str], opened: History) -> None:
        # An append's files share a number, and an error may name another of them: the entry that a
        # state has lost.
        told = {name[:6] if name[:6].isdigit() else name for name in touched}
        # A last record that vanished with the state, all that tells of it, cannot be missed;
        # nothing else may go unseen.
        ends = f"{_WEEKS:06d}.json"
        vanished = ends in touched and any(
            name == "state" or name.endswith(".arrow") for name in touched
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataWarning)
            records = self._asked("records", told, lambda: History(folder).records)
            if records is not None:
                known = truth.records.iloc[: len(records)] if vanished else truth.records
                pd.testing.assert_frame_equal(records, known)
            changes = self._asked("changes", told, lambda: History(folder).changes())
            known = truth.changes
            if vanished and records is not None:
                known = known[known["seen_at"].isin(records["recorded_at"])]
            if changes is not None:
                pd.testing.assert_frame_equal(changes, known, check_dtype=False)
            again = self._asked("changes, opened before,", told, lambda: opened.changes())
            if again is not None:
                pd.testing.assert_frame_equal(again, known, check_dtype=False)
            latest = self._asked("as_of", told, lambda: History(folder).as_of(_NEXT))
            if latest is not None and not vanished:
                pd.testing.assert_frame_equal(latest, truth.known)
            found = self._asked("check", told, lambda: History(folder).check())
            if found is not None and changes is None:
                said = " ".join([*found["file"], *found["problem"]])
                if not any(name in said for name in told):
                    raise AssertionError(f"changes() refuses and check() finds no reason:\n{found}")
            self._record(folder, told, changes)

    def _record(self, folder: Path, told: set[str], before: pd.DataFrame | None) -> None:
        """A further record shows its own rows, and leaves those before it as they were."""
        frame = _deals(2).assign(value=7.0)
        recorded = self._asked("record", told, lambda: History(folder).record(frame, at=_NEXT))
        if recorded is None:
            return
        history = History(folder)
        try:
            after = history.as_of(_NEXT)
        except OppAnalyticsError as error:
            # The kept state spares a record from reading the log, so damage to that is told by the
            # next read.
            if before is not None or not any(name in str(error) for name in told):
                raise
            return
        pd.testing.assert_frame_equal(after, frame, check_dtype=False)
        if before is not None:
            changes = history.changes()
            pd.testing.assert_frame_equal(
                changes[changes["seen_at"] < _NEXT], before, check_dtype=False
            )

    def _asked(self, what: str, told: set[str], ask: Callable[[], Any]) -> Any:
        """The answer, or None after an error of ours that names one of the damaged files."""
        try:
            answer = ask()
        except OppAnalyticsError as error:
            if not any(name in str(error) for name in told):
                raise
            self.outcomes[f"{what} refused by name"] += 1
            return None
        self.outcomes[f"{what} right"] += 1
        return answer


def main() -> None:
    """Check as many variants as asked, 3,000 by default, from a seed, and say what came out."""
    given = [int(value) for value in sys.argv[1:]]
    count, seed = given + [3000, 0][len(given) :]
    with tempfile.TemporaryDirectory() as place:
        variants = Variants(Path(place))
        variants.run(count, seed)
    print(f"{count} damaged histories: no wrong row, no raw error")
    for outcome, times in sorted(variants.outcomes.items()):
        print(f"{times:7,} {outcome}")


if __name__ == "__main__":
    main()
