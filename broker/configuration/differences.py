"""What is different between two configs, and which of it a running node takes up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from broker.config import Config, override, settings
from broker.sections import MASK, Setting, masked
from broker.settings import is_numbered, value_of, yaml_of


class Change(NamedTuple):
    """One setting whose value has changed. was, now: as the user may see them."""

    key: str
    was: str
    now: str

    def __str__(self) -> str:
        return f"{self.key}: {self.was} -> {self.now}"


class Differences(NamedTuple):
    """live: what a running node takes up. needs_restart: what waits for its next start."""

    live: tuple[Change, ...]
    needs_restart: tuple[Change, ...]


def differences(old: Config, new: Config) -> Differences:
    live: list[Change] = []
    waiting: list[Change] = []
    for key, path, entry in settings():
        was, now = value_of(old, path), value_of(new, path)
        if was != now:
            change = Change(key, _shown(was, entry), _shown(now, entry))
            (live if entry.live else waiting).append(change)
    return Differences(tuple(live), tuple(waiting))


def with_live(old: Config, new: Config) -> Config:
    """The old config with what is live of the new one."""
    return taken_over(old, new, (change.key for change in differences(old, new).live))


def taken_over(old: Config, new: Config, keys: Iterable[str]) -> Config:
    """The old config with some settings of the new one."""
    paths = {key: path for key, path, _ in settings()}
    for key in keys:
        old = override(old, key, value_of(new, paths[key]))
    return old


def _shown(value: Any, entry: Setting) -> str:
    if entry.secret and value:
        return MASK
    if is_numbered(entry) and any(name for name, _ in value):
        return masked("[" + ", ".join(f"{name}: {one}" for name, one in value) + "]")
    return masked(yaml_of(value))
