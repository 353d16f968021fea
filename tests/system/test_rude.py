"""Peers that send rubbish, too much, or nothing at all: fakemx-serve goes on serving."""

import re
import time

from lab import net
from lab.case import LabCase
from lab.client import Client, deliver
from lab.serve import Serve, config
from lab.site import DOMAIN, FAKE0, FAKE1, Site


class Rude(LabCase):
    """Whatever comes in, the daemon goes on, says no 5xx, and its memory stays small."""

    @classmethod
    def build(cls):
        cls.site = Site(cls.net, [])
        cls.serve = Serve(cls.site.decoys, config(cls.site, grace="1s", idle_timeout="5s", session_timeout="10s",
                                                  probe_interval="5s")).start()
        cls.crowd = cls.site.crowd
        for n in range(1, 30):
            cls.crowd.add_address(f"30.9.{n}.1")

    def resident(self):
        text = open(f"/proc/{self.serve.daemon.pid}/status").read()
        return int(re.search(r"VmRSS:\s+(\d+) kB", text).group(1))

    def tearDown(self):
        """After each rude peer: alive, still polite to the next client, still counting."""
        self.assertTrue(self.serve.daemon.alive(), self.serve.text()[-3000:])
        replies = deliver(self.crowd, "30.9.29.1", FAKE1, f"after@{DOMAIN}")
        self.assertRegex(replies[0], "^220 ")
        self.assertRegex(replies[-1], "^4")

    def visits(self, address):
        return [v for v in self.serve.json_lines("visits") if v["address"] == address]

    def answers(self, client, seconds=15):
        """All lines until the peer ends the connection."""
        lines, end = [], time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                line = client.line()
                if not line:
                    break
                lines.append(line)
        except (ConnectionResetError, BrokenPipeError):
            pass
        self.assertFalse([x for x in lines if x[:1] == "5"], "never 5xx")
        return lines

    def test_binary_garbage(self):
        garbage = bytes(range(256)) * 256
        with Client(self.crowd, "30.9.1.1", FAKE1) as client:
            try:
                client.send(garbage + b"\r\n")
            except (ConnectionResetError, BrokenPipeError):
                pass
            self.answers(client)
        net.wait_for("its visit", lambda: self.visits("30.9.1.1"))
        self.assertEqual("connect", self.visits("30.9.1.1")[0]["depth"])

    def test_a_line_of_a_megabyte(self):
        before = self.resident()
        with Client(self.crowd, "30.9.2.1", FAKE1) as client:
            client.reply()
            client.command("EHLO long.example")
            try:
                client.send(b"MAIL FROM:<" + b"a" * (1 << 20) + b">\r\nQUIT\r\n")
            except (ConnectionResetError, BrokenPipeError):
                pass
            self.answers(client)
        self.assertLess(self.resident() - before, 4000, "kB")

    def test_clients_that_say_nothing_are_let_go_and_limited(self):
        clients, refused = [], 0
        for _ in range(80):
            try:
                client = Client(self.crowd, "30.9.3.1", FAKE1)
                client.reply()
                clients.append(client)
            except ConnectionResetError:
                refused += 1
        self.assertEqual(50, len(clients), "connections_per_client")
        self.assertEqual(30, refused)
        self.assertRegex(deliver(self.crowd, "30.9.4.1", FAKE1, f"x@{DOMAIN}")[0], "^220 ", "others are served meanwhile")
        began = time.monotonic()
        for client in clients:
            self.answers(client)
            client.close()
        self.assertLess(time.monotonic() - began, 9, "idle_timeout = 5s")

    def test_a_client_that_never_reads_is_let_go_with_bounded_memory(self):
        before = self.resident()
        clients = [Client(self.crowd, f"30.9.{n}.1", FAKE1, timeout=1, read_buffer=1024) for n in range(5, 15)]
        flood = b"NOOP\r\n" * 20000
        for client in clients:
            try:
                for _ in range(20):
                    client.send(flood)
            except (TimeoutError, ConnectionResetError, BrokenPipeError):
                pass
        self.assertLess(self.resident() - before, 4000, "kB")
        net.wait_for("all are let go", lambda: all(self.visits(c.source) for c in clients), 20, 0.5)
        for client in clients:
            client.close()

    def test_half_open_connections_are_let_go(self):
        """The client vanishes without a word: its address goes, so no packet of it comes."""
        client = Client(self.crowd, "30.9.20.1", FAKE1)
        client.reply()
        self.crowd.remove_address("30.9.20.1")
        net.wait_for("its visit is over", lambda: self.visits("30.9.20.1"), 20, 0.5)
        client.close()

    def test_resets_at_once_at_the_low_decoy(self):
        for _ in range(200):
            self.assertIn(deliver(self.crowd, "30.9.21.1", FAKE0, f"x@{DOMAIN}")[0], ("reset", "", "refused"))
        net.wait_for("all are counted", lambda: len(self.visits("30.9.21.1")) == 200, 20, 0.5)

    def test_a_message_is_never_taken(self):
        """Through a whole dialogue, also with the recipient of nobody and without EHLO."""
        with Client(self.crowd, "30.9.22.1", FAKE1) as client:
            client.reply()
            for text in ("DATA", "RCPT TO:<a@b>", "HELO x", "MAIL FROM:<>", "RCPT TO:<a@elsewhere.example>", "DATA",
                         "VRFY root", "STARTTLS", "AUTH PLAIN", "BDAT 5 LAST", "EXPN x", "HELP"):
                reply = client.command(text)
                if not reply:
                    break
                self.assertNotEqual("5", reply[:1], f"{text}: {reply}")
                if text in ("DATA", "STARTTLS", "AUTH PLAIN", "BDAT 5 LAST") or text.startswith("RCPT"):
                    self.assertEqual("4", reply[:1], f"{text}: {reply}")
