"""What the command line tools of RabbitMQ 3.10.8 print and return, and a walk that asks ours.

`sections/<name>.steps` is a walk: calls of the tools in their order, on a broker with nothing in it
but what the steps before have made, by the tools themselves or by an act of `acts.py` over AMQP.
`recordings/<name>.json` is what RabbitMQ printed, normalised. `deviations.py` says where ours is
meant to print something else.
"""
