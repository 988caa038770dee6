#!/usr/bin/env python3
"""RESP servers side by side on one machine: memory per member, throughput, server CPU per operation.

usage: compare.py [-n MEMBERS] [-r REQUESTS] [-k ROUNDS] [-w workload,...] NAME=COMMAND ...

COMMAND may hold {port} and {dir}. Needs redis-benchmark and redis-cli. Every server is started and loaded, then each
workload is run against each server in turn, ROUNDS times over, so that a machine that grows slower hits all of them.
Prints Markdown: the medians, and how many times less CPU each server spends than the best of those named before the
last one. The last one named is the one in question.
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
import time

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")

# name: (pipeline, connections, share of the requests, command)
WORKLOADS = {
    "zadd-p1": (1, 50, 0.25, "ZADD lb __rand_int__ user:__rand_int__"),
    "zadd-p16": (16, 50, 1, "ZADD lb __rand_int__ user:__rand_int__"),
    "zadd-p64": (64, 50, 1, "ZADD lb __rand_int__ user:__rand_int__"),
    "zincrby-p64": (64, 50, 1, "ZINCRBY lb 3 user:__rand_int__"),
    "zrevrank-p1": (1, 50, 0.25, "ZREVRANK lb user:__rand_int__"),
    "zrevrank-p64": (64, 50, 1, "ZREVRANK lb user:__rand_int__"),
    "zscore-p64": (64, 50, 1, "ZSCORE lb user:__rand_int__"),
    "top100-p1": (1, 50, 0.05, "ZRANGE lb 0 99 REV WITHSCORES"),
    "top100-p16": (16, 50, 0.2, "ZRANGE lb 0 99 REV WITHSCORES"),
    "zmscore200-p1": (1, 50, 0.02, "ZMSCORE lb " + " ".join(["user:__rand_int__"] * 200)),
    "zcount-p16": (16, 50, 0.5, "ZCOUNT lb 20000 80000"),
    "get-p1": (1, 50, 0.25, "GET key:__rand_int__"),
    "get-p64": (64, 50, 1, "GET key:__rand_int__"),
    "set-p64": (64, 50, 1, "SET key:__rand_int__ xxxxxxxxxxxxxxxx"),
    "incr-p64": (64, 50, 1, "INCR counter:__rand_int__"),
    "sadd-p64": (64, 50, 1, "SADD set:__rand_int__ member"),
    "ping-p64": (64, 50, 1, "PING"),
}


class Server:
    """One server under test, with its process and its figures."""

    def __init__(self, name, command):
        self.name = name
        self.directory = tempfile.mkdtemp()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        words = shlex.split(command.format(port=self.port, dir=self.directory))
        self.process = subprocess.Popen(
            words, cwd=self.directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    sys.exit(f"{name} does not listen")
                time.sleep(0.05)

    def cpu_seconds(self):
        """Processor time spent so far, by all threads, in user and in system mode."""
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND

    def resident_bytes(self):
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024
        return 0

    def stop(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


def load(server, members):
    """Members user:000000000000 and on (17 bytes), whole scores below 100,000, 100 a ZADD, in random order."""
    chance = random.Random(7)
    ids = list(range(members))
    chance.shuffle(ids)
    pipe = subprocess.Popen(
        ["redis-cli", "-p", str(server.port), "--pipe"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for start in range(0, members, 100):
        chunk = ids[start : start + 100]
        words = [b"*%d\r\n$4\r\nZADD\r\n$2\r\nlb\r\n" % (2 + 2 * len(chunk))]
        for number in chunk:
            score = b"%d" % chance.randrange(100000)
            words.append(b"$%d\r\n%s\r\n$17\r\nuser:%012d\r\n" % (len(score), score, number))
        pipe.stdin.write(b"".join(words))
    pipe.stdin.close()
    pipe.wait()


def run(server, workload, members, requests):
    """One round: (CPU microseconds per operation, operations per second, 99th percentile in milliseconds)."""
    pipeline, connections, share, command = WORKLOADS[workload]
    count = max(int(requests * share), 1000)
    before = server.cpu_seconds()
    words = ["redis-benchmark", "-p", str(server.port), "-n", str(count), "-c", str(connections)]
    words += ["-P", str(pipeline), "-r", str(members), "--csv"] + command.split()
    out = subprocess.run(words, capture_output=True, text=True).stdout
    spent = server.cpu_seconds() - before
    line = [line for line in out.splitlines() if line.startswith('"' + command.split()[0])][-1]
    # test, rps, average, min, p50, p95, p99, max
    figures = [word.strip('"') for word in line.rsplit('","', 7)[1:]]
    return 1e6 * spent / count, float(figures[0]), float(figures[5])


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("-n", type=int, default=1000000, metavar="MEMBERS")
    arguments.add_argument("-r", type=int, default=1000000, metavar="REQUESTS")
    arguments.add_argument("-k", type=int, default=3, metavar="ROUNDS")
    arguments.add_argument("-w", default=",".join(WORKLOADS), metavar="WORKLOADS")
    arguments.add_argument("servers", nargs="+", metavar="NAME=COMMAND")
    arguments = arguments.parse_args()
    servers = []
    try:
        for text in arguments.servers:
            server = Server(*text.split("=", 1))
            servers.append(server)
            empty, cpu, start = server.resident_bytes(), server.cpu_seconds(), time.monotonic()
            load(server, arguments.n)
            members = arguments.n
            print(
                f"load of {members}: {server.name} {time.monotonic() - start:.1f} s, "
                f"{server.cpu_seconds() - cpu:.1f} s of server CPU, "
                f"{(server.resident_bytes() - empty) / members:.1f} bytes a member",
                flush=True,
            )
        names = [server.name for server in servers]
        print("\n| workload | " + " | ".join(f"{name} us CPU/op (op/s, p99 ms)" for name in names), end="")
        print(f" | {names[-1]} against the best other |" if len(names) > 1 else " |")
        print("|---" * (len(names) + (2 if len(names) > 1 else 1)) + "|", flush=True)
        for workload in arguments.w.split(","):
            rounds = [[run(server, workload, arguments.n, arguments.r) for server in servers] for _ in range(arguments.k)]
            medians = [
                [statistics.median(figures[index][figure] for figures in rounds) for figure in range(3)]
                for index in range(len(servers))
            ]
            cells = [f"{cpu:.2f} ({rate:,.0f}, {p99:.2f})" for cpu, rate, p99 in medians]
            if len(servers) > 1:
                # Round by round, so that a slow minute of the machine is in both halves of a ratio.
                ratios = [min(one[0] for one in figures[:-1]) / max(figures[-1][0], 1e-9) for figures in rounds]
                cells.append(f"{statistics.median(ratios):.1f} x less CPU")
            print(f"| {workload} | " + " | ".join(cells) + " |", flush=True)
    finally:
        for server in servers:
            server.stop()


if __name__ == "__main__":
    main()
