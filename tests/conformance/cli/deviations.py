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
CLUSTERING = "the tools come by a Unix socket: no listener is for them"
PLUGINS = "applications: another program has others"
EXPORT = "an export has what later releases have, and the cluster's id"
ERLANG = "definitions go out and come in as JSON only"
OWN_OPTIONS = "options of ours are completed, too"
CRYPTO = "what is broken long since is not offered"
USEFUL = "RabbitMQ's tool crashes, ours answers"
VARIABLES = "each has the variables that it was started with"
TABLES = "there is no Mnesia: the tables are those that definitions are of"
ROTATION = "RabbitMQ's command does nothing any more, ours opens the files of the log again"
RUNTIME = "there is no Erlang, and no Elixir, to evaluate what is not known"
APP = "RabbitMQ gives the term of a table that has gone with the app; ours says that it is stopped"
OFFLINE = "nobody is impersonated: the data directory is not opened for it"

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
    Deviation(
        *("status", "cluster_status --formatter erlang", "stdout", "*,clustering,*"),
        *("*{nodes,*{running_nodes,*{listeners,*", CLUSTERING),
    ),
    Deviation("diagnostics", "*check_protocol_listener clustering", "*", "*", "*", CLUSTERING),
    Deviation("*", "*list_ciphers*", "stdout", "*aes*", "*aes*", CRYPTO),
    Deviation("*", "*list_hashes*", "stdout", "*sha*", "*sha*", CRYPTO),
    Deviation("status", "status --formatter csv", "*", "*", "*", USEFUL),
    Deviation(
        *("status", "status --formatter *", "stdout", "*cowboy*"),
        *("*rabbitmq_management*", PLUGINS),
    ),
    Deviation(
        *("diagnostics", "*os_env*", "stdout", "*RABBITMQ_NODENAME*<node>*"),
        *("*RABBITMQ_CONFIG_FILE*<path>*RABBITMQ_NODENAME*<node>*", VARIABLES),
    ),
    Deviation(
        *("*", "*schema_info*", "stdout", "*rabbit_durable_queue*"),
        *("*name*rabbit_vhost*rabbit_queue*", TABLES),
    ),
    Deviation("status", "rotate_logs*", "code", "69", "0", ROTATION),
    Deviation("status", "rotate_logs*", "stderr", "*does not rotate logs*", "", ROTATION),
    Deviation("*", "eval*", "code", "0", "69", RUNTIME),
    Deviation("*", "eval*", "stdout", "*", "", RUNTIME),
    Deviation("*", "eval*", "stderr", "", "Error:\n'*' cannot be evaluated: *", RUNTIME),
    Deviation("status", "exec *", "code", "0", "69", RUNTIME),
    Deviation("status", "exec *", "stdout", "*", "", RUNTIME),
    Deviation(
        "status", "exec *", "stderr", "*", "Error:\nthe expression cannot be evaluated: *", RUNTIME
    ),
    Deviation("stopped", "*: certificates", "code", "69", "64", APP),
    Deviation("stopped", "*: certificates", "stderr", "*rabbit_listener*", "*start_app*", APP),
    Deviation(
        *("ending", "forget_cluster_node * --offline", "stdout"),
        *("Removing node wrong@<host> from the cluster.*", "Removing node wrong@<host> from *"),
        OFFLINE,
    ),
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
