"""Lesson 7, publisher confirms: know of each parcel whether the broker has taken it.

python 7_shelf.py
"""

import pika
from depot import connect

connection = connect()
channel = connection.channel()

# Three places; what comes after that is refused instead of pushing something else out.
shelf = channel.queue_declare(
    "", exclusive=True, arguments={"x-max-length": 3, "x-overflow": "reject-publish"}
).method.queue

# From here on the broker answers every message, and basic_publish waits for that answer.
channel.confirm_delivery()


def store(parcel, place):
    try:
        # mandatory: if no queue wants the message, give it back instead of dropping it
        channel.basic_publish("", place, parcel, mandatory=True)
    except pika.exceptions.NackError:
        print(f"{parcel}: refused, no room")
    except pika.exceptions.UnroutableError as error:
        print(f"{parcel}: came back, {error.messages[0].method.reply_text}")
    else:
        print(f"{parcel}: stored")


for number in range(1, 5):
    store(f"parcel {number}", shelf)
store("parcel 5", "a shelf that is not there")
connection.close()
