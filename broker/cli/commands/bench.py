"""A quick load test by the command line."""

from __future__ import annotations

from broker.cli.messaging.bench import OPTIONS, SUMMARY, USAGE, run
from broker.cli.messaging.entering import enter

load_test = enter(USAGE, SUMMARY, OPTIONS, run)
