"""Which broker, as whom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from broker.cli.messaging.address import Address, of_options, of_uri
from broker.cli.messaging.exits import Failure
from broker.cli.messaging.options import CONNECTION, Given


def given(**options: Any) -> Address:
    return of_options(Given(options, CONNECTION))


def test_nothing_given_is_the_usual_broker() -> None:
    assert given().place == ("127.0.0.1", 5672)
    assert given(tls=True).place == ("127.0.0.1", 5671)


def test_a_whole_uri() -> None:
    address = of_uri("amqps://a%40b:p%2Fw@[::1]:17/v%2Fw?heartbeat=5&verify=verify_none")
    assert str(address) == "[::1]:17"
    assert (address.user, address.password, address.vhost) == ("a@b", "p/w", "v/w")
    assert (address.is_tls, address.is_insecure, address.heartbeat_s) == (True, True, 5)


@pytest.mark.parametrize("uri", ["amqp://h", "amqp://h/", "amqp://h/%2F"])
def test_no_vhost_is_the_first_one(uri: str) -> None:
    assert of_uri(uri).vhost == "/"


def test_options_count_more() -> None:
    address = given(uri="amqp://u:p@h:1/v", port=2, vhost="w", user="x")
    assert address == Address(host="h", port=2, user="x", password="p", vhost="w")


@pytest.mark.parametrize(
    "uri",
    [
        "http://secret@h",
        "amqp://u:secret@h:99999",
        "amqp://u:secret@h/a/b",
        "amqp://u:secret@h?nope=1",
        "amqp://u:secret@h?heartbeat=x",
        "amqp://u:secret@[h",
    ],
)
def test_what_is_no_uri_is_not_repeated(uri: str) -> None:
    with pytest.raises(Failure, match="--uri") as caught:
        of_uri(uri)
    assert caught.value.code == 64
    assert "secret" not in str(caught.value)


def test_a_password_is_not_shown_and_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("secret\nmore\n")
    address = given(password_file=str(file))
    assert address.password == "secret"
    assert "secret" not in repr(address)
    with pytest.raises(Failure, match="No such file"):
        given(password_file=str(tmp_path / "none"))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"cacert": "f"}, "need --tls"),
        ({"tls": True, "key": "f"}, "--key needs --cert"),
        ({"port": 65536}, "--port is at most 65535"),
        ({"password": "a", "password_file": "b"}, "exclude"),
    ],
)
def test_what_does_not_go_together(options: dict[str, Any], text: str) -> None:
    with pytest.raises(Failure, match=text):
        given(**options)


def test_files_for_tls_in_a_uri() -> None:
    address = of_uri("amqps://h?cacertfile=/a&certfile=/b&keyfile=/c&connection_timeout=500")
    assert (address.cacert, address.cert, address.key) == ("/a", "/b", "/c")
    assert address.connect_timeout_s == 0.5
