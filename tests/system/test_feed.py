"""Real hosts on other machines: their Postfix logs there, `fakemx feed` there sends what they say,
and serve reads it here, from a command (mail) and over its socket (backup)."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from lab import net
from lab.case import LabCase, program
from lab.client import deliver, host_socket
from lab.programs import PostfixSender
from lab.serve import Serve, config
from lab.site import DOMAIN, FAKE1, Site

PORT = 7022


def feed_argv(serve, mx, to, since):
    """On the other machine; --lab lets its clock jump with the laboratory's."""
    return [program("fakemx"), "--lab", "-c", serve.conf, "feed", "--host", mx.host.hostname, "--maillog",
            mx.log, "--to", to, "--since", since]


class Door(threading.Thread):
    """As an sshd that allows one command: each connection says since when, and gets the feed."""

    def __init__(self, serve, mx):
        super().__init__(daemon=True)
        self._serve, self._mx, self.children, self.asked = serve, mx, [], []
        self._server = host_socket(mx.host, socket.AF_INET)
        self._server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._server.bind((mx.host.addresses[0], PORT))
        self._server.listen()
        self.is_open = True
        self.start()

    def run(self):
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            with connection:
                if not self.is_open:
                    continue
                self.asked.append(connection.makefile().readline().strip())
                argv = self._mx.host.command(feed_argv(self._serve, self._mx, "-", self.asked[-1]), net_only=True)
                self.children.append(subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=connection))

    def kill(self):
        self.children[-1].kill()
        self.children[-1].wait()

    def close(self):
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for child in self.children:
            child.kill()
            child.wait()


class Relay:
    """The other machine's unit: it sends to serve's socket, and waits while nobody listens there."""

    def __init__(self, serve, mx, since="1d"):
        argv = feed_argv(serve, mx, f"unix:{serve.folder}/state/feed.sock", since)
        self._process = subprocess.Popen(mx.host.command(argv, net_only=True), stdin=subprocess.DEVNULL)

    def close(self):
        self._process.kill()
        self._process.wait()


class Feed(LabCase):
    limit_seconds = 400

    @classmethod
    def build(cls):
        cls.site = Site(cls.net, [PostfixSender], with_syslog=True)
        text = config(cls.site, grace="1s", probe_interval="2s", confirm="5s", unwell_tail="0")
        command = f"exec bash -c 'exec 3<>/dev/tcp/{cls.site.mail.host.addresses[0]}/{PORT} && echo %s >&3 && exec cat <&3'"
        text = text.replace(f'watch = "{cls.site.mail.log}"', f'watch = feed feed = "{command}"')
        text = text.replace(f'watch = "{cls.site.backup.log}"', "watch = feed")
        cls.serve = Serve(cls.site.decoys, text)
        cls.door = Door(cls.serve, cls.site.mail)
        cls.serve.start()
        cls.relay = Relay(cls.serve, cls.site.backup)
        cls.made, cls.next = {}, 0
        cls.site.senders[0].start()
        cls.serve.catch_up()
        cls.serve.jump(120)  # both real hosts were watched and well all that time

    @classmethod
    def tearDownClass(cls):
        cls.relay.close()
        cls.door.close()
        super().tearDownClass()

    def client(self):
        type(self).next += 1
        address = f"30.0.{100 + self.next}.7"
        self.site.crowd.add_address(address)
        return address

    def visit(self, mx, source, times=1):
        for _ in range(times):
            replies = deliver(self.site.crowd, source, mx.host.addresses[0], f"info@{DOMAIN}")
            self.assertEqual("250", replies[-1][:3], replies)
            key = (mx.host.hostname, source)
            self.made[key] = self.made.get(key, 0) + 1

    def told(self):
        """What the journal has of the real hosts, by host and client of the crowd."""
        counts = {}
        for v in self.serve.json_lines("visits"):
            if v["role"] == "real" and v["address"].startswith("30.0.1"):
                counts[v["host"], v["address"]] = counts.get((v["host"], v["address"]), 0) + 1
        return {k: n for k, n in counts.items() if k[1].split(".")[2] >= "100" and len(k[1].split(".")[2]) == 3}

    def assert_exact(self):
        """Each visit that was made, once; and each as the log on the other machine has it."""
        net.wait_for("every visit is told", lambda: sum(self.told().values()) >= sum(self.made.values()), 40, 0.3)
        time.sleep(1.5)  # what comes twice would come now
        self.assertEqual(self.made, self.told())
        keys = ("time", "host", "role", "address", "depth", "outcome", "helo", "sender", "recipient_domain", "name",
                "precision_seconds", "answered", "ended", "spam")
        crowd = {source for _, source in self.made}
        for mx in self.site.real_hosts():
            there = subprocess.run([program("fakemx"), "visits", "--host", mx.host.hostname, "--maillog", mx.log],
                                   check=True, capture_output=True, text=True).stdout
            logged = [[v[k] for k in keys] for v in map(json.loads, there.splitlines()) if v["address"] in crowd]
            ours = [[v[k] for k in keys] for v in self.serve.json_lines("visits")
                    if v["host"] == mx.host.hostname and v["address"] in crowd]
            self.assertEqual(sorted(map(str, logged)), sorted(map(str, ours)))

    def orders(self, address):
        return [v["order"] for v in self.serve.events("verdict") if v["address"] == address]

    def test_1_visits_come_from_both_machines_as_they_were_logged_there(self):
        sender = self.site.senders[0]
        sender.wait_until_sent(sender.submit(DOMAIN, 3))
        one, two = self.client(), self.client()
        self.visit(self.site.mail, one, 3)
        self.visit(self.site.backup, one, 2)
        self.visit(self.site.backup, two, 4)
        self.assert_exact()
        visits = self.serve.json_lines("visits")
        self.assertEqual({"feed"}, {v["source"] for v in visits if v["role"] == "real"})
        self.assertFalse([v for v in visits if v["role"] == "real" and v["address"] in self.site.decoys.addresses],
                         "our own probes are no visits")
        net.wait_for("the sender is judged", lambda: "straight" in self.orders(sender.address))
        self.assertTrue(self.serve.json("report")["sites"][0]["measurable"])

    def test_2_a_feed_that_is_killed_comes_back_and_nothing_is_lost_or_doubled(self):
        source, asked = self.client(), len(self.door.asked)
        self.visit(self.site.mail, source, 3)
        # What is told but not passed by a watermark yet comes again.
        net.wait_for("the visits are told", lambda: self.told() == self.made, 20, 0.05)
        self.door.is_open = False
        self.door.kill()
        net.wait_for("the loss is said", lambda: "trouble host=mail.shop.example reason=\"the feed command ended"
                     in self.serve.text())
        self.visit(self.site.mail, source, 3)
        backup = self.site.backup.host.hostname
        self.visit(self.site.backup, source, 2)
        net.wait_for("the visits are told", lambda: self.told().get((backup, source)) == 2, 20, 0.05)
        self.relay.close()
        self.visit(self.site.backup, source, 3)
        self.door.is_open = True
        type(self).relay = Relay(self.serve, self.site.backup)
        net.wait_for("the feed comes back", lambda: len(self.door.asked) > asked)
        self.visit(self.site.mail, source, 2)
        self.assert_exact()
        self.assertIn("trouble-over host=mail.shop.example", self.serve.text())
        self.assertNotIn(" gap host=", self.serve.text())

    def test_3_while_a_feed_stalls_nobody_is_judged_and_late_it_excuses(self):
        self.serve.catch_up()
        good, bot = self.client(), self.client()
        os.kill(self.door.children[-1].pid, signal.SIGSTOP)
        self.visit(self.site.mail, good)
        for address in (good, bot):
            self.assertIn("451", deliver(self.site.crowd, address, FAKE1, f"info@{DOMAIN}")[-1])
        for _ in range(3):  # a quarter of an hour later serve would say that nobody saw it
            self.serve.jump(240, is_complete=None)
        self.assertEqual(set(), {"backdoor", "skipped"} & set(self.orders(good) + self.orders(bot)))
        os.kill(self.door.children[-1].pid, signal.SIGCONT)
        net.wait_for("the bot is judged", lambda: "backdoor" in self.orders(bot), 40)
        # It left out the low decoy, which accuses nobody.
        net.wait_for("the good one is judged", lambda: "skipped" in self.orders(good), 40)
        self.assertNotIn("backdoor", self.orders(good))
        self.assert_exact()

    def test_4_a_line_that_comes_after_the_watermark_only_softens(self):
        late = self.client()
        self.site.mail.host.syslog.hold(late)
        self.visit(self.site.mail, late)
        deliver(self.site.crowd, late, FAKE1, f"info@{DOMAIN}")
        net.wait_for("it is accused", lambda: self.orders(late)[-1:] == ["backdoor"], 40)
        self.site.mail.host.syslog.release()
        net.wait_for("it is cleared", lambda: self.orders(late)[-1:] not in ([], ["backdoor"]), 40)
        self.assert_exact()
        last = self.serve.latest(late)
        self.assertEqual(("yes", "reached"), (last["revised"], last["fate"]), last)

    def test_5_a_restart_in_the_middle_reads_on(self):
        source = self.client()
        self.visit(self.site.mail, source, 2)
        self.visit(self.site.backup, source, 2)
        for end in (self.serve.stop, self.serve.kill):
            end()
            self.visit(self.site.mail, source, 2)
            self.visit(self.site.backup, source, 2)
            self.serve.start()
            self.visit(self.site.mail, source, 2)
            self.visit(self.site.backup, source, 2)
            self.assert_exact()
        self.assertNotIn(" gap host=", self.serve.text())
        self.serve.catch_up()
        live, replayed = self.serve.verdicts(), self.serve.json("report")
        self.assertTrue(live and replayed["sites"][0]["measurable"])

    def test_6_a_feed_that_begins_too_late_says_gap_and_excuses(self):
        self.relay.close()
        hidden, bot = self.client(), self.client()
        self.visit(self.site.backup, hidden)
        for address in (hidden, bot):
            deliver(self.site.crowd, address, FAKE1, f"info@{DOMAIN}")
        time.sleep(3)
        now = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(self.serve.now()))}Z"
        late = Relay(self.serve, self.site.backup, now)
        try:
            net.wait_for("the gap is said", lambda: " gap host=backup.shop.example" in self.serve.text())
            self.serve.jump(600)
            self.serve.jump(6 * 3600)
            self.assertEqual(set(), {"backdoor"} & set(self.orders(hidden) + self.orders(bot)))
            self.assertNotIn("stopped", {v["fate"] for v in self.serve.events("verdict") if v["address"] == hidden})
        finally:
            late.close()
            type(self).relay = Relay(self.serve, self.site.backup)

    def test_7_nothing_is_left_behind(self):
        child = self.door.children[-1]
        self.serve.stop()
        child.wait(3)  # at once, not at the next line it would write
        done = self.site.decoys.run(["ps", "-eo", "args"]).stdout
        self.assertFalse([line for line in done.splitlines() if "/dev/tcp" in line or line.startswith("cat")], done)
        self.assertFalse((self.serve.folder / "state/feed.sock").exists())


class Sender(unittest.TestCase):
    """The other end, alone."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="fmx-feed-")
        self.log = pathlib.Path(self.folder.name) / "mail.log"

    def tearDown(self):
        self.folder.cleanup()

    def start(self, *argv):
        return subprocess.Popen([program("fakemx"), "feed", "--host", "mx2.example", "--maillog", self.log, "--to", "-",
                                 *argv], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def write(self, text):
        with open(self.log, "a") as f:
            f.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S+00:00', time.gmtime())} mx2 postfix/{text}\n")

    @staticmethod
    def until(process, key):
        """The lines up to the first that has the key."""
        lines = []
        while not lines or key not in lines[-1]:
            line = process.stdout.readline()
            assert line, f"the feed ended after {lines}"
            lines.append(json.loads(line))
        return lines

    def test_it_ends_when_its_reader_is_gone_even_with_nothing_to_say(self):
        process = self.start()  # there is no log: no watermark would ever be written
        first, = self.until(process, "since")
        self.assertEqual("mx2.example", first["host"])
        time.sleep(0.3)
        self.assertIsNone(process.poll())
        process.stdout.close()
        process.wait(1)

    def test_a_slow_reader_is_waited_for(self):
        for n in range(1000):  # more than a pipe holds
            for text in (f"smtpd[1]: connect from unknown[192.0.{n % 250}.1]",
                         f"smtpd[1]: disconnect from unknown[192.0.{n % 250}.1] ehlo=1 quit=1 commands=2"):
                self.write(text)
        process = self.start()
        with process.stdout:
            time.sleep(1.5)
            self.assertIsNone(process.poll())
            lines = self.until(process, "watermark")
        self.assertEqual(len([x for x in lines if "address" in x]), 1000)
        process.wait(3)

    def test_what_is_lost_and_where_mail_went_is_told_and_nothing_before_standard_input_speaks(self):
        process = subprocess.Popen([program("fakemx"), "feed", "--host", "mx2.example", "--maillog", "-", "--to", "-"],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        with process.stdout:
            self.until(process, "since")
            time.sleep(1.2)  # who writes there has only begun
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
            for text in ("postfix/smtpd[1]: connect from unknown[192.0.2.1]",
                         "postfix/smtpd[1]: disconnect from unknown[192.0.2.1] ehlo=1 quit=1 commands=2",
                         "systemd-journald[9]: Suppressed 12 messages from postfix.service",
                         "postfix/smtp[2]: 4XYZAB: to=<a@away.example>, relay=mx.away.example[30.0.0.9]:25, delay=1, "
                         "delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 Ok)"):
                process.stdin.write(f"{stamp} mx2 {text}\n")
            process.stdin.flush()
            lines = self.until(process, "watermark")
            self.assertEqual(1, len([x for x in lines if "address" in x]), lines)
            self.assertEqual(["away.example"], [x["domain"] for x in lines if "delivered" in x])
            gap, = [x for x in lines if "gap" in x]
            self.assertLessEqual(gap["from"], gap["gap"])
            process.stdin.close()
        process.wait(3)

    def test_it_says_where_it_begins_and_a_watermark_each_second_and_goes_on_through_rotation(self):
        self.log.touch()
        process = self.start("--since", "1h")
        with process.stdout:
            self.until(process, "since")
            began, first = time.monotonic(), self.until(process, "watermark")[-1]
            for _ in range(3):
                mark = self.until(process, "watermark")[-1]
                self.assertGreater(mark["watermark"], first["watermark"])
            self.assertLess(time.monotonic() - began, 6)
            for n in range(2):
                self.write(f"smtpd[{n}]: connect from unknown[192.0.2.{n}]")
                self.write(f"smtpd[{n}]: disconnect from unknown[192.0.2.{n}] ehlo=1 quit=1 commands=2")
                self.assertEqual(f"192.0.2.{n}", self.until(process, "address")[-1]["address"])
                self.log.rename(self.log.with_suffix(".log.1"))
                self.log.touch()
            self.write("postfix-script[1]: starting the Postfix mail system")
            self.write("master[1]: daemon started -- version 3.7.11, configuration /etc/postfix")
            self.assertEqual("mx2.example", self.until(process, "outage")[-1]["host"])
        process.wait(2)
