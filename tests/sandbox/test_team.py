"""What is true about the team, computed a second way."""

import numpy as np
import pytest

from opp_analytics import sandbox
from opp_analytics.sandbox.team import (
    LEAVE_PER_DAY,
    NEXT,
    REPS,
    compute_outcomes,
    weigh_next_stages,
)


def test_outcomes__agree_with_the_fundamental_matrix() -> None:
    """The textbook way, (I − Q)⁻¹ R, with reopening and recovery as states of their own."""
    stages = [*NEXT, "closed_lost", *(f"deleted {stage}" for stage in NEXT)]
    for rep in REPS:
        inner, out = np.zeros((len(stages), len(stages))), np.zeros((len(stages), 2))
        for stage in NEXT:
            for target, chance in weigh_next_stages(stage, rep.skill).items():
                name = f"deleted {stage}" if target == "deleted" else target
                if name in stages:
                    inner[stages.index(stage), stages.index(name)] += chance
                elif name == "closed_won":
                    out[stages.index(stage), 0] += chance
            inner[stages.index(f"deleted {stage}"), stages.index(stage)] = 1 - 0.98**20
        inner[stages.index("closed_lost"), stages.index("negotiation")] = 1 - 0.997**20
        out[stages.index("closed_lost"), 1] = 0.997**20
        expected = np.linalg.solve(np.eye(len(stages)) - inner, out)
        for stage in NEXT:
            assert compute_outcomes(rep.skill)[stage] == pytest.approx(
                tuple(expected[stages.index(stage)]), abs=1e-12
            )


def test_model__adds_up() -> None:
    assert sum(rep.share for rep in REPS) == pytest.approx(1)
    assert all(sum(NEXT[stage].values()) == pytest.approx(1) for stage in NEXT)
    assert set(LEAVE_PER_DAY) == set(NEXT)
    assert 0.3 < sandbox.TRUE_WIN_RATE < 0.4
    assert list(sandbox.TRUE_STAGE_RATES.values()) == sorted(sandbox.TRUE_STAGE_RATES.values())
    assert len(sandbox.TRUE_WIN_RATES) == len(REPS)
