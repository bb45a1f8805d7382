"""Exports and field histories of other CRMs: their files, columns, stages, number and date formats, in both directions."""

from opp_analytics.crm.change_log import ChangeLog
from opp_analytics.crm.import_table import import_table
from opp_analytics.crm.mapping import Reading
from opp_analytics.crm.read_changes import read_changes
from opp_analytics.crm.read_export import export_of, read_export
from opp_analytics.crm.recognize import guess_org, recognize

__all__ = [
    "ChangeLog",
    "Reading",
    "export_of",
    "guess_org",
    "import_table",
    "read_changes",
    "read_export",
    "recognize",
]
