#!/usr/bin/env python3
"""How long 50 pinging clients wait while another asks for something huge.

usage: fairness.py [-n MEMBERS] [-s SECONDS] NAME=COMMAND ...

COMMAND may hold {port} and {dir}. Each server gets a board of MEMBERS members, as many keys as a tenth of that, and a
set of as many friends. Then 50 clients send a PING every 20 ms each, first alone and then beside one client that asks
over and over, and reads the replies as fast as it can: for the whole board, for all keys, for the rank among all
friends (rankd), and for the whole board beside a writer to it. Prints the median, the 99th percentile and the maximum
of the times from a PING to its reply, in milliseconds, and how often the huge question was answered.
"""

import argparse
import heapq
import multiprocessing
import select
import socket
import subprocess
import sys
import time

from compare import Server, load

CLIENTS, INTERVAL_S = 50, 0.02


def words(*arguments):
    parts = [b"*%d\r\n" % len(arguments)]
    for argument in arguments:
        argument = argument if isinstance(argument, bytes) else str(argument).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(argument), argument))
    return b"".join(parts)


def fill(server, members):
    pipe = subprocess.Popen(
        ["redis-cli", "-p", str(server.port), "--pipe"],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    for start in range(0, members // 10, 100):
        chunk = range(start, start + 100)
        pipe.stdin.write(b"".join(words("SET", "key:%012d" % number, "value") for number in chunk))
        pipe.stdin.write(words("SADD", "friends", *("user:%012d" % number for number in chunk)))
    pipe.stdin.close()
    pipe.wait()


def ask(port, request, answered, stop):
    """Asks and reads the reply to its end, which an ECHO behind it marks, until told to stop."""
    client = socket.create_connection(("127.0.0.1", port))
    mark, buffer = b"the end of the reply", bytearray(1 << 20)
    while not stop.is_set():
        client.sendall(request + words("ECHO", mark))
        tail = b""
        while not tail.endswith(mark + b"\r\n"):
            count = client.recv_into(buffer)
            tail = (tail + bytes(buffer[max(0, count - 64) : count]))[-64:]
        with answered.get_lock():
            answered.value += 1


def ping(port, seconds):
    """Times from PINGs to their replies."""
    # Not an event loop of the library: those wait for whole milliseconds.
    sent, times = {}, []
    start = time.monotonic()
    due = []
    for index in range(CLIENTS):
        client = socket.create_connection(("127.0.0.1", port))
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        heapq.heappush(due, (start + INTERVAL_S * index / CLIENTS, index, client))
    while time.monotonic() < start + seconds:
        while due and due[0][0] <= time.monotonic():
            # From when it should have been sent: a late one is not excused by those before it.
            at, index, client = heapq.heappop(due)
            client.send(b"*1\r\n$4\r\nPING\r\n")
            sent[client] = at, index
        wait = max(0.0, due[0][0] - time.monotonic()) if due else 0.05
        for client in select.select(list(sent), [], [], wait)[0]:
            client.recv(64)
            at, index = sent.pop(client)
            done = time.monotonic()
            times.append(done - at)
            heapq.heappush(due, (max(at + INTERVAL_S, done), index, client))
    return sorted(times)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("-n", type=int, default=10000000, metavar="MEMBERS")
    arguments.add_argument("-s", type=float, default=5, metavar="SECONDS")
    arguments.add_argument("servers", nargs="+", metavar="NAME=COMMAND")
    arguments = arguments.parse_args()
    print("| beside | server | median ms | P99 ms | max ms | answered |\n|---|---|---|---|---|---|")
    for text in arguments.servers:
        server = Server(*text.split("=", 1))
        try:
            load(server, arguments.n)
            fill(server, arguments.n)
            board = words("ZRANGE", "lb", 0, -1, "WITHSCORES")
            cases = {
                "nothing": [],
                "ZRANGE of all": [board],
                "KEYS *": [words("KEYS", "*")],
                "FRIENDRANK of all friends": [words("FRIENDRANK", "lb", "me", "FRIENDS", "friends")],
                "ZRANGE of all and a ZADD": [board, words("ZADD", "lb", 5, "user:000000000001")],
            }
            for name, requests in cases.items():
                if name.startswith("FRIENDRANK") and not server.name.startswith("rankd"):
                    continue
                stop, counts = multiprocessing.Event(), [multiprocessing.Value("l", 0) for _ in requests]
                askers = [
                    multiprocessing.Process(target=ask, args=(server.port, request, count, stop))
                    for request, count in zip(requests, counts)
                ]
                for asker in askers:
                    asker.start()
                time.sleep(0.5)
                times = ping(server.port, arguments.s)
                stop.set()
                for asker in askers:
                    asker.join(20)
                    asker.kill()
                cells = [1000 * times[int(len(times) * share)] for share in (0.5, 0.99)] + [1000 * times[-1]]
                print(
                    f"| {name} | {server.name} | " + " | ".join(f"{cell:.2f}" for cell in cells)
                    + f" | {counts[0].value if counts else ''} |",
                    flush=True,
                )
        finally:
            server.stop()


if __name__ == "__main__":
    sys.exit(main())
