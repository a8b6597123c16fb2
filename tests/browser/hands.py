"""How somebody works a page: with a mouse or a finger, or with the keyboard alone."""

from __future__ import annotations

from typing import Final

from playwright.sync_api import Locator, Page, expect

# So many stops of Tab lead round any page.
STOPS_LIMIT: Final = 80


class Mouse:
    """Points at what it wants."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def presses(self, control: Locator) -> None:
        """Press a button, a link or a summary."""
        control.click()

    def types(self, field: Locator, text: str) -> None:
        """Put this into a field."""
        field.fill(text)

    def selects(self, field: Locator, label: str) -> None:
        """Choose from a list."""
        field.select_option(label=label)

    def checks(self, choice: Locator) -> None:
        """Choose one of several."""
        choice.check()


class Keyboard(Mouse):
    """Gets everywhere by Tab, and never touches a mouse."""

    def presses(self, control: Locator) -> None:
        self._goes_to(control)
        self.page.keyboard.press("Enter")

    def types(self, field: Locator, text: str) -> None:
        self._goes_to(field)
        self.page.keyboard.press("ControlOrMeta+A")
        self.page.keyboard.type(text)

    def selects(self, field: Locator, label: str) -> None:
        self._goes_to(field)
        self.page.keyboard.type(label)

    def checks(self, choice: Locator) -> None:
        group = choice.page.locator(f"[name={choice.get_attribute('name')}]:checked")
        self._goes_to(group)
        for _ in range(STOPS_LIMIT):
            if choice.is_checked():
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError("no arrow leads to the choice")

    def _goes_to(self, control: Locator) -> None:
        expect(control).to_be_visible()
        # Nobody is quicker than htmx, which takes some milliseconds more to put new elements in their place.
        expect(self.page.locator(".htmx-request, .htmx-added, .htmx-settling")).to_have_count(0)
        for _ in range(STOPS_LIMIT):
            if control.evaluate("control => control === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab never comes to {control}")
