"""Policies, parameters and definitions."""

from __future__ import annotations

from broker.management.openapi.forms import (
    ANYTHING,
    COLUMNS,
    DONE,
    JSON,
    SORTED,
    Operation,
    Paths,
    Schema,
    by_name,
    choice,
    deletes,
    each,
    lists,
    puts,
    ref,
    shape,
    shows,
    text,
    whole,
)

TAG, ABOUT = "Policies, parameters, definitions", "What is set once for many, and all there is."

_APPLIES = choice("all", "queues", "exchanges", "classic_queues", "quorum_queues", "streams")
_DEFINITION = by_name(ANYTHING, "`message-ttl`, `max-length`, `dead-letter-exchange`, …")
_POLICY = shape(
    "",
    {"pattern": text("Of names."), "definition": _DEFINITION},
    {"priority": whole("The highest counts."), "apply-to": _APPLIES},
)
_VALUE: Schema = {"description": "Any JSON value."}
_PUT_VALUE = shape("", {"value": _VALUE}, {"component": text(), "name": text(), "vhost": text()})
_AS_SHOWN = {"description": "As such a thing is shown, and declared."}
_DEFINED = each(by_name(ANYTHING))

SHAPES: dict[str, Schema] = {
    "Policy": shape(
        "What queues and exchanges are given whose names match.",
        {
            "vhost": text(),
            "name": text(),
            "pattern": text("Of names."),
            "apply-to": _APPLIES,
            "definition": _DEFINITION,
            "priority": whole("Where several match, the highest counts."),
        },
    ),
    "Parameter": shape(
        "A parameter of a component, in a vhost.",
        {"vhost": text(), "component": text(), "name": text(), "value": _VALUE},
    ),
    "GlobalParameter": shape("A parameter of the cluster.", {"name": text(), "value": _VALUE}),
    "Definitions": shape(
        "All that is defined, or what is in one vhost. RabbitMQ understands it, and the other way"
        " round. What is not in it stays as it is.",
        {},
        {
            "rabbit_version": text("The release whose form it has."),
            "rabbitmq_version": text("The same."),
            "product_name": text(),
            "product_version": text(),
            "users": _DEFINED,
            "vhosts": _DEFINED,
            "permissions": _DEFINED,
            "topic_permissions": _DEFINED,
            "parameters": _DEFINED,
            "global_parameters": _DEFINED,
            "policies": _DEFINED,
            "queues": _DEFINED,
            "exchanges": _DEFINED,
            "bindings": _DEFINED,
        },
    ),
}

_MINIMAL = {"vhosts": [{"name": "orders"}], "queues": []}
_EXAMPLE = {
    "pattern": "^orders",
    "definition": {"message-ttl": 60000},
    "priority": 0,
    "apply-to": "queues",
}
_LIMITED = {**_EXAMPLE, "definition": {"max-length": 10000}}
_OF_VHOST = (*SORTED, "vhost")
_OF_POLICIES = "Operator policies cap what policies and declarations ask for."


def _definitions(what: str) -> dict[str, Operation]:
    return {
        "GET": shows(
            ref("Definitions"),
            f"The definitions of {what}",
            "What is exclusive or predeclared is left out.",
            (*COLUMNS, "vhost", "download", "auth"),
        ),
        "POST": Operation(
            f"Import definitions into {what}",
            "All of it is checked before anything is done.",
            ("vhost", "auth"),
            body=ref("Definitions"),
            example=_MINIMAL,
            media=(JSON, "multipart/form-data"),
            answers=DONE,
        ),
    }


def _policies(kind: str, example: dict[str, object], about: str = "") -> dict[str, Operation]:
    return {
        "GET": shows(ref("Policy"), f"A {kind}"),
        "PUT": puts(_POLICY, example, f"Set a {kind}", about),
        "DELETE": deletes(f"Clear a {kind}"),
    }


PATHS: Paths = {
    "/policies": {"GET": lists("Policy", "All policies", "", _OF_VHOST)},
    "/policies/:vhost": {"GET": lists("Policy", "The policies of a vhost")},
    "/policies/:vhost/:name": _policies("policy", _EXAMPLE),
    "/operator-policies": {
        "GET": lists("Policy", "All operator policies", _OF_POLICIES, _OF_VHOST)
    },
    "/operator-policies/:vhost": {"GET": lists("Policy", "The operator policies of a vhost")},
    "/operator-policies/:vhost/:name": _policies("operator policy", _LIMITED, _OF_POLICIES),
    "/parameters": {
        "GET": lists(
            "Parameter", "All parameters", "Operator policies included, policies not.", _OF_VHOST
        )
    },
    "/parameters/:component": {"GET": lists("Parameter", "The parameters of a component")},
    "/parameters/:component/:vhost": {
        "GET": lists("Parameter", "The parameters of a component in a vhost")
    },
    "/parameters/:component/:vhost/:name": {
        "GET": shows(ref("Parameter"), "A parameter"),
        "PUT": puts(_PUT_VALUE, {"value": {"max-connections": 100}}, "Set a parameter"),
        "DELETE": deletes("Clear a parameter"),
    },
    "/global-parameters": {"GET": lists("GlobalParameter", "The parameters of the cluster")},
    "/global-parameters/:name": {
        "GET": shows(ref("GlobalParameter"), "A parameter of the cluster"),
        "PUT": puts(
            shape("", {"value": _VALUE}, {"name": text()}),
            {"value": {"owner": "operations"}},
            "Set a parameter of the cluster",
        ),
        "DELETE": deletes("Clear a parameter of the cluster"),
    },
    "/definitions": _definitions("the cluster"),
    "/definitions/:vhost": _definitions("a vhost"),
    "/all-configuration": _definitions("the cluster, by an old name"),
}
