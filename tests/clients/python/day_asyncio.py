"""Many tasks on one board through redis-py's asyncio client, which reads replies with hiredis."""

import asyncio
import os

import redis.asyncio as redis


async def main():
    port, password = int(os.environ["SERVER_PORT"]), os.environ["SERVER_PASSWORD"]
    client = redis.Redis(port=port, password=password, decode_responses=True, max_connections=50)

    async def play(player):
        for _ in range(20):
            await client.zincrby("board", 1, f"player:{player}")

    await asyncio.gather(*(play(player) for player in range(50)))
    assert await client.zcount("board", 20, 20) == 50

    async def listen():
        async with client.pubsub() as listener:
            await listener.subscribe("news")
            async for message in listener.listen():
                if message["type"] == "message":
                    return message["data"]

    task = asyncio.create_task(listen())
    while await client.publish("news", "hello") == 0:
        await asyncio.sleep(0.01)
    assert await asyncio.wait_for(task, 5) == "hello"

    async with client.pipeline(transaction=True) as pipeline:
        replies = await pipeline.lpush("queue", "a", "b").brpop("queue", timeout=1).llen("queue").execute()
    assert replies[0] == 2 and list(replies[1]) == ["queue", "a"] and replies[2] == 1, replies
    await client.aclose()


asyncio.run(main())
