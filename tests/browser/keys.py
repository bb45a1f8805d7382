"""A person with a keyboard, on any page."""

from __future__ import annotations

from playwright.sync_api import Page

_FOCUSED = (
    "(n => n.getAttribute('aria-label') || n.innerText || n.placeholder || "
    "'')(document.activeElement)"
)


class Keys:
    """Keys pressed and texts typed where the focus is."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def type(self, text: str, *keys: str) -> None:
        self.page.keyboard.type(text)
        self.press(*keys)

    def tab_to(self, name: str, key: str = "Tab") -> None:
        """Press Tab until what has focus is named so."""
        for _ in range(60):
            if " ".join(str(self.page.evaluate(_FOCUSED)).split()).startswith(name):
                return
            self.press(key)
        raise AssertionError(f"{key} does not lead to {name}")
