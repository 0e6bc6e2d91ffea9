"""Field tables as JSON, and JSON as field tables, by RabbitMQ's rules."""

from __future__ import annotations

from typing import Any

from broker.amqp.wire import Field, Table
from broker.management.request import bad_request

INTEGER_MAX = 2**63 - 1


def json_of(table: Table) -> dict[str, Any]:
    """A table as it is shown: types are lost, octets become text."""
    return {name: shown(field) for name, field in table.items()} if table else {}


def shown(field: Field) -> Any:
    value: Any = field.value
    if field.tag == "F":
        return json_of(value)
    if field.tag == "A":
        return [shown(inner) for inner in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if field.tag == "D":
        places, number = value
        return number / 10**places
    return value


def table_of(value: Any, what: str = "arguments") -> Table:
    """What a request gives as an object. what: for the refusal. Raises: Refusal."""
    if not isinstance(value, dict):
        raise bad_request(f"{what} must be an object" if value is not None else "null_not_allowed")
    return {str(name): field_of(inner) for name, inner in value.items()}


def field_of(value: Any) -> Field:
    """RabbitMQ: whole numbers are of 64 bit, others double. Raises: Refusal."""
    if value is None:
        raise bad_request("null_not_allowed")
    if isinstance(value, bool):
        return Field("t", value)
    if isinstance(value, int):
        if not -INTEGER_MAX - 1 <= value <= INTEGER_MAX:
            raise bad_request("number is too large")
        return Field("l", value)
    if isinstance(value, float):
        return Field("d", value)
    if isinstance(value, str):
        return Field("S", value)
    if isinstance(value, list):
        return Field("A", [field_of(inner) for inner in value])
    return Field("F", table_of(value))
