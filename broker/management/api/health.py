"""Health checks, for load balancers and whoever watches the node."""

from __future__ import annotations

from broker.amqp.content import Properties
from broker.amqp.methods import BasicGet, BasicGetOk, QueueDeclare, QueueDeclareOk
from broker.management.application import Context
from broker.management.operations import health
from broker.management.request import Response, json_response, not_authorised, not_found
from broker.management.routes import ANYBODY, GET, VHOST, route

OK = {"status": "ok"}
ALIVENESS_QUEUE = "aliveness-test"
FAILED = 503


def _answer(failure: health.Failure | None, **fine: object) -> Response:
    """fine: what is said besides if nothing is wrong."""
    if failure is not None:
        return json_response(failure, FAILED)
    return json_response({**OK, **fine})


@route("/aliveness-test/:vhost", GET, needs=VHOST)
async def aliveness(context: Context) -> Response:
    """Declare a queue in a vhost, publish to it and get that message. The queue stays."""
    vhost = context.vhost.name
    if not await context.visitor.may_enter(vhost):
        raise not_authorised("Access refused.")
    body = b"test_message"
    async with context.direct() as channel:
        await channel.call(QueueDeclare(queue=ALIVENESS_QUEUE), QueueDeclareOk)
        await channel.publish("", ALIVENESS_QUEUE, Properties().encode(len(body)), body)
        reply = await channel.call(BasicGet(queue=ALIVENESS_QUEUE, no_ack=True))
    if isinstance(reply.method, BasicGetOk):
        return _answer(None)
    return _answer({"status": "failed", "reason": "aliveness-test queue is empty"})


@route("/healthchecks/node", GET)
def node(context: Context) -> Response:
    """Alarms. RabbitMQ calls this check deprecated."""
    return _answer(health.node_health(context.node))


@route("/healthchecks/node/:node", GET)
def named_node(context: Context) -> Response:
    """The same of a node by its name."""
    if context.params["node"] != context.node.name:
        raise not_found()
    return _answer(health.node_health(context.node))


@route("/health/checks/alarms", GET)
def alarms(context: Context) -> Response:
    """Whether there are alarms in the cluster."""
    return _answer(health.alarms(context.node, "in the cluster"))


@route("/health/checks/local-alarms", GET)
def local_alarms(context: Context) -> Response:
    """Whether there are alarms on this node."""
    return _answer(health.alarms(context.node, "on the node"))


@route("/health/checks/certificate-expiration/:within/:unit", GET)
def certificates(context: Context) -> Response:
    """Whether a certificate of a listener ends soon. unit: days, weeks, months, years."""
    within_s = health.seconds_of(context.params["within"], context.params["unit"])
    return _answer(
        health.expiring_certificates(context.node, context.management.listeners(), within_s)
    )


@route("/health/checks/port-listener/:port", GET)
def port_listener(context: Context) -> Response:
    """Whether somebody listens on a port."""
    port = health.number_of(context.params["port"], "Invalid port")
    return _answer(health.port_listener(context.management, port), port=port)


@route("/health/checks/protocol-listener/:protocol", GET)
def protocol_listener(context: Context) -> Response:
    """Whether somebody listens for a protocol: amqp091, amqps, http, …"""
    protocol = health.protocol_of(context.params["protocol"])
    return _answer(health.protocol_listener(context.management, protocol), protocol=protocol)


@route("/health/checks/virtual-hosts", GET)
def virtual_hosts(context: Context) -> Response:
    """Whether all vhosts run: here they do as long as the node does."""
    return _answer(None)


@route("/health/checks/node-is-mirror-sync-critical", GET)
@route("/health/checks/node-is-quorum-critical", GET)
def is_critical(context: Context) -> Response:
    """Whether queues would be lost, or stand still, without this node."""
    return _answer(None, reason="single node cluster")


# those of later releases, which need no login


@route("/health/checks/is-in-service", GET, needs=ANYBODY)
def is_in_service(context: Context) -> Response:
    """Whether the node takes connections."""
    return _answer(health.in_service(context.node))


@route("/health/checks/below-node-connection-limit", GET, needs=ANYBODY)
def below_connection_limit(context: Context) -> Response:
    """Whether there may be one more connection."""
    return _answer(health.below_connection_limit(context.node))


@route("/health/checks/ready-to-serve-clients", GET, needs=ANYBODY)
def ready(context: Context) -> Response:
    """Whether clients are served: all of that, and somebody listens for AMQP."""
    return _answer(health.ready(context.management))
