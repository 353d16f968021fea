"""report --maillog: what a Fake MX would stop, told before there is one, and held against what
decoys then do to the same senders."""

import datetime
import json
import pathlib
import random
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree

from lab.case import LabCase, program
from lab.client import deliver
from lab.programs import PostfixSender
from lab.serve import Serve, config
from lab.site import DOMAIN, FAKE0, FAKE1, Site

MINUTE, HOUR = 60, 3600
MAIL, BACKUP = "30.0.0.25", "30.0.0.26"


class EstimateHolds(LabCase):
    """The same crowd meets two real Postfix hosts alone, then with a high decoy, then with a low
    one. Each of its members has a /24 of its own."""
    limit_seconds = 600
    last, whim, first, servers = (range(1, 46), range(46, 76), range(76, 116), range(116, 156))

    @classmethod
    def build(cls):
        cls.site = Site(cls.net, [PostfixSender], with_syslog=True)
        cls.draw = random.Random(20261123)
        for mx in cls.site.real_hosts():
            mx.host.write("/etc/postfix/grey", "/^grey@/ 450 4.2.0 come back later\n/^nobody@/ 550 5.1.1 no such user\n")
            mx.set(smtpd_recipient_restrictions="check_recipient_access regexp:/etc/postfix/grey, permit",
                   smtpd_client_connection_rate_limit="0", smtpd_peername_lookup="no")
        for n in range(1, 200):
            cls.site.crowd.add_address(f"30.9.{n}.1")

    def visit(self, number, target, user="victim"):
        return deliver(self.site.crowd, f"30.9.{number}.1", target, f"{user}@{DOMAIN}")

    def good_mail(self, count, target=MAIL):
        """So that the host is seen to be alive, and nobody has most of the visits."""
        for n in range(count):
            self.visit(160 + n % 30, target)

    def estimate(self):
        done = self.site.mail.host.run(
            [program("fakemx"), "--json", "report", "--maillog", f"mail.{DOMAIN}={self.site.mail.log}",
             f"backup.{DOMAIN}={self.site.backup.log}"])
        return json.loads(done.stdout)["sites"][0]

    def layouts(self, site):
        return {e["layout"]: e for e in site["estimate"]["layouts"]}

    def serve(self, name, **decoys):
        serve = Serve(self.site.decoys, config(self.site, grace="1s", **decoys), name).start()
        self.addCleanup(serve.stop)
        serve.jump(130)  # of who came before all hosts were watched nothing is said
        serve.jump(60)
        return serve

    def would_stop(self, serve):
        serve.jump(130)
        serve.jump(5 * HOUR)
        site = serve.json("report")["sites"][0]
        self.assertTrue(site["measurable"])
        return site["fate"]["stopped_provisional"] + site["fate"]["stopped"] + len(site["at_risk"])

    def test_1_without_decoys_the_logs_tell_a_range(self):
        self.net.jump(7 * HOUR)  # Postfix was started: nobody is judged by the hours after it
        everybody = list(self.last) + list(self.whim)
        self.draw.shuffle(everybody)
        for i, number in enumerate(everybody):
            if i % 10 == 0:
                self.net.jump(10 * MINUTE)
                self.good_mail(6)
            self.visit(number, BACKUP if number in self.last else self.draw.choice((MAIL, BACKUP)), "nobody")
        self.good_mail(6)
        # One in six is deferred: no outage. The servers come back half an hour later.
        deferred = list(self.first) + list(self.servers)
        for i in range(0, len(deferred), 8):
            self.net.jump(10 * MINUTE)
            for number in deferred[i:i + 8]:
                self.assertEqual("4", self.visit(number, MAIL, "grey")[-1][:1])
                self.good_mail(5)
        self.net.jump(30 * MINUTE)
        for number in self.servers:
            self.visit(number, MAIL)
        self.net.jump(6 * HOUR)
        self.good_mail(10)
        self.good_mail(3, BACKUP)

        site = self.estimate()
        seen = site["estimate"]
        type(self).ranges = self.layouts(site)
        chose_backup = seen["worst_host_alone"] + seen["worst_host_alone_excused"]
        self.assertGreaterEqual(chose_backup, len(self.last))
        self.assertEqual(len(self.first), seen["deferred_gave_up"])
        self.assertEqual(len(self.first) + len(self.servers), seen["deferred"])
        self.assertEqual([False, None], [site["measurable"], site["stopped_senders_share"]])
        self.assertTrue(seen["assumptions"])
        for layout in ("high", "low", "both"):
            self.assertTrue(self.ranges[layout]["can_tell"], self.ranges[layout])
        self.assertGreater(self.ranges["high"]["stopped_least"], 20, "a range that says something")
        self.assertLess(self.ranges["high"]["stopped_most"], 80)

    def test_2_a_high_decoy_stops_as_many_as_was_said(self):
        self.net.jump(30 * HOUR)
        serve = self.serve("high", low=None, high="defer")
        self.good_mail(30)
        for number in list(self.last) + list(self.whim):
            target = FAKE1 if number in self.last else self.draw.choice((MAIL, BACKUP, FAKE1))
            self.visit(number, target)
        for number in list(self.first) + list(self.servers):
            self.visit(number, MAIL)
        stopped, said = self.would_stop(serve), self.ranges["high"]
        self.assertGreaterEqual(stopped, len(self.last))
        self.assertTrue(said["stopped_least"] <= stopped <= said["stopped_most"], (stopped, said))

    def test_3_a_low_decoy_stops_no_more_than_was_said(self):
        self.net.jump(30 * HOUR)
        serve = self.serve("low", low="reset", high=None)
        self.good_mail(30)
        for number in self.first:
            self.assertIn(self.visit(number, FAKE0)[-1], ("reset", ""))
        for number in self.servers:
            self.visit(number, FAKE0)
            self.visit(number, MAIL)
        for number in list(self.last) + list(self.whim):
            self.visit(number, BACKUP if number in self.last else self.draw.choice((FAKE0, MAIL, BACKUP)))
        stopped, said = self.would_stop(serve), self.ranges["low"]
        self.assertGreaterEqual(stopped, len(self.first))
        self.assertTrue(said["stopped_least"] <= stopped <= said["stopped_most"], (stopped, said))


def stamp(seconds):
    return datetime.datetime.fromtimestamp(1764000000 + seconds, datetime.timezone.utc).isoformat(timespec="seconds")


def session(seconds, client, name="unknown", reply=None, pid=1):
    """The lines of one session at Postfix; reply: None is accepted."""
    t, who = stamp(seconds), f"{name}[{client}]"
    lines = [f"{t} mx postfix/smtpd[{pid}]: connect from {who}"]
    if reply:
        lines += [f"{t} mx postfix/smtpd[{pid}]: NOQUEUE: reject: RCPT from {who}: {reply}; from=<a@b.example> "
                  "to=<u@shop.example> proto=ESMTP helo=<h.example>",
                  f"{t} mx postfix/smtpd[{pid}]: disconnect from {who} ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4"]
    else:
        queue_id = f"A{seconds:07X}{pid:X}"
        lines += [f"{t} mx postfix/smtpd[{pid}]: {queue_id}: client={who}",
                  f"{t} mx postfix/qmgr[9]: {queue_id}: from=<a@b.example>, size=300, nrcpt=1 (queue active)",
                  f"{t} mx postfix/smtpd[{pid}]: disconnect from {who} ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5"]
    return lines


class EstimateVerb(unittest.TestCase):
    """The verb on logs of its own, good and bad."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def log(self, name, sessions):
        path = self.folder / name
        path.write_text("".join(line + "\n" for s in sorted(sessions) for line in s))
        return path

    def run_report(self, *argv, check=0):
        done = subprocess.run([program("fakemx"), "report", *map(str, argv)], capture_output=True, text=True,
                              cwd=self.folder, timeout=60)
        self.assertEqual(check, done.returncode, done.stdout + done.stderr)
        return done

    def test_known_senders_that_do_not_retry_come_first(self):
        sessions = [session(60 * i, f"198.51.{i}.9") for i in range(100)]
        sessions += [session(30, "203.0.113.7", "app.bank.example"),
                     session(6000, "203.0.113.7", "app.bank.example", "450 4.2.0 later"),
                     session(9 * HOUR, "192.0.2.1")]
        text = self.run_report("--maillog", self.log("mail.log", sessions)).stdout
        self.assertRegex(text, r"(?s)Good mail.*returning +203\.0\.113\.7 \(app\.bank\.example\).*What a Fake MX would stop")
        self.assertRegex(text, r"layout = high +cannot tell: 1 senders were deferred")
        self.assertIn("What this assumes", text)
        shown = self.run_report("--anonymous", "--maillog", "mx1.shop.example=mail.log").stdout
        self.assertIn("1 that may be good do not retry", shown)
        self.assertIn("real host 1: 103 visits", shown)
        shown += self.run_report("--anonymous", "--json", "--maillog", "mx1.shop.example=mail.log").stdout
        self.assertNotRegex(shown, r"203\.0\.113|\.example")
        self.assertNotIn("no mail was lost", text)
        site = json.loads(self.run_report("--json", "--maillog", "mail.log").stdout)["sites"][0]
        self.assertEqual([("203.0.113.7", "app.bank.example", "returning", None)],
                         [(r["address"], r["name"], r["tier"], r["message"]) for r in site["at_risk"]])
        # a report's keys, and nothing claimed that a log cannot show
        self.assertEqual([None, None, []], [site["messages_missing"], site["spam"]["share_stopped"], site["gaps"]])
        for layout in site["estimate"]["layouts"]:
            self.assertEqual([False, None, None, None, None], [layout[k] for k in (
                "can_tell", "stopped_least", "stopped_most", "share_least", "share_most")])
            self.assertTrue(layout["reason"])

    def test_the_page_says_the_same_as_the_json(self):
        sessions = [session(60 * i, f"198.51.{i}.9") for i in range(100)]
        sessions += [session(30, "203.0.113.7", "app.bank.example"), session(9 * HOUR, "192.0.2.1"),
                     session(6000, "203.0.113.7", "app.bank.example", "450 4.2.0 later")]
        self.log("mx1.log", sessions)
        self.log("mx2.log", [session(60 * i + 5, f"198.52.{i}.9") for i in range(40)])
        logs = ["--maillog", "mx1.<shop>.example=mx1.log", "mx2.shop.example=mx2.log"]
        self.assertEqual("", self.run_report("--html", "page.html", *logs).stdout)
        site = json.loads(self.run_report("--json", *logs).stdout)["sites"][0]
        text = (self.folder / "page.html").read_text()
        page = xml.etree.ElementTree.fromstring(text.split("\n", 1)[1])
        told = [(n.get("data-key"), float(n.get("value"))) for n in page.iter("{http://www.w3.org/1999/xhtml}data")]
        self.assertGreaterEqual(len(told), 9)
        for key, value in told:
            want = site
            for part in key.split("."):
                want = want[int(part)] if part.isdigit() else want[part]
            self.assertAlmostEqual(value, want, 6, key)
        words = " ".join(page.itertext())
        for word in ("203.0.113.7", "app.bank.example", "mx1.<shop>.example", "What this assumes", "layout = high (tried last)", site["at_risk"][0]["reason"]):
            self.assertIn(word, words)
        shown = self.run_report("--anonymous", "--html", "-", *logs).stdout
        self.assertNotRegex(shown, r"203\.0\.113|bank|shop")
        self.run_report("--json", "--html", "-", *logs, check=64)
        self.log("empty.log", [])
        (self.folder / "empty.log").write_text(f"{stamp(0)} mx postfix/qmgr[9]: A1: removed\n")
        self.assertIn("No visit was read", self.run_report("--html", "-", "--maillog", "empty.log").stdout)

    def test_files_find_their_hosts_by_the_configuration(self):
        self.log("mx1.log", [session(60 * i, f"198.51.{i}.9") for i in range(50)])
        self.log("mx2.log", [session(60 * i + 5, f"198.52.{i}.9") for i in range(40)])
        (self.folder / "fakemx.conf").write_text(f"""site "shop" {{ layout = none domains = {{ "shop.example" }}
            host "mx2.shop.example" {{ preference = 20 address = {{ "203.0.113.2" }} watch = "{self.folder}/mx2.log" }}
            host "mx1.shop.example" {{ preference = 10 address = {{ "203.0.113.1" }} watch = "{self.folder}/mx1.log" }} }}""")
        lab = ("--lab", "-c", "fakemx.conf", "--json")
        for given in ([f"{self.folder}/mx1.log", f"{self.folder}/mx2.log"],
                      ["MX2.shop.example=mx2.log", "mx1.shop.example=mx1.log"]):
            site = json.loads(self.run_report(*lab, "--maillog", *given).stdout)["sites"][0]
            self.assertEqual("shop", site["site"])
            self.assertEqual([("mx1.shop.example", 10, 50), ("mx2.shop.example", 20, 40)],
                             [(h["host"], h["preference"], h["visits"]) for h in site["hosts"]])
            self.assertEqual(40, site["estimate"]["worst_host_alone"] + site["estimate"]["worst_host_alone_excused"])
        done = self.run_report(*lab, "--maillog", "other.log", check=64)
        self.assertIn("has 2 real hosts; say whose log it is: mx1.shop.example=other.log", done.stderr)
        done = self.run_report(*lab, "--maillog", "mx3.shop.example=other.log", check=64)
        self.assertIn("'mx3.shop.example' is no real host of site \"shop\"", done.stderr)

    def test_mistakes_have_a_sentence(self):
        log = self.log("mail.log", [session(0, "192.0.2.1")])
        (self.folder / "poem").write_text("Roses are red\nviolets are blue\n")
        for argv, code, text in (
                (("--maillog", "nowhere.log"), 1, "nowhere.log"),
                (("--maillog", "poem"), 1, "poem is no mail log.*the first is 'Roses are red'"),
                (("--maillog", "mx1=mail.log", "mail.log"), 64, "say of each log whose it is"),
                ((log,), 64, "takes files after --maillog only"),
                (("--maillog", "mail.log", "--since", "2026-01-02", "--until", "2026-01-01"), 64, "since")):
            self.assertRegex(self.run_report(*argv, check=code).stderr, text)

    def test_a_log_without_visits_estimates_nothing(self):
        (self.folder / "mail.log").write_text(f"{stamp(0)} mx postfix/qmgr[9]: A1: removed\n")
        self.assertIn("nothing can be estimated", self.run_report("--maillog", "mail.log").stdout)
        document = json.loads(self.run_report("--json", "--maillog", "mail.log").stdout)
        self.assertEqual([None, 0], [document["since"], document["sites"][0]["estimate"]["senders"]])
