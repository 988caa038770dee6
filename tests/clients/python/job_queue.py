"""arq: jobs of asyncio programs, some of them later, some again after an error."""

import asyncio
import os

from arq import Retry, create_pool
from arq.connections import RedisSettings
from arq.worker import Worker

settings = RedisSettings(host="127.0.0.1", port=int(os.environ["SERVER_PORT"]), password=os.environ["SERVER_PASSWORD"])


async def add(context, one, other):
    return one + other


async def stubborn(context):
    if context["job_try"] < 3:
        raise Retry(defer=0.05)
    return context["job_try"]


async def broken(context):
    raise ValueError("no")


async def main():
    pool = await create_pool(settings)
    sums = [await pool.enqueue_job("add", number, 1, _job_id=f"sum:{number}") for number in range(50)]
    assert await pool.enqueue_job("add", 1, 1, _job_id="sum:1") is None, "the same job twice"
    later = await pool.enqueue_job("add", 1, 1, _defer_by=0.3)
    again = await pool.enqueue_job("stubborn")
    wrong = await pool.enqueue_job("broken")
    assert len(await pool.queued_jobs()) == 53
    workers = [Worker([add, stubborn, broken], redis_settings=settings, burst=True, poll_delay=0.05, handle_signals=False) for _ in range(2)]
    await asyncio.gather(*(worker.async_run() for worker in workers))
    assert [await job.result(timeout=5) for job in sums] == list(range(1, 51))
    assert await later.result(timeout=5) == 2 and await again.result(timeout=5) == 3
    try:
        await wrong.result(timeout=5)
        raise SystemExit("a job that fails has no result")
    except ValueError:
        pass
    assert sum(worker.jobs_complete for worker in workers) == 52
    assert await pool.queued_jobs() == []
    for worker in workers:
        await worker.close()
    await pool.aclose()


asyncio.run(main())
