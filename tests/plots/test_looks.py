"""What every drawing owes the eye: nothing cut off, no labels on top of each other, whatever the data."""

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from opp_analytics import History, analysis, org, plots

AS_OF = "2026-03-31"
LONG = "An extraordinarily long customer name $ with_underscores & Söhne GmbH, Zweigstelle Nr."


def _pipeline(groups, deals, name="{long} {k}", scale=1.0):
    dice = np.random.default_rng(3)
    k = np.arange(deals)
    stage = dice.choice(org.STAGES.names, deals)
    return pd.DataFrame(
        {
            "unique_id": [f"d{n:05d}" for n in k],
            "name": [name.format(long=LONG, k=n) for n in k],
            "account_id": "x",
            "value": (dice.lognormal(9, 2, deals) * scale).round(2),
            "stage": stage,
            "status": np.select([stage == "closed_won", stage == "closed_lost"], ["won", "lost"], "active"),
            "close_date": pd.Timestamp("2025-06-01")
            + pd.to_timedelta(dice.integers(0, 500, deals), unit="D"),
            "probability": dice.integers(1, 100, deals),
            "created_at": pd.Timestamp("2025-05-01", tz="UTC")
            + pd.to_timedelta(dice.integers(0, 300, deals), unit="D"),
            "updated_at": pd.Timestamp("2026-03-01", tz="UTC"),
            "owner_name": [name.format(long=LONG, k=n % groups) for n in k],
        }
    )


FRAMES = {
    "forty long names": _pipeline(40, 800),
    "one deal": _pipeline(1, 1),
    "two short names": _pipeline(2, 60, name="{k}"),
    "billions": _pipeline(7, 300, scale=1e7),
    "cents": _pipeline(7, 300, scale=1e-5),
}


def _history(frame, folder):
    """The frame a month ago and now, with some of it moved."""
    kept = History(folder)
    before = frame.assign(stage=frame["stage"].astype(str).replace("closed_won", "proposal"), status="active")
    kept.record(
        before.assign(close_date=before["close_date"] - pd.Timedelta(days=20)), at="2026-02-28T12:00Z"
    )
    kept.record(before, at="2026-03-10T12:00Z")
    kept.record(frame, at="2026-03-31T12:00Z")
    return kept


def _tables(frame, history):
    day: dict[str, Any] = {"as_of": AS_OF}
    stretch: dict[str, Any] = {"start": "2026-03-01", "end": AS_OF}
    return {
        "stage_funnel": [analysis.stage_funnel(frame), analysis.stage_funnel(frame, by="owner_name")],
        "win_rate": [
            analysis.win_rate(frame, by="owner_name", **day),
            analysis.win_rate(frame, freq="M", **day),
            analysis.win_rate(frame),
        ],
        "forecast": [
            analysis.forecast(frame, target=1e6, **day),
            analysis.forecast(frame, freq="W", **day),
            analysis.forecast(frame, freq="Y", by="owner_name", **day),
        ],
        "win_rate_curve": [
            analysis.win_rate_curve(frame, **day),
            analysis.win_rate_curve(frame, by="owner_name", **day),
        ],
        "win_rate_definitions": [analysis.win_rate_definitions(frame, **day)],
        "time_to_win": [analysis.time_to_win(frame, by="owner_name", **day)],
        "velocity": [analysis.velocity(frame, by="owner_name", **day)],
        "win_rate_cohorts": [analysis.win_rate_cohorts(frame, age_days=60, freq="M", **day)],
        "forecast_deals": [
            analysis.forecast_deals(frame, **day),
            analysis.forecast_deals(frame, target=1e6, **day),
        ],
        "audit": [analysis.audit(frame, **day)],
        "waterfall": [analysis.waterfall(history, **stretch)],
        "movements": [analysis.movements(history, **stretch)],
        "slippage": [
            analysis.slippage(history, **stretch),
            analysis.slippage(history, by="owner_name", **stretch),
        ],
        "stage_flow": [analysis.stage_flow(history, **stretch)],
        "transitions": [analysis.transitions(history)],
        "close_date_moves": [analysis.close_date_moves(history)],
    }


def _undrawn(ax):
    """Labels of ticks beyond the end of their axis, which matplotlib does not draw."""
    found = set()
    for axis in (ax.xaxis, ax.yaxis):
        low, high = sorted(axis.get_view_interval())
        found |= {id(tick.label1) for tick in axis.get_major_ticks() if not low <= tick.get_loc() <= high}
    return found


def _cut_off(ax):
    """Texts that reach beyond the figure's edge."""
    width, height = ax.figure.get_size_inches() * ax.figure.dpi
    undrawn = _undrawn(ax)
    boxes = {
        text.get_text(): text.get_window_extent()
        for text in ax.figure.findobj(Text)
        if text.get_text().strip() and text.get_visible() and id(text) not in undrawn
    }
    return {
        words: (round(box.x0), round(box.x1 - width), round(box.y0), round(box.y1 - height))
        for words, box in boxes.items()
        if box.x0 < -2 or box.x1 > width + 2 or box.y0 < -2 or box.y1 > height + 2
    }


def _colliding(labels, *, upright):
    """Pairs of neighbouring labels that touch."""
    shown = [label for label in labels if label.get_text().strip() and label.get_visible()]
    turned = any(label.get_rotation() for label in shown)
    if upright or not turned:
        spans = [label.get_window_extent() for label in shown]
        ends = sorted((box.y0, box.y1) if upright else (box.x0, box.x1) for box in spans)
    else:
        ends = sorted((box.x1 - 6, box.x1 + 6) for box in (label.get_window_extent() for label in shown))
    return [pair for pair in itertools.pairwise(ends) if pair[1][0] < pair[0][1] - 1]


@pytest.mark.parametrize("kind", FRAMES)
def test_drawings__cut_nothing_off_and_keep_labels_apart(kind, tmp_path):
    frame = org.conform(FRAMES[kind])
    wrong = {}
    for name, tables in _tables(frame, _history(frame, tmp_path / "history")).items():
        for place, table in enumerate(tables):
            ax = getattr(plots, name)(table)
            FigureCanvasAgg(ax.figure).draw()
            found = {
                "cut off": _cut_off(ax),
                "x": _colliding(ax.get_xticklabels(), upright=False),
                "y": _colliding(ax.get_yticklabels(), upright=True),
            }
            if any(found.values()):
                wrong[f"{name} {place}"] = {what: seen for what, seen in found.items() if seen}
    assert wrong == {}
