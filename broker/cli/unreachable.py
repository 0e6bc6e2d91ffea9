"""What a tool says when it cannot reach a node: what it tried, and what may be the matter."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping

from broker import cookie
from broker.cli.link import Place, all_names
from broker.cli.node_names import short_host

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

attempted to contact: ['{node}']

{node}:
{found}

Current node details:
 * node name: 'leveretctl-{pid}@{host}'
 * effective user's home directory: {home}
 * Erlang cookie hash: {hash}
"""


def explain(
    node: str, place: Place | None, reason: str, environment: Mapping[str, str], pid: int
) -> str:
    """place: where it should be; None: it is not there. reason: why it was of no use."""
    head, _, host = node.partition("@")
    if place is not None:
        found = [f"  * {place.socket or 'a node without a control socket'}: {reason}"]
    elif host not in (short_host(), "localhost"):
        found = [f"  * host {host} is another machine: these tools reach nodes on their own only"]
    else:
        others = [name.partition("@")[0] for name in all_names(environment)]
        running = f"other nodes on {host}: {others}" if others else f"no other nodes on {host}"
        found = [
            f"  * node '{head}' not running at all",
            f"                  {running}",
            "  * suggestion: start the node",
        ]
    home = cookie.home_directory(environment)
    return _HEAD.format(
        node=node,
        found="\n".join(found),
        pid=pid,
        host=short_host(),
        home=home or "(none)",
        hash=_hash_of(environment),
    )


def hash_of(secret: str) -> str:
    """As RabbitMQ shows a cookie."""
    digest = hashlib.md5(secret.encode(), usedforsecurity=False).digest()
    return base64.b64encode(digest).decode("ascii")


def _hash_of(environment: Mapping[str, str]) -> str:
    home = cookie.home_directory(environment)
    try:
        found = cookie.of_tool(environment.get(cookie.VARIABLE, ""), home, None)
    except cookie.CookieError as error:
        return f"({error})"
    return hash_of(found.secret) if found is not None else "(no cookie)"
