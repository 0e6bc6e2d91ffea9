"""Where our tools are meant to print something else than those of RabbitMQ 3.10.8, and why."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import NamedTuple

from tests.conformance.cli.compare import Difference


class Deviation(NamedTuple):
    """section, label (of the call), place, recorded, ours: patterns."""

    section: str
    label: str
    place: str
    recorded: str
    ours: str
    reason: str


TAGS = "3.10 keeps the tags of add_vhost as one text, until they are set again; later ones do not"
APPLY_TO = "policies may be for one type of queue, as in RabbitMQ 3.12"
CLUSTERING = "the tools come by a Unix socket, and listeners are where the walk has put them"
PLUGINS = "applications, files of settings and of the log: another program has others"
EXPORT = "an export has what later releases have, and the cluster's id"
ERLANG = "definitions go out and come in as JSON only"
OWN_OPTIONS = "options of ours are completed, too"
AMOUNTS = "amounts of memory, the largest first"
CRYPTO = "what is broken long since is not offered"
USEFUL = "RabbitMQ's tool crashes, ours answers"

DEVIATIONS: list[Deviation] = [
    Deviation(
        *("plugins", "plugins: set rabbitmq_management rabbitmq_prometheus", "stdout"),
        *("*nothing to do.\n", "*stopped * plugins.\n"),
        "Ours has all parts on at first; from here on both have the same.",
    ),
    Deviation(
        *("plugins", "plugins: list --formatter erlang rabbitmq_prometheus", "stdout"),
        *("*#{format => normal,\n *", "*#{format => normal,*status => running}\n"),
        "Maps are on one line: nobody reads so many of them that it is worth a layout.",
    ),
    Deviation(
        *("plugins", "plugins: -n wrong@localhost *", "stderr", "*wrong@<host>*"),
        *("*wrong@localhost*", "The host of the recorded node is localhost."),
    ),
    Deviation("vhosts", "list_vhosts *tags*", "stdout", "*", "*", TAGS),
    Deviation(
        *("parameters", "set_policy --apply-to *", "stderr"),
        *("*unrecognised; should be 'queues', 'exchanges' or 'all'*", "*'classic_queues'*"),
        APPLY_TO,
    ),
    Deviation("parameters", "set_policy --apply-to classic_queues *", "*", "*", "*", APPLY_TO),
    Deviation("parameters", "list_policies*", "stdout", "*", "*bad*classic_queues*", APPLY_TO),
    Deviation(
        "grammar", "autocomplete ''", "stdout", "*--aliases-file*", "*--data-dir*", OWN_OPTIONS
    ),
    Deviation("definitions", "export_definitions -*", "stdout", "*", "*rabbit_version*", EXPORT),
    Deviation("definitions", "*port_definitions * --format erlang", "*", "*", "*", ERLANG),
    Deviation("*", "*", "*", "*protocol*clustering*", "*protocol*", CLUSTERING),
    Deviation(
        "status", "cluster_status --formatter erlang", "stdout", "*,clustering,*", "*", CLUSTERING
    ),
    Deviation("diagnostics", "*check_protocol_listener clustering", "*", "*", "*", CLUSTERING),
    Deviation("diagnostics", "*memory_breakdown --formatter json", "stdout", "*", "*", AMOUNTS),
    Deviation("*", "*list_ciphers*", "stdout", "*aes*", "*aes*", CRYPTO),
    Deviation("*", "*list_hashes*", "stdout", "*sha*", "*sha*", CRYPTO),
    Deviation("status", "status --formatter csv", "*", "*", "*", USEFUL),
    Deviation("status", "*status*", "stdout", "*cowboy*", "*rabbitmq_management*", PLUGINS),
]


def deviation(difference: Difference) -> Deviation | None:
    """The first that means this difference. None: it is not meant."""
    for entry in DEVIATIONS:
        if all(
            fnmatchcase(value, pattern)
            for value, pattern in zip(difference, entry[:5], strict=True)
        ):
            return entry
    return None


def unmeant(differences: Iterable[Difference]) -> list[Difference]:
    return [difference for difference in differences if deviation(difference) is None]
