"""Commands that run Erlang or Elixir in RabbitMQ. There is neither: most say so, in a line."""

from __future__ import annotations

from pathlib import Path

from broker.cli.command import (
    CTL,
    DEPRECATED,
    DIAGNOSTICS,
    DONE,
    MONITORING,
    NOTHING,
    OPERATIONS,
    SWITCH,
    Call,
    Output,
    Said,
    command,
)
from broker.cli.errors import EX_DATA, FailedError, InvalidError, bad_argument

SYNTAX = "syntax error before: "
EXPRESSION = (
    "<expression>",
    "Few are understood: node()., rabbit_misc:version()., rabbit_nodes:cluster_name().,"
    " application:get_env(rabbit, heartbeat). and their like",
)


def _problem(expression: str) -> str | None:
    """What Erlang's parser would say of one that cannot be right."""
    text = expression.rstrip()
    return None if text.endswith(".") and len(text) > 1 else SYNTAX


def _check_expression(call: Call) -> None:
    if not call.arguments:
        return
    if not call.arguments[0]:
        raise InvalidError('"Expression must not be blank"')
    problem = _problem(call.arguments[0])
    if problem is not None:
        raise InvalidError(f'"{problem}"')


def _evaluated(call: Call, expression: str) -> Output:
    return Said(call.ask("evaluation.evaluate", expression=expression))


@command(
    "eval",
    usage="eval <expression>",
    description="Answers some Erlang expressions that scripts have",
    section=OPERATIONS,
    topics=[EXPRESSION],
    arity=(0, None),
    validate=_check_expression,
    needs=NOTHING,
    formatter="erlang",
)
def eval_(call: Call) -> Output:
    if call.arguments:
        return _evaluated(call, call.arguments[0])
    expression = call.streams.stdin.read()
    if not expression:
        text = "Expression to evaluate is not provided via argument or stdin"
        raise FailedError(text, EX_DATA)
    problem = _problem(expression)
    if problem is not None:
        raise FailedError(f"Evaluation failed: {problem}", EX_DATA)
    return _evaluated(call, expression)


def _check_file(call: Call) -> None:
    path = call.arguments[0]
    if not path:
        raise InvalidError('"File path must not be blank"')
    try:
        text = Path(path).read_text()
    except FileNotFoundError:
        raise InvalidError(f'"File {path} does not exist"') from None
    except PermissionError:
        raise InvalidError(f'"Insufficient permissions to read file {path}"') from None
    except OSError as error:
        raise InvalidError(f'"File {path} cannot be read: {error.strerror}"') from None
    except UnicodeDecodeError:
        raise InvalidError(f'"File {path} is not text"') from None
    problem = _problem(text)
    if problem is not None:
        raise InvalidError(f'"{problem}"')


@command(
    "eval_file",
    usage="eval_file <file path>",
    description="Answers the Erlang expression of a file, if it is one of those of eval",
    section=OPERATIONS,
    topics=[("<file path>", "The file")],
    arity=(1, 1),
    validate=_check_file,
    needs=NOTHING,
    formatter="erlang",
)
def eval_file(call: Call) -> Output:
    return _evaluated(call, Path(call.arguments[0]).read_text())


def _check_exec(call: Call) -> None:
    if not call.arguments[0]:
        raise InvalidError('"Expression must not be blank"')


@command(
    "exec",
    usage="exec <expression> [--offline]",
    description="Says that these tools run no Elixir",
    section=OPERATIONS,
    topics=[("<expression>", "It is not evaluated"), ("--offline", "Without effect")],
    switches={"offline": SWITCH},
    arity=(1, 1),
    validate=_check_exec,
    needs=NOTHING,
)
def exec_(call: Call) -> Output:
    raise FailedError(
        "the expression cannot be evaluated: these tools do not run on Elixir. Other commands of"
        " theirs, or the HTTP API, may do the same"
    )


@command(
    "remote_shell",
    usage="remote_shell",
    description="Says that there is no Erlang shell",
    section=MONITORING,
    tools=(DIAGNOSTICS,),
    needs=NOTHING,
)
def remote_shell(call: Call) -> Output:
    raise FailedError(
        "there is no shell to start: this node does not run on Erlang. 'rabbitmqctl eval' answers"
        " some expressions, 'rabbitmq-diagnostics observer' shows what the node does"
    )


def _check_directory(call: Call) -> None:
    path = Path(call.arguments[0])
    if not call.arguments[0].strip():
        raise bad_argument("Target directory path cannot be blank")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except PermissionError:
        raise bad_argument(
            f"Cannot create target directory {path}: insufficient permissions"
        ) from None
    except OSError as error:
        raise bad_argument(f"Cannot create target directory {path}: {error.strerror}") from None


@command(
    "hipe_compile",
    usage="hipe_compile <directory>",
    description="Does nothing, as in RabbitMQ since there is no HiPE any more",
    section=DEPRECATED,
    tools=(CTL,),
    topics=[("<directory>", "Made if it is not there")],
    arity=(1, 1),
    validate=_check_directory,
    needs=NOTHING,
    banner="This command is a no-op. HiPE is no longer supported by modern Erlang versions",
)
def hipe_compile(call: Call) -> Output:
    return DONE
