"""Virtual hosts, as `leveretctl` sees and changes them."""

from __future__ import annotations

from broker.amqp.erlang import Atom
from broker.commands import AddVhost, DeleteVhost, SetTracing
from broker.control.actions import Asked, Rows, action
from broker.control.host import Failure
from broker.queues.arguments import QUEUE_TYPES


@action()
async def add_vhost(
    asked: Asked, name: str, description: str, tags: str, queue_type: str | None
) -> None:
    """One that is there stays as it is, as with RabbitMQ. Raises: Failure."""
    if queue_type is not None and queue_type not in QUEUE_TYPES:
        raise Failure("invalid_queue_type")
    if name not in asked.node.vhosts:
        found = tuple(tag for tag in map(str.strip, tags.split(",")) if tag)
        await asked.execute(AddVhost(name, description, found, queue_type or ""))


@action()
async def delete_vhost(asked: Asked, name: str) -> None:
    """Raises: Failure."""
    asked.vhost(name)
    await asked.execute(DeleteVhost(name))


@action()
async def set_vhost_tags(asked: Asked, name: str, tags: list[str]) -> None:
    """Raises: Failure."""
    vhost = asked.vhost(name)
    wanted = tuple(tag for tag in map(str.strip, tags) if tag)
    await asked.execute(AddVhost(name, vhost.description, wanted, vhost.default_queue_type))


@action()
async def check_vhost(asked: Asked, name: str) -> None:
    """Raises: Failure: there is none."""
    asked.vhost(name)


@action()
async def set_tracing(asked: Asked, name: str, is_on: bool) -> None:
    """Of one that is not there RabbitMQ takes note, too: it makes no difference."""
    vhost = asked.node.vhosts.get(name)
    if vhost is not None and vhost.is_traced is not is_on:
        await asked.execute(SetTracing(name, is_on))


@action()
async def list_vhosts(asked: Asked) -> Rows:
    for vhost in list(asked.node.vhosts.values()):
        yield [
            ("name", vhost.name),
            ("description", vhost.description),
            ("tags", [Atom(tag) for tag in vhost.tags]),
            ("default_queue_type", vhost.default_queue_type or Atom("undefined")),
            ("tracing", vhost.is_traced),
            ("cluster_state", [(Atom(asked.node.name), Atom("running"))]),
        ]
