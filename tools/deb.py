"""The Debian package: what the wheel has, units, manual pages, and what makes the user.

python -m tools.deb [DIRECTORY]; it needs dpkg-deb. The libraries come from Debian.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from broker.version import __version__
from tools.man import commands, pages
from tools.wheel import ROOT, BuildError, build_wheel, changed_s, run, unpack

CONFIG = ROOT / "config"
MAINTAINER = "The authors of Leveret <leveret@packages.invalid>"
# What pyproject.toml asks for, as Debian 12 has it. h11 0.14 there has the corrections of 0.16.
LIBRARIES = {
    "h11": ("python3-h11", "0.14.0"),
    "pyyaml": ("python3-yaml", "6.0"),
    "uvloop": ("python3-uvloop", "0.17.0"),
}
OPTIONAL = {"uvloop"}  # without it asyncio's loop is used
NEEDED = ("python3 (>= 3.11)", "adduser", "init-system-helpers (>= 1.54)")
SCRIPTS = ("postinst", "prerm", "postrm")
COMMAND = """#!/usr/bin/python3
import sys

from {module} import {function}

sys.exit({function}())
"""


def build_deb(directory: Path) -> Path:
    """Returns: the package, in the directory. Raises: BuildError."""
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="leveret-deb-") as scratch:
        root = Path(scratch, "root")
        stage(root, build_wheel(Path(scratch)))
        describe(root)
        settle_modes(root)
        package = directory / f"leveret_{__version__}_all.deb"
        run("dpkg-deb", "--root-owner-group", "-Zxz", "--build", str(root), str(package))
        return package


def stage(root: Path, wheel: Path) -> None:
    """Every file of the package, where it will be."""
    modules = root / "usr/lib/python3/dist-packages"
    unpack(wheel, modules)
    (info,) = modules.glob("*.dist-info")
    (info / "RECORD").unlink()  # dpkg knows what is installed
    adjust_metadata(info / "METADATA")
    for command, (module, function) in commands().items():
        write(root / "usr/bin" / command, COMMAND.format(module=module, function=function))
    for unit in sorted((CONFIG / "systemd").iterdir()):
        copy(unit, root / "usr/lib/systemd/system" / unit.name)
    copy(CONFIG / "leveret.yaml", root / "etc/leveret/leveret.yaml")
    (root / "etc/leveret/conf.d").mkdir()
    copy(CONFIG / "debian/default", root / "etc/default/leveret")
    for name, page in pages(__version__).items():
        compress(root / "usr/share/man/man8" / f"{name}.gz", page)
    for completion in sorted((CONFIG / "completion").glob("*.bash")):
        copy(completion, root / "usr/share/bash-completion/completions" / completion.stem)
    documents(root / "usr/share/doc/leveret")


def documents(place: Path) -> None:
    licence = ROOT / "broker/management/page/vendor/uplot/LICENSE"
    quoted = [f" {line}" if line.strip() else " ." for line in licence.read_text().splitlines()]
    template = (CONFIG / "debian/copyright.in").read_text()
    write(place / "copyright", template.replace("@UPLOT@", "\n".join(quoted)))
    day = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(changed_s()))
    change = f"leveret ({__version__}) stable; urgency=medium\n\n  * This version.\n\n"
    compress(place / "changelog.gz", f"{change} -- {MAINTAINER}  {day}\n")
    shutil.copytree(CONFIG / "haproxy", place / "examples/haproxy")


def adjust_metadata(metadata: Path) -> None:
    """Say which versions are enough here, or the package would look broken to others."""

    def enough(found: re.Match[str]) -> str:
        name = found[1].lower()
        if name not in LIBRARIES:
            raise BuildError(f"which package of Debian has {found[1]}?")
        return f"Requires-Dist: {found[1]}>={LIBRARIES[name][1]}"

    head, blank, body = metadata.read_text().partition("\n\n")
    lines = [line for line in head.splitlines() if "extra ==" not in line]
    head = "\n".join(re.sub(r"^Requires-Dist: ([\w.-]+?)[<>=!~].*", enough, line) for line in lines)
    metadata.write_text(head + blank + body)


def describe(root: Path) -> None:
    """The directory DEBIAN."""
    control = root / "DEBIAN"
    control.mkdir()
    for script in SCRIPTS:
        copy(CONFIG / "debian" / script, control / script)
    packages = {name: f"{package} (>= {least})" for name, (package, least) in LIBRARIES.items()}
    values = {
        "VERSION": __version__,
        "MAINTAINER": MAINTAINER,
        "SIZE": str(sum(path.stat().st_size for path in files(root)) // 1024),
        "DEPENDS": ", ".join(
            [*NEEDED, *(packages[name] for name in sorted(packages) if name not in OPTIONAL)]
        ),
        "RECOMMENDS": ", ".join(packages[name] for name in sorted(OPTIONAL)),
    }
    text = (CONFIG / "debian/control.in").read_text()
    for key, value in values.items():
        text = text.replace(f"@{key}@", value)
    write(control / "control", text)
    settings = sorted(str(path.relative_to(root)) for path in (root / "etc").rglob("*"))
    conffiles = [f"/{name}\n" for name in settings if (root / name).is_file()]
    write(control / "conffiles", "".join(conffiles))
    sums = [
        f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(root)}\n"
        for path in files(root)
        if path.relative_to(root).parts[0] not in ("DEBIAN", "etc")
    ]
    write(control / "md5sums", "".join(sums))


def settle_modes(root: Path) -> None:
    """As Debian has them, whatever the umask of whoever builds."""
    root.chmod(0o755)
    for path in root.rglob("*"):
        is_program = path.parent.name == "bin" or path.name in SCRIPTS
        path.chmod(0o755 if path.is_dir() or is_program else 0o644)


def files(root: Path) -> Iterator[Path]:
    return (path for path in sorted(root.rglob("*")) if path.is_file())


def copy(source: Path, target: Path) -> None:
    write(target, source.read_text())


def write(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


def compress(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def main(argv: list[str]) -> int:
    os.umask(0o022)
    try:
        print(build_deb(Path(argv[0] if argv else "dist")))
    except BuildError as error:
        print(f"deb: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
