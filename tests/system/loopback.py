"""loopback - fakemx-serve on loopback: its files, its log, a real host that writes a mail log.

    with Bench("reload") as bench:
        bench.start(decoys='decoy "fake1.shop.example" { ... }')
        bench.wait_log("ready")

Needs no namespace and, but for what a test says, no root. Every bench has addresses and ports of
its own, so that benches can run side by side.
"""

import datetime
import os
import pathlib
import re
import shutil
import signal
import socket
import socketserver
import struct
import subprocess
import tempfile
import threading
import time

from lab import conf, journal
from lab.case import program

DOMAIN = "shop.example"


def free_port(address):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((address, 0))
        return s.getsockname()[1]


def wait_for(what, condition, seconds=15):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds} s in vain for {what}")


class RealHost:
    """A mail server that takes all mail and logs as Postfix does, at the clock of the bench."""

    def __init__(self, address, port, log, clock):
        self.log, self._clock, self._lock, self._count = log, clock, threading.Lock(), 0
        self.is_silent = False  # as when its syslog daemon has died
        self.is_filtered = False  # rspamd calls all mail clean
        log.touch()

        class Handler(socketserver.StreamRequestHandler):
            def handle(handler):
                self._session(handler.rfile, handler.wfile, handler.client_address[0])

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address, daemon_threads = True, True

        self._server = Server((address, port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def write(self, text, ident="postfix/smtpd[4711]"):
        if self.is_silent:
            return
        now = datetime.datetime.fromtimestamp(time.time() + self._clock(), datetime.timezone.utc)
        with self._lock, open(self.log, "a") as f:
            f.write(f"{now.isoformat(timespec='microseconds')} mail {ident}: {text}\n")

    @staticmethod
    def _lines(rfile):
        try:
            yield from rfile
        except ConnectionError:
            return  # the client is gone

    def _session(self, rfile, wfile, client):
        counts, mail_from, queued = {}, "", None
        with self._lock:
            self._count += 1
            process = 5000 + self._count
        name = f"postfix/smtpd[{process}]"

        def log(text, at=name):
            self.write(text, at)

        log(f"connect from unknown[{client}]")
        wfile.write(b"220 mail.shop.example ESMTP Postfix\r\n")
        for line in self._lines(rfile):
            word = line.split(b" ")[0].strip().decode("ascii", "replace").lower()
            counts[word] = counts.get(word, 0) + 1
            if word == "quit":
                wfile.write(b"221 2.0.0 Bye\r\n")
                break
            if word == "mail":
                mail_from = re.sub(rb".*<|>.*\s*", b"", line).decode()
            if word == "rcpt":
                rcpt_to = re.sub(rb".*<|>.*\s*", b"", line).decode()
            if word == "rcpt" and not queued:
                queued = f"4Zx{process:05X}{self._count:04X}"
                log(f"{queued}: client=unknown[{client}]")
            if word == "data":
                wfile.write(b"354 End data with <CR><LF>.<CR><LF>\r\n")
                while rfile.readline() not in (b".\r\n", b""):
                    pass
                if self.is_filtered:
                    log(f"<747296>; task; rspamd_task_write_log: id: <x@{queued}>, qid: <{queued}>, ip: {client}, "
                        f"from: <{mail_from}>, (default: F (no action): [0.10/15.00] []), len: 9, time: 9.9ms",
                        "rspamd[4690]")
                log(f"{queued}: from=<{mail_from}>, size=300, nrcpt=1 (queue active)", "postfix/qmgr[4700]")
                log(f"{queued}: to=<{rcpt_to}>, relay=store, delay=0.1, delays=0.1/0/0/0, dsn=2.0.0, status=sent (250 kept)",
                    "postfix/lmtp[4701]")
                log(f"{queued}: removed", "postfix/qmgr[4700]")
                wfile.write(f"250 2.0.0 Ok: queued as {queued}\r\n".encode())
                queued = None
                continue
            wfile.write(b"250 2.1.0 Ok\r\n" if word != "ehlo" else b"250 mail.shop.example\r\n")
        said = " ".join(f"{k}={v}" for k, v in counts.items())
        log(f"disconnect from unknown[{client}] {said} commands={sum(counts.values())}")


class Client:
    """An SMTP client with an address of its own; refused and reset are answers too."""

    def __init__(self, to, source=None, timeout=5):
        self.socket = socket.create_connection(to, timeout=timeout,
                                               source_address=(source, 0) if source else None)
        self.file = self.socket.makefile("rb")

    def reply(self):
        """The last line of the next reply."""
        while True:
            line = self.file.readline().decode("ascii", "replace")
            if len(line) < 4 or line[3] != "-":
                return line.strip()

    def say(self, line):
        self.socket.sendall(line.encode() + b"\r\n")
        return self.reply()

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def deliver(to, source, sender="author@sender.example", rcpt=f"info@{DOMAIN}"):
    """One message; the reply to its end."""
    with Client(to, source) as c:
        c.reply()
        c.say("EHLO out.sender.example")
        c.say(f"MAIL FROM:<{sender}>")
        c.say(f"RCPT TO:<{rcpt}>")
        if not c.say("DATA").startswith("354"):
            return ""
        answer = c.say("Subject: test\r\n\r\ntext\r\n.")
        c.say("QUIT")
        return answer


class Bench:
    """Files, addresses and ports of one serve, and the real host it watches."""

    _count = 0

    def __init__(self, name, user=None):
        Bench._count += 1
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"fmx-serve-{name}-"))
        self.net = f"127.{64 + os.getpid() % 128}.{Bench._count}"
        self.clock, self.log = self.folder / "clock", self.folder / "serve.log"
        self.conf, self.state = self.folder / "fakemx.conf", self.folder / "state"
        self.journal = self.state / "journal.sqlite"
        self.clock.write_bytes(bytes(8))
        self.mail, self.fake0, self.fake1, self.scan = (
            (f"{self.net}.{n}", free_port(f"{self.net}.{n}")) for n in (25, 30, 31, 32))
        self.real = RealHost(*self.mail, self.folder / "mail.log", self.offset)
        self.process = None
        self.user = user
        if user:
            os.chmod(self.folder, 0o777)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.real.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # Configuration

    def at(self, endpoint):
        return f'"{endpoint[0]}@{endpoint[1]}"'

    def site(self, low="reset", high="defer", extra="", domains=DOMAIN):
        layout = "both" if low and high else "low" if low else "high"
        text = (f'site "lab" {{\n  layout = {layout}\n  domains = {{ "{domains}" }}\n'
                f'  host "mail.{DOMAIN}" {{ preference = 10 address = {{ {self.at(self.mail)} }}'
                f' watch = "{self.real.log}" }}\n')
        if low:
            text += f'  decoy "fake0.{DOMAIN}" {{ preference = 0 address = {{ {self.at(self.fake0)} }} posture = {low} }}\n'
        if high:
            text += f'  decoy "fake1.{DOMAIN}" {{ preference = 30 address = {{ {self.at(self.fake1)} }} posture = {high} }}\n'
        return text + extra + "}\n"

    def control(self, posture):
        return f'  control "scan.{DOMAIN}" {{ address = {{ {self.at(self.scan)} }} posture = {posture} }}\n'

    def write(self, site=None, **options):
        options = {"confirm": "1s", "grace": "0", "probe_interval": "1s", **options}
        self.conf.write_text(f'state = "{self.state}"\nclock = "{self.clock}"\n'
                             f'{conf.keys(options)}{site if site is not None else self.site()}')

    # The daemon

    def start(self, *argv, wait=True, wrap=(), env=None, **popen):
        if not self.conf.exists():
            self.write()
        self.said = len(self.text())
        with open(self.log, "a") as log:
            self.process = subprocess.Popen([*wrap, program("fakemx-serve"), "-v", "-c", self.conf, *argv],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, user=self.user,
                                            env={**os.environ, **(env or {})}, **popen)
        if wait:
            self.wait_log(r"info ready ")
        return self

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(20)

    def restart(self, *argv, **popen):
        self.stop()
        return self.start(*argv, **popen)

    def run(self, *argv, **popen):
        """Runs fakemx-serve to its end: (exit status, what it said)."""
        done = subprocess.run([program("fakemx-serve"), *argv], stdin=subprocess.DEVNULL, timeout=30,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **popen)
        return done.returncode, done.stdout

    def refused(self, *argv, **popen):
        """The same with the bench's configuration."""
        return self.run("-c", self.conf, *argv, **popen)

    # Time

    def offset(self):
        return struct.unpack("q", self.clock.read_bytes())[0] / 1e6

    def jump(self, seconds):
        with open(self.clock, "r+b") as f:
            os.pwrite(f.fileno(), struct.pack("q", round((self.offset() + seconds) * 1e6)), 0)

    def catch_up(self, seconds=15):
        """All that happened until now is in the journal, and judged, when this returns."""
        before = len(self.text())
        self.process.send_signal(signal.SIGUSR1)
        wait_for("caught-up in the log", lambda: "caught-up" in self.text()[before:], seconds)

    # What it said and wrote

    def text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def wait_log(self, pattern, seconds=15):
        def look():
            found = re.search(pattern, self.text()[self.said:])
            if not found and self.process.poll() is not None:
                raise AssertionError(f"fakemx-serve ended with {self.process.returncode}:\n{self.text()[self.said:]}")
            return found
        try:
            return wait_for(f"/{pattern}/ in the log", look, seconds)
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.text()[-3000:]}") from None

    def judged(self):
        """The verdict and listing lines that were logged, all starts together."""
        return [m.group(1) for m in re.finditer(r"(?:info|debug) ((?:verdict|listing) .*)", self.text())]

    def rows(self, sql, *values):
        """What the journal holds, as another process reads it: a list of dicts."""
        return journal.rows(self.journal, sql, *values)

    def visits(self, address=None, source=None):
        return [v for v in journal.visits(self.journal)
                if address in (None, v["address"]) and source in (None, v["source"])]

    def probes(self):
        return self.rows("SELECT time, ok, name AS host FROM probe p JOIN host h ON h.id = p.host ORDER BY time")

    def walks(self):
        return journal.walks(self.journal)

    def told(self):
        return journal.told(self.text())
