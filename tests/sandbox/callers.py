"""A plain HTTP caller of the served API, and the rows that its tenant begins with."""

from __future__ import annotations

from typing import Any

import requests

ROWS: list[dict[str, Any]] = [
    {
        "unique_id": f"opp-{number:02}",
        "name": name,
        "account_id": account,
        "value": value,
        "stage": stage,
        "status": status,
        "owner_name": owner,
        "owner_unique_id": f"rep-{owner}",
        "created_at": f"2026-01-{number:02}T09:00:00Z",
        "updated_at": f"2026-02-{number:02}T09:00:00Z",
    }
    for number, name, account, value, stage, status, owner in (
        (1, "Ärzte portal", "acme", 100, "discovery", "active", "Ann"),
        (2, "Billing", "acme", 50.25, "proposal", "active", "Ben"),
        (3, "CRM rollout", "bolt", None, "closed_won", "won", "Ann"),
        (4, "Data lake", "bolt", 100, "closed_lost", "lost", "Ben"),
        (5, "100% uptime", "core", 7, "discovery", "inactive", "Ann"),
    )
]


class Caller:
    """A plain HTTP client with the credentials of one tenant."""

    def __init__(self, url: str, token: str, api_key: str) -> None:
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers.update({"Authorization": f"Bearer {token}", "AppId": api_key})

    def __call__(
        self, method: str, path: str, *, timeout: float = 300, **kwargs: Any
    ) -> requests.Response:
        return self.session.request(
            method, self.url + path, allow_redirects=False, timeout=timeout, **kwargs
        )

    def create(self, **fields: Any) -> requests.Response:
        return self("POST", "/opportunities", json={"opportunity": fields})

    def update(self, unique_id: str, /, **fields: Any) -> requests.Response:
        return self("PUT", f"/opportunities/{unique_id}", json={"opportunity": fields})

    def get_answer(self, unique_id: str) -> requests.Response:
        return self("GET", f"/opportunities/{unique_id}")

    def get(self, unique_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.get_answer(unique_id).json()["data"]["attributes"]
        return answer

    def ids(self, **params: Any) -> list[str]:
        return [row["id"] for row in self("GET", "/opportunities", params=params).json()["data"]]

    def trash(self) -> list[str]:
        return [row["id"] for row in self("GET", "/opportunities/trash/show").json()["data"]]
