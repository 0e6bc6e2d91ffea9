"""Starts a program as systemd does by socket activation: descriptors from 3 on, and who they are
for in the environment.

    python -m tests.support.activation NAME=FD,NAME=FD -- PROGRAM ARGUMENTS
"""

from __future__ import annotations

import fcntl
import os
import sys

FIRST_FD, ABOVE = 3, 64


def main(argv: list[str]) -> None:
    told, dashes, *command = argv
    assert dashes == "--"
    pairs = [one.split("=") for one in told.split(",")]
    aside = [fcntl.fcntl(int(number), fcntl.F_DUPFD, ABOVE) for _, number in pairs]
    for at, descriptor in enumerate(aside):
        os.dup2(descriptor, FIRST_FD + at)
        os.close(descriptor)
    os.environ["LISTEN_PID"] = str(os.getpid())
    os.environ["LISTEN_FDS"] = str(len(pairs))
    os.environ["LISTEN_FDNAMES"] = ":".join(name for name, _ in pairs)
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
