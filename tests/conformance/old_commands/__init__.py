"""Commands that RabbitMQ's documentation and older releases taught, as they are written there.

`walk.txt` has them with what they are answered; docs/commands.md is the same as a table, written by
`python -m tests.write_reference`.
"""
