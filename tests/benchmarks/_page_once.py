"""One page, or one import, in a process of its own: ``python -m tests.benchmarks._page_once
CONTENDER FOLDER``.

The folder holds ``opportunities.pickle`` and ``history`` for a page, and ``lines.csv`` for an
import, which makes the others.
"""

from __future__ import annotations

import sys
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from tests.benchmarks._process import tell
from tests.benchmarks._two_years import TODAY

warnings.simplefilter("ignore")


def prepare(folder: Path) -> tuple[Any, Any, Any]:
    """The imports, the frame, and the history, from which one record has been read."""
    import matplotlib

    import opp_analytics as oa

    matplotlib, oa.weekly_report, oa.forecast  # noqa: B018
    imported = (folder / "lines.csv").exists()
    history = oa.History(folder / "history", org=oa.Org.salesforce() if imported else None)
    return (
        oa,
        (pd.read_pickle(folder / "opportunities.pickle"), history),
        len(history.as_of("2026-11-20")),
    )


def pivot(file: Path) -> pd.DataFrame:
    """The log by hand: a row for each deal and change, with the values that it then had."""
    lines = pd.read_csv(file, parse_dates=["CreatedDate"])
    deal, cells = ["OpportunityId", "CreatedDate"], "NewValue"
    wide = lines.pivot(index=deal, columns="Field", values=cells)  # noqa: PD010  no two lines are alike
    return wide.groupby(level="OpportunityId").ffill()


def main() -> None:
    """Measure one contender."""
    contender, folder = sys.argv[1], Path(sys.argv[2])
    if contender == "plain":
        tell(lambda: len(pivot(folder / "lines.csv")))
    elif contender == "open":
        tell(lambda: prepare(folder)[2])
    elif contender in ("page", "each"):
        oa, asked, _ = prepare(folder)
        ask = partial(
            oa.weekly_report, *asked, as_of=TODAY, by="owner_name", target=5e6, progress=False
        )
        if contender == "page":
            tell(lambda: ask(out=folder).html.stat().st_size)
        else:
            tell(lambda: len(ask(out=folder / "each", for_each="owner_name").parts))
    else:
        import opp_analytics as oa

        path, org = folder / "history", oa.Org.salesforce()
        read = partial(oa.History.from_changes, org=org, progress=False)
        read(pd.read_csv(folder / "lines.csv", nrows=2)).as_of(TODAY)  # what it imports is imported
        tell(lambda: len(read(folder / "lines.csv", path=path).records))
        oa.History(path, org=org).as_of(TODAY).to_pickle(folder / "opportunities.pickle")


if __name__ == "__main__":
    main()
