#!/usr/bin/env python3
"""What connections cost a server, and what it survives: memory for each of 10,000 idle ones, of TLS, of handshakes that do not
end, of clients that do not read or send a byte at a time, and a storm of 20,000 connects. `just connections`.

usage: connections.py [--connections N] SERVER        SERVER is the path of a rankd
"""

import argparse
import pathlib
import resource
import socket
import ssl
import subprocess
import tempfile
import time

ARGUMENTS = argparse.ArgumentParser(description=__doc__.splitlines()[0])
ARGUMENTS.add_argument("--connections", type=int, default=10_000)
ARGUMENTS.add_argument("server")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def certify(directory):
    """A certificate that vouches for itself."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "key.pem",
         "-out", "cert.pem", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"],
        cwd=directory, check=True, capture_output=True)


class Server:
    def __init__(self, binary, directory, maxclients):
        self.port, self.tls_port = free_port(), free_port()
        certify(directory)
        self.process = subprocess.Popen(
            [binary, "--port", str(self.port), "--tls-port", str(self.tls_port), "--bind", "127.0.0.1", "--tls-cert-file",
             "cert.pem", "--tls-key-file", "key.pem", "--tls-auth-clients", "no", "--appendonly", "no", "--dir", directory,
             "--maxclients", str(maxclients)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.terms = ssl.create_default_context(cafile=f"{directory}/cert.pem")
        while True:
            try:
                return self.plain().close()
            except OSError:
                time.sleep(0.05)

    def plain(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def tls(self):
        socket_ = socket.create_connection(("127.0.0.1", self.tls_port), timeout=30)
        return self.terms.wrap_socket(socket_, server_hostname="localhost")

    def half_shaken(self):
        """A connection that has said its first word of TLS, and then nothing."""
        into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
        try:
            self.terms.wrap_bio(into, out, server_hostname="localhost").do_handshake()
        except ssl.SSLWantReadError:
            pass
        connection = socket.create_connection(("127.0.0.1", self.tls_port), timeout=30)
        connection.sendall(out.read())
        return connection

    def resident_kib(self):
        time.sleep(1)
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1])


def ping(connection):
    connection.sendall(b"PING\r\n")
    assert connection.recv(100) == b"+PONG\r\n"
    return connection


def measure(server, what, count, connect):
    before = server.resident_kib()
    begun = time.monotonic()
    connections = [connect() for _ in range(count)]
    seconds = time.monotonic() - begun
    after = server.resident_kib()
    ping(server.plain()).close()
    print(f"{what:44} {count:7,} {(after - before) / count:8.1f} KiB each {after / 1024:8.1f} MiB {seconds:6.1f} s", flush=True)
    for connection in connections:
        connection.close()
    time.sleep(1)


def deaf(server):
    """Asks for a hundred megabytes and reads nothing."""
    connection = server.plain()
    connection.sendall(b"GET large\r\n" * 100)
    return connection


def main():
    options = ARGUMENTS.parse_args()
    # What the kernel lets this process open bounds what it can try.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(options.connections, hard - 2000)
    with tempfile.TemporaryDirectory() as directory:
        server = Server(options.server, directory, count + 1000)
        try:
            print(f"without connections {server.resident_kib() / 1024:.1f} MiB")
            measure(server, "idle", count, lambda: ping(server.plain()))
            measure(server, "idle, over TLS", 1000, lambda: ping(server.tls()))
            measure(server, "say nothing to the port for TLS", 1000, lambda: socket.create_connection(("127.0.0.1", server.tls_port)))
            measure(server, "leave the handshake after one message", 1000, server.half_shaken)
            setter = server.plain()
            setter.sendall(b"*3\r\n$3\r\nSET\r\n$5\r\nlarge\r\n$1000000\r\n" + b"x" * 1_000_000 + b"\r\n")
            assert setter.recv(100) == b"+OK\r\n"
            measure(server, "ask for 100 MB and do not read", 100, lambda: deaf(server))
            slow = [server.plain() for _ in range(1000)]
            for byte in b"PING\r\n":
                for connection in slow:
                    connection.sendall(bytes([byte]))
            assert all(connection.recv(100) == b"+PONG\r\n" for connection in slow)
            print("a byte at a time: 1,000 clients were answered")
            for connection in slow:
                connection.close()
            begun, opened = time.monotonic(), []
            for _ in range(20_000):
                opened.append(server.plain())
                if len(opened) == count + 2000 or len(opened) > hard - 100:
                    for connection in opened[: count // 2]:
                        connection.close()
                    opened = opened[count // 2 :]
            seconds, memory = time.monotonic() - begun, server.resident_kib()
            for connection in opened:
                connection.close()
            time.sleep(2)
            ping(server.plain()).close()
            print(f"a storm of 20,000 connects: {seconds:.1f} s, {memory / 1024:.1f} MiB, then {server.resident_kib() / 1024:.1f} MiB")
        finally:
            server.process.kill()
            server.process.wait()


main()
