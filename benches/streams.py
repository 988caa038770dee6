#!/usr/bin/env python3
"""Streams on several RESP servers: groups that read and acknowledge, memory, restart, a storm that is drained, stalls.

usage: streams.py [-n ENTRIES] [-p PART,...] NAME=COMMAND ...

COMMAND may contain {port} and {dir}. One server runs at a time. PART is one or more of
  groups   XREADGROUP of 100 entries and the XACK of them: server CPU an entry
  memory   ENTRIES entries of three small fields: resident bytes an entry, and seconds until a restarted server answers
  storm    XADD as fast as one client sends while two groups drain: entries a second
  stalls   the longest time without an answer of another key, and of the stream itself, while much of the stream is delivered,
           claimed, trimmed and deleted
Entries are `user <7 digits> steps <4 digits> at <13 digits>`. Prints Markdown.
"""

import argparse
import multiprocessing
import os
import random
import re
import socket
import statistics
import time

from compare import Server
from wire import request

PIPELINE = 500
GROUPS = ("boards", "audit")


class Client:
    """A connection that sends requests in one piece and reads as many replies."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb", 1 << 18)

    def send(self, *words):
        self.socket.sendall(request(*words))

    def call(self, *words):
        self.send(*words)
        return self.reply()

    def reply(self):
        line = self.file.readline()
        if line[:1] == b"*":
            return [self.reply() for _ in range(max(int(line[1:]), 0))]
        if line[:1] == b"$":
            length = int(line[1:])
            return None if length < 0 else self.file.read(length + 2)[:-2]
        if line[:1] == b"-":
            raise RuntimeError(line.decode())
        return line[1:-2]


def add(key, user):
    return request("XADD", key, "*", "user", 1_000_000 + user, "steps", 1_000 + user % 9_000, "at", 1795992000000 + user)


def fill(client, key, count):
    chance = random.Random(1)
    for first in range(0, count, PIPELINE):
        some = min(PIPELINE, count - first)
        client.socket.sendall(b"".join(add(key, chance.randrange(9_000_000)) for _ in range(some)))
        for _ in range(some):
            client.file.readline()
            client.file.readline()


def cpu_seconds(server):
    fields = open(f"/proc/{server.process.pid}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def groups(server, count):
    """Server CPU an entry that is read in hundreds and acknowledged, in microseconds, the median of three."""
    client, figures = Client(server.port), []
    for _ in range(3):
        client.call("DEL", "queue")
        client.call("XGROUP", "CREATE", "queue", "g", "0", "MKSTREAM")
        fill(client, "queue", 200_000)
        before, read = cpu_seconds(server), 0
        while read < 200_000:
            [[_, entries]] = client.call("XREADGROUP", "GROUP", "g", "c", "COUNT", 100, "STREAMS", "queue", ">")
            client.call("XACK", "queue", "g", *(entry[0] for entry in entries))
            read += len(entries)
        figures.append((cpu_seconds(server) - before) / read * 1e6)
    return f"{statistics.median(figures):.2f} us CPU an entry"


def memory(server, count):
    before = server.resident_bytes()
    client = Client(server.port)
    fill(client, "events", count)
    time.sleep(2)
    taken = (server.resident_bytes() - before) / count
    client.call("SAVE")
    seconds = restart_seconds(server)
    return f"{taken:.1f} bytes an entry, restart in {seconds:.1f} s"


def restart_seconds(server):
    """Restarts the server on its dump file. Returns the seconds until it has all entries."""
    server.process.kill()
    server.process.wait()
    begun = time.monotonic()
    server.start()
    while True:
        try:
            if int(Client(server.port).call("XLEN", "events")) > 0:
                return time.monotonic() - begun
        except (OSError, RuntimeError, ValueError):
            time.sleep(0.02)


ID = re.compile(rb"\r\n(\d{13}-\d+)\r\n")


def drain(port, group, done, drained):
    """A consumer: reads a thousand entries at a time and acknowledges them, until nothing comes after the storm."""
    client, own = Client(port), 0
    read = request("XREADGROUP", "GROUP", group, "c", "COUNT", 1000, "STREAMS", "storm", ">") + request("PING")
    while True:
        was_done = done.is_set()
        client.socket.sendall(read)
        reply = b""
        while not reply.endswith(b"+PONG\r\n"):
            reply += client.socket.recv(1 << 20)
        # The ids alone: Python would be slower than the servers with the rest.
        ids = ID.findall(reply)
        if ids:
            own += int(client.call("XACK", "storm", group, *ids))
        elif was_done:
            break
        else:
            time.sleep(0.002)
    drained.value = own


def storm(server, _):
    """Entries a second, with the seconds that the groups needed after the last XADD."""
    seconds, done, client = 8.0, multiprocessing.Event(), Client(server.port)
    drained = [multiprocessing.Value("q", 0) for _ in GROUPS]
    for group in GROUPS:
        client.call("XGROUP", "CREATE", "storm", group, "0", "MKSTREAM")
    pieces = [b"".join(add("storm", user) for user in range(first, first + PIPELINE)) for first in range(0, 50_000, PIPELINE)]
    consumers = [
        multiprocessing.Process(target=drain, args=(server.port, group, done, own)) for group, own in zip(GROUPS, drained)
    ]
    for consumer in consumers:
        consumer.start()
    begun, added, left = time.monotonic(), 0, b""
    while time.monotonic() - begun < seconds:
        client.socket.sendall(pieces[added // PIPELINE % len(pieces)])
        lines = 0
        while lines < 2 * PIPELINE:
            lines += client.socket.recv(1 << 16).count(b"\n")
        added += PIPELINE
    took = time.monotonic() - begun
    done.set()
    for consumer in consumers:
        consumer.join()
    behind = time.monotonic() - begun - took
    assert [own.value for own in drained] == [added] * len(GROUPS), ([own.value for own in drained], added)
    return f"{added / took:,.0f} XADDs a second, drained by both groups {behind:.1f} s after the last, {cpu_seconds(server) / added * 1e6:.2f} us CPU an entry"


def watch(port, request_words, longest, over):
    """Asks again and again, in a process of its own, and notes the longest time without an answer in seconds."""
    watcher = Client(port)
    while not over.is_set():
        begun = time.monotonic()
        watcher.call(*request_words)
        longest.value = max(longest.value, time.monotonic() - begun)


def stalls(server, count):
    """The longest time without an answer during each step, in milliseconds: of another key, of the stream itself."""
    client, over = Client(server.port), multiprocessing.Event()
    asked = [("GET", "other"), ("XLEN", "large")]
    longest = [multiprocessing.Value("d", 0.0) for _ in asked]
    watchers = [
        multiprocessing.Process(target=watch, args=(server.port, words, value, over))
        for words, value in zip(asked, longest)
    ]
    fill(client, "large", count)
    client.call("XGROUP", "CREATE", "large", "g", "0")
    for watcher in watchers:
        watcher.start()
    figures = []

    def step(name, *words):
        time.sleep(0.2)
        for value in longest:
            value.value = 0.0
        begun = time.monotonic()
        client.call(*words)
        took = time.monotonic() - begun
        time.sleep(0.1)
        other, own = (value.value * 1e3 for value in longest)
        figures.append(f"{name}: {took * 1e3:.0f} ms, others {other:.1f}, own {own:.1f}")

    read = ("XREADGROUP", "GROUP", "g")
    step("nothing", "PING")
    for consumer in "ab":
        step(f"deliver {count // 4:,} to {consumer}", *read, consumer, "COUNT", count // 4, "STREAMS", "large", ">")
    step("claim all of a", "XAUTOCLAIM", "large", "g", "c", "0", "0", "COUNT", count // 4, "JUSTID")
    step(f"XGROUP DELCONSUMER with {count // 4:,} pending", "XGROUP", "DELCONSUMER", "large", "g", "c")
    step("XPENDING, the summary", "XPENDING", "large", "g")
    step(f"XTRIM of {count // 4:,} with DELREF", "XTRIM", "large", "MAXLEN", "=", count * 3 // 4, "DELREF")
    step(f"XTRIM of {count // 4:,} with ACKED", "XTRIM", "large", "MAXLEN", "=", count // 2, "ACKED")
    step(f"XTRIM of {count // 4:,}", "XTRIM", "large", "MAXLEN", count // 4)
    step("XGROUP DESTROY", "XGROUP", "DESTROY", "large", "g")
    step("DEL of the rest", "DEL", "large")
    fill(client, "large", count)
    step(f"DEL of {count:,}", "DEL", "large")
    over.set()
    for watcher in watchers:
        watcher.join()
    return "; ".join(figures)


def wait_until_loaded(server):
    while True:
        try:
            return Client(server.port).call("PING")
        except RuntimeError:
            time.sleep(0.02)


PARTS = {"groups": groups, "memory": memory, "storm": storm, "stalls": stalls}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("-n", type=int, default=1_000_000, metavar="ENTRIES")
    arguments.add_argument("-p", default=",".join(PARTS), metavar="PARTS")
    arguments.add_argument("servers", nargs="+", metavar="NAME=COMMAND")
    arguments = arguments.parse_args()
    for part in arguments.p.split(","):
        for text in arguments.servers:
            server = Server(*text.split("=", 1))
            try:
                wait_until_loaded(server)
                print(f"| {part} | {server.name} | {PARTS[part](server, arguments.n)} |", flush=True)
            finally:
                server.stop()


if __name__ == "__main__":
    main()
