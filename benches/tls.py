#!/usr/bin/env python3
"""What TLS costs a server: CPU time a command, plain and over TLS, with rankd, with a Redis that speaks TLS, and with a Redis
behind stunnel4, whose CPU time counts too. `just tls`.

usage: tls.py [-n MEMBERS] [-s SECONDS] [-k ROUNDS] RANKD REDIS_WITH_TLS REDIS        three paths of servers

`rankd bench` generates the load, over TLS 1.3 with one certificate for all. Each row runs against each server in turn, ROUNDS
times; the output is Markdown with the medians.
"""

import argparse
import json
import os
import pathlib
import socket
import statistics
import subprocess
import tempfile
import time

# name: (workload of `rankd bench`, pipeline)
ROWS = {f"{name} p{pipeline}": (workload, pipeline)
        for name, workload in [("GET", "get"), ("ZADD", "zadd"), ("100 of ZREVRANGE", "top100")] for pipeline in (1, 16)}
TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def certify(directory):
    """Makes an authority, and a certificate of it for localhost."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=authority", "-days", "2")
    openssl("req", *key, "-keyout", "key.pem", "-out", "cert.csr", "-subj", "/CN=localhost")
    pathlib.Path(f"{directory}/names").write_text("subjectAltName=DNS:localhost\n")
    openssl("x509", "-req", "-in", "cert.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "cert.pem",
            "-days", "2", "-extfile", "names")


class Way:
    """A way to a server: a port, what is spoken there, and the processes whose time counts."""

    def __init__(self, name, port, is_tls, processes):
        self.name, self.port, self.is_tls, self.processes = name, port, is_tls, processes

    def wait(self):
        while True:
            try:
                return socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                if any(process.poll() is not None for process in self.processes):
                    raise SystemExit(f"{self.name} does not listen")
                time.sleep(0.05)

    def cpu_s(self):
        def of(process):
            fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / TICKS
        return sum(map(of, self.processes))


def start(directory, *words):
    return subprocess.Popen(words, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def ways(options, directory, started):
    """Starts all servers, and appends their processes to `started`."""
    certificate = ["--tls-cert-file", "cert.pem", "--tls-key-file", "key.pem", "--tls-ca-cert-file", "ca.pem",
                   "--tls-auth-clients", "no"]
    found = []
    for name, path, arguments in [("rankd", options.rankd, ["--appendonly", "no", "--dir", directory]), ("Redis 7.0", options.tls_redis, ["--save", ""])]:
        port, tls_port = free_port(), free_port()
        server = start(directory, path, "--port", str(port), "--tls-port", str(tls_port), *certificate, *arguments)
        started.append(server)
        found += [Way(f"{name}", port, False, [server]), Way(f"{name}, TLS", tls_port, True, [server])]
    port, tls_port = free_port(), free_port()
    redis = start(directory, options.redis, "--port", str(port), "--save", "")
    started.append(redis)
    pathlib.Path(f"{directory}/stunnel.conf").write_text(
        f"foreground = yes\npid =\ncert = {directory}/cert.pem\nkey = {directory}/key.pem\nsocket = l:TCP_NODELAY=1\n"
        f"socket = r:TCP_NODELAY=1\n[redis]\naccept = 127.0.0.1:{tls_port}\nconnect = 127.0.0.1:{port}\n")
    stunnel = start(directory, "stunnel4", f"{directory}/stunnel.conf")
    started.append(stunnel)
    return found + [Way("Redis 8.2", port, False, [redis]), Way("Redis 8.2, stunnel4", tls_port, True, [redis, stunnel])]


def run(way, options, directory, workload, pipeline):
    """CPU microseconds a command."""
    scheme = "rediss" if way.is_tls else "redis"
    command = [options.rankd, "bench", "--json", "--keep", "--url", f"{scheme}://localhost:{way.port}", "--members", str(options.n)]
    command += ["--seconds", str(options.s), "-w", workload, "--pipeline", str(pipeline)]
    if way.is_tls:
        command += ["--cacert", f"{directory}/ca.pem"]
    # What is loaded first counts neither as time nor as commands.
    load = [*command[: command.index("--seconds")], "--seconds", "0.1", "-w", workload]
    load += command[command.index("--pipeline"):]
    for words in (load, command):
        before = way.cpu_s()
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{way.name}: {done.stderr}")
    return (way.cpu_s() - before) * 1e6 / json.loads(done.stdout.splitlines()[-1])["replies"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=100_000, metavar="MEMBERS")
    parser.add_argument("-s", type=float, default=2, metavar="SECONDS")
    parser.add_argument("-k", type=int, default=3, metavar="ROUNDS")
    parser.add_argument("rankd")
    parser.add_argument("tls_redis")
    parser.add_argument("redis")
    options = parser.parse_args()
    started = []
    with tempfile.TemporaryDirectory() as directory:
        certify(directory)
        try:
            found = ways(options, directory, started)
            for way in found:
                way.wait()
            print("| us of CPU a command | " + " | ".join(way.name for way in found) + " |")
            print("|---" * (1 + len(found)) + "|", flush=True)
            for row, (workload, pipeline) in ROWS.items():
                rounds = [[run(way, options, directory, workload, pipeline) for way in found] for _ in range(options.k)]
                cells = [f"{statistics.median(figures):.2f}" for figures in zip(*rounds)]
                print(f"| {row} | " + " | ".join(cells) + " |", flush=True)
        finally:
            for process in started:
                process.kill()
                process.wait()


if __name__ == "__main__":
    main()
