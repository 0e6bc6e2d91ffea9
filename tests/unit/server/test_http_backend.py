"""What is asked, and what is made of the answers; against a service in a thread."""

from __future__ import annotations

import asyncio
import threading

import pytest

from broker.amqp.erlang import Atom, CharList
from broker.auth.backends import (
    NO,
    YES,
    Answer,
    Question,
    ResourceAccess,
    TopicAccess,
    VhostAccess,
)
from broker.auth.mechanisms import Credentials
from broker.config import Config, override
from broker.server.http_backend import NAME, HttpBackend, quoted
from tests.support.auth_service import AuthService, Fields

LOGIN = Credentials("zoë & co", b"a+b/c~")
VHOST = VhostAccess("zoe", ("administrator", "x"), "/", "::1")
RESOURCE = ResourceAccess("zoe", (), "v", "queue", "a b", "configure")
TOPIC = TopicAccess("zoe", (), "/", "amq.topic", "write", "k.#")


def asked(service: AuthService, *questions: Question, **more: object) -> list[Answer]:
    """The answers, in order."""

    async def main() -> list[Answer]:
        config = Config()
        for key, value in service.settings(**more).items():
            config = override(config, key, value)
        backend = HttpBackend(config.auth.http)
        loop = asyncio.get_running_loop()
        answers = []
        for question in questions:
            heard: asyncio.Future[Answer] = loop.create_future()
            backend.ask(question, heard.set_result)
            answers.append(await heard)
        await backend.close()
        return answers

    return asyncio.run(main())


QUERIES = [
    ("/user", LOGIN, "username=zo%C3%AB+%26+co&password=a%2Bb%2Fc~"),
    ("/user", LOGIN._replace(password=None), "username=zo%C3%AB+%26+co"),
    ("/vhost", VHOST, "username=zoe&vhost=%2F&ip=%3A%3A1&tags=administrator+x"),
    (
        "/resource",
        RESOURCE,
        "username=zoe&vhost=v&resource=queue&name=a+b&permission=configure&tags=",
    ),
    (
        "/topic",
        TOPIC,
        "username=zoe&vhost=%2F&resource=topic&name=amq.topic&permission=write&tags="
        "&routing_key=k.%23&variable_map.username=zoe&variable_map.vhost=%2F",
    ),
]


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(("path", "question", "query"), QUERIES)
def test_questions_are_rabbitmqs(method: str, path: str, question: Question, query: str) -> None:
    """As RabbitMQ 3.10.8 was seen to ask."""
    with AuthService(lambda *_: (200, "allow")) as service:
        answers = asked(service, question, **{"auth_http.http_method": method})
        assert answers == [YES]
        form = "application/x-www-form-urlencoded"
        assert service.asked == [(method.upper(), path, query, form if method == "post" else None)]


@pytest.mark.parametrize(
    ("question", "status", "text", "expected"),
    [
        (LOGIN, 200, "allow", YES),
        (LOGIN, 201, " Allow Administrator  management ", ("administrator", "management")),
        (LOGIN, 200, "deny", "Denied by the backing HTTP service"),
        (LOGIN, 200, "denied", (Atom("bad_response"), CharList("denied"))),
        (LOGIN, 403, "allow", (403, CharList("allow"))),
        (VHOST, 200, "ALLOW", YES),
        (VHOST, 200, "deny", NO),
        (VHOST, 200, "allow x", (Atom("bad_response"), CharList("allow x"))),
        (VHOST, 200, "", (Atom("bad_response"), CharList(""))),
        (VHOST, 500, "oops", (500, CharList("oops"))),
    ],
)
def test_answers(question: Question, status: int, text: str, expected: object) -> None:
    with AuthService(lambda *_: (status, text)) as service:
        (answer,) = asked(service, question)
    if isinstance(expected, Answer):
        assert answer.is_yes == expected.is_yes
        assert answer.error is None
    elif isinstance(expected, str):
        assert answer == Answer(False, reason=expected)
    elif isinstance(expected, tuple) and all(type(part) is str for part in expected):
        assert answer == Answer(True, expected)
    else:
        assert (answer.is_yes, answer.error) == (False, expected)


def test_rubbish_is_a_failure() -> None:
    with AuthService(lambda *_: b"no HTTP at all\r\n\r\n") as service:
        (answer,) = asked(service, VHOST)
    assert not answer.is_yes
    assert answer.error == (Atom("failed_connect"), CharList("no HTTP status line"))


def test_a_service_that_is_not_there_is_a_failure() -> None:
    with AuthService(lambda *_: (200, "allow")) as service:
        pass
    (answer,) = asked(service, VHOST)
    assert not answer.is_yes
    assert isinstance(answer.error, tuple)
    assert answer.error[0] == Atom("failed_connect")


def test_a_service_that_hangs_is_a_failure_after_a_time() -> None:
    release = threading.Event()

    def hang(_path: str, _fields: Fields) -> tuple[int, str]:
        release.wait(10)
        return 200, "allow"

    with AuthService(hang) as service:
        (answer,) = asked(service, VHOST, **{"auth_http.request_timeout": 50})
        release.set()
    assert answer == Answer(False, error=Atom("timeout"))


def test_questions_go_over_one_connection() -> None:
    with AuthService(lambda *_: (200, "allow")) as service:
        assert asked(service, LOGIN, VHOST, RESOURCE, TOPIC) == [YES] * 4
        assert service.connections == 1


def test_quoting_is_rabbitmqs() -> None:
    assert quoted("aZ09-_.~ /?&=%+*'()é\n") == "aZ09-_.~+%2F%3F%26%3D%25%2B%2A%27%28%29%C3%A9%0A"
    assert quoted("\udcff") == "%FF"
    assert NAME == "rabbit_auth_backend_http"
