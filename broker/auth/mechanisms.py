"""SASL mechanisms: how a peer says who it is. PLAIN (RFC 4616) and RabbitMQ's AMQPLAIN."""

from __future__ import annotations

from typing import NamedTuple

from broker.amqp.erlang import printed
from broker.amqp.errors import MalformedSyntax
from broker.amqp.wire import Field, decode_table, encode_longstr


class Credentials(NamedTuple):
    username: str
    password: bytes


def plain(response: bytes) -> Credentials:
    """An authorization id is not accepted, as in RabbitMQ. Raises: MalformedSyntax."""
    parts = response.split(b"\0", 2)
    if len(parts) != 3 or parts[0] or b"\0" in parts[2]:
        raise MalformedSyntax(f"response {printed(response)} invalid")
    return Credentials(parts[1].decode("utf-8", "surrogateescape"), parts[2])


def amqplain(response: bytes) -> Credentials:
    """response: a table without its length. Raises: MalformedSyntax."""
    table, _ = decode_table(encode_longstr(response), 0)
    login, password = table.get("LOGIN"), table.get("PASSWORD")
    if login is None or password is None:
        raise MalformedSyntax(
            f"AMQPLAIN auth info {_listed(table)} is missing LOGIN or PASSWORD field"
        )
    if login.tag != "S" or password.tag != "S":
        raise MalformedSyntax(
            f"AMQPLAIN auth info {_listed(table)} uses unsupported type for LOGIN or PASSWORD field"
        )
    return Credentials(str(login.value), str(password.value).encode("utf-8", "surrogateescape"))


def _listed(table: dict[str, Field]) -> str:
    """The names only: RabbitMQ prints the values too, and with them the password."""
    return "[" + ",".join(printed(name) for name in table) + "]"


MECHANISMS = {"PLAIN": plain, "AMQPLAIN": amqplain}
