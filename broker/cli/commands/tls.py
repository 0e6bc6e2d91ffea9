"""What a node can do of TLS, and the certificates of its listeners."""

from __future__ import annotations

from broker.amqp.erlang import printed
from broker.cli.command import (
    CONFIGURATION,
    DIAGNOSTICS,
    MONITORING,
    REACHABLE,
    SWITCH,
    TEXT,
    Call,
    Output,
    Rows,
    command,
)
from broker.cli.errors import bad_argument, too_many
from broker.cli.listeners import as_map

ONLY = (DIAGNOSTICS,)
FORMS = {"openssl": "OpenSSL", "erlang": "Erlang term", "map": "map"}


@command(
    "tls_versions",
    usage="tls_versions",
    description="Lists the versions of TLS that the node could speak",
    section=MONITORING,
    tools=ONLY,
    has_timeout=True,
    banner="Listing all TLS versions supported by the runtime...",
)
def tls_versions(call: Call) -> Output:
    found = call.ask("tls.versions")
    return {"versions": found} if call.options.get("formatter") == "json" else "\n".join(found)


def _check_suites(call: Call) -> None:
    if call.options["format"].lower() not in FORMS:
        raise bad_argument("Format should be either openssl, erlang or map")
    if call.arguments:
        raise too_many()


@command(
    "cipher_suites",
    usage="cipher_suites [--format <openssl | erlang | map>] [--all]",
    description="Lists the cipher suites that are on by default",
    section=MONITORING,
    tools=ONLY,
    topics=[("--format <format>", "openssl, erlang or map"), ("--all", "All that there are")],
    has_timeout=True,
    switches={"format": TEXT, "all": SWITCH},
    arity=(0, None),
    defaults={"format": "openssl", "all": False},
    validate=_check_suites,
    needs=REACHABLE,
    banner=lambda call: (
        f"Listing available cipher suites in {FORMS[call.options['format'].lower()]} format"
    ),
)
def cipher_suites(call: Call) -> Output:
    form = call.options["format"].lower()
    found = call.ask("tls.cipher_suites", form=form, has_all=bool(call.options["all"]))
    if "formatter" in call.options or form == "openssl":
        return Rows(found)
    lines = [("," if at else "") + printed(suite) for at, suite in enumerate(found)]
    return Rows(["[", *lines, "]"])


@command(
    "certificates",
    usage="certificates",
    description="Shows the certificates of listeners with TLS",
    section=CONFIGURATION,
    tools=ONLY,
    needs=REACHABLE,
    banner="Certificates of node {node} ...",
    formatter="erlang",
)
def certificates(call: Call) -> Output:
    found = [
        {**as_map(listener), "certfile": own, "cacertfile": authorities}
        for listener, own, authorities in call.ask("tls.certificates")
    ]
    if not found and call.options.get("formatter") != "json":
        return {}
    return found
