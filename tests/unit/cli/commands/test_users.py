"""Users by the command line; the recordings of RabbitMQ's tools have more."""

from __future__ import annotations

import pytest

from tests.support.control import ControlledNode

DONE = "Done. Don't forget to grant the user permissions"


@pytest.fixture
def blue(node: ControlledNode) -> str:
    assert node.tool("add_user", "blue", "secret").code in (0, 70)
    assert node.tool("change_password", "blue", "secret").code == 0
    assert node.tool("set_user_tags", "blue").code == 0
    return "blue"


def test_a_user_comes_and_goes(node: ControlledNode) -> None:
    said = node.tool("add_user", "anna", "secret")
    assert said.code == 0
    assert said.out.startswith(f'Adding user "anna" ...\n{DONE}')
    assert node.tool("add_user", "anna", "x") == (
        70,
        'Adding user "anna" ...\n',
        'Error:\nUser "anna" already exists\n',
    )
    assert node.tool("delete_user", "anna") == (0, 'Deleting user "anna" ...\n', "")
    assert node.tool("-q", "delete_user", "anna") == (
        67,
        "",
        'Error:\nUser "anna" does not exist\n',
    )


def test_a_password_may_come_by_standard_input(node: ControlledNode, blue: str) -> None:
    said = node.tool("change_password", blue, stdin="other\n")
    assert said == (0, 'Changing password for user "blue" ...\nPassword: \n', "")
    assert node.tool("-q", "authenticate_user", blue, "other") == (0, "Success\n", "")
    assert node.tool("-q", "authenticate_user", blue, "secret").code == 65
    said = node.tool("-q", "change_password", blue)
    assert said == (70, "", "Error:\nPassword is not provided via argument or stdin\n")


def test_a_cleared_password_is_nobodys(node: ControlledNode, blue: str) -> None:
    assert node.tool("clear_password", blue).code == 0
    for password in ("secret", ""):
        said = node.tool("authenticate_user", blue, password)
        assert said.code == 65
        assert said.err.startswith('Error:\nError: failed to authenticate user "blue"\n')


def test_tags(node: ControlledNode, blue: str) -> None:
    said = node.tool("set_user_tags", blue, "administrator", "own tag")
    assert said.out == 'Setting tags for user "blue" to [administrator, own tag] ...\n'
    assert "blue\t[administrator, own tag]" in node.lines("list_users")
    assert node.tool("set_user_tags", blue).code == 0
    assert "blue\t[]" in node.lines("list_users")


def test_errors_as_json_have_their_own_code(node: ControlledNode) -> None:
    said = node.tool("delete_user", "nobody", "--formatter", "json")
    assert said == (
        69,
        "",
        '{"message":"User nobody does not exists","node":"rabbit@here","result":"error"}\n',
    )
