"""What a tool says when it cannot reach a node: what it tried, and what may be the matter."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from broker import control_socket, cookie
from broker.amqp.erlang import Atom, printed, with_term
from broker.cli.link import Place, all_names
from broker.cli.node_names import long_host, short_host
from broker.processes import is_alive

TOOL = "leveretctl"

_HEAD = """\
Error: unable to perform an operation on node '{node}'. Please see diagnostics information and \
suggestions below.

Most common reasons for this are:

 * Target node is unreachable (e.g. due to hostname resolution, TCP connection or firewall issues)
 * CLI tool fails to authenticate with the server (e.g. due to CLI tool's Erlang cookie not \
matching that of the server)
 * Target node is not running

In addition to the diagnostics info below:

 * See the CLI, clustering and networking guides on https://rabbitmq.com/documentation.html to \
learn more
 * Consult server logs on node {node}
 * If target node is configured to use long node names, don't forget to use --longnames with CLI \
tools

DIAGNOSTICS
===========

attempted to contact: [{name}]

{node}:
{found}

Current node details:
 * node name: '{tool}-{pid}@{host}'
 * effective user's home directory: {home}
 * Erlang cookie hash: {hash}
"""


def explain(
    node: str,
    place: Place | None,
    reason: str,
    environment: Mapping[str, str],
    options: Mapping[str, Any],
) -> str:
    """place: where it should be; None: it is not there. reason: why it was of no use."""
    head, _, host = node.partition("@")
    if place is not None:
        found = [f"  * {place.socket or 'a node without a control socket'}: {reason}"]
        found += _advice(place)
    elif host not in (short_host(), long_host(), "localhost"):
        found = [f"  * host {host} is another machine: these tools reach nodes on their own only"]
    else:
        found = [f"  * node {printed(Atom(head))} not running at all", *_others(host, environment)]
        found += _closed(environment)
        found.append("  * suggestion: start the node")
    home = cookie.home_directory(environment)
    return _HEAD.format(
        node=node,
        name=printed(Atom(node)),
        found="\n".join(found),
        tool=TOOL,
        pid=os.getpid(),
        host=short_host(),
        home=home or "(none)",
        hash=_hash_of(environment, options),
    )


def _others(host: str, environment: Mapping[str, str]) -> list[str]:
    names = [Atom(name.partition("@")[0]) for name in all_names(environment)]
    if not names:
        return [f"                  no other nodes on {host}"]
    return [with_term(f"                  other nodes on {host}: ", names)]


def _closed(environment: Mapping[str, str]) -> list[str]:
    """Places where a node of another user may be."""
    return [
        f"  * {directory} belongs to another user: call this tool as that user, or as root with"
        " --data-dir"
        for directory in control_socket.directories(environment)
        if _is_there(directory)
        and not (control_socket.trusted(directory) and os.access(directory, os.R_OK | os.X_OK))
    ]


def _is_there(directory: Path) -> bool:
    try:
        directory.lstat()
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def _advice(place: Place) -> list[str]:
    if place.socket and _is_there(Path(place.socket)) and not os.access(place.socket, os.W_OK):
        return ["  * suggestion: call this tool as the user of the node, or as root"]
    if place.pid and not is_alive(place.pid):
        return ["  * its process has ended without a word", "  * suggestion: start the node"]
    return []


def hash_of(secret: str) -> str:
    """As RabbitMQ shows a cookie."""
    digest = hashlib.md5(secret.encode(), usedforsecurity=False).digest()
    return base64.b64encode(digest).decode("ascii")


def _hash_of(environment: Mapping[str, str], options: Mapping[str, Any]) -> str:
    home = cookie.home_directory(environment)
    given = options.get("erlang_cookie", environment.get(cookie.VARIABLE) or None)
    try:
        found = cookie.of_tool(given, home, None)
    except cookie.CookieError as error:
        return f"({error})"
    return hash_of(found.secret) if found is not None else "(none)"
