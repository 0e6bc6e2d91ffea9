"""Lesson 1, hello: somebody leaves a note at the front desk, somebody else reads it.

python 1_notes.py read
python 1_notes.py leave "the spare key is under the mat"
"""

import sys

from depot import connect, listen

if len(sys.argv) < 2:
    sys.exit(__doc__)

connection = connect()
channel = connection.channel()
# Whoever comes first creates the queue; declaring it again, the same way, changes nothing.
channel.queue_declare("front-desk")


def leave(text):
    # The nameless exchange takes the routing key for the name of a queue.
    channel.basic_publish(exchange="", routing_key="front-desk", body=text)
    print(f"left: {text}")
    connection.close()


def read():
    def on_note(channel, delivery, properties, body):
        print(f"note: {body.decode()}")

    channel.basic_consume("front-desk", on_note, auto_ack=True)
    print("reading the notes at the front desk")
    listen(channel)


match sys.argv[1:]:
    case ["read"]:
        read()
    case ["leave", *words] if words:
        leave(" ".join(words))
    case _:
        sys.exit(__doc__)
