"""Real mail servers are called in every way their logs should tell of; the visits read from the
logs are the visits that were made."""

import functools

from lab import net
from lab.callers import Talk
from lab.case import LabCase
from lab.exim_mx import EximMx
from lab.maillog import ADDRESSES, DOMAIN, NAME, MailLogCase, visits
from lab.postfix_mx import CallablePostfix
from lab.programs import EximSender, PostfixSender
from lab.serve import Serve, config
from lab.site import Site

NO_MAIL = {"gone_after_connect", "quits_after_connect", "gone_after_ehlo", "not_smtp"}


class Postfix(MailLogCase):
    """Logs the HELO of refused sessions alone."""
    program = "postfix"
    tells_helo_of = ("deferred", "rejected")
    tells_recipient_of = ("accepted", "deferred", "rejected")
    tells_sender_of = ("accepted", "deferred", "rejected")

    @classmethod
    def make_mx(cls):
        return CallablePostfix(cls.net, "mail", ADDRESSES, NAME, [DOMAIN])


class PostfixBySyslog(Postfix):
    """The same with fractions of seconds, and long queue ids."""
    is_framed = is_sampled = True

    @classmethod
    def make_mx(cls):
        return CallablePostfix(cls.net, "mail", ADDRESSES, NAME, [DOMAIN], with_syslog=True,
                               parameters={"enable_long_queue_ids": "yes"})


class Postscreen(Postfix):
    """postscreen lets pass who waits for the greeting; smtpd goes on."""
    is_framed = True

    @classmethod
    def make_mx(cls):
        return CallablePostfix(cls.net, "mail", ADDRESSES, NAME, [DOMAIN], with_syslog=True, with_postscreen=True)

    @classmethod
    def call(cls):
        super().call()
        cls.crowd.add_address("30.9.100.1")
        cls.crowd.add_address("30.9.101.1")
        early = Talk("early", cls.crowd, "30.9.100.1", ADDRESSES[0], is_early=True)
        early.send("EHLO early.example\r\n")
        early.reply()
        early.send(f"EHLO early.example\r\nMAIL FROM:<a@early.example>\r\nRCPT TO:<bob@{DOMAIN}>\r\nQUIT\r\n")
        while early.line():
            pass
        early.close()
        Talk("hasty", cls.crowd, "30.9.101.1", ADDRESSES[0], is_early=True).gone()
        net.wait_for("the log tells of both", lambda: {"30.9.100.1", "30.9.101.1"} <= {
            v["address"] for v in visits(cls.mx.log)})

    def test_2_nobody_else_came(self):
        self.visits = [v for v in self.visits if v["address"] not in ("30.9.100.1", "30.9.101.1")]
        super().test_2_nobody_else_came()

    def test_6_who_speaks_first_or_hangs_up_is_a_visit_of_postscreens(self):
        found = {v["address"]: (v["depth"], v["outcome"]) for v in self.visits}
        self.assertEqual(("rcpt", "rejected"), found["30.9.100.1"])
        self.assertEqual(("connect", "aborted"), found["30.9.101.1"])


class Exim(MailLogCase):
    """As Debian ships it: no connections in the log, and nothing to tell sessions apart."""
    program, stretches = "exim", False  # D= tells how long a session was
    selector, more, with_syslog = "", "", False
    unseen = NO_MAIL | {"call_out"}
    depths = {"gone_after_rcpt": "mail"}
    tells_helo_of = tells_sender_of = ("accepted", "deferred", "rejected")
    tells_recipient_of = ("accepted", "deferred", "rejected")
    tells_sessions_apart = False
    tells_helo_that_is_the_name = False

    @classmethod
    def make_mx(cls):
        return EximMx(cls.net, "mail", ADDRESSES, NAME, [DOMAIN], cls.selector, cls.with_syslog, cls.more)


class EximAsAdvised(Exim):
    """With what the manual asks for."""
    selector = "+smtp_connection +incoming_port +incoming_interface"
    unseen = set()
    depths = Exim.depths | {"call_out": "helo"}  # it takes +smtp_incomplete_transaction to tell
    tells_sessions_apart = True


class EximWithAll(EximAsAdvised):
    is_framed = is_sampled = True
    selector, more = "+all", "log_timezone = true\n"
    depths = {}


class EximBySyslog(EximAsAdvised):
    is_framed = True
    """Told apart by process alone; reject lines come twice."""
    selector, with_syslog = "+pid +smtp_connection", True


class EximBySyslogWithoutStamps(Exim):
    selector, with_syslog, more = "+incoming_port", True, "syslog_timestamp = false\nsyslog_pid = false\n"
    tells_sessions_apart = True


class EximWatched(LabCase):
    """Two Exims whose logs tell what the manual asks for are eyes as good as Postfix's."""

    @classmethod
    def build(cls):
        advised = functools.partial(EximMx, selector=EximAsAdvised.selector)
        cls.site = Site(cls.net, [PostfixSender, EximSender], with_syslog=True, mx=advised)
        cls.serve = Serve(cls.site.decoys, config(cls.site, mode="enforce", grace="1s", probe_interval="2s",
                                                  confirm="15s")).start()
        for sender in cls.site.senders:
            sender.start()

    def test_1_senders_are_straight_and_reached(self):
        self.serve.jump(7200)  # since when both are watched
        for sender in self.site.senders:
            sender.wait_until_sent(sender.submit(DOMAIN, 3))
        self.serve.jump(120)
        for sender in self.site.senders:
            with self.subTest(sender=sender.profile):
                verdict = self.serve.latest(sender.address)
                self.assertEqual(("straight", "reached"), (verdict.get("order"), verdict.get("fate")), verdict)

    def test_2_the_site_is_measurable_and_our_probes_are_no_visits(self):
        site = self.serve.json("report")["sites"][0]
        self.assertTrue(site["measurable"], site)
        came = {v["address"] for v in self.serve.json_lines("visits")}
        self.assertEqual({s.address for s in self.site.senders}, came)
        self.assertEqual([], self.serve.events("log-stalled"))

    def test_3_a_start_of_exim_is_told(self):
        self.site.stop_real_hosts()
        self.site.start_real_hosts()
        net.wait_for("the start is told", lambda: "its log says that it was started" in self.serve.text())
