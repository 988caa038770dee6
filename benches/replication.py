#!/usr/bin/env python3
"""Compares servers that replicate: what a full sync and the stream cost a master, and how fast a replica follows.

usage: replication.py [-n MEMBERS] [-u UPDATES] [-c ROUNDS] NAME=COMMAND ...

COMMAND may contain {port} and {dir}. Each server in turn is loaded with one board. Then a second, empty server of the same kind
becomes its replica, while another process repeats a ZADD and waits for each reply. Printed are the medians of ROUNDS rounds, each
with new servers:

  sync s     from REPLICAOF until the replica has loaded all data and follows the stream
  cpu s      processor time of the master meanwhile, its children included
  replica s  processor time of the replica meanwhile
  memory     the most resident memory of the master meanwhile above that before, with the private memory of a child, as a share of
             the latter
  stall ms   the longest ZADD meanwhile
  calm ms    the longest ZADD in a time as long before

Then the replica ends, and a program that only reads asks for all data, as a server that knows only dump files does:

  dump s     from PSYNC to the last byte of the dump file

Then four connections send UPDATES pipelined ZADDs of one member each to the board, with that replica and without one:

  updates/s  until the replica has read the last of them
  extra us   processor time for each of them above that without a replica

Then a second server of the same kind follows a newly loaded one:

  catch-up/s it is stopped while the UPDATES are sent; then these divided by the seconds it takes to have them
  pair us    processor time of both servers for each update, sent while the replica follows and until it has the last one
  lag ms     beside 20,000 ZADDs a second: from the reply to a SET until the replica has its value, the median and the 99th percentile
"""

import argparse
import multiprocessing
import os
import random
import shlex
import shutil
import signal
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
# How long the writer writes before a full sync.
CALM_S = 3
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


def write(server, must_end, slow):
    """Puts the moment and the seconds of each ZADD that took long into `slow`."""
    connection, chance, found = server.connect(), random.Random(1), []
    while not must_end.is_set():
        begun = time.monotonic()
        call(connection, b"ZADD", KEY, b"%d" % chance.randrange(100_000), b"user:%012d" % chance.randrange(1000))
        seconds = time.monotonic() - begun
        if seconds > 0.0005:
            found.append((begun, seconds))
    slow.put(found)


def follows(connection):
    return b"master_link_status:up" in call(connection, b"INFO", b"replication")


def sync(server, command):
    replica = Server(server.name, command)
    own_end, must_end, slow = threading.Event(), multiprocessing.Event(), multiprocessing.Queue()
    memory = [server.memory()]
    writer = multiprocessing.Process(target=write, args=(server, must_end, slow))
    watcher = threading.Thread(target=watch, args=(server, memory, own_end))
    try:
        writer.start()
        watcher.start()
        time.sleep(CALM_S)
        connection = replica.connect()
        cpu, own_cpu, begun = server.cpu(), replica.cpu(), time.monotonic()
        call(connection, b"REPLICAOF", b"127.0.0.1", b"%d" % server.port)
        while not follows(connection):
            time.sleep(0.005)
        end = time.monotonic()
        # A child that has ended is counted once it has been waited for.
        time.sleep(0.3)
        cpu, own_cpu = server.cpu() - cpu, replica.cpu() - own_cpu
        must_end.set()
        found = slow.get()

        def longest(since, until):
            return 1000 * max((seconds for at, seconds in found if since <= at + seconds and at <= until), default=0)

        stall, calm = longest(begun, end), longest(max(begun - (end - begun), begun - CALM_S + 0.2), begun)
        return [end - begun, cpu, own_cpu, 100 * (max(memory) - memory[0]) / memory[0], stall, calm]
    finally:
        must_end.set()
        own_end.set()
        writer.join()
        watcher.join()
        replica.end()


def watch(server, memory, must_end):
    while not must_end.wait(0.02):
        memory.append(server.memory())


def send_updates(server, count, members):
    """Sends pipelined ZADDs over several connections, and waits for their replies. Returns how many."""
    # Each member gets one score and then another, in turns, so that each ZADD changes something.
    chance, pieces, half = random.Random(3), [], 20
    for _ in range(CONNECTIONS):
        named = [[b"user:%012d" % chance.randrange(members) for _ in range(PIPELINE)] for _ in range(half)]
        pieces.append([
            b"".join(request(b"ZADD", KEY, b"%d" % (2 * chance.randrange(50_000) + odd), member) for member in piece)
            for odd in (0, 1)
            for piece in named
        ])
    rounds = count // (CONNECTIONS * PIPELINE * 2 * half)

    def run(pieces):
        connection = server.connect()
        for _ in range(rounds):
            for piece in pieces:
                send_all(connection, piece, PIPELINE)

    threads = [threading.Thread(target=run, args=(own,)) for own in pieces]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return rounds * CONNECTIONS * PIPELINE * 2 * half


def fact(connection, name):
    """A field of INFO's section of replication."""
    facts = call(connection, b"INFO", b"replication").decode()
    return facts.split(name + ":")[1].split()[0]


def updates(server, count, members, reader):
    cpu, begun = server.cpu(), time.monotonic()
    done = send_updates(server, count, members)
    if reader:
        end = int(fact(server.connect(), "master_repl_offset"))
        while reader.offset < end:
            time.sleep(0.001)
    seconds = time.monotonic() - begun
    return done / seconds, 1e6 * (server.cpu() - cpu) / done


class Pair:
    """A loaded server, and one that follows it."""

    def __init__(self, name, command, members):
        self.master, self.replica = Server(name, command), Server(name, command)
        load(self.master, members)
        self.of_master, self.of_replica = self.master.connect(), self.replica.connect()
        call(self.of_replica, b"REPLICAOF", b"127.0.0.1", b"%d" % self.master.port)
        while not follows(self.of_replica):
            time.sleep(0.005)

    def wait(self):
        """Until the replica is where the master is now."""
        end = int(fact(self.of_master, "master_repl_offset"))
        while int(fact(self.of_replica, "slave_repl_offset")) < end:
            time.sleep(0.002)

    def catch_up(self, count, members):
        self.replica.process.send_signal(signal.SIGSTOP)
        done = send_updates(self.master, count, members)
        self.replica.process.send_signal(signal.SIGCONT)
        begun = time.monotonic()
        self.wait()
        return done / (time.monotonic() - begun)

    def cpu_us(self, count, members):
        before = self.master.cpu() + self.replica.cpu()
        done = send_updates(self.master, count, members)
        self.wait()
        return 1e6 * (self.master.cpu() + self.replica.cpu() - before) / done

    def lags_ms(self, members):
        must_end, chance, lags = threading.Event(), random.Random(5), []
        burst = b"".join(
            request(b"ZADD", KEY, b"%d" % chance.randrange(100_000), b"user:%012d" % chance.randrange(members)) for _ in range(100)
        )

        def write():
            connection, due = self.master.connect(), time.monotonic()
            while not must_end.is_set():
                due += 0.005
                send_all(connection, burst, 100)
                time.sleep(max(0, due - time.monotonic()))

        writer = threading.Thread(target=write)
        writer.start()
        for number in range(400):
            call(self.of_master, b"SET", b"probe", b"%d" % number)
            begun = time.monotonic()
            while not call(self.of_replica, b"GET", b"probe").endswith(b"\r\n%d\r\n" % number):
                pass
            lags.append(1000 * (time.monotonic() - begun))
            time.sleep(0.003)
        must_end.set()
        writer.join()
        lags.sort()
        return lags[len(lags) // 2], lags[len(lags) * 99 // 100]

    def end(self):
        self.master.end()
        self.replica.end()


def measure_pair(name, command, arguments):
    pair = Pair(name, command, arguments.members)
    try:
        catch_up = pair.catch_up(arguments.updates, arguments.members)
        us = pair.cpu_us(arguments.updates, arguments.members)
        return [catch_up, us, *pair.lags_ms(arguments.members)]
    finally:
        pair.end()


def measure(name, command, arguments):
    server = Server(name, command)
    try:
        load(server, arguments.members)
        _, alone_us = updates(server, arguments.updates, arguments.members, None)
        figures = sync(server, command)
        begun = time.monotonic()
        reader = Reader(server)
        figures.append(time.monotonic() - begun)
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
            figures[name].append(measure(name, command, arguments) + measure_pair(name, command, arguments))
    names = ["sync s", "cpu s", "replica s", "memory %", "stall ms", "calm ms", "dump s", "updates/s", "extra us"]
    names += ["catch-up/s", "pair us", "lag ms", "lag p99"]
    print(f"{'':16}" + "".join(f"{name:>11}" for name in names))
    for name, rows in figures.items():
        columns = [statistics.median(column) for column in zip(*rows)]
        print(f"{name:16}" + "".join(f"{value:11.0f}" if value > 1000 else f"{value:11.2f}" for value in columns))


main()
