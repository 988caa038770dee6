#!/usr/bin/env python3
"""Compares servers that keep a log: restart from the log, a rewrite during writes, restart from the rewritten log.

usage: journal.py [-n MEMBERS] [-c ROUNDS] [-s] [-l LOG] NAME=COMMAND ...

COMMAND may contain {port} and {dir}. Each server in turn is loaded with one board (pipelined ZADDs of one member each, or
of 100 with -s), killed with SIGKILL and started again. Then its log is rewritten (BGREWRITEAOF) while one connection
repeats a ZADD and waits for each reply. Then the server is killed and started again. The time of a restart is from the
start of the process to the first reply to DBSIZE that is not an error, with the files in the page cache.

With -l only the restart from a log of MEMBERS single commands is measured: time, processor time and peak memory.
  board    one ZADD for each member of one board
  updates  ZADDs to a board of a tenth as many members, which the rewritten log contains already
  boards   ZADDs to 100 boards
  strings  SETs of keys drawn at random from as many
"""

import argparse
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


class Server:
    """A server with its directory. It can be killed and started again."""

    def __init__(self, name, command):
        self.name = name
        self.command = command
        self.directory = tempfile.mkdtemp()
        self.process = None

    def start(self):
        """Starts the process. Returns the seconds until it has loaded its data and answers."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        words = shlex.split(self.command.format(port=self.port, dir=self.directory))
        begun = time.monotonic()
        self.process = subprocess.Popen(
            words, cwd=self.directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while True:
            try:
                if call(self.connect(), b"DBSIZE").startswith(b":"):
                    return time.monotonic() - begun
            except OSError:
                pass
            if self.process.poll() is not None:
                sys.exit(f"{self.name} ended")
            time.sleep(0.01)

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), 60)

    def kill(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def resident_bytes(self):
        """The resident memory of the process, and the private memory of its child during a rewrite by fork."""
        children = open(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read().split()
        total = field(f"/proc/{self.process.pid}/status", "VmRSS")
        for child in children:
            try:
                total += field(f"/proc/{child}/smaps_rollup", "Private_Dirty")
            except OSError:
                pass
        return total

    def processor_seconds(self):
        words = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def log_bytes(self):
        paths = [os.path.join(root, name) for root, _, names in os.walk(self.directory) for name in names]
        return sum(os.path.getsize(path) for path in paths)


def load(server, members, a_command):
    """Loads members user:000000000000 and on, with whole scores below 100,000, in random order."""
    chance = random.Random(7)
    ids = list(range(members))
    chance.shuffle(ids)
    pipe = subprocess.Popen(
        ["redis-cli", "-p", str(server.port), "--pipe"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    head = b"*%d\r\n$4\r\nZADD\r\n$2\r\nlb\r\n" % (2 + 2 * a_command)
    for start in range(0, members, 10000):
        words = []
        for place, number in enumerate(ids[start : start + 10000]):
            if place % a_command == 0:
                words.append(head)
            score = b"%d" % chance.randrange(100000)
            words.append(b"$%d\r\n%s\r\n$17\r\nuser:%012d\r\n" % (len(score), score, number))
        pipe.stdin.write(b"".join(words))
    pipe.stdin.close()
    pipe.wait()


def pipe_to(server, commands):
    """Sends `commands`, lists of words, through redis-cli."""
    pipe = subprocess.Popen(
        ["redis-cli", "-p", str(server.port), "--pipe"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    batch = []
    for words in commands:
        batch.append(request(*words))
        if len(batch) == 10000:
            pipe.stdin.write(b"".join(batch))
            batch.clear()
    pipe.stdin.write(b"".join(batch))
    pipe.stdin.close()
    pipe.wait()


def load_log(server, count, log):
    """Creates a log of `count` single commands, as described at the head of the file."""
    chance = random.Random(7)
    score = lambda: b"%d" % chance.randrange(100000)
    member = lambda below: b"user:%012d" % chance.randrange(below)
    if log == "board":
        load(server, count, 1)
    elif log == "updates":
        load(server, count // 10, 100)
        settle(server)
        call(server.connect(), b"BGREWRITEAOF")
        settle(server)
        pipe_to(server, ((b"ZADD", KEY, score(), member(count // 10)) for _ in range(count)))
    elif log == "boards":
        board = lambda: b"board:%d" % chance.randrange(100)
        pipe_to(server, ((b"ZADD", board(), score(), member(count)) for _ in range(count)))
    else:
        key = lambda: b"key:%012d" % chance.randrange(count)
        pipe_to(server, ((b"SET", key(), b"value%03d" % chance.randrange(1000)) for _ in range(count)))
    # With everysec the last records are on disk after a second.
    time.sleep(2)


def time_log(server, count, rounds, log):
    """Measures restarts from a log of single commands and prints the results."""
    load_log(server, count, log)
    seconds, processor, peaks = [], [], []
    for _ in range(rounds):
        server.kill()
        seconds.append(server.start())
        processor.append(server.processor_seconds())
        peaks.append(field(f"/proc/{server.process.pid}/status", "VmHWM"))
    print(
        f"{server.name}: {log}, log {server.log_bytes() / 1e6:.0f} MB; restart {show(seconds)} s, median"
        f" {statistics.median(seconds):.2f}; processor {statistics.median(processor):.2f} s; peak of memory"
        f" {statistics.median(peaks) / 1e6:.0f} MB, then {server.resident_bytes() / 1e6:.0f} MB",
        flush=True,
    )


def persistence(connection):
    connection.sendall(request(b"INFO", b"persistence"))
    text = b""
    while b"aof_enabled" not in text or not text.endswith(b"\r\n"):
        text += connection.recv(65536)
    return dict(line.split(b":", 1) for line in text.split(b"\r\n") if b":" in line)


def settle(server):
    """Waits until no rewrite runs or is scheduled."""
    with server.connect() as connection:
        while True:
            facts = persistence(connection)
            if facts[b"aof_rewrite_in_progress"] == b"0" and facts.get(b"aof_rewrite_scheduled", b"0") == b"0":
                return
            time.sleep(0.05)


class Writer(threading.Thread):
    """Repeats a ZADD, waits for each reply, and records the times between replies."""

    def __init__(self, server, members):
        super().__init__()
        self.connection = server.connect()
        self.members = members
        self.stopped = False
        self.gaps = []

    def run(self):
        chance = random.Random(8)
        before = time.monotonic()
        while not self.stopped:
            call(self.connection, b"ZADD", KEY, b"%d" % chance.randrange(100000), b"user:%012d" % chance.randrange(self.members))
            now = time.monotonic()
            self.gaps.append(now - before)
            before = now


def rewrite(server, members):
    """Rewrites the log while a writer runs. Returns the seconds of the rewrite, the writer's longest gap before and during
    the rewrite, its writes, and the memory before and at the peak."""
    control = server.connect()
    settle(server)
    writer = Writer(server, members)
    writer.start()
    time.sleep(1)
    quiet = max(writer.gaps)
    writer.gaps.clear()
    before = server.resident_bytes()
    peak = before
    begun = time.monotonic()
    call(control, b"BGREWRITEAOF")
    while persistence(control)[b"aof_rewrite_in_progress"] == b"1":
        peak = max(peak, server.resident_bytes())
        time.sleep(0.02)
    seconds = time.monotonic() - begun
    gap, writes = max(writer.gaps), len(writer.gaps)
    writer.stopped = True
    writer.join()
    return seconds, quiet, gap, writes, before, peak


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("-n", type=int, default=1000000, metavar="MEMBERS")
    arguments.add_argument("-c", type=int, default=3, metavar="ROUNDS")
    arguments.add_argument("-s", action="store_true", help="load 100 members a ZADD")
    arguments.add_argument("-l", choices=["board", "updates", "boards", "strings"], metavar="LOG", help="see above")
    arguments.add_argument("servers", nargs="+", metavar="NAME=COMMAND")
    arguments = arguments.parse_args()
    print(f"{arguments.n} members, {arguments.c} rounds of each restart and rewrite\n")
    for text in arguments.servers:
        server = Server(*text.split("=", 1))
        try:
            server.start()
            if arguments.l:
                time_log(server, arguments.n, arguments.c, arguments.l)
                continue
            load(server, arguments.n, 100 if arguments.s else 1)
            log = server.log_bytes()
            restarts = []
            for _ in range(arguments.c):
                server.kill()
                restarts.append(server.start())
            print(f"{server.name}: log {log / 1e6:.0f} MB; restart {show(restarts)} s", flush=True)
            for _ in range(arguments.c):
                seconds, quiet, gap, writes, before, peak = rewrite(server, arguments.n)
                print(
                    f"{server.name}: rewrite {seconds:.2f} s; {writes} writes beside it, longest gap {gap * 1000:.2f} ms"
                    f" (without: {quiet * 1000:.2f}); memory {before / 1e6:.0f} MB, peak {peak / 1e6:.0f} MB"
                    f" (+{100 * (peak - before) / before:.1f} %)",
                    flush=True,
                )
            settle(server)
            log = server.log_bytes()
            restarts = []
            for _ in range(arguments.c):
                server.kill()
                restarts.append(server.start())
            print(f"{server.name}: rewritten log {log / 1e6:.0f} MB, {log / arguments.n:.1f} bytes a member; restart {show(restarts)} s\n", flush=True)
        finally:
            server.kill()
            shutil.rmtree(server.directory, ignore_errors=True)


def show(seconds):
    return ", ".join(f"{second:.2f}" for second in seconds)


main()
