"""client - SMTP clients that are no mail programs: bots and rude peers.

    bot = Client(host, source="30.9.1.1", target="30.0.0.31")
    bot.reply()                     # "220 ..."
    bot.command("EHLO bot.example") # the reply, lines joined
    bot.close()

The sockets are made inside the host's network by a thread that enters it for
a moment, so a test is plain Python and needs no process per client. The source
address must be one of the host's.
"""

import ctypes
import os
import socket
import struct

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000


def host_socket(host, family, kind=socket.SOCK_STREAM):
    """A socket that belongs to the host's network."""
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(f"/proc/{host.pid}/ns/net", os.O_RDONLY)
    try:
        _enter(there)
        try:
            return socket.socket(family, kind)
        finally:
            _enter(here)
    finally:
        os.close(here)
        os.close(there)


def _enter(fd):
    if _LIBC.setns(fd, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Client:
    """One connection. read_buffer: the kernel's, small for a client that never reads."""

    def __init__(self, host, source, target, port=25, timeout=20, read_buffer=None):
        self.source, self.target = source, target
        self.socket = host_socket(host, socket.AF_INET6 if ":" in target else socket.AF_INET)
        self.socket.settimeout(timeout)
        if read_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, read_buffer)
        self._left = b""
        try:
            if source:
                self.socket.bind((source, 0))
            self.socket.connect((target, port))
        except OSError:
            self.socket.close()
            raise

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def line(self):
        """The next line without its end; "" when the peer closed. A reset raises."""
        while b"\n" not in self._left:
            more = self.socket.recv(65536)
            if not more:
                rest, self._left = self._left, b""
                return rest.decode("utf-8", "replace")
            self._left += more
        line, self._left = self._left.split(b"\n", 1)
        return line.rstrip(b"\r").decode("utf-8", "replace")

    def reply(self):
        """A whole reply, its lines joined by newlines."""
        lines = [self.line()]
        while lines[-1][3:4] == "-":
            lines.append(self.line())
        return "\n".join(lines)

    def command(self, text):
        self.send(text + "\r\n")
        return self.reply()

    def close(self):
        self.socket.close()

    def reset(self):
        """Closes with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def deliver(host, source, target, recipient, helo="bot.example", sender="spam@bot.example", port=25):
    """What a bot does: a message in one go. Returns the replies it got; the last is "" or
    "reset" where the peer closed or reset. Stops at the first reply that is not 2xx or 3xx."""
    replies = []
    try:
        with Client(host, source, target, port) as client:
            replies.append(client.reply())
            for text in (f"EHLO {helo}", f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>", "DATA",
                         f"Subject: {recipient.split('@')[0]}\r\n\r\nBuy now.\r\n."):
                if replies[-1][:1] not in ("2", "3"):
                    break
                replies.append(client.command(text))
            else:
                return replies
            if replies[-1]:
                client.send("QUIT\r\n")
                client.reply()
    except ConnectionRefusedError:
        replies.append("refused")
    except ConnectionResetError:
        replies.append("reset")
    except BrokenPipeError:
        replies.append("reset")
    return replies
