"""Events of definitions: what commands have done, with everything that went along.

Two things are put together here. `Changes.watch` tells of each queue, exchange, binding and so on
that comes or goes, before it is carried out; an observer of `Definitions` then tells of the command
that was the cause, and so of the user behind it.
"""

from __future__ import annotations

from typing import Any

from broker.changes import Seen
from broker.commands import (
    AddVhost,
    Bind,
    ClearGlobalParameter,
    ClearParameter,
    ClearPermissions,
    ClearPolicy,
    ClearTopicPermissions,
    Command,
    DeclareExchange,
    DeclareQueue,
    DeleteExchange,
    DeleteQueue,
    DeleteUser,
    DeleteVhost,
    PutUser,
    SetGlobalParameter,
    SetParameter,
    SetPermissions,
    SetPolicy,
    SetTopicPermissions,
    SetUserLimits,
    Unbind,
)
from broker.definitions import Definitions
from broker.hooks import setting_events, topology_events
from broker.hooks.events import ACTOR, Context, Events, Facts, Noted, Teller

TELLERS: dict[type[Command], Teller] = {
    DeclareQueue: topology_events.topology,
    DeleteQueue: topology_events.topology,
    DeclareExchange: topology_events.topology,
    DeleteExchange: topology_events.topology,
    Bind: topology_events.topology,
    Unbind: topology_events.topology,
    AddVhost: topology_events.vhost_put,
    DeleteVhost: topology_events.vhost_gone,
    PutUser: setting_events.user_put,
    DeleteUser: setting_events.user_gone,
    SetUserLimits: setting_events.user_limits,
    SetPermissions: setting_events.permissions,
    ClearPermissions: setting_events.permissions_gone,
    SetTopicPermissions: setting_events.topic_permissions,
    ClearTopicPermissions: setting_events.topic_permissions_gone,
    SetPolicy: setting_events.policy,
    ClearPolicy: setting_events.policy_gone,
    SetParameter: setting_events.parameter_set,
    ClearParameter: setting_events.parameter_gone,
    SetGlobalParameter: setting_events.global_parameter,
    ClearGlobalParameter: setting_events.global_parameter_gone,
}


class DefinitionEvents:
    """Emits them, from `watch` on."""

    def __init__(self, events: Events, definitions: Definitions):
        self._context = Context(events, definitions)
        self._noted: list[Noted] = []

    def watch(self) -> None:
        """Hear of everything from now on."""
        definitions = self._context.definitions
        definitions.changes.watch = self._note
        definitions.observe(self._on_change)

    def watch_no_more(self) -> None:
        definitions = self._context.definitions
        definitions.changes.watch = None
        definitions.forget(self._on_change)

    def _note(self, kind: Seen, key: tuple[Any, ...], is_there: bool) -> None:
        definitions = self._context.definitions
        before: Any = None
        if kind == "user":
            before = definitions.users.get(key[0])
        elif kind == "vhost":
            before = definitions.vhosts.get(key[0])
        self._noted.append(Noted(kind, key, is_there, before))

    def _on_change(self, command: Command, _result: object) -> None:
        noted, self._noted = self._noted, []
        events = self._context.events
        consumers, events.noted_consumers = events.noted_consumers, []
        teller = TELLERS.get(type(command))
        if teller is None or not events.is_heard:
            return
        for facts in consumers:
            self._emit("consumer.deleted", facts, command.actor)
        for told in teller(self._context, command, noted):
            self._emit(told.key, told.facts, told.actor or command.actor)

    def _emit(self, key: str, facts: Facts, actor: str) -> None:
        filled = [(name, actor if value is ACTOR else value) for name, value in facts]
        if not any(value is ACTOR for _, value in facts):
            filled.append(("user_who_performed_action", actor))
        self._context.events.emit(key, filled)
