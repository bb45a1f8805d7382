"""The chance of winning that the org gives each deal by its stage, where an export has no probability."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opp_analytics.org import Org

__all__ = ["stage_chances"]


def stage_chances(opportunities: pd.DataFrame, org: Org) -> pd.Series[Any]:
    """The probability (Int64, percent) of each deal's stage, in its pipeline where stages differ by pipeline.

    Parameters
    ----------
    opportunities : DataFrame
        ``stage``, and ``pipeline`` where the org has several.
    org : Org
        With the stages.

    Examples
    --------
    >>> stage_chances(pd.DataFrame({"stage": ["Prospecting", "Ours", "Closed Won"]}), Org.salesforce()).tolist()
    [10, <NA>, <NA>]
    """
    stages = opportunities["stage"].astype("object")
    found = pd.Series(pd.NA, index=opportunities.index, dtype="Int64")
    for pipeline in org.stages.pipelines if "pipeline" in opportunities else (None,):
        known = {s.name: s.probability for s in org.stages.of(pipeline) if s.probability is not None}
        inside = stages.notna() if pipeline is None else (opportunities["pipeline"] == pipeline).fillna(False)
        found = found.mask(inside.astype("bool"), stages.map(known).astype("Int64"))
    return found
