"""What a certificate says, as RabbitMQ 3.10.8 says it of the same files (rabbit_cert_info and
rabbit_ssl, asked by `rabbitmqctl eval`)."""

from __future__ import annotations

import contextlib
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.auth.x509 import Certificate, CertificateError, elements, object_id

FOLDER = Path(__file__).parent / "certificates"


def der(name: str) -> bytes:
    return ssl.PEM_cert_to_DER_cert((FOLDER / f"{name}.pem").read_text())


ODD, BMP, TELETEX = der("odd"), der("bmp"), der("teletex")
MULTI, NAMELESS = der("multi"), der("nameless")

AROUND = (
    "DC=example,2.5.4.9=Weg 1,1.2.3.4=odd \\C3\\BCnd,EMAILADDRESS=a@b.c,CN=\\#2\\ ,"
    "CN=\\ #cl\\C3\\AFent \\7E {},"
    'OU=A\\+B \\"q\\" \\<x\\>\\; back\\\\slash,O=Hase\\, Igel & Co,ST=Nord see,C=DE'
)


@pytest.mark.parametrize(
    ("certificate", "subject"),
    [
        (ODD, AROUND.format("\\E2\\82\\AC")),
        (BMP, AROUND.format("\\E2\\82\\AC")),
        (TELETEX, AROUND.format("\\C3\\A9")),
        (MULTI, "CN=two,OU=x+CN=one"),
        (NAMELESS, "DC=example,DC=org,UID=u1,O=\\ lead#"),
    ],
)
def test_the_subject_whatever_its_encoding(certificate: bytes, subject: str) -> None:
    assert Certificate(certificate).subject == subject


def test_issuer_and_validity() -> None:
    certificate = Certificate(ODD)
    assert certificate.issuer == "O=Leveret,CN=Test CA"
    # a year from 2050 on is another type, which RabbitMQ shows as it is
    assert certificate.validity == '2026-11-21T16:04:58Z - {generalTime,"20810824160458Z"}'
    assert Certificate(BMP).validity == "2026-11-21T16:04:58Z - 2035-02-07T16:04:58Z"


def test_validity_in_seconds() -> None:
    first = datetime(2026, 11, 21, 16, 4, 58, tzinfo=UTC).timestamp()
    last = datetime(2081, 8, 24, 16, 4, 58, tzinfo=UTC).timestamp()
    assert Certificate(ODD).validity_s == (first, last)
    last = datetime(2035, 2, 7, 16, 4, 58, tzinfo=UTC).timestamp()
    assert Certificate(BMP).validity_s == (first, last)


@pytest.mark.parametrize(
    ("valid_from", "first"),
    [(b"261121160458Z", 2026), (b"491121160458Z", 2049), (b"501121160458Z", 1950)],
)
def test_a_year_of_two_digits(valid_from: bytes, first: int) -> None:
    changed = ODD.replace(b"261121160458Z", valid_from)
    found = datetime.fromtimestamp(Certificate(changed).validity_s[0], UTC)
    assert found.year == first


@pytest.mark.parametrize("time", [b"261321160458Z", b"2611211604580", b"26112116045\xffZ"])
def test_times_that_are_none(time: bytes) -> None:
    with pytest.raises(CertificateError, match="a time that is none"):
        assert Certificate(ODD.replace(b"261121160458Z", time)).validity_s


def test_names() -> None:
    odd = Certificate(ODD)
    assert odd.common_names == [" #clïent ~ €", "#2 "]
    assert odd.alternative_names("dns") == ["one.example", "two.example"]
    assert odd.alternative_names("email") == ["me@example.org"]
    assert odd.alternative_names("uri") == ["urn:x:y"]
    assert odd.alternative_names("ip") == ["\n\x01\x02\x03", "\0" * 15 + "\x01"]
    assert odd.alternative_names("other_name") == ["Ã¶tter"]  # what the file has
    assert Certificate(MULTI).common_names == ["one", "two"]
    assert Certificate(NAMELESS).common_names == []
    assert Certificate(NAMELESS).alternative_names("dns") == []


@pytest.mark.parametrize(
    "data", [b"", b"\x30", b"\x30\x80", b"\x30\x00", b"\x30\x02\x30\x00", b"x"]
)
def test_what_is_no_certificate(data: bytes) -> None:
    with pytest.raises(CertificateError):
        Certificate(data)


@pytest.mark.parametrize(
    "data",
    [b"\x30", b"\x30\x01", b"\x30\x81", b"\x30\x85\0\0\0\0\x01x", b"\x30\x80x", b"\x04\x02x"],
)
def test_elements_that_are_cut_off(data: bytes) -> None:
    with pytest.raises(CertificateError):
        list(elements(data))


def test_object_ids() -> None:
    assert object_id(bytes.fromhex("550403")) == "2.5.4.3"
    assert object_id(bytes.fromhex("2a864886f70d010901")) == "1.2.840.113549.1.9.1"
    assert object_id(bytes.fromhex("883703")) == "2.999.3"
    assert object_id(bytes.fromhex("69") + b"\xff" * 18 + b"\x01").startswith("2.25.")
    for endless in (b"\xff" * 3000 + b"\x01", b"\x2a" + b"\x03" * 1000):
        with pytest.raises(CertificateError):
            object_id(endless)
    for data in (b"", b"\x80"):
        with pytest.raises(CertificateError):
            object_id(data)


def everything(data: bytes) -> None:
    certificate = Certificate(data)
    for name in ("subject", "issuer", "validity", "validity_s", "common_names"):
        getattr(certificate, name)
    for kind in ("dns", "ip", "email", "uri", "other_name"):
        certificate.alternative_names(kind)


@given(st.sampled_from([ODD, BMP, TELETEX, MULTI]), st.data())
def test_damage_is_an_error_of_its_kind_or_changes_a_name(
    whole: bytes, data: st.DataObject
) -> None:
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        damaged[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(len(damaged) // 2, len(damaged)))
    with contextlib.suppress(CertificateError):
        everything(bytes(damaged[:cut]))


def test_a_value_that_is_no_text_is_printed_as_erlang_does() -> None:
    whole = ODD.replace(
        bytes.fromhex("0c08") + "odd ünd".encode(), bytes.fromhex("0408") + b"\xff" * 8
    )
    assert "1.2.3.4=\\<\\<4\\,8\\,255\\,255" in Certificate(whole).subject
