"""A data directory forgets everything but whose it is."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from broker.store.catalogue import FILE_NAME as CATALOGUE
from broker.store.errors import StoreError
from broker.store.segment_files import DIRECTORY
from broker.store.store import claim


def wipe(directory: Path) -> None:
    """Delete all definitions and messages. Nobody may be using the directory.

    Messages go first: queues without messages can be started, messages without queues cannot.
    Raises: StoreError.
    """
    disk = claim(directory)
    try:
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(directory / DIRECTORY)
        for path in directory.glob(f"{CATALOGUE}*"):  # SQLite has files beside it
            path.unlink(missing_ok=True)
        disk.sync_names(".")
    except OSError as error:
        raise StoreError(
            f"cannot empty the data directory {directory}: {error.strerror or error}"
        ) from None
    finally:
        disk.unlock()
