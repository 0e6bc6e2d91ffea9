"""Files in which a running node says who it is and where it listens."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from broker.boot import Broker
    from broker.config import Config


def announcements(config: Config, ready_file: Path | None) -> list[Path]:
    """Where a running node says who it is: for scripts, and for `leveretctl --data-dir`."""
    data_dir = config.kept_in
    wanted = [ready_file, Path(data_dir, "node.json") if data_dir else None]
    return [path for path in wanted if path is not None]


def write_ready_file(
    path: Path, broker: Broker, *, control: Mapping[str, object] | None = None
) -> None:
    """Tell scripts that clients can connect: written whole, then renamed into place.

    control: where the process listens for the command line tools. Raises: OSError, which names the
    path that was asked for.
    """
    assert broker.node is not None
    ready = {
        "pid": os.getpid(),
        "node": broker.node.name,
        "data_dir": broker.config.kept_in or None,
        "host": broker.host,
        "ports": {
            "amqp": broker.port or None,
            "amqps": broker.tls_port or None,
            "management": broker.management_port or None,
            "prometheus": broker.prometheus_port or None,
            "cluster": None,
        },
        "socket": None,
        "cookie_file": None,
        **(control or {}),
    }
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        temporary.write_text(json.dumps(ready) + "\n")
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from None
