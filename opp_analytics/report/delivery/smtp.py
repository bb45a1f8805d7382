"""Mail by SMTP, with the login of the environment."""

from __future__ import annotations

from opp_analytics.report.delivery.ledger import Kind
from opp_analytics.report.delivery.receivers import Receiver
from opp_analytics.report.weekly import WeeklyReport


def send_mail(receiver: Receiver, page: WeeklyReport, kind: Kind) -> str:
    """Send a page, or its alerts, by mail; give why it failed, nothing where it was sent."""
    return "mail cannot be sent yet"
