#!/usr/bin/env python3
"""Measures the memory of idle connections.

usage: idle.py [-c CONNECTIONS] NAME=COMMAND ...

COMMAND may contain {port} and {dir}. Opens CONNECTIONS connections (default 10,000; the limit on open files must be 100
higher). Each sends one pipeline of ten PINGs and one of ten writes, and then waits. Prints the server's resident memory
before and after, and the difference per connection.
"""

import argparse
import resource
import socket
import sys

from compare import Server
from wire import request


def exchange(client, requests, reply):
    client.sendall(requests)
    got = b""
    while len(got) < len(reply):
        got += client.recv(4096)
    if got != reply:
        sys.exit(f"unexpected reply: {got!r}")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("-c", type=int, default=10000, metavar="CONNECTIONS")
    arguments.add_argument("servers", nargs="+", metavar="NAME=COMMAND")
    arguments = arguments.parse_args()
    files = arguments.c + 100
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, max(files, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    print("| server | empty MiB | connected MiB | KiB a connection |\n|---|---|---|---|")
    for text in arguments.servers:
        server, clients = Server(*text.split("=", 1)), []
        try:
            empty = server.resident_bytes()
            clients += (socket.create_connection(("127.0.0.1", server.port)) for _ in range(arguments.c))
            for number, client in enumerate(clients):
                exchange(client, request("PING") * 10, b"+PONG\r\n" * 10)
                exchange(client, request("SET", "key:%012d" % (number % 100), "value") * 10, b"+OK\r\n" * 10)
            full = server.resident_bytes()
            each = (full - empty) / arguments.c / 1024
            print(f"| {server.name} | {empty / 2**20:.1f} | {full / 2**20:.1f} | {each:.2f} |", flush=True)
        finally:
            server.stop()
            for client in clients:
                client.close()


if __name__ == "__main__":
    sys.exit(main())
