"""With the keyboard alone, on a phone, and as a screen reader finds it."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser.conftest import Site
from tests.browser.person import DARK, LIGHT, PHONE, Person

# Every view; {node} is the name of the node.
ADDRESSES = (
    *("#/", "#/connections", "#/channels", "#/exchanges", "#/queues", "#/users", "#/vhosts"),
    *("#/policies", "#/limits", "#/cluster-name", "#/log", "#/nodes/{node}", "#/vhosts/%2F"),
    *("#/exchanges/%2F/amq.topic", "#/exchanges/%2F/amq.default", "#/queues/%2F/reached"),
    *("#/users/guest", "#/no/such/page"),
)


@pytest.fixture
def everywhere(person: Person, site: Site) -> Person:
    site.asks("PUT", "queues/%2F/reached", {"durable": True})
    person.logs_in()
    return person


def _views(person: Person, site: Site) -> list[str]:
    """Go from view to view; each is ready when its title is there and nothing is asked any more."""
    node = site.asks("GET", "nodes")[0]["name"]
    return [address.format(node=node) for address in ADDRESSES]


def _goes(person: Person, address: str) -> None:
    person.runs("window.before = document.querySelector('main h1')")
    person.goes_to(address)
    another = "const h = document.querySelector('main h1'); return h && h !== window.before"
    person.waits(f"the view {address}", lambda: person.runs(another))
    person.runs("document.querySelectorAll('main details').forEach((one) => { one.open = true; })")


def test_every_view_is_named_and_structured(everywhere: Person, site: Site) -> None:
    person = everywhere
    for address in _views(person, site)[1:]:
        _goes(person, address)
        focused = person.driver.switch_to.active_element
        assert focused.tag_name == "h1", (
            f"after going to {address} the focus is on {focused.tag_name}"
        )
        assert person.driver.title == f"{focused.text} · Leveret"
        assert person.finds("namelessControls") == [], address
        assert person.finds("bareTables") == [], address
        levels = person.finds("headingLevels")
        assert levels.count(1) == 1, address


def test_every_view_fits_a_phone(everywhere: Person, site: Site) -> None:
    person = everywhere
    person.sits_at(PHONE)
    for address in _views(person, site)[1:]:
        _goes(person, address)
        wider = person.finds("tooWide")
        assert wider <= 0, f"{address} can be pushed sideways by {wider} px"


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_text_is_told_from_what_is_behind_it(everywhere: Person, site: Site, colours: str) -> None:
    person = everywhere
    person.sits_at((1440, 900), colours)
    for address in (
        "#/queues",
        "#/queues/%2F/reached",
        "#/users/guest",
        "#/policies",
        "#/log",
        "#/",
    ):
        _goes(person, address)
        person.waits("its answers", lambda: person.runs("return document.readyState") == "complete")
        assert person.finds("lowContrasts") == [], address


def test_a_queue_is_declared_and_deleted_with_the_keyboard_alone(
    person: Person, site: Site
) -> None:
    for number in range(70):  # whatever else is in the list, he comes round
        site.asks("PUT", f"queues/%2F/many.{number}", {})
    person.opens()
    person.waits("the login", lambda: person.field("User name"))
    person.hits("guest")
    person.hits(Keys.TAB)
    person.hits("guest" + Keys.ENTER)
    person.sees("Queued messages")
    person.runs("document.body.tabIndex = -1; document.body.focus()")  # the very beginning
    person.tabs_to("Skip to the content", at_most=1)
    person.tabs_to("Queues")
    person.hits(Keys.ENTER)
    person.waits("the list", lambda: person.driver.title.startswith("Queues") or None)
    person.tabs_to("Add queue")
    person.hits(Keys.ENTER)
    person.waits(
        "that the form has the focus",
        lambda: person.driver.switch_to.active_element.accessible_name == "Virtual host" or None,
    )
    person.tabs_to("Name")
    person.hits("typed.only" + Keys.ENTER)
    person.sees("Added queue typed.only")
    person.tabs_to("Close")
    person.hits(Keys.ENTER)
    person.waits(
        "the focus where it was",
        lambda: person.driver.switch_to.active_element.text == "Add queue" or None,
    )
    person.tabs_to("typed.only")
    person.hits(Keys.ENTER)
    person.waits("its page", lambda: person.driver.title.startswith("typed.only") or None)
    person.tabs_to("Purge or delete")
    person.hits(Keys.ENTER)
    person.tabs_to("Delete queue")
    person.hits(Keys.ENTER)
    # The harmless answer has the focus; the other is one further.
    person.waits(
        "the question",
        lambda: person.driver.switch_to.active_element.text == "Cancel" or None,
    )
    person.tabs_to("Delete", at_most=1)
    person.hits(Keys.ENTER)
    person.sees("Deleted queue typed.only.")


def test_a_dialog_keeps_the_focus_and_gives_it_back(person: Person, site: Site) -> None:
    site.asks("PUT", "queues/%2F/asked", {"durable": True})
    person.logs_in(address="#/queues/%2F/asked")
    person.unfolds("Purge or delete")
    person.presses("Purge messages")
    for _ in range(4):
        person.hits(Keys.TAB)
        inside = person.driver.switch_to.active_element.find_elements(By.XPATH, "ancestor::dialog")
        outside = person.driver.switch_to.active_element.tag_name == "body"  # the browser's own bar
        assert inside or outside
    person.hits(Keys.ESCAPE)
    person.waits(
        "the focus where it was",
        lambda: person.driver.switch_to.active_element.text == "Purge messages" or None,
    )
    assert site.queue("asked")["name"] == "asked"


def test_the_menu_of_a_phone(person: Person) -> None:
    person.sits_at(PHONE, DARK)
    person.logs_in()
    person.presses("Menu")
    person.takes_a_picture("phone-menu-dark")
    person.presses("Queues")
    person.field("Filter by name")
    person.takes_a_picture("phone-queues-dark")
    person.presses("Menu")
    person.chooses("Colours", "light")
    assert person.runs("return document.documentElement.dataset.theme") == "light"
    person.hits(Keys.ESCAPE)
    assert person.driver.switch_to.active_element.accessible_name == "Menu"
