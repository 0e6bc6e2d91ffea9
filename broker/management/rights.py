"""What the tags of a user let him ask, as `needs` of a route says it.

RabbitMQ: management sees what is his, policymaker sets policies and parameters of his vhosts,
monitoring sees everything that moves, administrator may do anything. His vhosts are those that he
has permissions in. An administrator needs none to see what is in a vhost, but to publish there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from broker.management import routes
from broker.management.request import Request, not_authorised
from broker.management.visitor import Visitor

if TYPE_CHECKING:
    from broker.node import Node

NO_VHOST = "User not authorised to access virtual host"
NO_OBJECT = "User not authorised to access object"


class _Rule(NamedTuple):
    """may_ask: at all. sees_all: he needs no access to the vhost. is_of_vhost: others do."""

    reason: str
    may_ask: Callable[[Visitor], bool] = lambda _visitor: True
    is_of_vhost: bool = False
    sees_all: Callable[[Visitor], bool] = lambda visitor: visitor.is_admin


_RULES = {
    routes.VHOST: _Rule(NO_VHOST, is_of_vhost=True),
    routes.VISIBLE: _Rule(NO_VHOST, is_of_vhost=True, sees_all=lambda visitor: visitor.is_monitor),
    routes.MONITOR: _Rule("Not monitor user", lambda visitor: visitor.is_monitor),
    routes.POLICYMAKER: _Rule(NO_OBJECT, lambda visitor: visitor.is_policymaker, is_of_vhost=True),
    routes.GLOBAL_POLICYMAKER: _Rule(NO_OBJECT, lambda visitor: visitor.is_policymaker),
    routes.ADMIN: _Rule("Not administrator user", lambda visitor: visitor.is_admin),
}


async def check(needs: str, visitor: Visitor, request: Request, node: Node) -> None:
    """Raises: Refusal (401)."""
    rule = _RULES.get(needs)
    if rule is None:
        return
    if not rule.may_ask(visitor):
        raise not_authorised(rule.reason)
    vhost = wanted_vhost(request)
    if not rule.is_of_vhost or vhost is None or rule.sees_all(visitor):
        return
    if "vhost" in request.params and vhost not in node.vhosts:
        return  # the handler says that it is not there
    if not await visitor.may_enter(vhost):
        raise not_authorised(rule.reason)


def wanted_vhost(request: Request) -> str | None:
    """What is asked about: by the path, or by a header as RabbitMQ's page does it; None: all."""
    return request.params.get("vhost", request.headers.get("x-vhost")) or None
