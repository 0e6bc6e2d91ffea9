"""What every lesson shares: how to reach the broker, and how to wait for messages until Ctrl-C."""

import os

import pika


def connect():
    """Open a connection to the broker on this machine; its port is in LEVERET_PORT, else 5672."""
    port = int(os.environ.get("LEVERET_PORT", "5672"))
    return pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", port))


def listen(channel):
    """Run the callbacks of this channel's consumers until the user has had enough."""
    try:
        channel.start_consuming()
    except KeyboardInterrupt:
        channel.connection.close()
