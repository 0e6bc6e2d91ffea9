"""The commands of a page, and a shell in which they are run as they are written."""

from __future__ import annotations

import re
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

_PIECE = re.compile(r"^## (?P<title>[^\n]*)$|^```sh\n(?P<block>.*?)^```$", re.MULTILINE | re.DOTALL)
PATIENCE_S = 120  # with a block
_MARK = "the block is done"


class Block(NamedTuple):
    """section: the heading it stands under; "": none yet."""

    section: str
    text: str


def blocks_of(page: Path) -> list[Block]:
    found = []
    section = ""
    for piece in _PIECE.finditer(page.read_text()):
        if piece["title"] is not None:
            section = piece["title"]
        else:
            found.append(Block(section, piece["block"]))
    return found


def with_values(block: str, values: Mapping[str, str]) -> str:
    """A block of assignments, with others' values. Raises: KeyError: it has no such variable."""
    for name, value in values.items():
        block, count = re.subn(rf'\b{name}=("[^"]*"|\S+)', f"{name}='{value}'", block)
        if count != 1:
            raise KeyError(name)
    return block


class Shell:
    """One `sh` that goes on from block to block, and ends at the first command that fails."""

    def __init__(self, directory: Path, environment: Mapping[str, str]):
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        self._process = subprocess.Popen(
            ["sh", "-eu"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._output,
            env=environment,
            cwd=directory,
            text=True,
        )

    def run(self, text: str) -> str:
        """Returns: what was printed. Raises: AssertionError."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{text}\necho '{_MARK}'\n")
        self._process.stdin.flush()
        lines: list[str] = []
        watch = threading.Timer(PATIENCE_S, self._process.kill)
        watch.start()
        try:
            for line in self._process.stdout:
                if line == f"{_MARK}\n":
                    return "".join(lines)
                lines.append(line)
        finally:
            watch.cancel()
        raise AssertionError("\n".join([text, *lines, self.complaints()]))

    def complaints(self) -> str:
        """All that went to standard error."""
        self._output.seek(0)
        return self._output.read().decode(errors="replace")

    def __enter__(self) -> Shell:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.communicate()
        self._output.close()
