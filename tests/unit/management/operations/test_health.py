"""What is wrong with a node. The checks themselves are asked in api/test_health.py."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from broker.management.operations.health import (
    DAY_S,
    expiring_certificates,
    expiring_in,
    number_of,
    protocol_of,
    seconds_of,
)
from broker.management.operations.refused import Refused
from broker.management.service import Listening
from tests.support.admin import Admin
from tests.support.certificates import Authority

CERTIFICATES = Path(__file__).parents[2] / "auth" / "certificates"
ENDS = datetime(2035, 2, 7, 16, 4, 58, tzinfo=UTC).timestamp()
BEGINS = datetime(2026, 11, 21, 16, 4, 58, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("name", "protocol"),
    [
        ("amqp", "amqp"),
        ("AMQP0_9_1", "amqp"),
        ("amqp1.0", "amqp"),
        ("amqps", "amqp/ssl"),
        ("stomp+tls", "stomp/ssl"),
        ("https", "https"),
        ("management", "http"),
        ("web-mqtt/ssl", "https/web-mqtt"),
        ("Foo", "foo"),
    ],
)
def test_a_protocol_has_many_names(name: str, protocol: str) -> None:
    assert protocol_of(name) == protocol


def test_numbers_of_paths() -> None:
    assert [number_of(text, "x") for text in ("5", "-5", "+05")] == [5, -5, 5]
    for text in ("", "x", "5.0", "1e3", " 5", "5\n", "\u0665", "9" * 5000):
        with pytest.raises(Refused, match="wrong"):
            number_of(text, "wrong")


def test_times() -> None:
    found = [seconds_of("2", unit) for unit in ("days", "Weeks", "MONTHS", "years")]
    assert [seconds / DAY_S for seconds in found] == [2, 14, 730 / 12, 730]
    for within, unit in (("1", "hours"), ("x", "days"), ("1", "")):
        with pytest.raises(Refused):
            seconds_of(within, unit)


def test_certificates_that_end_soon() -> None:
    path = str(CERTIFICATES / "bmp.pem")
    assert expiring_in(path, ENDS - 100, 99) == []
    assert expiring_in(path, ENDS - 100, 101) == ["2035-02-07 16:04:58"]
    assert expiring_in(path, ENDS + 100, 0) == ["2035-02-07 16:04:58"]
    assert expiring_in(path, BEGINS - 1, 0) == ["Certificate is not yet valid"]
    assert expiring_in("", ENDS, DAY_S) == []


def test_files_with_several(tmp_path: Path) -> None:
    path = tmp_path / "all.pem"
    odd, bmp = ((CERTIFICATES / f"{name}.pem").read_bytes() for name in ("odd", "bmp"))
    path.write_bytes(b"comment\n" + odd + bmp)
    assert expiring_in(str(path), ENDS, DAY_S) == ["2035-02-07 16:04:58"]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "a.pem"
    (problem,) = expiring_in(str(path), ENDS, 0)
    assert problem == "The certificate file cannot be read: No such file or directory"
    path.write_bytes(b"nothing")
    (problem,) = expiring_in(str(path), ENDS, 0)
    assert "does not contain any PEM entry" in problem
    for inside in (b"!!!", b"AAAA", b""):
        path.write_bytes(
            b"-----BEGIN CERTIFICATE-----\n" + inside + b"\n-----END CERTIFICATE-----\n"
        )
        (problem,) = expiring_in(str(path), ENDS, 0)
        assert problem.endswith("contains an entry that is none")


def test_which_listeners_are_concerned(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    identity = authority.issue("server")
    listening: list[Listening] = [
        ("amqp", "::", 5672),
        ("amqp/ssl", "::", 5671),
        ("https", "127.0.0.1", 15671),
        ("https/prometheus", "::", 15691),
    ]
    settings = {
        **authority.server_settings(identity),
        "ssl_options.cacertfile": authority.ca,
        "management.ssl.certfile": identity.cert,
        "management.ssl.keyfile": identity.key,
    }
    api = Admin(settings, listening=listening)
    now = datetime.now(UTC) + timedelta(minutes=1)
    api.world.clock.began_ms = int(now.timestamp() * 1000)
    assert expiring_certificates(api.node, api.management.listeners(), 20 * DAY_S) is None
    failure = expiring_certificates(api.node, api.management.listeners(), 40 * DAY_S)
    assert failure is not None
    assert (failure["status"], failure["reason"]) == ("failed", "Certificates expiring")
    first, second, third = failure["expired"]
    assert first["protocol"] == "amqp/ssl"
    assert (first["certfile"], first["cacertfile"]) == (identity.cert, authority.ca)
    assert len(first["certfile_expires_on"]) == len(first["cacertfile_expires_on"]) == 1
    assert (second["interface"], second["port"]) == ("127.0.0.1", 15671)
    assert second["cacertfile_expires_on"] == []
    assert third["certfile"] == identity.cert  # those of AMQP
