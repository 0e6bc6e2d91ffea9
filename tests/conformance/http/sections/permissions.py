"""Permissions and topic permissions."""

from __future__ import annotations

from tests.conformance.http.cases import Section, Step, at, delete, get, head, put
from tests.conformance.http.sections.exchanges import BROKEN, WRONG

VHOST = "hw-permissions"
GOOD = {"configure": "^c", "write": "^w", "read": ".*"}
TOPIC = {"exchange": "amq.topic", "write": "^w", "read": "^r"}


def _permissions() -> list[Step]:
    path, topic = (
        at("permissions", VHOST, "hw-outsider"),
        at("topic-permissions", VHOST, "hw-outsider"),
    )
    return [
        get(path),
        head(path),
        delete(path),
        put(path, GOOD),
        put(path, {**GOOD, "read": ""}),
        get(path),
        head(path),
        get(at("vhosts", VHOST, "permissions")),
        get(at("users", "hw-outsider", "permissions")),
        get("/permissions", is_unordered=True),
        get("/permissions?columns=user,vhost&sort=user", is_unordered=True),
        *(put(path, {key: value for key, value in GOOD.items() if key != gone}) for gone in GOOD),
        put(path, {**GOOD, "nonsense": 1, "user": "other", "vhost": "/"}),
        *(
            put(path, {**GOOD, "configure": pattern})
            for pattern in ("(", "[", "*", "a{2", "\\", "ä")
        ),
        *(put(path, text) for text in BROKEN),
        put(path),
        get(path),
        put(at("permissions", VHOST, "hw-missing"), GOOD),
        put(at("permissions", "hw-missing", "hw-outsider"), GOOD),
        get(at("permissions", VHOST, "hw-missing")),
        get(at("permissions", "hw-missing", "hw-outsider")),
        delete(at("permissions", VHOST, "hw-missing")),
        delete(at("permissions", "hw-missing", "hw-outsider")),
        # topics
        get(topic),
        head(topic),
        delete(topic),
        put(topic, TOPIC),
        put(topic, {**TOPIC, "read": ""}),
        put(topic, {**TOPIC, "exchange": "other"}),
        put(topic, {**TOPIC, "exchange": ""}),
        put(topic, {**TOPIC, "exchange": "amq.default"}),
        get(topic, is_unordered=True),
        get(topic + at("amq.topic"), is_unordered=True),
        get(topic + at("missing"), is_unordered=True),
        put(topic + at("third"), TOPIC),
        get(topic, is_unordered=True),
        get(at("vhosts", VHOST, "topic-permissions"), is_unordered=True),
        get(at("users", "hw-outsider", "topic-permissions"), is_unordered=True),
        get("/topic-permissions", is_unordered=True),
        *(
            put(topic, {key: value for key, value in TOPIC.items() if key != gone})
            for gone in TOPIC
        ),
        *(put(topic, {**TOPIC, "write": pattern}) for pattern in ("(", "[", "*", "{username}.x")),
        *(put(topic, text) for text in BROKEN),
        delete(topic + at("amq.topic")),
        delete(topic + at("missing")),
        get(topic, is_unordered=True),
        delete(topic),
        delete(topic),
        get(topic),
        put(at("topic-permissions", VHOST, "hw-missing"), TOPIC),
        put(at("topic-permissions", "hw-missing", "hw-outsider"), TOPIC),
        get(at("topic-permissions", VHOST, "hw-missing")),
        get(at("topic-permissions", "hw-missing", "hw-outsider")),
        delete(at("topic-permissions", VHOST, "hw-missing")),
        # what they are for
        put(path, GOOD),
        get("/vhosts?columns=name", user="hw-outsider"),
        put(at("queues", VHOST, "c1"), {}, user="hw-outsider"),
        put(at("queues", VHOST, "d1"), {}, user="hw-outsider"),
        delete(path),
        delete(path),
        get(path),
        get("/vhosts?columns=name", user="hw-outsider"),
        get(at("queues", VHOST), user="hw-outsider"),
        get(at("users", "hw-outsider", "permissions")),
    ]


def _wrong() -> list[Step]:
    vhost = "hw-permissions-wrong"
    path, topic = (
        at("permissions", vhost, "hw-outsider"),
        at("topic-permissions", vhost, "hw-outsider"),
    )
    steps: list[Step] = []
    for field in GOOD:
        for value in WRONG:
            steps += [put(path, {**GOOD, field: value}), get(path), delete(path)]
    for field in TOPIC:
        for value in WRONG:
            steps += [put(topic, {**TOPIC, field: value}), get(topic), delete(topic)]
    return steps


def sections() -> list[Section]:
    return [
        Section("permissions", _permissions()),
        Section("permissions-wrong", _wrong(), is_alone=True),
    ]
