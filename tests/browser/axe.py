"""axe-core on a page: the faults that keep people out."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

import opp_analytics.widgets as home

_AXE = Path(home.__file__).parent / "frontend" / "node_modules" / "axe-core" / "axe.min.js"


def serious_faults(page: Page, where: str = ".oap") -> list[str]:
    """Serious and critical faults of a part of a page, by default its widgets, each with its first
    element."""
    if not _AXE.is_file():
        pytest.skip("axe-core is missing; run `npm ci` in opp_analytics/widgets/frontend")
    if not page.evaluate("'axe' in window"):
        # Evaluated, since the policy of a page keeps out scripts of others.
        page.evaluate(f"{_AXE.read_text(encoding='utf-8')};null")
    found = page.evaluate("where => axe.run(where, { resultTypes: ['violations'] })", where)
    return [
        (
            f"{fault['id']}: {fault['nodes'][0]['html'][:200]} "
            f"{fault['nodes'][0].get('failureSummary', '')[:200]}"
        )
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
    ]
