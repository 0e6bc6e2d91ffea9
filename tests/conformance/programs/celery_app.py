"""The Celery application of test_kombu_celery.py, made by its workers and by the test itself.

Workers are told by LEVERET_URL, LEVERET_RESULTS and LEVERET_QUEUE what make_app() is to be given.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from celery import Celery, Task
from kombu import Exchange, Queue


def make_app(url: str, results: str, queue: str) -> Celery:
    """An application with our tasks.

    results: "rpc://", or a folder as "file:///..."; queue: where tasks go if nothing else is said.
    """
    app = Celery("leveret", set_as_current=False)
    app.conf.update(
        broker_url=url,
        result_backend=results,
        task_default_queue=queue,
        broker_connection_retry_on_startup=True,
        broker_connection_timeout=5,
        result_expires=60,
        result_chord_retry_interval=0.2,
        task_track_started=True,
        task_send_sent_event=True,
        task_queues=[
            Queue(queue, Exchange(queue, "direct"), queue),
            Queue("parcels", Exchange("parcels", "topic"), "parcel.#"),
            Queue("urgent", Exchange("urgent"), "urgent", max_priority=9),
        ],
        worker_send_task_events=True,
        worker_prefetch_multiplier=2,
    )
    declare_tasks(app)
    return app


def declare_tasks(app: Celery) -> None:
    @app.task(shared=False, name="add")
    def add(left: int, right: int) -> int:
        return left + right

    @app.task(shared=False, name="total")
    def total(numbers: list[int]) -> int:
        return sum(numbers)

    @app.task(shared=False, name="fail")
    def fail(text: str) -> None:
        raise ValueError(text)

    @app.task(shared=False, name="third_time_lucky", bind=True, max_retries=3)
    def third_time_lucky(self: Task) -> int:
        if self.request.retries < 2:
            raise self.retry(countdown=0.1)
        return int(self.request.retries)

    @app.task(shared=False, name="wait_for_file")
    def wait_for_file(path: str) -> str:
        """Busy until the file is there, at most 20 s; says by another file that it is."""
        Path(f"{path}.begun").touch()
        deadline = time.monotonic() + 20
        while not Path(path).exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        return path

    @app.task(shared=False, name="note")
    def note(path: str, text: str) -> None:
        with Path(path).open("a") as file:
            file.write(text + "\n")

    @app.task(shared=False, name="first_run_hangs", bind=True, acks_late=True)
    def first_run_hangs(self: Task, path: str) -> bool:
        """Returns: whether this delivery was a second one."""
        again = bool(self.request.delivery_info["redelivered"])
        if not again:
            note(path, "begun")
            time.sleep(60)
        return again


if "LEVERET_URL" in os.environ:
    app = make_app(*(os.environ[f"LEVERET_{what}"] for what in ("URL", "RESULTS", "QUEUE")))
