#!/usr/bin/env python3
"""Runs programs that use rankd through client libraries of seven languages, and applications that live on Redis.

usage: run.py [PROGRAM ...]        names as in PROGRAMS below; without names all

Each program gets a server of its own with a password, its port in SERVER_PORT, that for TLS in SERVER_TLS_PORT, the directory of
certificates (ca, server, client) and of the unix socket (rankd.sock) in SERVER_FILES, and in SERVER_RESTART a command that kills
the server with SIGKILL and starts it again on the same ports and journal. It ends with 0 if everything was as it must be.
Libraries are installed below .clients/ in the repository; system packages by apt, if this runs as root and they are missing.
The server is target/debug/rankd, or RANKD_BINARY.
"""

import os
import pathlib
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CACHE = ROOT / ".clients"
PYTHON = CACHE / "python/bin/python"
PASSWORD = "not-a-secret"

# name: (seconds it may take, the command). The first word of a command says what must be installed for it.
PROGRAMS = {
    "redis-py": (60, [PYTHON, HERE / "python/day.py"]),
    "redis-py-hiredis-asyncio": (60, [PYTHON, HERE / "python/day_asyncio.py"]),
    "ioredis": (60, ["node", CACHE / "node/ioredis.js"]),
    "node-redis": (60, ["node", CACHE / "node/node-redis.js"]),
    "redis-rs": (60, [CACHE / "rust/debug/day"]),
    "hiredis": (60, [CACHE / "day-hiredis"]),
    "phpredis": (60, ["php", HERE / "php/day.php"]),
    "redis-rb": (60, ["ruby", HERE / "ruby/day.rb"]),
    "perl-redis": (60, ["perl", HERE / "perl/day.pl"]),
    "leaderboard": (60, ["env", f"PYTHONPATH={CACHE}/leaderboard", PYTHON, HERE / "python/leaderboard_library.py"]),
    "django-cache": (60, [PYTHON, HERE / "python/django_cache.py"]),
    "flask-session": (60, [PYTHON, HERE / "python/flask_sessions.py"]),
    "arq": (60, ["env", f"PYTHONPATH={CACHE}/arq", PYTHON, HERE / "python/job_queue.py"]),
    "django-ratelimit": (60, [PYTHON, HERE / "python/rate_limit.py"]),
    "redis-lock": (60, ["node", CACHE / "node/lock.js"]),
    "rq": (60, [PYTHON, HERE / "python/rq_jobs.py"]),
    "celery": (90, [PYTHON, HERE / "python/celery_tasks.py"]),
    "bullmq": (60, ["node", CACHE / "node/bullmq.js"]),
    "redlock": (60, ["node", CACHE / "node/redlock.js"]),
    "rate-limit-redis": (60, ["node", CACHE / "node/rate-limit.js"]),
    "redis-rank": (60, ["node", CACHE / "node/redis-rank.js"]),
    "connect-redis": (60, ["node", CACHE / "node/sessions.js"]),
    "redis-py-wires": (60, [PYTHON, HERE / "python/wires.py"]),
    "node-wires": (60, ["node", CACHE / "node/wires.js"]),
    "redis-rs-wires": (60, [CACHE / "rust/debug/wires"]),
    "phpredis-wires": (60, ["php", HERE / "php/wires.php"]),
    "redis-rb-wires": (60, ["ruby", HERE / "ruby/wires.rb"]),
    "perl-redis-wires": (60, ["perl", HERE / "perl/wires.pl"]),
    "redis-py-sentinel": (120, [HERE / "sentinels.py", PYTHON, HERE / "python/sentinel.py"]),
    "ioredis-sentinel": (120, [HERE / "sentinels.py", "node", CACHE / "node/sentinel.js"]),
    "redis-cli-wires": (60, ["bash", HERE / "redis-cli-wires.sh"]),
    "redis-cli": (90, ["bash", HERE / "redis-cli.sh"]),
    "redis-benchmark": (120, ["bash", HERE / "redis-benchmark.sh"]),
}

# System packages, each with a command that succeeds where it is installed.
PACKAGES = {
    "redis-tools": "command -v redis-cli",
    "redis-sentinel": "command -v redis-sentinel",
    "php-cli": "command -v php",
    "php-redis": "php -m | grep -qx redis",
    "ruby-redis": "ruby -e 'require \"redis\"'",
    "libredis-perl": "perl -MRedis -e 1",
    "libio-socket-ssl-perl": "perl -MIO::Socket::SSL -e 1",
    "libhiredis-dev": "echo '#include <hiredis/hiredis.h>' | cc -E - ",
}


def quiet(command, **options):
    """Runs a command; its output is shown only if it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"{command}\n{done.stdout}")


def install():
    CACHE.mkdir(exist_ok=True)
    missing = [name for name, test in PACKAGES.items() if subprocess.run(test, shell=True, capture_output=True).returncode]
    if missing:
        quiet(["apt-get", "update", "-qq"])
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        quiet(["apt-get", "install", "-qq", "-y", "--no-install-recommends", *missing], env=environment)
    if not PYTHON.exists():
        quiet([sys.executable, "-m", "venv", CACHE / "python"])
    quiet([PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", HERE / "python/requirements.txt"])
    # The library knows only the redis-py of its time.
    if not (CACHE / "leaderboard").exists():
        quiet([PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", CACHE / "leaderboard",
               "leaderboard==3.7.3", "redis==2.10.6"])
    # And this one too.
    if not (CACHE / "arq").exists():
        quiet([PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", CACHE / "arq", "arq==0.28.0"])
    # node looks for modules beside the program.
    shutil.copytree(HERE / "node", CACHE / "node", dirs_exist_ok=True)
    quiet(["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"], cwd=CACHE / "node")
    quiet(["cargo", "build", "--quiet", "--manifest-path", HERE / "rust/Cargo.toml", "--target-dir", CACHE / "rust"])
    quiet(["cc", "-Wall", "-Werror", "-o", CACHE / "day-hiredis", HERE / "c/day.c", "-lhiredis"])


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def certify(directory):
    """Makes an authority, and certificates of it for the server and for a client."""
    def openssl(*arguments):
        quiet(["openssl", *arguments], cwd=directory)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=authority", "-days", "2")
    pathlib.Path(f"{directory}/names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    for name in ("server", "client"):
        openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
                "-out", f"{name}.crt", "-days", "2", "-extfile", "names")


def start(directory, port):
    """Starts the server and waits until it answers. Returns its process identifier."""
    binary = os.environ.get("RANKD_BINARY", ROOT / "target/debug/rankd")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RANKD_")}
    arguments = ["--port", str(port), "--dir", directory, "--requirepass", PASSWORD, "--notify-keyspace-events", "KEA"]
    tls_port = pathlib.Path(f"{directory}/tls-port").read_text()
    arguments += ["--tls-port", tls_port, "--tls-cert-file", "server.crt", "--tls-key-file", "server.key"]
    arguments += ["--tls-ca-cert-file", "ca.crt", "--unixsocket", f"{directory}/rankd.sock", "--unixsocketperm", "700"]
    with open(f"{directory}/log", "ab") as log:
        server = subprocess.Popen([binary, *arguments], stdout=log, stderr=log, env=environment, start_new_session=True)
    pathlib.Path(f"{directory}/pid").write_text(str(server.pid))
    for _ in range(600):
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                # The server closes the connection once it has answered: QUIT ends the replies.
                connection.sendall(f"AUTH {PASSWORD}\r\nPING\r\nQUIT\r\n".encode())
                if b"PONG" in connection.makefile("rb").read():
                    return server
        except OSError:
            pass
        if server.poll() is not None:
            break
        time.sleep(0.05)
    sys.exit(pathlib.Path(f"{directory}/log").read_text())


def end(directory, port):
    """Kills the server, and waits until its port is free: its threads end one after the other."""
    try:
        os.kill(int(pathlib.Path(f"{directory}/pid").read_text()), signal.SIGKILL)
    except ProcessLookupError:
        return
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except OSError:
            return
        time.sleep(0.05)
    sys.exit("the server does not end")


def run(name):
    seconds, command = PROGRAMS[name]
    with tempfile.TemporaryDirectory() as directory:
        port, tls_port = free_port(), free_port()
        certify(directory)
        pathlib.Path(f"{directory}/tls-port").write_text(str(tls_port))
        server = start(directory, port)
        restart = shlex.join([sys.executable, str(HERE / "run.py"), "--restart", directory, str(port)])
        environment = os.environ | {"SERVER_PORT": str(port), "SERVER_PASSWORD": PASSWORD, "SERVER_RESTART": restart}
        environment |= {"SERVER_TLS_PORT": str(tls_port), "SERVER_FILES": directory}
        begun = time.monotonic()
        try:
            done = subprocess.run(
                command, env=environment, timeout=seconds, cwd=directory, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )
            output, passed = done.stdout, done.returncode == 0
        except subprocess.TimeoutExpired as late:
            output, passed = f"{late.output}\nnot done after {seconds} s", False
        finally:
            # Also when this is interrupted: the server is in a session of its own and would live on.
            end(directory, port)
            server.poll()
        print(f"{'ok    ' if passed else 'FAILED'} {name:26} {time.monotonic() - begun:5.1f} s", flush=True)
        if not passed:
            print(output, "\n--- the server:", pathlib.Path(f"{directory}/log").read_text(), sep="\n")
        return passed


def main():
    if sys.argv[1:2] == ["--restart"]:
        directory, port = sys.argv[2], int(sys.argv[3])
        end(directory, port)
        start(directory, port)
        return
    install()
    results = [run(name) for name in sys.argv[1:] or PROGRAMS]
    sys.exit(0 if all(results) else 1)


main()
