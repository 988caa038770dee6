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


def call(port, *words):
    """The reply to one request, as it comes."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall((" ".join(words) + "\r\nQUIT\r\n").encode())
        return connection.makefile("rb").read().decode()


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
    return int(call(sentinel, "SENTINEL GET-MASTER-ADDR-BY-NAME mymaster").split("\r\n")[4])


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
            path = pathlib.Path(directory) / f"sentinel-{port}.conf"
            path.write_text(own)
            processes.append(subprocess.Popen(["redis-sentinel", path], stdout=subprocess.DEVNULL))
        for port in sentinels:
            until("the sentinels", lambda: all(f"\r\n{name}\r\n$1\r\n2\r\n" in call(port, "SENTINEL MASTER mymaster")
                                               for name in ("num-slaves", "num-other-sentinels")))
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
