#!/usr/bin/env python3
"""Measures the latency of PINGs of 50 clients while another client sends huge requests.

usage: fairness.py [-n MEMBERS] [-s SECONDS] NAME=COMMAND ...

COMMAND may contain {port} and {dir}. Each server gets a board of MEMBERS members, a tenth as many keys, and a set of a
tenth as many friends. Then `rankd bench` sends 2,500 PINGs per second over 50 connections: first alone, then while a
client repeats a huge request and reads the replies as fast as it can. The requests are a ZRANGE of the whole board, KEYS *,
a FRIENDRANK of all friends (rankd only), and the ZRANGE together with a writer to the same board.

Prints for each case, in milliseconds, the median, the 99th percentile and the maximum of the time from when a PING was due
to its reply; the number of huge requests that were answered, and the time of the slowest; and the growth of the server's
resident memory over that after the load. A first row shows the growth for a ZRANGE whose reply the client does not read.
"""

import argparse
import multiprocessing
import socket
import subprocess
import sys
import threading
import time

from compare import Server, bench
from wire import request

PINGS_PER_SECOND, CONNECTIONS = 2500, 50
BOARD = "bench:lb"


def fill(server, members):
    pipe = subprocess.Popen(
        ["redis-cli", "-p", str(server.port), "--pipe"],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    for start in range(0, members // 10, 100):
        chunk = range(start, start + 100)
        pipe.stdin.write(b"".join(request("SET", "key:%012d" % number, "value") for number in chunk))
        pipe.stdin.write(request("SADD", "friends", *("user:%012d" % number for number in chunk)))
    pipe.stdin.close()
    pipe.wait()


def ask(port, huge, answered, slowest, stop):
    """Repeats a request until `stop` is set. The reply of an ECHO marks the end of each reply."""
    client = socket.create_connection(("127.0.0.1", port))
    mark, buffer = b"the end of the reply", bytearray(1 << 20)
    while not stop.is_set():
        start = time.monotonic()
        client.sendall(huge + request("ECHO", mark))
        tail = b""
        while not tail.endswith(mark + b"\r\n"):
            count = client.recv_into(buffer)
            tail = (tail + bytes(buffer[max(0, count - 64) : count]))[-64:]
        answered.value += 1
        slowest.value = max(slowest.value, time.monotonic() - start)


class Memory(threading.Thread):
    """Samples how much a server's resident memory exceeds that of the loaded server."""

    def __init__(self, server):
        super().__init__()
        self.server, self.most, self.ended = server, 0, threading.Event()
        self.start()

    def run(self):
        while not self.ended.wait(0.005):
            self.most = max(self.most, self.server.resident_bytes())

    def growth(self):
        self.ended.set()
        self.join()
        return f"{max(0, self.most - self.server.loaded_bytes) >> 20} MiB"


def measure(server, arguments, requests):
    """Measures PINGs while other clients send `requests`, one request each. Returns the cells of a row."""
    stop = multiprocessing.Event()
    results = [(multiprocessing.Value("l", 0), multiprocessing.Value("d", 0)) for _ in requests]
    askers = [
        multiprocessing.Process(target=ask, args=(server.port, huge, *result, stop))
        for huge, result in zip(requests, results)
    ]
    memory = Memory(server)
    for asker in askers:
        asker.start()
    time.sleep(0.3)
    pings = bench(
        server, arguments, "-w", "ping", "--rate", PINGS_PER_SECOND, "--connections", CONNECTIONS, "--threads", 1
    )
    stop.set()
    for asker in askers:
        asker.join(20)
        asker.kill()
    answered = ", ".join(f"{count.value} x <= {1000 * slowest.value:,.0f} ms" for count, slowest in results)
    return [*(f"{pings[name]:.2f}" for name in ("p50_ms", "p99_ms", "max_ms")), answered, memory.growth()]


def unread(server, huge):
    """Returns the growth of memory for a request whose reply the client does not read."""
    memory = Memory(server)
    address = ("127.0.0.1", server.port)
    with socket.create_connection(address) as client, socket.create_connection(address) as other:
        client.sendall(huge)
        time.sleep(0.5)
        # A single-threaded server has written the whole reply to memory when it answers this.
        other.sendall(request("PING"))
        other.recv(64)
        time.sleep(0.5)
    return memory.growth()


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("-n", type=int, default=10000000, metavar="MEMBERS")
    arguments.add_argument("-s", type=float, default=5, metavar="SECONDS")
    arguments.add_argument("servers", nargs="+", metavar="NAME=COMMAND")
    arguments = arguments.parse_args()
    arguments.p = ""
    board = request("ZRANGE", BOARD, 0, -1, "WITHSCORES")
    cases = {
        "nothing": [],
        "ZRANGE of all": [board],
        "KEYS *": [request("KEYS", "*")],
        "FRIENDRANK of all friends": [request("FRIENDRANK", BOARD, "me", "FRIENDS", "friends")],
        "ZRANGE of all and a ZADD": [board, request("ZADD", BOARD, "INCR", 1, "user:000000000001")],
    }
    print("| beside | server | median ms | P99 ms | max ms | answered | memory |\n|---|---|---|---|---|---|---|")
    for text in arguments.servers:
        server = Server(*text.split("=", 1))
        try:
            bench(server, arguments, "-w", "load")
            fill(server, arguments.n)
            server.loaded_bytes = server.resident_bytes()
            print(f"| an unread ZRANGE of all | {server.name} | | | | | {unread(server, board)} |", flush=True)
            for name, requests in cases.items():
                if name.startswith("FRIENDRANK") and not server.name.startswith("rankd"):
                    continue
                cells = measure(server, arguments, requests)
                print(f"| {name} | {server.name} | " + " | ".join(cells) + " |", flush=True)
        finally:
            server.stop()


if __name__ == "__main__":
    sys.exit(main())
