"""Charts that move, a log that is read as it is written, refreshing no more than asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.browser.conftest import Site
from tests.browser.person import DARK, PHONE, Person


@pytest.fixture(scope="module", autouse=True)
def busy(site: Site) -> Iterator[str]:
    """A queue under load since before the first of these tests: its charts have something to show
    when the last of them comes to look."""
    with site.load("busy"):
        yield "busy"


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


LISTENS = """
window.asked = [];
window.realFetch ??= window.fetch;
window.fetch = (address, ...rest) => {
  window.asked.push(String(address));
  return window.realFetch(address, ...rest);
};
window.looks = 0;
const watched = document.querySelector(".head .actions > .muted");
new MutationObserver(() => { window.looks += 1; }).observe(watched, { childList: true });
"""


def _asked(person: Person, does: Callable[[], None]) -> list[str]:
    """What the page asks the broker for when somebody does this: addresses below /api/."""
    person.runs(LISTENS)
    does()
    person.waits("the answers", lambda: person.runs("return window.looks") or None)
    return [address.partition("/api/")[2] for address in person.runs("return window.asked")]


def test_a_refresh_is_one_or_two_requests(person: Person, site: Site) -> None:
    site.asks("PUT", "queues/%2F/counted", {"durable": True})
    person.logs_in()
    person.chooses("Refresh", "off", within="Navigation and settings")
    node = site.asks("GET", "nodes")[0]["name"]
    seen = "return document.querySelector('.head .actions > .muted')?.textContent"

    def refreshes() -> None:
        person.presses("Refresh now")

    for address, title in (
        ("#/queues", "Queues"),
        ("#/queues/%2F/counted", "counted"),
        (f"#/nodes/{node}", node),
        ("#/connections", "Connections"),
        ("#/", "Overview"),
    ):
        person.goes_to(address, title)
        person.waits(f"a look at {address}", lambda: person.runs(seen) or None)
        asked = _asked(person, refreshes)
        assert 1 <= len(asked) <= 2, (address, asked)
        # Of charts only what is new; a list has no more than is shown of it.
        assert all("_age=60" not in one for one in asked), (address, asked)
        assert any("_incr=" in one or "columns=" in one for one in asked), (address, asked)
    whole = _asked(person, lambda: person.chooses("Charts", "Last hour"))
    assert "msg_rates_age=3600&msg_rates_incr=60" in whole[0]
    assert "msg_rates_age=180&msg_rates_incr=60" in _asked(person, refreshes)[0]


def test_new_points_are_put_before_those_that_are_known(person: Person) -> None:
    person.logs_in()
    joined = person.runs(
        """
        return import(new URL("js/charts.js", document.baseURI)).then(({ rangeChooser }) => {
        const range = rangeChooser(() => {});
        const at = (time, value) => ({ timestamp: time * 1000, sample: value });
        const answers = [
          [at(60, 6), at(55, 5), at(50, 4), at(45, 3), at(0, 1)],
          [at(65, 8), at(60, 7), at(55, 5)],
        ];
        range.query("lengths");
        range.complete({ of: { messages_details: { samples: answers[0] } } });
        range.query("lengths");
        const messages_details = { samples: answers[1] };
        const fresh_details = { samples: [at(65, 2), at(60, 1), at(55, 0)] };
        range.complete({ of: { messages_details, fresh_details } });
        const numbers = (samples) => samples.map((one) => [one.timestamp / 1000, one.sample]);
        return [numbers(messages_details.samples), numbers(fresh_details.samples)];
        });
        """
    )
    assert joined == [
        [[65, 8], [60, 7], [55, 5], [50, 4], [45, 3]],
        [[65, 2], [60, 1], [55, 0], [50, 0], [45, 0]],
    ]


def test_nothing_is_asked_for_while_the_tab_is_hidden(person: Person, busy: str) -> None:
    person.logs_in(address="#/queues")
    person.row(busy)
    person.runs(
        """
        const waits = [];
        const real = window.setTimeout;
        window.setTimeout = (run, ms) => { waits.push(ms); return real(run, ms); };
        // How many refreshes are due some time after the tab is shown or hidden.
        window.due = (hidden) => {
          Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
          waits.splice(0);
          document.dispatchEvent(new Event("visibilitychange"));
          return waits.filter((ms) => ms >= 1000).length;
        };
        """
    )
    # The view and the alarms: both, as soon as nothing is outstanding.
    person.waits("two", lambda: person.runs("return window.due(false)") == 2 or None)
    assert person.runs("return window.due(true)") == 0


def test_charts_move_under_load(person: Person, busy: str) -> None:
    person.logs_in()
    person.refreshes_until(
        "a rate above 0 in the legend",
        lambda: person.finds("legendNumber", "Publish") > 0 or None,
    )
    before = person.finds("chartPictures")
    person.refreshes_until(
        "that the lines have changed", lambda: person.finds("chartPictures") != before or None
    )
    person.takes_a_picture("overview")
    person.sits_at((1440, 900), DARK)
    person.takes_a_picture("overview-dark")
    person.goes_to(f"#/queues/%2F/{busy}", busy)
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
