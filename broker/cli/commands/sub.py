"""Consuming by the command line."""

from __future__ import annotations

from broker.cli.messaging.entering import enter
from broker.cli.messaging.sub import OPTIONS, SUMMARY, USAGE, run

consume = enter(USAGE, SUMMARY, OPTIONS, run)
