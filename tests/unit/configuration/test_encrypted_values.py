"""Against what `rabbitmqctl encode` of RabbitMQ 3.10.8 has written."""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import Any

import pytest

from broker.configuration.encrypted_values import (
    Decoder,
    EncryptionError,
    decode,
    encode,
    supported_ciphers,
    supported_hashes,
)

GUEST = "Y+v+VVi4yC+1nR7MiqjvVosGr6xq1bBlE/95JVJbDIqMKfNe4MOEenkvWt77evRd"  # with its defaults
OTHERS = [  # of <<"hello">>, passphrase pw, 10 iterations
    ("chacha20", "sha512", "iVKtiKGXpXMqZP4513FYKy5DLfu//h35yv0NH6oAHW/dk/A5TU8e0DU/6S4="),
    ("aes_256_ofb", "sha512", "XziyIZ2sb3na0mbPHSMtjfYoWZhB60RHkxwG7RnI4kQMJXgXdanx4Sbu940="),
    (
        "aes_256_cbc",
        "sha512",
        "NuJbMfWtQfp/7aavlTV/HwJdmxN2YOPzAuw50aK+TzIt2a94uXMsjFZA6nbXpuPG",
    ),
    ("aes_192_cfb128", "sha512", "mgsI61ICdFqDJL7JwCNS5/8oiQqgOaxL3Fr+8/9pZKR2cFic5GyxuR5MFhk="),
    ("aes_128_cfb8", "sha512", "XLmqgvTNe6bAcgZ8uCuFw/6zPuqHS86wLLyQcWa0qvTBry6xFWqqKl+XpUY="),
    ("aes_ctr", "sha512", "H47A5MtHv0lh8XEkUWVF9aVdNuIqXMYPp8IR09R5xrVqfeIr2wwllx0a+1c="),
    (
        "aes_128_cbc",
        "blake2b",
        "1TsmpdWJ+XqO7n8bj04sATfeFq6XuYcsQnvlNHuCyuHeAf1Z5p7fwVWjUmH/kG9/",
    ),
    ("aes_128_cbc", "sha", "ZdbuA2QT97bK8+ofqOh+Oti9vTVOjSplTXbMKEPlm99tFrRA+RohTEKuppbzDV1E"),
]


@pytest.fixture
def cryptography() -> Any:
    return pytest.importorskip("cryptography")


@pytest.mark.usefixtures("cryptography")
def test_what_rabbitmq_has_encoded() -> None:
    assert decode(GUEST, "mypass") == b"guest"
    for cipher, hash_name, text in OTHERS:
        found = decode(text, b"pw", cipher=cipher, hash_name=hash_name, iterations=10)
        assert found == b"hello", cipher


@pytest.mark.usefixtures("cryptography")
@pytest.mark.parametrize("cipher", supported_ciphers())
def test_there_and_back(cipher: str) -> None:
    for term in (b"", b"x" * 40, "text", ["a", 1]):
        text = encode(term, "secret", cipher=cipher, iterations=2)
        assert decode(text, "secret", cipher=cipher, iterations=2) == term
        assert encode(term, "secret", cipher=cipher) != text  # another salt


@pytest.mark.usefixtures("cryptography")
def test_another_passphrase() -> None:
    with pytest.raises(EncryptionError, match="cannot be read with this passphrase"):
        decode(GUEST, "mypast")


@pytest.mark.parametrize(
    ("text", "choices", "problem"),
    [
        ("%%%", {}, "is not base64"),
        (base64.b64encode(b"x" * 32).decode(), {}, "is too short"),
        (base64.b64encode(b"x" * 40).decode(), {}, "is too short"),
        (GUEST, {"cipher": "des_cbc"}, "there is no cipher 'des_cbc'|is too short"),
        (GUEST, {"cipher": "rot_cbc"}, "there is no cipher 'rot_cbc'"),
        (GUEST, {"hash_name": "md4"}, "there is no hash 'md4'"),
        (GUEST, {"iterations": 0}, "iterations must be from 1 to"),
    ],
)
def test_what_cannot_be_decoded(text: str, choices: dict[str, Any], problem: str) -> None:
    with pytest.raises(EncryptionError, match=problem):
        decode(text, "x", **choices)


def test_without_the_package_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", None)
    for name in [name for name in sys.modules if name.startswith("cryptography.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(EncryptionError, match=r"pip install 'leveret\[encryption\]'"):
        decode(GUEST, "mypass")


def test_what_the_settings_say(tmp_path: Path) -> None:
    for settings, problem in (
        ({}, "need config_entry_decoder.passphrase"),
        ({"passphrase": "prompt"}, "need config_entry_decoder.passphrase"),
        ({"passphrase_file": str(tmp_path / "nope")}, "cannot be read"),
        ({"passphrase": "x", "iterations": "many"}, "must be a whole number"),
    ):
        with pytest.raises(EncryptionError, match=problem):
            Decoder(settings).decode(GUEST)


@pytest.mark.usefixtures("cryptography")
def test_a_passphrase_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("mypass\n")
    assert Decoder({"passphrase_file": str(tmp_path / "secret")}).decode(GUEST) == b"guest"
    settings = {"passphrase": "pw", "cipher": "aes_ctr", "hash": "sha512", "iterations": "10"}
    assert Decoder(settings).decode(OTHERS[5][2]) == b"hello"


def test_names_are_rabbitmqs() -> None:
    assert "aes_256_cbc" in supported_ciphers()
    assert "aes_cbc" in supported_ciphers()
    assert "sha512" in supported_hashes()
