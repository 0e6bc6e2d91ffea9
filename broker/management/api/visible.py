"""What of the node a visitor sees."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from broker.management.listing import columns_of
from broker.management.request import VARY_EARLY, Refusal, not_authorised, not_found
from broker.management.views.common import Lens
from broker.management.views.connection import name_of
from broker.session.connection import Connection
from broker.session.states import State

if TYPE_CHECKING:
    from broker.management.application import Context
    from broker.session.channel import Channel
    from broker.vhost import VHost

RANGES = frozenset(
    f"{prefix}_{part}"
    for prefix in ("lengths", "msg_rates", "data_rates", "node_stats")
    for part in ("age", "incr")
)
NO_OBJECT = "User not authorised to access object"


async def vhosts_for_lists(context: Context) -> list[VHost]:
    """Those whose exchanges, queues and bindings he is shown: where he may enter himself. He may
    ask for one of them by a header."""
    vhosts, wanted = context.node.vhosts, context.wanted_vhost
    names = await context.visitor.vhosts()
    return [vhosts[name] for name in names if name in vhosts and wanted in (None, name)]


async def vhosts_of_path(context: Context) -> list[VHost]:
    """That of the path, or all that he sees. Raises: Refusal."""
    if "vhost" in context.params:
        return [context.vhost]
    return await vhosts_for_lists(context)


def connections(context: Context) -> Iterator[Connection]:
    """Those he sees: his own, all of them if he is a monitor."""
    visitor = context.visitor
    for peer in list(context.node.peers.values()):
        if not isinstance(peer, Connection) or not peer.is_counted or peer.state is State.CLOSED:
            continue
        if visitor.is_monitor or peer.user.name == visitor.name:
            yield peer


def channels(context: Context) -> Iterator[Channel]:
    for connection in connections(context):
        for channel in list(connection.channels.values()):
            if channel.is_open:
                yield channel


def find_connection(context: Context, name: str, *, is_to_be_closed: bool = False) -> Connection:
    """By its name. Raises: Refusal: there is none, or it is somebody else's.

    is_to_be_closed: which monitors may not do to those of others.
    """
    for peer in list(context.node.peers.values()):
        if isinstance(peer, Connection) and peer.is_counted and peer.name == name:
            check_owner(context, peer.user.name, is_to_be_closed=is_to_be_closed)
            return peer
    raise not_found()


def find_channel(context: Context, name: str) -> Channel:
    """The same for a channel: "connection (number)". Raises: Refusal."""
    for peer in list(context.node.peers.values()):
        if isinstance(peer, Connection) and peer.is_counted and name.startswith(peer.name):
            for channel in peer.channels.values():
                if name_of(channel) == name and channel.is_open:
                    check_owner(context, peer.user.name)
                    return channel
    raise not_found()


def lens_of_list(context: Context, basic: frozenset[str] = frozenset()) -> Lens:
    """How objects are shown in lists that can be had in pages. basic: columns for which RabbitMQ
    looks at no statistics: what charts are asked for is of no matter where there are no others.

    Raises: Refusal: RabbitMQ has another word there for a range that is none.
    """
    columns = columns_of(context.request.query)
    is_basic = (
        columns is not None
        and not context.request.query.get("sort")
        and all(column[0] in basic for column in columns if column)
    )
    try:
        return context.lens(without=RANGES if is_basic and basic else frozenset())
    except Refusal as refusal:
        refusal.error = "invalid_range_parameters"
        raise


def check_owner(context: Context, username: str, *, is_to_be_closed: bool = False) -> None:
    """Raises: Refusal."""
    visitor = context.visitor
    sees_all = visitor.is_admin if is_to_be_closed else visitor.is_monitor
    if not sees_all and visitor.name != username:
        raise not_authorised(NO_OBJECT, VARY_EARLY)
