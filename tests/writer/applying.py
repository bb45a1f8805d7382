"""``python -m tests.writer.applying PLAN TIMEOUT``: a saved plan applied as a script does it, or
without PLAN the newest run resumed."""

from __future__ import annotations

import sys

import opp_analytics as oa

__all__: list[str] = []


def main() -> None:
    """Print the receipt."""
    *plans, timeout = sys.argv[1:]
    with oa.Client.from_env(timeout=float(timeout), retries=2) as client:
        receipts = [oa.apply(oa.Plan.read(plan), client, allow_delete=True) for plan in plans]
        print((receipts or [oa.resume(client)])[0].summary())


if __name__ == "__main__":
    main()
