"""Who gets which page: addresses of the org file, and the chats of the environment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from opp_analytics.api import Secret
from opp_analytics.org import Org
from opp_analytics.report.html import WHOLE

Channel = Literal["mail", "chat"]


@dataclass(frozen=True)
class Receiver:
    """One who gets the page of one audience."""

    name: str
    """A mail address, or kind and checksum of a chat, such as ``slack 3f2a9c``; of who has no
    address, the person or team."""
    channel: Channel
    audience: str
    """Whose page it is: ``"everybody"``, ``"team North"``, ``"person Ada Lee"``."""
    address: Secret | None
    """A mail address or the URL of a chat; None without one."""


class Unknown(str):
    """Why nobody knows whether a message arrived, so that a person decides."""

    __slots__ = ()


def find_receivers(audience: str, org: Org, chats: Iterable[Receiver] = ()) -> list[Receiver]:
    """Find who gets the page of an audience.

    Everybody's page goes to ``mail_to`` and the `chats`, a team's or person's to their own
    addresses.

    Without any, one receiver without an address stands for them.
    """
    kind, _, name = audience.partition(" ")
    people = org.people
    addresses: Iterable[str] = ()
    if audience == WHOLE:
        addresses = org.deliver.get("mail_to", ())
    elif kind == "team":
        addresses = org.deliver.get("teams", {}).get(name, ())
    elif kind == "person" and "email" in people:
        addresses = people["email"][people["owner_name"] == name].dropna()
    mail = [Receiver(one, "mail", audience, Secret(one)) for one in dict.fromkeys(addresses)]
    return [*mail, *(chats if audience == WHOLE else ())] or [
        Receiver(name or WHOLE, "mail", audience, None)
    ]
