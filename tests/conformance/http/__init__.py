"""Every route of RabbitMQ 3.10.8's HTTP API, asked in good and in bad ways, and what it answered.

    python -m tests.conformance.http --record --port 5690 --api-port 15690
    python -m tests.conformance.http --live   --port 5672 --api-port 15672 [--against 5690:15690]

* `cases`: a case is one request and what of its answer counts; a section is a list of them in
  order, with a vhost of its own and things done over AMQP in between.
* `sections`: the requests.
* `stage`: the users, the vhost and the connections of a section, on whichever broker.
* `normalise`: what of an answer is another one each time becomes its type.
* `recording`: RabbitMQ's answers, for CI, which has no RabbitMQ.
* `compare`, `deviations`: where two answers differ, and where they are meant to.
"""
