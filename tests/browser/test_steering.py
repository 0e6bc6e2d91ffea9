"""What people do all day: declare, bind, publish, get, purge, delete; policies, users, limits."""

from __future__ import annotations

import json
import time
from pathlib import Path

from tests.browser.conftest import Site
from tests.browser.person import PATIENCE_S, Person


def test_from_an_exchange_to_a_queue_and_out_again(person: Person, site: Site) -> None:
    person.logs_in(address="#/exchanges")
    person.presses("Add exchange")
    person.types("Name", "shop", within="Add an exchange")
    person.chooses("Type", "topic", within="Add an exchange")
    person.presses("Add exchange", within="Add an exchange")
    person.sees("Added exchange shop", within="Add an exchange")
    assert person.cell("shop", "Type") == "topic"

    person.goes_to("#/queues", "Queues")
    person.presses("Add queue")
    person.types("Name", "shop.orders", within="Add a queue")
    person.presses("x-max-length", within="Add a queue")
    person.types("Arguments: value", "1000", within="Add a queue")
    person.presses("Add queue", within="Add a queue")
    person.sees("Added queue shop.orders", within="Add a queue")
    assert site.queue("shop.orders")["arguments"] == {"x-max-length": 1000}

    person.presses("shop.orders")
    person.unfolds("Add a binding to this queue")
    person.types("From exchange", "shop", within="Add a binding to this queue")
    person.types("Routing key", "order.*", within="Add a binding to this queue")
    person.presses("Bind", within="Add a binding to this queue")
    person.sees("Bound to shop", within="Add a binding to this queue")
    assert person.cell("shop", "Routing key", within="Bindings") == "order.*"

    person.goes_to("#/exchanges/%2F/shop", "shop")
    person.unfolds("Publish a message")
    person.types("Routing key", "order.paid", within="Publish a message")
    person.chooses("Delivery mode", "2, persistent", within="Publish a message")
    person.presses("message_id", within="Publish a message")
    person.types("Properties: value", "m-1", within="Publish a message")
    person.types("Payload", '{"order": 1}', within="Publish a message")
    person.presses("Publish", within="Publish a message")
    person.sees("Published and routed.", within="Publish a message")
    person.types("Routing key", "nobody.listens", within="Publish a message")
    person.presses("Publish", within="Publish a message")
    person.sees_error("it went to no queue", within="Publish a message")

    person.goes_to("#/queues/%2F/shop.orders", "shop.orders")
    person.unfolds("Get messages")
    person.presses("Get messages", within="Get messages")
    person.sees("Got 1 message.", within="Get messages")
    person.sees('{"order": 1}')
    person.presses("Properties (2)")
    person.sees("message_id: m-1")
    person.takes_a_picture("queue-get")

    person.unfolds("Purge or delete")
    person.presses("Purge messages", within="Purge or delete")
    person.answers("Cancel")
    assert site.queue("shop.orders")["messages"] == 1
    person.presses("Purge messages", within="Purge or delete")
    person.answers("Purge")
    person.sees("Purged.", within="Purge or delete")
    with site.channel() as channel:
        assert channel.queue_declare("shop.orders", passive=True).method.message_count == 0

    person.presses("Unbind", within="Bindings")
    person.answers("Unbind")
    person.waits(
        "that the binding is gone",
        lambda: not site.asks("GET", "bindings/%2F/e/shop/q/shop.orders"),
    )

    person.presses("Delete queue", within="Purge or delete")
    person.answers("Delete")
    person.sees("Deleted queue shop.orders.")
    assert person.driver.title == "Queues · Leveret"
    person.goes_to("#/queues/%2F/shop.orders")
    person.sees("This queue does not exist, or no longer does.")


def test_a_list_is_filtered_sorted_and_paged_by_the_broker(person: Person, site: Site) -> None:
    site.asks("PUT", "queues/%2F/another", {"auto_delete": False})
    for i in range(60):
        site.asks("PUT", f"queues/%2F/paged.{i:02d}", {"auto_delete": False})
    person.logs_in(address="#/queues?name=paged")
    person.sees("60 of")
    person.chooses("Rows on a page", "25 rows")
    person.sees("of 3")
    person.presses("Next →")
    person.row("paged.25")
    assert "page=2" in person.driver.current_url
    person.presses("Name")
    person.row("paged.59")
    header = person.place(None).find_element("css selector", "th[aria-sort]")
    assert header.get_attribute("aria-sort") == "descending"
    person.types("Filter by name", r"paged\.(1|2)7$")
    person.sees("No queue has such a name.")
    person.ticks("Regex")
    person.sees("2 of")
    person.types("Filter by name", "paged(")
    person.sees("Not a regular expression")
    # What was chosen is in the address: it can be sent to somebody else.
    person.opens("#/queues?name=paged.1&sort=name&reverse=true")
    person.row("paged.19")
    person.presses("Columns")
    person.ticks("Node")
    person.hits("\ue00c")  # Escape closes the menu
    assert person.cell("paged.19", "Node") == site.queue("paged.19")["node"]


def test_a_policy_is_set_changed_and_cleared(person: Person, site: Site) -> None:
    site.asks("PUT", "queues/%2F/bounded", {"durable": True})
    form = "Add or change a policy"
    person.logs_in(address="#/policies")
    person.unfolds(form)
    person.types("Name", "short", within=form)
    person.types("Pattern", "^bounded$", within=form)
    person.presses("max-length", within=form)
    person.types("Definition: value", "many", within=form)
    person.presses("Set policy", within=form)
    person.sees_error("max-length: a number, please", within=form)
    person.types("Definition: value", "7", within=form)
    person.presses("Set policy", within=form)
    person.sees("Set short", within=form)
    assert person.cell("short", "Definition") == "max-length: 7"
    person.takes_a_picture("policies")
    person.presses("Edit")
    person.types("Definition: value", "8", within=form)
    person.presses("Set policy", within=form)
    person.waits(
        "the change", lambda: person.cell("short", "Definition") == "max-length: 8" or None
    )
    assert site.queue("bounded")["effective_policy_definition"] == {"max-length": 8}
    person.presses("Clear")
    person.answers("Clear")
    person.waits("that it is gone", lambda: site.asks("GET", "policies/%2F") == [] or None)


def test_a_user_is_added_and_given_permissions_and_limits(person: Person, site: Site) -> None:
    person.logs_in(address="#/users")
    person.presses("Add user")
    person.types("Name", "ann", within="Add a user")
    person.types("Password", "secret", within="Add a user")
    person.types("Once more", "secrets", within="Add a user")
    person.presses("monitoring", within="Add a user")
    person.presses("Add user", within="Add a user")
    person.sees_error("The two passwords differ.", within="Add a user")
    person.types("Once more", "secret", within="Add a user")
    person.presses("Add user", within="Add a user")
    person.sees("Added user ann", within="Add a user")
    assert person.cell("ann", "Tags") == "monitoring"

    person.presses("ann")
    person.types("Configure", "^ann\\.", within="Set permission")
    person.presses("Set permission", within="Set permission")
    assert person.cell("/", "Configure", within="Permissions") == "^ann\\."
    person.unfolds("Topic permissions")
    person.types("Write", "^a", within="Set topic permission")
    person.presses("Set topic permission", within="Set topic permission")
    person.sees("amq.topic", within="Topic permissions")
    person.unfolds("Limits")
    person.types("Value", "5", within="Set a limit")
    person.presses("Set limit", within="Set a limit")
    assert person.cell("max-connections", "Value", within="Limits") == "5"
    person.takes_a_picture("user")

    person.unfolds("Change password or tags")
    person.presses("monitoring", within="Change user")
    person.presses("Change user", within="Change user")
    person.sees("none", within="Details")
    # The password was kept.
    person.unfolds("Delete this user")
    person.presses("Delete user")
    person.answers("Delete")
    person.sees("Deleted user ann.")


def test_a_virtual_host_is_added_and_deleted(person: Person, site: Site) -> None:
    person.logs_in(address="#/vhosts")
    person.presses("Add virtual host")
    person.types("Name", "lab/1", within="Add a virtual host")
    person.types("Description", "for trying out", within="Add a virtual host")
    person.presses("Add virtual host", within="Add a virtual host")
    person.row("lab/1")
    person.chooses("Virtual host", "lab/1", within="Navigation and settings")
    person.goes_to("#/exchanges", "Exchanges")
    person.sees("7 exchanges")
    person.goes_to("#/vhosts/lab%2F1", "lab/1")
    person.sees("for trying out")
    person.unfolds("Delete this virtual host")
    person.presses("Delete virtual host")
    person.types("Its name, once more", "lab/2")
    person.answers("Delete")
    person.sees_error("Not deleted", within="Delete this virtual host")
    person.presses("Delete virtual host")
    person.types("Its name, once more", "lab/1")
    person.answers("Delete")
    person.sees("Deleted virtual host lab/1.")
    assert [vhost["name"] for vhost in site.asks("GET", "vhosts")] == ["/"]


def test_definitions_are_exported_and_imported(
    person: Person, site: Site, downloads: Path, tmp_path: Path
) -> None:
    site.asks("PUT", "queues/%2F/exported", {"durable": True})
    person.logs_in()
    person.unfolds("Definitions: export and import")
    person.presses("Export to a file")
    person.sees("Exported as definitions_")
    deadline = time.monotonic() + PATIENCE_S
    while not (files := list(downloads.glob("definitions_*.json"))):
        assert time.monotonic() < deadline, "nothing was downloaded"
        time.sleep(0.05)
    exported = json.loads(files[0].read_text())
    assert "exported" in [queue["name"] for queue in exported["queues"]]

    site.asks("DELETE", "queues/%2F/exported")
    person.field("Definitions file").send_keys(str(files[0]))
    person.sees(f"{len(exported['queues'])} queue")
    person.presses("Import", within="Import definitions")
    person.answers("Import")
    person.sees("Imported definitions_")
    assert site.queue("exported")["durable"] is True


def test_a_connection_is_closed_with_a_reason(person: Person, site: Site) -> None:
    with site.channel(connection_name="the one to close") as channel:
        person.logs_in(address="#/connections")
        person.presses("the one to close")
        person.sees("AMQP 0-9-1", within="Details")
        person.unfolds("Close this connection")
        person.types("Reason", "out of order, señor", within="Close this connection")
        person.presses("Close the connection", within="Close this connection")
        person.answers("Close it")
        person.sees("Closed connection")
        said = ""
        try:
            channel.connection.process_data_events(PATIENCE_S)
        except Exception as error:  # pika has several for a connection closed from outside
            said = str(error)
        assert "out of order, señor" in said
