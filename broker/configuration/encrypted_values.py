"""Values that only a passphrase makes readable, as `rabbitmqctl encode` writes them.

    base64( salt, 16 octets | IV | ciphertext )     key: PBKDF2(hash, passphrase, salt, iterations)
    plaintext: an Erlang term in the external format, then 1 to block-size octets of padding, each
    of which is their number (a stream cipher has blocks of one octet)

In a rabbitmq.conf they are `encrypted:…`, in an advanced.config `{encrypted, <<"…">>}`. RabbitMQ:
credentials_obfuscation_pbe. AES and ChaCha20 are those of the package cryptography, which is there
after `pip install leveret[encryption]`; DES, RC2, RC4 and Blowfish, which RabbitMQ has as well, are
not safe and not here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from broker.configuration.external_terms import read_external, write_external

DEFAULT_CIPHER = "aes_128_cbc"  # these three are RabbitMQ's
DEFAULT_HASH = "sha256"
DEFAULT_ITERATIONS = 1
ITERATIONS_MAX = 10_000_000
SALT = IV = 16  # octets
_BLOCK = 16
_AES_MODES = {"cbc": "CBC", "ctr": "CTR", "cfb8": "CFB8", "cfb128": "CFB", "ofb": "OFB"}
_SAME = "sha224 sha256 sha384 sha512 sha3_224 sha3_256 sha3_384 sha3_512 blake2b blake2s md5"
_HASHES = {"sha": "sha1", "ripemd160": "ripemd160"} | {name: name for name in _SAME.split()}


class EncryptionError(ValueError):
    """Why a value cannot be made readable, or the other way round: one line for the user."""


def supported_ciphers() -> list[str]:
    """By RabbitMQ's names; those without a number have keys of 128 bits."""
    sizes = ("", "128_", "192_", "256_")
    names = {f"aes_{size}{mode}" for mode in _AES_MODES for size in sizes} - {"aes_ofb"}
    return sorted([*names, "chacha20"])


def supported_hashes() -> list[str]:
    return sorted(name for name, ours in _HASHES.items() if ours in hashlib.algorithms_available)


class Decoder:
    """What the settings `config_entry_decoder.…` say of how values are made plain."""

    def __init__(self, settings: Mapping[str, str]):
        self._settings = settings

    def decode(self, text: str | bytes) -> Any:
        """Raises: EncryptionError."""
        settings = self._settings
        iterations = settings.get("iterations", str(DEFAULT_ITERATIONS))
        if not iterations.isdecimal():
            raise EncryptionError("config_entry_decoder.iterations must be a whole number")
        return decode(
            text,
            self._passphrase(),
            cipher=settings.get("cipher", DEFAULT_CIPHER),
            hash_name=settings.get("hash", DEFAULT_HASH),
            iterations=int(iterations[:20]),
        )

    def _passphrase(self) -> str:
        path = self._settings.get("passphrase_file")
        if path is not None:
            try:
                return Path(path).read_text().strip()
            except (OSError, ValueError):
                raise EncryptionError(f"the passphrase in {path} cannot be read") from None
        passphrase = self._settings.get("passphrase", "")
        if passphrase in ("", "prompt"):
            raise EncryptionError("encrypted values need config_entry_decoder.passphrase")
        return passphrase


def encode(
    term: Any,
    passphrase: str | bytes,
    *,
    cipher: str = DEFAULT_CIPHER,
    hash_name: str = DEFAULT_HASH,
    iterations: int = DEFAULT_ITERATIONS,
) -> str:
    """The term in base64, without `encrypted:`. Raises: EncryptionError."""
    plain = write_external(term)
    block = _BLOCK if cipher.endswith("cbc") else 1
    missing = block - len(plain) % block
    salt, iv = os.urandom(SALT), os.urandom(IV)
    encryptor = _cipher(cipher, hash_name, iterations, passphrase, salt, iv).encryptor()
    hidden = encryptor.update(plain + bytes([missing]) * missing) + encryptor.finalize()
    return base64.b64encode(salt + iv + hidden).decode()


def decode(
    text: str | bytes,
    passphrase: str | bytes,
    *,
    cipher: str = DEFAULT_CIPHER,
    hash_name: str = DEFAULT_HASH,
    iterations: int = DEFAULT_ITERATIONS,
) -> Any:
    """The term that was encoded. Raises: EncryptionError."""
    try:
        octets = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise EncryptionError("an encrypted value is not base64") from None
    salt, iv, hidden = octets[:SALT], octets[SALT : SALT + IV], octets[SALT + IV :]
    block = _BLOCK if cipher.endswith("cbc") else 1
    if not hidden or len(hidden) % block:
        raise EncryptionError("an encrypted value is too short")
    decryptor = _cipher(cipher, hash_name, iterations, passphrase, salt, iv).decryptor()
    plain = decryptor.update(hidden) + decryptor.finalize()
    try:
        if not 1 <= plain[-1] <= block:
            raise ValueError
        return read_external(plain[: -plain[-1]])
    except ValueError:
        raise EncryptionError("an encrypted value cannot be read with this passphrase") from None


def _cipher(
    name: str, hash_name: str, iterations: int, passphrase: str | bytes, salt: bytes, iv: bytes
) -> Any:
    """Raises: EncryptionError."""
    if name not in supported_ciphers():
        raise EncryptionError(f"there is no cipher '{name}'")
    if hash_name not in supported_hashes():
        raise EncryptionError(f"there is no hash '{hash_name}'")
    if not 1 <= iterations <= ITERATIONS_MAX:
        raise EncryptionError(f"iterations must be from 1 to {ITERATIONS_MAX}")
    try:
        ciphers = import_module("cryptography.hazmat.primitives.ciphers")
    except ImportError:
        raise EncryptionError(
            "encrypted values need the package cryptography: pip install 'leveret[encryption]'"
        ) from None
    secret = passphrase.encode() if isinstance(passphrase, str) else passphrase
    bits = next((size for size in (192, 256) if str(size) in name), 128)
    length = 32 if name == "chacha20" else bits // 8
    key = hashlib.pbkdf2_hmac(_HASHES[hash_name], secret, salt, iterations, length)
    if name == "chacha20":
        return ciphers.Cipher(ciphers.algorithms.ChaCha20(key, iv), None)
    mode = _AES_MODES[name.rpartition("_")[2]]
    try:
        return ciphers.Cipher(ciphers.algorithms.AES(key), _mode(ciphers.modes, mode)(iv))
    except ValueError:
        raise EncryptionError("an encrypted value is too short") from None


def _mode(modes: Any, name: str) -> Any:
    """cryptography has put older modes elsewhere, and warns where they are asked for as before."""
    if name in ("CFB", "CFB8", "OFB"):
        try:
            return getattr(import_module("cryptography.hazmat.decrepit.ciphers.modes"), name)
        except (ImportError, AttributeError):
            pass
    return getattr(modes, name)
