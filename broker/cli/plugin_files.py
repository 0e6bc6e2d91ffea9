"""The file of enabled plugins of a node that is not asked: it is down, or is not to be."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from broker import plugins
from broker.cli import data_directory
from broker.cli.command import Call
from broker.cli.errors import EX_DATA, FailedError
from broker.cli.link import Place, find, place_in
from broker.control_socket import ENTRY

if TYPE_CHECKING:
    from broker.configuration.loading import Loaded

VARIABLES = ("LEVERET_ENABLED_PLUGINS_FILE", "RABBITMQ_ENABLED_PLUGINS_FILE")


def given_file(call: Call) -> Path | None:
    """The file that the caller names; None: he leaves it to the node."""
    name = call.options.get("enabled_plugins_file")
    for variable in VARIABLES:
        name = name or call.environment.get(variable)
    return Path(str(name)) if name else None


def file_of(call: Call) -> Path:
    """Of the node that is meant, whether it runs or not. Raises: FailedError."""
    given = given_file(call)
    if given is not None:
        return given
    place = _place(call)
    if place is not None and place.plugins_file:
        return Path(place.plugins_file)
    named = data_directory.named(call.options, call.environment)
    if not named:
        loaded = _loaded(call)
        if loaded.enabled_plugins_file is not None:
            return loaded.enabled_plugins_file
        named = loaded.config.data_dir
    directory = data_directory.path_of(named)
    if directory is None:
        raise FailedError("a node in memory has no file of enabled plugins", EX_DATA)
    return plugins.in_data_directory(directory)


def _place(call: Call) -> Place | None:
    """What the node has left there while it runs, and no other."""
    directory = data_directory.path_of(data_directory.named(call.options, call.environment))
    if call.options.get("ready_file"):
        found = place_in(Path(str(call.options["ready_file"])))
    elif directory is not None:
        found = place_in(directory / ENTRY)
    else:
        found = find(call.node, call.environment)
    return found if found is not None and found.node == call.node else None


def _loaded(call: Call) -> Loaded:
    """What a node would start with that was started as we were. Raises: FailedError."""
    from broker.configuration.arguments import build_parser
    from broker.configuration.building import ConfigurationError
    from broker.configuration.loading import load_everything

    try:
        return load_everything(build_parser().parse_args([]), call.environment)
    except ConfigurationError as error:
        raise FailedError("\n".join(error.problems), EX_DATA) from None


def enabled(call: Call) -> frozenset[str]:
    """The explicitly enabled ones: by the file, else as the node says while it runs, else by the
    settings. Raises: FailedError."""
    try:
        found = plugins.read(file_of(call))
    except plugins.PluginsError as error:
        raise FailedError(str(error), EX_DATA) from None
    if found is not None:
        return found
    place = _place(call)
    if place is not None and place.plugins is not None:
        return place.plugins
    from broker.plugin_settings import by_settings

    return by_settings(_loaded(call).config)


def change(call: Call, how: str, names: Iterable[str]) -> dict[str, list[str]]:
    """In the file alone. Returns: what was enabled before and is now, with dependencies.

    Raises: FailedError, UnknownPluginsError.
    """
    before = enabled(call)
    explicit = plugins.CHANGES[how](before, names)
    try:
        plugins.write(file_of(call), explicit)
    except plugins.PluginsError as error:
        raise FailedError(str(error), EX_DATA) from None
    return {
        "before": sorted(plugins.with_dependencies(before)),
        "set": sorted(plugins.with_dependencies(explicit)),
    }
