"""What an analyst clicks in a notebook: the editing grid."""

from opp_analytics.widgets.grid import Grid, edit

__all__ = ["Grid", "edit"]
