"""A Debian of its own for tests: a directory with a whole system, which systemd-nspawn boots."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

BASE = "systemd-sysv,dbus,iproute2,ca-certificates"
WAIT_S = 240
PROBE = """[Unit]
After=multi-user.target
[Service]
Type=oneshot
TimeoutStartSec={wait_s}
ExecStart=/bin/sh -c "sh -ex /probe.sh >/probe.out 2>&1; echo $? >/probe.rc; systemctl poweroff"
[Install]
WantedBy=default.target
"""


def needs(*commands: str) -> None:
    """Skip the test if this machine is not for it."""
    missing = [name for name in commands if shutil.which(name) is None]
    if missing:
        pytest.skip(f"no {', '.join(missing)}")
    if os.geteuid():
        pytest.skip("only root can do that")


def bootstrap(target: Path, packages: str) -> None:
    """A smallest Debian 12, and packages."""
    command = ["mmdebstrap", "--variant=minbase", f"--include={packages}", "bookworm", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, check=False)
    if done.returncode:
        pytest.skip(f"Debian cannot be fetched: {done.stderr.splitlines()[-1:]}")


class Machine:
    """root: its directory."""

    def __init__(self, root: Path):
        self.root = root
        bootstrap(root, BASE)

    def runs(self, *command: str) -> str:
        """In it, while it is not booted. Returns: what is said."""
        done = subprocess.run(
            ["chroot", str(self.root), *command],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive"},
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout + done.stderr

    def boots(self, script: str) -> str:
        """Boot it, run a shell script in it, and switch it off. Returns: what the script says."""
        (self.root / "probe.sh").write_text(script)
        units = self.root / "etc/systemd/system"
        (units / "probe.service").write_text(PROBE.format(wait_s=WAIT_S))
        wanted = units / "default.target.wants"
        wanted.mkdir(exist_ok=True)
        (wanted / "probe.service").symlink_to("../probe.service")
        for name in ("probe.out", "probe.rc"):
            (self.root / name).unlink(missing_ok=True)
        flags = ["--private-network", "--register=no", "--keep-unit"]
        booted = subprocess.run(
            ["systemd-nspawn", "-D", str(self.root), "-b", *flags],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=WAIT_S,
            check=False,
        )
        (wanted / "probe.service").unlink()
        if not (self.root / "probe.rc").exists():
            pytest.skip(f"systemd does not boot here: {booted.stderr[-500:]!r}")
        said = (self.root / "probe.out").read_text()
        assert (self.root / "probe.rc").read_text().strip() == "0", said
        return said
