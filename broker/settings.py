"""How settings are declared, found by their keys, and converted from what a user wrote.

The tree itself is in `config.py`. A setting is a field of a frozen dataclass made by `setting`; one
that may be given several times (`listeners.tcp.1`, `listeners.tcp.2`: `numbered`) is a tuple of
name and value, in the order of the names. A list stands for values without a name; the first name
that is given takes the place of those, and so of the default.
"""

from __future__ import annotations

import difflib
import functools
import re
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field, fields, is_dataclass, replace
from typing import Any, NamedTuple, TypeVar, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")
Numbered = tuple[tuple[str, str], ...]  # name and value; a name is empty where a list was given
Check = Callable[[str], object]  # of one value. Raises: ValueError, "must be …"


class ConfigError(ValueError):
    """What the user wrote cannot be used; the text is one line for them."""


_SIZE = re.compile(r"([0-9]+)(?:([kmgtp])(i?b|i)?)?", re.IGNORECASE)


def parse_size(text: str) -> int:
    """Octets, written as for RabbitMQ: 500000, 2G, 2GiB (times 1024), 2GB (times 1000).

    Raises: ValueError. RabbitMQ: rabbit_resource_monitor_misc, before 3.13 made of 2G 2GB.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise ValueError(text)
    number, letter, rest = found.groups(default="")
    step = 1000 if rest.lower() == "b" else 1024
    scale: int = step ** (" kmgtp".index(letter.lower()) if letter else 0)
    return int(number) * scale


def setting(
    default: Any,
    *,
    key: str,
    help: str,
    unit: str = "",
    bounds: tuple[float, float] = (0, 2**63),
    choices: tuple[str, ...] = (),
    rule: Check | None = None,
    live: bool = False,
    secret: bool = False,
) -> Any:
    """One setting. key: its name in rabbitmq.conf and in the YAML file, dotted.

    unit: what a number counts; one of bytes may be written as a size.
    bounds: the least and the most a number may be; 0 is allowed where the help says what it means.
    rule: raises ValueError for a text that cannot be used. live: a running node takes another value
    up. secret: the value is shown to nobody.
    """
    metadata: dict[str, Any] = {"key": key, "help": help, "unit": unit, "rule": rule}
    metadata |= {"bounds": bounds, "choices": choices, "live": live, "secret": secret}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


def numbered(
    default: tuple[str, ...],
    *,
    key: str,
    help: str,
    check: Check = str,
    live: bool = False,
    secret: bool = False,
) -> Any:
    """A setting that may be given several times, as key.1, key.2 or with any other names.

    check: raises ValueError for a value that cannot be used. live, secret: as for `setting`.
    """
    metadata = {"key": key, "help": help, "unit": "", "check": check, "live": live}
    metadata["secret"] = secret
    return field(default=tuple(("", value) for value in default), metadata=metadata)


# Kept: 1.2 ms for the whole tree, which every change walks through.
_hints: Callable[[Any], dict[str, Any]] = functools.cache(get_type_hints)


def settings_of(
    owner: Any, path: tuple[str, ...] = (), prefix: str = ""
) -> Iterator[tuple[str, tuple[str, ...], Any]]:
    """Every setting of a tree of dataclasses: key, path of attributes, dataclass field.

    Where a dataclass in the tree is a field with a key in its metadata, keys in it go on from that.
    """
    hints = _hints(owner)
    for entry in fields(owner):
        if not is_dataclass(hints[entry.name]):
            yield prefix + entry.metadata["key"], (*path, entry.name), entry
            continue
        inner = f"{prefix}{entry.metadata['key']}." if "key" in entry.metadata else prefix
        yield from settings_of(hints[entry.name], (*path, entry.name), inner)


def override(config: T, key: str, value: object) -> T:
    """The config with one setting changed. Raises: ConfigError (unknown key, wrong type)."""
    found = find_setting(type(config), key)
    if found is None:
        known = [name for name, _, _ in settings_of(type(config))]
        raise ConfigError(f"unknown setting '{key}'{did_you_mean(key, known)}")
    return cast(T, _replaced(config, found.path, key, found.one, value))


def did_you_mean(key: str, known: Iterable[str]) -> str:
    """The end of a line about a key that nobody knows; empty if it is like no other."""
    nearest = difflib.get_close_matches(key, known, 1, 0.5)
    return f"; did you mean '{nearest[0]}'?" if nearest else ""


def one_of(*choices: str) -> Check:
    """For values that are one of a few."""

    def check(text: str) -> None:
        if text not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}, not '{text}'")

    return check


def is_numbered(entry: Any) -> bool:
    return "check" in entry.metadata


class Found(NamedTuple):
    """A setting by its key. one: name of the one value that is meant; empty: all."""

    key: str
    path: tuple[str, ...]
    entry: Any
    one: str


def find_setting(config: type, key: str) -> Found | None:
    """The setting that a key belongs to: its own, or that of one value of a numbered one."""
    best: Found | None = None
    for known, path, entry in settings_of(config):
        if key == known:
            return Found(known, path, entry, "")
        is_longer = best is None or len(known) > len(best.key)
        if is_numbered(entry) and key.startswith(f"{known}.") and is_longer:
            best = Found(known, path, entry, key[len(known) + 1 :])
    return best if best is not None and best.one else None


def is_optional(config: Any, path: tuple[str, ...]) -> bool:
    """Whether a setting may be none. path: of attributes."""
    for name in path:
        config = _hints(config)[name]
    return get_origin(config) in (typing.Union, types.UnionType)


def value_of(config: object, path: tuple[str, ...]) -> Any:
    """What a setting of the config is. path: of attributes, as `settings_of` gives it."""
    for name in path:
        config = getattr(config, name)
    return config


def _replaced(owner: Any, path: tuple[str, ...], key: str, one: str, value: object) -> Any:
    name, *rest = path
    if rest:
        inner = _replaced(getattr(owner, name), tuple(rest), key, one, value)
        return replace(owner, **{name: inner})
    entry = next(entry for entry in fields(owner) if entry.name == name)
    if is_numbered(entry):
        return replace(owner, **{name: _with(getattr(owner, name), entry, key, one, value)})
    wanted = _hints(type(owner))[name]
    converted = _converted(wanted, key, value, entry.metadata["unit"])
    _check(key, converted, entry.metadata)
    return replace(owner, **{name: converted})


def _with(present: Numbered, entry: Any, key: str, one: str, value: object) -> Numbered:
    """The values of a numbered setting with one of them changed, or all."""
    if one:
        given = {name: old for name, old in present if name}
        given[one] = str(value).strip()
        pairs = tuple(sorted(given.items(), key=lambda pair: _in_order(pair[0])))
    elif isinstance(value, tuple) and all(isinstance(pair, tuple) for pair in value):
        pairs = value
    else:
        single = [value] if isinstance(value, int) and not isinstance(value, bool) else value
        pairs = tuple(("", text) for text in _converted(tuple[str, ...], key, single, ""))  # type: ignore[attr-defined]
    for _, text in pairs:
        try:
            entry.metadata["check"](text)
        except ValueError as error:
            raise ConfigError(f"'{key}' {error}") from None
    return pairs


def _in_order(name: str) -> tuple[int, str]:
    """default first, then numbers as such, then words."""
    if name == "default":
        return (-1, "")
    return (int(name), "") if name.isascii() and name.isdigit() else (2**63, name)


def _check(key: str, value: object, metadata: Mapping[str, Any]) -> None:
    """Raises: ConfigError when a value of the right type is not a possible one."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        least, most = metadata["bounds"]
        if not value >= least:  # so is nan
            raise ConfigError(f"'{key}' must be at least {least}")
        if value > most:
            raise ConfigError(f"'{key}' must be at most {most}")
    if metadata["choices"] and value not in metadata["choices"]:
        raise ConfigError(f"'{key}' must be one of {', '.join(metadata['choices'])}")
    if metadata["rule"] is not None:
        try:
            metadata["rule"](value)
        except ValueError as error:
            raise ConfigError(f"'{key}' {error}") from None


def _converted(wanted: Any, key: str, value: object, unit: str) -> object:
    origin = get_origin(wanted)
    if origin in (typing.Union, types.UnionType):
        if value is None or value in ("none", "infinity", ""):
            return None
        wanted = next(kind for kind in get_args(wanted) if kind is not type(None))
    if origin is tuple:
        parts = value.split(",") if isinstance(value, str) else value
        if not isinstance(parts, (list, tuple)):
            raise ConfigError(f"'{key}' must be a list, not {value!r}")
        return tuple(str(part).strip() for part in parts if str(part).strip() not in ("", "none"))
    if wanted is bool:
        if isinstance(value, bool):
            return value
        if str(value).lower() in ("true", "on", "yes", "false", "off", "no"):
            return str(value).lower() in ("true", "on", "yes")
        raise ConfigError(f"'{key}' must be true or false, not {value!r}")
    if wanted in (int, float):
        return _number(wanted, key, value, unit)
    return str(value)


def _number(wanted: type[float], key: str, value: object, unit: str) -> float:
    is_size = unit == "bytes"
    try:
        return parse_size(str(value)) if is_size else wanted(str(value))
    except ValueError:
        kind = "size like 512MiB" if is_size else "number"
        raise ConfigError(f"'{key}' must be a {kind}, not {value!r}") from None


def yaml_of(value: object) -> str:
    """A value as a YAML file has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(one if isinstance(one, str) else one[1] for one in value) + "]"
    if value is None:
        return "none"
    return '""' if value == "" else str(value)
