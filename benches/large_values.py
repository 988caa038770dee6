#!/usr/bin/env python3
"""Large lists and hashes on several RESP servers: memory of a list, LINSERT in its middle, the longest HSET of a load.

usage: large_values.py [-n ELEMENTS] [-f FIELDS] [-i ELEMENTS] NAME=COMMAND ...

COMMAND may contain {port} and {dir}. One server runs at a time. Times are the servers' own: LINSERT from INFO
commandstats, over 300 calls; the longest HSET from SLOWLOG, where the server has it (`cargo bench --bench growth` has
rankd's). Prints Markdown.
"""

import argparse
import json
import subprocess
import time

from combine import cli
from compare import Server

LINSERTS = 300


def pipe(server, lines):
    child = subprocess.Popen(
        ["redis-cli", "-p", str(server.port), "--pipe"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    for line in lines:
        child.stdin.write(line.encode() + b"\r\n")
    child.stdin.close()
    child.wait()


def push(key, elements):
    """Requests that make a list, a hundred elements each."""
    for first in range(0, len(elements), 100):
        yield f"RPUSH {key} {' '.join(elements[first : first + 100])}"


def list_bytes(server, form, count):
    """Resident bytes an element, three seconds after the load."""
    before = server.resident_bytes()
    pipe(server, push("list", [form.format(number) for number in range(count)]))
    time.sleep(3)
    taken = (server.resident_bytes() - before) / count
    cli(server, "DEL", "list")
    return taken


def linsert_microseconds(server, count):
    """Of LINSERT before an element in the middle."""
    pipe(server, push("list", [f"user:{number:012}" for number in range(count)]))
    cli(server, "CONFIG", "RESETSTAT")
    pipe(server, [f"LINSERT list BEFORE user:{count // 2:012} new"] * LINSERTS)
    stats = cli(server, "INFO", "commandstats")
    line = next(line for line in stats.splitlines() if line.startswith("cmdstat_linsert:"))
    cli(server, "DEL", "list")
    return int(line.split("usec=")[1].split(",")[0]) / LINSERTS


def longest_hset_milliseconds(server, count):
    """Of HSETs of one field each, None if the server has no SLOWLOG."""
    if "unknown command" in cli(server, "SLOWLOG", "RESET"):
        return None
    cli(server, "CONFIG", "SET", "slowlog-log-slower-than", "200", "slowlog-max-len", "10000")
    pipe(server, (f"HSET hash user:{number:012} {number}" for number in range(count)))
    entries = cli(server, "--json", "SLOWLOG", "GET", "-1")
    hsets = [entry for entry in json.loads(entries) if entry[3][0] == "HSET"]
    return max((entry[2] for entry in hsets), default=0) / 1000


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("-n", type=int, default=10_000_000, metavar="ELEMENTS")
    arguments.add_argument("-f", type=int, default=1_000_000, metavar="FIELDS")
    arguments.add_argument("-i", type=int, default=100_000, metavar="ELEMENTS")
    arguments.add_argument("servers", nargs="+", metavar="NAME=COMMAND")
    arguments = arguments.parse_args()
    rows = {
        f"list of {arguments.n:,} names of 17 bytes, bytes an element": lambda server: list_bytes(
            server, "user:{:012}", arguments.n
        ),
        f"list of {arguments.n:,} numbers, bytes an element": lambda server: list_bytes(server, "{}", arguments.n),
        f"LINSERT in the middle of {arguments.i:,}, us": lambda server: linsert_microseconds(server, arguments.i),
        f"longest HSET of {arguments.f:,}, ms": lambda server: longest_hset_milliseconds(server, arguments.f),
    }
    print("| | " + " | ".join(text.split("=", 1)[0] for text in arguments.servers) + " |")
    print("|---" * (1 + len(arguments.servers)) + "|", flush=True)
    cells = {row: [] for row in rows}
    for text in arguments.servers:
        for row, measure in rows.items():
            # Each row has a server of its own, so that what an allocator keeps of one row is not in the next.
            server = Server(*text.split("=", 1), "")
            try:
                figure = measure(server)
            finally:
                server.stop()
            cells[row].append("-" if figure is None else f"{figure:.2f}")
    for row, figures in cells.items():
        print(f"| {row} | " + " | ".join(figures) + " |")


if __name__ == "__main__":
    main()
