"""Runtime parameters, policies, and limits of virtual hosts and users."""

from __future__ import annotations

from broker.cli.command import (
    CTL,
    DIAGNOSTICS,
    DONE,
    INTEGER,
    PARAMETERS,
    POLICIES,
    SWITCH,
    TEXT,
    USERS,
    VHOSTS,
    Call,
    Output,
    Said,
    command,
    listed,
)

BOTH = (CTL, DIAGNOSTICS)
IN_VHOST = {"vhost": "/"}
LISTED = {"vhost": "/", "table_headers": True}
COMPONENT = ("<component_name>", "What the parameter is for")
NAME = ("<name>", "Its name")
VALUE = ("<value>", "Its value, as JSON")
POLICY_TOPICS = [
    ("<name>", "The name of the policy"),
    ("<pattern>", "Regular expression of the names of queues and exchanges that it is for"),
    ("<definition>", "What it gives them, a JSON object"),
    ("--priority <priority>", "Of several that fit the one with the highest counts (0)"),
    ("--apply-to <queues | exchanges | all>", "What it is for (all)"),
]
POLICY_SWITCHES = {"priority": INTEGER, "apply_to": TEXT}
POLICY_DEFAULTS = {"vhost": "/", "priority": 0, "apply_to": "all"}


# parameters


@command(
    "set_parameter",
    usage="set_parameter [--vhost <vhost>] <component_name> <name> <value>",
    description="Sets a runtime parameter",
    section=PARAMETERS,
    topics=[COMPONENT, NAME, VALUE],
    arity=(3, 3),
    defaults=IN_VHOST,
    banner='Setting runtime parameter "{1}" for component "{0}" to "{2}" in vhost "{vhost}" ...',
)
def set_parameter(call: Call) -> Output:
    component, name, value = call.arguments
    what = "parameters.set_parameter"
    call.ask(what, vhost=call.vhost, component=component, name=name, value=value)
    return DONE


@command(
    "clear_parameter",
    usage="clear_parameter [--vhost <vhost>] <component_name> <name>",
    description="Deletes a runtime parameter",
    section=PARAMETERS,
    topics=[COMPONENT, NAME],
    arity=(2, 2),
    defaults=IN_VHOST,
    banner='Clearing runtime parameter "{1}" for component "{0}" on vhost "{vhost}" ...',
)
def clear_parameter(call: Call) -> Output:
    component, name = call.arguments
    call.ask("parameters.clear_parameter", vhost=call.vhost, component=component, name=name)
    return DONE


@command(
    "list_parameters",
    usage="list_parameters [--vhost <vhost>] [--no-table-headers]",
    description="Lists the runtime parameters of a virtual host",
    section=PARAMETERS,
    tools=BOTH,
    has_timeout=True,
    defaults=LISTED,
    banner='Listing runtime parameters for vhost "{vhost}" ...',
    formatter="table",
)
def list_parameters(call: Call) -> Output:
    return listed(call.rows("parameters.list_parameters", vhost=call.vhost))


@command(
    "set_global_parameter",
    usage="set_global_parameter <name> <value>",
    description="Sets a runtime parameter that is not of one virtual host",
    section=PARAMETERS,
    topics=[NAME, VALUE],
    arity=(2, 2),
    banner='Setting global runtime parameter "{0}" to "{1}" ...',
)
def set_global_parameter(call: Call) -> Output:
    name, value = call.arguments
    call.ask("parameters.set_global_parameter", name=name, value=value)
    return DONE


@command(
    "clear_global_parameter",
    usage="clear_global_parameter <name>",
    description="Deletes a runtime parameter that is not of one virtual host",
    section=PARAMETERS,
    topics=[NAME],
    arity=(1, 1),
    banner='Clearing global runtime parameter "{0}" ...',
)
def clear_global_parameter(call: Call) -> Output:
    call.ask("parameters.clear_global_parameter", name=call.arguments[0])
    return DONE


@command(
    "list_global_parameters",
    usage="list_global_parameters [--no-table-headers]",
    description="Lists the runtime parameters that are not of one virtual host",
    section=PARAMETERS,
    tools=BOTH,
    has_timeout=True,
    defaults={"table_headers": True},
    banner="Listing global runtime parameters ...",
    formatter="table",
)
def list_global_parameters(call: Call) -> Output:
    return listed(call.rows("parameters.list_global_parameters"))


# policies


def _set_policy(call: Call, kind: str) -> Output:
    name, pattern, definition = call.arguments
    call.ask(
        "parameters.set_policy",
        kind=kind,
        vhost=call.vhost,
        name=name,
        pattern=pattern,
        definition=definition,
        priority=call.options["priority"],
        apply_to=call.options["apply_to"],
    )
    return DONE


def _clear_policy(call: Call, kind: str) -> Output:
    call.ask("parameters.clear_policy", kind=kind, vhost=call.vhost, name=call.arguments[0])
    return DONE


def _list_policies(call: Call, kind: str) -> Output:
    return listed(call.rows("parameters.list_policies", kind=kind, vhost=call.vhost))


@command(
    "set_policy",
    usage="set_policy [--vhost <vhost>] [--priority <priority>] [--apply-to <apply-to>] <name>"
    " <pattern> <definition>",
    description="Sets a policy",
    section=POLICIES,
    topics=POLICY_TOPICS,
    switches=POLICY_SWITCHES,
    arity=(3, 3),
    defaults=POLICY_DEFAULTS,
    banner='Setting policy "{0}" for pattern "{1}" to "{2}" with priority "{priority}" for vhost'
    ' "{vhost}" ...',
)
def set_policy(call: Call) -> Output:
    return _set_policy(call, "policy")


@command(
    "clear_policy",
    usage="clear_policy [--vhost <vhost>] <name>",
    description="Deletes a policy",
    section=POLICIES,
    topics=POLICY_TOPICS[:1],
    arity=(1, 1),
    defaults=IN_VHOST,
    banner='Clearing policy "{0}" on vhost "{vhost}" ...',
)
def clear_policy(call: Call) -> Output:
    return _clear_policy(call, "policy")


@command(
    "list_policies",
    usage="list_policies [--vhost <vhost>] [--no-table-headers]",
    description="Lists the policies of a virtual host",
    section=POLICIES,
    tools=BOTH,
    has_timeout=True,
    defaults=LISTED,
    banner='Listing policies for vhost "{vhost}" ...',
    formatter="table",
)
def list_policies(call: Call) -> Output:
    return _list_policies(call, "policy")


@command(
    "set_operator_policy",
    usage="set_operator_policy [--vhost <vhost>] [--priority <priority>] [--apply-to <apply-to>]"
    " <name> <pattern> <definition>",
    description="Sets a policy whose limits users' policies cannot exceed",
    section=POLICIES,
    topics=POLICY_TOPICS,
    switches=POLICY_SWITCHES,
    arity=(3, 3),
    defaults=POLICY_DEFAULTS,
    banner='Setting operator policy override "{0}" for pattern "{1}" to "{2}" with priority'
    ' "{priority}" for vhost "{vhost}" ...',
)
def set_operator_policy(call: Call) -> Output:
    return _set_policy(call, "operator_policy")


@command(
    "clear_operator_policy",
    usage="clear_operator_policy [--vhost <vhost>] <name>",
    description="Deletes an operator policy",
    section=POLICIES,
    topics=POLICY_TOPICS[:1],
    arity=(1, 1),
    defaults=IN_VHOST,
    banner='Clearing operator policy "{0}" on vhost "{vhost}" ...',
)
def clear_operator_policy(call: Call) -> Output:
    return _clear_policy(call, "operator_policy")


@command(
    "list_operator_policies",
    usage="list_operator_policies [--vhost <vhost>] [--no-table-headers]",
    description="Lists the operator policies of a virtual host",
    section=POLICIES,
    tools=BOTH,
    has_timeout=True,
    defaults=LISTED,
    banner='Listing operator policy overrides for vhost "{vhost}" ...',
    formatter="table",
)
def list_operator_policies(call: Call) -> Output:
    return _list_policies(call, "operator_policy")


# limits


@command(
    "set_vhost_limits",
    usage="set_vhost_limits [--vhost <vhost>] <definition>",
    description="Limits the connections and queues of a virtual host",
    section=VHOSTS,
    topics=[("<definition>", "JSON object of max-connections and max-queues; -1: any number")],
    arity=(1, 1),
    defaults=IN_VHOST,
    banner='Setting vhost limits to "{0}" for vhost "{vhost}" ...',
)
def set_vhost_limits(call: Call) -> Output:
    call.ask("parameters.set_vhost_limits", vhost=call.vhost, definition=call.arguments[0])
    return DONE


@command(
    "clear_vhost_limits",
    usage="clear_vhost_limits [--vhost <vhost>]",
    description="Takes the limits of a virtual host away",
    section=VHOSTS,
    defaults=IN_VHOST,
    banner='Clearing vhost "{vhost}" limits ...',
)
def clear_vhost_limits(call: Call) -> Output:
    call.ask("parameters.clear_vhost_limits", vhost=call.vhost)
    return DONE


def _vhost_limits_banner(call: Call) -> str:
    if call.options.get("global"):
        return "Listing limits for all vhosts ..."
    return f'Listing limits for vhost "{call.vhost}" ...'


@command(
    "list_vhost_limits",
    usage="list_vhost_limits [--vhost <vhost>] [--global] [--no-table-headers]",
    description="Shows the limits of virtual hosts",
    section=VHOSTS,
    tools=BOTH,
    topics=[("--global", "Of all virtual hosts")],
    switches={"global": SWITCH},
    defaults=LISTED,
    banner=_vhost_limits_banner,
    formatter="table",
)
def list_vhost_limits(call: Call) -> Output:
    if call.options.get("global"):
        return listed(call.rows("parameters.list_vhost_limits"))
    found = call.ask("parameters.get_vhost_limits", vhost=call.vhost)
    return Said(found) if found is not None else []


@command(
    "set_user_limits",
    usage="set_user_limits <username> <definition>",
    description="Limits the connections and channels of a user",
    section=USERS,
    topics=[
        ("<username>", "The name of the user"),
        ("<definition>", "JSON object of max-connections and max-channels; -1: any number"),
    ],
    arity=(2, 2),
    banner='Setting user limits to "{1}" for user "{0}" ...',
)
def set_user_limits(call: Call) -> Output:
    name, definition = call.arguments
    call.ask("parameters.set_user_limits", name=name, definition=definition)
    return DONE


def _clearing_user_limits(call: Call) -> str:
    name, limit = call.arguments
    what = "all limits" if limit == "all" else f'"{limit}" limit'
    return f'Clearing {what} for user "{name}" ...'


@command(
    "clear_user_limits",
    usage="clear_user_limits <username> <limit_type> | all",
    description="Takes limits of a user away",
    section=USERS,
    topics=[
        ("<username>", "The name of the user"),
        ("<limit_type>", "max-connections or max-channels"),
    ],
    arity=(2, 2),
    banner=_clearing_user_limits,
)
def clear_user_limits(call: Call) -> Output:
    name, limit = call.arguments
    call.ask("parameters.clear_user_limits", name=name, limit=limit)
    return DONE


def _user_limits_banner(call: Call) -> str:
    if call.options.get("global"):
        return "Listing limits for all users ..."
    return f'Listing limits for user "{call.options["user"]}" ...'


@command(
    "list_user_limits",
    usage="list_user_limits [--user <username>] [--global]",
    description="Shows the limits of users",
    section=USERS,
    tools=BOTH,
    topics=[("--user <username>", "Of whom (guest)"), ("--global", "Of all users")],
    switches={"global": SWITCH, "user": TEXT},
    defaults={"user": "guest", "table_headers": True},
    banner=_user_limits_banner,
    formatter="table",
)
def list_user_limits(call: Call) -> Output:
    if call.options.get("global"):
        return listed(call.rows("parameters.list_user_limits"))
    return call.ask("parameters.get_user_limits", name=call.options["user"])
