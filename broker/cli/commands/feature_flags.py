"""Feature flags, all of which are on."""

from __future__ import annotations

from broker.cli import info_items
from broker.cli.command import (
    CTL,
    DIAGNOSTICS,
    DONE,
    FEATURE_FLAGS,
    Call,
    Output,
    command,
    listed,
)
from broker.cli.errors import bad_argument

COLUMNS = ("name", "state", "stability", "provided_by", "desc", "doc_url")


@command(
    "list_feature_flags",
    usage="list_feature_flags [<column> ...]",
    description="Lists feature flags",
    section=FEATURE_FLAGS,
    tools=(CTL, DIAGNOSTICS),
    topics=[info_items.topic(COLUMNS)],
    has_timeout=True,
    arity=(0, None),
    default_arguments=("name", "state"),
    validate=lambda call: info_items.check(call.arguments, COLUMNS),
    banner="Listing feature flags ...",
    formatter="table",
)
def list_feature_flags(call: Call) -> Output:
    columns = info_items.wanted(call.arguments)
    return listed(info_items.only(flag, columns) for flag in call.ask("feature_flags.flags"))


def _check_name(call: Call) -> None:
    if not call.arguments[0]:
        raise bad_argument("feature_flag cannot be an empty string.")


@command(
    "enable_feature_flag",
    usage="enable_feature_flag <all | feature_flag>",
    description="Switches a feature flag on, as all of them are",
    section=FEATURE_FLAGS,
    topics=[("<feature_flag>", "Its name, or all")],
    arity=(1, 1),
    validate=_check_name,
    banner=lambda call: (
        "Enabling all feature flags ..."
        if call.arguments[0] == "all"
        else f'Enabling feature flag "{call.arguments[0]}" ...'
    ),
)
def enable_feature_flag(call: Call) -> Output:
    call.ask("feature_flags.enable", name=call.arguments[0])
    return DONE
