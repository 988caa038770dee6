#!/usr/bin/env python3
"""Compares masters: what a full sync and the stream cost them.

usage: replication.py [-n MEMBERS] [-u UPDATES] [-c ROUNDS] NAME=COMMAND ...

COMMAND may contain {port} and {dir}. Each server in turn is loaded with one board. Then a program that only reads asks for all data,
as a replica does, while one connection repeats a ZADD and waits for each reply. Printed are the medians of ROUNDS rounds, each
with a new server:

  sync s     from PSYNC to the last byte of the file
  cpu s      processor time of the server meanwhile, its children included
  memory     the most resident memory meanwhile above that before, with the private memory of a child, as a share of the latter
  stall ms   the longest ZADD meanwhile

Then four connections send UPDATES pipelined ZADDs of one member each to the board, with that replica and without one:

  updates/s  until the replica has read the last of them
  extra us   processor time for each of them above that without a replica
"""

import argparse
import os
import random
import shlex
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from wire import call, field, request

KEY = b"lb"
CONNECTIONS = 4
PIPELINE = 500


class Server:
    def __init__(self, name, command):
        self.name, self.directory = name, tempfile.mkdtemp()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        words = shlex.split(command.format(port=self.port, dir=self.directory))
        self.process = subprocess.Popen(
            words, cwd=self.directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while True:
            try:
                if call(self.connect(), b"PING").startswith(b"+PONG"):
                    break
            except OSError:
                pass
            if self.process.poll() is not None:
                sys.exit(f"{name} ended")
            time.sleep(0.01)

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), 120)

    def end(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def children(self):
        return open(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read().split()

    def memory(self):
        total = field(f"/proc/{self.process.pid}/status", "VmRSS")
        for child in self.children():
            try:
                total += field(f"/proc/{child}/smaps_rollup", "Private_Dirty")
            except OSError:
                pass
        return total

    def cpu(self):
        """Processor seconds of the server, of children that have ended, and of those that run."""
        total = 0
        for pid, own in [(self.process.pid, False)] + [(child, True) for child in self.children()]:
            try:
                words = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
                total += sum(int(word) for word in (words[11:13] if own else words[11:15]))
            except OSError:
                pass
        return total / os.sysconf("SC_CLK_TCK")


def send_all(connection, requests, replies):
    """Sends bytes while it reads as many short replies."""
    def read():
        left = replies
        while left > 0:
            left -= connection.recv(1 << 20).count(b"\n")

    reader = threading.Thread(target=read)
    reader.start()
    connection.sendall(requests)
    reader.join()


def load(server, members):
    connection, chance = server.connect(), random.Random(7)
    for first in range(0, members, 10_000):
        words = [b"ZADD", KEY]
        for member in range(first, min(first + 10_000, members)):
            words += [b"%d" % chance.randrange(100_000), b"user:%012d" % member]
        call(connection, *words)


class Reader:
    """A replica that reads and does nothing."""

    def __init__(self, server):
        self.connection = server.connect()
        call(self.connection, b"REPLCONF", b"capa", b"psync2")
        self.connection.sendall(request(b"PSYNC", b"?", b"-1"))
        self.rest, line = b"", b""
        while not line.startswith(b"+FULLRESYNC"):
            line = self.line()
        self.offset = int(line.split()[2])
        line = b""
        while not line.startswith(b"$"):
            line = self.line()
        left = int(line[1:]) - len(self.rest)
        buffer = bytearray(1 << 20)
        while left > 0:
            left -= self.connection.recv_into(buffer, min(left, len(buffer)))

    def line(self):
        while b"\n" not in self.rest:
            self.rest += self.connection.recv(1)
        line, self.rest = self.rest.split(b"\n", 1)
        return line

    def follow(self):
        """Reads the stream until the connection ends, and acknowledges it twice a second."""
        buffer, last = bytearray(1 << 20), time.monotonic()
        while True:
            try:
                count = self.connection.recv_into(buffer)
            except OSError:
                return
            if count == 0:
                return
            self.offset += count
            if time.monotonic() - last > 0.5:
                last = time.monotonic()
                self.connection.sendall(request(b"REPLCONF", b"ACK", b"%d" % self.offset))


def write(server, seconds_of, must_end):
    connection, chance = server.connect(), random.Random(1)
    while not must_end.is_set():
        begun = time.monotonic()
        call(connection, b"ZADD", KEY, b"%d" % chance.randrange(100_000), b"user:%012d" % chance.randrange(1000))
        seconds_of.append(time.monotonic() - begun)


def sync(server):
    must_end, seconds_of, memory = threading.Event(), [], [server.memory()]
    threads = [threading.Thread(target=write, args=(server, seconds_of, must_end))]
    threads.append(threading.Thread(target=lambda: watch(server, memory, must_end)))
    [thread.start() for thread in threads]
    time.sleep(0.5)
    seconds_of.clear()
    cpu, begun = server.cpu(), time.monotonic()
    reader = Reader(server)
    seconds = time.monotonic() - begun
    # A child that has ended is counted once it has been waited for.
    time.sleep(0.3)
    cpu = server.cpu() - cpu
    must_end.set()
    [thread.join() for thread in threads]
    return reader, [seconds, cpu, 100 * (max(memory) - memory[0]) / memory[0], 1000 * max(seconds_of)]


def watch(server, memory, must_end):
    while not must_end.wait(0.02):
        memory.append(server.memory())


def updates(server, count, members, reader):
    chance = random.Random(3)
    pieces = []
    for _ in range(CONNECTIONS):
        pieces.append([
            b"".join(
                request(b"ZADD", KEY, b"%d" % chance.randrange(100_000), b"user:%012d" % chance.randrange(members))
                for _ in range(PIPELINE)
            )
            for _ in range(20)
        ])
    rounds = count // (CONNECTIONS * PIPELINE * 20)

    def run(pieces):
        connection = server.connect()
        for _ in range(rounds):
            for piece in pieces:
                send_all(connection, piece, PIPELINE)

    cpu, begun = server.cpu(), time.monotonic()
    threads = [threading.Thread(target=run, args=(own,)) for own in pieces]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    if reader:
        facts = call(server.connect(), b"INFO", b"replication").decode()
        end = int(facts.split("master_repl_offset:")[1].split()[0])
        while reader.offset < end:
            time.sleep(0.001)
    seconds = time.monotonic() - begun
    done = rounds * CONNECTIONS * PIPELINE * 20
    return done / seconds, 1e6 * (server.cpu() - cpu) / done


def measure(name, command, arguments):
    server = Server(name, command)
    try:
        load(server, arguments.members)
        _, alone_us = updates(server, arguments.updates, arguments.members, None)
        reader, figures = sync(server)
        threading.Thread(target=reader.follow, daemon=True).start()
        rate, us = updates(server, arguments.updates, arguments.members, reader)
        return figures + [rate, us - alone_us]
    finally:
        server.end()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", dest="members", type=int, default=1_000_000)
    parser.add_argument("-u", dest="updates", type=int, default=1_000_000)
    parser.add_argument("-c", dest="rounds", type=int, default=3)
    parser.add_argument("servers", nargs="+", metavar="NAME=COMMAND")
    arguments = parser.parse_args()
    servers = [text.split("=", 1) for text in arguments.servers]
    figures = {name: [] for name, _ in servers}
    for _ in range(arguments.rounds):
        for name, command in servers:
            figures[name].append(measure(name, command, arguments))
    print(f"{'':16}{'sync s':>9}{'cpu s':>8}{'memory':>9}{'stall ms':>10}{'updates/s':>12}{'extra us':>10}")
    for name, rows in figures.items():
        seconds, cpu, memory, stall, rate, extra = (statistics.median(column) for column in zip(*rows))
        print(f"{name:16}{seconds:9.2f}{cpu:8.2f}{memory:8.1f}%{stall:10.1f}{rate:12.0f}{extra:10.2f}")


main()
