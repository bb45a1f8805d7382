"""The weekly page: one self-contained HTML file, and a workbook with the tables behind it.

Tables shown in a notebook.
"""

from opp_analytics.answers import fold_alerts
from opp_analytics.report.delivery.deliver import Post, check_delivery, deliver
from opp_analytics.report.delivery.smtp import check_mail
from opp_analytics.report.show import show
from opp_analytics.report.weekly import WeeklyReport, check_report, weekly_report, write_report
