import pytest

from opp_analytics.org import STAGES, Org, Stage
from tests.history.logs import history_of


@pytest.fixture(scope="module")
def history():
    """Deals that walk, jump, fall back, leave, and return."""
    walk = [
        ("walks", week, stage)
        for week, stage in enumerate(["discovery", "qualification", "proposal", "closed_won"])
    ]
    rows = [
        *walk,
        ("jumps", 1, "discovery"),
        ("jumps", 2, "negotiation"),
        ("jumps", 3, "qualification"),
        ("falls", 1, "proposal"),
        ("falls", 4, "closed_lost"),
        ("goes", 1, "qualification"),
        ("goes", 3, "proposal"),
        ("odd", 1, "qualification"),
        ("odd", 2, "on hold"),
        ("odd", 3, None),
        ("odd", 4, "qualification"),
    ]
    full = [(deal, week, 1.0, stage, None, "active") for deal, week, stage in rows]
    full += [
        ("parked", 1, 1.0, "negotiation", None, "active"),
        ("parked", 3, 1.0, "negotiation", None, "inactive"),
    ]
    org = Org(stages=[*STAGES, Stage("on hold", "disqualified")])
    return history_of(full, deleted=[("goes", 2)], org=org, owner_name="Ann")
