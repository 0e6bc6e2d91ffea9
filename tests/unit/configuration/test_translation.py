from __future__ import annotations

from pathlib import Path

import pytest

from broker.config import Config, override
from tests.support.configuring import built


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("heartbeat = 30", {"heartbeat": 30}),
        ("frame_max = 256KB", {"frame_max": 262_144}),
        ("vm_memory_high_watermark.absolute = 1GB", {"vm_memory_high_watermark.absolute": 10**9}),
        ("listeners.tcp = none", {"listeners.tcp": "none"}),
        (
            "listeners.tcp.2 = 127.0.0.1:1\nlisteners.tcp.default = 2",
            {"listeners.tcp": (("default", "2"), ("2", "127.0.0.1:1"))},
        ),
        ("loopback_users.guest = false", {"loopback_users": ()}),
        ("loopback_users = none", {"loopback_users": ()}),
        ("loopback_users.a\\.b = true\nloopback_users.c = true", {"loopback_users": ["a.b", "c"]}),
        ("default_user_tags.monitoring = true", {"default_user_tags": ["monitoring"]}),
        ("channel_max_per_node = infinity", {}),
        ("connection_max = 5", {"connection_max": 5}),
        ("handshake_timeout = infinity", {"handshake_timeout": 2**31}),
        ("management.cors.max_age = 0", {"management.cors.max_age": 0}),
        ("product.name = X\nproduct.version = 1", {"product": "X", "product_version": "1"}),
        ("management.load_definitions = /dev/null", {"load_definitions": "/dev/null"}),
        ("auth_backends.1 = rabbit_auth_backend_internal", {"auth_backends.1": "internal"}),
        (
            "auth_backends.1.authn = internal\nauth_backends.1.authz = http",
            {"auth_backends.1.authn": "internal", "auth_backends.1.authz": "http"},
        ),
        ("log.exchange.level = notice", {"log.exchange.level": "notice"}),
        ("log.exchange.level = alert", {"log.exchange.level": "alert"}),
        (
            "management.listener.port = 1\nmanagement.listener.server.compress = false",
            {"management.tcp.port": 1, "management.tcp.compress": False},
        ),
        (
            "management.listener.port = 1\nmanagement.listener.ssl = true\n"
            "management.listener.ssl_opts.depth = 3",
            {"management.ssl.port": 1, "management.ssl.depth": 3},
        ),
        (
            "prometheus.tcp.listener = 127.0.0.1:9",
            {"prometheus.tcp.ip": "127.0.0.1", "prometheus.tcp.port": 9},
        ),
        ("data_dir = /d\nstore.sync = never", {"data_dir": "/d", "store.sync": "never"}),
        ("default_users.a\\.b.password = x", {"default_users.a.b.password": "x"}),
        ("config_entry_decoder.passphrase = x", {}),
        (
            "ssl_options.sni.certfile.*.example.com = /dev/null",
            {"ssl_options.sni.certfile.*.example.com": "/dev/null"},
        ),
    ],
)
def test_what_keys_mean(tmp_path: Path, text: str, settings: dict[str, object]) -> None:
    building = built(tmp_path, text)
    assert building.problems == building.warnings == []
    wanted = Config()
    for key, value in settings.items():
        wanted = override(wanted, key, value)
    assert building.config == wanted


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("hartbeat = 1", "unknown key 'hartbeat'; did you mean 'heartbeat'?"),
        ("mqtt.vhots = /", "unknown key 'mqtt.vhots'; did you mean 'mqtt.vhost'?"),
        ("zzzz = 1", "unknown key 'zzzz'"),
        ("heartbeat = soon", "'heartbeat' must be a whole number, not 'soon'"),
        ("heartbeat = 70000", "'heartbeat' must be at most 65535"),
        ("listeners.tcp.1 = localhost:1", "'listeners.tcp.1' must be a whole number or an IP"),
        ("listeners.tcp.1 = 99999", "'listeners.tcp.1' must be at most 65535"),
        ("net_ticktime = x", "'net_ticktime' must be a whole number, not 'x'"),
        ("ssl_options.certfile = /nope", "'ssl_options.certfile' must be a file that can be read"),
        ("loopback_users.guest = maybe", "'loopback_users.guest' must be true or false"),
        ("loopback_users.a.b = true", "unknown key 'loopback_users.a.b'"),
        ("default_user_tags.x = 1", "'default_user_tags.x' must be true or false, not '1'"),
        ("management.listener.prot = 1", "unknown key 'management.listener.prot'"),
        ("definitions.import_backend = https", "must be one of none, local_filesystem"),
        ("default_pass = encrypted:xx", "'default_pass': encrypted values need"),
    ],
)
def test_what_cannot_be(tmp_path: Path, text: str, problem: str) -> None:
    building = built(tmp_path, f"# first\n{text}\n")
    assert len(building.problems) == 1
    assert building.problems[0].startswith("rabbitmq.conf:2: ")
    assert problem in building.problems[0]
    assert building.config == Config()


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("net_ticktime = 60", "it is about Erlang's runtime, which is not here"),
        ("mnesia_table_loading_retry_limit = 10", "it is about clusters"),
        ("raft.wal_max_size_bytes = 100", "it is about clusters"),
        ("mqtt.allow_anonymous = true", "it is for a plugin that is not here"),
        ("management.listener.server.max_keepalive = 5", "sockets are used in another way"),
        ("management.listener.ssl_opts.depth = 5", "it has no TLS"),
        ("prometheus.ssl.client_renegotiation = true", "TLS is done by another library"),
    ],
)
def test_what_has_no_effect_is_one_warning(tmp_path: Path, text: str, warning: str) -> None:
    building = built(tmp_path, text)
    assert building.problems == []
    key = text.partition(" ")[0]
    assert len(building.warnings) == 1
    assert f"rabbitmq.conf:1: '{key}' is accepted without effect: {warning}" in building.warnings[0]
    assert building.config == Config()


def test_an_example_with_all_that_there_is(tmp_path: Path) -> None:
    text = Path(__file__).with_name("example.conf").read_text()
    building = built(tmp_path, text.replace("/some/file", "/dev/null"))
    assert building.problems == []
    config = building.config
    assert config.limits.heartbeat_s == 30
    assert [value for _, value in config.listeners.tcp] == ["127.0.0.1:5672", "::1:5672"]
    assert config.loopback_users == ("alice",)
    assert config.tls.verify == "verify_peer"
    assert config.alarms.disk_absolute == 2_000_000_000
    assert config.defaults.permissions == ("^x-", ".*", ".*")
    assert config.management.tcp.idle_timeout_ms == 90_000
    assert config.auth.http.method == "post"
    assert all("is accepted without effect" in warning for warning in building.warnings)
    ignored = [warning.split("'")[1] for warning in building.warnings]
    assert len(ignored) == len(set(ignored)) > 40
