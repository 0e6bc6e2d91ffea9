"""Who may not do something is not offered it, or reads where he tried that he may not."""

from __future__ import annotations

from tests.browser.conftest import Site
from tests.browser.person import Person


def test_a_monitoring_user_sees_everything_and_changes_nothing(person: Person, site: Site) -> None:
    site.adds_user("watcher", "monitoring", permission="^$")
    site.asks("PUT", "queues/%2F/watched", {"durable": True})
    person.logs_in("watcher", "watcher")
    person.sees("Memory", within="Nodes")
    navigation = person.place("Navigation and settings").text
    assert "Log" in navigation
    assert "Users" not in navigation
    assert not person.has_button("Export to a file")
    person.goes_to("#/policies", "Policies")
    person.sees("None.")
    assert not person.has_button("Set policy")

    person.goes_to("#/queues/%2F/watched", "watched")
    person.unfolds("Purge or delete")
    person.presses("Delete queue")
    person.answers("Delete")
    # Beside the button, and he is still logged in.
    person.sees_error(
        "Access refused: your permissions do not allow this.", within="Purge or delete"
    )
    person.takes_a_picture("refused")
    assert site.queue("watched")["name"] == "watched"
    person.goes_to("#/users", "Users")
    person.sees("Not administrator user")


def test_a_management_user_is_not_shown_the_nodes(person: Person, site: Site) -> None:
    site.adds_user("clerk", "management")
    person.logs_in("clerk", "clerk")
    person.sees("Queued messages")
    person.sees("Queues")
    text = person.place(None).text
    assert "Nodes" not in text
    assert "Log\n" not in text


def test_a_policymaker_sets_policies_and_no_operator_policies(person: Person, site: Site) -> None:
    site.adds_user("planner", "policymaker")
    person.logs_in("planner", "planner", address="#/policies")
    person.sees("Add or change a policy")
    assert "Add or change an operator policy" not in person.place(None).text


def test_somebody_without_a_tag_does_not_come_in(person: Person, site: Site) -> None:
    site.adds_user("stranger", "")
    person.opens()
    person.tries_to_log_in("stranger", "stranger")
    person.sees_error("Not management user")


def test_what_the_broker_refuses_is_said_in_the_form(person: Person, site: Site) -> None:
    site.asks("PUT", "queues/%2F/taken", {"durable": True})
    person.logs_in(address="#/queues")
    person.presses("Add queue")
    person.types("Name", "taken", within="Add a queue")
    person.ticks("Transient", within="Add a queue")
    person.presses("Add queue", within="Add a queue")
    person.sees_error("inequivalent arg 'durable' for queue 'taken'", within="Add a queue")


def test_when_the_broker_does_not_answer_the_page_says_so_and_goes_on(
    person: Person, site: Site
) -> None:
    person.logs_in(address="#/queues")
    person.field("Filter by name")
    person.driver.execute_cdp_cmd("Network.enable", {})
    away = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
    back = {**away, "offline": False, "downloadThroughput": -1, "uploadThroughput": -1}
    person.driver.execute_cdp_cmd("Network.emulateNetworkConditions", away)
    try:
        person.presses("Refresh now")
        person.sees("No answer from the broker.")
    finally:
        person.driver.execute_cdp_cmd("Network.emulateNetworkConditions", back)
    person.presses("Refresh now")
    person.no_longer_sees("No answer from the broker.")
