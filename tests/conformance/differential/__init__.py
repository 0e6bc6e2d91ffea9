"""A randomised differential run: the same random steps against RabbitMQ and against us, compared.

    python -m tests.conformance.differential --reference 5690 --steps 10000 --seed 1

* `generator`: a seed is a run of some 60 steps by three connections with a few names.
* `player`: plays steps on one broker and tells what its peers got to see, made comparable.
* `runner`: plays on two brokers in lock-step, or on one against a recording.
* `shrink`: a difference becomes the shortest run that still shows it.
* `recording`: runs with RabbitMQ's answers, for CI, which has no RabbitMQ. Every difference that
  was a bug of ours is one of them, and so are two random runs.

A difference counts when it comes back twice. One that does not is reported as "differed once": a
broker that was held up for longer than the run allows for. `--set store.queue_memory=3000` or
`--set fast_path=false` sends the same runs through other parts of ours.

What is known to differ, and left out or overlooked by `generator` and `player`:

Where RabbitMQ 3.10.8 is wrong, or crashes:

1. A priority queue hands out an expired message, if it came to a queue that was not empty and has
   the highest priority (rabbit_amqqueue_process looks for what has expired only when something is
   published to an empty queue or dropped). We never do.
2. A message to a lazy queue that is purged at once is never confirmed. We confirm it.
3. A channel that knows a name as a classic queue ends with 541 INTERNAL_ERROR, and its connection
   with it, when that is a quorum queue by now and it consumes from it. We serve it.
4. The consumers of a quorum queue: each message fetched by basic.get and not settled counts as one,
   one that was cancelled counts until its last message is settled, those that wait to be the single
   active one do not. We say how many consumers there are.
5. A consumer of a quorum queue with the tag of one that was cancelled on the same channel and has
   unacked messages is that one come back: they count for its prefetch. With us it is a new one.

Where its processes race, so that there is no one answer:

6. A quorum queue with reject-publish lets in what comes before the publishing channel has heard
   that the queue is full. We reject from the first message above the limit.
7. x-expires of a quorum queue is looked at every five seconds. We keep to the millisecond.
8. With a global prefetch and consumers of several queues, the room that an ack makes is drawn by
   lot.
9. The channels of a connection that ends give back their messages in any order, and may be handed
   what another one has just given back.
10. Cancellations by the broker, confirms and deliveries of different queues arrive in any order.
11. basic.get from a quorum queue may overtake the channel's own publish.
12. Many messages at once to several queues with limits that dead-letter into each other: what is
    too much where depends on which is quicker; and so with a get in one go with the publishes, or
    a dead letter on its way to where its original goes as well.
13. What happens when a channel is closed for an error in the same breath in which it publishes to
    a consumer: RabbitMQ may have handed out, and flags as redelivered, what we have not.
14. Settling `multiple` in the same breath as a rejection: what was rejected may have come again.

Where we decide otherwise:

15. Messages of different priorities that arrive in one read of the socket, while a consumer waits:
    RabbitMQ hands out each as it comes, we the most important first.

Not done yet; runs with many quorum queues still meet this:

16. A global prefetch that comes after a consumer of a quorum queue does not concern that one in
    RabbitMQ; with us it does.
"""
