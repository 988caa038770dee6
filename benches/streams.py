#!/usr/bin/env python3
"""Streams on several RESP servers: groups that read and acknowledge, memory, restart, a storm that is drained, stalls.

usage: streams.py [-n ENTRIES] [-p PART,...] NAME=COMMAND ...

COMMAND may contain {port} and {dir}. One server runs at a time. PART is one or more of
  groups   XREADGROUP of 100 entries and the XACK of them: server CPU an entry
  memory   ENTRIES entries of three small fields: resident bytes an entry, and seconds until a restarted server answers
  storm    XADD as fast as one client sends while two groups of two consumers drain: entries a second
  stalls   the longest time without an answer of another key, and of the stream itself, while much of the stream is delivered,
           claimed, trimmed and deleted
Entries are `user <7 digits> steps <4 digits> at <13 digits>`. Prints Markdown.
"""

import argparse
import multiprocessing
import os
import random
import socket
import statistics
import threading
import time

from compare import Server

PIPELINE = 500


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


def request(*words):
    words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


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


def storm(server, count):
    """Entries a second, with the seconds that the groups needed after the last XADD."""
    seconds, done = 5.0, threading.Event()
    main = Client(server.port)
    for group in ("boards", "audit"):
        main.call("XGROUP", "CREATE", "storm", group, "0", "MKSTREAM")
    drained = []

    def drain(group, consumer):
        client, own = Client(server.port), 0
        while True:
            reply = client.call("XREADGROUP", "GROUP", group, consumer, "COUNT", 1000, "STREAMS", "storm", ">")
            if not reply:
                if done.is_set():
                    break
                time.sleep(0.001)
                continue
            ids = [entry[0] for entry in reply[0][1]]
            own += client.call("XACK", "storm", group, *ids) and len(ids)
        drained.append(own)

    pieces = [b"".join(add("storm", user) for user in range(first, first + PIPELINE)) for first in range(0, 50_000, PIPELINE)]
    threads = [threading.Thread(target=drain, args=(group, name)) for group in ("boards", "audit") for name in "ab"]
    for thread in threads:
        thread.start()
    begun, added, client = time.monotonic(), 0, Client(server.port)
    while time.monotonic() - begun < seconds:
        client.socket.sendall(pieces[added // PIPELINE % len(pieces)])
        for _ in range(PIPELINE):
            client.file.readline()
            client.file.readline()
        added += PIPELINE
    took = time.monotonic() - begun
    done.set()
    for thread in threads:
        thread.join()
    behind = time.monotonic() - begun - took
    assert sum(drained) == 2 * added, (drained, added)
    return f"{added / took:,.0f} XADDs a second, drained by both groups {behind:.1f} s after the last"


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
                print(f"| {part} | {server.name} | {PARTS[part](server, arguments.n)} |", flush=True)
            finally:
                server.stop()


if __name__ == "__main__":
    main()
