"""Lesson 2, work queue: orders are packed by whoever has free hands; none is lost if one falls ill.

python 2_packing.py pack Ada        (in one terminal)
python 2_packing.py pack Bob        (in another)
python 2_packing.py order teapot map umbrella
"""

import sys
import time

import pika
from depot import connect, listen

if len(sys.argv) < 2:
    sys.exit(__doc__)

connection = connect()
channel = connection.channel()
# A durable queue is still there after the broker was restarted, and so are its persistent messages.
channel.queue_declare("packing", durable=True)


def order(items):
    kept_on_disk = pika.BasicProperties(delivery_mode=pika.DeliveryMode.Persistent)
    for item in items:
        channel.basic_publish("", "packing", item, kept_on_disk)
        print(f"ordered: {item}")
    connection.close()


def pack(name):
    def on_order(channel, delivery, properties, body):
        item = body.decode()
        print(f"{name} packs {item}" + (" (begun before)" if delivery.redelivered else ""))
        time.sleep(0.1 * len(item))
        print(f"{name} is done with {item}")
        # Only now does the broker forget the order. Had we died before, another would get it.
        channel.basic_ack(delivery.delivery_tag)

    channel.basic_qos(prefetch_count=1)  # one order in hand at a time, so the slow get fewer
    channel.basic_consume("packing", on_order)
    print(f"{name} is ready to pack")
    listen(channel)


match sys.argv[1:]:
    case ["pack", name]:
        pack(name)
    case ["order", *items] if items:
        order(items)
    case _:
        sys.exit(__doc__)
