"""What is done with `rabbitmqadmin`, step by step: each rests on those before it.

All of it happens in vhosts and with users of its own, on a broker that has nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

VHOST, OTHER = "rmqa", "rmqa2"
USER, PASSWORD = "rmqa-user", "secret"
# of "secret", with the salt CAFEBABE
HASH = "yv66vnNAm7JVhlUFjGnvWjQKG2hDsYcJ1ZmVKHqzzvdpXDTY"
CONNECTION = "{connection}"  # stands for the name of a connection that is open


class Step(NamedTuple):
    """One run. name: what it is called in the recording. kind: see `tool.as_lines`. settles: the
    reference broker needs a while until it shows what was done before. file: one it writes, which
    is compared too. before: what is written into a file first, by its name."""

    name: str
    words: tuple[str, ...]
    kind: str = "text"
    stdin: str = ""
    is_bare: bool = False
    settles: bool = False
    file: str = ""
    before: tuple[str, str] | None = None


def _named(words: tuple[str, ...]) -> str:
    return " ".join(words)


def step(*words: str, kind: str = "text", name: str = "", **more: object) -> Step:
    return Step(name or _named(words), words, kind, **more)  # type: ignore[arg-type]


def within(*words: str, kind: str = "text", **more: object) -> Step:
    """In the vhost of the test."""
    return step("-V", VHOST, *words, kind=kind, **more)


USAGE = (
    step("help", "nonsense"),
    step(name="nothing at all"),
    step("nonsense"),
    step("list", "nonsense"),
    step("show", "nonsense"),
    step("declare"),
    step("declare", "nonsense"),
    step("delete", "nonsense"),
    step("declare", "queue"),
    step("declare", "queue", "name"),
    step("declare", "queue", "name=q", "colour=green"),
    step("declare", "queue", "name=q", "arguments={"),
    step("declare", "user", "name=nobody", "tags="),
    step("list", "queues", "-f", "nonsense", kind="trace"),
    step("-c", "nowhere.conf", "list", "queues"),
    step("export"),
    step("get", "queue=q", "payload_file=f", "count=2"),
)

VHOSTS = (
    step("declare", "vhost", f"name={VHOST}"),
    step("declare", "vhost", f"name={VHOST}", "tracing=true", name="declare it again, traced"),
    step("declare", "vhost", f"name={VHOST}", "tracing=false", name="and not"),
    step("declare", "vhost", f"name={VHOST}", "tracing=maybe", name="or maybe"),
    step("declare", "vhost", f"name={OTHER}"),
    step("list", "vhosts", "name", "tracing"),
    step("list", "vhosts", kind="loose", settles=True),
    step("-f", "tsv", "-d", "3", "list", "vhosts", kind="columns"),
    step("-R", "list", "vhosts", "name", "tracing"),
)

USERS = (
    step("declare", "user", f"name={USER}", f"password={PASSWORD}", "tags=monitoring"),
    step("declare", "user", "name=rmqa-hash", f"password_hash={HASH}", "tags="),
    step("declare", "user", "name=rmqa-both", f"password_hash={HASH}", "password=x", "tags="),
    step("declare", "user", "name=rmqa-bad", "password_hash=***", "tags="),
    step(
        *("declare", "user", "name=rmqa-md5", f"password_hash={HASH}", "tags=a,b"),
        "hashing_algorithm=rabbit_password_hashing_md5",
    ),
    step("list", "users", "name", "tags", "hashing_algorithm"),
    step("-f", "tsv", "list", "users", kind="columns"),
    step("-f", "kvp", "-S", "name", "-R", "list", "users", "name", "hashing_algorithm"),
    step("-f", "bash", "list", "users"),
    step("-f", "long", "list", "users", "name", "tags"),
    step(
        "declare",
        "permission",
        f"vhost={VHOST}",
        f"user={USER}",
        *("configure=.*", "write=.*"),
        "read=.*",
    ),
    step(
        "declare",
        "permission",
        f"vhost={VHOST}",
        "user=guest",
        *("configure=.*", "write=.*"),
        "read=.*",
    ),
    step(
        "declare",
        "permission",
        f"vhost={VHOST}",
        f"user={USER}",
        *("configure=[", "write=.*"),
        "read=.*",
    ),
    step(
        "declare",
        "permission",
        f"vhost={VHOST}",
        "user=nobody",
        *("configure=.*", "write=.*"),
        "read=.*",
    ),
    step(
        "declare",
        "permission",
        "vhost=nowhere",
        f"user={USER}",
        *("configure=.*", "write=.*"),
        "read=.*",
    ),
    step("list", "permissions"),
    step("-f", "raw_json", "list", "permissions", kind="json"),
)

EXCHANGES = (
    within("declare", "exchange", "name=ex", "type=topic"),
    within("declare", "exchange", "name=ex", "type=topic", name="the same exchange again"),
    within("declare", "exchange", "name=ex", "type=direct"),
    within("declare", "exchange", "name=ex2", "type=unheard-of"),
    within(
        *("declare", "exchange", "name=ex2", "type=fanout", "durable=false", "auto_delete=true"),
        'arguments={"alternate-exchange":"ex"}',
    ),
    within("declare", "exchange", "name=inner", "type=headers", "internal=true"),
    within("declare", "exchange", "name=amq.mine", "type=direct"),
    within("declare", "exchange", "name=ex3", "type=direct", "durable=perhaps"),
    within("list", "exchanges"),
    within("-S", "type", "list", "exchanges", "name", "type", "durable", "internal"),
    within("-f", "tsv", "list", "exchanges", "name", "auto_delete", "arguments", kind="trace"),
    within("-f", "tsv", "-d", "2", "list", "exchanges", kind="columns"),
    within("-f", "pretty_json", "list", "exchanges", "name", "arguments", kind="json"),
)

QUEUES = (
    within("declare", "queue", "name=q1"),
    within("declare", "queue", "name=q1", name="the same queue again"),
    within("declare", "queue", "name=q1", "durable=false", name="the same queue, transient"),
    within("declare", "queue", "name=q2", "durable=false", 'arguments={"x-max-length":10}'),
    within("declare", "queue", "name=q3", "queue_type=quorum"),
    within("declare", "queue", "name=q4", "queue_type=nonsense"),
    within("declare", "queue", "name=q4", 'arguments={"x-max-length":"many"}'),
    within("declare", "queue", "name=q4", 'arguments=["x"]'),
    within("declare", "queue", "name=q4", "auto_delete=perhaps"),
    within("declare", "queue", "name=ünïcode/queue &x", "auto_delete=true"),
    within("list", "queues", kind="loose", settles=True),
    within("-f", "tsv", "-d", "2", "list", "queues", kind="columns"),
    within("list", "queues", "name", "durable", "auto_delete", "type", "state", settles=True),
    within("-f", "tsv", "list", "queues", "name", "arguments.x-max-length"),
    within("-f", "long", "-S", "name", "-R", "list", "queues", "name", "type"),
    within("-f", "kvp", "list", "queues", "name", "type"),
    within("-f", "bash", "list", "queues"),
    within("-f", "pretty_json", "list", "queues", "name", "arguments", "type", kind="json"),
    within("-f", "tsv", "-d", "1", "-q", "list", "queues", "name"),
    step("list", "queues", "vhost", "name"),
    step("-V", "nowhere", "list", "queues"),
    step("-V", OTHER, "list", "queues", name="no queues"),
    step("-q", "-V", OTHER, "list", "queues", name="no queues, quietly"),
)

BINDINGS = (
    within("declare", "binding", "source=ex", "destination=q1", "routing_key=a.#"),
    within(
        "declare", "binding", "source=ex", "destination=q1", "routing_key=a.#", name="bind again"
    ),
    within("declare", "binding", "source=ex", "destination=q2"),
    within(
        *("declare", "binding", "source=ex", "destination=inner", "destination_type=exchange"),
        "routing_key=b",
    ),
    within(
        *("declare", "binding", "source=inner", "destination=q1"),
        'arguments={"x-match":"all","colour":"green"}',
    ),
    within("declare", "binding", "source=ex", "destination=nowhere"),
    within("declare", "binding", "source=nowhere", "destination=q1"),
    within("declare", "binding", "source=ex", "destination=q1", "destination_type=x", kind="trace"),
    within("list", "bindings"),
    within("list", "bindings", "source", "destination", "properties_key"),
    within("-f", "tsv", "-d", "2", "list", "bindings", kind="columns"),
    within("-f", "raw_json", "list", "bindings", kind="json"),
)

_TTL = 'definition={"message-ttl":60000}'
SETTINGS = (
    step(
        *("declare", "parameter", "component=vhost-limits", "name=limits"),
        'value={"max-queues":50}',
        "-V",
        OTHER,
    ),
    within("declare", "parameter", "component=nonsense", "name=x", "value=1"),
    within("declare", "parameter", "component=vhost-limits", "name=limits", "value={"),
    step("list", "parameters"),
    step("-f", "pretty_json", "list", "parameters", kind="json"),
    within("declare", "policy", "name=p1", "pattern=^q", _TTL, "priority=3", "apply-to=queues"),
    within("declare", "policy", "name=p2", "pattern=[", _TTL),
    within("declare", "policy", "name=p2", "pattern=x", 'definition={"message-ttl":"long"}'),
    within("declare", "policy", "name=p2", "pattern=x", 'definition={"nonsense":1}'),
    within("declare", "policy", "name=p2", "pattern=x", _TTL, "priority=high"),
    within("declare", "policy", "name=p2", "pattern=x", _TTL, "apply-to=nonsense"),
    step("list", "policies"),
    step("-f", "tsv", "list", "policies", "name", "pattern", "priority"),
    within("declare", "operator_policy", "name=o1", "pattern=^q", 'definition={"max-length":9}'),
    within("declare", "operator_policy", "name=o2", "pattern=x", 'definition={"ha-mode":"all"}'),
    step("list", "operator_policies"),
    within("list", "queues", "name", "policy", "operator_policy", kind="trace", settles=True),
    within(
        *("-f", "raw_json", "list", "queues", "name", "policy", "effective_policy_definition"),
        kind="json",
    ),
    step("declare", "vhost_limit", f"vhost={VHOST}", "name=max-connections", "value=10"),
    step("declare", "vhost_limit", f"vhost={VHOST}", "name=nonsense", "value=10"),
    step("declare", "vhost_limit", f"vhost={VHOST}", "name=max-queues", 'value="x"'),
    step("declare", "vhost_limit", "vhost=nowhere", "name=max-queues", "value=1"),
    step("list", "vhost_limits"),
    step("-f", "raw_json", "list", "vhost_limits", kind="json"),
)

_PROPERTIES = (
    'properties={"delivery_mode":2,"content_type":"text/plain","headers":{"n":1,"s":"x","l":[1,"2"]},'
    '"correlation_id":"c","reply_to":"r","message_id":"m","timestamp":1700000000,"type":"t",'
    '"app_id":"a","priority":3,"expiration":"600000","content_encoding":"gzip"}'
)
MESSAGES = (
    within("publish", "exchange=ex", "routing_key=a.b", "payload=hello"),
    within("publish", "exchange=ex", "routing_key=z", "payload=nobody wants this"),
    within("publish", "routing_key=q1", "payload=by its name", _PROPERTIES),
    within("publish", "routing_key=q1", stdin="from stdin, with ünïcode", name="publish stdin"),
    within("publish", "routing_key=q1", "payload=AAH//g==", "payload_encoding=base64"),
    within("publish", "routing_key=q1", "payload=***", "payload_encoding=base64"),
    within("publish", "routing_key=q1", "payload=x", "payload_encoding=nonsense"),
    within("publish", "routing_key=q1", "payload=x", 'properties={"priority":"high"}'),
    within("publish", "routing_key=q1", "payload=x", 'properties={"user_id":"somebody"}'),
    within("publish", "exchange=nowhere", "routing_key=q1", "payload=x"),
    within("publish", "exchange=inner", "routing_key=q1", "payload=x"),
    within("publish", "payload=x"),
    within("-q", "publish", "routing_key=q1", "payload=quietly"),
    within("list", "queues", "name", "messages", settles=True),
    within("get", "queue=q1"),
    within("get", "queue=q1", "count=10", "-f", "raw_json", kind="json"),
    within("get", "queue=q1", "count=10", "-f", "pretty_json", "encoding=base64", kind="json"),
    within("-f", "tsv", "get", "queue=q1", "count=2"),
    within("-f", "long", "get", "queue=q1", "count=2", name="get in long"),
    within("-f", "kvp", "get", "queue=q1", "count=2", name="get in kvp"),
    within("get", "queue=q1", "ackmode=reject_requeue_true"),
    within("get", "queue=q1", "ackmode=ack_requeue_false"),
    within("get", "queue=q1", "ackmode=reject_requeue_false"),
    within("get", "queue=q1", "ackmode=nonsense", kind="trace"),
    within("get", "queue=q1", "encoding=nonsense"),
    within("get", "queue=q1", "count=some"),
    within("get", "queue=q1", "payload_file=got", "ackmode=ack_requeue_false", file="got"),
    within("get", "queue=q1", "payload_file=got64", "encoding=base64", kind="trace"),
    within("get", "queue=nowhere"),
    within("list", "queues", "name", "messages", settles=True, name="what is left"),
    within("purge", "queue", "name=q1"),
    within("purge", "queue", "name=nowhere"),
    within("purge", "exchange", "name=ex"),
    within("get", "queue=q1", name="nothing to get"),
    within("-q", "get", "queue=q1", name="nothing to get, quietly"),
)

CLIENTS = (
    step("list", "connections", kind="loose", settles=True),
    step("list", "connections", "user", "vhost", "protocol", "state", "channels", "auth_mechanism"),
    step("-f", "tsv", "-d", "3", "list", "connections", kind="columns"),
    step("list", "channels", kind="loose"),
    step("-f", "tsv", "list", "channels", "user", "number", "consumer_count", "prefetch_count"),
    step("-f", "tsv", "-d", "3", "list", "channels", kind="columns"),
    step("list", "consumers", "queue.name", "consumer_tag", "ack_required", "prefetch_count"),
    within("-f", "tsv", "-d", "2", "list", "consumers", kind="columns"),
    step("list", "nodes", "name", "type", kind="loose"),
    step("-f", "tsv", "-d", "3", "list", "nodes", kind="columns"),
    step("-f", "tsv", "list", "nodes", "name", "type", "running", kind="loose"),
    step("show", "overview", kind="loose"),
    step("-f", "tsv", "-d", "3", "show", "overview", kind="columns"),
    step(
        *("show", "overview", "rabbitmq_version", "product_name", "object_totals.queues"),
        kind="loose",
    ),
    step("close", "connection", f"name={CONNECTION}", name="close the connection"),
    step("close", "connection", "name=nobody"),
    step("list", "consumers", name="nobody is left"),
)

WHO = (
    step("-u", USER, "-p", PASSWORD, "list", "queues", "vhost", "name"),
    step("-u", USER, "-p", PASSWORD, "-V", VHOST, "declare", "queue", "name=of-user"),
    step("-u", USER, "-p", PASSWORD, "-V", OTHER, "declare", "queue", "name=of-user"),
    step("-u", USER, "-p", PASSWORD, "list", "users"),
    step("-u", USER, "-p", PASSWORD, "declare", "vhost", "name=of-user"),
    step("-u", USER, "-p", PASSWORD, "list", "vhosts", "name"),
    step("-u", USER, "-p", "wrong", "list", "queues"),
    step("-u", "nobody", "-p", "wrong", "list", "queues"),
    step("-u", "rmqa-hash", "-p", PASSWORD, "list", "queues"),
)

_CONFIG = (
    f"[default]\nhostname = 127.0.0.1\nport = {{port}}\nusername = {USER}\npassword = {PASSWORD}\n"
)
_TWO = (
    "[here]\nhostname = 127.0.0.1\nport = {port}\nusername = guest\npassword = guest\n"
    f"vhost = {VHOST}\ndeclare_vhost = {OTHER}\n[nowhere]\nhostname = 127.0.0.1\nport = 1\n"
)
WHERE = (
    step("-P", "1", "list", "queues", is_bare=True, name="nobody listens"),
    step("-U", "http://guest:guest@127.0.0.1:{port}", "list", "vhosts", "name", is_bare=True),
    step("-U", "http://guest:guest@127.0.0.1:{port}/x", "list", "vhosts", "name", is_bare=True),
    step(
        *("-c", "two.conf", "-N", "here", "list", "queues", "name"),
        is_bare=True,
        before=("two.conf", _TWO),
    ),
    step("-c", "two.conf", "-N", "here", "declare", "queue", "name=configured", is_bare=True),
    step("-c", "two.conf", "-N", "nowhere", "list", "queues", is_bare=True),
    step("-c", "two.conf", "-N", "elsewhere", "list", "queues", is_bare=True),
    step("-c", "two.conf", "-N", "here", "-V", "/", "list", "queues", "name", is_bare=True),
    step(
        "list", "permissions", is_bare=True, before=(".rabbitmqadmin.conf", _CONFIG), name="at home"
    ),
    step("-N", "default", "list", "vhosts", "name", is_bare=True),
    step("-u", "guest", "-p", "guest", "list", "vhosts", "name", is_bare=True),
    step("help", "nonsense", before=(".rabbitmqadmin.conf", ""), name="no more at home"),
)

_MINIMAL = json.dumps(
    {
        "queues": [{"name": "imported", "durable": True, "auto_delete": False, "arguments": {}}],
        "exchanges": [],
        "bindings": [],
        "policies": [],
    }
)
DEFINITIONS = (
    within("export", "part.json", file="part.json"),
    step("export", "whole.json", file="whole.json"),
    step("-V", "nowhere", "export", "nowhere.json"),
    step("-V", OTHER, "import", "small.json", before=("small.json", _MINIMAL)),
    step("-V", OTHER, "list", "queues", "name", "durable", name="what was imported"),
    step("import", "whole.json"),
    step("-q", "import", "whole.json"),
    step("import", "bad.json", before=("bad.json", "{")),
    step("import", "list.json", before=("list.json", "[]")),
    step(
        "import",
        "wrong.json",
        before=("wrong.json", '{"queues":[{"name":"x","vhost":"nowhere","durable":true}]}'),
    ),
    step("-V", "nowhere", "import", "small.json"),
)

DELETIONS = (
    within("delete", "binding", "source=ex", "destination=q1", "destination_type=queue"),
    within(
        *("delete", "binding", "source=ex", "destination=q1", "destination_type=queue"),
        "properties_key=a.%23",
    ),
    within("delete", "binding", "source=ex", "destination=q2", "destination_type=queue"),
    within(
        *("delete", "binding", "source=ex", "destination=inner", "destination_type=exchange"),
        "properties_key=b",
    ),
    within("delete", "binding", "source=ex", "destination=q1"),
    within(
        "list", "bindings", "source", "destination", "routing_key", name="bindings that are left"
    ),
    within("delete", "queue", "name=q1"),
    within("delete", "queue", "name=q1", name="delete the queue again"),
    within("delete", "queue", "name=ünïcode/queue &x"),
    within("delete", "exchange", "name=ex"),
    within("delete", "exchange", "name=ex", name="delete the exchange again"),
    within("delete", "exchange", "name=amq.topic"),
    within("delete", "policy", "name=p1"),
    within("delete", "policy", "name=p1", name="delete the policy again"),
    within("delete", "operator_policy", "name=o1"),
    within("delete", "operator_policy", "name=o1", name="delete the operator policy again"),
    step("delete", "vhost_limit", f"vhost={VHOST}", "name=max-connections"),
    step("delete", "vhost_limit", f"vhost={VHOST}", "name=max-connections", name="again"),
    step("delete", "parameter", "component=vhost-limits", "name=limits", "-V", OTHER),
    step("delete", "parameter", "component=nonsense", "name=x", "-V", OTHER),
    step("delete", "permission", f"vhost={VHOST}", f"user={USER}"),
    step("delete", "permission", f"vhost={VHOST}", f"user={USER}", name="close it again"),
    step("delete", "user", f"name={USER}"),
    step("delete", "user", f"name={USER}", name="delete the user again"),
    step("delete", "user", "name=rmqa-hash"),
    step("delete", "user", "name=rmqa-md5"),
    step("delete", "vhost", f"name={VHOST}"),
    step("delete", "vhost", f"name={VHOST}", name="delete the vhost again"),
    step("delete", "vhost", f"name={OTHER}"),
    step("list", "vhosts", "name", name="vhosts that are left"),
)

CHAPTERS = {
    "usage": USAGE,
    "vhosts": VHOSTS,
    "users": USERS,
    "exchanges": EXCHANGES,
    "queues": QUEUES,
    "bindings": BINDINGS,
    "settings": SETTINGS,
    "messages": MESSAGES,
    "clients": CLIENTS,
    "who": WHO,
    "where": WHERE,
    "definitions": DEFINITIONS,
    "deletions": DELETIONS,
}


def steps() -> Iterator[Step]:
    for chapter in CHAPTERS.values():
        yield from chapter


def verbs() -> set[tuple[str, ...]]:
    """What of the subcommands is done: ("declare", "queue"), ("get",), …"""
    found: set[tuple[str, ...]] = set()
    for one in steps():
        words = one.words
        for at, word in enumerate(words):
            if word in ("list", "show", "declare", "delete", "close", "purge"):
                found.add((word, *words[at + 1 : at + 2]))
            elif word in ("publish", "get", "export", "import"):
                found.add((word,))
    return found
