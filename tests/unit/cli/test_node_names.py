"""Which node is meant."""

from __future__ import annotations

import socket

import pytest

from broker.cli import node_names
from broker.cli.errors import ToolError


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "box.example.com")


@pytest.mark.parametrize(
    ("given", "is_long", "whole"),
    [
        *(("rabbit", False, "rabbit@box"), ("rabbit@", False, "rabbit@box")),
        *(("@other", False, "rabbit@other"), ("a-b_C1@x", False, "a-b_C1@x")),
        *(("rabbit", True, "rabbit@box.example.com"), ("r@x", True, "r@x.example.com")),
        ("r@x.y.z", True, "r@x.y.z"),
    ],
)
def test_the_whole_name(given: str, is_long: bool, whole: str) -> None:
    assert node_names.whole(given, "status", is_long=is_long) == whole


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("rabbit@a.b", "invalid node name (node: rabbit@a.b, reason: short)"),
        ("r t@here", "node name head (the part before the @) is invalid"),
        ("rabbit@he re", "hostname is invalid"),
        ("../x@here", "node name head"),
    ],
)
def test_a_name_that_is_none(given: str, problem: str) -> None:
    with pytest.raises(ToolError) as caught:
        node_names.whole(given, "status", is_long=False)
    assert caught.value.code == 65
    assert problem in str(caught.value.text)


def test_the_name_that_is_meant_when_none_is_given() -> None:
    assert node_names.default_of({}) == "rabbit"
    assert node_names.default_of({"RABBITMQ_NODENAME": "a"}) == "a"
    assert node_names.default_of({"RABBITMQ_NODENAME": "a", "LEVERET_NODENAME": "b"}) == "b"


def test_a_machine_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "")
    assert node_names.short_host() == "localhost"
    monkeypatch.setattr(socket, "gethostname", lambda: "box")
    assert node_names.long_host() == "box.localdomain"
