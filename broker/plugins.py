"""Optional parts of the broker, as `rabbitmq-plugins` sees them, and the file of those that are on.

Which of them are on is what the settings say (`broker/plugin_settings.py`), until somebody enables
or disables one; from then on it is what the file says, in RabbitMQ's form: `[rabbitmq_management].`
Both sides of the control socket read this module: the tools change the file of a node that is down.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

FILE_NAME = "enabled_plugins"
_ATOM = r"(?:[a-z][A-Za-z0-9_@]*|'[^'\\\n]*')"
_FORM = rf"\s*\[\s*({_ATOM}(?:\s*,\s*{_ATOM})*)?\s*\]\s*\.\s*\Z"
_PLAIN = r"[a-z][A-Za-z0-9_@]*\Z"
_COMMENT = r"%[^\n]*"
_REASONS = {  # as RabbitMQ's tools have them
    errno.ENOENT: "the file does not exist (ENOENT)",
    errno.EACCES: "the file does not exist or permission was denied (EACCES)",
}
# What there is to say where a file cannot be replaced, but may be written to all the same.
_IRREPLACEABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.EBUSY, errno.EXDEV}


class PluginsError(Exception):
    """The file cannot be used. The text is one line."""


class UnknownPluginsError(Exception):
    """names: of plugins that there are none of, sorted."""

    def __init__(self, names: Iterable[str]):
        self.names = sorted(names)
        super().__init__(f"The following plugins were not found: {', '.join(self.names)}")


class Plugin(NamedTuple):
    """setting: that says whether it is on; "": it is there unless it was disabled. exchange_types:
    which it brings."""

    name: str
    description: str
    dependencies: tuple[str, ...] = ()
    setting: str = ""
    exchange_types: tuple[str, ...] = ()


_WEB = ("rabbitmq_web_dispatch", "rabbitmq_management_agent")
PLUGINS = {
    plugin.name: plugin
    for plugin in (
        Plugin("rabbitmq_auth_backend_cache", "Keeps the answers of authentication backends"),
        Plugin("rabbitmq_auth_backend_http", "Authentication and authorisation over HTTP"),
        Plugin("rabbitmq_auth_mechanism_ssl", "The mechanism EXTERNAL: certificates of clients"),
        Plugin(
            "rabbitmq_consistent_hash_exchange",
            "Exchange type x-consistent-hash",
            exchange_types=("x-consistent-hash",),
        ),
        Plugin(
            "rabbitmq_event_exchange",
            "Events as messages to amq.rabbitmq.event",
            setting="event_exchange.enabled",
        ),
        Plugin(
            "rabbitmq_management",
            "The HTTP API and the page",
            dependencies=_WEB,
            setting="management.enabled",
        ),
        Plugin("rabbitmq_management_agent", "Statistics"),
        Plugin(
            "rabbitmq_prometheus",
            "Metrics",
            dependencies=_WEB,
            setting="prometheus.enabled",
        ),
        Plugin("rabbitmq_random_exchange", "Exchange type x-random", exchange_types=("x-random",)),
        Plugin(
            "rabbitmq_recent_history_exchange",
            "Exchange type x-recent-history",
            exchange_types=("x-recent-history",),
        ),
        Plugin(
            "rabbitmq_sharding",
            "Exchange type x-modulus-hash",
            exchange_types=("x-modulus-hash",),
        ),
        Plugin("rabbitmq_web_dispatch", "HTTP"),
    )
}
ONLY_IMPLICIT = frozenset(_WEB)  # nothing of their own: others need them


# who needs whom


def with_dependencies(explicit: Iterable[str]) -> frozenset[str]:
    """Those that are on because of others, too. What nobody knows is left out."""
    found: set[str] = set()
    waiting = [name for name in explicit if name in PLUGINS]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(PLUGINS[name].dependencies)
    return frozenset(found)


def dependants(name: str) -> frozenset[str]:
    """Those that cannot be on without it, itself included."""
    return frozenset(one for one in PLUGINS if name in with_dependencies([one]))


def in_order(names: Iterable[str]) -> list[str]:
    """Those that others need come before them."""
    return sorted(names, key=lambda name: (len(with_dependencies([name])), name))


# what becomes of the explicitly enabled ones


def enabling(explicit: frozenset[str], names: Iterable[str]) -> frozenset[str]:
    """What others bring with them stays implicit. Raises: UnknownPluginsError."""
    wanted = only(names)
    return explicit | (wanted - (with_dependencies(explicit) - explicit))


def disabling(explicit: frozenset[str], names: Iterable[str]) -> frozenset[str]:
    """With those that need them. A name that nobody knows is none of them, as with RabbitMQ."""
    gone: set[str] = set()
    for name in names:
        gone |= {name, *dependants(name)}
    return explicit - gone


def only(names: Iterable[str]) -> frozenset[str]:
    """Raises: UnknownPluginsError."""
    wanted = frozenset(names)
    if not wanted <= PLUGINS.keys():
        raise UnknownPluginsError(wanted - PLUGINS.keys())
    return wanted


def setting(_: frozenset[str], names: Iterable[str]) -> frozenset[str]:
    """Whatever there was. Raises: UnknownPluginsError."""
    return only(names)


Change = Callable[[frozenset[str], Iterable[str]], frozenset[str]]
CHANGES: dict[str, Change] = {"enable": enabling, "disable": disabling, "set": setting}


# the file


def in_data_directory(directory: Path) -> Path:
    """Where it is when nobody says."""
    return directory / FILE_NAME


def read(path: Path) -> frozenset[str] | None:
    """The explicitly enabled ones, also such as nobody knows; None: there is no file.

    Raises: PluginsError.
    """
    try:
        text = path.read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeDecodeError:
        raise PluginsError(f"Could not read enabled plugins file at {path}: not text") from None
    except OSError as error:
        raise _unusable("read", path, error) from None
    text = re.sub(_COMMENT, "", text)
    if not text.strip():  # RabbitMQ's writes it empty before there is one to enable
        return frozenset()
    match = re.match(_FORM, text)
    if match is None:
        raise PluginsError(
            f"Could not read enabled plugins file at {path}: it is no list like [name,name]."
        )
    return frozenset(name.strip("'") for name in re.findall(_ATOM, match[1] or ""))


def write(path: Path, explicit: Iterable[str]) -> None:
    """Whole, or in place where it cannot be replaced: a file that was mounted into a container.

    Raises: PluginsError.
    """
    text = f"[{','.join(map(_atom, sorted(explicit)))}].\n"
    try:
        path = path.resolve()  # the link stays one
        if path.name == FILE_NAME:  # of a node that has not been started yet, most likely
            path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.{os.getpid()}")
        try:
            _write_down(temporary, text)
            temporary.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            if error.errno not in _IRREPLACEABLE:  # a full disk would leave nothing of the old one
                raise
            _write_down(path, text)
    except OSError as error:
        raise _unusable("update", path, error) from None


def _write_down(path: Path, text: str) -> None:
    """Raises: OSError."""
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _atom(name: str) -> str:
    return name if re.match(_PLAIN, name) else f"'{name}'"


def _unusable(verb: str, path: Path, error: OSError) -> PluginsError:
    reason = _REASONS.get(error.errno or 0) or error.strerror or str(error)
    return PluginsError(f"Could not {verb} enabled plugins file at {path}: {reason}")
