"""Real mail programs walk a site with decoys at both ends, watched by fakemx-serve: nothing
good is lost, delayed much, accused or listed, also while the real hosts are down."""

import json
import subprocess
import time

from lab import net
from lab.case import LabCase, program
from lab.programs import EximSender, OpensmtpdSender, PostfixSender
from lab.serve import Serve, config
from lab.site import DOMAIN, FAKE0, FAKE1, Site


class RealMail(LabCase):
    """enforce, so that a mistake would list somebody."""

    @classmethod
    def build(cls):
        cls.site = Site(cls.net)
        cls.serve = Serve(cls.site.decoys, config(cls.site, mode="enforce", grace="1s", probe_interval="2s",
                                                  confirm="15s")).start()
        for sender in cls.site.senders:
            sender.start()
        cls.ids = []

    def test_1_four_senders_deliver_20_messages_each_exactly_once(self):
        self.serve.catch_up()
        time.sleep(13)  # a connect line may stand ten seconds after its visit began
        sent = {s: s.submit(DOMAIN, 20) for s in self.site.senders}
        for sender in self.site.senders:
            sender.wait_until_sent(sent[sender])
            self.ids.extend(sent[sender])
        self.assert_exactly_once(self.ids, self.site.stored())

    def test_2_each_sender_is_straight_and_reached(self):
        # An order is decided when `confirm` has passed; OpenSMTPD keeps its session for a while.
        net.wait_for("the orders are decided", lambda: all(
            self.serve.latest(s.address).get("order", "unknown") != "unknown" for s in self.site.senders), 60, 0.2)
        for sender in self.site.senders:
            with self.subTest(sender=sender.profile):
                verdict = self.serve.latest(sender.address)
                self.assertEqual(("straight", "reached"), (verdict.get("order"), verdict.get("fate")), verdict)
        site = self.serve.json("report")["sites"][0]
        self.assertTrue(site["measurable"], site)
        self.assertEqual({"straight": 4, "skipped": 0, "shotgun": 0, "backdoor": 0, "unknown": 0}, site["order"])
        self.assertEqual(4, site["fate"]["reached"], site["fate"])
        self.assertEqual(0, site["fate"]["stopped"] + site["fate"]["unknown"] + site["fate"]["pending"], site["fate"])
        self.assertEqual([], site["at_risk"])

    def test_3_the_delay_agrees_with_the_senders_own_logs(self):
        for sender in self.site.senders:
            with self.subTest(sender=sender.profile):
                verdict = self.serve.latest(sender.address)
                measured, error = float(verdict["delay"]), float(verdict["delay_error"])
                # The walk began with the first message; its own delay holds the walk and the delivery.
                first = min(sender.deliveries().values(), key=lambda d: d.delivered - d.delay)
                self.assertAlmostEqual(measured, first.delay, delta=error + first.precision + 0.5)
                self.assertLess(measured, 6, "the article's about one second, OpenSMTPD's pauses included")
        delays = self.serve.json("report")["sites"][0]["delay_seconds"]
        self.assertEqual(4, delays["count"], delays)
        self.assertLess(delays["max"], 6, delays)

    def test_4_the_visits_tell_who_went_where(self):
        visits = self.serve.json_lines("visits")
        for sender in self.site.senders:
            with self.subTest(sender=sender.profile):
                mine = [v for v in visits if v["address"] == sender.address]
                low = [v for v in mine if v["host"] == f"fake0.{DOMAIN}"]
                real = [v for v in mine if v["role"] == "real"]
                self.assertTrue(low and all(v["depth"] == "connect" for v in low), low)
                self.assertTrue(real and any(v["outcome"] == "accepted" for v in real), real)
                self.assertFalse([v for v in mine if v["host"] == f"fake1.{DOMAIN}"])
        ours = {FAKE0, FAKE1, self.site.mail.address, self.site.backup.address}
        self.assertFalse([v for v in visits if v["address"] in ours], "own health probes are no visits")

    def test_5_each_senders_log_tells_that_its_site_writes_to_this_domain(self):
        for sender in self.site.senders:
            with self.subTest(sender=sender.profile):
                log = (sender.host.folder / sender.log_name).read_bytes()
                told = subprocess.run([program("fakemx"), "feed", "--maillog", "-", "--host", "out", "--to", "-", "--since", "1d"], check=True,
                                      input=log, stdout=subprocess.PIPE, env={"TZ": "UTC", "PATH": "/usr/bin:/bin"}).stdout.decode()
                self.assertEqual({DOMAIN}, {v["domain"] for v in map(json.loads, told.splitlines()) if "delivered" in v})
                self.assertNotIn("@", told)

    def test_5_nobody_is_listed(self):
        self._assert_nobody_accused()

    def _assert_nobody_accused(self):
        self.assertEqual([], [v for v in self.serve.events("listing") if v["listed"] == "yes"])
        self.assertEqual([], [v for v in self.serve.events("verdict") if v["order"] == "backdoor"])
        self.assertEqual([], [v for v in self.serve.events("verdict") if v["fate"] == "stopped"])
        self.assertEqual("", self.serve.fakemx("list", "--format", "plain", check=0).stdout)

    def test_6_mail_queues_while_the_real_hosts_are_down_and_arrives_afterwards(self):
        self.site.stop_real_hosts()
        sent = {s: s.submit(DOMAIN, 3, "down") for s in self.site.senders}
        for sender in self.site.senders:
            net.wait_for(f"{sender.profile} tries", lambda s=sender: set(sent[s]) <= set(s.deliveries()), 40)
            self.assertEqual(set(sent[sender]), sender.queue(), sender.profile)
        net.wait_for("visits at the high decoy", lambda: [
            v for v in self.serve.json_lines("visits") if v["host"] == f"fake1.{DOMAIN}"])
        self.site.start_real_hosts()
        for sender in self.site.senders:
            sender.wait_until_sent(sent[sender], flush=True)
            self.ids.extend(sent[sender])
        self.assert_exactly_once(self.ids, self.site.stored())
        self._assert_nobody_accused()


class Gap(LabCase):
    """The real hosts are down between two health probes, which both succeed: their logs alone
    tell. The senders are new here: no earlier contact excuses them."""

    @classmethod
    def build(cls):
        cls.site = Site(cls.net, [PostfixSender, OpensmtpdSender, EximSender], with_syslog=True)
        cls.serve = Serve(cls.site.decoys, config(cls.site, mode="enforce", grace="1s", probe_interval="30m")).start()
        for sender in cls.site.senders:
            sender.start()
        cls.serve.catch_up()  # the probe before the gap is over

    def test_mail_waits_out_the_gap_and_nobody_is_accused(self):
        self.site.stop_real_hosts()
        sent = {s: s.submit(DOMAIN, 3, "gap") for s in self.site.senders}
        for sender in self.site.senders:
            net.wait_for(f"{sender.profile} tries", lambda s=sender: set(sent[s]) <= set(s.deliveries()), 40)
        # Not Postfix: the decoy is the sixth address here, and smtp_mx_address_limit is five.
        at_high = {s.address for s in self.site.senders[1:]}
        net.wait_for("visits at the high decoy", lambda: at_high == {
            v["address"] for v in self.serve.json_lines("visits") if v["host"] == f"fake1.{DOMAIN}"})
        self.site.start_real_hosts()
        # Two come back at once, one when everything about its first visits would be decided.
        early, late = self.site.senders[:2], self.site.senders[2:]
        for sender in early:
            sender.wait_until_sent(sent[sender], flush=True)
        self.serve.jump(15 * 60)
        for sender in late:
            sender.wait_until_sent(sent[sender], flush=True)
        self.assert_exactly_once([i for ids in sent.values() for i in ids], self.site.stored())
        self.serve.jump(31 * 60)
        for _ in range(6):
            self.serve.jump(86400)
        verdicts = self.serve.events("verdict")
        self.assertEqual([], [v for v in verdicts if v["order"] == "backdoor"])
        self.assertEqual([], [v for v in verdicts if v["fate"] == "stopped"])
        self.assertEqual([], [v for v in self.serve.events("listing") if v["listed"] == "yes"])
        for sender in self.site.senders:
            self.assertEqual("reached", self.serve.latest(sender.address).get("fate"), sender.profile)


class TwoFamilies(LabCase):
    """The low decoy has IPv4 alone, so a sender may knock there by IPv4 and deliver by IPv6."""

    @classmethod
    def build(cls):
        cls.site = Site(cls.net, v6=True, with_syslog=True)
        cls.serve = Serve(cls.site.decoys, config(cls.site, mode="enforce", grace="1s", probe_interval="2s")).start()
        for sender in cls.site.senders:
            sender.start()

    def test_a_sender_that_walks_on_in_the_other_family_is_not_accused(self):
        sent = {s: s.submit(DOMAIN, 5) for s in self.site.senders}
        for sender in self.site.senders:
            sender.wait_until_sent(sent[sender])
        self.assert_exactly_once([i for ids in sent.values() for i in ids], self.site.stored())
        accepted = {v["address"] for v in self.serve.json_lines("visits") if v["role"] == "real"}
        self.assertTrue([a for a in accepted if ":" in a], "somebody should have used IPv6")
        for _ in range(6):
            self.serve.jump(86400)
        self.assertEqual([], [v for v in self.serve.events("verdict") if v["order"] == "backdoor"])
        self.assertEqual([], [v for v in self.serve.events("listing") if v["listed"] == "yes"])
