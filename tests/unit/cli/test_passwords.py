"""Passwords that are not arguments."""

from __future__ import annotations

import getpass
import io

import pytest

from tests.support.control import ControlledNode


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_line_of_stdin(node: ControlledNode) -> None:
    said = node.tool("add_user", "red", stdin="pass word \r\nmore\n")
    assert said.out.startswith('Adding user "red" ...\nPassword: \nDone.')
    assert node.tool("authenticate_user", "red", "pass word ").code == 0
    assert node.tool("-q", "authenticate_user", "red", stdin="pass word ").out == "Success\n"


def test_an_empty_line_is_one(node: ControlledNode) -> None:
    assert node.tool("add_user", "green", stdin="\n").code == 0


def test_nothing_is_none(node: ControlledNode) -> None:
    said = node.tool("-q", "add_user", "blue")
    assert said == (65, "", "Error:\nPassword is not provided via argument or stdin\n")


def test_a_terminal_shows_nothing_of_it(
    node: ControlledNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def ask(prompt: str) -> str:
        asked.append(prompt)
        if len(asked) > 1:
            raise EOFError
        return "typed"

    monkeypatch.setattr(getpass, "getpass", ask)
    monkeypatch.setattr(io, "StringIO", Terminal)
    assert node.tool("add_user", "typist").code == 0
    assert asked == ["Password: "]
    assert node.tool("add_user", "nobody").code == 65
    monkeypatch.undo()
    assert node.tool("authenticate_user", "typist", "typed").code == 0
