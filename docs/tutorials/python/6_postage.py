"""Lesson 6, remote procedure call: ask the counter what a parcel costs, and wait for the answer.

python 6_postage.py serve
python 6_postage.py ask 1200        (grams)
"""

import sys
import uuid

import pika
from depot import connect, listen

if len(sys.argv) < 2:
    sys.exit(__doc__)

connection = connect()
channel = connection.channel()


def postage(grams):
    """In cents: a fee, and something for each begun half kilogram."""
    return 250 + 120 * -(-grams // 500)


def serve():
    def on_question(channel, delivery, properties, body):
        grams = int(body)
        print(f"asked about {grams} g")
        # Answer where the question says, and mark the answer with the mark of the question.
        channel.basic_publish(
            "",
            properties.reply_to,
            str(postage(grams)),
            pika.BasicProperties(correlation_id=properties.correlation_id),
        )
        channel.basic_ack(delivery.delivery_tag)

    channel.queue_declare("postage")
    channel.basic_qos(prefetch_count=1)
    channel.basic_consume("postage", on_question)
    print("the counter is open")
    listen(channel)


def ask(grams):
    answers = channel.queue_declare("", exclusive=True).method.queue
    mark = str(uuid.uuid4())
    channel.basic_publish(
        "", "postage", grams, pika.BasicProperties(reply_to=answers, correlation_id=mark)
    )
    for _, properties, body in channel.consume(answers, auto_ack=True):
        if properties.correlation_id == mark:  # anything else answers a question of the past
            print(f"{grams} g cost {int(body)} cents")
            break
    connection.close()


match sys.argv[1:]:
    case ["serve"]:
        serve()
    case ["ask", grams] if grams.isdigit():
        ask(grams)
    case _:
        sys.exit(__doc__)
