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
NOT_DONE = "RabbitMQ's tool ends well though it has done nothing"
LAGS = "RabbitMQ's counts of a quorum queue are seconds behind"
STREAMS = "there are no queues of type stream"
OWN_OPTIONS = "options of ours are completed, too"
CRYPTO = "what is broken long since is not offered"
USEFUL = "RabbitMQ's tool crashes, ours answers"
VARIABLES = "each has the variables that it was started with"
TABLES = "there is no Mnesia: the tables are those that definitions are of"
ROTATION = "RabbitMQ's command does nothing any more, ours rotates the log"
RUNTIME = "there is no Erlang, and no Elixir, to evaluate what is not known"
APP = "RabbitMQ gives the term of a table that has gone with the app; ours says that it is stopped"
OFFLINE = "nobody is impersonated: the data directory is not opened for it"
PURGED = (  # a list of queues
    "Timeout: 60.0 seconds ...\nListing queues for vhost / ...\n"
    "name\tmessages\tmessages_unacknowledged\nargs\t0\t0\nblue\t1\t1\nlazy\t0\t0\nmine\t0\t0\n"
    "passing\t0\t0\nquorum\t{}\t0\nwith space\t0\t0\n"
)

DEVIATIONS: list[Deviation] = [
    Deviation(
        *("plugins", "plugins: list --formatter erlang rabbitmq_prometheus", "stdout"),
        *("*#{format => normal,\n *", "*#{format => normal,*status => running}\n"),
        "Maps are on one line: nobody reads so many of them that it is worth a layout.",
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
    Deviation(
        *("grammar", "help list_queues", "stdout", "*<column>\n--online*"),
        *("*<column>\n--vhost <vhost>\n--online*", "Ours has what the usage names: --vhost."),
    ),
    Deviation("replicas", "*quorum_status * --formatter csv", "*", "*", "*", USEFUL),
    Deviation("queues", "delete_queue quorum --if-*", "code", "0", "69", NOT_DONE),
    Deviation("queues", "delete_queue quorum --if-*", "stdout", "*protocol_error*", "*", NOT_DONE),
    Deviation("queues", "delete_queue quorum --if-*", "stderr", "", "*not supported*", NOT_DONE),
    Deviation(
        *("queues", "list_queues name messages messages_unacknowledged", "stdout"),
        *(PURGED.format(2), PURGED.format(0), LAGS),
    ),
    Deviation("streams", "!queue stream *", "*", "*", "*", STREAMS),
    Deviation("streams", "*: stream_status *stream*", "*", "*", "*", STREAMS),
    Deviation("streams", "list_queues name type", "stdout", "*\tstream*", "*quorum\n", STREAMS),
    Deviation("streams", "delete_queue stream", "*", "*", "*", STREAMS),
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
