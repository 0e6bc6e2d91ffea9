"""Hosts and interfaces by the command line."""

from __future__ import annotations

import json

from tests.support.control import ControlledNode

DIAGNOSTICS = "rabbitmq-diagnostics"


def test_a_host_is_resolved_by_the_node_or_by_the_tool(node: ControlledNode) -> None:
    for argv in ((), ("--offline",), ("-a", "ipv4")):
        said = node.tool("-q", "resolve_hostname", "127.0.0.1", *argv, tool=DIAGNOSTICS)
        assert said == (0, "127.0.0.1\n", "")
    said = node.tool("resolve_hostname", "127.0.0.1", "--formatter", "json", tool=DIAGNOSTICS)
    assert json.loads(said.out) == {
        "result": "ok",
        "node": "rabbit@here",
        "hostname": "127.0.0.1",
        "address_family": "IPv4",
        "addresses": ["127.0.0.1"],
    }


def test_banners_say_who_resolves(node: ControlledNode) -> None:
    said = node.tool("resolve_hostname", "::1", "--address-family", "ipv6", tool=DIAGNOSTICS)
    assert said.out == "Asking node rabbit@here to resolve hostname ::1 to ipv6 addresses...\n::1\n"
    said = node.tool("resolve_hostname", "127.0.0.1", "--offline", tool=DIAGNOSTICS)
    assert said.out.startswith("Resolving hostname 127.0.0.1 to IPv4 addresses...\n")


def test_what_does_not_resolve(node: ControlledNode) -> None:
    text = "Hostname does not resolve (resolution failed with an nxdomain)"
    for argv in ((), ("--offline",)):
        host = "a" * 300
        said = node.tool("-q", "resolve_hostname", host, *argv, tool=DIAGNOSTICS)
        assert said == (65, "", f"Error:\n{text}\n")
        said = node.tool(
            *("resolve_hostname", host, *argv, "--formatter", "json"), tool=DIAGNOSTICS
        )
        assert json.loads(said.err) == {"result": "error", "node": "rabbit@here", "message": text}
    said = node.tool("resolve_hostname", "x", "--address-family", "bogus", tool=DIAGNOSTICS)
    assert said.code == 65
    assert "unsupported IP address family bogus. Valid values are: ipv4, ipv6" in said.err


def test_the_resolver(node: ControlledNode) -> None:
    for argv in ((), ("--offline",)):
        lines = node.lines("resolver_info", *argv, tool=DIAGNOSTICS)
        assert lines[2] == "Lookup order: native"
        assert lines[-1] == "(none)"


def test_interfaces(node: ControlledNode) -> None:
    lines = node.lines("list_network_interfaces", tool=DIAGNOSTICS)
    assert "\x1b[1mInterface lo\x1b[0m" in lines
    assert "addr: 127.0.0.1" in lines
    said = node.tool("list_network_interfaces", "--formatter", "json", tool=DIAGNOSTICS)
    assert "loopback" in json.loads(said.out)["interfaces"]["lo"]["flags"]
