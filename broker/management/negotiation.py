"""What a client takes and sends, and what a browser is told about pages of other origins."""

from __future__ import annotations

from collections.abc import Iterable

from broker.management.request import Headers, Refusal, Request
from broker.management_settings import Management as Settings


def check_accept(request: Request, offered: str) -> None:
    """Whether the client takes what there is. Raises: Refusal (406; 400: nobody can tell).

    Weights do not matter where there is but one thing to give; cowboy takes no notice of q=0.
    """
    header = request.headers.get("accept")
    if header is None:
        return
    taken = ("*/*", f"{offered.partition('/')[0]}/*", offered)
    for entry in header.lower().split(","):
        kind, *parameters = (part.strip() for part in entry.split(";"))
        if kind and "/" not in kind:
            raise Refusal(400)
        if kind in taken and (not parameters or parameters[0].startswith("q=")):
            return
    raise Refusal(406)


def check_content_type(request: Request, accepted: tuple[str, ...]) -> None:
    """Whether the body is of a kind that is understood. accepted: media types; none: any.

    Raises: Refusal (415).
    """
    if accepted and media_type(request)[0] not in accepted:
        raise Refusal(415)


def media_type(request: Request) -> tuple[str, dict[str, str]]:
    """Of the body, in lower case, and its parameters; "": nobody says."""
    kind, *parameters = request.headers.get("content-type", "").split(";")
    found = {}
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        found[name.strip().lower()] = value.strip().strip('"')
    return kind.strip().lower(), found


def cors_headers(settings: Settings, request: Request, allowed_methods: str) -> Headers:
    """For pages of another origin, where the settings let it use the API."""
    origin = request.headers.get("origin", "null")
    allowed = {value for _, value in settings.cors_origins}
    if origin == "null" or not allowed & {origin, "*"}:
        return []
    headers = [
        ("access-control-allow-origin", origin),
        ("access-control-allow-credentials", "true"),
    ]
    if request.method == "OPTIONS":
        headers.append(("access-control-allow-methods", allowed_methods))
        if settings.cors_max_age_s is not None:
            headers.append(("access-control-max-age", str(settings.cors_max_age_s)))
        wanted = request.headers.get("access-control-request-headers")
        if wanted is not None:
            headers.append(("access-control-allow-headers", wanted))
    return headers


def security_headers(settings: Settings) -> Headers:
    """Those that every answer has."""
    pairs: Iterable[tuple[str, str]] = (
        ("content-security-policy", settings.csp),
        ("strict-transport-security", settings.hsts),
    )
    return [(name, value) for name, value in pairs if value]
