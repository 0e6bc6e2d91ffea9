"""What stands for what, in the recordings of the command line tools."""

from __future__ import annotations

import pytest

from tests.conformance.cli.brokers import Answer
from tests.conformance.cli.normalise import Normaliser, sorted_rows, without_prose
from tests.conformance.cli.recording import read_answers, write_answers
from tests.conformance.cli.steps import Act, Call, parsed

NAMES = {"rabbit@here": "<node>", "here": "<host>", "41234": "<port of one>", "/tmp/x": "<dir>"}


def normalised(text: str, *argv: str) -> str:
    call = Call("", "rabbitmqctl", argv or ("ping",))
    return Normaliser(NAMES).text(call, text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Node name: rabbit@here", "Node name: <node>"),
        ("<rabbit@here.1700000000.12.0>", "<pid>"),
        ('"owner_pid":"#PID<12605.7421.0>"', '"owner_pid":"#PID<pid>"'),
        ("{channel_pid,<12605.7421.0>}", "{channel_pid,<pid>}"),
        ("rabbit@hereafter", "rabbit@hereafter"),
        ("RabbitMQ version: 3.10.8", "RabbitMQ version: <version>"),
        ("host 127.0.0.1 it is", "host 127.0.0.1 it is"),
        ("127.0.0.1:5672 -> 127.0.0.1:9", "127.0.0.1:<port> -> 127.0.0.1:<port>"),
        ("connected to ports 5672, 15672 on node", "connected to ports <ports> on node"),
        ("Interface: [::], port: 5672, protocol", "Interface: <ip>, port: <port>, protocol"),
        (
            "Error: unable to perform an operation on node 'a@b'. Please\n\nMost common\n",
            "Error: unable to perform an operation on node 'a@b'. Please\n<diagnosis>\n",
        ),
        ("table_of_rabbit@here [rabbit@here]", "table_of_<node> [<node>]"),
        ("Config: /etc/rabbitmq/rabbitmq.conf, that is it", "Config: <path>, that is it"),
        ("vhost / and /odd/name", "vhost / and /odd/name"),
        ("file /tmp/x/out.json", "file <dir>/out.json"),
        ("Timeout: 60.0 seconds ...", "Timeout: 60.0 seconds ..."),
        ("2026-01-02 03:04:05.678", "<time>"),
        ("Erlang cookie hash: ab+/c==", "Erlang cookie hash: <text>"),
        ("\n12:00:00.123 [warning] Failed to\nError:\n", "Error:\n"),
        ("\x1b[1mRuntime\x1b[0m", "\x1b[1mRuntime\x1b[0m"),
    ],
)
def test_what_is_another_one_each_time_has_a_placeholder(text: str, expected: str) -> None:
    assert normalised(text) == expected


LISTING = Call("", "rabbitmqctl", ("list_users",))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Listing ...\nuser\ttags\nred\t[]\nblue\t[]\n",
            "Listing ...\nuser\ttags\nblue\t[]\nred\t[]\n",
        ),
        ("Listing ...\n", "Listing ...\n"),
        ('[\n{"a":2}\n,{"a":1}\n]\n', '[\n{"a":1}\n,{"a":2}\n]\n'),
        (
            "Listing ...\n[[{a,2},\n  {b,1}],\n [{a,1}]]\n",
            "Listing ...\n[[{a,1}],\n [{a,2},\n  {b,1}]]\n",
        ),
        (
            "\x1b(0x user\n\x1b(0tq\n\x1b(0x red\n\x1b(0tq\n\x1b(0x blue\n",
            "\x1b(0x user\n\x1b(0tq\n\x1b(0x blue\n\x1b(0tq\n\x1b(0x red\n",
        ),
        ("Error:\nwhat\na\n", "Error:\nwhat\na\n"),
    ],
)
def test_rows_are_sorted_below_the_banner_and_the_header(text: str, expected: str) -> None:
    assert sorted_rows(text, LISTING) == expected


def test_rows_without_a_header_are_all_sorted() -> None:
    silent = Call("", "rabbitmqctl", ("list_queues", "name", "-s"))
    assert sorted_rows("red\nblue\n", silent) == "blue\nred\n"


def test_columns_that_say_nothing_are_no_part_of_it() -> None:
    argv = ("list_queues", "name", "memory")
    text = "Listing queues ...\nname\tmemory\nblue\t12345\n"
    assert normalised(text, *argv) == "Listing queues ...\nname\tmemory\nblue\t<value>\n"
    assert normalised("blue\t12345\n", *argv, "-s") == "blue\t<value>\n"
    json_text = '[\n{"name":"blue","memory":12345}\n]\n'
    assert normalised(json_text, *argv) == '[\n{"name":"blue","memory":<value>}\n]\n'


def test_a_page_of_help_is_its_usage_and_its_options() -> None:
    page = (
        "\n\x1b[1mUsage\x1b[0m\n\nrabbitmqctl ping\n\nAsks it.\n\n\x1b[1mArguments and Options"
        "\x1b[0m\n\n--timeout <n>\n\thow long\n\n\x1b[1mGeneral Options\x1b[0m\n\nsome\n"
    )
    assert without_prose(page).split("\n") == [
        "\x1b[1mUsage\x1b[0m",
        "rabbitmqctl ping",
        "\x1b[1mArguments and Options\x1b[0m",
        "--timeout <n>",
        "\x1b[1mGeneral Options\x1b[0m",
    ]
    assert without_prose("\x1b[1mHelp\x1b[0m:\n   ping    asks it\n") == (
        "\x1b[1mHelp\x1b[0m:\n   ping\n"
    )


def test_lines_of_a_walk() -> None:
    section = parsed(
        "x", "%last\n# comment\nadd_user a 'b c'\nplugins: list\n!queue q\nx <<< a\\n\nx <<<\n"
    )
    assert section.is_last
    assert section.steps == (
        Call("add_user a 'b c'", "rabbitmqctl", ("add_user", "a", "b c")),
        Call("plugins: list", "rabbitmq-plugins", ("list",)),
        Act("queue", ("q",)),
        Call("x <<< a\\n", "rabbitmqctl", ("x",), "a\n"),
        Call("x <<<", "rabbitmqctl", ("x",), ""),
    )


def test_calls_that_are_made_again_are_numbered() -> None:
    labels = [label for label, _ in parsed("x", "ping\nping\nstatus\nping").calls()]
    assert labels == ["ping", "ping #2", "status", "ping #3"]


def test_a_recording_gives_back_what_was_written(
    tmp_path: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.conformance.cli.recording.RECORDINGS", tmp_path)
    long = "a text that occurs twice and is worth a place at the top\n"
    answers = {"a": Answer(0, long, ""), "b": Answer(64, "", long), "c": Answer(1, "größe", "x")}
    write_answers("some", answers)
    assert read_answers("some") == answers
    assert list(read_answers("some")) == ["a", "b", "c"]
    assert read_answers("other") == {}


def test_amounts_on_pages_about_the_node_have_placeholders() -> None:
    text = "Total memory used: 0.1442 gb\ncode: 0.0352 gb (24.43 %)\nUptime (seconds): 20\n"
    assert normalised(text, "status") == (
        "Total memory used: <n> gb\ncode: <n> gb\nUptime (seconds): <n>\n"
    )
    assert normalised(text, "ping") == text


def test_a_table_with_a_name_of_a_node_has_no_widths() -> None:
    text = "\x1b(0lqqqqqk\x1b(B\n\x1b(0x\x1b(B rabbit@here    \x1b(0x\x1b(B\n"
    assert normalised(text, "rebalance") == "\x1b(0lqk\x1b(B\n\x1b(0x\x1b(B <node> \x1b(0x\x1b(B\n"


def test_exported_definitions_are_in_one_order() -> None:
    text = '{"users":[{"name":"b","password_hash":"x"},{"name":"a"}],"vhosts":[]}\n'
    expected = '{"users": [{"name": "a"}, {"name": "b", "password_hash": "<hash>"}], "vhosts": []}'
    assert normalised(text, "export_definitions", "-") == expected


def test_a_vhost_without_tags_has_no_tags_however_that_is_said() -> None:
    text = '{"vhosts":[{"name":"v","metadata":{"description":"","tags":%s}}]}'
    said = [normalised(text % tags, "export_definitions", "-") for tags in ('""', "[]", '["a"]')]
    assert said[0] == said[1] != said[2]


def test_how_far_a_quorum_queues_log_has_got_says_nothing() -> None:
    row = '{"Raft State":"leader","Log Index":6,"Commit Index":7,"Term":1}'
    expected = '{"Raft State":"leader","Log Index":<n>,"Commit Index":<n>,"Term":1}'
    assert normalised(row, "quorum_status", "q") == expected
    table = "leader \x1b(0x\x1b(B 6 \x1b(0x\x1b(B 7 \x1b(0x\x1b(B 1"
    expected = "leader \x1b(0x\x1b(B <n> \x1b(0x\x1b(B <n> \x1b(0x\x1b(B 1"
    assert normalised(table, "quorum_status", "q") == expected


def test_plugins_are_those_that_both_have() -> None:
    def shown(text: str) -> str:
        call = Call("plugins: list", "rabbitmq-plugins", ("list",))
        return Normaliser({}).answer(call, Answer(0, text, "")).stdout

    assert shown("[E*] rabbitmq_management    3.10.8\n[  ] rabbitmq_mqtt          3.10.8\n") == (
        "[E*] rabbitmq_management <version>\n"
    )
    assert shown("rabbitmq_mqtt\nrabbitmq_sharding\n  rabbitmq_mqtt\n") == (
        "rabbitmq_sharding\n  rabbitmq_mqtt\n"
    )
    assert shown("Enabled plugins and dependencies: cowboy, rabbitmq_sharding\n") == (
        "Enabled plugins and dependencies: rabbitmq_sharding\n"
    )
    assert shown("     Dependencies:\t[cowlib,rabbitmq_web_dispatch]\n") == (
        "     Dependencies:\t[rabbitmq_web_dispatch]\n"
    )
    assert shown("     Description: \tSome words\n") == "     Description: \t<text>\n"
    assert shown('{"running_version":[51,46,49],"version":[51]}\n') == (
        '{"running_version":<version>,"version":<version>}\n'
    )


LISTENER = "nterface: [::], port: 25690, protocol: clustering, purpose: tools\n"


@pytest.mark.parametrize(
    ("text", "command", "expected"),
    [
        (f"I{LISTENER}Interface: [::], port: 1, protocol: http\n", "listeners", None),
        (f"Node: <node>, i{LISTENER}", "cluster_status", ""),
        ("following protocols: amqp, clustering, http", "check", "following protocols: amqp, http"),
        ("Erlang/OTP 25.2.3", "erlang_version", "<runtime>"),
        ("CPython 3.11.7", "erlang_version", "<runtime>"),
        ("sn1KpXa62OJAbFsb/4rAUw==\n", "erlang_cookie_hash", "<hash>\n"),
        ("/a/b/x.log\n", "log_location", "<path>/x.log\n"),
        (" * cowboy\n * b\n * a\n", "status", " * a\n * b\n"),
        ('{"active_plugins":["b","cowlib","a"]}', "status", '{"active_plugins":["a", "b"]}'),
        (
            '{"code":{"bytes":5,"percentage":1.5},"atom":{"bytes":1,"percentage":0}}',
            "memory_breakdown",
            '{"atom":{"bytes":<n>,"percentage":<n>},"code":{"bytes":<n>,"percentage":<n>}}',
        ),
        ("Cluster name: reference@<machine>", "cluster_status", "Cluster name: <node>"),
    ],
)
def test_pages_about_a_node(text: str, command: str, expected: str | None) -> None:
    if expected is None:
        expected = "Interface: <ip>, port: <port>, protocol: http\n"
    assert normalised(text, command) == expected
