"""The variables of the environment that RabbitMQ's scripts and its official image know.

    shell  >  rabbitmq-env.conf  >  default

An empty one is one that is not set. In rabbitmq-env.conf `NODENAME` means RABBITMQ_NODENAME. Those
about Erlang's runtime are accepted, with a warning; those that the image has given up are its
error.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from broker.config import Config
from broker.configuration.building import Building
from broker.configuration.env_file import read_env_file
from broker.logs.environment import from_environment
from broker.settings import find_setting

PREFIX = "RABBITMQ_"
_ERLANG = "it is about Erlang's runtime, which is not here"
_DATA = "all data is in one directory"
WITHOUT_EFFECT: dict[str, str] = {
    **dict.fromkeys(
        (
            *("SERVER_ERL_ARGS", "SERVER_ADDITIONAL_ERL_ARGS", "SERVER_START_ARGS"),
            *("CTL_ERL_ARGS", "CTL_DIST_PORT_MIN", "CTL_DIST_PORT_MAX", "IO_THREAD_POOL_SIZE"),
            *("DISTRIBUTION_BUFFER_SIZE", "MAX_NUMBER_OF_PROCESSES", "MAX_NUMBER_OF_ATOMS"),
            *("SCHEDULER_BIND_TYPE", "ALLOW_INPUT", "BOOT_MODULE", "IGNORE_SIGHUP", "DBG"),
            *("CONFIG_ARG_FILE", "CONSOLIDATE_PROTOCOLS", "LOG_FF_REGISTRY"),
        ),
        _ERLANG,
    ),
    **dict.fromkeys(("QUORUM_DIR", "STREAM_DIR", "SCHEMA_DIR", "GENERATED_CONFIG_DIR"), _DATA),
    **dict.fromkeys(("PLUGINS_DIR", "PLUGINS_EXPAND_DIR"), "plugins are installed packages"),
    **dict.fromkeys(("FEATURE_FLAGS", "FEATURE_FLAGS_FILE"), "all features are there"),
    "DIST_PORT": "it is about clusters",
    "UPGRADE_LOG": "the log is written in another way",
    "MOTD_FILE": "the log is written in another way",
}
_SSL = ("CACERTFILE", "CERTFILE", "DEPTH", "FAIL_IF_NO_PEER_CERT", "KEYFILE", "VERIFY")
GIVEN_UP: dict[str, str] = {  # by the official image, with the key that has to be used instead
    **{f"MANAGEMENT_SSL_{name}": f"management.ssl.{name.lower()}" for name in _SSL},
    **{f"SSL_{name}": f"ssl_options.{name.lower()}" for name in _SSL},
    "VM_MEMORY_HIGH_WATERMARK": "vm_memory_high_watermark.relative",
}
FROM_FILES = ("DEFAULT_USER", "DEFAULT_PASS", "DEFAULT_VHOST", "ERLANG_COOKIE")
# Variables that are settings as they are.
SETTINGS = {
    "DEFAULT_USER": "default_user",
    "DEFAULT_PASS": "default_pass",
    "DEFAULT_VHOST": "default_vhost",
    "PRODUCT_NAME": "product",
    "PRODUCT_VERSION": "product_version",
    "LOG_BASE": "log.dir",
}


class Variables:
    """What they say. Getting one gives its value, and its place for the user; None: not set."""

    def __init__(self, environ: Mapping[str, str], etc: Path, building: Building):
        self._environ = environ
        self._building = building
        self._file: Mapping[str, tuple[str, object]] = {}
        named = environ.get(f"{PREFIX}CONF_ENV_FILE")
        path = Path(named) if named else etc / "rabbitmq-env.conf"
        if path.is_file():
            self._file = read_env_file(path, environ, building)
        elif named:
            building.warn("$RABBITMQ_CONF_ENV_FILE", f"there is no file {path}")

    def get(self, name: str) -> tuple[str, object] | None:
        """name: without RABBITMQ_."""
        value = self._environ.get(PREFIX + name)
        if value:
            return value, f"${PREFIX}{name}"
        for key in (PREFIX + name, name):
            found = self._file.get(key)
            if found is not None and found[0]:
                return found
        return None

    def text(self, name: str) -> str | None:
        found = self.get(name)
        return found[0] if found is not None else None

    def is_yes(self, name: str) -> bool:
        """RabbitMQ: 1, yes or true, in any letters."""
        return (self.text(name) or "").strip().lower() in ("1", "yes", "true")

    def path(self, name: str) -> Path | None:
        found = self.text(name)
        return Path(found) if found is not None else None

    def enabled_plugins(self) -> tuple[str, ...] | None:
        """None: nobody says. Here an empty variable is one: no plugins."""
        wanted = self._environ.get(f"{PREFIX}ENABLED_PLUGINS", self.text("ENABLED_PLUGINS"))
        if wanted is None:
            return None
        return tuple(name.strip() for name in wanted.split(",") if name.strip())

    def secret(self, name: str) -> tuple[str, object] | None:
        """A variable whose value may also be that of the file which NAME_FILE names."""
        plain, file = self.get(name), self.get(f"{name}_FILE")
        if file is None:
            return plain
        if plain is not None:
            problem = f"both {PREFIX}{name} and {PREFIX}{name}_FILE are set (but are exclusive)"
            self._building.refuse("", problem)
            return None
        try:
            return Path(file[0]).read_text().strip("\r\n"), file[1]
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            self._building.refuse(file[1], f"cannot read {file[0]}: {reason}")
            return None

    # into the config

    def put_before_files(self) -> None:
        """RabbitMQ: a file that says where to listen counts more than these two."""
        port, address = self.get("NODE_PORT"), self.get("NODE_IP_ADDRESS")
        if port is None and address is None:
            return
        number, host = port[0] if port else "5672", address[0] if address else ""
        both = f"{host}:{number}" if host and host != "auto" else number
        place = (port or address or ("", ""))[1]
        self._building.put("listeners.tcp.default", both, place)

    def put(self) -> None:
        """Those that count more than files do."""
        building = self._building
        for name, key in GIVEN_UP.items():
            if self._environ.get(PREFIX + name):
                problem = f"error: {PREFIX}{name} is set but deprecated"
                building.refuse("", f"{problem}; write '{key}' into a configuration file instead")
        for name, reason in WITHOUT_EFFECT.items():
            found = self.get(name)
            if found is not None:
                building.warn(found[1], f"accepted without effect: {reason}")
        for name, key in SETTINGS.items():
            found = self.secret(name) if name in FROM_FILES else self.get(name)
            if found is not None:
                self._put_if_known(key, *found)
        self._put_node()
        self._put_logs()

    def _put_if_known(self, key: str, value: str, place: object) -> None:
        if find_setting(Config, key) is None:
            self._building.warn(place, f"accepted without effect: there is no setting '{key}'")
        else:
            self._building.put(key, value, place)

    def _put_node(self) -> None:
        building = self._building
        name = self.get("NODENAME")
        is_long = self.is_yes("USE_LONGNAME")
        if name is not None or is_long:
            wanted, place = name or ("rabbit", "$RABBITMQ_USE_LONGNAME")
            building.put("node_name", node_name(wanted, is_long=is_long), place)
        whole, base = self.get("MNESIA_DIR"), self.get("MNESIA_BASE")
        if whole is not None:
            building.put("data_dir", *whole)
        elif base is not None:
            called = building.config.identity.node_name or node_name("rabbit")
            building.put("data_dir", str(Path(base[0], called)), base[1])

    def _put_logs(self) -> None:
        found = {name: self.get(name) for name in ("LOG_BASE", "LOGS", "LOG")}
        values = {f"{PREFIX}{name}": value[0] for name, value in found.items() if value is not None}
        places = [value[1] for value in found.values() if value is not None]
        for key, value in from_environment(values):
            self._building.put(key, value, places[0])


def node_name(wanted: str, *, is_long: bool = False) -> str:
    """A whole name: what has no host gets this machine's."""
    if "@" in wanted:
        return wanted
    host = os.uname().nodename
    return f"{wanted}@{(host if is_long else host.partition('.')[0]) or 'localhost'}"
