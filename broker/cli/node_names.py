"""Names of nodes: what may stand behind `-n`, and which node is meant."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping

from broker.cli.errors import EX_DATA, ToolError

DEFAULT_HEAD = "rabbit"
_HEAD = re.compile(r"[0-9A-Za-z_\-]+\Z")
_HOST = re.compile(r"[!-ÿ]*\Z")


def default_of(environment: Mapping[str, str]) -> str:
    """The name that is meant when none is given."""
    return (
        environment.get("LEVERET_NODENAME") or environment.get("RABBITMQ_NODENAME") or DEFAULT_HEAD
    )


def whole(name: str, operation: str, *, is_long: bool) -> str:
    """The name with its host. Raises: ToolError."""
    head, at, host = name.partition("@")
    head = head if head or not at else DEFAULT_HEAD
    problem = ""
    if not host:
        host = long_host() if is_long else short_host()
    elif is_long and "." not in host:
        host = f"{host}.{domain()}"
    elif not is_long and "." in host:
        problem = "short"
    if problem:
        raise ToolError(
            f"Error: operation {operation} failed due to invalid node name (node: {name}, reason:"
            f" {problem}).\nIf using FQDN node names, use the -l / --longnames argument",
            EX_DATA,
        )
    if not _HOST.match(host):
        raise ToolError(
            "Unsupported node name: hostname is invalid (possibly contains unsupported"
            " characters).\nIf using FQDN node names, use the -l / --longnames argument.",
            EX_DATA,
        )
    if not _HEAD.match(head):
        raise ToolError(
            "Unsupported node name: node name head (the part before the @) is invalid. Only"
            " alphanumerics, _ and - characters are allowed.\nIf using FQDN node names, use the"
            " -l / --longnames argument",
            EX_DATA,
        )
    return f"{head}@{host}"


def short_host() -> str:
    return socket.gethostname().partition(".")[0] or "localhost"


def long_host() -> str:
    name = socket.gethostname()
    return name if "." in name else f"{name}.{domain()}"


def domain() -> str:
    """This machine's, or what stands for none."""
    return socket.gethostname().partition(".")[2] or "localdomain"
