"""``python -m tests.golden [--write] [TABLE or HISTORY …]``: compare this build's figures with the
stored ones."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from tests.golden.files import compute, differences, write
from tests.golden.histories import HISTORIES


def main(words: Sequence[str]) -> int:
    """Print every difference, one history after the other; the exit code."""
    count = files = 0
    for name in [word for word in words if word in HISTORIES] or HISTORIES:
        found = compute(
            [name, *(word for word in words if word not in HISTORIES and word != "--write")]
        )
        files += len(found)
        if "--write" in words:
            write(found)
            continue
        for difference in differences(found):
            sys.stdout.write(f"{difference}\n")
            count += 1
        sys.stdout.flush()
    if "--write" in words:
        sys.stdout.write(f"{files} files written\n")
        return 0
    sys.stdout.write(f"{count} difference{'' if count == 1 else 's'} in {files} files\n")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
