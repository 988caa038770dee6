"""A day of a leaderboard through redis-py, with its defaults, in RESP2 and RESP3."""

import os
import subprocess
import threading

import redis

PORT, PASSWORD = int(os.environ["SERVER_PORT"]), os.environ["SERVER_PASSWORD"]


def connect(protocol, **options):
    return redis.Redis(port=PORT, password=PASSWORD, protocol=protocol, decode_responses=True, **options)


def a_day(protocol):
    client = connect(protocol)
    client.flushall()
    assert client.ping()
    with client.pipeline(transaction=False) as pipeline:
        for number in range(1000):
            pipeline.zadd("board", {f"player:{number}": number * 1.5})
        assert pipeline.execute() == [1] * 1000
    assert client.zincrby("board", 2.5, "player:999") == 1501.0
    top = client.zrange("board", 0, 1, desc=True, withscores=True)
    assert [tuple(row) for row in top] == [("player:999", 1501.0), ("player:998", 1497.0)], top
    assert client.zrevrank("board", "player:998") == 1
    assert client.zscore("board", "nobody") is None
    assert client.zmscore("board", ["player:1", "nobody"]) == [1.5, None]
    assert len(list(client.zscan_iter("board"))) == 1000
    client.sadd("friends:player:1", "player:2", "player:3", "stranger")
    rows = client.execute_command("FRIENDRANK", "board", "player:1", "TOP", 2)
    assert "player:3" in str(rows), rows

    # A transaction, and one that a watched key ends.
    with client.pipeline() as pipeline:
        pipeline.watch("board")
        score = pipeline.zscore("board", "player:1")
        pipeline.multi()
        pipeline.zadd("board", {"player:1": score + 1})
        pipeline.hset("profile:player:1", mapping={"name": "One", "country": "NZ"})
        assert pipeline.execute() == [0, 2]
        pipeline.watch("board")
        client.zadd("board", {"player:2": 1})
        pipeline.multi()
        pipeline.zadd("board", {"player:2": 2})
        try:
            pipeline.execute()
            raise AssertionError("a watched key was changed")
        except redis.WatchError:
            pass
    assert client.hgetall("profile:player:1") == {"name": "One", "country": "NZ"}

    # Messages, and keyspace events.
    listener = client.pubsub()
    listener.subscribe("news")
    listener.psubscribe("__keyevent@0__:zadd")
    assert [listener.get_message(timeout=5)["type"] for _ in range(2)] == ["subscribe", "psubscribe"]
    assert client.publish("news", "hello") == 1
    assert listener.get_message(timeout=5)["data"] == "hello"
    client.zadd("board", {"player:5": 5})
    assert listener.get_message(timeout=5)["data"] == "board"
    listener.close()

    # A client that waits for work.
    worker = threading.Thread(target=lambda: results.append(connect(protocol).bzpopmin("jobs", timeout=10)))
    results = []
    worker.start()
    while client.info("clients")["blocked_clients"] == 0:
        pass
    client.zadd("jobs", {"first": 1})
    worker.join()
    assert tuple(results[0]) == ("jobs", "first", 1.0), results

    # The server is killed; the library connects again, and what was acknowledged is there.
    client.set("kept", "yes")
    subprocess.run(os.environ["SERVER_RESTART"], shell=True, check=True)
    assert client.get("kept") == "yes"
    assert client.zcard("board") == 1000

    try:
        redis.Redis(port=PORT, password="wrong", protocol=protocol).ping()
        raise AssertionError("a wrong password was taken")
    except redis.AuthenticationError:
        pass


for protocol in (2, 3):
    a_day(protocol)
