"""Charts that move, a log that is read as it is written, refreshing no more than asked for."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Site
from tests.browser.person import DARK, PHONE, Person


def test_charts_move_under_load(person: Person, site: Site) -> None:
    person.logs_in()
    with site.load("busy"):
        person.waits(
            "a rate above 0 in the legend",
            lambda: person.finds("legendNumber", "Publish") > 0 or None,
        )
        before = person.finds("chartPictures")
        person.waits(
            "that the lines have changed", lambda: person.finds("chartPictures") != before or None
        )
        person.takes_a_picture("overview")
        person.sits_at((1440, 900), DARK)
        person.takes_a_picture("overview-dark")
        person.goes_to("#/queues/%2F/busy", "busy")
        person.waits(
            "the charts of the queue", lambda: len(person.finds("chartPictures")) > 1000 or None
        )
        person.takes_a_picture("queue-dark")
        person.sits_at(PHONE)
        person.takes_a_picture("phone-queue")
        person.goes_to("#/connections", "Connections")
        person.row("load")
        person.goes_to("#/channels", "Channels")
        person.row("127.0.0.1")


def test_a_line_is_switched_off_in_the_legend(person: Person, site: Site) -> None:
    with site.channel() as channel:
        channel.queue_declare("lines")
        channel.basic_publish("", "lines", b"x")
    person.logs_in(address="#/queues/%2F/lines")
    button = person.waits(
        "the legend", lambda: person.runs("return document.querySelector('.legend button')")
    )
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    person.opens("#/queues/%2F/lines")
    person.waits(
        "that it stays off",
        lambda: (
            person.runs("return document.querySelector('.legend button')?.ariaPressed") == "false"
            or None
        ),
    )


def test_the_log_is_read_live(person: Person, site: Site) -> None:
    person.logs_in(address="#/log")
    person.sees("lines")
    with site.channel(connection_name="heard in the log"):
        person.sees("127.0.0.1", within="Log lines")
    person.takes_a_picture("log")
    person.types("Filter log lines", "nothing like this")
    person.no_longer_sees("127.0.0.1", within="Log lines")
    person.types("Filter log lines", "")
    person.presses("Pause")
    with site.channel():
        person.sees("new line")
    person.presses("Clear")
    person.presses("Go on")
    person.sees("127.0.0.1", within="Log lines")


@pytest.mark.parametrize(
    "address", ["#/", "#/queues", "#/queues/%2F/counted", "#/nodes", "#/connections"]
)
def test_a_refresh_is_one_or_two_requests(person: Person, site: Site, address: str) -> None:
    site.asks("PUT", "queues/%2F/counted", {"durable": True})
    person.logs_in(address="#/")
    person.chooses("Refresh", "off", within="Navigation and settings")
    name = site.asks("GET", "nodes")[0]["name"]
    person.opens(f"#/nodes/{name}" if address == "#/nodes" else address)
    seen = "return document.querySelector('.head .actions > .muted')?.textContent"
    first = person.waits("the first look", lambda: person.runs(seen) or None)
    person.waits("another second", lambda: person.runs("return performance.now()") > 1500 or None)
    person.runs("performance.clearResourceTimings()")
    person.presses("Refresh now")
    person.waits("the answers", lambda: person.finds("apiRequests") > 0 or None)
    person.waits("the second look", lambda: person.runs(seen) >= first or None)
    assert 1 <= person.finds("apiRequests") <= 2
