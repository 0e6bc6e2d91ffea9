"""What users may do, as `leveretctl` sees and changes it."""

from __future__ import annotations

from broker.amqp.erlang import Atom, CharList
from broker.commands import (
    ClearPermissions,
    ClearTopicPermissions,
    SetPermissions,
    SetTopicPermissions,
)
from broker.control.actions import Asked, Rows, action
from broker.control.host import Failure
from broker.patterns import PatternError, compile_pattern


@action()
async def set_permissions(
    asked: Asked, vhost: str, name: str, configure: str, write: str, read: str
) -> None:
    """Raises: Failure."""
    for pattern in (configure, write, read):
        _check(pattern, is_charlist=True)
    _check_there(asked, vhost, name)
    await asked.execute(SetPermissions(name, vhost, configure, write, read))


@action()
async def clear_permissions(asked: Asked, vhost: str, name: str) -> None:
    """Raises: Failure."""
    _check_there(asked, vhost, name)
    await asked.execute(ClearPermissions(name, vhost))


@action()
async def list_permissions(asked: Asked, vhost: str) -> Rows:
    """Raises: Failure."""
    asked.vhost(vhost)
    for user in list(asked.node.users.values()):
        found = user.permissions.get(vhost)
        if found is not None:
            yield [
                ("user", user.name),
                ("configure", found.configure),
                ("write", found.write),
                ("read", found.read),
            ]


@action()
async def list_user_permissions(asked: Asked, name: str) -> Rows:
    """Raises: Failure."""
    for vhost, found in list(asked.user(name).permissions.items()):
        yield [
            ("vhost", vhost),
            ("configure", found.configure),
            ("write", found.write),
            ("read", found.read),
        ]


@action()
async def set_topic_permissions(
    asked: Asked, vhost: str, name: str, exchange: str, write: str, read: str
) -> None:
    """Raises: Failure."""
    for pattern in (write, read):
        _check(pattern, is_charlist=False)
    _check_there(asked, vhost, name)
    await asked.execute(SetTopicPermissions(name, vhost, exchange, write, read))


@action()
async def clear_topic_permissions(
    asked: Asked, vhost: str, name: str, exchange: str | None
) -> None:
    """Raises: Failure."""
    _check_there(asked, vhost, name)
    await asked.execute(ClearTopicPermissions(name, vhost, exchange))


@action()
async def list_topic_permissions(asked: Asked, vhost: str) -> Rows:
    """Raises: Failure."""
    asked.vhost(vhost)
    for user in list(asked.node.users.values()):
        for (of_vhost, exchange), found in list(user.topic_permissions.items()):
            if of_vhost == vhost:
                yield [
                    ("user", user.name),
                    ("exchange", exchange),
                    ("write", found.write),
                    ("read", found.read),
                ]


@action()
async def list_user_topic_permissions(asked: Asked, name: str) -> Rows:
    """Raises: Failure."""
    for (vhost, exchange), found in list(asked.user(name).topic_permissions.items()):
        yield [
            ("vhost", vhost),
            ("exchange", exchange),
            ("write", found.write),
            ("read", found.read),
        ]


def _check_there(asked: Asked, vhost: str, name: str) -> None:
    """RabbitMQ looks for the user first. Raises: Failure."""
    asked.user(name)
    asked.vhost(vhost)


def _check(pattern: str, *, is_charlist: bool) -> None:
    """A regular expression. is_charlist: how RabbitMQ shows it. Raises: Failure."""
    try:
        compile_pattern(pattern)
    except PatternError as error:
        message, offset = error.reason
        shown = CharList(pattern) if is_charlist else pattern
        reason = (Atom("invalid_regexp"), shown, (CharList(str(message)), offset))
        raise Failure("invalid_regexp", kind="reason", reason=reason) from None
