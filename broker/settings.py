"""How settings are found by their keys, and converted from what a user wrote.

The tree itself is in `config.py`. A setting that may be given several times (`listeners.tcp.1`,
`listeners.tcp.2`) is a tuple of name and value, in the order of the names. A list stands for values
without a name; the first name that is given takes the place of those, and so of the default.
"""

from __future__ import annotations

import functools
import re
import types
import typing
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

from broker.sections import Check, Numbered, Section, Setting

T = TypeVar("T", bound=Section)


class ConfigError(ValueError):
    """What the user wrote cannot be used; the text is one line for them."""


_SIZE = r"([0-9]+)(?:([kmgtp])(i?b|i)?)?"  # compiled by whoever needs it


def parse_size(text: str) -> int:
    """Octets, written as for RabbitMQ: 500000, 2G, 2GiB (times 1024), 2GB (times 1000).

    Raises: ValueError. RabbitMQ: rabbit_resource_monitor_misc, before 3.13 made of 2G 2GB.
    """
    found = re.fullmatch(_SIZE, text.strip(), re.IGNORECASE)
    if found is None:
        raise ValueError(text)
    number, letter, rest = found.groups(default="")
    step = 1000 if rest.lower() == "b" else 1024
    scale: int = step ** (" kmgtp".index(letter.lower()) if letter else 0)
    return int(number) * scale


class Known(NamedTuple):
    """A setting in a tree of sections. path: of attributes."""

    key: str
    path: tuple[str, ...]
    entry: Setting


def settings_of(owner: type[Section]) -> tuple[Known, ...]:
    """Every setting of a tree of sections."""
    return tuple(_by_key(owner).values())


def _within(owner: type[Section], path: tuple[str, ...], prefix: str) -> Iterator[Known]:
    for name, entry in owner.declared.items():
        if isinstance(entry, Setting):
            yield Known(prefix + entry.key, (*path, name), entry)
        else:
            inner = f"{prefix}{entry.key}." if entry.key else prefix
            yield from _within(entry.kind, (*path, name), inner)


# Kept: every change asks for them.
_hints: Callable[[Any], dict[str, Any]] = functools.cache(get_type_hints)
_by_key: Callable[[Any], dict[str, Known]] = functools.cache(
    lambda owner: {known.key: known for known in _within(owner, (), "")}
)


def override(config: T, key: str, value: object) -> T:
    """The config with one setting changed. Raises: ConfigError (unknown key, wrong type)."""
    found = find_setting(type(config), key)
    if found is None:
        raise ConfigError(f"unknown setting '{key}'{did_you_mean(key, _by_key(type(config)))}")
    return _replaced(config, found.path, key, found.one, value)


def did_you_mean(key: str, known: Iterable[str]) -> str:
    """The end of a line about a key that nobody knows; empty if it is like no other."""
    import difflib

    nearest = difflib.get_close_matches(key, known, 1, 0.5)
    return f"; did you mean '{nearest[0]}'?" if nearest else ""


def one_of(*choices: str) -> Check:
    """For values that are one of a few."""

    def check(text: str) -> None:
        if text not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}, not '{text}'")

    return check


def is_numbered(entry: Setting) -> bool:
    return entry.check is not None


class Found(NamedTuple):
    """A setting by its key. one: name of the one value that is meant; empty: all."""

    key: str
    path: tuple[str, ...]
    entry: Setting
    one: str


def find_setting(config: type[Section], key: str) -> Found | None:
    """The setting that a key belongs to: its own, or that of one value of a numbered one."""
    known = _by_key(config)
    if key in known:
        return Found(*known[key], "")
    prefix, dot, _ = key.rpartition(".")
    while dot:
        if prefix in known and is_numbered(known[prefix].entry):
            one = key[len(prefix) + 1 :]
            return Found(*known[prefix], one) if one else None
        prefix, dot, _ = prefix.rpartition(".")
    return None


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


def _replaced(owner: T, path: tuple[str, ...], key: str, one: str, value: object) -> T:
    name, *rest = path
    if rest:
        inner = _replaced(getattr(owner, name), tuple(rest), key, one, value)
        return owner.replace(**{name: inner})
    entry = owner.declared[name]
    assert isinstance(entry, Setting)
    if entry.check is not None:
        values = _with(getattr(owner, name), entry.check, key, one, value)
        return owner.replace(**{name: values})
    converted = _converted(_hints(type(owner))[name], key, value, entry.unit)
    _check(key, converted, entry)
    return owner.replace(**{name: converted})


def _with(present: Numbered, check: Check, key: str, one: str, value: object) -> Numbered:
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
            check(text)
        except ValueError as error:
            raise ConfigError(f"'{key}' {error}") from None
    return pairs


def _in_order(name: str) -> tuple[int, str]:
    """default first, then numbers as such, then words."""
    if name == "default":
        return (-1, "")
    return (int(name), "") if name.isascii() and name.isdigit() else (2**63, name)


def _check(key: str, value: object, entry: Setting) -> None:
    """Raises: ConfigError when a value of the right type is not a possible one."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        least, most = entry.bounds
        if not value >= least:  # so is nan
            raise ConfigError(f"'{key}' must be at least {least}")
        if value > most:
            raise ConfigError(f"'{key}' must be at most {most}")
    if entry.choices and value not in entry.choices:
        raise ConfigError(f"'{key}' must be one of {', '.join(entry.choices)}")
    if entry.rule is not None:
        try:
            entry.rule(value)
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
