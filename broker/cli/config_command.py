"""`leveret config check|show|convert`: settings looked at without a node.

check     everything that is wrong with them, each with its file, line and nearest key
show      what a start would use, and where each value comes from
convert   a rabbitmq.conf or an advanced.config becomes a leveret.yaml, or the other way round
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from broker.configuration.arguments import add_sources
from broker.configuration.building import Building
from broker.configuration.loading import YAML, format_of, gather, read_files

OK, DATA_ERROR, CANNOT_CREATE = 0, 65, 73  # of sysexits.h, as RabbitMQ's tools have them


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="leveret config", description="Look at settings.")
    commands = parser.add_subparsers(dest="action", required=True)
    check = commands.add_parser("check", help="find all mistakes in the settings")
    add_sources(check)
    show = commands.add_parser("show", help="the settings that a start would use")
    add_sources(show)
    show.add_argument("--all", action="store_true", help="also those that nobody has set")
    show.add_argument("--format", choices=("yaml", "conf", "json"), default="yaml")
    convert = commands.add_parser(
        "convert", help="rewrite a file: rabbitmq.conf or advanced.config, and leveret.yaml"
    )
    convert.add_argument("source", metavar="IN", type=Path)
    convert.add_argument("target", metavar="OUT", type=Path, nargs="?", help="(standard output)")
    convert.add_argument("--force", action="store_true", help="OUT may be there already")
    convert.add_argument(
        "--to", choices=("yaml", "conf"), help="(by OUT, else the one that IN is not)"
    )
    return parser


def config_command(argv: list[str], environ: Mapping[str, str] | None = None) -> int:
    """Returns: the exit code; 65: something is wrong with the settings."""
    arguments = build_parser().parse_args(argv)
    environ = os.environ if environ is None else environ
    if arguments.action == "convert":
        return _convert(arguments)
    building = Building()
    loaded = gather(building, arguments, environ)
    _tell(building)
    if building.problems:
        return DATA_ERROR
    if arguments.action == "show":
        sys.stdout.write(_shown(building, arguments.format, everything=arguments.all))
    elif loaded.files:
        print(f"{', '.join(loaded.files)}: good")
    else:
        print("there are no files of settings: good")
    return OK


def _tell(building: Building) -> None:
    for warning in building.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    for problem in building.problems:
        print(f"error: {problem.removeprefix('error: ')}", file=sys.stderr)


def _shown(building: Building, form: str, *, everything: bool) -> str:
    from broker.configuration.rendering import as_conf, as_json, as_yaml, settings_in

    write = {"yaml": as_yaml, "conf": as_conf, "json": as_json}[form]
    return write(settings_in(building.config, building.sources, everything=everything))


def _convert(arguments: argparse.Namespace) -> int:
    from broker.configuration.rendering import as_conf, as_yaml, changed

    building = Building()
    read_files([arguments.source], building)
    to = arguments.to or _format_for(arguments.source, arguments.target)
    lost: list[str] = []
    shown = changed(building.config)
    text = as_yaml(shown) if to == "yaml" else as_conf(shown, lost)
    _tell(building)
    for line in lost:
        print(f"warning: {line}", file=sys.stderr)
    if building.problems:
        return DATA_ERROR
    if arguments.target is None or str(arguments.target) == "-":
        sys.stdout.write(text)
        return OK
    fresh = os.O_TRUNC if arguments.force else os.O_EXCL
    try:
        # it may have passwords in it: for nobody else to read
        handle = os.open(arguments.target, os.O_WRONLY | os.O_CREAT | fresh, 0o600)
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        print(f"error: {arguments.target} is there already: --force replaces it", file=sys.stderr)
        return CANNOT_CREATE
    except OSError as error:
        print(f"error: {arguments.target}: {error.strerror}", file=sys.stderr)
        return CANNOT_CREATE
    return OK


def _format_for(source: Path, target: Path | None) -> str:
    if target is not None and target.suffix in (".yaml", ".yml"):
        return "yaml"
    if target is not None and target.suffix == ".conf":
        return "conf"
    return "conf" if format_of(source) == YAML else "yaml"
