"""Users, as `leveretctl` sees and changes them."""

from __future__ import annotations

from broker.amqp.erlang import Atom
from broker.control.actions import Asked, Rows, action


@action()
async def list_users(asked: Asked) -> Rows:
    for user in list(asked.node.users.values()):
        yield [("user", user.name), ("tags", [Atom(tag) for tag in user.tags])]
