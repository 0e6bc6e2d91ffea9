"""Somebody in front of the page: what he does and sees, in the words the page itself uses.

Things are found as a person or a screen reader finds them: fields by their label, buttons by their
text, places by their title. Everything waits for what the page does, up to `PATIENCE_S`.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from selenium.common.exceptions import (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    StaleElementReferenceException,
    TimeoutException,
)
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

PATIENCE_S = 15.0
SCREENSHOTS = Path(os.environ.get("LEVERET_SCREENSHOTS") or Path(__file__).parent / "screenshots")
CHECKS = (Path(__file__).parent / "checks.js").read_text(encoding="utf-8")
T = TypeVar("T")

LIGHT, DARK = "light", "dark"
DESK, PHONE = (1440, 900), (360, 780)


def quoted(text: str) -> str:
    """A string literal of XPath, whatever quotes are in it."""
    if '"' not in text:
        return f'"{text}"'
    return "concat(" + ", '\"', ".join(f'"{part}"' for part in text.split('"')) + ")"


class Person:
    """driver: a browser of its own session; url: where the page is, with a slash at its end."""

    def __init__(self, driver: WebDriver, url: str):
        self.driver = driver
        self.url = url
        self.sits_at(DESK)

    # ---- looking ----

    def waits(self, what: str, ready: Callable[[], T | None], every_s: float = 0.05) -> T:
        """Until `ready` returns something true; what it waits for is said if it does not come."""

        def attempt(_driver: WebDriver) -> T | None:
            try:
                return ready()
            except (
                StaleElementReferenceException,
                ElementNotInteractableException,
                ElementClickInterceptedException,
            ):
                return None  # the page was just changing it

        try:
            return WebDriverWait(self.driver, PATIENCE_S, every_s).until(attempt)
        except TimeoutException:
            text = self.driver.find_element(By.TAG_NAME, "main").text[:3000]
            raise AssertionError(f"did not see {what}; the page shows:\n{text}") from None

    def refreshes_until(self, what: str, ready: Callable[[], T | None]) -> T:
        """The same for what the broker has to tell: he asks again and again."""
        again = "document.querySelector('[aria-label=\"Refresh now\"]')?.click()"

        def attempt() -> T | None:
            found = ready()
            if not found:
                self.runs(again)
            return found

        return self.waits(what, attempt, every_s=0.25)

    def place(self, title: str | None) -> WebElement:
        """The section, dialog or form with this title; the whole page for None."""
        if title is None:
            return self.driver.find_element(By.TAG_NAME, "body")
        is_title = f"normalize-space()={quoted(title)}"
        by_heading = f"(//section|//dialog)[.//*[self::h2 or self::h3][{is_title}]]"
        is_place = "self::form or self::section or self::div or self::aside"
        by_label = f"//*[{is_place}][@aria-label={quoted(title)}]"
        return self.waits(
            f"a place titled {title!r}",
            # The innermost: a section may lie in another.
            lambda: (self._seen(f"{by_heading}|{by_label}") or [None])[-1],
        )

    def _seen(self, xpath: str, within: WebElement | None = None) -> list[WebElement]:
        """Those in sight, in the order of the page; found by one command of the driver."""
        found = self.finds("inSight", xpath, within)
        assert isinstance(found, list)
        return found

    def sees(self, text: str, within: str | None = None) -> None:
        self.waits(
            f"{text!r} in {within or 'the page'}",
            lambda: self._says(text, within) or None,
        )

    def no_longer_sees(self, text: str, within: str | None = None) -> None:
        self.waits(
            f"that {text!r} is gone from {within or 'the page'}",
            lambda: not self._says(text, within) or None,
        )

    def _says(self, text: str, within: str | None) -> bool:
        """Whether it is in sight there. The driver's own reading takes long: only where the text is
        there at all."""
        place = self.place(within)
        return bool(self.finds("hasText", place, text)) and text in place.text

    def sees_error(self, text: str, within: str | None = None) -> None:
        """An error where it happened: inside the place that was used."""

        def shown() -> bool | None:
            errors = self._seen(".//*[contains(@class, 'error')]", self.place(within))
            return any(self.finds("hasText", error, text) for error in errors) or None

        self.waits(f"the error {text!r} in {within or 'the page'}", shown)

    def row(self, name: str, within: str | None = None) -> WebElement:
        """The row of a table whose first cell says `name`."""
        xpath = f".//tbody/tr[*[1][contains(normalize-space(), {quoted(name)})]]"
        return self.waits(
            f"a row {name!r}", lambda: (self._seen(xpath, self.place(within)) or [None])[0]
        )

    def cell(self, name: str, column: str, within: str | None = None) -> str:
        """What the row `name` has in `column`; "" if it has nothing there."""

        def read() -> tuple[str] | None:
            row = self.row(name, within)
            heads = row.find_elements(By.XPATH, "ancestor::table/thead/tr[last()]/th")
            titles = [head.text.strip() for head in heads]
            return (row.find_elements(By.XPATH, "*")[titles.index(column)].text,)

        return self.waits(f"a column {column!r}", read)[0]

    def has_button(self, text: str, within: str | None = None) -> bool:
        return bool(self._seen(f".//button[normalize-space()={quoted(text)}]", self.place(within)))

    def finds(self, check: str, *arguments: Any) -> Any:
        """What a function of checks.js says of the page."""
        return self.runs(f"{CHECKS}\nreturn {check}(...arguments)", *arguments)

    def runs(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    # ---- doing ----

    def opens(self, address: str = "#/") -> None:
        """Load the page anew: nobody is logged in unless this tab was."""
        self.driver.get("about:blank")
        self.driver.get(self.url + address)

    def forgets(self) -> None:
        """Another person sits down: no session, no preferences."""
        self.driver.get(self.url + "leveret.svg")
        self.runs("localStorage.clear(); sessionStorage.clear()")

    def logs_in(self, name: str = "guest", password: str = "guest", address: str = "#/") -> None:
        """As somebody who has logged in in this tab before; see test_login for the form."""
        self.forgets()
        login = "Basic " + b64encode(f"{name}:{password}".encode()).decode()
        self.runs("sessionStorage.setItem('leveret.authorization', arguments[0])", login)
        self.opens(address)
        self.waits(
            "the page behind the login", lambda: self._seen("//main[@id='main']//h1") or None
        )

    def tries_to_log_in(self, name: str, password: str) -> None:
        self.types("User name", name)
        self.types("Password", password)
        self.presses("Log in")

    def goes_to(self, address: str, title: str | None = None) -> None:
        """By the address bar. title: what the page is then called."""
        self.runs("location.hash = arguments[0]", address)
        if title is not None:
            self.waits(
                f"the page {title!r}",
                lambda: self._seen(f"//h1[normalize-space()={quoted(title)}]") or None,
            )

    def unfolds(self, title: str) -> None:
        """Open the panel with this title, unless it is open."""
        xpath = f"//details/summary[normalize-space(h2)={quoted(title)}]"

        def unfold() -> bool | None:
            for summary in self._seen(xpath):
                if summary.find_element(By.XPATH, "..").get_attribute("open") is None:
                    summary.click()
                return True
            return None

        self.waits(f"a panel {title!r}", unfold)

    def presses(self, text: str, within: str | None = None) -> None:
        """A button or a link, by its text or by its name for screen readers."""
        is_it = f"normalize-space()={quoted(text)} or @aria-label={quoted(text)}"
        xpath = f".//*[self::button or self::a or self::summary][{is_it}]"

        def press() -> bool | None:
            for button in self._seen(xpath, self.place(within)):
                self._into_view(button)
                button.click()
                return True
            return None

        self.waits(f"a button {text!r} in {within or 'the page'}", press)

    def _into_view(self, element: WebElement) -> None:
        self.runs("arguments[0].scrollIntoView({block: 'center'})", element)

    def field(
        self, label: str, within: str | None = None, kinds: str = "input select textarea"
    ) -> WebElement:
        """By its label, or by the name it has for screen readers."""
        is_kind = " or ".join(f"self::{kind}" for kind in kinds.split())
        is_label = f"normalize-space()={quoted(label)} or normalize-space()={quoted(label + ' *')}"
        around = f"parent::label[normalize-space(text())={quoted(label)}]"
        xpath = (
            f".//*[{is_kind}][@aria-label={quoted(label)}"
            f" or @id=//label[{is_label}]/@for or {around}]"
        )
        return self.waits(
            f"a field {label!r} in {within or 'the page'}",
            lambda: (self._seen(xpath, self.place(within)) or [None])[0],
        )

    def types(self, label: str, text: str, within: str | None = None) -> None:
        """Replace what the field holds."""

        def put() -> bool:
            field = self.field(label, within, "input textarea")
            self._into_view(field)
            # As fingers do it: the driver's clear() is not heard by who listens for input.
            field.send_keys(Keys.CONTROL, "a", Keys.NULL, text or Keys.BACKSPACE)
            return True

        self.waits(f"to type into {label!r}", put)

    def chooses(self, label: str, option: str, within: str | None = None) -> None:
        Select(self.field(label, within, "select")).select_by_visible_text(option)

    def ticks(self, label: str, within: str | None = None) -> None:
        self.field(label, within).click()

    def answers(self, button: str) -> None:
        """Press a button of the dialog that asks."""
        xpath = f"//dialog//button[normalize-space()={quoted(button)}]"

        def press() -> bool | None:
            for found in self._seen(xpath):
                found.click()
                return True
            return None

        self.waits(f"a dialog with {button!r}", press)
        self.waits("that the dialog is gone", lambda: not self._seen("//dialog") or None)

    def tabs_to(self, wanted: str, at_most: int | None = None) -> None:
        """With the tabulator alone, from where the focus is; at most once round the page."""
        for _ in range(at_most or self.finds("tabStops")):
            self.hits(Keys.TAB)
            if self.finds("focusedName").startswith(wanted):
                return
        raise AssertionError(f"the tabulator does not come to {wanted!r}")

    def hits(self, key: str) -> None:
        ActionChains(self.driver, duration=0).send_keys(key).perform()

    # ---- surroundings ----

    def sits_at(self, size: tuple[int, int], colours: str = LIGHT) -> None:
        width, height = size
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {
                "width": width,
                "height": height,
                "deviceScaleFactor": 1,
                "mobile": size == PHONE,
            },
        )
        self.driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia",
            {
                "features": [
                    {"name": "prefers-color-scheme", "value": colours},
                    {"name": "prefers-reduced-motion", "value": "reduce"},  # no colour in between
                ]
            },
        )

    def takes_a_picture(self, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.driver.save_screenshot(str(SCREENSHOTS / f"{name}.png"))

    def complaints(self) -> list[str]:
        """Errors in the browser's console since it was last asked; a refused request is none."""
        return [
            entry["message"]
            for entry in self.driver.get_log("browser")
            if entry["level"] == "SEVERE" and "Failed to load resource" not in entry["message"]
        ]
