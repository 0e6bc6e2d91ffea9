"""Whether what somebody wants to set is possible, in RabbitMQ's words.

For policies, runtime parameters and limits: whoever takes them from a user (the HTTP API, a
command, an import) asks here before he proposes the command. The texts begin with "Validation
failed" and name every problem on a line of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from broker.amqp.erlang import printed, with_term
from broker.patterns import PatternError, compile_pattern
from broker.policies.policy import OPERATOR_POLICY, POLICY
from broker.policies.settings import definition_problem, is_integer, term

APPLY_TO = ("queues", "classic_queues", "quorum_queues", "streams", "exchanges", "all")
VHOST_LIMITS = ("max-connections", "max-queues")
USER_LIMITS = ("max-connections", "max-channels")


class ValidationError(ValueError):
    """RabbitMQ's text."""


def check_policy(
    name: str,
    pattern: object,
    definition: object,
    priority: object = 0,
    apply_to: object = "all",
    kind: str = POLICY,
) -> None:
    """definition: as decoded from JSON. Raises: ValidationError."""
    problems = [
        definition_problem(definition, for_operators=kind == OPERATOR_POLICY),
        _apply_to_problem(apply_to),
        pattern_problem("pattern", pattern),
        _number_problem("priority", priority),
    ]
    _refuse(problems)


def check_parameter(component: str, name: str, value: object) -> None:
    """A runtime parameter. value: as decoded from JSON. Raises: ValidationError."""
    if component == POLICY:
        raise ValidationError("policies may not be set using this method")
    check = _COMPONENTS.get(component)
    if check is None:
        _refuse([f"component {component} not found"])
    else:
        _refuse(check(name, value))


def check_user_limits(limits: object) -> None:
    """Raises: ValidationError: without the words in front."""
    problems = _limits_problems("user-limits", limits, USER_LIMITS)
    if problems:
        raise ValidationError("\n".join(filter(None, problems)))


def pattern_problem(what: str, pattern: object) -> str | None:
    """What is wrong with a regular expression; None: nothing."""
    if not isinstance(pattern, str):
        return f"{what} should be a binary but was {printed(term(pattern))}"
    try:
        compile_pattern(pattern)
    except PatternError as error:
        return with_term(f"{what} should be regular expression but is invalid: ", error.reason)
    return None


def _refuse(problems: list[str | None]) -> None:
    """Raises: ValidationError when there is a problem."""
    found = [problem for problem in problems if problem is not None]
    if found:
        raise ValidationError("".join(f"{line}\n" for line in ["Validation failed\n", *found]))


def _apply_to_problem(apply_to: object) -> str | None:
    if isinstance(apply_to, str) and apply_to in APPLY_TO:
        return None
    shown = apply_to if isinstance(apply_to, str) else as_json(apply_to)
    return (
        f"apply-to '{shown}' unrecognised; should be one of: 'queues', 'classic_queues', "
        " 'quorum_queues', 'streams', 'exchanges', or 'all'"
    )


def _number_problem(name: str, value: object) -> str | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return None
    return f"{name} should be a number, actually was {printed(term(value))}"


def _limits_problems(name: str, limits: object, known: tuple[str, ...]) -> list[str | None]:
    if not isinstance(limits, Mapping):
        return [f"{name} not a list {printed(term(limits))}"]
    problems: list[str | None] = []
    unknown = [(key, term(value)) for key, value in sorted(limits.items()) if key not in known]
    if unknown:
        problems.append(f"Unrecognised terms {printed(unknown)} in {name}")
    problems += [
        f"{key} should be a number, actually was {printed(term(limits[key]))}"
        for key in reversed(known)
        if key in limits and not is_integer(limits[key])
    ]
    return problems


def _operator_policy_problems(name: str, value: object) -> list[str | None]:
    """An operator policy as a parameter, as definitions have it."""
    if not isinstance(value, Mapping):
        return [f"{name} not a list {printed(term(value))}"]
    checks: dict[str, Callable[[object], str | None]] = {
        "definition": lambda definition: definition_problem(definition, for_operators=True),
        "apply-to": _apply_to_problem,
        "pattern": lambda pattern: pattern_problem("pattern", pattern),
        "priority": lambda priority: _number_problem("priority", priority),
    }
    problems: list[str | None] = []
    unknown = [(key, term(inner)) for key, inner in sorted(value.items()) if key not in checks]
    if unknown:
        problems.append(f"Unrecognised terms {printed(unknown)} in {name}")
    for key, check in checks.items():
        if key in value:
            problems.append(check(value[key]))
        elif key != "apply-to":
            problems.append(f'Key "{key}" not found in {name}')
    return problems


_COMPONENTS: dict[str, Callable[[str, object], list[str | None]]] = {
    OPERATOR_POLICY: _operator_policy_problems,
    "vhost-limits": lambda name, value: _limits_problems(name, value, VHOST_LIMITS),
}


def as_json(value: object) -> str:
    """How values are kept in commands: compact, keys sorted, so that equal ones are equal texts."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True)
