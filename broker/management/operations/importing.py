"""Definitions, as RabbitMQ exports them, become commands.

    users · vhosts · permissions · topic permissions · exchanges · global parameters · policies ·
    parameters · queues · bindings

All of them are looked at before the first is carried out: RabbitMQ's import stops in the middle
when something cannot be, and leaves what it has done. What is there already is left as it is, but
for users, vhosts' metadata, permissions, policies and parameters, which are replaced. Nothing is
said of what RabbitMQ skips: names that are reserved, bindings of what is not there.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from broker.amqp.erlang import is_atom
from broker.amqp.errors import (
    AMQPException,
    invalid_argument_type,
    resource,
    unknown_exchange_type,
)
from broker.amqp.methods import QueueDeclare
from broker.amqp.wire import Table
from broker.commands import Bind, Command, DeclareExchange, DeclareQueue
from broker.exchanges.registry import find_type
from broker.management.operations.parameters import (
    set_global_parameter,
    set_parameter,
    set_policy,
)
from broker.management.operations.permissions import set_permissions, set_topic_permissions
from broker.management.operations.refused import Refused, invalid, no_such_vhost, text_of
from broker.management.operations.users import put_user
from broker.management.operations.vhosts import put_vhost
from broker.management.request import escaped
from broker.management.views.tables import table_of
from broker.node import Node
from broker.policies.validation import ValidationError
from broker.queues.arguments import check_queue_arguments
from broker.session.queue_methods import check_type

log = logging.getLogger("broker.management")

NAMED_MAX = 20  # definitions that are skipped and named in the log
NAME_MAX = 255  # octets that a name may have over AMQP
Fields = Mapping[str, Any]
Maker = Callable[[Fields], Command | list[Command] | None]
_KINDS = ("queue", "exchange")


class Step(NamedTuple):
    """One thing that is to be done; None: nothing, for there is such a thing, or it is skipped."""

    category: str
    command: Command | None


class Import:
    """definitions: as decoded. vhost: all of it goes there; None: each says where. actor: who has
    asked for it."""

    def __init__(self, node: Node, definitions: Fields, *, actor: str, vhost: str | None = None):
        self._node = node
        self._definitions = definitions
        self._actor = actor
        self._vhost = vhost
        self._version = definitions.get("rabbitmq_version", definitions.get("rabbit_version"))
        self.skipped = 0
        # what there will be by then
        self._users: set[str] = set()
        self._vhosts: set[str] = set()
        self._things: set[tuple[str, str, str]] = set()  # kind, vhost, name

    def steps(self) -> Iterator[Step]:
        """One per definition, in the order in which they can be done. Raises: Refused."""
        makers: dict[str, Maker] = {
            "exchanges": self._exchange,
            "policies": self._policy,
            "parameters": self._parameter,
            "queues": self._queue,
            "bindings": self._binding,
        }
        if self._vhost is None:
            before: dict[str, Maker] = {
                "users": self._user,
                "vhosts": self._new_vhost,
                "permissions": self._permissions,
                "topic_permissions": self._topic_permissions,
                "exchanges": self._exchange,
                "global_parameters": self._global_parameter,
            }
            makers = before | makers
        for category, make in makers.items():
            if category == "queues":
                self._check_limits()
            for fields in self._in(category):
                made = make(fields)
                for command in made if isinstance(made, list) else [made]:
                    yield Step(category, command)

    def _in(self, category: str) -> list[Fields]:
        """RabbitMQ takes no notice of what is no object."""
        found = self._definitions.get(category, [])
        if not isinstance(found, list):
            raise invalid("definitions", category, "a list")
        return [fields for fields in found if isinstance(fields, dict)]

    # users and vhosts

    def _user(self, fields: Fields) -> list[Command]:
        name = text_of("user", "name", fields.get("name"))
        self._users.add(name)
        try:
            return put_user(self._node, name, fields, self._version)
        except ValidationError as error:
            raise Refused(str(error)) from None

    def _new_vhost(self, fields: Fields) -> list[Command]:
        name = text_of("virtual host", "name", fields.get("name"))
        metadata = fields.get("metadata")
        inner = metadata if isinstance(metadata, dict) else {}
        known = ("description", "tags", "default_queue_type", "tracing")
        wanted = {key: inner[key] for key in known[:3] if key in inner}
        wanted |= {key: fields[key] for key in known if key in fields}
        if wanted.get("tracing", "") is None:
            del wanted["tracing"]
        commands = put_vhost(self._node, name, wanted, self._actor)
        self._vhosts.add(name)
        return commands

    def _permissions(self, fields: Fields) -> Command:
        user, vhost = self._owner(fields), self._home(fields)
        return set_permissions(
            self._node,
            user,
            vhost,
            fields,
            is_new_user=user in self._users,
            is_new_vhost=vhost in self._vhosts,
        )

    def _topic_permissions(self, fields: Fields) -> Command:
        user, vhost = self._owner(fields), self._home(fields)
        return set_topic_permissions(
            self._node,
            user,
            vhost,
            fields,
            is_new_user=user in self._users,
            is_new_vhost=vhost in self._vhosts,
        )

    def _owner(self, fields: Fields) -> str:
        return text_of("permissions", "user", fields.get("user"))

    def _home(self, fields: Fields, *, checks: bool = False) -> str:
        """The vhost that a definition is for. checks: whether it is, or will be, there."""
        if self._vhost is not None:
            return self._vhost
        vhost = text_of("definition", "vhost", fields.get("vhost"))
        if checks and vhost not in self._node.vhosts and vhost not in self._vhosts:
            raise no_such_vhost(vhost)
        return vhost

    # policies and parameters

    def _global_parameter(self, fields: Fields) -> Command:
        return set_global_parameter(fields.get("name"), fields.get("value"))

    def _policy(self, fields: Fields) -> Command:
        vhost = self._home(fields, checks=True)
        name = fields.get("name")
        if not isinstance(name, str):
            raise Refused(f"policy in virtual host '{vhost}' has undefined name")
        try:
            return set_policy(vhost, name, fields)
        except ValidationError as error:
            raise Refused(escaped(f"{error} ({vhost}/{name})")) from None

    def _parameter(self, fields: Fields) -> Command:
        vhost = self._home(fields, checks=True)
        component = text_of("parameter", "component", fields.get("component"))
        name = text_of("parameter", "name", fields.get("name"))
        try:
            return set_parameter(vhost, component, name, _value(component, fields.get("value")))
        except ValidationError as error:
            raise Refused(escaped(f"{error} ({vhost}/{component}/{name})")) from None

    # what messages go through

    def _exchange(self, fields: Fields) -> Command | None:
        vhost = self._home(fields, checks=True)
        name = _name("exchange", "name", fields.get("name"))
        if name == "" or name.startswith("amq."):
            self._skip("exchange", name)
            return None
        self._things.add(("exchange", vhost, name))
        if self._has("exchange", vhost, name):
            return None
        what = resource("exchange", name, vhost)
        type_name = fields.get("type", "undefined")
        arguments = _arguments(fields)
        exchange_class = find_type(type_name) if isinstance(type_name, str) else None
        with _telling(is_whole=self._vhost is None):
            if exchange_class is None or type_name in self._node.refused_types:
                shown = str(type_name)
                raise unknown_exchange_type(shown, is_atom=is_atom(shown))
            exchange_class.validate(arguments)
            alternate = arguments.get("alternate-exchange")
            if alternate is not None and alternate.tag != "S":
                raise invalid_argument_type(alternate.type_name, "alternate-exchange", what)
        return DeclareExchange(
            vhost,
            name,
            str(type_name),
            _flag(what, "durable", fields),
            _flag(what, "auto_delete", fields),
            _flag(what, "internal", fields, default=False),
            arguments,
        )

    def _queue(self, fields: Fields) -> Command | None:
        vhost = self._home(fields, checks=True)
        name = _name("queue", "name", fields.get("name"))
        if name.startswith("amq."):
            self._skip("queue", name)
            return None
        self._things.add(("queue", vhost, name))
        if self._has("queue", vhost, name):
            return None
        what = resource("queue", name, vhost)
        command = QueueDeclare(
            queue=name,
            durable=_flag(what, "durable", fields),
            auto_delete=_flag(what, "auto_delete", fields),
            arguments=_arguments(fields),
        )
        with _telling(is_whole=self._vhost is None):
            check_queue_arguments(command.arguments, what)
            check_type(command, name, vhost)
        return DeclareQueue(
            vhost, name, command.durable, command.auto_delete, arguments=command.arguments
        )

    def _binding(self, fields: Fields) -> Command | None:
        vhost = self._home(fields, checks=True)
        source = _name("binding", "source", fields.get("source"))
        destination = _name("binding", "destination", fields.get("destination"))
        kind = fields.get("destination_type")
        if kind not in _KINDS:
            raise invalid("binding", "destination_type", "'queue' or 'exchange'")
        routing_key = _name("binding", "routing_key", fields.get("routing_key", ""))
        arguments = _arguments(fields)
        ends = (("exchange", source), (str(kind), destination))
        if "" in (source, destination) or not all(self._will_be(vhost, *end) for end in ends):
            return None
        return Bind(vhost, source, str(kind), destination, routing_key, arguments)

    def _skip(self, kind: str, name: str) -> None:
        """What everybody has, or what a client was given a name for, is not made by an import."""
        self.skipped += 1
        if self.skipped <= NAMED_MAX:
            log.warning("a definition is skipped, its name is reserved, %s=%s", kind, name)

    def _has(self, kind: str, vhost: str, name: str) -> bool:
        found = self._node.vhosts.get(vhost)
        if found is None:
            return False
        return name in (found.queues if kind == "queue" else found.exchanges)

    def _will_be(self, vhost: str, kind: str, name: str) -> bool:
        is_predeclared = kind == "exchange" and name.startswith("amq.") and vhost in self._vhosts
        return (kind, vhost, name) in self._things or self._has(kind, vhost, name) or is_predeclared

    def _check_limits(self) -> None:
        """Whether the queues that are new have room in their vhosts. Raises: Refused."""
        new: Counter[str] = Counter()
        for fields in self._in("queues"):
            vhost, name = self._vhost or fields.get("vhost"), fields.get("name")
            if isinstance(vhost, str) and isinstance(name, str):
                new[vhost] += not self._has("queue", vhost, name)
        for vhost, count in new.items():
            found = self._node.vhosts.get(vhost)
            limit = found.limit("max-queues") if found is not None and count else None
            if found is None or limit is None or count + len(found.queues) <= limit:
                continue
            text = (
                f'Adding {count} queue(s) to virtual host "{vhost}" would exceed the limit of '
                f"{limit} queue(s).\n\nThis virtual host currently has {len(found.queues)} "
                "queue(s) defined.\n\nImport aborted!"
            )
            raise (
                Refused(text) if self._vhost is not None else Refused("vhost_limit_exceeded", text)
            )


@contextmanager
def _telling(*, is_whole: bool) -> Iterator[None]:
    """What would close a channel is told as RabbitMQ's import tells it."""
    try:
        yield
    except AMQPException as error:
        raise amqp_error(error, is_whole=is_whole) from None


def amqp_error(error: AMQPException, *, is_whole: bool) -> Refused:
    """is_whole: the import of a whole node, not of a vhost."""
    name = error.reply_name.lower()
    if is_whole:
        return Refused("amqp_error", name, error.text, "none")
    return Refused(f"{name}: {error.text}")


def _value(component: str, value: Any) -> Any:
    """`rabbitmqctl export_definitions` of 3.10 writes the definition of an operator policy as a
    list of pairs, which RabbitMQ itself does not take."""
    if component != "operator_policy" or not isinstance(value, dict):
        return value
    pairs = value.get("definition")
    if not isinstance(pairs, list) or not pairs:
        return value
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        return value
    if not all(isinstance(key, str) for key, _ in pairs):
        return value
    return {**value, "definition": dict(pairs)}


def _name(what: str, field: str, value: object) -> str:
    """Raises: Refused."""
    name = text_of(what, field, value)
    if len(name.encode("utf-8", "surrogateescape")) > NAME_MAX:
        raise invalid(what, field, f"no longer than {NAME_MAX} octets")
    return name


def _flag(what: str, field: str, fields: Fields, *, default: object = None) -> bool:
    value = fields.get(field, default)
    if not isinstance(value, bool):
        raise invalid(what, field, "true or false")
    return value


def _arguments(fields: Fields) -> Table:
    found = fields.get("arguments")
    return {} if found is None or found == [] else table_of(found)
