"""What neither ends serve nor lets it wait: few descriptors, held connections, a pipe for a file,
a clock far ahead; and what a stranger writes, on its way to a terminal."""

import os
import resource
import signal
import socket
import subprocess
import unittest

from lab.case import program
from loopback import DOMAIN, Bench, Client, wait_for

QUESTION = b"request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address=192.0.2.1\n\n"


def few_descriptors(count):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


class Hold(unittest.TestCase):
    limit_seconds = 90

    def setUp(self):
        self.bench = Bench("hold")

    def tearDown(self):
        self.bench.close()

    def test_too_few_descriptors_are_a_sentence(self):
        self.bench.write()
        for count in (8, 64, 120):
            code, said = self.bench.refused(preexec_fn=few_descriptors(count))
            self.assertEqual(1, code, said)
            self.assertIn(f"may open {count} files at once, and serve needs", said)

    def test_held_connections_leave_room_for_postfix_and_the_journal(self):
        path = self.bench.folder / "policy"
        self.bench.write(policy=f'"{path}"', connections_per_client="10000")
        self.bench.start(preexec_fn=few_descriptors(300))
        self.assertIn("warning descriptors limit=300", self.bench.text())
        held = []
        for _ in range(400):  # more than there are, of both kinds
            held.append(socket.create_connection(self.bench.fake1))
            unix = socket.socket(socket.AF_UNIX)
            unix.connect(str(path))
            held.append(unix)
        with socket.socket(socket.AF_UNIX) as postfix:
            postfix.settimeout(10)
            postfix.connect(str(path))
            postfix.sendall(QUESTION)
            self.assertIn(b"action=", postfix.recv(1000))
        self.bench.wait_log("warning policy-crowded ")
        for s in held:
            s.close()
        with Client(self.bench.fake1) as c:
            self.assertRegex(c.reply(), "^220 ")
        self.bench.catch_up()
        wait_for("all in the journal", lambda: len(self.bench.visits(source="decoy")) >= 401)
        self.assertNotIn("no connection can be taken", self.bench.text())
        self.assertEqual(0, self.bench.stop())

    def test_a_pipe_in_the_place_of_the_configuration(self):
        self.bench.start()
        self.bench.conf.unlink()
        os.mkfifo(self.bench.conf)
        self.bench.process.send_signal(signal.SIGHUP)
        self.bench.wait_log('reload-refused reason="the configuration .* is a pipe or a device')
        with Client(self.bench.fake1) as c:
            self.assertRegex(c.reply(), "^220 ")
        self.assertEqual(0, self.bench.stop())

    def test_a_clock_two_hundred_years_ahead(self):
        self.bench.start()
        with Client(self.bench.fake1) as c:
            c.reply()
        self.bench.catch_up()
        self.bench.jump(200 * 365 * 86400)
        self.bench.catch_up()
        with Client(self.bench.fake1) as c:
            c.reply()
        self.bench.catch_up()
        self.assertTrue(self.bench.visits(source="decoy"))  # those of 200 years ago may have been forgotten
        self.assertEqual(0, self.bench.stop())
        for verb in (["report"], ["journal", "verify"], ["list"]):
            done = subprocess.run([program("fakemx"), "-c", self.bench.conf, *verb], capture_output=True, timeout=20)
            self.assertEqual(0, done.returncode, (verb, done.stderr))

    def test_what_a_stranger_writes_moves_no_terminal(self):
        self.bench.start()
        with Client(self.bench.fake1, f"{self.bench.net}.99") as c:
            c.reply()
            # C1's control sequence introducer, right-to-left override, an escape
            c.socket.sendall("HELO a\u009b2Jb\u202ec\u2066\x1b[31m.example\r\n".encode())
            c.reply()
            c.say("MAIL FROM:<x\u202e\u009b@evil.example>")
            c.say(f"RCPT TO:<info@{DOMAIN}>")
        self.bench.catch_up()
        wait_for("the visit", lambda: self.bench.visits(source="decoy"))
        for verb in (["visits"], ["explain", f"{self.bench.net}.99"], ["explain", f"{self.bench.net}.99", "--json"],
                     ["report"], ["report", "--json"], ["list"]):
            done = subprocess.run([program("fakemx"), "-c", self.bench.conf, *verb], capture_output=True, timeout=20)
            self.assertIn(done.returncode, (0, 1), done.stderr)
            said = (done.stdout + done.stderr).decode()
            self.assertFalse([c for c in said if c in "\x1b\u009b\u202e\u2066"], (verb, said))
        self.assertFalse([c for c in self.bench.text() if c in "\x1b\u009b\u202e\u2066"])
