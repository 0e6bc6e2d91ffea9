"""How often somebody has logged in to a node, or tried to."""

from __future__ import annotations

from broker.cli.command import (
    CONFIGURATION,
    CTL,
    DIAGNOSTICS,
    DONE,
    MONITORING,
    SWITCH,
    Call,
    Output,
    Rows,
    command,
)

ONLY = (DIAGNOSTICS,)
BOTH = (CTL, DIAGNOSTICS)


@command(
    "list_node_auth_attempt_stats",
    usage="list_node_auth_attempts [--by-source]",
    description="Lists how many logins there were and how many failed",
    section=MONITORING,
    tools=BOTH,
    topics=[("--by-source", "By address and user as well, where they are told apart")],
    switches={"by_source": SWITCH},
    defaults={"by_source": False, "table_headers": True},
    banner='Listing authentication\n attempts for node "{node}" ...',
    formatter="table",
)
def list_node_auth_attempt_stats(call: Call) -> Output:
    is_by_source = call.options["by_source"]
    what = "attempts_by_source" if is_by_source else "attempts"
    found = call.ask(f"auth_attempts.{what}")
    if call.options.get("formatter") == "json":
        return {"result": "ok", "node": call.node, "attempts": [dict(row) for row in found]}
    if not found:
        return f"Node {call.node} reported no authentication attempt stats"
    return Rows(found)


@command(
    "reset_node_auth_attempt_metrics",
    usage="reset_node_auth_attempt_metrics",
    description="Counts logins from 0 again",
    section=CONFIGURATION,
    tools=ONLY,
    banner="Reset auth attempt metrics on node {node} ...",
)
def reset_node_auth_attempt_metrics(call: Call) -> Output:
    call.ask("auth_attempts.reset")
    return DONE


@command(
    "enable_auth_attempt_source_tracking",
    usage="enable_auth_attempt_source_tracking",
    description="Counts logins by address and user as well",
    section=CONFIGURATION,
    tools=ONLY,
    banner="Enabling authentication attempt source tracking ...",
)
def enable_auth_attempt_source_tracking(call: Call) -> Output:
    call.ask("auth_attempts.track_sources", is_on=True)
    return DONE


@command(
    "disable_auth_attempt_source_tracking",
    usage="disable_track_auth_attempt_source",
    description="Counts logins by address and user no more",
    section=CONFIGURATION,
    tools=ONLY,
    banner="Disabling authentication attempt source tracking ...",
)
def disable_auth_attempt_source_tracking(call: Call) -> Output:
    call.ask("auth_attempts.track_sources", is_on=False)
    return DONE
