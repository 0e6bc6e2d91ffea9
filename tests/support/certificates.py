"""Certificate authorities for tests, made by the `openssl` command; EC keys are quick."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

OPENSSL = shutil.which("openssl")
KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class Identity:
    """A certificate (with what is between it and its CA) and its key."""

    cert: str
    key: str


class Authority:
    """A CA in a folder. Its own certificate: `ca`."""

    def __init__(self, folder: Path, name: str = "ca"):
        if OPENSSL is None:
            pytest.skip("there is no openssl command")
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.ca, self.key = str(folder / f"{name}.pem"), str(folder / f"{name}.key")
        self._openssl(*KEY, "-keyout", self.key, "-out", self.ca, "-subj", f"/CN={name}")

    def _openssl(self, *arguments: str) -> None:
        assert OPENSSL is not None
        command = [OPENSSL, "req", "-x509", "-utf8", "-days", "30", *arguments]
        subprocess.run(command, check=True, capture_output=True)

    def issue(
        self,
        name: str,
        subject: str = "",
        names: str = "DNS:localhost,IP:127.0.0.1",
        *,
        signer: Identity | None = None,
        is_ca: bool = False,
    ) -> Identity:
        """A certificate for subject (/CN=name), signed by this CA or an intermediate one."""
        cert, key = str(self.folder / f"{name}.pem"), str(self.folder / f"{name}.key")
        by = signer or Identity(self.ca, self.key)
        ca = "TRUE" if is_ca else "FALSE"
        self._openssl(
            *KEY, "-keyout", key, "-out", cert, "-subj", subject or f"/CN={name}",
            "-addext", f"subjectAltName={names}",
            "-addext", f"basicConstraints=critical,CA:{ca}",
            "-CA", by.cert, "-CAkey", by.key,
        )  # fmt: skip
        if signer is not None:
            with Path(cert).open("a") as chain:
                chain.write(Path(signer.cert).read_text())
        return Identity(cert, key)

    def client_context(self, identity: Identity | None = None) -> ssl.SSLContext:
        """A client's, which believes this CA."""
        context = ssl.create_default_context(cafile=self.ca)
        if identity is not None:
            context.load_cert_chain(identity.cert, identity.key)
        return context

    def server_settings(self, identity: Identity) -> dict[str, object]:
        return {
            "listeners.ssl.default": 0,
            "ssl_options.certfile": identity.cert,
            "ssl_options.keyfile": identity.key,
        }
