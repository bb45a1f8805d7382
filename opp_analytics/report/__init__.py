"""The weekly page: one self-contained HTML file, and a workbook with the tables behind it."""

from opp_analytics.report.weekly import WeeklyReport, weekly_report

__all__ = ["WeeklyReport", "weekly_report"]
