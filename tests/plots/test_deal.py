from matplotlib.colors import to_hex

import opp_analytics as oa
from opp_analytics import plots
from opp_analytics.plots.render import COLORS
from tests.history.logs import history_of
from tests.plots import reading

ROWS = [
    ("a", 0, 100.0, "proposal", "2026-03-31", "active"),
    ("a", 1, 150.0, "discovery", "2026-04-30", "active"),
    ("a", 2, 120.0, "discovery", "2026-02-28", "active"),
    ("a", 4, 120.0, "closed_won", "2026-02-28", "won"),
]


def bars(ax):
    """Lane, first and last day since the start, and color of each segment."""
    start = ax.get_xlim()[0]
    return [
        (
            round(bar.get_y() + bar.get_height() / 2),
            bar.get_x() - start,
            bar.get_x() + bar.get_width() - start,
            bar.get_facecolor(),
        )
        for bar in ax.patches
    ]


def test_deal__shows_each_value_as_long_as_it_was_seen():
    ax = plots.deal(history_of(ROWS, name="Acme").deal("a"))
    assert reading.title(ax) == "Acme: pushed once (30 days), now in Closed won"
    assert reading.rows(ax) == ["stage", "value", "close date"]
    lanes = [(lane, start, end) for lane, start, end, _ in bars(ax)]
    assert lanes == [
        (0, 0, 7),
        (0, 7, 28),
        (0, 28, 35),
        (1, 0, 7),
        (1, 7, 14),
        (1, 14, 35),
        (2, 0, 7),
        (2, 7, 14),
        (2, 14, 35),
    ]
    colors = [to_hex(color).upper() for *_, color in bars(ax)]
    blue, pale, dark = (color.upper() for color in (COLORS["hi"], COLORS["pale"], COLORS["bar"]))
    # Moved back, then won; raised, then cut; pushed, then pulled in.
    assert colors == [pale, blue, dark, pale, pale, blue, pale, blue, pale]
    assert "Feb 28" in reading.texts(ax)
    assert reading.caption(ax).startswith("changed in 3 records · as of Feb 2, 2026")


def test_deal__moves_back_only_in_its_own_pipeline():
    org = oa.Org(
        stages=[
            *({"name": name, "kind": "open", "pipeline": "New"} for name in ("Demo", "Talk")),
            *({"name": name, "kind": "open", "pipeline": "Renewal"} for name in ("Talk", "Demo")),
            {"name": "Signed", "kind": "won"},
        ]
    )
    # Forward in Renewal, to New, back in New.
    steps = [("Talk", "Renewal"), ("Demo", "Renewal"), ("Talk", "New"), ("Demo", "New")]
    rows = [("a", week, 1.0, stage, None, None) for week, (stage, _) in enumerate(steps)]
    ax = plots.deal(history_of(rows, org=org, pipeline=[home for _, home in steps]).deal("a"))
    colors = [to_hex(color).upper() for lane, *_, color in bars(ax) if lane == 0]
    assert colors == [COLORS["pale"].upper()] * 3 + [COLORS["hi"].upper()]


def test_deal__shows_nothing_while_it_was_deleted():
    rows = [
        ROWS[0],
        ("a", 3, 100.0, "proposal", "2026-03-31", "active"),
        ("b", 4, 1.0, None, None, None),
    ]
    ax = plots.deal(history_of(rows, deleted=[("a", 1)]).deal("a"))
    assert {(start, end) for _, start, end, _ in bars(ax)} == {(0, 7), (21, 28)}
