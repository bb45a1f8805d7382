"""The forecast category of each open deal: the tenant's own, its stage's, or by stated probability."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from opp_analytics import schema
from opp_analytics.org import Org

__all__ = ["CATEGORIES", "COLUMNS", "categories"]

CATEGORIES = ("commit", "best_case", "pipeline", "omitted")
"""Categories of open deals; `categories` gives positions in this list."""
COLUMNS = ("category", "pipeline", "probability")
"""Columns that decide, where a frame has them."""
_PLACES = {
    **{name: place for place, name in enumerate(CATEGORIES)},
    **dict.fromkeys(("bestcase", "upside"), CATEGORIES.index("best_case")),
    "omit": CATEGORIES.index("omitted"),
}
_BOUNDS = ((75, 0), (50, 1))
"""Stated percent from which a deal is in a category; the rest is pipeline."""


def categories(frame: pd.DataFrame) -> tuple[NDArray[np.intp], int]:
    """The category of each row of a conformed frame, as if open, and the number of categories that are not known.

    The tenant's column ``category`` decides, else the stage's category in the org, else the stated probability (or that
    of the stage): 75% and more is commit, 50% and more best case, the rest pipeline.
    """
    meaning = Org.of(frame)
    own, strange = _own(frame)
    found = np.where(own >= 0, own, _by_stage(frame, meaning))
    codes: NDArray[np.intp] = np.where(found >= 0, found, _by_probability(frame, meaning)).astype(np.intp)
    return codes, strange


def _own(frame: pd.DataFrame) -> tuple[NDArray[np.intp], int]:
    if "category" not in frame:
        return np.full(len(frame), -1, dtype=np.intp), 0
    said = frame["category"].astype(schema.TEXT)
    spelled = said.str.strip().str.lower().str.replace(r"[\s\-]+", "_", regex=True)
    place = spelled.map(_PLACES).fillna(-1).astype("int64")
    # "Closed" is what some systems say of a deal that was won; while it is open, its stage decides.
    strange = spelled.notna() & (spelled != "") & (spelled != "closed") & (place < 0)
    return np.asarray(place, dtype=np.intp), int(strange.sum())


def _by_stage(frame: pd.DataFrame, meaning: Org) -> NDArray[np.intp]:
    given = {
        (stage.pipeline, stage.name): CATEGORIES.index(stage.category)
        for stage in meaning.stages
        if stage.category is not None
    }
    return _of_stage(frame, given, -1)


def _by_probability(frame: pd.DataFrame, meaning: Org) -> NDArray[np.intp]:
    given = {
        (stage.pipeline, stage.name): stage.probability
        for stage in meaning.stages
        if stage.probability is not None
    }
    by_stage = _of_stage(frame, given, -1)
    stated = (
        frame["probability"].to_numpy(dtype=float, na_value=np.nan)
        if "probability" in frame
        else np.full(len(frame), np.nan)
    )
    percent = np.where(np.isnan(stated), by_stage, stated)
    found = np.full(len(frame), CATEGORIES.index("pipeline"), dtype=np.intp)
    for bound, category in reversed(_BOUNDS):
        found[percent >= bound] = category
    return found


def _of_stage(
    frame: pd.DataFrame, given: dict[tuple[str | None, str], int], otherwise: int
) -> NDArray[np.intp]:
    """What the org says of each row's stage, in the row's pipeline where stages differ by pipeline."""
    stages: list[Any] = frame["stage"].astype("object").tolist()
    pipelines: list[Any] = (
        frame["pipeline"].astype("object").tolist() if "pipeline" in frame else [None] * len(frame)
    )
    by_name = {name: said for (_, name), said in given.items()}
    return np.array(
        [
            given.get((pipe, stage), given.get((None, stage), by_name.get(stage, otherwise)))
            for pipe, stage in zip(pipelines, stages, strict=True)
        ],
        dtype=np.intp,
    )
