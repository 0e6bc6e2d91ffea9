from __future__ import annotations

from pathlib import Path

import pytest

from broker.config import Config, override
from broker.configuration.advanced import scalar
from tests.support.configuring import built

NAME = "advanced.config"


@pytest.mark.parametrize(
    ("terms", "settings"),
    [
        ("{heartbeat, 30}", {"heartbeat": 30}),
        ("{tcp_listeners, [5672]}", {"listeners.tcp.1": "5672"}),
        ('{tcp_listeners, [{"::1", 5672}]}', {"listeners.tcp.1": "::1:5672"}),
        ("{tcp_listeners, []}", {"listeners.tcp": ()}),
        ("{ssl_listeners, [5671]}", {"listeners.ssl.1": "5671"}),
        ('{loopback_users, [<<"a">>, "b"]}', {"loopback_users": ["a", "b"]}),
        ("{loopback_users, []}", {"loopback_users": ()}),
        ("{default_user_tags, [administrator]}", {}),
        (
            "{auth_mechanisms, ['PLAIN', 'EXTERNAL']}",
            {"auth_mechanisms": (("1", "PLAIN"), ("2", "EXTERNAL"))},
        ),
        (
            "{auth_backends, [rabbit_auth_backend_internal,"
            " {rabbit_auth_backend_http, [internal]}]}",
            {
                "auth_backends.1": "internal",
                "auth_backends.2.authn": "http",
                "auth_backends.2.authz": "internal",
            },
        ),
        ("{vm_memory_high_watermark, 0.6}", {"vm_memory_high_watermark.relative": 0.6}),
        (
            '{vm_memory_high_watermark, {absolute, "1GiB"}}',
            {"vm_memory_high_watermark.absolute": 2**30},
        ),
        ("{disk_free_limit, 1000}", {"disk_free_limit.absolute": 1000}),
        ("{disk_free_limit, {mem_relative, 1.5}}", {"disk_free_limit.relative": 1.5}),
        (
            '{default_permissions, [<<"c">>, <<"w">>, <<"r">>]}',
            {
                "default_permissions.configure": "c",
                "default_permissions.write": "w",
                "default_permissions.read": "r",
            },
        ),
        (
            "{tcp_listen_options, [{backlog, 5}, {linger, {true, 0}}, {nodelay, false}]}",
            {
                "tcp_listen_options.backlog": 5,
                "tcp_listen_options.linger.on": True,
                "tcp_listen_options.nodelay": False,
            },
        ),
        (
            "{ssl_options, [{depth, 2}, {versions, ['tlsv1.2']}, {honor_cipher_order, true}]}",
            {
                "ssl_options.depth": 2,
                "ssl_options.versions.1": "tlsv1.2",
                "ssl_options.honor_cipher_order": True,
            },
        ),
        ('{product_name, <<"X">>}', {"product": "X"}),
        ('{load_definitions, "/dev/null"}', {"load_definitions": "/dev/null"}),
        ("{channel_max_per_node, infinity}", {}),
        ('{config_entry_decoder, [{passphrase, <<"x">>}]}', {}),
        ("proxy_protocol", {"proxy_protocol": True}),
    ],
)
def test_terms_of_the_core(tmp_path: Path, terms: str, settings: dict[str, object]) -> None:
    building = built(tmp_path, f"[{{rabbit, [{terms}]}}].", NAME)
    assert building.problems == building.warnings == []
    wanted = Config()
    for key, value in settings.items():
        wanted = override(wanted, key, value)
    assert building.config == wanted


def test_terms_of_plugins(tmp_path: Path) -> None:
    text = """
    [{rabbitmq_management, [{tcp_config, [{port, 1}, {cowboy_opts, [{idle_timeout, 7}]}]},
                            {cors_allow_origins, ["https://a"]}, {rates_mode, none}]},
     {rabbitmq_prometheus, [{tcp_config, [{port, 2}]}]},
     {rabbitmq_auth_backend_cache, [{cached_backend, {rabbit_auth_backend_http, internal}}]},
     {rabbitmq_auth_backend_http, [{http_method, post}]}].
    """
    building = built(tmp_path, text, NAME)
    assert building.problems == building.warnings == []
    config = building.config
    assert (config.management.port, config.management.tcp.idle_timeout_ms) == (1, 7)
    assert config.management.cors_origins == (("1", "https://a"),)
    assert (config.management.rates_mode, config.prometheus.port) == ("none", 2)
    assert config.auth.cached == (("authn", "rabbit_auth_backend_http"), ("authz", "internal"))
    assert config.auth.http.method == "post"


def test_what_has_no_effect(tmp_path: Path) -> None:
    text = """
    [{rabbit, [{cluster_nodes, {['a@b'], disc}},
               {collect_statistics, fine},
               {hello, [1, 2]}]},
     {kernel, [{net_ticktime, 60}, {inet_dist_listen_min, 1}]},
     {rabbitmq_mqtt, [{tcp_listeners, [1883]}]},
     {ra, []}].
    """
    building = built(tmp_path, text, NAME)
    assert building.problems == []
    assert building.config == Config()
    none = "it has no counterpart here"
    assert [line.partition(" is accepted without effect: ")[::2] for line in building.warnings] == [
        ("advanced.config:2: 'rabbit.cluster_nodes'", "it is about clusters"),
        ("advanced.config:3: 'rabbit.collect_statistics'", "statistics are kept in another way"),
        ("advanced.config:4: 'rabbit.hello'", none),
        ("advanced.config:5: 'kernel.net_ticktime'", building.warnings[3].partition("effect: ")[2]),
        (
            "advanced.config:5: 'kernel.inet_dist_listen_min'",
            building.warnings[4].partition("effect: ")[2],
        ),
        (
            "advanced.config:6: 'rabbitmq_mqtt.tcp_listeners'",
            "it is for a plugin that is not here",
        ),
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[{rabbit, [{heartbeat, 30}]}]", "advanced.config:1: expected '.' before the end"),
        ("a. b.", "advanced.config: must be one list of applications, followed by a dot"),
        ("{rabbit, []}.", "advanced.config: must be one list"),
        ("[\nrabbit].", "an application must be {name, [settings]}"),
        ("[{rabbit, x}].", "advanced.config:1: an application must be {name, [settings]}"),
        (
            "[{rabbit, [\n{heartbeat, [a]}]}].",
            "advanced.config:2: 'rabbit.heartbeat' cannot be [a]",
        ),
        ("[{rabbit, [{heartbeat, soon}]}].", "'heartbeat' must be a whole number, not 'soon'"),
        ("[{rabbit, [{tcp_listeners, 5}]}].", "'rabbit.tcp_listeners' cannot be 5"),
        ("[{rabbit, [{tcp_listeners, [{}]}]}].", "'rabbit.tcp_listeners' cannot be [{}]"),
        ("[{rabbit, [{default_permissions, [a]}]}].", "'rabbit.default_permissions' cannot be"),
        ('[{rabbit, [{default_pass, {encrypted, <<"x">>}}]}].', "an encrypted value"),
    ],
)
def test_what_cannot_be(tmp_path: Path, text: str, problem: str) -> None:
    building = built(tmp_path, text, NAME)
    assert len(building.problems) == 1
    assert problem in building.problems[0] or "need config_entry_decoder" in building.problems[0]
    assert building.config == Config()


def test_a_setting_that_is_no_pair_is_a_warning(tmp_path: Path) -> None:
    building = built(tmp_path, "[{rabbit, [5, {heartbeat, 3}]}].", NAME)
    assert building.warnings == [
        "advanced.config:1: 'rabbit' has 5, which is not {name, value}",
    ]
    assert building.config.limits.heartbeat_s == 3


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    building = built(tmp_path, "[].", "x.config")
    assert building.problems == []


@pytest.mark.usefixtures("cryptography")
def test_encrypted_values_in_both_files(tmp_path: Path) -> None:
    from broker.configuration.building import Building
    from broker.configuration.encrypted_values import encode
    from broker.configuration.loading import read_files

    conf, terms = tmp_path / "a.conf", tmp_path / "advanced.config"
    how = {"cipher": "aes_256_cbc", "hash_name": "sha512", "iterations": 3}
    conf.write_text(f"default_pass = encrypted:{encode(b'geheim', 'pw', **how)}\n")  # type: ignore[arg-type]
    terms.write_text(
        '[{rabbit, [{config_entry_decoder, [{passphrase, <<"pw">>}, {cipher, aes_256_cbc},\n'
        "  {hash, sha512}, {iterations, 3}]},\n"
        f'  {{ssl_options, [{{password, {{encrypted, <<"{encode("key", "pw", **how)}">>}}}}]}}]}}].'  # type: ignore[arg-type]
    )
    building = Building()
    read_files([conf, terms], building)
    assert building.problems == []
    assert building.config.defaults.password == "geheim"
    assert building.config.tls.password == "key"


@pytest.fixture
def cryptography() -> object:
    return pytest.importorskip("cryptography")


def test_scalars() -> None:
    assert scalar(b"a") == scalar([97]) == "a"
    assert scalar([]) == ""
    assert scalar(0.5) == "0.5"
    for term in ([1], {}, (1,)):
        with pytest.raises(ValueError, match="no single value"):
            scalar(term)


@pytest.mark.parametrize(
    "terms",
    [
        'rabbit, [{config_entry_decoder, [{passphrase, <<"hush">>}, oops]}]',
        'rabbit, [{default_pass, {"hush", 1}}]',
        'rabbit, [{default_pass, <<"hush">>, 1}]',
        'rabbit, [{ssl_options, [{password, {"hush"}}, {verify, a}]}]',
    ],
)
def test_a_secret_that_cannot_be_used_is_not_shown(tmp_path: Path, terms: str) -> None:
    building = built(tmp_path, f"[{{{terms}}}].", NAME)
    assert building.problems
    assert "hush" not in "".join(building.problems + building.warnings)
