"""Manual pages of the commands: what stands in config/man, with the command's own --help in it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import tomllib
from pathlib import Path

from broker.cli.help import BOLD, PLAIN
from tools.wheel import ROOT, changed_s

HELP = "@HELP@"  # a line of a page; there goes what the command says
ASK = "import sys; from {module} import {function} as main; sys.argv = {argv}; sys.exit(main())"


def commands() -> dict[str, tuple[str, str]]:
    """Module and function of each."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = {name: place.split(":") for name, place in project["scripts"].items()}
    return {name: (module, function) for name, (module, function) in found.items()}


def pages(version: str) -> dict[str, str]:
    """Each page by the name of its file: leveret.8."""
    day = time.strftime("%Y-%m-%d", time.gmtime(changed_s()))
    made = {}
    for path in sorted((ROOT / "config" / "man").glob("*.8.in")):
        text = path.read_text().replace("@DATE@", day).replace("@VERSION@", version)
        made[path.stem] = text.replace(HELP, as_is(help_of(path.name.partition(".")[0])))
    return made


def help_of(command: str) -> str:
    """What the command says of itself."""
    module, function = commands()[command]
    code = ASK.format(module=module, function=function, argv=[command, "--help"])
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "78"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def as_is(text: str) -> str:
    """For troff: lines stay lines, none is a request, and what is bold on a terminal is bold."""
    text = text.rstrip().replace("\\", "\\e").replace("-", "\\-")
    text = text.replace(BOLD, "\\fB").replace(PLAIN, "\\fR")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.MULTILINE)


if __name__ == "__main__":
    from broker.version import __version__

    for name, page in pages(__version__).items():
        Path(sys.argv[1] if sys.argv[1:] else ".", name).write_text(page)
