"""Bodies of forms that upload a file: multipart/form-data (RFC 7578)."""

from __future__ import annotations

import re

from broker.management.request import Refusal

_NAME = re.compile(rb'form-data\b.*?;\s*name="((?:[^"\\]|\\.)*)"', re.IGNORECASE | re.DOTALL)


def parts_of(body: bytes, boundary: str) -> dict[str, bytes]:
    """The values of the form's fields by name; of several with one name the last.

    Raises: Refusal: there is no end, or something that is not a field.
    """
    mark = b"--" + boundary.encode("utf-8", "surrogateescape")
    _, *pieces = (b"\r\n" + body).split(b"\r\n" + mark)
    if not boundary or not pieces or not pieces[-1].startswith(b"--"):
        raise Refusal(400)
    found = {}
    for piece in pieces[:-1]:
        head, separator, value = piece.partition(b"\r\n\r\n")
        name = _NAME.search(head)
        if not separator or name is None:
            raise Refusal(400)
        found[name[1].decode("utf-8", "replace")] = value
    return found
