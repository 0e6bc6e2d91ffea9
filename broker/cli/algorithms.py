"""What encrypted values in configuration files may be encrypted with, in RabbitMQ's order.

Of RabbitMQ's lists those are left out that are not safe, and that this broker does not read: DES,
RC2, RC4, Blowfish and MD4.
"""

from __future__ import annotations

import hashlib

HASHES = (
    *("blake2s", "blake2b", "sha3_512", "sha3_384", "sha3_256", "sha3_224"),
    *("sha512", "sha384", "sha256", "sha224", "sha", "ripemd160", "md5"),
)
CIPHERS = (
    *("chacha20", "aes_256_ofb", "aes_192_ofb", "aes_128_ofb", "aes_192_cbc", "aes_256_cbc"),
    *("aes_128_cfb128", "aes_192_cfb128", "aes_256_cfb128", "aes_128_cfb8", "aes_192_cfb8"),
    *("aes_256_cfb8", "aes_256_ctr", "aes_192_ctr", "aes_128_ctr", "aes_128_cbc", "aes_cbc"),
    *("aes_cfb128", "aes_cfb8", "aes_ctr"),
)
_OURS = {"sha": "sha1"}  # by Python's names


def hashes() -> list[str]:
    """Those that the system's OpenSSL has."""
    return [name for name in HASHES if _OURS.get(name, name) in hashlib.algorithms_available]
