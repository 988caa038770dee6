"""redis-py finds the master by sentinels, and another one when that has died. What WAIT has confirmed is there."""

import os
import subprocess
import time

import redis
from redis.sentinel import MasterNotFoundError, Sentinel

places = [(host, int(port)) for host, port in (place.split(":") for place in os.environ["SENTINELS"].split(","))]
sentinel = Sentinel(places, socket_timeout=1)
master = sentinel.master_for("mymaster", socket_timeout=1, decode_responses=True)
replica = sentinel.slave_for("mymaster", socket_timeout=1, decode_responses=True)
assert len(sentinel.discover_slaves("mymaster")) == 2


def again(call):
    """What the application does: tries again until there is a master."""
    until = time.monotonic() + 30
    while True:
        try:
            return call()
        except (redis.ConnectionError, redis.TimeoutError, redis.ReadOnlyError, redis.ResponseError, MasterNotFoundError):
            assert time.monotonic() < until
            time.sleep(0.05)


def expect(found, wanted):
    """For what becomes so: an error that is tried again, until it is."""
    if found != wanted:
        raise redis.ResponseError(f"{found} is not {wanted}")


for round in range(2):
    before = sentinel.discover_master("mymaster")
    again(lambda: master.zadd("board", {f"player:{round}": 10.5 + round}))
    # On one connection, as WAIT speaks of what its connection wrote.
    with master.client() as single:
        single.zadd("board", {f"confirmed:{round}": round})
        assert single.wait(1, 5000) >= 1
    # WAIT spoke of one replica, and this may be the other. One that follows the new master anew answers LOADING meanwhile.
    again(lambda: expect(replica.zscore("board", f"confirmed:{round}"), round))
    subprocess.run(os.environ["SERVER_FAIL"], shell=True, check=True)
    # The same object, which was connected to the dead one.
    again(lambda: master.zincrby("board", 1, f"player:{round}"))
    assert sentinel.discover_master("mymaster") != before
    assert master.zscore("board", f"confirmed:{round}") == round
    assert master.role()[0] == "master"
    while len(sentinel.discover_slaves("mymaster")) < 2:
        time.sleep(0.05)
