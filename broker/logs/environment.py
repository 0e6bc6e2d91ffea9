"""RabbitMQ's variables about the log, as settings.

RABBITMQ_LOGS is a file, - (standard output) or -stderr, and takes the place of all outputs that the
settings have; RABBITMQ_LOG_BASE is the directory; RABBITMQ_LOG has levels and looks, as in
`debug,connection=error,+json`. What RABBITMQ_LOG says that there is not, RabbitMQ overlooks, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from broker.log_settings import CATEGORIES, LEVELS

OUTPUTS = ("file", "console", "exchange", "syslog")


def from_environment(environment: Mapping[str, str]) -> Iterator[tuple[str, object]]:
    """Keys and values, to be put over those of files."""
    if base := environment.get("RABBITMQ_LOG_BASE"):
        yield "log.dir", base
    if place := environment.get("RABBITMQ_LOGS"):
        yield from _only(place)
    for word in environment.get("RABBITMQ_LOG", "").split(","):
        yield from _words(word.strip())


def _only(place: str) -> Iterator[tuple[str, object]]:
    kind = place.partition(":")[0] if place.startswith(("exchange:", "syslog:")) else "file"
    if place in ("-", "-stderr"):
        kind = "console"
        yield "log.console.stdio", "stdout" if place == "-" else "stderr"
    for output in OUTPUTS:
        if output != "file":
            yield f"log.{output}", output == kind
    yield "log.file", place if kind == "file" else "false"


def _words(word: str) -> Iterator[tuple[str, object]]:
    category, equals, level = word.partition("=")
    if word in ("+json", "-json"):
        for output in OUTPUTS:
            yield f"log.{output}.formatter", "json" if word == "+json" else "plaintext"
    elif word in ("+single_line", "-single_line"):
        for output in OUTPUTS:
            yield f"log.{output}.formatter.single_line", word == "+single_line"
    elif word in ("+color", "-color"):
        yield "log.console.use_colors", word == "+color"
    elif word in LEVELS:
        yield "log.default.level", word
    elif category in CATEGORIES and (not equals or level in LEVELS):
        yield f"log.{category}.level", level or "info"
