"""All settings from everywhere: what a start uses, and what a reload looks at again.

    defaults < /etc/leveret < conf.d < advanced.config < variables < --set < flags

In /etc/leveret there may be leveret.yaml, rabbitmq.conf, conf.d/*.conf, advanced.config and
rabbitmq-env.conf. `--config` stands for all of these files but the last; RABBITMQ_CONFIG_FILE for
the first two, RABBITMQ_CONFIG_FILES for those in conf.d, RABBITMQ_ADVANCED_CONFIG_FILE for the last
but one. RabbitMQ's own /etc/rabbitmq is read by nobody but who names it. Where there is no file and
no variable, nothing is imported that reads them: a start pays for what it uses.
"""

from __future__ import annotations

import argparse
import glob
import itertools
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from broker.auth_settings import cached_pair, pairs_of
from broker.config import Config, ConfigError, override
from broker.configuration.arguments import FLAGS
from broker.configuration.building import Building

if TYPE_CHECKING:
    from broker.configuration.variables import Variables

ETC = Path("/etc/leveret")
DATA_DIR = "LEVERET_DATA_DIR"
YAML, SYSCTL, TERMS = "yaml", "sysctl", "terms"  # formats of a file
_FORMATS = {".yaml": YAML, ".yml": YAML, ".conf": SYSCTL, ".config": TERMS}
_SYSCTL_LINE = re.compile(r"\s*(?:include\s+\S|[A-Za-z0-9_.\\$*-]+\s*=)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What a node starts with. sources: keys of settings → where their values were found.

    enabled_plugins: by RABBITMQ_ENABLED_PLUGINS; None: it is not set. cookie: likewise.
    """

    config: Config
    sources: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    pid_file: Path | None = None
    keeps_pid_file: bool = False
    enabled_plugins: tuple[str, ...] | None = None
    enabled_plugins_file: Path | None = None
    cookie: str | None = None


def load_everything(
    arguments: argparse.Namespace, environ: Mapping[str, str], *, etc: Path = ETC
) -> Loaded:
    """arguments: as `build_parser` has them. Raises: ConfigurationError, all that is wrong."""
    building = Building()
    loaded = gather(building, arguments, environ, etc=etc)
    building.finished()
    return loaded


def gather(
    building: Building,
    arguments: argparse.Namespace,
    environ: Mapping[str, str],
    *,
    etc: Path = ETC,
) -> Loaded:
    """The same for those who want to see what is left where something is wrong."""
    variables = None
    if (
        any(name.startswith("RABBITMQ_") for name in environ)
        or (etc / "rabbitmq-env.conf").exists()
    ):
        from broker.configuration.variables import Variables

        variables = Variables(environ, etc, building)
        variables.put_before_files()
    named = [Path(name) for name in arguments.config]
    if named:
        paths = named
    else:
        main, more = "", ""
        if variables is not None:
            main, more = variables.text("CONFIG_FILE") or "", variables.text("CONFIG_FILES") or ""
        advanced = variables.path("ADVANCED_CONFIG_FILE") if variables is not None else None
        paths = found_files(building, etc, main=main, more=more, advanced=advanced)
    read_files(paths, building)
    if variables is not None:
        variables.put()
    if environ.get(DATA_DIR):  # so that it is the node which the tools then mean
        building.put("data_dir", environ[DATA_DIR], f"${DATA_DIR}")
    _put_arguments(arguments, building)
    if not building.config.data_dir:
        data_dir = str(default_data_dir(environ))
        building.config = override(building.config, "data_dir", data_dir)
    _check_whole(building)
    return Loaded(
        config=building.config,
        sources=building.sources,
        warnings=tuple(building.warnings),
        files=tuple(map(str, paths)),
        **(_beside_settings(variables) if variables is not None else {}),
    )


def _beside_settings(variables: Variables) -> dict[str, Any]:
    """What variables say that is no setting."""
    cookie = variables.secret("ERLANG_COOKIE")
    return {
        "pid_file": variables.path("PID_FILE"),
        "keeps_pid_file": variables.is_yes("KEEP_PID_FILE_ON_EXIT"),
        "enabled_plugins": variables.enabled_plugins(),
        "enabled_plugins_file": variables.path("ENABLED_PLUGINS_FILE"),
        "cookie": cookie[0] if cookie is not None else None,
    }


def _put_arguments(arguments: argparse.Namespace, building: Building) -> None:
    for assignment in arguments.set:
        key, equals, value = assignment.partition("=")
        if equals:
            building.put(key.strip(), value.strip(), "--set")
        else:
            building.refuse("", f"--set takes key=value, not '{assignment}'")
    for name, key in FLAGS.items():
        value = getattr(arguments, name)
        if value is not None:
            building.put(key, value, f"--{name.replace('_', '-')}")


def default_data_dir(environ: Mapping[str, str] | None = None) -> Path:
    """Where a node keeps its data when nobody says: the system's place if it is ours, else the
    user's (XDG base directories)."""
    environ = os.environ if environ is None else environ
    if environ.get(DATA_DIR):
        return Path(environ[DATA_DIR])
    system = Path("/var/lib/leveret")
    if os.access(system if system.exists() else system.parent, os.W_OK):
        return system
    try:
        state = environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    except RuntimeError:  # a user that the system does not know, and without HOME
        raise ConfigError("there is no home for a data directory: name one (--data-dir)") from None
    return Path(state) / "leveret"


def _check_whole(building: Building) -> None:
    """What can be wrong of several settings together."""
    config = building.config
    try:
        if "cache" in {name for pair in pairs_of(config.auth.chain) for name in pair}:
            cached_pair(config.auth)
    except ConfigError as error:
        building.refuse(building.sources.get("auth_backends", ""), str(error))
    if config.defaults.users:
        from broker.configuration.default_users import default_users

        try:
            default_users(config.defaults.users)
        except ConfigError as error:
            building.refuse(building.sources.get("default_users", ""), str(error))
    definitions = config.starting_definitions
    if bool(definitions.local_path) != (definitions.backend != "none"):
        problem = "'definitions.import_backend' and 'definitions.local.path' need each other"
        place = building.sources.get("definitions.import_backend", "")
        building.refuse(place or building.sources.get("definitions.local.path", ""), problem)


# files


def found_files(
    building: Building, etc: Path, *, main: str = "", more: str = "", advanced: Path | None = None
) -> list[Path]:
    """Those that are read when `--config` names none, in order."""
    paths: list[Path] = []
    if main:
        # RabbitMQ: the name as it is, else with .config, else with .conf
        tried = [Path(main + ending) for ending in ("", ".config", ".conf", ".yaml")]
        found = next((path for path in tried if path.is_file()), None)
        if found is None:
            building.warn("$RABBITMQ_CONFIG_FILE", f"there is no file {main}")
        else:
            paths.append(found)
    else:
        usual = (etc / "leveret.yaml", etc / "rabbitmq.conf")
        paths += [path for path in usual if path.is_file()]
    pattern = more or str(etc / "conf.d" / "*.conf")
    if os.path.isdir(pattern):
        pattern = os.path.join(pattern, "*")
    paths += sorted(path for path in map(Path, glob.glob(pattern)) if path.is_file())
    last = advanced or etc / "advanced.config"
    if last.is_file():
        paths.append(last)
    elif advanced is not None:
        building.warn("$RABBITMQ_ADVANCED_CONFIG_FILE", f"there is no file {advanced}")
    return paths


def format_of(path: Path) -> str:
    """By the end of its name, else by what is in it."""
    by_name = _FORMATS.get(path.suffix.lower())
    if by_name is not None:
        return by_name
    from broker.configuration.sysctl import text_of

    try:
        lines = text_of(path).splitlines()
    except ValueError:
        return SYSCTL  # whose reader says what is wrong with it
    for line in lines:
        if line.strip() and not line.lstrip().startswith(("#", "%")):
            if line.lstrip().startswith("["):
                return TERMS
            return SYSCTL if _SYSCTL_LINE.match(line) else YAML
    return TERMS if any(line.lstrip().startswith("%") for line in lines) else SYSCTL


def read_files(paths: list[Path], building: Building) -> None:
    """Put what the files say into the config, one after another. Those of rabbitmq.conf's format
    that follow each other are one: `$(…)` sees through all of them."""
    formats = [(format_of(path), path) for path in paths]
    for kind, path in formats:
        if kind == TERMS:
            from broker.configuration.advanced import note_decoder

            note_decoder(path, building)
    for kind, group in itertools.groupby(formats, key=lambda pair: pair[0]):
        files = [path for _, path in group]
        if kind == YAML:
            from broker.configuration.yaml_file import read_yaml

            for path in files:
                read_yaml(path, building)
        else:
            _read_rabbitmq_files(kind, files, building)


def _read_rabbitmq_files(kind: str, files: list[Path], building: Building) -> None:
    from broker.configuration.advanced import read_advanced
    from broker.configuration.sysctl import expanded, read
    from broker.configuration.translation import made_plain, translate

    if kind == TERMS:
        for path in files:
            translate(read_advanced(path, building), building)
        return
    entries = [entry for path in files for entry in read(path, building)]
    translate(made_plain(expanded(entries, building), building), building)
