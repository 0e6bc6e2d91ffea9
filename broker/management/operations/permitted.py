"""Whether a visitor may do something with a queue or an exchange: asked as for a connection of his.

Where another backend decides, its answer may take a while.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from broker.amqp.errors import AMQPException
from broker.management.request import not_authorised
from broker.management.visitor import Visitor
from broker.session.access import Access, Suspended


async def entered(visitor: Visitor, vhost: str) -> Access:
    """What he may do in a vhost. Raises: Refusal (401), if he may not even enter."""
    access = visitor.new_access()
    await decided(lambda: access.enter(vhost))
    return access


async def require(access: Access, permission: str, kind: str, name: str) -> None:
    """kind: "queue" or "exchange". Raises: Refusal (401)."""
    await decided(lambda: access.require(permission, kind, name))


async def decided(check: Callable[[], None]) -> None:
    """Have something checked as often as it takes. Raises: Refusal (401), with AMQP's text."""
    while True:
        try:
            check()
        except Suspended as suspended:
            await answered(suspended)
        except AMQPException as refusal:
            raise not_authorised(refusal.text) from None
        else:
            return


async def answered(suspended: Suspended) -> None:
    """Wait for what is asked; then it has to be tried again."""
    event = asyncio.Event()
    suspended.pending.waiting.append(event.set)
    await event.wait()
