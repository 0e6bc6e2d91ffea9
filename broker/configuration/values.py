"""Values as a rabbitmq.conf may have them: what RabbitMQ's schema says of a key, checked.

A kind is one line of `rabbitmq_keys.txt`: alternatives with `|` between them, then what else has to
be so of the value, each after a `!`:

    integer   float   string   flag   list   bytesize   ip   duration:ms   enum:one,of,these
    integer!non_negative_integer      string!file_accessible      enum:infinity|integer
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable

from broker.settings import parse_size
from broker.transport_settings import parse_address

_INTEGER = re.compile(r"[+-]?[0-9]{1,30}")
_FLOAT = re.compile(r"[+-]?[0-9]{1,300}(\.[0-9]{1,300})?([eE][+-]?[0-9]{1,3})?")
_BYTES = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,18})?)(kb|KB|mb|MB|gb|GB)?")
_DURATION = re.compile(r"(?:[0-9]{1,15}(?:\.[0-9]{1,15})?(?:ms|[fwdhms]))+")
_PART = re.compile(r"([0-9.]+)(ms|[fwdhms])")
_MS = {"f": 1_209_600_000, "w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000}
_MS |= {"s": 1000, "ms": 1}
Value = str | int | float
Reader = Callable[[str], Value]  # Raises: ValueError, "must be …"


def checked(kind: str, text: str) -> Value:
    """A value of the kind, as our settings take it. Raises: ValueError, "must be …"."""
    alternatives, *validators = kind.split("!")
    problems = []
    for alternative in alternatives.split("|"):
        name, _, detail = alternative.partition(":")
        try:
            value = _choice(text, detail) if name == "enum" else _READERS[name](text)
        except ValueError as error:
            problems.append(str(error).removeprefix("must be ").removesuffix(f", not '{text}'"))
            continue
        for validator in validators:
            _VALIDATORS[validator](value)
        return value
    raise ValueError(f"must be {' or '.join(problems)}, not '{text}'")


def _choice(text: str, choices: str) -> Value:
    known = choices.split(",")
    if text not in known:
        if set(known) == {"true", "false"}:
            raise ValueError("must be true or false")
        raise ValueError(f"must be {'one of ' if len(known) > 1 else ''}{', '.join(known)}")
    return text


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError("must be a whole number")
    return int(text)


def _float(text: str) -> float:
    if not _FLOAT.fullmatch(text):
        raise ValueError("must be a number like 0.4")
    return float(text)


def _flag(text: str) -> str:
    """RabbitMQ: flags are on or off, others true or false."""
    if text not in ("on", "off"):
        raise ValueError("must be on or off")
    return "true" if text == "on" else "false"


def _bytes(text: str) -> int:
    """RabbitMQ: of these sizes KB is 1024, other than of watermarks."""
    found = _BYTES.fullmatch(text)
    if found is None:
        raise ValueError("must be a size like 512MB")
    scale = 1024 ** " kmg".index((found[2] or " ")[0].lower())
    return int(float(found[1]) * scale) if "." in found[1] else int(found[1]) * scale


def _duration_ms(text: str) -> int:
    if not _DURATION.fullmatch(text):
        raise ValueError("must be a time like 90s or 1h30m")
    return round(sum(float(number) * _MS[unit] for number, unit in _PART.findall(text)))


def _address(text: str) -> str:
    host = parse_address(text).host
    if not host:
        raise ValueError("must be address:port")
    _ip(host)
    return text


def _ip(text: Value) -> None:
    try:
        ipaddress.ip_address(str(text))
    except ValueError:
        raise ValueError(f"must be an IP address, not '{text}'") from None


_READERS: dict[str, Reader] = {
    "integer": _integer,
    "float": _float,
    "string": str,
    "list": str,
    "flag": _flag,
    "bytesize": _bytes,
    "duration": _duration_ms,
    "ip": _address,
}


def _between(least: float, most: float, text: str) -> Callable[[Value], None]:
    def check(value: Value) -> None:
        if isinstance(value, str):  # infinity, none
            return
        if not least <= value <= most:
            raise ValueError(f"must be {text}, not {value}")

    return check


def _file(value: Value) -> None:
    """RabbitMQ: file does not exist or cannot be read by the node."""
    if not os.access(str(value), os.R_OK):
        raise ValueError(f"must be a file that can be read, not '{value}'")


def _directory(value: Value) -> None:
    if not (os.path.isdir(str(value)) and os.access(str(value), os.W_OK)):
        raise ValueError(f"must be a directory that can be written to, not '{value}'")


def _pattern(value: Value) -> None:
    try:
        re.compile(str(value))
    except re.error:
        raise ValueError(f"must be a regular expression, not '{value}'") from None


def _uri(value: Value) -> None:
    if not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9+.-]*://\S+", str(value)):
        raise ValueError(f"must be a URL, not '{value}'")


def _https(value: Value) -> None:
    if not str(value).startswith("https://"):
        raise ValueError(f"must be a URL with https, not '{value}'")


def _size(value: Value) -> None:
    if isinstance(value, str):
        try:
            parse_size(value)
        except ValueError:
            raise ValueError(f"must be a size like 500MB or 10GiB, not '{value}'") from None


_VALIDATORS: dict[str, Callable[[Value], None]] = {
    "non_negative_integer": _between(0, 10**30, "at least 0"),
    "non_zero_positive_integer": _between(1, 10**30, "at least 1"),
    "non_zero_positive_16_bit_integer": _between(1, 65535, "from 1 to 65535"),
    "byte": _between(0, 255, "from 0 to 255"),
    "port": _between(1, 65534, "a port"),
    "less_than_1": _between(5e-324, 1 - 2**-53, "between 0 and 1"),
    "max_message_size": _between(1, 536_870_912, "from 1 to 536870912"),
    "mirroring_sync_batch_size": _between(1, 1_000_000, "from 1 to 1000000"),
    "file_accessible": _file,
    "dir_writable": _directory,
    "is_ip": _ip,
    "valid_regex": _pattern,
    "uri": _uri,
    "https_uri": _https,
    "is_supported_information_unit": _size,
}
