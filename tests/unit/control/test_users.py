"""Users as terms."""

from __future__ import annotations

import pytest

from broker.amqp.erlang import Atom
from broker.cli.errors import ReasonError
from tests.support.control import ControlledNode


def test_users_are_rows_and_their_tags_atoms(node: ControlledNode) -> None:
    node.ask("users.add_user", name="blue", password="secret")
    node.ask("users.set_user_tags", name="blue", tags=["a", " b "])
    rows = node.ask("users.list_users")
    assert rows == [
        [("user", "guest"), ("tags", [Atom("administrator")])],
        [("user", "blue"), ("tags", [Atom("a"), Atom("b")])],
    ]
    node.ask("users.delete_user", name="blue")


def test_a_password_in_octets_that_are_no_text(node: ControlledNode) -> None:
    node.ask("users.add_user", name="odd", password="caf\udce9")
    assert node.ask("users.authenticate_user", name="odd", password="caf\udce9") is None
    assert node.ask("users.authenticate_user", name="odd", password="café") is not None
    node.ask("users.change_password", name="odd", password="new")
    assert node.ask("users.authenticate_user", name="odd", password="new") is None
    node.ask("users.clear_password", name="odd")
    assert node.ask("users.authenticate_user", name="odd", password="new") is not None
    assert node.ask("users.authenticate_user", name="odd", password="") is not None


@pytest.mark.parametrize("what", ["delete_user", "clear_password"])
def test_nobody(node: ControlledNode, what: str) -> None:
    with pytest.raises(ReasonError) as caught:
        node.ask(f"users.{what}", name="nobody")
    assert caught.value.term == (Atom("no_such_user"), "nobody")


def test_one_that_is_there(node: ControlledNode) -> None:
    with pytest.raises(ReasonError) as caught:
        node.ask("users.add_user", name="guest", password="x")
    assert caught.value.word == "user_already_exists"
