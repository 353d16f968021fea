"""Options that do not belong together, and what a verb says then. No network."""
import json
import pathlib
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

from lab.case import program


class Dns(threading.Thread):
    """A name server on loopback with a few records."""

    def __init__(self, records):
        super().__init__(daemon=True)
        self.records, self.socket = records, socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.at = f"127.0.0.1@{self.socket.getsockname()[1]}"
        self.start()

    def run(self):
        while True:
            question, who = self.socket.recvfrom(4096)
            end = question.index(b"\0", 12) + 5
            found = self.records.get((question[12:end - 4].lower(), question[end - 3]), [])
            answers = b"".join(b"\xc0\x0c" + question[end - 4:end] + struct.pack(">IH", 60, len(r)) + r for r in found)
            self.socket.sendto(question[:2] + struct.pack(">HHHHH", 0x8480, 1, len(found), 0, 0) + question[12:end] + answers, who)


def wire(name):
    return b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"


CONF = """state = "{state}"
site "example" {{
  layout = none
  domains = {{ "example.com" }}
  host "mail.example.com" {{ preference = 10 address = {{ "192.0.2.25" }} watch = feed }}
}}
"""


class Options(unittest.TestCase):
    def fakemx(self, code, *argv):
        done = subprocess.run([program("fakemx"), *argv], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
        self.assertEqual(code, done.returncode, (argv, done.stderr))
        return done

    def bad(self, words, *argv):
        done = self.fakemx(64, *argv)
        self.assertIn(words, done.stderr.splitlines()[0], argv)

    def test_a_feed_takes_only_what_belongs_together(self):
        to = ("feed", "--maillog", "/nowhere.log", "--host", "mail", "--to")
        for name in ("subject", "credentials", "ca"):
            self.bad(f"--{name} is for a stream (--to nats://SERVER), and '-' is none", *to, "-", f"--{name}", "x")
        self.bad("--replicas is for --setup", *to, "nats://mx1", "--replicas", "3")
        for servers in ("nats://", "nats://:4222", "tls://mx1,tls://"):
            self.bad("does not name the server", *to, servers)
            self.bad("does not name the server", "feed", "--setup", "--to", servers)
        for subject in ("a b", "fakemx.>", "fakemx..x", ""):
            self.bad(f"such as fakemx.mx1.example.com, not '{subject}'", *to, "nats://mx1", "--subject", subject)

    def test_a_page_that_cannot_be_written_is_said_before_the_work(self):
        began = time.monotonic()
        for verb in (["rehearse"], ["--json", "rehearse"], ["report", "--maillog", "/nowhere.log"]):
            done = self.fakemx(1, *verb, "--html", "/nowhere/page.html")
            self.assertIn("cannot write /nowhere/page.html: no new file can be made in its folder", done.stderr)
            self.assertEqual("", done.stdout)
        self.assertLess(time.monotonic() - began, 5)

    def test_check_config_as_json(self):
        with tempfile.TemporaryDirectory(prefix="fakemx-options-") as state:
            conf = pathlib.Path(state) / "fakemx.conf"
            conf.write_text(CONF.format(state=state) + 'allow = { "0.0.0.0/0" }\n')
            done = self.fakemx(0, "--lab", "--json", "-c", conf, "serve", "--check-config")
            told = json.loads(done.stdout)
            self.assertEqual((1, str(conf), 1, 1, "observe"), tuple(told[k] for k in ("version", "configuration", "sites", "domains", "mode")))
            self.assertIn("allow has 0.0.0.0/0, a large part of the internet", "\n".join(told["warnings"]))
            self.assertEqual("", done.stderr)

    def test_a_log_that_is_named_twice_is_read_once(self):
        with tempfile.TemporaryDirectory(prefix="fakemx-options-") as folder:
            log = pathlib.Path(folder) / "mail.log"
            log.write_text("".join(f"2026-11-30T10:00:0{n}+00:00 mail postfix/smtpd[7]: {words}\n" for n, words in enumerate(
                ("connect from a.example[192.0.2.7]", "disconnect from a.example[192.0.2.7] ehlo=1 quit=1 commands=2"))))
            for files in ([log], [log, log], [log, pathlib.Path(folder) / ".." / log.parent.name / "mail.log"]):
                self.assertEqual(1, len(self.fakemx(0, "visits", "--maillog", *files).stdout.splitlines()), files)

    def test_a_log_without_a_name_is_no_missing_file(self):
        for verb in (["visits"], ["report"]):
            self.bad("--maillog needs a file, or - for standard input", *verb, "--maillog", "")
            self.bad("--maillog needs a file, or - for standard input", *verb, "--maillog", "/dev/null", "")

    def test_a_name_server_without_a_public_address_is_not_asked_and_that_is_said(self):
        zone = wire("inner.example")
        dns = Dns({(zone, 15): [b"\0\x0a" + wire("mail.inner.example")], (zone, 2): [wire("ns.inner.example")],
                   (zone, 6): [wire("ns.inner.example") + wire("host.inner.example") + struct.pack(">5I", 1, 60, 60, 60, 60)],
                   (wire("ns.inner.example"), 1): [bytes([10, 0, 0, 53])], (wire("mail.inner.example"), 1): [bytes([9, 9, 9, 25])]})
        done = self.fakemx(1, "plan", "inner.example", "--decoy", "fake1.inner.example=9.9.9.30", "--resolver", dns.at)
        self.assertIn("no name server of inner.example has a public address, so none was asked: --server", done.stderr)
        done = self.fakemx(2, "plan", "inner.example", "--decoy", "fake1.inner.example=9.9.9.30", "--resolver", dns.at, "--server", dns.at)
        self.assertRegex(done.stdout, r"add +MX +@ +20 +fake1\.inner\.example")

    def test_the_host_of_a_log_is_a_name(self):
        for name in ("a b", "", "a..b", "10.0.0.1"):
            self.bad(f"--host is the name of a host, not '{name}'", "visits", "--maillog", "/dev/null", f"--host={name}")

    def test_a_feed_of_nothing_asks_for_a_mail_log(self):
        self.bad("Give a mail log by --maillog WHERE", "feed", "--host", "mail", "--to", "-")

    def test_off_names_the_way_in_where_apply_has_nothing_to_do(self):
        with tempfile.TemporaryDirectory(prefix="fakemx-options-") as state:
            conf = pathlib.Path(state) / "fakemx.conf"
            conf.write_text(CONF.format(state=state))
            done = self.fakemx(0, "--lab", "-c", conf, "off", "--yes")
            self.assertIn(f"To begin again, remove the file {state}/off;", done.stdout)
            self.assertNotIn("`fakemx apply` begins again", done.stdout)
