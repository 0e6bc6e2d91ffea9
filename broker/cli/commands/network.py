"""What the machine of a node knows of networks."""

from __future__ import annotations

from typing import Any

from broker.cli.command import (
    CONFIGURATION,
    DIAGNOSTICS,
    MONITORING,
    NOTHING,
    REACHABLE,
    SWITCH,
    TEXT,
    Call,
    Output,
    command,
)
from broker.cli.errors import EX_DATA, FailedError, bad_argument
from broker.cli.help import bright

ONLY = (DIAGNOSTICS,)
FAMILIES = {
    **dict.fromkeys(("inet", "inet4", "ipv4", "IPv4"), False),
    **dict.fromkeys(("inet6", "ipv6", "IPv6"), True),
}
UNRESOLVED = "Hostname does not resolve (resolution failed with an nxdomain)"
OFFLINE = ("--offline", "By this tool instead of the node")


def _check_family(call: Call) -> None:
    family = call.options["address_family"]
    if family not in FAMILIES:
        text = f"unsupported IP address family {family}. Valid values are: ipv4, ipv6"
        raise bad_argument(text)


def _resolving(call: Call) -> str:
    what = f"hostname {call.arguments[0]} to {call.options['address_family']} addresses..."
    if call.options["offline"]:
        return f"Resolving {what}"
    return f"Asking node {call.node} to resolve {what}"


@command(
    "resolve_hostname",
    usage="resolve_hostname <hostname> [--address-family <ipv4 | ipv6>]",
    description="Shows the addresses that a host has for the node",
    section=CONFIGURATION,
    tools=ONLY,
    topics=[
        ("<hostname>", "The host"),
        ("--address-family <family>", "Which of them: ipv4 (unless said otherwise) or ipv6"),
        OFFLINE,
    ],
    switches={"address_family": TEXT, "offline": SWITCH},
    letters={"a": "address_family"},
    arity=(1, 1),
    defaults={"address_family": "IPv4", "offline": False},
    validate=_check_family,
    needs=NOTHING,
    banner=_resolving,
)
def resolve_hostname(call: Call) -> Output:
    hostname, family = call.arguments[0], call.options["address_family"]
    is_json = call.options.get("formatter") == "json"
    try:
        found = _resolved(call, hostname, is_ipv6=FAMILIES[family])
    except FailedError as error:
        message = str(error.text).partition("\n")[2]
        error.document = {"result": "error", "node": call.node, "message": message}
        raise
    if is_json:
        facts = {"hostname": hostname, "address_family": family, "addresses": found}
        return {"result": "ok", "node": call.node, **facts}
    return "\n".join(found)


def _resolved(call: Call, hostname: str, *, is_ipv6: bool) -> Any:
    """Raises: ToolError."""
    if not call.options["offline"]:
        return call.ask("network.resolve", hostname=hostname, is_ipv6=is_ipv6)
    import socket

    family = socket.AF_INET6 if is_ipv6 else socket.AF_INET
    try:
        found = socket.getaddrinfo(hostname, None, family, socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise FailedError(UNRESOLVED, EX_DATA) from None
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@command(
    "resolver_info",
    usage="resolver_info",
    description="Shows how hosts are resolved, which is by the system",
    section=CONFIGURATION,
    tools=ONLY,
    topics=[OFFLINE],
    switches={"offline": SWITCH},
    defaults={"offline": False},
    needs=NOTHING,
    banner=lambda call: (
        "Displaying effective hostname resolver (inetrc) configuration used by CLI tools..."
        if call.options["offline"]
        else f"Asking node {call.node} for its effective hostname resolver (inetrc)"
        " configuration..."
    ),
)
def resolver_info(call: Call) -> Output:
    facts = {"lookup": "native", "hosts_file": "/etc/hosts", "resolv_conf": "/etc/resolv.conf"}
    if not call.options["offline"]:
        facts = call.ask("network.resolver")
    if call.options.get("formatter") == "json":
        return {"result": "ok", "node": call.node, "resolver": facts}
    return "\n".join(
        [
            f"{bright('Runtime Hostname Resolver (inetrc) Settings')}\n",
            f"Lookup order: {facts['lookup']}",
            f"Hosts file: {facts['hosts_file']}",
            f"Resolver conf file: {facts['resolv_conf']}",
            "Cache size: ",
            f"\n{bright('inetrc File Host Entries')}\n",
            "(none)",
        ]
    )


@command(
    "list_network_interfaces",
    usage="list_network_interfaces",
    description="Lists the network interfaces of the node's machine",
    section=MONITORING,
    tools=ONLY,
    topics=[OFFLINE],
    has_timeout=True,
    switches={"offline": SWITCH},
    needs=REACHABLE,
    banner="Asking node {node} to report its network interfaces ...",
)
def list_network_interfaces(call: Call) -> Output:
    found = call.ask("network.interfaces")
    if call.options.get("formatter") == "json":
        if not found:
            return {"result": "ok", "node": call.node, "interfaces": {}}
        message = f"Node {call.node} reported network interfaces"
        return {"result": "ok", "interfaces": dict(found), "message": message}
    if not found:
        return f"Node {call.node} reported no network interfaces"
    lines = []
    for name, facts in found:
        lines.append(f"{bright(f'Interface {name}')}\n")
        lines += [f"{key}: {value}" for key, value in facts]
        lines.append("\n")
    return "\n".join(lines)
