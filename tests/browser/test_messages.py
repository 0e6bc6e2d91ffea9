"""Looking into queues, sending dead letters back, doing something to many queues."""

from __future__ import annotations

import pika
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.browser.conftest import Site
from tests.browser.person import Person

BROWSE = "Browse and search messages"


def _dead_letters(site: Site, origin: str, dead: str, count: int) -> None:
    """`count` messages, published to `origin`, rejected there, and now in `dead`."""
    with site.channel() as channel:
        channel.queue_declare(dead)
        arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
        channel.queue_declare(origin, arguments=arguments)
        for i in range(count):
            channel.basic_publish(
                "", origin, b"order %d" % i, pika.BasicProperties(message_id=f"m-{i}")
            )
        for _ in range(count):
            method, _properties, _body = channel.basic_get(origin)
            channel.basic_reject(method.delivery_tag, requeue=False)


def _ready(site: Site, queue: str) -> int:
    with site.channel() as channel:
        declared = channel.queue_declare(queue, passive=True)
        count: int = declared.method.message_count
        return count


def test_a_queue_is_browsed_and_searched_without_consuming(person: Person, site: Site) -> None:
    with site.channel() as channel:
        channel.queue_declare("browsed")
        for i in range(50):
            properties = pika.BasicProperties(message_id=f"id-{i}", headers={"tenant": f"t{i}"})
            channel.basic_publish("", "browsed", b"payload number %d" % i, properties)
    person.logs_in(address="#/queues/%2F/browsed")
    person.unfolds(BROWSE)
    person.sees("20 of 50 messages.", within=BROWSE)
    person.sees("payload number 19", within=BROWSE)
    person.presses("Show more", within=BROWSE)
    person.sees("40 of 50 messages.", within=BROWSE)
    for wanted, found in (("number 42", "#43"), ("id-17", "#18"), ("t23", "#24")):
        person.types("Search in messages", wanted, within=BROWSE)
        person.presses("Search", within=BROWSE)
        person.sees("1 message found; looked at 50 of 50.", within=BROWSE)
        person.sees(found, within=BROWSE)
    person.takes_a_picture("browse")
    person.types("Search in messages", "not in any", within=BROWSE)
    person.presses("Search", within=BROWSE)
    person.sees("No message has this in it.", within=BROWSE)
    with site.channel() as channel:
        method, _properties, body = channel.basic_get("browsed", auto_ack=True)
        assert (method.redelivered, body, method.message_count) == (False, b"payload number 0", 49)


def test_unacked_messages_and_who_holds_them_are_shown(person: Person, site: Site) -> None:
    with site.channel() as channel:
        channel.queue_declare("held")
        channel.basic_publish("", "held", b"in somebody's hands")
        channel.basic_consume("held", lambda *_: None, consumer_tag="the-holder")
        channel.connection.process_data_events(0.1)
        person.logs_in(address="#/queues/%2F/held")
        person.unfolds(BROWSE)
        person.sees("No message is ready.", within=BROWSE)
        person.presses("Unacked", within=BROWSE)
        person.sees("in somebody's hands", within=BROWSE)
        person.sees("held by the-holder", within=BROWSE)


def test_dead_letters_go_back_where_they_came_from(person: Person, site: Site) -> None:
    _dead_letters(site, "origin", "origin.dead", 6)
    person.logs_in(address="#/queues/%2F/origin.dead")
    person.unfolds(BROWSE)
    person.ticks("Select message 1", within=BROWSE)
    person.ticks("Select message 3", within=BROWSE)
    person.presses("Redrive selected (2)", within=BROWSE)
    person.sees("Redrove 2 messages.", within=BROWSE)
    assert (_ready(site, "origin"), _ready(site, "origin.dead")) == (2, 4)
    person.takes_a_picture("redrive")
    person.presses("Redrive all…", within=BROWSE)
    person.answers("Redrive all")
    person.sees("Redrove 4 messages.", within=BROWSE)
    assert (_ready(site, "origin"), _ready(site, "origin.dead")) == (6, 0)


def test_messages_are_moved_to_another_queue(person: Person, site: Site) -> None:
    with site.channel() as channel:
        channel.queue_declare("moved.from")
        channel.queue_declare("moved.to")
        for _ in range(30):
            channel.basic_publish("", "moved.from", b"x")
    panel = "Move messages to another queue"
    person.logs_in(address="#/queues/%2F/moved.from")
    person.unfolds(panel)
    person.types("To queue", "moved.nowhere", within=panel)
    person.presses("Move messages", within=panel)
    person.sees_error("There is no queue moved.nowhere in /.", within=panel)
    person.types("To queue", "moved.to", within=panel)
    person.types("How many", "12", within=panel)
    person.presses("Move messages", within=panel)
    person.sees("Moved 12 messages to moved.to.", within=panel)
    assert (_ready(site, "moved.from"), _ready(site, "moved.to")) == (18, 12)


def test_queues_are_purged_and_deleted_by_pattern(person: Person, site: Site) -> None:
    with site.channel() as channel:
        for i in range(12):
            channel.queue_declare(f"bulk.{i}")
            channel.basic_publish("", f"bulk.{i}", b"x")
        channel.queue_declare("bulk")
    place = "Purge or delete queues by pattern"
    person.logs_in(address="#/queues")
    person.presses("Bulk action")
    person.types("Pattern", r"^bulk\.1?[01]$", within=place)
    person.presses("Show what fits", within=place)
    person.sees("4 queues in /:", within=place)
    person.sees("bulk.11", within=place)
    person.takes_a_picture("bulk")
    assert _ready(site, "bulk.0") == 1  # nothing happened yet
    person.presses("Purge 4 queues…", within=place)
    person.answers("Purge them")
    person.sees("Purged 4 queues.", within=place)
    assert (_ready(site, "bulk.0"), _ready(site, "bulk.2")) == (0, 1)
    person.types("Pattern", r"^bulk\.", within=place)
    person.chooses("Action", "Delete the queues", within=place)
    person.presses("Show what fits", within=place)
    person.presses("Delete 12 queues…", within=place)
    person.answers("Delete them")
    person.sees("Deleted 12 queues.", within=place)
    left = [queue["name"] for queue in site.asks("GET", "queues/%2F?columns=name")]
    assert [name for name in left if name.startswith("bulk")] == ["bulk"]


def test_selected_queues_are_purged_and_deleted(person: Person, site: Site) -> None:
    for i in range(5):
        site.asks("PUT", f"queues/%2F/picked.{i}", {"durable": True})
    with site.channel() as channel:
        for i in range(5):
            channel.basic_publish("", f"picked.{i}", b"x")
        channel.queue_declare("picked.5", exclusive=True)
        bar = "Selected queues"
        person.logs_in(address="#/queues?name=picked")
        person.ticks("Select picked.1")
        person.sees("1 queue selected", within=bar)
        held = ActionChains(person.driver, duration=0).key_down(Keys.SHIFT)
        held.click(person.field("Select picked.3")).key_up(Keys.SHIFT).perform()
        person.sees("3 queues selected", within=bar)
        person.takes_a_picture("selected")
        person.presses("Purge", within=bar)
        person.sees("picked.2", within="Purge 3 queues?")
        person.answers("Purge")
        person.sees("Purged 3 queues.")
        assert [_ready(site, f"picked.{i}") for i in range(5)] == [1, 0, 0, 0, 1]

        # The rest with the keyboard.
        person.tabs_to("Select all on this page")
        person.hits(Keys.SPACE)
        person.tabs_to("Select picked.4")
        person.hits(Keys.SPACE)
        person.sees("5 queues selected", within=bar)
        person.runs("document.querySelector('main h1').focus()")
        person.tabs_to("Delete")
        person.hits(Keys.ENTER)
        person.waits("the question", lambda: person.finds("focusedName") == "Cancel" or None)
        person.hits(Keys.TAB)
        person.hits(Keys.ENTER)
        person.sees("Deleted 4 queues.")
        person.sees("locked queue 'picked.5'")
        person.sees("1 queue selected", within=bar)  # what failed can be tried again
        person.presses("Select none", within=bar)
        person.field("Filter by name")
    left = [queue["name"] for queue in site.asks("GET", "queues/%2F?columns=name")]
    assert [name for name in left if name.startswith("picked")] == ["picked.4"]


def test_what_cannot_go_back_is_said(person: Person, site: Site) -> None:
    _dead_letters(site, "lost.origin", "lost.dead", 2)
    site.asks("DELETE", "queues/%2F/lost.origin")
    person.logs_in(address="#/queues/%2F/lost.dead")
    person.unfolds(BROWSE)
    person.presses("Redrive all…", within=BROWSE)
    person.answers("Redrive all")
    person.sees_error("Redrove 0 messages. 2 messages stay:", within=BROWSE)
    assert _ready(site, "lost.dead") == 2


def test_the_age_of_the_oldest_message_is_shown(person: Person, site: Site) -> None:
    with site.channel() as channel:
        channel.queue_declare("aging")
        channel.basic_publish("", "aging", b"x")
    person.logs_in(address="#/queues?name=aging")
    person.refreshes_until("an age", lambda: person.cell("aging", "Oldest").endswith(" s") or None)
