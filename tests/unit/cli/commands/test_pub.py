"""`leveretctl pub` is a command like the others; tests/unit/cli/messaging has what it does."""

from __future__ import annotations

from broker.cli.messaging.pub import OPTIONS
from tests.unit.cli.commands.entered import Entered


class TestPub(Entered):
    name = "pub"
    options = OPTIONS
