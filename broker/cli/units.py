"""Amounts of memory as RabbitMQ's tools show them."""

from __future__ import annotations

from typing import Any

from broker.cli.command import Call
from broker.cli.errors import InvalidError

UNITS = {"bytes": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}


def check(call: Call) -> None:
    """The option --unit. Raises: InvalidError."""
    if str(call.options["unit"]).lower() not in ("bytes", "mb", "gb"):
        raise InvalidError(
            f"\"unit '{call.options['unit']}' is not supported. Please use one of: bytes, mb, gb\""
        )


def shown(octets: int, unit: str) -> str:
    """A number and no unit: whole octets, else four digits at most."""
    name = unit.lower()
    if name == "bytes":
        return str(octets)
    return str(round(octets / UNITS[name], 4))


def relative(memory: list[tuple[Any, Any]]) -> list[tuple[Any, dict[str, Any]]]:
    """The parts of a breakdown, the largest first, with their shares of all of it."""
    found = dict(memory)
    total = max((value for _, value in found["total"]), default=0) or 1
    parts = [
        (name, {"bytes": octets, "percentage": round(100 * octets / total, 2)})
        for name, octets in memory
        if name not in ("strategy", "total")
    ]
    return sorted(parts, key=lambda part: part[1]["bytes"], reverse=True)
