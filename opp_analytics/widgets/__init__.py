"""Notebook widgets: the explorer and the editing grid."""

from opp_analytics.errors import ConfigError

try:
    from opp_analytics.widgets.explorer.explorer import Explorer, explore
    from opp_analytics.widgets.grid.grid import Grid, edit
except ModuleNotFoundError as error:
    raise ConfigError(
        f"widgets need {error.name}; install it with: pip install 'opp-analytics[notebook]'"
    ) from None
