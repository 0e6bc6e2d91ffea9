"""Publishing by the command line."""

from __future__ import annotations

from broker.cli.messaging.entering import enter
from broker.cli.messaging.pub import OPTIONS, SUMMARY, USAGE, run

publish = enter(USAGE, SUMMARY, OPTIONS, run)
