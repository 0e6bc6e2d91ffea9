"""Which command is in which module, and of which tools: so that a call imports one module only.

`tests/unit/cli` holds it against what the modules say.
"""

from __future__ import annotations

import importlib

from broker.cli.command import CTL, DIAGNOSTICS, PLUGINS, QUEUES, Command, entered

PACKAGE = "broker.cli.commands"
ALL = f"{CTL} {DIAGNOSTICS} {PLUGINS} {QUEUES}"
OWN = "own"  # not what RabbitMQ's tools have: of leveretctl alone
BOTH = f"{CTL} {DIAGNOSTICS}"

# module → tools → commands
_MODULES: dict[str, dict[str, str]] = {
    "general": {
        ALL: "help autocomplete",
        f"{BOTH} {PLUGINS}": "version",
        OWN: "completion install-aliases",
    },
    "nodes": {
        CTL: "stop shutdown stop_app start_app reset force_reset",
        DIAGNOSTICS: "is_running is_booting check_running",
        BOTH: "ping",
    },
    "waiting": {CTL: "await_startup await_online_nodes", BOTH: "wait"},
    "checks": {
        DIAGNOSTICS: "alarms check_alarms check_local_alarms listeners check_port_listener"
        " check_protocol_listener check_port_connectivity check_virtual_hosts"
        " check_certificate_expiration",
        BOTH: "node_health_check",
    },
    "status": {BOTH: "status cluster_status", DIAGNOSTICS: "memory_breakdown"},
    "about": {
        DIAGNOSTICS: "server_version erlang_version erlang_cookie_hash erlang_cookie_sources"
        " command_line_arguments os_env discover_peers",
        BOTH: "environment schema_info",
    },
    "tls": {DIAGNOSTICS: "tls_versions cipher_suites certificates"},
    "network": {DIAGNOSTICS: "resolve_hostname resolver_info list_network_interfaces"},
    "logs": {DIAGNOSTICS: "log_location log_tail log_tail_stream", CTL: "rotate_logs"},
    "events": {DIAGNOSTICS: "consume_event_stream"},
    "activity": {DIAGNOSTICS: "maybe_stuck runtime_thread_stats"},
    "auth_attempts": {
        DIAGNOSTICS: "reset_node_auth_attempt_metrics enable_auth_attempt_source_tracking"
        " disable_auth_attempt_source_tracking",
        BOTH: "list_node_auth_attempt_stats",
    },
    "feature_flags": {BOTH: "list_feature_flags", CTL: "enable_feature_flag"},
    "cluster": {
        CTL: "set_cluster_name join_cluster update_cluster_nodes change_cluster_node_type"
        " forget_cluster_node force_boot rename_cluster_node",
    },
    "evaluation": {CTL: "eval eval_file exec hipe_compile", DIAGNOSTICS: "remote_shell"},
    "encryption": {CTL: "encode decode"},
    "report": {BOTH: "report"},
    "top": {OWN: "top", DIAGNOSTICS: "observer"},
    "users": {
        CTL: "add_user delete_user change_password clear_password authenticate_user set_user_tags",
        BOTH: "list_users",
    },
    "permissions": {
        CTL: "set_permissions clear_permissions set_topic_permissions clear_topic_permissions",
        BOTH: "list_permissions list_user_permissions list_topic_permissions"
        " list_user_topic_permissions",
    },
    "definitions": {CTL: "export_definitions import_definitions"},
    "plugins": {PLUGINS: "list enable disable set is_enabled directories"},
    "pub": {OWN: "pub"},
    "sub": {OWN: "sub"},
    "bench": {OWN: "bench"},
    "vhosts": {
        CTL: "add_vhost delete_vhost set_vhost_tags restart_vhost trace_on trace_off",
        BOTH: "list_vhosts",
    },
    "lists": {
        BOTH: "list_queues list_unresponsive_queues list_exchanges list_bindings list_connections"
        " list_channels list_consumers list_hashes list_ciphers",
    },
    "queues": {CTL: "delete_queue purge_queue sync_queue cancel_sync_queue"},
    "connections": {CTL: "close_connection close_all_connections close_all_user_connections"},
    "levels": {
        CTL: "force_gc set_vm_memory_high_watermark set_disk_free_limit set_log_level"
        " suspend_listeners resume_listeners",
    },
    "replicas": {
        f"{DIAGNOSTICS} {QUEUES}": "quorum_status stream_status reclaim_quorum_memory"
        " check_if_node_is_quorum_critical check_if_node_is_mirror_sync_critical",
        QUEUES: "add_member delete_member grow shrink rebalance peek",
    },
    "parameters": {
        CTL: "set_parameter clear_parameter set_global_parameter clear_global_parameter set_policy"
        " clear_policy set_operator_policy clear_operator_policy set_vhost_limits"
        " clear_vhost_limits set_user_limits clear_user_limits",
        BOTH: "list_parameters list_global_parameters list_policies list_operator_policies"
        " list_vhost_limits list_user_limits",
    },
}

_PLACES = {
    name: (module, tuple(tools.split()))
    for module, entries in _MODULES.items()
    for tools, names in entries.items()
    for name in names.split()
}


def names(tool: str) -> list[str]:
    """Of the commands of a tool, sorted. tool: "": of all."""
    return sorted(name for name, (_, tools) in _PLACES.items() if not tool or tool in tools)


def find(name: str, tool: str) -> Command | None:
    """None: the tool has no such command."""
    module, tools = _PLACES.get(name, ("", ()))
    if not module or (tool and tool not in tools):
        return None
    importlib.import_module(f"{PACKAGE}.{module}")
    return entered(name)


def modules() -> list[str]:
    return list(_MODULES)
