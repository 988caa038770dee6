"""What the benches in Python share: requests and their replies, and figures of a process."""


def request(*words):
    """The bytes of a command. Words that are not bytes are written as text."""
    words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def call(connection, *words):
    """Sends a command whose reply is short, and returns the reply's bytes."""
    connection.sendall(request(*words))
    return connection.recv(65536)


def field(path, name):
    """The bytes of a line of /proc/PID/status or smaps_rollup, such as VmRSS; 0 if there is none."""
    for line in open(path):
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    return 0
