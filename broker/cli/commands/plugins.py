"""`rabbitmq-plugins`: the optional parts of a node, switched while it runs, or for its next start.

A node that can be reached changes its file of enabled plugins itself, and does at once what that
says. Of one that cannot the file is changed here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from broker.amqp.erlang import Atom, CharList
from broker.cli import plugin_files
from broker.cli.command import (
    MONITORING,
    NOTHING,
    PLUGIN_SECTION,
    PLUGINS,
    SWITCH,
    Call,
    Output,
    Rows,
    command,
)
from broker.cli.elixir import inspect
from broker.cli.errors import (
    APP_STOPPED,
    EX_DATA,
    EX_SOFTWARE,
    FailedError,
    ReasonError,
    StateError,
    bad_argument,
    not_enough,
)
from broker.plugins import PLUGINS as TABLE
from broker.plugins import UnknownPluginsError, in_order, with_dependencies

ONLY = (PLUGINS,)
NODE_DOWN = "this command requires the target node to be running."
MODES = {"online": SWITCH, "offline": SWITCH}
NAMES = "<plugin1> [ <plugin2>]"
NOT_FOUND = "plugins_not_found"
ONLINE_TOPIC = ("--online", "The node is asked, and has to run")
OFFLINE_TOPIC = ("--offline", "The node is not asked; what is changed is so after its next start")
PROGRAMS = ("json", "csv", "json_stream")  # formatters for them


def _check_modes(call: Call) -> None:
    if call.options.get("online") and call.options.get("offline"):
        raise bad_argument("Cannot set both online and offline")


def _is_offline(call: Call) -> bool:
    return bool(call.options.get("offline"))


# list


def _check_list(call: Call) -> None:
    if call.options["verbose"] and call.options["minimal"]:
        raise bad_argument("Cannot set both verbose and minimal")


@command(
    "list",
    usage="list [pattern] [--verbose] [--minimal] [--enabled] [--implicitly-enabled]",
    description="Lists optional parts, and which of them are on",
    section=PLUGIN_SECTION,
    tools=ONLY,
    topics=[
        ("<pattern>", "Only those whose names it matches: a regular expression"),
        ("--verbose", "With what they are and need"),
        ("--minimal", "Only their names"),
        ("--enabled", "Only those that were enabled"),
        ("--implicitly-enabled", "Those and what they need"),
    ],
    switches=dict.fromkeys(("verbose", "minimal", "enabled", "implicitly_enabled"), SWITCH),
    letters={"v": "verbose", "m": "minimal", "E": "enabled", "e": "implicitly_enabled"},
    defaults=dict.fromkeys(("verbose", "minimal", "enabled", "implicitly_enabled"), False),
    arity=(0, 1),
    default_arguments=(".*",),
    validate=_check_list,
    needs=NOTHING,
    banner='Listing plugins with pattern "{0}" ...',
    formatter="plugins",
)
def list_(call: Call) -> Output:
    from broker.patterns import PatternError, compile_pattern

    is_running = call.is_reachable()
    if is_running:
        found = call.ask("plugins.state")
    else:
        from broker.cli.commands.general import COMPATIBLE

        found = {"enabled": plugin_files.enabled(call), "running": [], "version": COMPATIBLE}
    _warn_of_missing(call, sorted(set(found["enabled"]) - TABLE.keys()))
    try:
        pattern = compile_pattern(call.arguments[0])
    except PatternError as error:
        crash = (Atom("badmatch"), (Atom("error"), error.reason))
        raise FailedError(f"{inspect(crash)}\n", EX_SOFTWARE) from None
    form = next((name for name in ("verbose", "minimal") if call.options[name]), "normal")
    plugins = [
        _shown(name, form, found)
        for name in sorted(_wanted(call, set(found["enabled"])))
        if pattern.search(name)
    ]
    return {
        Atom("format"): Atom(form),
        Atom("plugins"): plugins,
        Atom("status"): Atom("running" if is_running else "node_down"),
    }


def _warn_of_missing(call: Call, names: list[str]) -> None:
    """Of the file, that there are none of. What a program reads is left as it is."""
    if names and call.options.get("formatter") not in PROGRAMS:
        text = f"WARNING - plugins currently enabled but missing: {', '.join(names)}\n\n"
        call.streams.stdout.write(text)


def _wanted(call: Call, enabled: set[str]) -> set[str]:
    if call.options["enabled"]:
        return enabled & TABLE.keys()
    if call.options["implicitly_enabled"]:
        return set(with_dependencies(enabled))
    return set(TABLE)


def _shown(name: str, form: str, found: dict[str, Any]) -> dict[Atom, Any]:
    if form == "minimal":
        return {Atom("name"): Atom(name)}
    version = CharList(found["version"])
    is_running = name in found["running"]
    state = "not_enabled"
    if name in found["enabled"]:
        state = "enabled"
    elif name in with_dependencies(found["enabled"]):
        state = "implicit"
    shown: dict[Atom, Any] = {}
    if form == "verbose":
        shown[Atom("dependencies")] = [Atom(one) for one in TABLE[name].dependencies]
        shown[Atom("description")] = CharList(TABLE[name].description)
    return shown | {
        Atom("enabled"): Atom(state),
        Atom("name"): Atom(name),
        Atom("running"): is_running,
        Atom("running_version"): version if is_running else Atom("nil"),
        Atom("version"): version,
    }


# enable, disable, set


def _check_change(call: Call) -> None:
    is_all = bool(call.options.get("all"))
    if not call.arguments and not is_all and call.command.name != "set":
        raise not_enough()
    if call.arguments and is_all:
        raise bad_argument("Cannot set both --all and a list of plugins")
    _check_modes(call)
    if call.options.get("online"):
        if not call.is_reachable():
            raise StateError(NODE_DOWN)
        if not call.link.is_app_running:
            raise StateError(APP_STOPPED)


def _change_banner(call: Call) -> str:
    word = "Disabling" if call.command.name == "disable" else "Enabling"
    if call.options.get("all"):
        return f"{word} ALL plugins on node {call.node}"
    return "\n".join([f"{word} plugins on node {call.node}:", *call.arguments])


def _change(call: Call) -> dict[str, Any]:
    """Raises: ToolError, UnknownPluginsError."""
    how = call.command.name
    names = None if call.options.get("all") else call.arguments
    if _is_offline(call) or not call.is_reachable():
        return plugin_files.change(call, how, TABLE if names is None else names)
    given = plugin_files.given_file(call)
    if given is not None:
        path = call.ask("plugins.directories")["enabled_plugins_file"]
        if not path or given.resolve() != Path(path).resolve():
            raise FailedError(
                f"Could not update enabled plugins file at {given}: target node {call.node}"
                f" uses a different path ({path or 'none'})",
                EX_DATA,
            )
    try:
        found: dict[str, Any] = call.ask("plugins.change", how=how, names=names)
    except ReasonError as error:
        if error.word == NOT_FOUND and isinstance(error.about, list):
            raise UnknownPluginsError(error.about) from None
        raise
    return found


def _changed(call: Call) -> Output:
    """What is enabled now, and what was done for that. Raises: ToolError, UnknownPluginsError."""
    found = _change(call)
    names = [Atom(name) for name in found["set"]]
    is_online = bool(found.get("is_online"))
    done = {Atom("mode"): Atom("online" if is_online else "offline"), Atom("set"): names}
    if is_online:
        for word in ("started", "stopped"):
            done[Atom(word)] = [Atom(name) for name in found[word]]
    before, now = set(found["before"]), set(found["set"])
    if call.command.name == "enable":
        done[Atom("enabled")] = [Atom(name) for name in sorted(now - before)]
    elif call.command.name == "disable":
        done[Atom("disabled")] = [Atom(name) for name in in_order(before - now)]
    return Rows([names, done])


@command(
    "enable",
    usage=f"enable {NAMES} | --all [--offline] [--online]",
    description="Switches optional parts on, with what they need",
    section=PLUGIN_SECTION,
    tools=ONLY,
    topics=[(NAMES, "Their names"), ONLINE_TOPIC, OFFLINE_TOPIC, ("--all", "All there are")],
    switches={**MODES, "all": SWITCH},
    arity=(0, None),
    validate=_check_change,
    needs=NOTHING,
    banner=_change_banner,
    formatter="plugins",
)
def enable(call: Call) -> Output:
    try:
        return _changed(call)
    except UnknownPluginsError as error:
        term = (Atom(NOT_FOUND), [Atom(name) for name in error.names])
        raise FailedError(inspect(term), EX_SOFTWARE) from None


@command(
    "disable",
    usage=f"disable {NAMES} | --all [--offline] [--online]",
    description="Switches optional parts off, with those that need them",
    section=PLUGIN_SECTION,
    tools=ONLY,
    topics=[(NAMES, "Their names"), ONLINE_TOPIC, OFFLINE_TOPIC, ("--all", "All there are")],
    switches={**MODES, "all": SWITCH},
    arity=(0, None),
    validate=_check_change,
    needs=NOTHING,
    banner=_change_banner,
    formatter="plugins",
)
def disable(call: Call) -> Output:
    return _changed(call)


@command(
    "set",
    usage=f"set {NAMES} [--offline] [--online]",
    description="Switches these optional parts on, and all others off",
    section=PLUGIN_SECTION,
    tools=ONLY,
    topics=[(NAMES, "Their names"), ONLINE_TOPIC, OFFLINE_TOPIC],
    switches=MODES,
    arity=(0, None),
    validate=_check_change,
    needs=NOTHING,
    banner=_change_banner,
    formatter="plugins",
)
def set_(call: Call) -> Output:
    try:
        return _changed(call)
    except UnknownPluginsError as error:
        raise FailedError(str(error), EX_DATA) from None


# is_enabled, directories


def _check_asked(call: Call) -> None:
    """By default the node is asked."""
    _check_modes(call)
    if call.options.get("online") is False and not _is_offline(call):
        raise bad_argument("Cannot set online and offline to false")
    if not _is_offline(call) and not call.is_reachable():
        raise StateError(NODE_DOWN)


def _named(names: list[str]) -> str:
    return f"plugin{'s' if len(names) > 1 else ''} {', '.join(names)}"


def _are(names: list[str]) -> str:
    return f"{_named(names)} {'are' if len(names) > 1 else 'is'}"


def _is_enabled_banner(call: Call) -> str:
    if _is_offline(call):
        return f"Inferring if {_are(call.arguments)} from local environment..."
    return f"Asking node {call.node} if {_are(call.arguments)} enabled..."


@command(
    "is_enabled",
    usage=f"is_enabled {NAMES} [--offline] [--online]",
    description="Health check: these optional parts are on",
    section=MONITORING,
    tools=ONLY,
    topics=[
        (NAMES, "Their names"),
        ("--online", "The node is asked, and has to run"),
        ("--offline", "The file of enabled plugins is looked at instead"),
    ],
    switches=MODES,
    arity=(1, None),
    validate=_check_asked,
    needs=NOTHING,
    banner=_is_enabled_banner,
)
def is_enabled(call: Call) -> Output:
    if _is_offline(call):
        found, place = sorted(with_dependencies(plugin_files.enabled(call))), ""
    else:
        found, place = call.ask("plugins.state")["running"], f" on node {call.node}"
    missing = [name for name in call.arguments if name not in found]
    if missing:
        text = (
            f"P{_are(missing)[1:]} not enabled{place}."
            f" Enabled plugins and dependencies: {', '.join(found)}"
        )
        raise FailedError(text, document={"result": "error", "message": text})
    text = f"P{_are(call.arguments)[1:]} enabled{place}"
    if call.options.get("formatter") == "json":
        return {"result": "ok", "message": text}
    return text


def _directories_banner(call: Call) -> str:
    if _is_offline(call):
        return "Listing plugin directories inferred from local environment..."
    return f"Listing plugin directories used by node {call.node}"


@command(
    "directories",
    usage="directories [--offline] [--online]",
    description="Shows where optional parts are, and the file that says which are enabled",
    section=MONITORING,
    tools=ONLY,
    topics=[
        ("--online", "The node is asked, and has to run"),
        ("--offline", "They are found out without it"),
    ],
    switches=MODES,
    validate=_check_asked,
    needs=NOTHING,
    banner=_directories_banner,
)
def directories(call: Call) -> Output:
    if _is_offline(call):
        import broker

        place = str(Path(broker.__file__).parent)
        found = {"plugins_dir": place, "plugins_expand_dir": place}
        found["enabled_plugins_file"] = str(plugin_files.file_of(call))
    else:
        found = call.ask("plugins.directories")
    if call.options.get("formatter") == "json":
        return found
    return (
        f"Plugin archives directory: {found['plugins_dir']}\n"
        f"Plugin expansion directory: {found['plugins_expand_dir']}\n"
        f"Enabled plugins file: {found['enabled_plugins_file'] or 'none'}"
    )
