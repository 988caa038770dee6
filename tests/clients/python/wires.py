"""TLS and the unix socket through redis-py: certificates of both ends, a user of the ACL, and a reconnect after SIGKILL."""

import os
import subprocess

import redis

PORT, PASSWORD = int(os.environ["SERVER_TLS_PORT"]), os.environ["SERVER_PASSWORD"]
FILES = os.environ["SERVER_FILES"]
TLS = {"port": PORT, "host": "localhost", "ssl": True, "ssl_ca_certs": f"{FILES}/ca.crt"}
OWN = {"ssl_certfile": f"{FILES}/client.crt", "ssl_keyfile": f"{FILES}/client.key"}


def refused(error, **options):
    try:
        redis.Redis(**options).ping()
    except error:
        return
    raise AssertionError(f"{options} is served")


for protocol in (2, 3):
    client = redis.Redis(password=PASSWORD, protocol=protocol, decode_responses=True, **TLS, **OWN)
    with client.pipeline(transaction=False) as pipeline:
        for number in range(1000):
            pipeline.zadd("board", {f"player:{number}": number})
        pipeline.execute()
    assert client.zrevrank("board", "player:998") == 1
    value = "x" * 3_000_000
    client.set("large", value)
    assert client.get("large") == value

client.acl_setuser("game", enabled=True, passwords=["+secret"], keys=["board*"], categories=["+@sortedset"])
game = redis.Redis(username="game", password="secret", decode_responses=True, **TLS, **OWN)
assert game.zscore("board", "player:7") == 7.0
try:
    game.get("large")
    raise AssertionError("a user reads what it may not")
except redis.exceptions.NoPermissionError:
    pass

# Without a certificate, without the authority, and without TLS.
refused(redis.exceptions.ConnectionError, password=PASSWORD, **TLS)
refused(redis.exceptions.ConnectionError, password=PASSWORD, **{**TLS, "ssl_ca_certs": f"{FILES}/client.crt"}, **OWN)
refused(redis.exceptions.RedisError, password=PASSWORD, port=PORT)

socket = redis.Redis(unix_socket_path=f"{FILES}/rankd.sock", password=PASSWORD, decode_responses=True)
assert socket.zcard("board") == 1000
assert socket.client_info()["addr"].endswith("rankd.sock:0")

subprocess.run(os.environ["SERVER_RESTART"], shell=True, check=True)
for client in (client, socket):
    client.set_retry(redis.retry.Retry(redis.backoff.ExponentialBackoff(), 5))
    assert client.zcard("board") == 1000
