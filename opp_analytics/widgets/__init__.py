"""Notebook widgets: the explorer and the editing grid."""

from opp_analytics.widgets.explorer.explorer import Explorer, explore
from opp_analytics.widgets.grid.grid import Grid, edit

__all__ = ["Explorer", "Grid", "edit", "explore"]
