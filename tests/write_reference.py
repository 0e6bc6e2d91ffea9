"""Writes docs/configuration.md and config/leveret.yaml from the schema in broker/config.py, and
docs/commands.md from the commands that are tried.

What the page says beside that is in tests/support/configuration_page.md, and what there is of
RabbitMQ's keys and variables comes from broker/configuration.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from broker.config import Config, settings
from broker.configuration.encrypted_values import supported_ciphers
from broker.configuration.rabbitmq_keys import all_keys, reason_of, without_effect
from broker.configuration.variables import FROM_FILES, GIVEN_UP, WITHOUT_EFFECT
from broker.settings import value_of, yaml_of
from tests.conformance.old_commands.walk import page

ROOT = Path(__file__).parents[1]

PAGE = Path(__file__).with_name("support") / "configuration_page.md"


def reference() -> str:
    """docs/configuration.md: the page, with what the code knows in it."""
    parts = {
        "CIPHERS": ", ".join(supported_ciphers()),
        "FROM_FILES": _named(f"RABBITMQ_{name}" for name in FROM_FILES),
        "WITHOUT_EFFECT": _named(WITHOUT_EFFECT),
        "GIVEN_UP": _named(GIVEN_UP),
        "SETTINGS": "".join(map(_row, _documented())),
        "IGNORED": "".join(
            f"| {reason} | {_named(_shortened(keys))} |\n" for reason, keys in without_effect()
        ),
    }
    text = PAGE.read_text()
    for name, part in parts.items():
        text = text.replace(f"@{name}@", part)
    return text


def _named(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _row(documented: tuple[str, object, Any]) -> str:
    key, default, entry = documented
    unit, live = entry.unit, "live" if entry.live else ""
    return f"| `{key}` | `{yaml_of(default)}` | {unit} | {live} | {entry.help} |\n"


def _shortened(keys: list[str]) -> list[str]:
    """Keys, in place of all that begin alike and are all without effect what they begin with."""
    shown: dict[str, None] = {}
    for key in keys:
        words = key.split(".")
        beginnings = [".".join(words[:count]) + "." for count in range(1, len(words))]
        whole = next((beginning for beginning in beginnings if _is_ignored(beginning)), None)
        shown[f"{whole}…" if whole else key] = None
    return list(shown)


@functools.cache
def _is_ignored(beginning: str) -> bool:
    found = [known.pattern for known in all_keys() if known.pattern.startswith(beginning)]
    return len(found) > 1 and all(reason_of(key) is not None for key in found)


def sample() -> str:
    """config/leveret.yaml: every setting with its default, commented out."""
    lines = ["# Settings of a node, with their defaults. See docs/configuration.md.", ""]
    for key, default, entry in _documented():
        unit = f" ({entry.unit})" if entry.unit else ""
        lines += [f"# {entry.help}{unit}", f"# {key}: {yaml_of(default)}", ""]
    return "\n".join(lines[:-1]) + "\n"


def _documented() -> Iterator[tuple[str, object, Any]]:
    config = Config()
    for key, path, entry in settings():
        yield key, value_of(config, path), entry


WRITTEN = {
    ROOT / "docs" / "configuration.md": reference,
    ROOT / "docs" / "commands.md": page,
    ROOT / "config" / "leveret.yaml": sample,
}

if __name__ == "__main__":
    for path, text in WRITTEN.items():
        path.write_text(text())
