"""What a policy may set, what each setting may be, and which queues know it.

Texts and rules are RabbitMQ's (rabbit_policies, rabbit_mirror_queue_misc, the plugins' validators);
what 3.13 added is there as well. RabbitMQ complains of one wrong setting only: of those that one
module of it looks at the first by name, and which module comes first is a matter of its registry.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from broker.amqp.erlang import Atom, printed

Value = object  # of JSON
QUORUM, STREAM, CLASSIC = "quorum", "stream", "classic"
_SEGMENT_OCTETS_MAX = 3_000_000_000


class Setting(NamedTuple):
    """problem: what is wrong with a value, as a sentence; None: nothing. not_for: types of queue to
    which a policy with it does not apply. for_operators: operator policies may have it.
    lower_wins: of a policy's and an operator policy's value the lower one counts."""

    problem: Callable[[Value], str | None]
    not_for: frozenset[str] = frozenset()
    for_operators: bool = False
    lower_wins: bool = False


def term(value: Value) -> object:
    """A JSON value as the Erlang term that RabbitMQ makes of it, for `printed`."""
    if value is None:
        return Atom("null")
    if isinstance(value, Mapping):
        return {str(name): term(item) for name, item in sorted(value.items())}
    if isinstance(value, list):
        return [term(item) for item in value]
    return value


def _not_a(what: str, is_fine: Callable[[Value], bool]) -> Callable[[Value], str | None]:
    def problem(value: Value) -> str | None:
        return None if is_fine(value) else f"{printed(term(value))} is not a valid {what}"

    return problem


def is_integer(value: Value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _at_least(least: int, most: float = float("inf")) -> Callable[[Value], bool]:
    def is_fine(value: Value) -> bool:
        return is_integer(value) and isinstance(value, int) and least <= value <= most

    return is_fine


def _is_text(value: Value) -> bool:
    return isinstance(value, str)


def _one_of(*values: Value) -> Callable[[Value], bool]:
    def is_fine(value: Value) -> bool:
        return not isinstance(value, (bool, list, dict)) and value in values

    return is_fine


def _is_age(value: Value) -> bool:
    found = re.fullmatch(r"([0-9]+)[YMDhms]", value) if isinstance(value, str) else None
    return found is not None and int(found[1]) > 0


def _segment_size(value: Value) -> bool:
    return _at_least(0, _SEGMENT_OCTETS_MAX)(value)


def _master_locator(value: Value) -> str | None:
    if value in ("min-masters", "client-local", "random"):
        return None
    return f"{printed(term(value))} invalid queue-master-locator value"


def _shards(value: Value) -> str | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0:
        return None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"shards-per-node should be greater than 0, actually was {printed(term(value))}"
    return f"shards-per-node should be a number, actually was {printed(term(value))}"


def _shard_key(value: Value) -> str | None:
    if isinstance(value, str):
        return None
    return f"routing-key should be binary, actually was {printed(term(value))}"


def _fine(_value: Value) -> str | None:
    """Looked at together with others, see `_mirroring_problem`."""
    return None


def _limit(what: str, least: int = 0, *not_for: str) -> Setting:
    """A number of which the lower one counts."""
    return Setting(_not_a(what, _at_least(least)), frozenset(not_for), True, True)


_OF_STREAMS = frozenset({CLASSIC, QUORUM})
_OF_QUORUM_QUEUES = frozenset({CLASSIC})
_OF_CLASSIC_QUEUES = frozenset({QUORUM, STREAM})
_LOCATORS = _one_of("client-local", "balanced", "random", "least-leaders")
_MIRRORING = (
    "ha-mode",
    "ha-params",
    "ha-sync-mode",
    "ha-sync-batch-size",
    "ha-promote-on-shutdown",
    "ha-promote-on-failure",
)

SETTINGS: dict[str, Setting] = {
    "alternate-exchange": Setting(_not_a("alternate exchange name", _is_text)),
    "consumer-timeout": Setting(_not_a("consumer timeout", _at_least(0))),
    "dead-letter-exchange": Setting(_not_a("dead letter exchange name", _is_text)),
    "dead-letter-routing-key": Setting(_not_a("dead letter routing key", _is_text)),
    "dead-letter-strategy": Setting(
        _not_a("dead letter strategy", _one_of("at-most-once", "at-least-once")),
        _OF_QUORUM_QUEUES,
    ),
    "delivery-limit": _limit("delivery limit", 0, CLASSIC),
    "expires": _limit("queue expiry", 1),
    "hash-header": Setting(_not_a("hash header", _is_text)),
    "hash-property": Setting(_not_a("hash property", _is_text)),
    "initial-cluster-size": Setting(_not_a("cluster size", _at_least(0)), _OF_STREAMS),
    "max-age": Setting(_not_a("max age", _is_age), _OF_STREAMS),
    "max-in-memory-bytes": _limit("maximum memory in bytes"),
    "max-in-memory-length": _limit("maximum memory in bytes"),  # the text is RabbitMQ's
    "max-length": _limit("maximum length"),
    "max-length-bytes": _limit("maximum length in bytes"),
    "message-ttl": _limit("message TTL"),
    "overflow": Setting(
        _not_a("overflow value", _one_of("drop-head", "reject-publish", "reject-publish-dlx")),
        for_operators=True,
    ),
    "queue-leader-locator": Setting(
        _not_a("queue leader locator value", _LOCATORS), frozenset({CLASSIC})
    ),
    "queue-master-locator": Setting(_master_locator, _OF_CLASSIC_QUEUES),
    "queue-mode": Setting(
        _not_a("queue-mode value", _one_of("default", "lazy")), _OF_CLASSIC_QUEUES
    ),
    "queue-version": Setting(_not_a("queue-version value", _one_of(1, 2)), for_operators=True),
    "routing-key": Setting(_shard_key),
    "shards-per-node": Setting(_shards),
    "stream-filter-size-bytes": Setting(
        lambda value: (
            None
            if _at_least(16, 255)(value)
            else f"{printed(term(value))} is not a valid filter size. Valid range is 16-255"
        ),
        _OF_STREAMS,
    ),
    "stream-max-segment-size-bytes": Setting(_not_a("segment size", _segment_size), _OF_STREAMS),
    **dict.fromkeys(_MIRRORING, Setting(_fine, _OF_CLASSIC_QUEUES)),
}


def definition_problem(definition: object, *, for_operators: bool) -> str | None:
    """What is wrong with a policy's definition, as a sentence; None: nothing."""
    if not definition:
        return "no policy provided"
    if not isinstance(definition, Mapping):
        return f"definition must be a dictionary: {printed(term(definition))}"
    unknown = {
        name: value
        for name, value in definition.items()
        if name not in SETTINGS or (for_operators and not SETTINGS[name].for_operators)
    }
    known = sorted(definition.keys() - unknown, key=_turn)
    problem = next(filter(None, (SETTINGS[name].problem(definition[name]) for name in known)), None)
    if problem is None and not for_operators:
        problem = _mirroring_problem(definition)
    if problem is not None:
        return problem
    if unknown:
        listed = [(name, term(value)) for name, value in sorted(unknown.items())]
        return f"{printed(listed)} are not recognised policy settings"
    return None


def _turn(name: str) -> tuple[int, str]:
    """What a setting is looked at after: RabbitMQ 3.10 has a module for this one."""
    return (0 if name == "queue-master-locator" else 1), name


def _mirroring_problem(definition: Mapping[str, object]) -> str | None:
    """The ha- settings hang together."""
    present = {name: definition[name] for name in _MIRRORING if name in definition}
    if not present:
        return None
    if "ha-mode" not in present:
        return (
            "ha-mode must be specified to specify ha-params, ha-sync-mode or ha-promote-on-shutdown"
        )
    checks = (
        _mode_problem(present["ha-mode"], present),
        _choice_problem(present, "ha-sync-mode", "manual", "automatic"),
        _batch_problem(present),
        _choice_problem(present, "ha-promote-on-shutdown", "always", "when-synced"),
        _choice_problem(present, "ha-promote-on-failure", "always", "when-synced"),
    )
    return next((problem for problem in checks if problem), None)


def _mode_problem(mode: object, present: Mapping[str, object]) -> str | None:
    has_params = "ha-params" in present
    params = present.get("ha-params")
    if mode == "all":
        return 'ha-mode="all" does not take parameters' if has_params else None
    if mode == "exactly":
        if is_integer(params) and isinstance(params, int) and params > 0:
            return None
        given = f"{printed(term(params))} given" if has_params else "none given"
        return f'ha-mode="exactly" takes an integer, {given}'
    if mode == "nodes":
        if params == []:
            return 'ha-mode="nodes" list must be non-empty'
        if not isinstance(params, list):
            given = f"{printed(term(params))} given" if has_params else "none given"
            return f'ha-mode="nodes" takes a list, {given}'
        strange = [term(name) for name in params if not isinstance(name, str)]
        if strange:
            return f'ha-mode="nodes" takes a list of strings, {printed(strange)} was not a string'
        return None
    return f"{printed(term(mode))} is not a valid ha-mode value"


def _choice_problem(present: Mapping[str, object], name: str, one: str, other: str) -> str | None:
    if name not in present or present[name] in (one, other):
        return None
    return f'{name} must be "{one}" or "{other}", got {printed(term(present[name]))}'


def _batch_problem(present: Mapping[str, object]) -> str | None:
    size = present.get("ha-sync-batch-size", 1)
    if is_integer(size) and isinstance(size, int) and size > 0:
        return None
    return f"ha-sync-batch-size takes an integer greater than 0, {printed(term(size))} given"
