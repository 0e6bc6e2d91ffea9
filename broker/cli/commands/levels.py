"""Limits of memory and disk, memory that is given back, and what is logged."""

from __future__ import annotations

import math
import re

from broker.cli.command import (
    CONFIGURATION,
    DONE,
    OPERATIONS,
    REACHABLE,
    Call,
    Output,
    command,
)
from broker.cli.errors import FailedError, bad_argument, not_enough, too_many

UNITS = {
    "": 1,
    "k": 2**10,
    "kiB": 2**10,
    "M": 2**20,
    "MiB": 2**20,
    "G": 2**30,
    "GiB": 2**30,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
}
WHOLE = re.compile(r"([+-]?[0-9]{1,30})(.*)\Z", re.DOTALL | re.ASCII)
FRACTION = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?\Z", re.IGNORECASE | re.ASCII)
DECIMALS = re.compile(r"\.[0-9]")
ABSOLUTE, MEM_RELATIVE = "absolute", "mem_relative"
LOG_LEVELS = (
    *("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency", "none"),
)


def _octets(text: str) -> int:
    """Of a whole number with a unit. Raises: InvalidError."""
    match = WHOLE.match(text)
    if match is None or match[2] not in UNITS:
        raise bad_argument()
    return int(match[1]) * UNITS[match[2]]


def _fraction(text: str) -> float:
    """Raises: InvalidError."""
    number = float(text) if FRACTION.match(text) else math.inf
    if not math.isfinite(number):
        raise bad_argument()
    return number


@command(
    "force_gc",
    usage="force_gc",
    description="Gives memory that nothing needs any more back to the system",
    section=OPERATIONS,
    has_timeout=True,
    needs=REACHABLE,
    banner="Will ask all processes on node {node} to schedule a full sweep GC",
)
def force_gc(call: Call) -> Output:
    call.ask("levels.force_gc")
    return DONE


@command(
    "suspend_listeners",
    usage="suspend_listeners",
    description="Lets no more clients connect; those that are connected stay",
    section=OPERATIONS,
    needs=REACHABLE,
    banner="Will suspend client connection listeners on node {node}."
    " The node will no longer accept client connections!",
)
def suspend_listeners(call: Call) -> Output:
    call.ask("nodes.suspend_listeners")
    return DONE


@command(
    "resume_listeners",
    usage="resume_listeners",
    description="Lets clients connect again",
    section=OPERATIONS,
    needs=REACHABLE,
    banner="Will resume client connection listeners on node {node}."
    " The node will now accept client connections",
)
def resume_listeners(call: Call) -> Output:
    call.ask("nodes.resume_listeners")
    return DONE


def _check_memory(call: Call) -> None:
    """Raises: InvalidError."""
    first, *rest = call.arguments
    if first != ABSOLUTE:
        if rest:
            raise too_many()
        if not 0.0 <= _fraction(first) <= 1.0:
            raise bad_argument("The threshold should be a fraction between 0.0 and 1.0")
        return
    if not rest:
        raise not_enough()
    if len(rest) > 1:
        raise too_many()
    match = WHOLE.match(rest[0])
    if match is None:
        raise bad_argument()
    if match[2] not in UNITS:
        is_fraction = DECIMALS.match(match[2]) is not None
        wrong = "The threshold should be an integer." if is_fraction else "Invalid units."
        raise bad_argument(wrong)
    if _octets(rest[0]) <= 0:
        raise bad_argument("The threshold should be greater than 0.")


def _setting_memory(call: Call) -> str:
    unit = " bytes" if call.arguments[0] == ABSOLUTE else ""
    return f"Setting memory threshold on {call.node} to {call.arguments[-1]}{unit} ..."


@command(
    "set_vm_memory_high_watermark",
    usage="set_vm_memory_high_watermark <fraction> | absolute <value>",
    description="Says from how much memory on publishers have to wait, until a restart",
    section=CONFIGURATION,
    topics=[
        ("<fraction>", "A share of the memory of the machine: 0.4"),
        ("absolute <value>", "An amount, with or without a unit: 1GB, 512MiB"),
    ],
    arity=(1, None),
    validate=_check_memory,
    banner=_setting_memory,
)
def set_vm_memory_high_watermark(call: Call) -> Output:
    first, *rest = call.arguments
    relative = _fraction(first) if not rest else None
    absolute = _octets(rest[0]) if rest else None
    call.ask("levels.set_memory_limit", relative=relative, absolute=absolute)
    return DONE


def _check_disk(call: Call) -> None:
    """Raises: InvalidError."""
    first, *rest = call.arguments
    if first == MEM_RELATIVE:
        if not rest:
            raise not_enough()
        if len(rest) > 1:
            raise too_many()
        if _fraction(rest[0]) < 0:
            raise bad_argument()
    elif rest:
        raise too_many()
    elif _octets(first) < 0 and not first[-1].isdigit():
        raise bad_argument()


def _setting_disk(call: Call) -> str:
    is_relative = call.arguments[0] == MEM_RELATIVE
    unit = "times the total RAM" if is_relative else "bytes"
    return f"Setting disk free limit on {call.node} to {call.arguments[-1]} {unit} ..."


@command(
    "set_disk_free_limit",
    usage="set_disk_free_limit <disk_limit> | mem_relative <fraction>",
    description="Says below how much free disk publishers have to wait, until a restart",
    section=CONFIGURATION,
    topics=[
        ("<disk_limit>", "An amount, with or without a unit: 1GB, 512MiB"),
        ("mem_relative <fraction>", "A multiple of the memory of the machine: 1.5"),
    ],
    arity=(1, None),
    validate=_check_disk,
    banner=_setting_disk,
)
def set_disk_free_limit(call: Call) -> Output:
    first, *rest = call.arguments
    relative = _fraction(rest[0]) if rest else None
    absolute = None if rest else _octets(first)
    call.ask("levels.set_disk_limit", relative=relative, absolute=absolute)
    return DONE


def _check_level(call: Call) -> None:
    """Raises: FailedError."""
    level = call.arguments[0]
    if level not in LOG_LEVELS:
        raise FailedError(
            f"level {level} is not supported."
            " Try one of debug, info, warning, error, critical, none"
        )


@command(
    "set_log_level",
    usage="set_log_level <log_level>",
    description="Says from which level on is logged, until the node is restarted",
    section=CONFIGURATION,
    topics=[("<log_level>", "debug, info, warning, error, critical or none")],
    arity=(1, 1),
    validate=_check_level,
    banner='Setting log level to "{0}" ...',
)
def set_log_level(call: Call) -> Output:
    call.ask("levels.set_log_level", level=call.arguments[0])
    return DONE
