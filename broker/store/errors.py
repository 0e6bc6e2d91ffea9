"""What can go wrong with what is on disk. Faults: nobody's request is to blame."""

from __future__ import annotations


class StoreError(Exception):
    """The disk does not do what it should, or holds what it should not. The text is one line."""


class StoreInUse(StoreError):  # noqa: N818 - says what is wrong
    """Another process has the data directory."""


class StoreTooNew(StoreError):  # noqa: N818 - says what is wrong
    """A later release wrote it."""


class StoreUnavailable(StoreError):  # noqa: N818 - says what is wrong
    """It does not answer for now: no room, no permission, an error of the medium. What it has is
    not lost by that; the same may succeed later."""


class StoreDamaged(StoreError):  # noqa: N818 - says what is wrong
    """What was written before cannot be read, and will not be by itself."""
