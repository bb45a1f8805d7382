"""Tools for assistants: questions of the catalog, deals, and plans that wait for a person."""

from opp_analytics.tools.calculator import Calculator, Pipeline, count_tokens
from opp_analytics.tools.server import serve
