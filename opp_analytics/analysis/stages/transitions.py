"""`transitions`: every change of stage of every opportunity."""

from __future__ import annotations

import pandas as pd

from opp_analytics import org, schema
from opp_analytics.analysis.shared.history_query import Span, find_span, instant, keep_until, lag
from opp_analytics.analysis.shared.tables import annotate_span
from opp_analytics.arguments import frame
from opp_analytics.history import DELETED, History, ibis, label_of, missing
from opp_analytics.periods import When

_DAY = pd.Timedelta(days=1)
_INSTANTS = ("seen_after", "seen_at", "entered_after", "entered_at")


def transitions(
    history: History, *, start: When | None = None, end: When | None = None, tz: str | None = None
) -> pd.DataFrame:
    """List every recorded change of stage, with the time in the previous stage.

    Parameters
    ----------
    history : History
        Reads ``stage`` of the change log.
    start, end : date or str, optional
        Time window: changes after the last record at `start` and by `end`; default: the whole
        history. A naive date means the start of its day for `start`, the end of its day for `end`.
    tz : str, optional
        Business time zone; default: the org's, else UTC.

    Returns
    -------
    DataFrame
        In order of ``seen_at``, then ``unique_id``: ``unique_id`` (str), ``from_stage``,
        ``to_stage`` (ordered category; `from_stage` is missing where the opportunity is first
        seen), ``seen_after``, ``seen_at`` (instants: it happened after the first and by the
        second), ``days_in_stage`` (float64, days from the record that first shows `from_stage` to
        the one that first shows `to_stage`), ``days_low``, ``days_high`` (float64, days: the true
        time is between; `days_high` is missing where the stage was entered before the first
        record), ``backward`` (bool: to an earlier stage of the same pipeline).

    Raises
    ------
    NotEnoughHistory
        When there are no records, `start` is before the first, there is none between `start` and
        `end`, or an imported history lacks the stages of their months; without a `start`, the list
        begins after these, with a warning.
    ArgumentTypeError, ArgumentValueError
        When an argument is of the wrong kind, or `end` is before `start`.

    Notes
    -----
    Deletions, returns, disqualifications and missing stages have no row; a stage that differs after
    such a gap has one. Two changes between two records appear as one (``bound`` in the note).

    Examples
    --------
    >>> log = pd.DataFrame(
    ...     {
    ...         "unique_id": "a",
    ...         "seen_at": ["2026-01-05", "2026-01-12"],
    ...         "stage": ["proposal", "closed_won"],
    ...     }
    ... )
    >>> steps = transitions(History.from_changes(log))
    >>> (
    ...     steps.loc[1, ["from_stage", "to_stage"]].tolist(),
    ...     steps[["days_in_stage", "days_low"]].loc[1].tolist(),
    ... )
    (['proposal', 'closed_won'], [7.0, 0.0])
    """
    asked = find_span(
        history,
        start,
        end,
        asked_by="transitions",
        tz=tz,
        needs_two=start is not None,
        reads=("stage",),
        needs=("stage",),
    )
    steps = _select_steps(asked)
    if start is not None or asked.known_from is not None:
        steps = steps.filter(steps["seen_at"] > instant(asked.opening))
    found = history.collect(steps).sort_values(["seen_at", "unique_id"], ignore_index=True)
    stages = ["from_stage", "to_stage"]
    dtype = org.stage_dtype(asked.org.stages, pd.unique(found[stages].to_numpy().ravel("F")))
    found = found.astype(
        {
            **dict.fromkeys(_INSTANTS, "datetime64[us, UTC]"),
            **dict.fromkeys(("unique_id", *stages), schema.TEXT),
            "backward": "bool",
        }
    ).astype(dict.fromkeys(stages, dtype))
    table = found[["unique_id", *stages, "seen_after", "seen_at"]].assign(
        days_in_stage=(found["seen_at"] - found["entered_at"]) / _DAY,
        days_low=((found["seen_after"] - found["entered_at"]) / _DAY).clip(lower=0.0),
        days_high=(found["seen_at"] - found["entered_after"]) / _DAY,
        backward=found["backward"],
    )
    bound = (
        "lower: two changes between two records appear as one; times are only as exact as the "
        "records"
    )
    return annotate_span(table, "transitions", asked, n=table["unique_id"].nunique(), bound=bound)


def transition_matrix(transitions: pd.DataFrame) -> pd.DataFrame:
    """Count the steps from each stage to each other stage.

    Parameters
    ----------
    transitions : DataFrame
        Result of `transitions`, or some of its rows: ``from_stage``, ``to_stage`` (ordered
        category).

    Returns
    -------
    DataFrame
        Index ``from_stage`` (str): stages with a step out of them, in order. Columns ``to_stage``
        (str): stages with any step, in order. Cells are counts of steps (int64). The first
        appearance of a deal is not a step. Without steps, an empty table.

    Raises
    ------
    ArgumentTypeError, MissingColumnError
        When `transitions` is not a result of `transitions`.

    See Also
    --------
    stage_flow : outcomes of the entries into each stage.

    Examples
    --------
    >>> log = pd.DataFrame(
    ...     {
    ...         "unique_id": "a",
    ...         "seen_at": ["2026-01-05", "2026-01-12"],
    ...         "stage": ["proposal", "closed_won"],
    ...     }
    ... )
    >>> transition_matrix(transitions(History.from_changes(log)))
    to_stage    proposal  closed_won
    from_stage
    proposal           0           1
    """
    frame(transitions, "transitions", "from_stage", "to_stage", made_by="transitions")
    steps = transitions[transitions["from_stage"].notna()]
    counted = pd.crosstab(steps["from_stage"], steps["to_stage"])
    order = [
        stage
        for stage in transitions["to_stage"].cat.categories
        if stage in {*counted.index, *counted}
    ]
    out = [stage for stage in order if stage in counted.index]
    rows = pd.Index(out, name="from_stage", dtype=schema.TEXT)
    columns = pd.Index(order, name="to_stage", dtype=schema.TEXT)
    return counted.reindex(index=rows, columns=columns, fill_value=0)


def _select_steps(asked: Span) -> ibis.Table:
    log, stages = keep_until(asked.history.log, asked.closing), asked.org.stages
    placed = len(stages.pipelines) > 1 and org.PIPELINE in log.columns
    changes = log.select(
        *("unique_id", "stage", "operation", "seen_after", "seen_at"),
        _within=asked.history.within(log),
        _home=label_of(log[org.PIPELINE]) if placed else ibis.literal(""),
        _rank=stages.rank_expression(
            log, lambda own: {name: rank for rank, name in enumerate(own.names)}
        ),
    )
    there = changes.filter(
        changes["operation"] != DELETED,
        ~missing(changes["stage"]),
        changes["stage"] != org.NOT_RECORDED,
    )
    before = {"from_stage": "stage", "_home_before": "_home", "_rank_before": "_rank"}
    there = there.mutate(**{name: lag(there[column]) for name, column in before.items()})
    steps = there.filter(missing(there["from_stage"]) | (there["from_stage"] != there["stage"]))
    lower = (steps["_rank"] >= 0) & (steps["_rank"] < steps["_rank_before"])
    return steps.select(
        *("unique_id", "from_stage", "seen_after", "seen_at", "_within"),
        to_stage=steps["stage"],
        backward=(lower & (steps["_home"] == steps["_home_before"])).fill_null(False),
        entered_after=lag(steps["seen_after"]),
        entered_at=lag(steps["seen_at"]),
    ).filter("_within")
