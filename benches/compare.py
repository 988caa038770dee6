#!/usr/bin/env python3
"""Compares RESP servers on one machine: memory per member, throughput, server CPU per operation, latency.

usage: compare.py [-n MEMBERS] [-s SECONDS | -r REQUESTS] [-k ROUNDS] [-w row,...] [-p CPUS/CPUS] NAME=COMMAND ...

COMMAND may contain {port} and {dir}. `rankd bench` generates the load. Every server is started and loaded. Then each row
runs against each server in turn, ROUNDS times, so that a slower machine affects all of them. A round ends after SECONDS, or
after REQUESTS: where requests change what the next ones cost, all servers then do the same. The output is Markdown: the
medians, and the ratios of the last server to the best of the others, round by round. Closed-loop rows compare server
CPU. Open-loop rows ask all servers for half of the rate that the best of the others can reach, and compare the 99.9th
percentile of latency. -p 0/1 pins the servers to the processors before the slash and the generator to those after it.
"""

import argparse
import json
import os
import pathlib
import shlex
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

GENERATOR = pathlib.Path(__file__).resolve().parent.parent / "target/release/rankd"

# name: (workload of `rankd bench`, pipeline)
CLOSED = {
    f"{name}-p{pipeline}": (workload, pipeline)
    for name, workload, pipelines in [
        ("zadd", "zadd", [1, 16, 64]),
        ("zincrby", "zincrby", [16, 64]),
        ("zrank", "zrank", [64]),
        ("zrevrank", "zrevrank", [1, 64]),
        ("zscore", "zscore", [64]),
        ("top100", "top100", [1, 16]),
        ("zmscore200", "zmscore200", [1]),
        ("zcount", "zcount", [16]),
        ("mixed", "mixed", [16]),
        ("get", "get", [1, 64]),
        ("set", "set", [64]),
        ("incr", "incr", [64]),
        ("mget10", "mget10", [1, 16, 64]),
        ("append", "append", [1, 16, 64]),
        ("setbit", "setbit", [1, 16, 64]),
        ("pfadd", "pfadd", [1, 16, 64]),
        ("expire", "expire", [1, 16, 64]),
        ("hset", "hset", [1, 16, 64]),
        ("hincrby", "hincrby", [1, 16, 64]),
        ("hmget4", "hmget4", [1, 16, 64]),
        ("hgetall4", "hgetall4", [1, 16, 64]),
        # The like counts of a feed: 100 messages with four counters each in one pipeline.
        ("feed-keys", "feed-keys", [400]),
        ("feed-hashes", "feed-hashes", [100]),
        ("lpush", "lpush", [1, 16, 64]),
        ("rpop", "rpop", [1, 16, 64]),
        ("queue", "queue", [1, 16, 64]),
        ("lrange100", "lrange100", [1, 16, 64]),
        ("sadd", "sadd", [1, 16, 64]),
        ("sismember", "sismember", [1, 16, 64]),
        ("geoadd", "geoadd", [1, 16, 64]),
        ("geosearch", "geosearch", [1, 16]),
        ("xadd", "xadd", [1, 16, 64]),
        ("xadd-maxlen", "xadd-maxlen", [16, 64]),
        ("xrange100", "xrange100", [1, 16]),
        ("xlen", "xlen", [1, 64]),
        ("script-add", "script-add", [1, 16]),
        ("script-count-once", "script-count-once", [1, 16]),
        ("script-sum1000", "script-sum1000", [1, 16]),
        ("script-boards", "script-boards", [1, 16]),
        ("function-add", "function-add", [1, 16]),
        ("function-count-once", "function-count-once", [1, 16]),
        ("function-sum1000", "function-sum1000", [1, 16]),
        ("ping", "ping", [64]),
    ]
    for pipeline in pipelines
}
OPEN = {"zadd-open": "zadd", "mixed-open": "mixed"}


def pin(cpus):
    """The `preexec_fn` of a child that pins it to `cpus`, such as 0,1. None if `cpus` is empty."""
    return (lambda: os.sched_setaffinity(0, {int(cpu) for cpu in cpus.split(",")})) if cpus else None


class Server:
    """A server under test: its process, port and directory."""

    def __init__(self, name, command, cpus=""):
        self.name = name
        self.directory = tempfile.mkdtemp()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.words, self.cpus = shlex.split(command.format(port=self.port, dir=self.directory)), cpus
        self.start()

    def start(self):
        """Starts the process, and waits until its port is open."""
        self.process = subprocess.Popen(
            self.words,
            cwd=self.directory,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=pin(self.cpus),
        )
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    sys.exit(f"{self.name} does not listen")
                time.sleep(0.05)

    def resident_bytes(self):
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024
        return 0

    def stop(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


def bench(server, arguments, *words):
    """Runs the generator once. Returns the last object that `rankd bench --json` prints, which is the workload's."""
    command = [GENERATOR, "bench", "--json", "--keep", "--port", str(server.port), "--members", str(arguments.n)]
    until = ["--requests", str(arguments.r)] if arguments.r else ["--seconds", str(arguments.s)]
    command += [*until, *(str(word) for word in words)]
    run = subprocess.run(command, capture_output=True, text=True, preexec_fn=pin(arguments.p.partition("/")[2]))
    if run.returncode != 0:
        sys.exit(f"{server.name}: {run.stderr}")
    return json.loads(run.stdout.splitlines()[-1])


def print_row(name, rounds, figures, ratio):
    """Prints a row of medians: `figures` for each server, then the ratio of the last server to the best other."""
    cells = []
    for index in range(len(rounds[0])):
        medians = [statistics.median(servers[index][figure] for servers in rounds) for figure, _ in figures]
        texts = [form.format(median) for (_, form), median in zip(figures, medians)]
        cells.append(f"{texts[0]} ({', '.join(texts[1:])})")
    if len(cells) > 1:
        # Round by round, so that a slow period of the machine affects both sides of a ratio.
        ratios = [min(one[ratio] for one in servers[:-1]) / max(servers[-1][ratio], 1e-9) for servers in rounds]
        cells.append(f"{statistics.median(ratios):.1f} x less")
    print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def print_head(servers, what):
    names = [server.name for server in servers]
    last = [f"{names[-1]} against the best other"] if len(names) > 1 else []
    print("\n| row | " + " | ".join([f"{name} {what}" for name in names] + last) + " |")
    print("|---" * (1 + len(names) + len(last)) + "|", flush=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("-n", type=int, default=1000000, metavar="MEMBERS")
    arguments.add_argument("-s", type=float, default=1.5, metavar="SECONDS")
    arguments.add_argument("-r", type=int, metavar="REQUESTS")
    arguments.add_argument("-k", type=int, default=3, metavar="ROUNDS")
    arguments.add_argument("-w", default=",".join([*CLOSED, *OPEN]), metavar="ROWS")
    arguments.add_argument("-p", default="", metavar="CPUS/CPUS")
    arguments.add_argument("servers", nargs="+", metavar="NAME=COMMAND")
    arguments = arguments.parse_args()
    rows = arguments.w.split(",")
    if unknown := set(rows) - CLOSED.keys() - OPEN.keys():
        sys.exit(f"no such row: {', '.join(sorted(unknown))}; there are {', '.join([*CLOSED, *OPEN])}")
    servers = []
    try:
        for text in arguments.servers:
            server = Server(*text.split("=", 1), arguments.p.partition("/")[0])
            servers.append(server)
            empty = server.resident_bytes()
            loaded = bench(server, arguments, "-w", "load")
            # The buffers of connections are not part of a board. An allocator that returns memory has done so after this.
            time.sleep(1)
            print(
                f"load of {arguments.n}: {server.name} {loaded['seconds']:.1f} s, "
                f"{loaded['server_cpu_us_per_op'] * loaded['replies'] / 1e6:.1f} s of server CPU, "
                f"{(server.resident_bytes() - empty) / arguments.n:.1f} bytes a member",
                flush=True,
            )

        def rounds(*words):
            return [[bench(server, arguments, *words) for server in servers] for _ in range(arguments.k)]

        closed, opened = ([row for row in rows if row in kind] for kind in (CLOSED, OPEN))
        if closed:
            print_head(servers, "us CPU/op (op/s, p99 ms)")
        figures = [("server_cpu_us_per_op", "{:.2f}"), ("ops_per_second", "{:,.0f}"), ("p99_ms", "{:.2f}")]
        for row in closed:
            workload, pipeline = CLOSED[row]
            print_row(row, rounds("-w", workload, "--pipeline", pipeline), figures, "server_cpu_us_per_op")
        if opened:
            print_head(servers, "p99.9 ms (op/s, us CPU/op)")
        figures = [("p999_ms", "{:.2f}"), ("ops_per_second", "{:,.0f}"), ("server_cpu_us_per_op", "{:.2f}")]
        for row in opened:
            peers = servers[:-1] or servers
            peaks = [bench(server, arguments, "-w", OPEN[row])["ops_per_second"] for server in peers]
            rate = int(max(peaks) / 2)
            print_row(f"{row} at {rate:,}/s", rounds("-w", OPEN[row], "--rate", rate), figures, "p999_ms")
    finally:
        for server in servers:
            server.stop()


if __name__ == "__main__":
    main()
