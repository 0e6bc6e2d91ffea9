"""Coming in, staying in, and going out."""

from __future__ import annotations

from tests.browser.conftest import Site
from tests.browser.person import Person


def test_a_wrong_password_is_refused_beside_the_button(person: Person) -> None:
    person.opens()
    person.takes_a_picture("login")
    person.tries_to_log_in("guest", "wrong")
    person.sees_error("Login failed: wrong user name or password")
    # The browser's own dialog would hang over all of it.
    assert person.driver.title.startswith("Log in")
    person.types("Password", "guest")
    person.presses("Log in")
    person.sees("Queued messages")


def test_a_login_lasts_as_long_as_the_tab_and_is_kept_nowhere_else(person: Person) -> None:
    person.opens()
    person.tries_to_log_in("guest", "guest")
    person.sees("Queued messages")
    person.opens("#/queues")
    person.field("Filter by name")
    assert person.runs("return Object.keys(sessionStorage)") == ["leveret.authorization"]
    assert "authorization" not in str(person.runs("return Object.entries(localStorage)"))
    assert person.runs("return document.cookie") == ""
    person.presses("Log out")
    person.field("Password")
    assert person.runs("return sessionStorage.length") == 0
    person.opens("#/queues")
    person.field("Password")


def test_a_bookmark_is_opened_after_the_login(person: Person, site: Site) -> None:
    site.asks("PUT", "queues/%2F/marked.page", {"durable": True})
    person.opens("#/queues/%2F/marked.page")
    person.tries_to_log_in("guest", "guest")
    person.sees("classic queue")
    assert person.driver.title == "marked.page · Leveret"


def test_a_session_ends_when_the_password_changes(person: Person, site: Site) -> None:
    site.adds_user("changing", "management")
    person.logs_in("changing", "changing")
    person.sees("Queued messages")
    site.asks("PUT", "users/changing", {"password": "another", "tags": "management"})
    person.presses("Refresh now")
    person.sees_error("Your session has ended")
