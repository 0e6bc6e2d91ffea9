"""SIGHUP: the settings are looked at again.

A file that cannot be used changes nothing, and each of its mistakes is a line of the log; so is
each setting that has changed, and whether it waits for a restart. Certificates are read again,
too.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Mapping

from broker.boot import Broker
from broker.config import Config
from broker.configuration.building import ConfigurationError
from broker.configuration.loading import load_everything
from broker.log_output import LogOutput
from broker.reconfiguring import Reconfigured

log = logging.getLogger("broker.configuration")


def reload(
    broker: Broker,
    arguments: argparse.Namespace,
    environ: Mapping[str, str],
    log_output: LogOutput,
    adapted: Callable[[Config], Config] = lambda config: config,
) -> Reconfigured | None:
    """arguments, environ: those of the start. adapted: gives a config the parts that are on.

    Returns: what has become of it; None: nothing.
    """
    try:
        loaded = load_everything(arguments, environ)
    except ConfigurationError as error:
        for problem in error.problems:
            log.error("settings stay as they are: %s", problem)
        return None
    except Exception as error:  # whatever it is: the settings are those that there were
        from broker.start_errors import explain  # as for a start that fails

        log.error("settings stay as they are: %s", explain(error)[0])
        return None
    for warning in loaded.warnings:
        log.warning("%s", warning)
    found = broker.reconfigure(adapted(loaded.config))
    for change in found.taken:
        log.info("setting changed, %s", change)
    for change in found.waiting:
        log.warning("setting waits for a restart, %s", change)
    if not found.taken and not found.waiting:
        log.info("settings are what they were")
    if any(change.key.startswith("log.") for change in found.taken):
        log_output.apply_levels(broker.config.log)
    broker.reload_certificates()
    return found
