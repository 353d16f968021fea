"""What serve watches a real host by, other than a file that grows quietly: a command that dies and comes back, and logs with
more to read than there is time for."""

import os
import pathlib
import re
import signal
import socket
import statistics
import time
import unittest

from loopback import Bench, Client, deliver, wait_for

BACKLOG = 300 << 20
# Before reading was bounded a backlog of this size held a greeting for 44.8 s. Other tests run on these cores.
LONGEST_SECONDS = 2
WATCHDOG_SECONDS = 4
QUESTION = ("request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address=198.51.100.9\nclient_port=4000\n"
            "instance={n}.1\nsender=a@b.example\nrecipient=info@shop.example\n\n")


class WatchedByCommand(unittest.TestCase):
    limit_seconds = 120

    def setUp(self):
        self.bench = Bench("command")
        self.addCleanup(self.bench.close)
        self.pid = self.bench.folder / "pid"
        # As a command over ssh: it repeats what it has, and says who it is so that it can be killed.
        script = self.bench.folder / "tell"
        script.write_text(f"#!/bin/sh\necho $$ > {self.pid}\nexec tail -n 300 -F {self.bench.real.log} 2>/dev/null\n")
        script.chmod(0o755)
        self.bench.write(self.bench.site().replace(f'watch = "{self.bench.real.log}"', f'watch = command command = "exec {script} %s"'))
        self.made = {}

    def visit(self, source, times=1):
        for _ in range(times):
            self.assertRegex(deliver(self.bench.mail, source), "^250 ")
            self.made[source] = self.made.get(source, 0) + 1

    def told(self):
        found = [v["address"] for v in self.bench.visits(source="maillog") if v["address"] in self.made]
        return {a: found.count(a) for a in set(found)}

    def exact(self):
        wait_for("each visit", lambda: sum(self.told().values()) >= sum(self.made.values()), 30)
        time.sleep(1.5)  # what comes twice would come now
        self.assertEqual(self.made, self.told())

    def kill(self):
        was = self.pid.read_text()
        os.kill(int(was), signal.SIGKILL)
        return was

    def test_it_is_started_again_and_nothing_is_lost_or_doubled(self):
        self.bench.start()
        self.bench.catch_up()
        self.visit("127.9.2.1", 3)
        self.exact()
        was = self.kill()
        self.visit("127.9.2.1", 2)
        self.visit("127.9.2.2", 3)
        self.bench.wait_log("trouble host=mail.shop.example reason=\"the mail log command was ended by SIGKILL; it is started again in 1 s")
        wait_for("it runs again", lambda: self.pid.read_text() not in ("", was))
        self.visit("127.9.2.2")
        self.exact()
        self.bench.wait_log("trouble-over host=mail.shop.example")
        self.kill()
        self.bench.wait_log("it is started again in 2 s")
        self.visit("127.9.2.3", 2)
        self.exact()
        # A restart of serve, by whatever end, reads on as well.
        for number in (signal.SIGTERM, signal.SIGKILL):
            self.visit("127.9.2.4", 2)
            self.bench.stop(number)
            self.visit("127.9.2.4", 2)
            self.bench.start()
            self.visit("127.9.2.5")
            self.exact()
        self.assertNotIn(" gap host=", self.bench.text())
        tail = int(self.pid.read_text())
        self.bench.stop()
        wait_for("its end", lambda: not pathlib.Path(f"/proc/{tail}").exists())


class MoreThanThereIsTimeFor(unittest.TestCase):
    """Greetings and answers to Postfix come meanwhile."""
    limit_seconds = 240

    def setUp(self):
        self.bench = Bench("backlog")
        self.addCleanup(self.bench.close)
        self.policy = self.bench.folder / "policy.sock"

    def watched(self):
        """As a manager that ends whoever says nothing for WATCHDOG_SECONDS."""
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.manager.close)
        self.manager.bind(str(self.bench.folder / "notify"))
        self.manager.setblocking(False)
        return {"NOTIFY_SOCKET": str(self.bench.folder / "notify"), "WATCHDOG_USEC": str(WATCHDOG_SECONDS * 1000000)}

    def is_alive(self):
        try:
            while True:
                if b"WATCHDOG=1" in self.manager.recv(4096):
                    return True
        except BlockingIOError:
            return False

    def greeting(self):
        began = time.monotonic()
        with Client(self.bench.fake1) as c:
            self.assertRegex(c.reply(), "^220 ")
        return time.monotonic() - began

    def answer(self, n):
        began = time.monotonic()
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(60)
            s.connect(str(self.policy))
            s.sendall(QUESTION.format(n=n).encode())
            self.assertIn(b"action=", s.recv(4096))
        return time.monotonic() - began

    def meanwhile(self, is_over):
        greetings, answers, alive = [], [], [time.monotonic()]
        while not is_over() or len(greetings) < 20:
            greetings.append(self.greeting())
            answers.append(self.answer(len(answers)))
            time.sleep(0.02)
            alive += [time.monotonic()] if self.is_alive() else []
        self.assertLess(max(b - a for a, b in zip(alive, alive[1:] + [time.monotonic()])), WATCHDOG_SECONDS)
        self.report = (f"{len(greetings)} of each, longest: greeting {max(greetings):.3f} s, answer {max(answers):.3f} s; "
                       f"median {statistics.median(greetings):.3f} and {statistics.median(answers):.3f} s")
        self.assertLess(max(greetings + answers), LONGEST_SECONDS, self.report)

    def memory(self):
        status = pathlib.Path(f"/proc/{self.bench.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) >> 10

    def test_a_backlog_of_300_megabytes(self):
        bench = self.bench
        bench.write(policy=f'{{ "{self.policy}" }}')
        bench.start()
        bench.catch_up()
        before = self.memory()
        bench.stop()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
        block = "".join(f"{stamp} mail postfix/{text}\n" for n in range(3000) for text in (
            f"smtpd[{n}]: connect from unknown[198.51.{n % 250}.{n % 200 + 1}]",
            f"smtpd[{n}]: NOQUEUE: reject: RCPT from unknown[198.51.{n % 250}.{n % 200 + 1}]: 450 4.2.0 <bob@shop.example>: later; "
            f"from=<a@b.example> to=<bob@shop.example> proto=ESMTP helo=<b.example>")).encode()
        other = f"{stamp} mail dovecot: imap-login: Login: user=<bob>, method=PLAIN, rip=198.51.100.30\n".encode() * 12000
        with open(bench.real.log, "ab") as log:
            log.write(block)
            while log.tell() < BACKLOG:
                log.write(other)
        self.assertRegex(deliver(bench.mail, "127.9.3.1"), "^250 ")
        bench.start(env=self.watched())
        self.meanwhile(lambda: bench.visits("127.9.3.1", "maillog"))
        self.assertLess(self.memory(), before + 64)

    def test_a_log_without_end(self):
        bench = self.bench
        bench.write(bench.site().replace(f'"{bench.real.log}"', '"/dev/zero"'), policy=f'{{ "{self.policy}" }}')
        bench.start(env=self.watched())
        end = time.monotonic() + 3
        self.meanwhile(lambda: time.monotonic() > end)
        self.assertLess(self.memory(), 128)
        self.assertEqual(0, bench.stop())
