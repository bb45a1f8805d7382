"""The `doctor` command."""

from __future__ import annotations

import opp_analytics as oa
from opp_analytics.cli.console import say
from opp_analytics.text import count, plural

__all__ = ["doctor_command"]


def doctor_command() -> None:
    """Check the settings and the connection to the API; nothing is written."""
    with oa.Client.from_env(retries=1) as client:
        say(f"settings   ok: {client.settings.url}, token and key set")
        page = client.list(1, 5, sort="-updated_at")
        say(f"API        ok: {_counted(page.total_records, 'opportunity')}")
        trash = client.list_deleted(1, 1)
        say(f"trash      ok: {_counted(trash.total_records, 'deleted opportunity')}")
        newest = [str(row.get("updated_at") or "") for row in page.rows]
        obeyed = newest == sorted(newest, reverse=True)
        say(f"sorting    {'ok' if obeyed else 'not obeyed: loads may be incomplete'}")
        say(f"cache      {client.cache_folder}")


def _counted(total: int | None, noun: str) -> str:
    return f"unknown number of {plural(noun)}" if total is None else count(total, noun)
