"""Forms with files."""

from __future__ import annotations

import pytest

from broker.management.multipart import parts_of
from broker.management.request import Refusal


def form(*parts: tuple[str, bytes], end: bytes = b"--xy--\r\n") -> bytes:
    pieces = [b"--xy\r\n%b\r\n\r\n%b\r\n" % (head.encode(), value) for head, value in parts]
    return b"".join(pieces) + end


def test_fields_and_files() -> None:
    body = form(
        ('Content-Disposition: form-data; name="redirect"', b"/#x"),
        (
            'content-disposition: form-data; name="file"; filename="a;b.json"\r\n'
            "Content-Type: application/json",
            b'{"a":\r\n"--x"}',
        ),
    )
    assert parts_of(body, "xy") == {"redirect": b"/#x", "file": b'{"a":\r\n"--x"}'}
    assert parts_of(b"preamble\r\n" + body + b"epilogue", "xy") == parts_of(body, "xy")
    assert parts_of(b"--xy--\r\n", "xy") == {}


def test_the_name_is_not_that_of_the_file() -> None:
    head = 'Content-Disposition: form-data; filename="name.json"; name="file"'
    assert parts_of(form((head, b"1")), "xy") == {"file": b"1"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--other--\r\n",
        form(('Content-Disposition: form-data; name="a"', b"1"), end=b""),
        form(("Content-Disposition: form-data", b"1")),
        form(("X: y", b"1")),
        b"--xy\r\nno end of the head\r\n--xy--",
    ],
)
def test_what_is_no_form(body: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        parts_of(body, "xy")
    assert refused.value.status == 400


def test_a_form_without_a_boundary() -> None:
    with pytest.raises(Refusal):
        parts_of(b"--\r\n----", "")
