"""TLS contexts from settings; handshakes with them are in tests/integration."""

from __future__ import annotations

import os
import ssl
import subprocess
from pathlib import Path

import pytest

from broker.config import Config, override
from broker.server.certificates import Certificates, chain_problem, make_context
from broker.server.listener import ListenError
from broker.transport_settings import TlsOptions
from tests.support.certificates import OPENSSL, Authority, Identity


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def server(authority: Authority) -> Identity:
    return authority.issue("server")


def options(identity: Identity, **settings: object) -> TlsOptions:
    config = override(Config(), "ssl_options.certfile", identity.cert)
    config = override(config, "ssl_options.keyfile", identity.key)
    for key, value in settings.items():
        config = override(config, f"ssl_options.{key}", value)
    return config.tls


def test_the_defaults(server: Identity) -> None:
    context = make_context(options(server))
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.maximum_version == ssl.TLSVersion.TLSv1_3
    assert context.verify_mode == ssl.CERT_NONE
    assert not context.options & ssl.OP_CIPHER_SERVER_PREFERENCE


@pytest.mark.parametrize(
    ("required", "mode"), [(False, ssl.CERT_OPTIONAL), (True, ssl.CERT_REQUIRED)]
)
def test_who_is_asked_for_a_certificate(
    authority: Authority, server: Identity, required: bool, mode: ssl.VerifyMode
) -> None:
    context = make_context(
        options(
            server, verify="verify_peer", cacertfile=authority.ca, fail_if_no_peer_cert=required
        )
    )
    assert context.verify_mode == mode
    assert context.options & ssl.OP_NO_TICKET
    assert context.num_tickets == 0


@pytest.mark.parametrize(
    ("versions", "least", "most", "without"),
    [
        ("tlsv1.2", "TLSv1_2", "TLSv1_2", 0),
        ("tlsv1.3", "TLSv1_3", "TLSv1_3", 0),
        ("tlsv1.1,tlsv1.3", "TLSv1_1", "TLSv1_3", ssl.OP_NO_TLSv1_2),
        ("tlsv1.3,tlsv1", "TLSv1", "TLSv1_3", ssl.OP_NO_TLSv1_2 | ssl.OP_NO_TLSv1_1),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_versions(server: Identity, versions: str, least: str, most: str, without: int) -> None:
    context = make_context(options(server, versions=versions))
    assert context.minimum_version == ssl.TLSVersion[least]
    assert context.maximum_version == ssl.TLSVersion[most]
    both = ssl.OP_NO_TLSv1_2 | ssl.OP_NO_TLSv1_1
    assert context.options & both == without


@pytest.mark.parametrize(
    ("ciphers", "has_13", "least"),
    [
        ("ECDHE-ECDSA-AES256-GCM-SHA384,ECDHE-RSA-AES128-GCM-SHA256", False, "TLSv1_2"),
        ("ECDHE-ECDSA-AES256-GCM-SHA384,TLS_AES_256_GCM_SHA384", True, "TLSv1_2"),
        ("TLS_AES_256_GCM_SHA384", True, "TLSv1_3"),
    ],
)
def test_ciphers(server: Identity, ciphers: str, has_13: bool, least: str) -> None:
    context = make_context(options(server, ciphers=ciphers, honor_cipher_order=True))
    assert (context.maximum_version == ssl.TLSVersion.TLSv1_3) is has_13
    assert context.minimum_version == ssl.TLSVersion[least]
    assert context.options & ssl.OP_CIPHER_SERVER_PREFERENCE
    older = [name for name in ciphers.split(",") if not name.startswith("TLS_")]
    if older:
        names = [cipher["name"] for cipher in context.get_ciphers()]
        assert [name for name in names if not name.startswith("TLS_")] == older


def test_an_encrypted_key_needs_its_password(
    authority: Authority, server: Identity, tmp_path: Path
) -> None:
    assert OPENSSL is not None
    locked = str(tmp_path / "locked.key")
    subprocess.run(
        [OPENSSL, "pkey", "-in", server.key, "-out", locked, "-aes256", "-passout", "pass:secret"],
        check=True,
    )
    identity = Identity(server.cert, locked)
    make_context(options(identity, password="secret"))
    for password in ("", "wrong"):
        with pytest.raises(ListenError, match=r"the password of the private key in .* is another"):
            make_context(options(identity, password=password))


def test_a_key_may_be_in_the_file_of_its_certificate(server: Identity, tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_text(Path(server.cert).read_text() + Path(server.key).read_text())
    make_context(TlsOptions(certfile=str(both)))


def test_what_cannot_be_used(authority: Authority, server: Identity, tmp_path: Path) -> None:
    other = authority.issue("other")
    broken = tmp_path / "broken.pem"
    broken.write_text("broken")
    folder = str(tmp_path)
    for given, problem in [
        (options(Identity("/nope", server.key)), "ssl_options.certfile: /nope: No such file"),
        (options(Identity(server.cert, "/nope")), "ssl_options.keyfile: /nope: No such file"),
        (options(Identity(folder, server.key)), "ssl_options.certfile: .*: Is a directory"),
        (options(Identity(str(broken), server.key)), "broken.pem has no certificate in PEM"),
        (options(Identity(server.cert, str(broken))), "broken.pem has no private key in PEM"),
        (options(Identity(server.cert, "")), "server.pem has no private key in PEM"),
        (options(Identity(server.cert, other.key)), "the private key does not belong"),
        (options(server, dhfile="/nope"), "ssl_options.dhfile: /nope: No such file"),
        (options(server, dhfile=str(broken)), "ssl_options.dhfile: .* has no parameters"),
        (options(server, versions="none"), "ssl_options.versions has none"),
        (options(server, ciphers="ROT13"), "ssl_options.ciphers: OpenSSL knows no 'ROT13'"),
        (
            options(server, ciphers="ECDHE-RSA-AES128-GCM-SHA256", versions="tlsv1.3"),
            "has none for ssl_options.versions",
        ),
        (
            options(server, ciphers="TLS_AES_128_GCM_SHA256", versions="tlsv1.2"),
            "has none for ssl_options.versions",
        ),
        (options(server, verify="verify_peer"), "verify_peer needs ssl_options.cacertfile"),
        (
            options(server, verify="verify_peer", cacertfile="/nope"),
            "ssl_options.cacertfile: /nope: No such file",
        ),
        (
            options(server, verify="verify_peer", cacertfile=str(broken)),
            "broken.pem has no certificate in PEM",
        ),
        (options(server, fail_if_no_peer_cert=True), "fail_if_no_peer_cert needs"),
        (options(server, **{"sni.keyfile.a.b": server.key}), "a.b is without its sni.certfile"),
        (options(server, **{"sni.certfile": [server.cert]}), "needs a host"),
        (
            options(server, **{"sni.certfile.a.b": "/nope"}),
            r"ssl_options.sni \(a.b\).certfile: /nope: No such file",
        ),
    ]:
        with pytest.raises(ListenError, match=problem) as caught:
            make_context(given)
        assert "\n" not in str(caught.value)


def test_without_a_certificate_there_is_nothing_to_show() -> None:
    with pytest.raises(ListenError, match=r"listeners\.ssl needs ssl_options\.certfile"):
        Certificates(TlsOptions())


def test_a_change_is_taken_up_once_and_a_broken_one_said_once(
    authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    identity = Authority(tmp_path).issue("mine")
    certificates = Certificates(options(identity))
    first = certificates.context
    assert not certificates.reload()
    os.utime(identity.cert, ns=(1, 1))
    assert certificates.reload()
    second = certificates.context
    assert second is not first
    assert not certificates.reload()
    Path(identity.key).write_text("broken")
    assert not certificates.reload()
    assert not certificates.reload()
    assert caplog.text.count("the new certificates cannot be used, the old ones stay") == 1
    Path(identity.key).unlink()
    assert not certificates.reload()
    assert caplog.text.count("the old ones stay") == 2
    assert certificates.context is second


class Chain:
    """As much of an SSLObject as `chain_problem` asks, public from Python 3.13 on."""

    session_reused = False

    def __init__(self, size: int):
        self.size = size

    def getpeercert(self, binary_form: bool) -> bytes:
        return b"certificate" if self.size else b""

    def get_verified_chain(self) -> list[bytes]:
        return [b"certificate"] * max(self.size, 0)


@pytest.mark.parametrize(
    ("size", "depth", "problem"),
    [
        (0, 0, None),
        (2, 0, None),
        (3, 1, None),
        (3, 0, "1 intermediate certificates, more than the depth allowed"),
        (5, 2, "3 intermediate certificates, more than the depth allowed"),
        (-1, 9, "its certificate comes without a chain"),
    ],
)
def test_the_depth_of_a_chain(size: int, depth: int, problem: str | None) -> None:
    assert chain_problem(Chain(size), depth) == problem  # type: ignore[arg-type]
