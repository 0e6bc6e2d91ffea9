from __future__ import annotations

import asyncio
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from broker.amqp.erlang import Atom
from broker.auth.backends import (
    NO,
    YES,
    Answer,
    Backends,
    Entry,
    NewSecret,
    Question,
    ResourceAccess,
    TopicAccess,
    VhostAccess,
)
from broker.auth.custom import AuthBackend
from broker.auth.mechanisms import Credentials
from broker.server import auth_plugins
from broker.server.auth_plugins import PluginBackend, PluginError, load_plugin


class Plain(AuthBackend):
    """Plain functions, some of them wrong."""

    def login(self, username: str, password: str | None) -> Any:
        answers: dict[str | None, Any] = {"pw": ["management"], None: (), "odd": "management"}
        return answers.get(password)

    def resource(self, *question: Any) -> Any:
        return question == ("anna", ("x",), "/", "queue", "q", "read")

    def topic(self, *question: Any) -> Any:
        raise RuntimeError("it broke")

    def vhost(self, *question: Any) -> Any:
        return None


class Later(AuthBackend):
    """The same as coroutines."""

    async def login(self, username: str, password: str | None) -> list[str] | None:
        await asyncio.sleep(0)
        return ["management"] if password == "pw" else None

    async def resource(self, *question: Any) -> bool:
        await asyncio.sleep(0)
        return True

    async def vhost(self, *question: Any) -> bool:
        raise RuntimeError("it broke")

    async def topic(self, *question: Any) -> bool:
        await asyncio.Event().wait()
        return True

    async def new_secret(self, username: str, tags: Any, secret: str) -> bool:
        return secret == "good"


def answers_of(plugin: AuthBackend, *questions: Question) -> list[Answer]:
    async def main() -> list[Answer]:
        backend = PluginBackend("mine", plugin, 0.05)
        backends = Backends({}, [Entry(backend, backend)])
        answers = []
        for question in questions:
            heard: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
            backends.ask(backend, question, heard.set_result)
            answers.append(await heard)
        await backend.close()
        return answers

    return asyncio.run(main())


REFUSED = Answer(False, reason="user 'anna' - refused by mine")
BROKEN = Answer(False, error=Atom("internal_error"))
RESOURCE = ResourceAccess("anna", ("x",), "/", "queue", "q", "read")
TOPIC = TopicAccess("anna", (), "/", "amq.topic", "read", "k")
VHOST = VhostAccess("anna", (), "/", "127.0.0.1")


def test_plain_functions_answer_at_once() -> None:
    heard: list[Answer] = []
    backend = PluginBackend("mine", Plain(), 1)
    backend.ask(Credentials("anna", b"pw"), heard.append)
    assert heard == [Answer(True, ("management",))]
    assert not backend.takes_secrets


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (Credentials("anna", b"no"), REFUSED),
        (Credentials("anna", None), YES),
        (Credentials("anna", b"odd"), Answer(False, error=(Atom("bad_response"), Atom("str")))),
        (RESOURCE, YES),
        (RESOURCE._replace(name="other"), NO),
        (VHOST, Answer(False, error=(Atom("bad_response"), Atom("NoneType")))),
        (TOPIC, BROKEN),
        (NewSecret("anna", (), b"x"), YES),
    ],
)
def test_plain_functions(question: Question, expected: Answer) -> None:
    assert answers_of(Plain(), question) == [expected]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (Credentials("anna", b"pw"), Answer(True, ("management",))),
        (Credentials("anna", b"no"), REFUSED),
        (RESOURCE, YES),
        (VHOST, BROKEN),
        (TOPIC, Answer(False, error=Atom("timeout"))),
        (NewSecret("anna", (), b"good"), YES),
        (NewSecret("anna", (), b"bad"), NO),
    ],
)
def test_coroutines(question: Question, expected: Answer) -> None:
    assert answers_of(Later(), question) == [expected]
    assert PluginBackend("mine", Later(), 1).takes_secrets


def test_packages_name_their_backends(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = {
        "later": f"{__name__}:Later",
        "missing": "no_such_package:Backend",
        "wrong": "builtins:dict",
    }

    def entry_points(*, group: str, name: str) -> list[EntryPoint]:
        assert group == "leveret.auth_backends"
        return [EntryPoint(name, installed[name], group)] if name in installed else []

    monkeypatch.setattr(auth_plugins, "entry_points", entry_points)
    assert type(load_plugin("later")).__name__ == "Later"
    for name, text in (
        ("missing", "auth backend 'missing' cannot be loaded: ModuleNotFoundError"),
        ("wrong", "auth backend 'wrong': builtins:dict is no AuthBackend"),
        ("nowhere", "there is no auth backend 'nowhere'"),
    ):
        with pytest.raises(PluginError, match=text):
            load_plugin(name)
