"""The verbs that read and keep the journal, from outside: on a journal made by hand, with mistakes."""
import gzip
import json
import os
import pathlib
import pty
import random
import shutil
import socket
import subprocess
import tempfile
import time
import unittest

from lab.net import BUILD
from lab.terminal import converse

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
            for host in HOSTS:
                self.records.append({"kind": "watermark", "time": at, "host": host, "seen": at + 1})

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

    def test_mistakes_on_the_command_line_are_64_before_the_journal_is_looked_for(self):
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
                ("did you mean 'verify'", "journal", "verfy"),
                ("needs a file", "journal", "backup"),
                ("too few arguments", "journal"),
                ("did you mean --follow", "visits", "--folow")]:
            self.bad(64, words, *argv)

    def test_what_cannot_be_forgotten_is_64(self):
        self.write_little()
        for what in ("192.0.2.0/24", ""):
            self.bad(64, "neither an address, nor a name", "forget", what)


class Told(Verbs):
    """Six days and a half: a good sender, bots, one that knocks, one in the background."""

    GOOD, BOT, LAST_ONLY, SHY, SCANNER = "198.51.100.7", "203.0.113.9", "203.0.113.66", "203.0.113.5", "203.0.113.200"

    def setUp(self):
        super().setUp()
        end = int(time.time())
        # A noon that is over for six days and a half at least: the hour of the start counts for no list, and two
        # hours later it is still the same day, whenever the test runs.
        noon = self.noon = (end // DAY - 7) * DAY + 12 * HOUR
        begin = self.begin = noon - HOUR - 2 * MINUTE
        told = History(begin, end, "lab=1\n")  # documentation addresses may be listed
        told.add(visit(noon, self.GOOD, LOW), visit(noon + 0.25, self.GOOD, MAIL),
                 visit(noon + DAY, self.GOOD, LOW), visit(noon + DAY + 1.5, self.GOOD, MAIL),
                 visit(noon + 10, self.BOT, HIGH), visit(noon + 2 * HOUR, self.BOT, HIGH),
                 visit(noon + 20, self.LAST_ONLY, HIGH, depth="connect", recipient_domain=""),
                 visit(noon + 30, self.SHY, HIGH, depth="knock", source="knock", helo="", mail_from="",
                       recipient_domain=""),
                 visit(noon + 40, self.SCANNER, CONTROL, helo="\x1b[31mred\x01"))
        told.write(self.journal)

    def test_the_report_counts_each_sender_once(self):
        report = self.json("report", "--until", self.stamp(time.time()))
        self.assertEqual(list(report), ["version", "since", "until", "note", "fakemx", "rules", "anonymous", "sites"])
        self.assertIsNone(report["note"])
        self.assertEqual(report["version"], 1)
        site, = report["sites"]
        self.assertEqual(list(site), ["site", "measurable", "coverage", "hosts", "order", "fate",
                                      "stopped_senders_share", "stopped_attempts", "stopped_naming_recipient",
                                      "background_senders", "delay_seconds", "returned_later", "at_risk",
                                      "messages_missing", "spam", "revised", "background", "delays", "series", "gaps",
                                      "before_after", "halves", "compared", "cost"])
        self.assertEqual((site["site"], site["measurable"]), ("example", True))
        self.assertGreater(site["coverage"], 0.95)
        contract = ("host", "role", "preference", "visits", "senders")
        self.assertEqual([{key: host[key] for key in contract} for host in site["hosts"]], [
            {"host": HOSTS[LOW], "role": "decoy", "preference": 0, "visits": 2, "senders": 1},
            {"host": HOSTS[MAIL], "role": "real", "preference": 10, "visits": 2, "senders": 1},
            {"host": HOSTS[HIGH], "role": "decoy", "preference": 30, "visits": 4, "senders": 3},
            {"host": HOSTS[CONTROL], "role": "control", "preference": None, "visits": 1, "senders": 1}])
        self.assertEqual(site["order"], {"straight": 1, "skipped": 0, "shotgun": 0, "backdoor": 2, "unknown": 0})
        self.assertEqual(site["fate"], {"reached": 1, "stopped": 2, "stopped_provisional": 0, "pending": 0,
                                        "unknown": 0})
        self.assertAlmostEqual(site["stopped_senders_share"], 2 / 3)
        self.assertEqual((site["stopped_attempts"], site["stopped_naming_recipient"]), (3, 1))
        self.assertEqual((site["background_senders"], site["returned_later"], site["at_risk"]), (1, 0, []))
        self.assertEqual([host["not_seen"] for host in site["hosts"]], [None] * 4)
        self.assertEqual(site["background"]["control"]["visits"], 1)
        self.assertEqual(site["background"]["high"]["visits"], 4)
        self.assertEqual(sum(part["high_decoy_visits"] for part in site["series"]["parts"]), 4)
        self.assertEqual(sum(part["stopped"] for part in site["series"]["parts"]), 2)
        self.assertEqual(sum(length["count"] for length in site["delays"]), 2)
        self.assertEqual(site["revised"]["senders"], 0)
        self.assertEqual(site["spam"], {"attempts_stopped": 3, "attempts_knocked": 1, "attempts_refused": 0,
                                        "accepted_as_spam": None, "share_stopped": 1.0})
        self.assertEqual(site["messages_missing"], 0)
        delay = site["delay_seconds"]
        self.assertEqual(delay["count"], 2)
        self.assertAlmostEqual(delay["p50"], 0.25, 3)
        self.assertAlmostEqual(delay["max"], 1.5, 3)
        self.assertLess(delay["exact_within"], 0.001)

    @staticmethod
    def stamp(t):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(t))

    def test_the_report_says_first_what_happened_to_good_mail(self):
        text = self.good("report")
        for first, then in (("No loss of a known sender or message was seen. Good mail came at most 1.50 s late. 100.0 % of the spam",
                             "half within 0.25 s"),
                            ("half within", "Stopped senders"), ("Stopped senders", "All senders"),
                            ("All senders", "Hosts"), ("Hosts", "Listing")):
            self.assertLess(text.index(first), text.index(then), text)
        self.assertIn("2, 66.7 % of the 3", text)
        self.assertIn("nothing is listed; 1 sender would have been", text)
        self.assertNotIn("\x1b", text)

    def test_a_period_may_be_dates_times_or_durations(self):
        site, = self.json("report", "--since", self.stamp(self.noon + DAY - 60), "--until", "5d")["sites"]
        self.assertEqual((site["fate"]["reached"], site["fate"]["stopped"]), (1, 0))
        self.assertAlmostEqual(site["delay_seconds"]["p50"], 1.5, 3)
        site, = self.json("report", "--since", "4h")["sites"]
        self.assertEqual(site["fate"]["reached"], 0)
        self.assertEqual(len(self.good("visits", "--since", time.strftime("%Y-%m-%d", time.gmtime(self.begin)))
                             .splitlines()), 9)

    def test_visits_are_lines_of_json(self):
        lines = [json.loads(line) for line in self.good("visits").splitlines()]
        self.assertEqual(len(lines), 9)
        self.assertEqual(lines[0], {
            "time": self.stamp(self.noon), "seen": self.stamp(self.noon), "site": "example", "host": HOSTS[LOW],
            "role": "decoy", "address": self.GOOD, "depth": "connect", "outcome": None, "helo": None, "sender": None,
            "recipient_domain": None, "name": None, "source": "decoy", "precision_seconds": 0.000001,
            "answered": None, "ended": None, "spam": None,
            "envelopes": [], "earlier_seconds": 0.0})
        self.assertEqual(lines[1]["outcome"], "accepted")
        self.assertEqual((lines[1]["role"], lines[1]["sender"]), ("real", "who@client.example"))
        self.assertEqual({line["role"] for line in lines}, {"decoy", "real", "control"})

    def test_explain_gives_a_reason_for_everything(self):
        bot = self.json("explain", self.BOT)
        self.assertEqual((bot["address"], bot["allowed"], len(bot["visits"])), (self.BOT, False, 2))
        self.assertEqual(list(bot["visits"][0])[:3], ["time", "seen", "site"])
        self.assertEqual([w["order"] for w in bot["walks"]], ["backdoor"] * len(bot["walks"]))
        self.assertEqual((bot["walks"][-1]["fate"], bot["walks"][-1]["final"]), ("stopped", True))
        self.assertTrue(any("observe" in c["reason"] for c in bot["listing_changes"]), bot["listing_changes"])
        self.assertFalse(any(c["listed"] for c in bot["listing_changes"] + bot["listing"]))
        text = self.good("explain", self.BOT)
        for words in ("no real host had seen", "(decoy)  rcpt", "stopped", "not listed"):
            self.assertIn(words, text)
        self.assertIn("straight", self.good("explain", self.GOOD))
        self.assertIn("Never seen", self.good("explain", "2001:db8::77"))
        self.assertEqual(self.json("explain", "2001:db8::77")["visits"], [])
        self.assertNotIn("\x1b", self.good("explain", self.SCANNER))

    def test_a_period_of_which_nothing_is_known_is_one_sentence(self):
        for words, *span in [("still to come", "--since", self.stamp(time.time() + DAY)),
                             ("the journal begins at", "--since", "30d", "--until", "20d"),
                             ("No visit to any host was seen", "--since", self.stamp(self.noon + 5 * HOUR),
                              "--until", self.stamp(self.noon + 6 * HOUR))]:
            self.assertIn(words, self.good("report", *span).splitlines()[0 if "still" in words else 2], span)
            self.assertIn(words, self.json("report", *span)["note"])
            self.assertIn(words, self.good("report", *span, "--html", "-"))

    def test_explain_is_in_the_order_of_time_and_counts_all(self):
        self.write(visit(self.noon + 5 * HOUR, self.BOT, HIGH), visit(self.noon + 3 * HOUR, self.BOT, HIGH))
        bot = self.json("explain", self.BOT)
        times = [v["time"] for v in bot["visits"]]
        self.assertEqual((times, bot["visits_total"]), (sorted(times), 4))

    def test_visits_of_one_host(self):
        lines = self.good("visits", "--host", HOSTS[MAIL].upper()).splitlines()
        self.assertEqual({json.loads(line)["host"] for line in lines}, {HOSTS[MAIL]})
        self.bad(64, "the journal knows no host 'x'", "visits", "--host", "x")

    def test_in_observe_the_list_is_empty(self):
        self.assertEqual(self.good("list"), "")
        listed = self.json("list")
        self.assertEqual((listed["mode"], listed["listed"]), ("observe", []))
        self.assertEqual(self.json("list", "--format", "json"), listed)

    def test_a_reader_that_goes_away_ends_the_verb(self):
        verb = subprocess.Popen([BUILD / "fakemx", "--lab", "-q", "-c", self.conf, "visits", "--follow"],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(verb.wait)
        self.addCleanup(verb.kill)
        for _ in range(9):
            self.assertEqual(json.loads(verb.stdout.readline())["site"], "example")
        now = time.time()
        self.write(visit(now, "203.0.113.99", HIGH))
        self.assertEqual(json.loads(verb.stdout.readline())["address"], "203.0.113.99")
        verb.stdout.close()
        self.write(visit(now + 1, "203.0.113.99", HIGH))
        verb.wait(timeout=15)
        self.assertNotEqual(verb.returncode, 0)
        verb.stderr.close()


class Enforce(Verbs):
    def setUp(self):
        super().setUp()
        self.conf.write_text(f"mode = enforce\n{self.conf.read_text()}")

    def test_a_counted_bot_is_listed_until_it_is_allowed(self):
        end = int(time.time())
        told = History(end - 6 * HOUR, end, "enforce=1\nlab=1\n")
        told.add(visit(end - 4 * HOUR, "203.0.113.9", HIGH), visit(end - 2 * HOUR, "203.0.113.9", HIGH),
                 visit(end - 4 * HOUR, "203.0.113.10", HIGH))
        told.write(self.journal)
        self.assertEqual(self.good("list"), "203.0.113.9\n")
        listed, = self.json("list")["listed"]
        self.assertEqual((listed["address"], listed["site"], listed["counted_visits"]),
                         ("203.0.113.9", "example", 2))
        self.assertGreater(listed["until"], listed["since"])
        self.assertIn("listed until", self.good("explain", "203.0.113.9"))
        self.assertIn("1 sender is listed now", self.good("report"))
        self.good("allow", "203.0.113.9", "--note", "ours after all")
        self.assertEqual(self.good("list"), "")
        self.assertIn("allow list", self.good("explain", "203.0.113.9"))


class MailLog(Verbs):
    LOG = """\
2026-11-20T10:00:00.000100+00:00 mail postfix/smtpd[100]: connect from mx.sender.example[198.51.100.7]
2026-11-20T10:00:01.000000+00:00 mail postfix/smtpd[100]: 4AAAA: client=mx.sender.example[198.51.100.7]
2026-11-20T10:00:01.200000+00:00 mail postfix/qmgr[90]: 4AAAA: from=<a@sender.example>, size=300, nrcpt=1 (queue active)
2026-11-20T10:00:02.000000+00:00 mail postfix/smtpd[100]: disconnect from mx.sender.example[198.51.100.7] ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5
"""

    def setUp(self):
        super().setUp()
        self.log = self.folder / "mail.log"
        self.log.write_text(self.LOG)

    def test_an_old_log_is_read_without_journal_or_configuration(self):
        self.conf.unlink()
        line, = self.good("visits", "--maillog", self.log, "--host", "mail.example.com").splitlines()
        seen = json.loads(line)
        self.assertEqual((seen["address"], seen["host"], seen["role"], seen["source"]),
                         ("198.51.100.7", "mail.example.com", "real", "maillog"))
        self.assertEqual((seen["outcome"], seen["depth"], seen["name"]), ("accepted", "data", "mx.sender.example"))
        self.assertEqual((seen["seen"], seen["site"]), (None, None))
        self.assertTrue(seen["time"].startswith("2026-11-20T10:00:00.0001"))
        both = self.good("visits", "--maillog", self.log, self.log)  # the same log: read once
        self.assertEqual(len(both.splitlines()), 1)
        self.assertEqual(self.good("visits", "--maillog", self.log, "--since", "2026-11-21"), "")

    def test_packed_and_plain_logs_are_read_in_the_order_of_time(self):
        packed = self.folder / "mail.log.2.gz"
        packed.write_bytes(gzip.compress(self.log.read_bytes()))
        later = self.folder / "mail.log.1"
        later.write_text(self.LOG.replace("2026-11-20", "2026-11-21"))
        self.log.write_text(self.LOG.replace("2026-11-20", "2026-11-22"))
        seen = self.good("visits", "--maillog", self.log, packed, later).splitlines()
        self.assertEqual([json.loads(line)["time"][:10] for line in seen], ["2026-11-20", "2026-11-21", "2026-11-22"])

    def test_a_session_that_a_rotation_cut_is_one_visit(self):
        lines = self.LOG.splitlines(keepends=True)
        packed = self.folder / "mail.log.1.gz"
        packed.write_bytes(gzip.compress("".join(lines[:2]).encode()))
        self.log.write_text("".join(lines[2:]))
        line, = self.good("visits", "--maillog", self.log, packed).splitlines()
        self.assertEqual(json.loads(line)["outcome"], "accepted")

    def test_of_a_damaged_log_what_is_whole_is_printed_and_the_rest_told(self):
        packed = self.folder / "mail.log.1.gz"
        whole = gzip.compress(self.LOG.encode() + random.Random(1).randbytes(100_000).hex().encode() + b"\n")
        packed.write_bytes(whole[:-2000])
        done = subprocess.run([BUILD / "fakemx", "visits", "--maillog", packed], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, len(done.stdout.splitlines())), (1, 1))
        self.assertIn("mail.log.1.gz is cut short", done.stderr)

    def test_what_could_not_be_read_is_told_by_kind(self):
        self.log.write_text(self.LOG + "rubbish\n" + "2026-11-20T10:00:03Z mail cron[1]: nothing\n" + 70000 * "x" +
                            "\n2026-11-20T10:00:04Z mail postfix/smtpd[100]: conn")
        done = subprocess.run([BUILD / "fakemx", "visits", "--maillog", self.log], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, len(done.stdout.splitlines())), (0, 1))
        self.assertIn("of 8 lines 2 could not be read, 1 were longer than 65536 bytes, 1 were other programs'",
                      done.stderr)
        quiet = subprocess.run([BUILD / "fakemx", "-q", "visits", "--maillog", self.log], capture_output=True, text=True, timeout=60)
        self.assertEqual(quiet.stderr, "")

    def test_a_clock_that_jumped_is_told_and_invents_nothing(self):
        self.log.write_text("2099-01-01T00:00:00Z mail postfix/qmgr[1]: 4XYZAB: removed\n" + self.LOG)
        done = subprocess.run([BUILD / "fakemx", "visits", "--maillog", self.log], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, len(done.stdout.splitlines())), (0, 1))
        self.assertIn("1 times the stamps jump back by more than a day", done.stderr)

    def test_how_far_it_is_stands_on_a_terminal(self):
        terminal, theirs = pty.openpty()
        self.addCleanup(os.close, terminal)
        verb = subprocess.Popen([BUILD / "fakemx", "visits", "--maillog", "-"], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=theirs)
        os.close(theirs)
        self.addCleanup(verb.stdout.close)
        for _ in range(8):
            verb.stdin.write(self.LOG.encode())
            verb.stdin.flush()
            time.sleep(0.2)
        verb.stdin.close()
        self.assertEqual(len(verb.stdout.readlines()), 8)
        self.assertEqual(verb.wait(60), 0)
        self.assertIn(b"MiB of log", os.read(terminal, 10000))

    def test_systemds_journal_is_a_log_too(self):
        entries = [(0, "connect from mx.sender.example[198.51.100.7]"),
                   (1, "disconnect from mx.sender.example[198.51.100.7] ehlo=1 quit=1 commands=2")]
        export = "".join(f"__REALTIME_TIMESTAMP={1795446000_000000 + i}\n_BOOT_ID={32 * '1'}\n_HOSTNAME=mail\n"
                         f"SYSLOG_FACILITY=2\nSYSLOG_IDENTIFIER=postfix/smtpd\n_PID=9\nMESSAGE={text}\n\n"
                         for i, text in entries)
        folder = self.folder / "forwarded"
        folder.mkdir()
        subprocess.run(["/lib/systemd/systemd-journal-remote", "-o", folder / "a.journal", "-"], input=export, text=True,
                       check=True, capture_output=True)
        for since in [(), ("--since", "2026-11-23T15:00:00Z")]:
            line, = self.good("visits", *since, "--maillog", f"journal:{folder}").splitlines()
            self.assertEqual((json.loads(line)["address"], json.loads(line)["depth"]), ("198.51.100.7", "helo"))
        self.assertEqual(self.good("visits", "--since", "2026-11-23T15:00:01Z", "--maillog", f"journal:{folder}"), "")
        (self.folder / "empty").mkdir()
        self.bad(1, "no file that may be read", "visits", "--maillog", f"journal:{self.folder}/empty")

    def test_standard_input_is_a_log_too(self):
        done = subprocess.run([BUILD / "fakemx", "visits", "--maillog", "-"], input=self.LOG, capture_output=True,
                              text=True, timeout=60)
        self.assertEqual((done.returncode, len(done.stdout.splitlines())), (0, 1))

    def test_a_pipe_that_is_slower_than_we_are_is_read_to_its_end(self):
        verb = subprocess.Popen([BUILD / "fakemx", "visits", "--maillog", "-"], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(0.3)
        out, err = verb.communicate(self.LOG, timeout=60)
        self.assertEqual((verb.returncode, len(out.splitlines()), err), (0, 1, ""))

    def followed(self, *argv):
        verb = subprocess.Popen([BUILD / "fakemx", *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(verb.wait)
        self.addCleanup(verb.kill)
        self.addCleanup(verb.stdout.close)
        self.addCleanup(verb.stderr.close)
        return verb

    def log_another(self):
        with open(self.log, "a") as f:
            now = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
            f.write(f"{now} mail postfix/smtpd[101]: connect from unknown[203.0.113.9]\n"
                    f"{now} mail postfix/smtpd[101]: disconnect from unknown[203.0.113.9] ehlo=1 quit=1 commands=2\n")

    def test_a_followed_log_shows_visits_alone(self):
        verb = self.followed("visits", "--follow", "--host", "mail", "--maillog", self.log)
        self.assertEqual(json.loads(verb.stdout.readline())["address"], "198.51.100.7")
        time.sleep(1.5)
        self.log_another()
        self.assertEqual(json.loads(verb.stdout.readline())["address"], "203.0.113.9")

    def test_a_feed_has_watermarks_among_the_visits(self):
        verb = self.followed("feed", "--host", "mail", "--maillog", self.log, "--to", "-", "--since", "2020-01-01")
        self.assertEqual(json.loads(verb.stdout.readline()), {"since": "2020-01-01T00:00:00Z", "host": "mail"})
        self.assertEqual(json.loads(verb.stdout.readline())["address"], "198.51.100.7")
        mark = json.loads(verb.stdout.readline())
        self.assertEqual((list(mark), mark["host"]), (["watermark", "host", "sent"], "mail"))
        self.log_another()
        for line in verb.stdout:
            seen = json.loads(line)
            if "address" in seen:
                break
        self.assertEqual(seen["address"], "203.0.113.9")

    def test_a_feed_of_standard_input_goes_to_its_end(self):
        done = subprocess.run([BUILD / "fakemx", "feed", "--host", "mail", "--since", "2020-01-01", "--maillog", "-", "--to", "-"],
                              input=self.LOG, capture_output=True, text=True, timeout=60)
        kinds = [next(k for k in ("since", "address", "watermark") if k in json.loads(line)) for line in done.stdout.splitlines()]
        self.assertEqual((done.returncode, kinds), (0, ["since", "address", "watermark"]))

    def test_a_feed_waits_for_its_socket_and_comes_back_to_it(self):
        path = self.folder / "feed.sock"
        verb = self.followed("feed", "--host", "mail", "--since", "2020-01-01", "--maillog", self.log, "--to", f"unix:{path}")
        self.assertIn(f"cannot send to {path}: No such file", verb.stderr.readline())
        for _ in range(2):
            server = socket.socket(socket.AF_UNIX)
            server.bind(str(path))
            server.listen()
            server.settimeout(30)
            connection, _ = server.accept()
            with connection, connection.makefile() as lines:
                kinds = [json.loads(lines.readline()) for _ in range(3)]
                self.log_another()  # there is more to say when nobody is there any more
            server.close()
            path.unlink()
            self.assertEqual((list(kinds[0]), kinds[-1]["host"]), (["since", "host"], "mail"))
        self.assertIsNone(verb.poll())

    def test_mistakes_of_a_feed_are_said(self):
        log = ("feed", "--maillog", self.log)
        self.bad(64, "feed needs --host and --to", *log, "--to", "-")
        self.bad(64, "--to is -, unix:PATH or nats://SERVER, not '/run/x'", *log, "--host", "mail", "--to", "/run/x")
        self.bad(64, "the path of a socket has 1 to 107 bytes", *log, "--host", "mail", "--to", "unix:/" + "x" * 107)
        self.bad(64, "no zone 'Europe/Nowhere'", *log, "--host", "mail", "--to", "-", "--stamps", "Europe/Nowhere")
        self.bad(64, "--host is the name of a host, not 'mx..example.com'", *log, "--host", "mx..example.com", "--to", "-")

    def test_why_says_of_each_line_what_it_is(self):
        done = subprocess.run([BUILD / "fakemx", "visits", "--why", "--maillog", "-"], capture_output=True, text=True,
                              input=self.LOG + "2026-11-20T10:00:03Z mail dovecot: imap\n" * 2 +
                              "2026-11-20T10:00:03Z mail haraka[1]: [NOTICE] [core] x\nrubbish\x1b\n", timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        used = self.LOG.splitlines()
        self.assertIn(f"postfix: {used[0]}\n", done.stdout)
        self.assertIn(f" of {len(used) + 4} lines told of sessions at the mail server.\n", done.stdout)
        self.assertIn("2 lines of dovecot: not a mail server's sessions, e.g.\n  2026-11-20T10:00:03Z mail dovecot: imap\n",
                      done.stdout)
        self.assertIn("1 line of Haraka, whose log fakemx does not read yet: ", done.stdout)
        self.assertIn("1 line without a time that fakemx knows, e.g.\n  rubbish?\n", done.stdout)

    def test_a_log_of_a_server_that_nobody_reads_names_it(self):
        for name, line in (("Haraka", "[2026-11-20T10:00:03.000Z] [NOTICE] [A1] [core] connect ip=203.0.113.9"),
                           ("Courier", "Nov 20 10:00:03 mail courieresmtpd: started,ip=[::ffff:203.0.113.9]")):
            self.log.write_text(2 * (line + "\n"))
            self.bad(1, f"is a log of {name}, whose log fakemx does not read yet", "visits", "--maillog", self.log)
        self.log.write_text("".join(f"Nov 20 10:00:03 mail cron[{i}]: x\n" for i in range(3)))
        self.bad(1, "none of the 3 lines of", "visits", "--maillog", self.log)

    def test_lines_that_were_left_out_are_said(self):
        for lost, limit in (("systemd-journald[1]: Suppressed 120 messages from postfix.service", "RateLimitBurst"),
                            ("rsyslogd: imjournal: 12 messages lost due to rate-limiting", "imjournal")):
            self.log.write_text(self.LOG + f"2026-11-20T10:00:09Z mail {lost}\n")
            done = subprocess.run([BUILD / "fakemx", "visits", "--maillog", self.log], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0)
            self.assertRegex(done.stderr, f"left out of the log by a rate limit 1 time, .*{limit}")
            self.assertIn("which left out lines of others by its rate limit", self.good("visits", "--why", "--maillog", self.log))

    def test_stamps_without_a_zone_are_in_the_zone_that_is_named(self):
        self.log.write_text("Nov 20 10:00:00 mail postfix/smtpd[9]: connect from unknown[203.0.113.9]\r\n")
        for zone, hour in [("Europe/Berlin", "09"), ("America/New_York", "15"), ("UTC", "10")]:
            line, = self.good("visits", "--stamps", zone, "--maillog", self.log).splitlines()
            self.assertEqual(json.loads(line)["time"][10:13], "T" + hour)

    def test_mistakes_are_said(self):
        missing = self.folder / "missing.log"
        self.bad(1, f"cannot read {missing}: No such file or directory. Mail servers write to /var/log/mail.log",
                 "visits", "--maillog", missing)
        self.bad(64, "files after --maillog only", "visits", self.log)
        self.bad(1, "is no mail log", "visits", "--maillog", self.conf)
        other = self.folder / "other.log"
        other.write_text("Nov 23 14:05:09 mail cron[1]: nothing\n")
        done = subprocess.run([BUILD / "fakemx", "visits", "--maillog", other], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("none of the 1 lines of", done.stderr)
        self.assertIn(f"visits --why --maillog {other}", done.stderr)
        self.bad(64, "--why goes with --maillog", "visits", "--why")
        self.bad(64, "no zone 'Europe/Nowhere'", "visits", "--stamps", "Europe/Nowhere", "--maillog", self.log)
        self.bad(64, "--follow takes one --maillog", "visits", "--follow", "--maillog", self.log, self.log)
        self.bad(64, "takes no --until", "visits", "--follow", "--until", "1d", "--maillog", self.log)


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
    def test_a_whole_top_level_domain_is_asked_about(self):
        now = time.time()
        self.write({"kind": "site", "time": now - 9, "site": SITE, "text": SITE_TEXT},
                   visit(now - 8, "198.51.100.7", HIGH), visit(now - 7, "203.0.113.9", HIGH),
                   {"kind": "name", "time": now - 6, "client": "198.51.100.7", "is_confirmed": True,
                    "name": "mx.sender.com", "domain": "sender.com"})
        self.bad(64, "com is a whole top-level domain: all that is known below it, 4 records, would be erased", "forget", "Com.")
        argv = [BUILD / "fakemx", "--lab", "-c", self.conf, "forget", "com"]
        code, shown = converse(argv, [("Erase all that is known below it, 4 records? [y/N]", "")])
        self.assertEqual((code, "nothing was erased" in shown), (2, True), shown)
        self.assertEqual(len(self.good("visits").splitlines()), 2)
        self.assertIn("0 records erased", self.good("forget", "net"))  # nothing to ask about
        self.assertEqual(self.json("forget", "com", "--yes")["records"], 4)
        self.assertIn("203.0.113.9", self.good("visits"))
        self.assertEqual(len(self.good("visits").splitlines()), 1)
        self.bad(64, "com is a whole top-level domain, and not all who send from there", "allow", "com")

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
        self.assertEqual(answer["forgotten"], "198.51.100.7")
        self.assertGreaterEqual(answer["records"], 2)  # its visit, its name, and what was made of them
        everything = b"".join(f.read_bytes() for f in self.state.iterdir())
        self.assertNotIn(b"secret.example", everything)
        self.assertIn(b"other.example", everything)
        self.assertIn("0 records erased", self.good("forget", "198.51.100.7"))
        self.assertIn("sound", self.good("journal", "verify"))


class Journal(Verbs):
    def test_a_backup_is_made_verified_and_restored(self):
        self.write_little()
        copy = self.folder / "copy.sqlite"
        self.assertIn("backup made, 3 visits", self.good("journal", "backup", copy))
        self.bad(1, "is there already", "journal", "backup", copy)
        self.assertIn("backup made", self.good("journal", "backup", "--force", copy))
        self.assertIn("sound, 3 visits", self.good("journal", "verify", copy))
        self.assertIn(f"equal to {copy}, 3 runs", self.good("journal", "verify", "--against", copy))
        answer = self.json("journal", "verify", "--against", copy)
        self.assertEqual((answer["done"], answer["visits"], answer["runs"]), ("equal", None, 3))  # visits: not read
        self.write(visit(time.time(), "203.0.113.9", HIGH))
        self.assertIn("4 visits", self.good("journal", "verify"))
        self.bad(1, "differ", "journal", "verify", "--against", copy)
        answer = self.json("journal", "restore", copy)
        self.assertEqual((answer["done"], answer["records"], answer["visits"]), ("restored", 3, 3))
        self.assertIn("3 visits", self.good("journal", "verify"))
        kept = self.state / "journal.sqlite.before-restore"
        self.assertIn("4 visits", self.good("journal", "verify", kept))
        self.bad(1, str(kept), "journal", "restore", copy)
        self.assertIn("4 visits", self.good("journal", "verify", kept))

    def test_visits_make_a_journal_that_says_the_same(self):
        self.write_little()
        lines = self.good("visits")
        told = [json.loads(line) for line in lines.splitlines()]
        marks = "".join(json.dumps({"watermark": told[-1]["time"], "host": HOSTS[host]}) + "\n"
                        for host in (LOW, MAIL, HIGH))
        (self.folder / "lines").write_text(lines)
        self.bad(1, "has visits", "journal", "import", self.folder / "lines")
        shutil.rmtree(self.state)
        self.state.mkdir()
        for number, wrong, words in ((1, "{}", "line 1: host must be a host name"),
                                     (4, lines + "nonsense", "line 4: it cannot be read as JSON"),
                                     (4, lines + json.dumps({**told[0], "host": "mx9.example.com"}),
                                      "line 4: the configuration has no host 'mx9.example.com'"),
                                     (4, lines + json.dumps({**told[0], "role": "real"}), "line 4: ")):
            (self.folder / "lines").write_text(wrong)
            self.bad(1, words, "journal", "import", self.folder / "lines")
            self.assertEqual(list(self.state.glob("*")), [], number)
        (self.folder / "lines").write_text(lines + marks)
        self.assertIn("imported, 3 visits", self.good("journal", "import", self.folder / "lines"))
        again = [json.loads(line) for line in self.good("visits").splitlines()]
        for a, b in zip(told, again):
            self.assertEqual({**a, "seen": None, "envelopes": 0}, {**b, "seen": None, "envelopes": 0})
        self.assertEqual(len(again), 3)
        self.assertIn("sound", self.good("journal", "verify"))
        self.bad(1, "has visits", "journal", "import", self.folder / "lines")
        self.bad(64, "--force goes with journal backup", "journal", "import", "--force", self.folder / "lines")
        shutil.rmtree(self.state)
        self.state.mkdir()
        (self.folder / "lines").write_text("\n".join(reversed(lines.splitlines())) + "\n" + marks)
        self.good("journal", "import", self.folder / "lines")
        self.assertEqual(self.json("report", "--since", "2020-01-01")["since"], told[0]["time"])

    def test_restoring_what_is_no_backup_changes_nothing(self):
        self.write_little()
        before = self.journal.read_bytes()
        wrong = self.folder / "wrong"
        wrong.write_text("no journal\n" * 100)
        self.bad(1, "is not a fakemx journal", "journal", "restore", wrong)
        for argv in (["restore", self.folder / "missing"], ["verify", self.folder / "missing"],
                     ["verify", "--against", self.folder / "missing"]):
            self.bad(1, "missing: No such file or directory. `fakemx journal backup FILE` makes one", "journal", *argv)
        self.bad(1, "no new file can be made in its folder: No such file", "journal", "backup", self.folder / "missing" / "copy")
        self.bad(64, "journal backup needs a file", "journal", "backup", "")
        self.assertEqual(self.journal.read_bytes(), before)

    def test_what_root_restores_belongs_to_who_serves(self):
        if os.geteuid() != 0:
            self.skipTest("needs root, as the runner has it")
        self.write_little()
        copy = self.folder / "copy.sqlite"
        self.good("journal", "backup", copy)
        for gone in (False, True):
            for file in (self.state, *self.state.iterdir()):
                os.chown(file, 65534, 65534)
            if gone:
                for file in self.state.glob("journal.sqlite*"):
                    file.unlink()
            self.good("journal", "restore", copy)
            self.good("allow", "192.0.2.1")
            for file in self.state.iterdir():
                self.assertEqual((file.stat().st_uid, file.stat().st_gid), (65534, 65534), file)

    def test_a_lost_journal_comes_back(self):
        self.write_little()
        copy = self.folder / "copy.sqlite"
        self.good("journal", "backup", copy)
        shutil.rmtree(self.state)
        self.state.mkdir()
        self.assertIn("restored, 3 visits", self.good("journal", "restore", copy))


if __name__ == "__main__":
    unittest.main()
