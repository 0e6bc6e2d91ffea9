"""RabbitMQ's own command line tool for the HTTP API, unmodified: all of its subcommands.

What it says here is compared with what it said to RabbitMQ 3.10.8, recorded by
`python -m tests.conformance.rabbitmqadmin`. The tool is not part of this project: these tests want
it installed (Debian has it in rabbitmq-server), or named by RABBITMQADMIN.
"""

from __future__ import annotations

import difflib
import json
import re
from pathlib import Path

import pytest

from tests.conformance.rabbitmqadmin import playing, steps
from tests.conformance.rabbitmqadmin.recorded import DEVIATIONS, recorded
from tests.conformance.rabbitmqadmin.tool import RELEASE, Tool, installed
from tests.support.certificates import Authority
from tests.support.process import BrokerProcess

needs_the_tool = pytest.mark.skipif(
    installed() is None, reason=f"there is no rabbitmqadmin {RELEASE} on the PATH"
)
RECORDED = recorded()
NAMES = [step.name for step in steps.steps()]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What the tool says to a new broker of ours."""
    directory = tmp_path_factory.mktemp("rabbitmqadmin")
    with BrokerProcess() as broker:
        http_port = broker.ports["management"]
        assert http_port is not None
        return playing.play(directory, broker.port, http_port, is_slow=False)


def test_all_steps_were_recorded() -> None:
    assert list(RECORDED) == NAMES, "record them: python -m tests.conformance.rabbitmqadmin"


def test_deviations_are_of_steps_and_have_a_reason() -> None:
    for deviation in DEVIATIONS:
        assert len(deviation.reason.split()) >= 4
        assert set(deviation.steps) <= set(NAMES)
    names = [name for deviation in DEVIATIONS for name in deviation.steps]
    assert len(names) == len(set(names))


@needs_the_tool
@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_says_to_rabbitmq(said: dict[str, list[str]], name: str) -> None:
    found = differences(RECORDED[name], said[name])
    deviation = next((one for one in DEVIATIONS if name in one.steps), None)
    if deviation is None:
        assert found == []
    else:
        assert found, f"it does not deviate any more: {deviation.reason}"
        assert [line for line in found if not deviation.covers(line)] == []


def differences(recorded: list[str], said: list[str]) -> list[str]:
    """What is missing (-) and what is too much (+)."""
    lines = difflib.unified_diff(recorded, said, lineterm="", n=0)
    return [line for line in lines if not re.match(r"---|\+\+\+|@@", line)]


@needs_the_tool
def test_all_subcommands_are_used(tmp_path: Path) -> None:
    usage = Tool(tmp_path, 1).run("help", "subcommands")
    offered = {
        tuple(re.findall(r"^  ([a-z]+)(?: ([a-z_]+)(?![a-z_=]))?", line)[0])
        for line in usage.out.splitlines()
        if re.match(r"  (list|show|declare|delete|close|purge|export|import|publish|get) ", line)
    }
    assert {tuple(filter(None, words)) for words in offered} == steps.verbs() - NOT_OFFERED


# what is used to see it refused
NOT_OFFERED = {("declare",), ("purge", "exchange")} | {
    (verb, "nonsense") for verb in ("list", "show", "declare", "delete")
}


@needs_the_tool
@pytest.mark.parametrize(
    "words", [("help",), ("--help",), ("help", "config"), ("--bash-completion",), ("--version",)]
)
def test_what_it_says_without_a_broker(tmp_path: Path, words: tuple[str, ...]) -> None:
    found = Tool(tmp_path, 1).run(*words)
    assert (found.code, found.err) == (0, "")
    assert "rabbitmqadmin" in found.out


@needs_the_tool
def test_over_https(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    server, client = authority.issue("localhost"), authority.issue("client")
    settings = {
        "management.ssl.port": "0",
        "management.ssl.certfile": server.cert,
        "management.ssl.keyfile": server.key,
        "management.ssl.cacertfile": authority.ca,
        "management.ssl.verify": "verify_peer",
        "management.ssl.fail_if_no_peer_cert": "true",
    }
    flags = [word for pair in settings.items() for word in ("--set", "=".join(pair))]
    with BrokerProcess(*flags) as broker:
        assert broker.ports["management"] is not None
        plain = Tool(tmp_path, broker.ports["management"])
        listeners = json.loads(plain.run("-f", "raw_json", "show", "overview").out)[0]["listeners"]
        tool = Tool(tmp_path, next(one["port"] for one in listeners if one["protocol"] == "https"))
        own = ("--ssl-cert-file", client.cert, "--ssl-key-file", client.key)
        listing = ("-f", "tsv", "list", "vhosts", "name")
        for trust in (("--ssl-ca-cert-file", authority.ca), ("--ssl-insecure",)):
            found = tool.run("--ssl", *trust, *own, *listing)
            assert (found.code, found.out) == (0, "name\n/\n"), found.err
        distrusted = tool.run("--ssl", *own, *listing)
        assert distrusted.code == 1
        assert "CERTIFICATE_VERIFY_FAILED" in distrusted.err


@needs_the_tool
def test_behind_a_path_prefix(tmp_path: Path) -> None:
    with BrokerProcess("--set", "management.path_prefix=/rabbit") as broker:
        assert broker.ports["management"] is not None
        tool = Tool(tmp_path, broker.ports["management"])
        found = tool.run("--path-prefix", "/rabbit", "-f", "tsv", "list", "vhosts", "name")
        assert (found.code, found.out) == (0, "name\n/\n"), found.err
