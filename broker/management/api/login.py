"""Who is asking, and how somebody may say who he is."""

from __future__ import annotations

import base64
from urllib.parse import parse_qsl

from broker.auth.mechanisms import Credentials
from broker.management.application import Context
from broker.management.negotiation import check_content_type
from broker.management.request import Response, json_response, not_found
from broker.management.routes import ANYBODY, DELETE, GET, MONITOR, POST, route
from broker.management.visitor import login_failed

FORM = "application/x-www-form-urlencoded"
FORM_MAX = 8192  # octets: nobody knows yet who sends it, and it is decoded letter by letter


@route("/whoami", GET)
def whoami(context: Context) -> object:
    """The user that is logged in, and his tags."""
    return {"name": context.visitor.name, "tags": list(context.visitor.user.tags)}


@route("/auth", GET, needs=ANYBODY)
def auth(context: Context) -> object:
    """How the page lets somebody log in: not by tokens."""
    return {"enable_uaa": False, "uaa_client_id": "", "uaa_location": ""}


@route("/login", POST, needs=ANYBODY)
async def log_in(context: Context) -> Response:
    """Log in with a form (username, password): a cookie has both from then on, as RabbitMQ's page
    has it. It is not read here."""
    if len(context.request.body) > FORM_MAX:
        raise login_failed()
    try:
        form = dict(parse_qsl(context.request.body.decode(), max_num_fields=100))
    except ValueError:
        raise login_failed() from None
    name, password = form.get("username", ""), form.get("password", "").encode()
    await context.log_in(Credentials(name, password))
    check_content_type(context.request, (FORM,))  # that comes last in RabbitMQ
    value = base64.b64encode(name.encode() + b":" + password).decode()
    response = json_response("ok")
    response.headers.append(("set-cookie", f"auth={value}; Version=1; SameSite=Strict"))
    return response


# how often that went wrong


def _check_node(context: Context) -> None:
    """Raises: Refusal (404): there is but one."""
    if context.params["node"] != context.node.name:
        raise not_found()


@route("/auth/attempts/:node", GET, needs=MONITOR)
def attempts(context: Context) -> object:
    """Logins by protocol: how many there were, how many failed."""
    _check_node(context)
    return [
        {"protocol": protocol} | _counts(*counts)
        for protocol, counts in context.node.usage.logins.items()
    ]


@route("/auth/attempts/:node/source", GET, needs=MONITOR)
def attempts_by_source(context: Context) -> object:
    """The same by address and user, which is counted if it is asked for."""
    _check_node(context)
    return [
        {"remote_address": address, "username": username, "protocol": protocol} | _counts(*counts)
        for (address, username, protocol), counts in context.node.usage.sources.items()
    ]


def _counts(failed: int, succeeded: int) -> dict[str, int]:
    return {
        "auth_attempts": failed + succeeded,
        "auth_attempts_failed": failed,
        "auth_attempts_succeeded": succeeded,
    }


@route("/auth/attempts/:node", DELETE, needs=MONITOR)
@route("/auth/attempts/:node/source", DELETE, needs=MONITOR)
def forget_attempts(context: Context) -> None:
    """Count from 0 again."""
    _check_node(context)
    context.node.usage.forget_logins()
