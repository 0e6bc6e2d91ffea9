"""Hooks into messages, and what the broker tells by messages of its own.

For those who write interceptors: everything they need can be imported from here.
"""

from broker.amqp.errors import AccessRefused, PreconditionFailed
from broker.hooks.interceptor import DROP, InterceptedMessage, Interceptor

__all__ = ["DROP", "AccessRefused", "InterceptedMessage", "Interceptor", "PreconditionFailed"]
