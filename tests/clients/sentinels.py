#!/usr/bin/env python3
"""Runs a program beside a rankd, two replicas of it and three sentinels.

usage: sentinels.py COMMAND ...

The command gets SENTINELS (host:port,...), under which it finds the master `mymaster`, and SERVER_FAIL, a command that kills the
master with SIGKILL and starts it again when another one has been elected.
"""

import os
import pathlib
import shlex
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def call(port, request):
    """The reply to one request: a text, or a list of texts."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(request.encode() + b"\r\n")
        lines = connection.makefile("rb")

        def read():
            kind = lines.readline().decode().rstrip()
            if kind.startswith("*"):
                return [read() for _ in range(int(kind[1:]))]
            if kind.startswith("$"):
                return lines.read(int(kind[1:]) + 2)[:-2].decode()
            if kind.startswith("-") or not kind:
                raise OSError(kind)
            return kind[1:]

        return read()


def until(what, condition):
    for _ in range(1200):
        try:
            answer = condition()
            if answer:
                return answer
        except OSError:
            pass
        time.sleep(0.05)
    sys.exit(f"waited in vain for {what}")


def master(sentinel):
    return int(call(sentinel, "SENTINEL GET-MASTER-ADDR-BY-NAME mymaster")[1])


def sees_all(sentinel):
    facts = call(sentinel, "SENTINEL MASTER mymaster")
    return all(facts[facts.index(name) + 1] == "2" for name in ("num-slaves", "num-other-sentinels"))


def has_replicas(sentinel):
    replicas = call(sentinel, "SENTINEL REPLICAS mymaster")
    facts = [dict(zip(replica[::2], replica[1::2])) for replica in replicas]
    return [fact["flags"] == "slave" and fact["master-link-status"] == "ok" for fact in facts] == [True, True]


def start(directory, port, sentinels, *arguments):
    """Starts a server. Its process identifier is in a file."""
    binary = os.environ.get("RANKD_BINARY", ROOT / "target/debug/rankd")
    home = pathlib.Path(directory) / str(port)
    home.mkdir(exist_ok=True)
    places = ",".join(f"127.0.0.1:{sentinel}" for sentinel in sentinels)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RANKD_")}
    with open(home / "log", "ab") as log:
        server = subprocess.Popen([binary, "--port", str(port), "--dir", home, "--sentinel", places, *arguments],
                                  stdout=log, stderr=log, env=environment, start_new_session=True)
    (home / "pid").write_text(str(server.pid))


def kill(directory, port):
    os.kill(int((pathlib.Path(directory) / str(port) / "pid").read_text()), 9)


def fail(directory, sentinels):
    until("two replicas to choose from", lambda: all(has_replicas(sentinel) for sentinel in sentinels))
    old = master(sentinels[0])
    kill(directory, old)
    until("another master", lambda: all(master(sentinel) != old for sentinel in sentinels))
    start(directory, old, sentinels)


def run(directory, command):
    ports, sentinels = [free_port() for _ in range(3)], [free_port() for _ in range(3)]
    processes = []
    try:
        for port in ports:
            start(directory, port, sentinels, *([] if port == ports[0] else ["--replicaof", f"127.0.0.1 {ports[0]}"]))
        text = (ROOT / "config/sentinel.conf").read_text()
        for port in sentinels:
            own = text.replace("port 26379", f"port {port}").replace("127.0.0.1 6379", f"127.0.0.1 {ports[0]}")
            own = own.replace("milliseconds mymaster 5000", "milliseconds mymaster 1000").replace("dir /tmp", f"dir {directory}")
            own = own.replace("failover-timeout mymaster 10000", "failover-timeout mymaster 4000")
            path = pathlib.Path(directory) / f"sentinel-{port}.conf"
            path.write_text(own)
            processes.append(subprocess.Popen(["redis-sentinel", path], stdout=subprocess.DEVNULL))
        for port in sentinels:
            until("the sentinels", lambda port=port: sees_all(port))
        fail_command = shlex.join([sys.executable, __file__, "--fail", directory, *map(str, sentinels)])
        places = ",".join(f"127.0.0.1:{sentinel}" for sentinel in sentinels)
        return subprocess.run(command, env=os.environ | {"SENTINELS": places, "SERVER_FAIL": fail_command}).returncode
    finally:
        for process in processes:
            process.kill()
            process.wait()
        for port in ports:
            try:
                kill(directory, port)
            except (OSError, ValueError):
                pass


if sys.argv[1] == "--fail":
    fail(sys.argv[2], [int(port) for port in sys.argv[3:]])
else:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        sys.exit(run(directory, sys.argv[1:]))
