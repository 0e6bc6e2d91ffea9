"""A config that is put together from several places.

    defaults < files < variables < --set < flags

Whatever cannot be used is noted, with its place, and the rest is gone through all the same: an
operator hears of all mistakes at once. `finished` raises them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from broker.config import Config, ConfigError, override, settings
from broker.settings import find_setting


class Place(NamedTuple):
    """Where a value was found. line: from 1 on; 0: there are none."""

    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


class Entry(NamedTuple):
    """A key of a file, and what it says there. is_literal: the value stood in quotes."""

    key: str
    value: object
    place: Place
    is_literal: bool = False


class ConfigurationError(ConfigError):
    """Everything that is wrong with a configuration, one line each."""

    def __init__(self, problems: Iterable[str]):
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class Building:
    """Values are `put` one after another; of the same key the last one counts."""

    def __init__(self, config: Config | None = None):
        self.config = config or Config()
        self.sources: dict[str, str] = {}  # key of a setting → where its value was found
        self.warnings: list[str] = []
        self.problems: list[str] = []
        self.extras: dict[str, str] = {}  # keys that are no settings: config_entry_decoder.…

    def put(self, key: str, value: object, place: object) -> None:
        """One value. place: where it was found, for the user."""
        try:
            self.config = override(self.config, key, value)
        except ConfigError as error:
            self.refuse(place, str(error))
            return
        found = find_setting(Config, key)
        assert found is not None
        self.sources[found.key] = str(place)

    def refuse(self, place: object, problem: str) -> None:
        self.problems.append(f"{place}: {problem}" if str(place) else problem)

    def warn(self, place: object, sentence: str) -> None:
        """Once for each sentence."""
        line = f"{place}: {sentence}"
        if line not in self.warnings:
            self.warnings.append(line)

    def finished(self) -> Config:
        """Raises: ConfigurationError."""
        if self.problems:
            raise ConfigurationError(self.problems)
        return self.config


def is_secret(key: str) -> bool:
    """Whether the values of a setting are shown to nobody."""
    found = find_setting(Config, key)
    return found is not None and found.entry.secret


def entries_by_key(entries: Iterable[Entry]) -> Mapping[str, Entry]:
    """The last one of each key."""
    return {entry.key: entry for entry in entries}


def setting_keys() -> list[str]:
    return [key for key, _, _ in settings()]
