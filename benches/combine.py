#!/usr/bin/env python3
"""Unions and similar commands over large sorted sets and sets, and SORT, on several RESP servers: the time that each reports.

usage: combine.py [-n MEMBERS] [-k ROUNDS] NAME=COMMAND ...

COMMAND may contain {port} and {dir}. Two sorted sets of MEMBERS members have half of them in common; a third has none in
common with them. Two sets of a tenth of MEMBERS have half of them in common; a list has as many numbers. The time is that of INFO commandstats; no other command runs meanwhile. In rankd it is the time for which
the locks of all inputs are held. The output is Markdown: medians in milliseconds.
"""

import argparse
import random
import statistics
import subprocess

from compare import Server

COMMANDS = [
    "ZUNIONSTORE d 2 a b",
    "ZUNIONSTORE d 2 a c",
    "ZUNIONSTORE d 2 a b WEIGHTS 0 0",
    "ZUNIONSTORE d 1 a",
    "ZINTERSTORE d 2 a b",
    "ZDIFFSTORE d 2 a b",
    "ZRANGESTORE d a 0 -1",
    "ZUNION 2 a b WITHSCORES",
    "ZINTERCARD 2 a b",
    "ZINTERCARD 2 a b LIMIT 100",
    "ZRANDMEMBER a -1000000",
    "ZRANDMEMBER a 500000",
    "SINTER s t",
    "SINTERCARD 2 s t",
    "SINTERSTORE d s t",
    "SUNION s t",
    "SDIFF s t",
    "SORT l",
    "SORT s ALPHA",
]


def cli(server, *words):
    command = ["redis-cli", "-p", str(server.port), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def load(server, request, key, first, members):
    """Sends REQUEST for each of the numbers FIRST and on, in random order, with a random number below 1,000,000."""
    chance = random.Random(key)
    ids = list(range(first, first + members))
    chance.shuffle(ids)
    pipe = subprocess.Popen(
        ["redis-cli", "-p", str(server.port), "--pipe"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    for number in ids:
        line = request.format(key=key, number=number, random=chance.randrange(1000000))
        pipe.stdin.write(line.encode() + b"\r\n")
    pipe.stdin.close()
    pipe.wait()


def milliseconds(server, command):
    cli(server, "CONFIG", "RESETSTAT")
    cli(server, *command.split())
    stats = cli(server, "INFO", "commandstats")
    line = next(line for line in stats.splitlines() if line.startswith(f"cmdstat_{command.split()[0].lower()}:"))
    return int(line.split("usec=")[1].split(",")[0]) / 1000


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("-n", type=int, default=1000000, metavar="MEMBERS")
    arguments.add_argument("-k", type=int, default=3, metavar="ROUNDS")
    arguments.add_argument("servers", nargs="+", metavar="NAME=COMMAND")
    arguments = arguments.parse_args()
    servers = []
    try:
        for text in arguments.servers:
            server = Server(*text.split("=", 1))
            servers.append(server)
            for key, first in [("a", 0), ("b", arguments.n // 2), ("c", 5 * arguments.n)]:
                load(server, "ZADD {key} {random} user:{number:08}", key, first, arguments.n)
            few = arguments.n // 10
            for key, first in [("s", 0), ("t", few // 2)]:
                load(server, "SADD {key} user:{number:08}", key, first, few)
            load(server, "RPUSH {key} {random}", "l", 0, few)
        print("| ms | " + " | ".join(server.name for server in servers) + " |")
        print("|---" * (len(servers) + 1) + "|", flush=True)
        for command in COMMANDS:
            rounds = [[milliseconds(server, command) for server in servers] for _ in range(arguments.k)]
            cells = [f"{statistics.median(times):.1f}" for times in zip(*rounds)]
            print(f"| `{command}` | " + " | ".join(cells) + " |", flush=True)
    finally:
        for server in servers:
            server.stop()


if __name__ == "__main__":
    main()
