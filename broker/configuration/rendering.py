"""A config written down again: as a leveret.yaml, as a rabbitmq.conf, as JSON.

What is written is read back as it was. In a rabbitmq.conf settings stand as RabbitMQ has them where
it knows them: `loopback_users.alice = true`, `connection_max = infinity`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from broker.config import Config, settings
from broker.configuration.rabbitmq_keys import find
from broker.sections import MASK, Setting, masked
from broker.settings import is_numbered, value_of

_PLAIN = re.compile(r"[^\s'#$][^#$]*(?<!\s)|[^\s'#$]")
_WORD = re.compile(r"[A-Za-z0-9_.*@:/-]+")  # that can be a part of a key
_LISTED = ("loopback_users", "default_user_tags")


class Shown(NamedTuple):
    """A setting with its value. source: where that was found; default: nowhere."""

    key: str
    value: Any
    source: str
    entry: Setting


def settings_in(
    config: Config, sources: Mapping[str, str], *, everything: bool, is_masked: bool = True
) -> Iterator[Shown]:
    """Those that were set anywhere, or all. is_masked: secrets are not shown."""
    for key, path, entry in settings():
        if key not in sources and not everything:
            continue
        value = value_of(config, path)
        if is_masked and entry.secret and value:
            value = tuple((name, MASK) for name, _ in value) if is_numbered(entry) else MASK
        elif is_masked and isinstance(value, str):
            value = masked(value)
        yield Shown(key, value, sources.get(key, "default"), entry)


def changed(config: Config) -> list[Shown]:
    """The settings that are not at their defaults, with their secrets: for another file."""
    default = Config()
    return [
        Shown(key, value_of(config, path), "", entry)
        for key, path, entry in settings()
        if value_of(config, path) != value_of(default, path)
    ]


def as_yaml(shown: Iterable[Shown]) -> str:
    import yaml

    lines = []
    for one in shown:
        text = yaml.safe_dump(
            {one.key: _yaml_value(one)}, allow_unicode=True, sort_keys=False, width=10_000
        ).rstrip("\n")
        first, newline, rest = text.partition("\n")
        lines.append(f"{first}{_comment(one)}{newline}{rest}")
    return "".join(f"{line}\n" for line in lines)


def _yaml_value(one: Shown) -> object:
    if one.value is None:
        return "none"
    if is_numbered(one.entry):
        if one.value and all(name for name, _ in one.value):
            return dict(one.value)
        return [value for _, value in one.value]
    return list(one.value) if isinstance(one.value, tuple) else one.value


def _comment(one: Shown) -> str:
    return f"  # {one.source}" if one.source else ""


def as_json(shown: Iterable[Shown]) -> str:
    document = {
        one.key: {
            "value": _json_value(one),
            "source": one.source,
            "live": one.entry.live,
        }
        for one in shown
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _json_value(one: Shown) -> object:
    return None if one.value is None else _yaml_value(one)


def as_conf(shown: Iterable[Shown], lost: list[str] | None = None) -> str:
    """lost: gets a line for each value that the format cannot have."""
    lines: list[str] = []
    for one in shown:
        for key, value in _conf_pairs(one):
            text = _conf_value(value)
            if text is None or not _WORD.fullmatch(key.replace("\\.", "")):
                if lost is not None:
                    lost.append(f"'{key}' cannot be written into a rabbitmq.conf")
                continue
            lines.append(f"{key} = {text}{_comment(one)}")
    return "".join(f"{line}\n" for line in lines)


def _conf_pairs(one: Shown) -> Iterator[tuple[str, object]]:
    value, key = one.value, one.key
    if is_numbered(one.entry):
        if not value:
            yield key, "none"
        for number, (name, text) in enumerate(value, 1):
            yield f"{key}.{_escaped(key, name) or number}", text
    elif key in _LISTED:
        for name in value:
            yield f"{key}.{_one_word(name)}", "true"
        if not value:
            yield key, "none"
    elif isinstance(value, tuple):
        yield key, ",".join(value) or "none"
    elif value is None:
        known = find(key)
        words = [word for word in ("infinity", "undefined") if known and word in known.kind]
        yield key, words[0] if words else "none"
    else:
        yield key, value


def _one_word(text: str) -> str:
    return text.replace(".", "\\.")


def _escaped(key: str, name: str) -> str:
    """A name with dots is one word for RabbitMQ, unless the key has words of its own there."""
    plain = f"{key}.{name}"
    return name if "." not in name or find(plain) is not None else _one_word(name)


def _conf_value(value: object) -> str | None:
    """None: it cannot be written there."""
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    if any((letter < " " and letter != "\t") or letter == "\x7f" for letter in text):
        return None
    if _PLAIN.fullmatch(text) and not text.startswith("encrypted:"):
        return text
    if "\\" in text:  # a backslash before a quote would be taken for an escape
        return None if "'" in text or text.endswith("\\") else f"'{text}'"
    return "'" + text.replace("'", "\\'") + "'"
