"""Lesson 4, routing: each parcel rolls to the gates that serve its direction, and to no other.

python 4_gates.py open north
python 4_gates.py open south east
python 4_gates.py send south "a crate of oranges"
"""

import sys

from depot import connect, listen

if len(sys.argv) < 2:
    sys.exit(__doc__)

connection = connect()
channel = connection.channel()
# A direct exchange compares the routing key with the keys of its bindings, letter by letter.
channel.exchange_declare("gates", "direct")


def send(direction, parcel):
    channel.basic_publish("gates", routing_key=direction, body=parcel)
    print(f"sent {direction}: {parcel}")
    connection.close()


def open_gate(directions):
    mine = channel.queue_declare("", exclusive=True).method.queue
    for direction in directions:  # one queue may have many bindings
        channel.queue_bind(mine, "gates", routing_key=direction)

    def on_parcel(channel, delivery, properties, body):
        print(f"loaded for {delivery.routing_key}: {body.decode()}")

    channel.basic_consume(mine, on_parcel, auto_ack=True)
    print(f"open for {', '.join(directions)}")
    listen(channel)


match sys.argv[1:]:
    case ["open", *directions] if directions:
        open_gate(directions)
    case ["send", direction, *words] if words:
        send(direction, " ".join(words))
    case _:
        sys.exit(__doc__)
