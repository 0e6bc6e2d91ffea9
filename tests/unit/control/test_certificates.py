"""Certificates that expire soon."""

from __future__ import annotations

from pathlib import Path

import pytest

from broker.cli.errors import FailedError
from tests.support.certificates import Authority
from tests.support.control import ControlledNode


def test_no_tls_nothing_to_expire(node: ControlledNode) -> None:
    assert node.ask("certificates.expiring", within="99", unit="years") == []
    with pytest.raises(FailedError):
        node.ask("certificates.expiring", within="1", unit="bogus")


def test_those_that_expire_in_time_are_told(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    settings = authority.server_settings(authority.issue("server"))
    with ControlledNode(tmp_path / "node", settings) as tls:
        assert tls.ask("certificates.expiring", within="1", unit="days") == []
        found = tls.ask("certificates.expiring", within="999", unit="years")
        assert isinstance(found, list)
        assert len(found) == 1
        said = tls.tool(
            *("-q", "check_certificate_expiration", "--within", "999", "--unit", "years"),
            tool="rabbitmq-diagnostics",
        )
        assert said.code == 69
        assert said.err
