"""Parameters, policies and limits; the recordings of RabbitMQ's tools have more."""

from __future__ import annotations

import json

import pytest

from tests.support.control import ControlledNode

NONE = [""]  # as RabbitMQ's tools show that there are none


def test_a_policy_comes_and_goes(node: ControlledNode) -> None:
    argv = ("set_policy", "--priority", "5", "--apply-to", "queues", "ttl", "^a")
    said = node.tool(*argv, '{"message-ttl":1}')
    assert said.out == (
        'Setting policy "ttl" for pattern "^a" to "{"message-ttl":1}" with priority "5" for vhost'
        ' "/" ...\n'
    )
    assert node.lines("list_policies") == ['/\tttl\t^a\tqueues\t{"message-ttl":1}\t5']
    assert node.tool("clear_policy", "ttl").code == 0
    assert node.lines("list_policies") == NONE
    assert node.tool("list_policies", "--formatter", "json").out == "[]\n"


def test_an_operators_policy_is_another(node: ControlledNode) -> None:
    assert node.tool("set_operator_policy", "op", ".*", '{"max-length":9}').code == 0
    assert node.lines("list_operator_policies") == ['/\top\t.*\tall\t{"max-length":9}\t0']
    assert node.lines("list_policies") == NONE
    assert node.tool("clear_operator_policy", "op").code == 0
    assert node.tool("clear_operator_policy", "op").code == 69


def test_global_parameters(node: ControlledNode) -> None:
    assert node.tool("set_global_parameter", "mine", '{"b":1,"a":[true]}').code == 0
    assert 'mine\t{"a":[true],"b":1}' in node.lines("list_global_parameters")
    shown = node.tool("-q", "list_global_parameters", "--formatter", "erlang").out
    assert "{name,mine}" in shown  # the name is an atom
    assert node.tool("clear_global_parameter", "mine").code == 0
    said = node.tool("-q", "clear_global_parameter", "mine")
    assert said == (69, "", "Error:\nParameter does not exist\n")


def test_limits_of_a_vhost(node: ControlledNode) -> None:
    assert node.lines("list_vhost_limits") == NONE
    assert node.tool("set_vhost_limits", '{"max-connections":10}').code == 0
    assert node.tool("-q", "list_vhost_limits").out == '{"max-connections":10}\n'
    assert node.lines("list_vhost_limits", "--global") == ['/\t{"max-connections":10}']
    assert node.tool("set_vhost_limits", "{}").code == 0
    assert node.lines("list_vhost_limits", "--global") == ["/\t{}"]  # set, and to none
    assert node.tool("clear_vhost_limits").code == 0
    assert node.lines("list_vhost_limits", "--global") == NONE
    for wrong in ("[]", "5", "nonsense", '{"bogus":1}', '{"max-connections":"x"}'):
        assert node.tool("set_vhost_limits", wrong).code == 69


def test_limits_of_a_user(node: ControlledNode) -> None:
    assert node.tool("set_user_limits", "guest", '{"max-channels":7}').code == 0
    assert node.tool("set_user_limits", "guest", '{"max-connections":8}').code == 0
    said = node.tool("-q", "list_user_limits", "--user", "guest")
    assert json.loads(said.out) == {"max-channels": 7, "max-connections": 8}
    assert node.tool("clear_user_limits", "guest", "max-channels").code == 0
    assert node.lines("list_user_limits", "--global") == ['guest\t{"max-connections":8}']
    assert node.tool("clear_user_limits", "guest", "all").code == 0
    assert node.lines("list_user_limits", "--global") == NONE


def test_parameters_of_a_component(node: ControlledNode) -> None:
    assert node.tool("set_parameter", "vhost-limits", "limits", '{"max-queues":3}').code == 0
    assert node.lines("list_parameters") == ['vhost-limits\tlimits\t{"max-queues":3}']
    assert node.tool("clear_parameter", "vhost-limits", "limits").code == 0
    assert node.lines("list_parameters") == NONE


@pytest.mark.parametrize(
    ("argv", "code", "text"),
    [
        (("set_policy", "x", "^", "{"), 69, "JSON decoding error. Reason: badarg"),
        (("set_policy", "x", "^", "{}"), 69, "Validation failed\n\nno policy provided"),
        (
            ("set_policy", "x", "[", '{"max-length":1}'),
            69,
            'is invalid: {"missing terminating ] for character class",\n' + " " * 54 + "1}",
        ),
        (("set_policy", "-p", "no", "x", "^", '{"max-length":1}'), 65, "Virtual host 'no' does"),
        (("set_parameter", "policy", "x", "{}"), 69, "policies may not be set using this method"),
        (("set_parameter", "bogus", "x", "{}"), 69, "component bogus not found"),
        (("set_user_limits", "nobody", "{}"), 69, "no_such_user"),
        (("clear_policy", "-p", "no", "x"), 69, "Parameter does not exist"),
        (("set_policy", "x", "^"), 64, "not enough arguments"),
    ],
)
def test_what_cannot_be(node: ControlledNode, argv: tuple[str, ...], code: int, text: str) -> None:
    said = node.tool(*argv)
    assert text in said.err
    assert said.code == code
