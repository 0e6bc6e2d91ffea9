"""Interceptors by name: those that installed packages bring."""

from __future__ import annotations

from importlib.metadata import entry_points

from broker.config import ConfigError
from broker.hooks.interceptor import Interceptor

ENTRY_POINT_GROUP = "leveret.interceptors"


def load(names: tuple[str, ...]) -> list[Interceptor]:
    """The interceptors of those names, in order, made anew.

    Raises: ConfigError: a node that was told to check messages must not run without the check.
    Without names no package is looked at: that takes milliseconds that a start does not have.
    """
    if not names:
        return []
    known = {entry.name: entry for entry in entry_points(group=ENTRY_POINT_GROUP)}
    found = []
    for name in names:
        entry = known.get(name)
        if entry is None:
            raise ConfigError(f"'interceptors': no installed package has one called '{name}'")
        try:
            made = entry.load()()
            if not isinstance(made, Interceptor):
                raise TypeError(f"{entry.value} is not a subclass of Interceptor")
        except Exception as error:
            raise ConfigError(
                f"'interceptors': '{name}' cannot be used: {type(error).__name__}: {error}"
            ) from error
        made.name = name
        found.append(made)
    return found
