#!/usr/bin/env python3
"""The questions of leaderboards on several RESP servers: server CPU for each question, however many commands it takes.

usage: boards.py [-n MEMBERS] [-s SECONDS] [-k ROUNDS] [-w row,...] [-c POLICY] NAME=COMMAND ...

COMMAND may contain {port} and {dir}. The last server is rankd and is asked with one LB command, or FRIENDRANK; the others
with the commands that give the same answer: those of a question in one pipeline, or in two where the second needs the answer
of the first. The board has MEMBERS members with scores of eight digits; -c gives rankd's board a policy, such as
"SCORE INTEGER TIES FIRST". Servers are asked in turn, ROUNDS times. The output is Markdown: medians in microseconds of
server CPU a question, without and with a pipeline of 16 questions, and the ratio of rankd to the best other, round by round.
"""

import argparse
import itertools
import pathlib
import random
import socket
import statistics
import sys
import time

from compare import Server
from wire import request

KEY, FRIENDS, PIPELINE = b"board", 200, 16


def member(number):
    return b"user:%012d" % number


class Connection:
    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.tasks = pathlib.Path(f"/proc/{server.process.pid}/task")

    def ask(self, requests):
        """Sends the requests and waits for all replies: the last request must be `END`. Returns the bytes of the replies."""
        self.socket.sendall(requests)
        replies = b""
        while not replies.endswith(b"~end~\r\n"):
            replies += self.socket.recv(1 << 20)
        return replies

    def cpu_us(self):
        return sum(int((task / "schedstat").read_text().split()[0]) for task in self.tasks.iterdir()) / 1000


END = request("ECHO", "~end~")


def load(connection, members, policy, is_rankd):
    if policy and is_rankd:
        connection.ask(request("LB.CREATE", KEY, *policy.split()) + END)
    chance = random.Random(1)
    for start in range(0, members, 1000):
        words = [b"ZADD", KEY]
        for number in range(start, min(start + 1000, members)):
            words += [chance.randrange(10_000_000, 100_000_000), member(number)]
        connection.ask(request(*words) + END)
    for user in range(100):
        connection.ask(request("SADD", f"friends:{user}", *(member(chance.randrange(members)) for _ in range(FRIENDS))) + END)
    for number in range(min(members, 1_000_000)):
        words = request("HSET", b"profile:" + member(number), "name", f"Player {number}", "avatar", f"{number}.png")
        connection.socket.sendall(words)
        if number % 1000 == 999:
            connection.ask(END)


def rows(members, chance):
    """Each row: how many different questions there are, and a function that makes one: the requests of rankd, and the stages of
    the others. Questions are repeated; every second time a score is another one, so that each submit changes something."""
    drawn = lambda: member(chance.randrange(members))

    def rank100():
        names = [drawn() for _ in range(100)]
        others = b"".join(request("ZREVRANK", KEY, name) + request("ZSCORE", KEY, name) for name in names)
        return request("LB.RANK", KEY, "MEMBERS", 100, *names), [others]

    def around10():
        name, rank = drawn(), chance.randrange(10, members - 10)
        window = request("ZREVRANGE", KEY, rank - 10, rank + 10, "WITHSCORES")
        return request("LB.AROUND", KEY, name, 10), [request("ZREVRANK", KEY, name), window]

    names_of_submits = [drawn() for _ in range(2000)]
    turns = itertools.cycle(names_of_submits)

    def submit():
        name, score = next(turns), chance.randrange(10_000_000, 100_000_000)
        others = [("MULTI",), ("ZADD", KEY, score, name), ("ZSCORE", KEY, name), ("ZREVRANK", KEY, name), ("EXEC",)]
        return request("LB.SUBMIT", KEY, "RETURN", score, name), [b"".join(request(*words) for words in others)]

    def quantiles():
        shares = [chance.randrange(1, 1000) for _ in range(10)]
        places = [members - -(-share * members // 1000) for share in shares]
        others = b"".join(request("ZREVRANGE", KEY, place, place, "WITHSCORES") for place in places)
        return request("LB.QUANTILE", KEY, *(f"0.{share:03}" for share in shares)), [others]

    def friends():
        names = [member(chance.randrange(min(members, 1_000_000))) for _ in range(FRIENDS)]
        profiles = b"".join(request("HMGET", b"profile:" + name, "name", "avatar") for name in names)
        patterns = ("GET", "profile:*->name", "GET", "profile:*->avatar")
        asked = request("FRIENDRANK", KEY, names[0], "MEMBERS", FRIENDS, *names, *patterns)
        return asked, [request("ZMSCORE", KEY, *names), profiles]

    return {
        "LB.RANK of 100": (1000, rank100),
        "LB.AROUND 10": (4000, around10),
        "LB.SUBMIT RETURN": (4000, submit),
        "LB.QUANTILE of 10": (4000, quantiles),
        "FRIENDRANK of 200, two GETs": (500, friends),
    }


def measure(connection, stages_of_questions, pipeline, seconds):
    """Asks for so long, and returns the microseconds of server CPU a question."""
    batches = []
    for at in range(0, len(stages_of_questions), pipeline):
        together = stages_of_questions[at : at + pipeline]
        batches.append([b"".join(stage) + END for stage in zip(*together)])
    before, asked, until = connection.cpu_us(), 0, time.monotonic() + seconds
    while time.monotonic() < until:
        for batch in batches:
            for stage in batch:
                connection.ask(stage)
        asked += len(stages_of_questions)
    return (connection.cpu_us() - before) / asked


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("-n", type=int, default=1000000, metavar="MEMBERS")
    arguments.add_argument("-s", type=float, default=1, metavar="SECONDS")
    arguments.add_argument("-k", type=int, default=3, metavar="ROUNDS")
    arguments.add_argument("-w", default="", metavar="ROWS", help="parts of their names")
    arguments.add_argument("-c", default="", metavar="POLICY")
    arguments.add_argument("servers", nargs="+", metavar="NAME=COMMAND")
    arguments = arguments.parse_args()
    servers, connections = [], []
    try:
        for text in arguments.servers:
            servers.append(Server(*text.split("=", 1)))
            connections.append(Connection(servers[-1]))
            load(connections[-1], arguments.n, arguments.c, len(servers) == len(arguments.servers))
        names = [server.name for server in servers]
        print("| question | pipeline | " + " | ".join(names) + f" | {names[-1]} / best other |")
        print("|---" * (len(names) + 3) + "|", flush=True)
        for name, (count, make) in rows(arguments.n, random.Random(2)).items():
            if arguments.w and not any(part in name for part in arguments.w.split(",")):
                continue
            questions = [make() for _ in range(count)]
            of_rankd, of_others = [[one] for one, _ in questions], [other for _, other in questions]
            for connection, asked in zip(connections, [of_others] * (len(servers) - 1) + [of_rankd]):
                if b"\r\n-" in b"\r\n" + connection.ask(b"".join(asked[0]) + END):
                    sys.exit(f"{name}: an error")
            for pipeline in (1, PIPELINE):
                rounds = [
                    [
                        measure(connection, of_rankd if connection is connections[-1] else of_others, pipeline, arguments.s)
                        for connection in connections
                    ]
                    for _ in range(arguments.k)
                ]
                medians = [f"{statistics.median(one[at] for one in rounds):.2f}" for at in range(len(servers))]
                ratio = statistics.median(one[-1] / min(one[:-1]) for one in rounds) if len(servers) > 1 else 1
                print(f"| {name} | {pipeline} | " + " | ".join(medians) + f" | {ratio:.2f} |", flush=True)
    finally:
        for server in servers:
            server.stop()


if __name__ == "__main__":
    main()
