"""The certificates of listeners that speak TLS."""

from __future__ import annotations

from typing import Any

from broker.control.actions import Asked, action
from broker.control.host import Failure


@action()
async def expiring(asked: Asked, within: str, unit: str) -> list[dict[str, Any]]:
    """Those that expire so soon. Raises: Failure."""
    from broker.management.operations.health import expiring_certificates, seconds_of
    from broker.management.operations.refused import Refused

    listeners = [
        {"protocol": protocol, "ip_address": host, "port": port}
        for protocol, host, port in asked.host.listening
    ]
    try:
        found = expiring_certificates(asked.node, listeners, seconds_of(within, unit))
    except Refused as refused:
        raise Failure(str(refused)) from None
    return [] if found is None else list(found["expired"])
