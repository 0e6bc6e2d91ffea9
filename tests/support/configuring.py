"""Files of settings, read as a start reads them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from broker.configuration.arguments import build_parser
from broker.configuration.building import Building
from broker.configuration.loading import Loaded, load_everything, read_files


def built(directory: Path, text: str, name: str = "rabbitmq.conf") -> Building:
    """What a file comes to. name: says its format."""
    path = directory / name
    path.write_text(text)
    building = Building()
    read_files([path], building)
    # shorter to compare
    building.problems = [one.replace(f"{directory}/", "") for one in building.problems]
    building.warnings = [one.replace(f"{directory}/", "") for one in building.warnings]
    return building


def arguments(*flags: str) -> argparse.Namespace:
    return build_parser().parse_args(flags)


def loaded(
    directory: Path, *flags: str, environ: Mapping[str, str] | None = None, etc: str = "etc"
) -> Loaded:
    """What a start finds with these flags. etc: in the directory, stands for /etc/leveret."""
    return load_everything(arguments(*flags), environ or {}, etc=directory / etc)
