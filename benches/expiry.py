#!/usr/bin/env python3
"""The longest stall while very many keys expire within one second.

usage: expiry.py [-n KEYS] [-k ROUNDS] NAME=COMMAND ...

COMMAND may hold {port} and {dir}. Sets KEYS keys (1,000,000 unless said otherwise) of 16 bytes that expire within the same
second, one client sends GET in a loop, and the time of each is measured: until half a second before the first key expires,
and from then on until DBSIZE is 0. Prints the percentiles and the longest of both in milliseconds, and when the last key
was gone, in seconds after its time.
"""

import argparse
import socket
import sys
import time

from compare import Server
from wire import request

# Keys of one pipeline, and how long filling may take.
PIPELINE = 5000
FILLING_S = 20


def fill(port, keys):
    at_ms = int(time.time() * 1000) + FILLING_S * 1000
    with socket.create_connection(("127.0.0.1", port)) as client:
        for first in range(0, keys, PIPELINE):
            numbers = range(first, min(keys, first + PIPELINE))
            client.sendall(b"".join(
                request("SET", f"bench:key:{number:012}", "v" * 16, "PXAT", str(at_ms + number * 997 % 1000))
                for number in numbers))
            left = len(numbers) * len(b"+OK\r\n")
            while left:
                left -= len(client.recv(1 << 20))
    if time.time() * 1000 > at_ms - 2000:
        sys.exit("filling took too long")
    return at_ms


def wait_and_measure(client, at_ms):
    """Latencies before and while keys expire, and when DBSIZE was 0."""
    before, during, asked_ms = [], [], 0
    while True:
        start = time.perf_counter()
        client.sendall(request("GET", "nothing"))
        client.recv(100)
        taken_ms = 1000 * (time.perf_counter() - start)
        now_ms = time.time() * 1000
        if now_ms < at_ms - 500:
            before.append(taken_ms)
            time.sleep(0.0005)
            continue
        during.append(taken_ms)
        if now_ms > at_ms + 1000 and now_ms > asked_ms + 200:
            asked_ms = now_ms
            client.sendall(request("DBSIZE"))
            if client.recv(100) == b":0\r\n":
                return before, during, (now_ms - at_ms - 1000) / 1000


def figures(latencies):
    latencies.sort()
    at = [latencies[len(latencies) * part // 1000] for part in (500, 990, 999)]
    return " | ".join(f"{latency:.2f}" for latency in [*at, latencies[-1]])


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("-n", type=int, default=1_000_000, metavar="KEYS")
    arguments.add_argument("-k", type=int, default=1, metavar="ROUNDS")
    arguments.add_argument("servers", nargs="+", metavar="NAME=COMMAND")
    arguments = arguments.parse_args()
    print("| server | before: p50 | p99 | p99.9 | longest | expiring: p50 | p99 | p99.9 | longest | gone after s |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for text in arguments.servers * arguments.k:
        server = Server(*text.split("=", 1))
        try:
            with socket.create_connection(("127.0.0.1", server.port)) as client:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                before, during, gone_s = wait_and_measure(client, fill(server.port, arguments.n))
            print(f"| {server.name} | {figures(before)} | {figures(during)} | {gone_s:.1f} |", flush=True)
        finally:
            server.stop()


if __name__ == "__main__":
    sys.exit(main())
