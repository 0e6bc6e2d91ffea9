"""Adding, changing and deleting vhosts."""

from __future__ import annotations

from broker.amqp.erlang import printed
from broker.commands import DeleteVhost
from broker.management.application import Context
from broker.management.operations import vhosts
from broker.management.request import Response, bad_request, put_response
from broker.management.routes import ADMIN, DELETE, POST, PUT, route


@route("/vhosts/:vhost", PUT, needs=ADMIN)
async def put_vhost(context: Context) -> Response:
    """Add a vhost, or change what is said of it: description, tags, default_queue_type, tracing.
    Whoever adds it has all permissions in it."""
    name = context.params["vhost"]
    was_there = name in context.node.vhosts
    fields = context.request.fields()
    await context.execute_all(vhosts.put_vhost(context.node, name, fields, context.visitor.name))
    return put_response(was_there)


@route("/vhosts/:vhost", DELETE, needs=ADMIN)
async def delete_vhost(context: Context) -> None:
    """Delete a vhost and everything in it. Connections to it are closed."""
    await context.execute(DeleteVhost(context.vhost.name))


@route("/vhosts/:vhost/start/:node", POST, needs=ADMIN, varies=False)
def start_vhost(context: Context) -> None:
    """Start a vhost that failed on a node: here none does."""
    node, vhost = context.params["node"], context.params["vhost"]
    if node != context.node.name:
        raise bad_request(f"Request to node {node} failed with nodedown")
    if vhost not in context.node.vhosts:
        problem = f"{{no_such_vhost,{printed(vhost)}}}"
        raise bad_request(f"Request to node {node} failed with {problem}")
