"""Conversations recorded from RabbitMQ 3.10.8 and replayed against this broker.

`python -m tests.conformance record --port P` writes `transcripts/`, `compare --port P [names…]`
plays the same scenarios against any broker and prints the differences.
"""
