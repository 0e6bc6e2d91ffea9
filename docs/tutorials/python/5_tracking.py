"""Lesson 5, topics: follow parcels by city, kind and event, with patterns over dotted words.

python 5_tracking.py watch "oslo.#"             everything in Oslo
python 5_tracking.py watch "*.letter.*" "#.lost"      letters anywhere, and whatever is lost
python 5_tracking.py report oslo.letter.arrived "from aunt Ingrid"
"""

import sys

from depot import connect, listen

if len(sys.argv) < 2:
    sys.exit(__doc__)

connection = connect()
channel = connection.channel()
# In the bindings of a topic exchange, * stands for one word and # for any number, none included.
channel.exchange_declare("tracking", "topic")


def report(event, text):
    channel.basic_publish("tracking", routing_key=event, body=text)
    print(f"reported {event}: {text}")
    connection.close()


def watch(patterns):
    mine = channel.queue_declare("", exclusive=True).method.queue
    for pattern in patterns:
        channel.queue_bind(mine, "tracking", routing_key=pattern)

    def on_event(channel, delivery, properties, body):
        print(f"{delivery.routing_key}: {body.decode()}")

    channel.basic_consume(mine, on_event, auto_ack=True)
    print(f"watching {' '.join(patterns)}")
    listen(channel)


match sys.argv[1:]:
    case ["watch", *patterns] if patterns:
        watch(patterns)
    case ["report", event, *words] if words:
        report(event, " ".join(words))
    case _:
        sys.exit(__doc__)
