"""RQ: jobs with results, one that fails, one that is tried again, and a limit of how many run at once."""

import operator
import os

from redis import Redis
from rq import Queue, Retry, SimpleWorker

connection = Redis(port=int(os.environ["SERVER_PORT"]), password=os.environ["SERVER_PASSWORD"])
queue = Queue(connection=connection)
sums = [queue.enqueue(operator.add, number, 1) for number in range(30)]
behind = queue.enqueue(operator.neg, 5, depends_on=sums[0])
broken = queue.enqueue(operator.truediv, 1, 0)
again = queue.enqueue(operator.truediv, 2, 0, retry=Retry(max=2))
assert SimpleWorker([queue], connection=connection).work(burst=True, logging_level="CRITICAL")
assert [job.return_value() for job in sums] == list(range(1, 31)) and behind.return_value() == -5
for job in (broken, again):
    assert job.get_status(refresh=True) == "failed" and job.latest_result().type.name == "FAILED"
assert queue.failed_job_registry.count == 2 and queue.count == 0 and queue.finished_job_registry.count == 31
