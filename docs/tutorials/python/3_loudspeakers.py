"""Lesson 3, publish and subscribe: an announcement is heard from every loudspeaker that is on.

python 3_loudspeakers.py listen     (as often as you like)
python 3_loudspeakers.py announce "the last train leaves at nine"
"""

import sys

from depot import connect, listen

if len(sys.argv) < 2:
    sys.exit(__doc__)

connection = connect()
channel = connection.channel()
# A fanout exchange copies each message to all queues bound to it; with none, the words are gone.
channel.exchange_declare("loudspeakers", "fanout")


def announce(text):
    channel.basic_publish("loudspeakers", routing_key="", body=text)
    print(f"announced: {text}")
    connection.close()


def hear():
    # No name: the broker invents one. Exclusive: the queue lives as long as this connection.
    mine = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(mine, "loudspeakers")

    def on_announcement(channel, delivery, properties, body):
        print(f"heard: {body.decode()}")

    channel.basic_consume(mine, on_announcement, auto_ack=True)
    print("listening")
    listen(channel)


match sys.argv[1:]:
    case ["listen"]:
        hear()
    case ["announce", *words] if words:
        announce(" ".join(words))
    case _:
        sys.exit(__doc__)
