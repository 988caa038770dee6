"""Celery: a worker, results, a chord, a retry and a task for later, with Redis as broker and as result store."""

import os

from celery import Celery, chord, group
from celery.contrib.testing.worker import start_worker

url = f"redis://:{os.environ['SERVER_PASSWORD']}@127.0.0.1:{os.environ['SERVER_PORT']}"
app = Celery("tasks", broker=f"{url}/0", backend=f"{url}/1")
app.conf.update(worker_hijack_root_logger=False, broker_connection_retry_on_startup=True)


@app.task
def double(number):
    return 2 * number


@app.task
def total(numbers):
    return sum(numbers)


@app.task(bind=True, max_retries=3)
def stubborn(self):
    if self.request.retries < 2:
        raise self.retry(countdown=0)
    return self.request.retries


with start_worker(app, pool="solo", perform_ping_check=False, loglevel="CRITICAL"):
    assert group(double.s(number) for number in range(20))().get(timeout=30) == [2 * number for number in range(20)]
    assert chord((double.s(number) for number in range(10)), total.s())().get(timeout=30) == 90
    assert stubborn.delay().get(timeout=30) == 2
    assert double.apply_async((21,), countdown=0.2).get(timeout=30) == 42
