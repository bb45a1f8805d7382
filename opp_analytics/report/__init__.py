"""The weekly page: one self-contained HTML file, and a workbook with the tables behind it; tables shown in a notebook."""

from opp_analytics.report.show import show
from opp_analytics.report.weekly import WeeklyReport, check_report, weekly_report

__all__ = ["WeeklyReport", "check_report", "show", "weekly_report"]
