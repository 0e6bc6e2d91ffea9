"""Read by Python at start-up (this folder is on PYTHONPATH), before a program of the seed notes.

It is all that stands between those programs, kept as they are, and this machine: pika 0.13 looks
for an alias that Python 3.10 dropped, the broker is not on 5672, and a second of "work" is shorter.
Must also be readable for Python 2.7.
"""

import collections
import os
import time

try:
    from collections.abc import Callable
except ImportError:
    pass  # Python 2.7 has it where pika looks
else:
    collections.Callable = Callable

import pika.connection

pika.connection.Parameters.DEFAULT_PORT = int(os.environ["LEVERET_PORT"])

SCALE = float(os.environ.get("LEVERET_SLEEP_SCALE", "1"))
real_sleep = time.sleep
time.sleep = lambda seconds: real_sleep(seconds * SCALE)
