"""What users want to set is refused in RabbitMQ's words, all problems at once."""

from __future__ import annotations

import pytest

from broker.policies.validation import (
    ValidationError,
    as_json,
    check_parameter,
    check_policy,
    check_user_limits,
)


def refusal(check: object, *arguments: object) -> str:
    assert callable(check)
    with pytest.raises(ValidationError) as raised:
        check(*arguments)
    return str(raised.value)


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (
            ("(", {"max-length": 1}),
            ['pattern should be regular expression but is invalid: {"missing )",1}'],
        ),
        ((5, {"max-length": 1}), ["pattern should be a binary but was 5"]),
        (
            ("^a", {"max-length": 1}, "x"),
            ['priority should be a number, actually was <<"x">>'],
        ),
        (
            ("(", {"max-length": -1}, 0, "y"),
            [
                "-1 is not a valid maximum length",
                "apply-to 'y' unrecognised; should be one of: 'queues', 'classic_queues', "
                " 'quorum_queues', 'streams', 'exchanges', or 'all'",
                'pattern should be regular expression but is invalid: {"missing )",1}',
            ],
        ),
    ],
)
def test_policies(arguments: tuple[object, ...], lines: list[str]) -> None:
    text = refusal(check_policy, "p", *arguments)
    assert text == "\n".join(["Validation failed\n", *lines, ""])


def test_a_policy_that_is_fine() -> None:
    fine = {"pattern": "^a", "definition": {"max-length": 5}, "priority": 1, "apply-to": "queues"}
    check_parameter("operator_policy", "p", fine)
    check_policy("p", "^a", {"max-length": 5}, 1.5, "queues")
    check_policy("p", "^a", {"max-length": 5}, 1, "queues", "operator_policy")


@pytest.mark.parametrize(
    ("component", "value", "problem"),
    [
        ("vhost-limits", 5, "limits not a list 5"),
        ("vhost-limits", {"max-foo": 1}, 'Unrecognised terms [{<<"max-foo">>,1}] in limits'),
        (
            "vhost-limits",
            {"max-connections": "x"},
            'max-connections should be a number, actually was <<"x">>',
        ),
        ("nope", 5, "component nope not found"),
    ],
)
def test_parameters(component: str, value: object, problem: str) -> None:
    text = refusal(check_parameter, component, "limits", value)
    assert text == f"Validation failed\n\n{problem}\n"


def test_policies_are_no_parameters() -> None:
    text = refusal(check_parameter, "policy", "p", {})
    assert text == "policies may not be set using this method"


def test_limits_that_are_fine() -> None:
    check_parameter("vhost-limits", "limits", {"max-connections": -1, "max-queues": 5})
    check_user_limits({"max-channels": 5})


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        ({"max-queues": 5}, 'Unrecognised terms [{<<"max-queues">>,5}] in user-limits'),
        ({"max-channels": "5"}, 'max-channels should be a number, actually was <<"5">>'),
        (5, "user-limits not a list 5"),
        (
            {"max-channels": None, "x": 1},
            'Unrecognised terms [{<<"x">>,1}] in user-limits\n'
            "max-channels should be a number, actually was null",
        ),
    ],
)
def test_limits_of_users(limits: object, text: str) -> None:
    assert refusal(check_user_limits, limits) == text


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        (5, ["op not a list 5"]),
        (
            {"pattern": "y"},
            ['Key "definition" not found in op', 'Key "priority" not found in op'],
        ),
        (
            {"pattern": "(", "definition": {"queue-mode": "lazy"}, "priority": 0, "x": 1},
            [
                'Unrecognised terms [{<<"x">>,1}] in op',
                '[{<<"queue-mode">>,<<"lazy">>}] are not recognised policy settings',
                'pattern should be regular expression but is invalid: {"missing )",1}',
            ],
        ),
    ],
)
def test_operator_policies_are_parameters_too(value: object, lines: list[str]) -> None:
    text = refusal(check_parameter, "operator_policy", "op", value)
    assert text == "\n".join(["Validation failed\n", *lines, ""])


def test_equal_values_are_equal_texts() -> None:
    assert as_json({"b": 1, "a": [1, 2]}) == as_json({"a": [1, 2], "b": 1}) == '{"a":[1,2],"b":1}'
