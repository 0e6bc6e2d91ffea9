"""Encrypted values by the command line."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from tests.support.control import ControlledNode

needs_cryptography = pytest.mark.skipif(
    find_spec("cryptography") is None, reason="without the package cryptography"
)

# What RabbitMQ's tool has made of them, with the passphrase "passphrase".
ATOM = "Q27oQ/3DYysCqYUULya3+6eo+Qbk7HbmEkx2+Od9BW09l3zdJSWXhN2RSNTnUuEp"
STRING = "iM42jc+mc/wE6V8MpAjp7EKidKDLA+7WAuJJR7+m79HaHVopQGknb1rpuSCTPQUr"
UNREADABLE = (
    "Error:\nFailed to decrypt the value. Things to check: is the passphrase correct? Are the"
    " cipher and hash algorithms the same as those used for encryption?\n"
)


@needs_cryptography
@pytest.mark.parametrize(
    ("hidden", "shown"),
    [
        (f'{{encrypted,<<"{ATOM}">>}}', "value"),
        (f'<<"{ATOM}">>', "value"),
        (f'"{STRING}"', '"value"'),
        (f"encrypted:{STRING}", '"value"'),
    ],
)
def test_what_rabbitmq_has_encrypted_is_read(node: ControlledNode, hidden: str, shown: str) -> None:
    assert node.tool("decode", hidden, "passphrase") == (0, f"Decrypting value...\n{shown}\n", "")


@needs_cryptography
@pytest.mark.parametrize("value", ["atom", '"text"', '<<"binary">>', "[1,2]"])
@pytest.mark.parametrize("how", [(), ("--cipher", "aes_256_ctr", "--iterations", "5")])
def test_a_value_comes_back(node: ControlledNode, value: str, how: tuple[str, ...]) -> None:
    said = node.tool("encode", value, "secret", *how)
    banner, hidden = said.out.splitlines()
    assert banner == "Encrypting value ..."
    assert hidden.startswith('{encrypted,<<"')
    assert node.tool("-q", "decode", hidden, "secret", *how).out == f"{value}\n"
    assert node.tool("-q", "decode", hidden, "other", *how).err == UNREADABLE


@needs_cryptography
def test_the_passphrase_may_come_by_standard_input(node: ControlledNode) -> None:
    said = node.tool("decode", f'<<"{ATOM}">>', stdin="passphrase\n")
    assert said == (0, "Decrypting value...\nPassphrase: \nvalue\n", "")
    said = node.tool("-q", "encode", stdin="value\nsecret\n")
    assert said.code == 0


@needs_cryptography
def test_what_is_no_value_is_refused(node: ControlledNode) -> None:
    assert node.tool("-q", "encode", "{", "secret") == (
        69,
        "",
        "Error:\nError during cipher operation\n",
    )
    for text in ("value", "{", '<<"short">>', "5"):
        assert node.tool("-q", "decode", text, "secret") == (69, "", UNREADABLE)


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (("encode", "--cipher", "bogus"), "The requested cipher is not supported."),
        (("decode", "x", "--cipher", "bogus"), "The requested cipher is not supported"),
        (("encode", "--hash", "bogus"), "The requested hash is not supported"),
        (("encode", "--iterations", "0"), "The requested number of iterations is incorrect"),
    ],
)
def test_what_there_is_not(node: ControlledNode, argv: tuple[str, ...], text: str) -> None:
    said = node.tool(*argv)
    assert said.code == 65
    assert said.err.startswith(f"Error (argument validation): Bad argument: {text}\n")


def test_without_a_passphrase_nothing_is_done(node: ControlledNode) -> None:
    for command in ("encode", "decode"):
        assert node.tool("-q", command, "value") == (69, "", "Error:\nnot_enough_args\n")


def test_there_has_to_be_something_to_decode(node: ControlledNode) -> None:
    said = node.tool("decode")
    assert said.code == 64
    text = "not enough arguments: Please provide a value to decode and a passphrase"
    assert said.err.startswith(f"Error (argument validation): {text}\n")
