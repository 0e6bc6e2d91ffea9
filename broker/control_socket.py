"""Where a node's tools find it, and what both say first.

A node that has a process of its own listens on a Unix socket, in a directory that only its owner
may enter, and enters its name there. A frame is four octets of length and a JSON document. Before
anything else both sides prove that they know the cookie, without showing it:

    node  {"node": name, "nonce": hex}
    tool  {"nonce": hex, "proof": HMAC-SHA256(cookie, "tool" node's nonce, tool's nonce)}
    node  {"proof": HMAC-SHA256(cookie, "node" node's nonce, tool's nonce)}, or {"refused": text}

Then the tool asks, one thing at a time, and the node answers with any number of `rows` and at last
`done` or `failed`:

    tool  {"do": name, "with": {...}, "timeout_ms": number or null}
    node  {"rows": [term, ...]} ...  {"done": term}  |  {"failed": text, "code": exit code, ...}
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

FRAME_MAX = 64 * 1024 * 1024  # octets of a request, which may hold definitions
GREETING_MAX = 4096  # octets of a frame of somebody who has proved nothing
ENTRY = "control.json"  # in the data directory; in the others it has the node's name
SYSTEM_DIRECTORY = Path("/run/leveret")
NODE, TOOL = "node", "tool"


def directories(environment: Mapping[str, str]) -> Iterator[Path]:
    """Where sockets may be, the best place first. A service manager names one of its own."""
    for name in environment.get("RUNTIME_DIRECTORY", "").split(":"):
        if name:
            yield Path(name)
    if named := environment.get("LEVERET_RUN_DIR"):
        yield Path(named)
        return
    yield SYSTEM_DIRECTORY
    if runtime := environment.get("XDG_RUNTIME_DIR"):
        yield Path(runtime, "leveret")
    yield Path("/tmp", f"leveret-{os.getuid()}")


def usable(directory: Path) -> bool:
    """Whether a node can have its socket there: made if need be, ours, and closed to others."""
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        status = directory.lstat()
    except OSError:
        return False
    is_ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
    return is_ours and not status.st_mode & 0o022 and os.access(directory, os.W_OK | os.X_OK)


def trusted(directory: Path) -> bool:
    """Whether a tool may look there: nobody but its user and the administrator can enter names.

    The system's directory is a service's own, and only the administrator can have made it. In /tmp
    anybody could make one that looks like another's, and be told passwords.
    """
    try:
        status = directory.lstat()
    except OSError:
        return False
    is_known = status.st_uid in (0, os.getuid()) or directory == SYSTEM_DIRECTORY
    return stat.S_ISDIR(status.st_mode) and is_known and not status.st_mode & 0o022


def entry_of(directory: Path, node: str) -> Path:
    """The file in which a node of that name says where its socket is."""
    return directory / f"{node.replace('/', '_')}.json"


def names_in(directory: Path) -> list[str]:
    """Of the nodes that have entered themselves."""
    try:
        return sorted(path.stem for path in directory.glob("*.json"))
    except OSError:
        return []


def nonce() -> str:
    return secrets.token_hex(32)


def proof(side: str, cookie: str, of_node: str, of_tool: str) -> str:
    """That a side knows the cookie."""
    text = f"leveret {side} {of_node} {of_tool}".encode()
    return hmac.new(cookie.encode(), text, hashlib.sha256).hexdigest()


def is_proof(value: object, wanted: str) -> bool:
    return isinstance(value, str) and hmac.compare_digest(value.encode(), wanted.encode())


def frame(document: Mapping[str, Any]) -> bytes:
    payload = json.dumps(document, separators=(",", ":")).encode()
    return len(payload).to_bytes(4, "big") + payload


def document_of(payload: bytes) -> dict[str, Any]:
    """Raises: ValueError."""
    try:
        document = json.loads(payload)
    except RecursionError:
        raise ValueError("too deep") from None
    if not isinstance(document, dict):
        raise ValueError("not an object")
    return document
