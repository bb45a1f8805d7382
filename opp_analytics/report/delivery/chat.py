"""Chats by Apprise, with the URLs of the environment."""

from __future__ import annotations

from opp_analytics.report.delivery.ledger import Kind
from opp_analytics.report.delivery.receivers import Receiver
from opp_analytics.report.weekly import WeeklyReport


def find_chats() -> list[Receiver]:
    """Find the chats of the environment, which get the page of everybody."""
    return []


def send_chat(receiver: Receiver, page: WeeklyReport, kind: Kind) -> str:
    """Send a page, or its alerts, to a chat; give why it failed, nothing where it was sent."""
    return "chats cannot be sent to yet"
