"""The verbs that read and keep the journal, from outside: on a journal made by hand, with mistakes."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from lab.net import BUILD

WRITE = BUILD / "tests/tools/write_journal"
SITE, LOW, MAIL, HIGH, CONTROL = 1, 1, 2, 3, 4
HOSTS = {LOW: "fake0.mx.example.com", MAIL: "mail.example.com", HIGH: "fake1.mx.example.com",
         CONTROL: "quiet.example.com"}
CONF = """
state = "{state}"
site "example" {{
  layout  = both
  domains = {{ "example.com" }}
  decoy "fake0.mx.example.com" {{ preference = 0   address = {{ "192.0.2.20" }}  posture = reset }}
  host  "mail.example.com"     {{ preference = 10  address = {{ "192.0.2.25" }}  watch = "/var/log/mail.log" }}
  decoy "fake1.mx.example.com" {{ preference = 30  address = {{ "192.0.2.30" }}  posture = defer }}
}}
"""
SITE_TEXT = "\n".join("\t".join(row) for row in [
    ("site", "1", str(SITE), "both", "example"),
    ("host", str(LOW), "decoy", "reset", "0", HOSTS[LOW], ""), ("address", "192.0.2.20", "25"),
    ("host", str(MAIL), "real", "-", "10", HOSTS[MAIL], "/var/log/mail.log"), ("address", "192.0.2.25", "25"),
    ("host", str(HIGH), "decoy", "defer", "30", HOSTS[HIGH], ""), ("address", "192.0.2.30", "25"),
    ("host", str(CONTROL), "control", "defer", "0", HOSTS[CONTROL], ""), ("address", "192.0.2.40", "25"),
    ("domain", "example.com")]) + "\n"

MINUTE, HOUR, DAY = 60, 3600, 86400


def visit(at, client, host, **other):
    record = {"kind": "visit", "time": at, "site": SITE, "host": host, "client": client, "depth": "rcpt",
              "source": "maillog" if host == MAIL else "decoy", "helo": "client.example",
              "mail_from": "who@client.example", "recipient_domain": "example.com"}
    if host == LOW:
        record.update(depth="connect", helo="", mail_from="", recipient_domain="")
    if host == MAIL:
        record.update(depth="data", outcome="accepted")
    record.update(other)
    return record


class History:
    """Records of a site that was watched and well, minute by minute, with visits among them."""

    def __init__(self, begin, end, rules=""):
        self.begin, self.end = begin, end
        self.records = [{"kind": "site", "time": begin, "site": SITE, "text": SITE_TEXT},
                        {"kind": "start", "time": begin}]
        if rules:
            self.records.insert(0, {"kind": "rules", "time": begin, "text": rules})
        for at in range(int(begin), int(end), MINUTE):
            self.records.append({"kind": "health", "time": at, "host": MAIL, "is_ok": True})
            self.records.append({"kind": "watermark", "time": at, "host": MAIL, "seen": at + 1})

    def add(self, *records):
        self.records.extend(records)

    def write(self, path):
        self.records.sort(key=lambda r: r.get("seen", r["time"]))
        text = "".join(json.dumps(r) + "\n" for r in self.records)
        subprocess.run([WRITE, path], input=text, text=True, check=True, timeout=60)


class Verbs(unittest.TestCase):
    """One folder, one journal, one configuration for each test."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="fmx-verbs-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.state = self.folder / "state"
        self.state.mkdir()
        self.conf = self.folder / "fakemx.conf"
        self.conf.write_text(CONF.format(state=self.state))
        self.journal = self.state / "journal.sqlite"

    def run_verb(self, *argv):
        return subprocess.run([BUILD / "fakemx", "--lab", "-q", "-c", self.conf, *argv], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60)

    def good(self, *argv):
        done = self.run_verb(*argv)
        self.assertEqual((done.returncode, done.stderr), (0, ""), argv)
        return done.stdout

    def json(self, *argv):
        return json.loads(self.good("--json", *argv))

    def bad(self, code, words, *argv):
        done = self.run_verb(*argv)
        self.assertEqual((done.returncode, done.stdout), (code, ""), (argv, done.stderr))
        self.assertIn(words, done.stderr.splitlines()[0])
        self.assertTrue(done.stderr.startswith("fakemx: "), done.stderr)

    def write(self, *records):
        text = "".join(json.dumps(r) + "\n" for r in records)
        subprocess.run([WRITE, self.journal], input=text, text=True, check=True, timeout=60)

    def write_little(self):
        now = time.time()
        self.write({"kind": "site", "time": now - 9, "site": SITE, "text": SITE_TEXT},
                   visit(now - 8, "198.51.100.7", LOW), visit(now - 7.75, "198.51.100.7", MAIL),
                   visit(now - 6, "203.0.113.9", HIGH))


class WithoutAJournal(Verbs):
    def test_every_reader_says_that_it_is_missing_and_who_makes_it(self):
        for argv in (["report"], ["visits"], ["explain", "192.0.2.1"], ["list"], ["allow"], ["allow", "192.0.2.1"],
                     ["forget", "192.0.2.1"], ["journal", "backup", self.folder / "copy"]):
            self.bad(1, "`fakemx serve` makes it", *argv)
        self.assertEqual(list(self.state.iterdir()), [])
        self.bad(1, str(self.journal), "journal", "verify")

    def test_a_damaged_or_foreign_one_is_said_with_what_to_do(self):
        self.write_little()
        sound = self.journal.read_bytes()
        self.journal.write_bytes(sound[:100] + b"\xa5" * 600 + sound[700:])
        for argv in (["report"], ["visits"], ["explain", "192.0.2.1"], ["list"], ["allow"], ["journal", "verify"]):
            self.bad(1, "fakemx journal restore", *argv)
        for wal in self.state.glob("*-*"):
            wal.unlink()
        self.journal.write_text("Nov 23 14:05:09 mail postfix/smtpd[1]: connect\n" * 30)
        self.bad(1, "is not a fakemx journal", "report")

    def test_mistakes_on_the_command_line_are_64(self):
        self.write_little()
        for words, *argv in [
                ("--since is a time such as", "report", "--since", "yesterday"),
                ("--until is a time such as", "visits", "--until", "1e9"),
                ("--since is not before --until", "report", "--since", "2026-02-01", "--until", "2026-01-01"),
                ("is not an IPv4 or IPv6 address", "explain", "mail.example.com"),
                ("is not an IPv4 or IPv6 address", "explain", "192.0.2.0/24"),
                ("too few arguments", "explain"),
                ("too many arguments", "explain", "192.0.2.1", "192.0.2.2"),
                ("unknown format 'nftables'", "list", "--format", "nftables"),
                ("contradict", "list", "--json", "--format", "plain"),
                ("neither an address, a prefix nor a name", "allow", "192.0.2.300"),
                ("neither an address, a prefix nor a name", "allow", "192.0.2.0/33"),
                ("neither an address, a prefix nor a name", "allow", "a b"),
                ("--note needs an address", "allow", "--note", "x"),
                ("--remove needs an address", "allow", "--remove"),
                ("--remove takes no --note", "allow", "--remove", "--note", "x", "192.0.2.1"),
                ("neither an address, nor a name", "forget", "192.0.2.0/24"),
                ("neither an address, nor a name", "forget", ""),
                ("did you mean 'verify'", "journal", "verfy"),
                ("needs a file", "journal", "backup"),
                ("too few arguments", "journal"),
                ("did you mean --follow", "visits", "--folow")]:
            self.bad(64, words, *argv)


class Allow(Verbs):
    def test_an_entry_is_put_on_shown_and_taken_off(self):
        self.write_little()
        self.assertEqual(self.json("allow")["allowed"], [])
        self.assertIn("put on", self.good("allow", "203.0.113.0/24", "--note", "our scanner"))
        self.assertIn("put on", self.good("allow", "Partner.Example."))
        self.assertIn("put on", self.good("allow", "2001:DB8:0::1"))
        rows = self.json("allow")["allowed"]
        self.assertEqual([(r["entry"], r["note"]) for r in rows],
                         [("203.0.113.0/24", "our scanner"), ("partner.example", None), ("2001:db8::1", None)])
        self.assertRegex(rows[0]["since"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
        self.assertIn("our scanner", self.good("allow"))
        self.assertIn("was on", self.good("allow", "partner.example"))
        self.assertIn("taken off", self.good("allow", "--remove", "203.0.113.0/24"))
        self.assertIn("was not on", self.good("allow", "--remove", "203.0.113.0/24"))
        self.assertEqual([r["entry"] for r in self.json("allow")["allowed"]], ["partner.example", "2001:db8::1"])

    def test_a_new_note_takes_the_place_of_the_old(self):
        self.write_little()
        self.good("allow", "192.0.2.1", "--note", "one")
        self.good("allow", "192.0.2.1", "--note", "two")
        self.assertEqual([r["note"] for r in self.json("allow")["allowed"]], ["two"])


class Forget(Verbs):
    def test_nothing_of_an_address_is_left_in_the_folder(self):
        now = time.time()
        self.write({"kind": "site", "time": now - 9, "site": SITE, "text": SITE_TEXT},
                   visit(now - 8, "198.51.100.7", HIGH, helo="secret.example", mail_from="a@secret.example"),
                   visit(now - 7, "203.0.113.9", HIGH, helo="other.example"),
                   {"kind": "name", "time": now - 6, "client": "198.51.100.7", "is_confirmed": True,
                    "name": "mx.secret.example", "domain": "secret.example"})
        everything = b"".join(f.read_bytes() for f in self.state.iterdir())
        self.assertIn(b"secret.example", everything)
        answer = self.json("forget", "198.51.100.7")
        self.assertEqual((answer["forgotten"], answer["records"]), ("198.51.100.7", 2))
        everything = b"".join(f.read_bytes() for f in self.state.iterdir())
        self.assertNotIn(b"secret.example", everything)
        self.assertIn(b"other.example", everything)
        self.assertIn("0 records erased", self.good("forget", "198.51.100.7"))
        self.assertIn("sound", self.good("journal", "verify"))


class Journal(Verbs):
    def test_a_backup_is_made_verified_and_restored(self):
        self.write_little()
        copy = self.folder / "copy.sqlite"
        self.assertIn("4 records", self.good("journal", "backup", copy))
        self.bad(1, "File exists", "journal", "backup", copy)
        self.assertIn("sound, 4 records", self.good("journal", "verify", copy))
        self.good("allow", "192.0.2.1")
        self.assertIn("5 records", self.good("journal", "verify"))
        answer = self.json("journal", "restore", copy)
        self.assertEqual((answer["done"], answer["records"]), ("restored", 4))
        self.assertIn("4 records", self.good("journal", "verify"))
        kept = self.state / "journal.sqlite.before-restore"
        self.assertIn("5 records", self.good("journal", "verify", kept))

    def test_restoring_what_is_no_backup_changes_nothing(self):
        self.write_little()
        before = self.journal.read_bytes()
        wrong = self.folder / "wrong"
        wrong.write_text("no journal\n" * 100)
        self.bad(1, "is not a fakemx journal", "journal", "restore", wrong)
        self.bad(1, "No such file", "journal", "restore", self.folder / "missing")
        self.assertEqual(self.journal.read_bytes(), before)

    def test_a_lost_journal_comes_back(self):
        self.write_little()
        copy = self.folder / "copy.sqlite"
        self.good("journal", "backup", copy)
        shutil.rmtree(self.state)
        self.state.mkdir()
        self.assertIn("restored, 4 records", self.good("journal", "restore", copy))


if __name__ == "__main__":
    unittest.main()
