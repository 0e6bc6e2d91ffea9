from __future__ import annotations

from broker.auth.usage import NAME_MAX, SOURCES_MAX, Usage


def test_counts_of_what_is_open() -> None:
    usage = Usage()
    usage.add_connection("anna", "/")
    usage.add_connection("anna", "v")
    usage.add_channel("anna")
    assert (usage.connections_of["anna"], usage.connections_in["v"]) == (2, 1)
    assert (usage.channels_of["anna"], usage.channel_count) == (1, 1)
    usage.remove_connection("anna", "v")
    usage.remove_channel("anna")
    assert (usage.connections_of["anna"], usage.channel_count) == (1, 0)


def test_what_was_opened_and_closed_is_counted_for_ever() -> None:
    usage = Usage()
    for _ in range(3):
        usage.add_connection("anna", "/")
        usage.add_channel("anna")
    usage.add_channel("anna")
    usage.remove_connection("anna", "/")
    for _ in range(2):
        usage.remove_channel("anna")
    assert (usage.connections_opened, usage.connections_closed) == (3, 1)
    assert (usage.channels_opened, usage.channels_closed, usage.channel_count) == (4, 2, 2)


def test_names_that_have_nothing_open_take_no_room() -> None:
    usage = Usage()
    usage.add_connection("anna", "/")
    usage.add_channel("anna")
    assert usage.connections_of["bob"] == 0  # asking makes no entry
    usage.remove_channel("anna")
    usage.remove_connection("anna", "/")
    assert [usage.connections_in, usage.connections_of, usage.channels_of] == [{}, {}, {}]


def test_logins_by_protocol() -> None:
    usage = Usage()
    for protocol, is_let_in in (("http", True), ("amqp091", False), ("http", True)):
        usage.add_login(protocol, is_let_in=is_let_in)
    assert usage.logins == {"http": [0, 2], "amqp091": [1, 0]}


def test_sources_of_logins_are_told_apart_if_wanted_and_not_without_end() -> None:
    usage = Usage()
    usage.add_login("http", is_let_in=True, address="a", username="me")
    assert usage.sources == {}
    usage.tracks_sources = True
    for number in range(SOURCES_MAX + 5):
        usage.add_login("http", is_let_in=False, address="a", username=f"u{number}")
    usage.add_login("http", is_let_in=True, address="a", username=f"u{SOURCES_MAX}")
    assert len(usage.sources) == SOURCES_MAX
    assert ("a", "u4", "http") not in usage.sources
    assert usage.sources["a", f"u{SOURCES_MAX}", "http"] == [1, 1]
    usage.add_login("http", is_let_in=True, address="a", username="x" * 10_000)
    assert max(len(username) for _, username, _ in usage.sources) == NAME_MAX
    usage.forget_logins()
    assert (usage.sources, usage.logins) == ({}, {})
