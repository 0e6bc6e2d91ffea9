"""TLS by the command line."""

from __future__ import annotations

import json

from tests.support.control import ControlledNode

DIAGNOSTICS = "rabbitmq-diagnostics"


def test_versions(node: ControlledNode) -> None:
    lines = node.lines("tls_versions", tool=DIAGNOSTICS)
    assert lines[:2] == ["tlsv1.3", "tlsv1.2"]
    said = node.tool("tls_versions", "--formatter", "json", tool=DIAGNOSTICS)
    assert json.loads(said.out) == {"versions": lines}


def test_suites_are_shown_in_three_ways(node: ControlledNode) -> None:
    said = node.tool("cipher_suites", tool=DIAGNOSTICS)
    assert said.out.startswith("Listing available cipher suites in OpenSSL format\nTLS_")
    said = node.tool("cipher_suites", "--format", "Erlang", tool=DIAGNOSTICS)
    banner, opening, first, second, *_, last = said.out.splitlines()
    assert banner == "Listing available cipher suites in Erlang term format"
    assert (opening, first[:5], second[:6], last) == ("[", "{any,", ",{any,", "]")
    said = node.tool("-q", "cipher_suites", "--format", "map", tool=DIAGNOSTICS)
    assert said.out.startswith("[\n#{cipher => ")
    said = node.tool(*("cipher_suites", "--formatter", "json"), tool=DIAGNOSTICS)
    assert {"message": "TLS_AES_256_GCM_SHA384"} in json.loads(said.out)
    said = node.tool("cipher_suites", "--format", "bogus", tool=DIAGNOSTICS)
    assert said.code == 65
    assert "Bad argument: Format should be either openssl, erlang or map\n" in said.err


def test_without_tls_there_are_no_certificates(node: ControlledNode) -> None:
    said = node.tool("certificates", tool=DIAGNOSTICS)
    assert said.out == "Certificates of node rabbit@here ...\n#{}\n"
    assert node.tool("certificates", "--formatter", "json", tool=DIAGNOSTICS).out == "[]\n"
