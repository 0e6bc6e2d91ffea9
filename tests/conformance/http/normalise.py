"""An answer as it is compared: what is another one each time, or on each broker, as its type.

"<int>", "<float>", "<string>", "<timestamp>" stand for such values, and whole objects below such a
key are replaced by their shape. Names of nodes and connections have placeholders of their own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.conformance.http.cases import PREFIX, Case
from tests.conformance.http.client import Answer

Recorded = dict[str, Any]  # "status", "headers" (a dict), "body" (absent when it is empty)

# Compared when a broker sends them. Not "server", "date", "content-length".
HEADERS = (
    *("content-type", "allow", "location", "www-authenticate", "cache-control", "vary"),
    *("content-disposition", "set-cookie", "pragma", "expires"),
    *("access-control-allow-origin", "access-control-allow-credentials"),
    *("access-control-allow-methods", "access-control-allow-headers", "access-control-max-age"),
    "access-control-expose-headers",
)
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d?:\d\d:\d\d.*")
CRASH = re.compile(r"(?s)(.*?)\{'?(EXIT|badmatch|case_clause|function_clause|badarg|undef).*")
PLACEHOLDER = re.compile(r"<(int|float|bool|string|timestamp|\d+ samples)>")
INVENTED = [
    (re.compile(r"amq\.gen-[\w-]{22}"), "amq.gen-#"),
    (re.compile(r"amq\.ctag-[\w-]{22}"), "amq.ctag-#"),
    (re.compile(r"<[\d.]{5,}>"), "<pid>"),
    (re.compile(r"127\.0\.0\.1:\d+ -> 127\.0\.0\.1:\d+"), "<connection>"),
]
# Of these keys the value's type counts, or its shape: memory, load, versions, the runtime's own.
VOLATILE = {
    *("memory", "reductions", "garbage_collection", "backing_queue_status"),
    *("rate", "avg", "avg_rate", "connected_at", "peer_port", "port", "timestamp"),
    *("recv_oct", "recv_cnt", "send_oct", "send_cnt", "consumer_utilisation", "consumer_capacity"),
    *("management_version", "product_version", "product_name", "rabbitmq_version"),
    *("rabbit_version", "erlang_version", "erlang_full_version", "cluster_name"),
    *("release_series_support_status", "statistics_db_event_queue", "churn_rates"),
    *("listeners", "contexts", "open_files", "ports"),
}
# Lists whose order is nobody's concern.
UNORDERED = {
    "consumer_details",
    "deliveries",
    "publishes",
    "incoming",
    "outgoing",
    "auth_mechanisms",
    "exchange_types",
    "protocols",
}
HASH = re.compile(r"[A-Za-z0-9+/]{48}")
IDENTITY = (
    *("vhost", "name", "user", "component", "source", "destination", "destination_type"),
    *("properties_key", "exchange", "consumer_tag"),
)


def shape(value: Any) -> Any:
    """The type in the place of each value; a list has the shapes that occur in it."""
    match value:
        case dict():
            return {key: shape(inner) for key, inner in value.items()}
        case list():
            shapes = {json.dumps(shape(inner), sort_keys=True) for inner in value}
            return [json.loads(text) for text in sorted(shapes)]
        case bool():
            return "<bool>"
        case int():
            return "<int>"
        case float():
            return "<float>"
        case str():
            if PLACEHOLDER.fullmatch(value):
                return value
            return "<timestamp>" if TIMESTAMP.fullmatch(value) else "<string>"
    return value


class Normaliser:
    """names: strings of this broker and what stands for them. hashes: password hashes that were
    set as such, and are kept."""

    def __init__(self, names: Mapping[str, str], hashes: frozenset[str] = frozenset()):
        self.names = dict(names)
        self._hashes = hashes

    def recorded(self, case: Case, answer: Answer) -> Recorded:
        headers = {
            name: self._text(answer.headers[name]) for name in HEADERS if name in answer.headers
        }
        found: Recorded = {"status": answer.status, "headers": headers}
        if answer.status >= 500 and answer.status != 503:
            return found  # a crash: what it says is about the runtime
        body = self._body(case, answer)
        if body is not None:
            found["body"] = body
        return found

    def _body(self, case: Case, answer: Answer) -> Any:
        if not answer.body:
            return None
        if not answer.headers.get("content-type", "").startswith("application/json"):
            return None if case.keep == "status" else {"text": answer.body.decode("latin-1")[:200]}
        try:
            value = json.loads(answer.body)
        except ValueError:
            return {"not json": answer.body.decode("latin-1")[:200]}
        if answer.status >= 400:
            return self._value(value)
        if case.keep == "status":
            return None
        value = ours(value)
        if case.keep == "items" and isinstance(value, list):
            value = sorted(
                ({key: item[key] for key in IDENTITY if key in item} for item in value), key=_text
            )
        elif case.keep == "items":
            return None
        value = self._value(value)
        if case.keep == "shape":
            return shape(value)
        return in_order(value) if case.is_unordered and isinstance(value, list) else value

    def _value(self, value: Any, key: str = "") -> Any:
        if key == "samples" and isinstance(value, list):
            return f"<{len(value)} samples>"
        if key in UNORDERED and isinstance(value, list):
            value = [self._value(inner) for inner in value]
            return sorted(value, key=_text) if key == "protocols" else in_order(value)
        if key == "ets_tables_memory" and isinstance(value, dict):
            return sorted({_text(shape(inner)) for inner in value.values()})  # the runtime's tables
        if key in VOLATILE and not isinstance(value, str | None):
            if key == "open_files":  # by node
                value = {self._text(name): inner for name, inner in value.items()}
            return shape(value)
        match value:
            case dict():
                value.pop(
                    "idle_since", None
                )  # when it appears is a matter of RabbitMQ's hibernation
                return {self._text(name): self._value(inner, name) for name, inner in value.items()}
            case list():
                return [self._value(inner) for inner in value]
            case str():
                if key == "password_hash" and HASH.fullmatch(value) and value not in self._hashes:
                    return "<hash>"
                return self._text(value) if key not in VOLATILE else shape(value)
        return value

    def _text(self, text: str) -> str:
        if "{" in text:  # an Erlang term, whose lines depend on how long the names are
            text = re.sub(r"\n\s*", "", text)
        for name, placeholder in self.names.items():
            text = text.replace(name, placeholder)
        crash = CRASH.fullmatch(text)
        if crash is not None:
            return f"{crash[1]}<crash>"
        for pattern, placeholder in INVENTED:
            text = pattern.sub(placeholder, text)
        return text


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def in_order(items: list[Any]) -> list[Any]:
    """By what they are called, so that other differences change nothing of the order."""
    return sorted(items, key=lambda item: (_text(_identity(item)), _text(item)))


def _identity(item: Any) -> Any:
    if not isinstance(item, dict):
        return None
    return [item[key] for key in (*IDENTITY, "queue", "channel_details") if key in item]


def ours(value: Any, kind: str = "") -> Any:
    """Without the items of lists that belong to somebody else's vhosts and users."""
    if isinstance(value, list):
        return [item for item in value if not isinstance(item, dict) or is_ours(item, kind)]
    if isinstance(value, dict) and "rabbit_version" in value:  # definitions have no order
        return {
            key: in_order(ours(inner, key)) if isinstance(inner, list) else inner
            for key, inner in value.items()
        }
    return value


def is_ours(item: dict[str, Any], kind: str = "") -> bool:
    owners = [item[key] for key in ("vhost", "user") if isinstance(item.get(key), str)]
    if not owners and isinstance(item.get("name"), str):
        # vhosts, users, global parameters
        is_owner = kind == "vhosts" or set(item) & {"tags", "value", "tracing"}
        owners = [item["name"]] if is_owner else []
    return not owners or any(owner.startswith(PREFIX) for owner in owners)
