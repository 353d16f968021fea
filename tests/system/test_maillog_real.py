"""Real mail servers are called in every way their logs should tell of; the visits read from the
logs are the visits that were made."""

from lab import net
from lab.callers import Talk
from lab.exim_mx import EximMx
from lab.maillog import ADDRESSES, DOMAIN, NAME, MailLogCase, visits
from lab.postfix_mx import CallablePostfix

NO_MAIL = {"gone_after_connect", "quits_after_connect", "gone_after_ehlo", "not_smtp"}


class Postfix(MailLogCase):
    """Logs the HELO of refused sessions alone."""
    tells_helo_of = tells_recipient_of = ("deferred", "rejected")
    tells_sender_of = ("accepted", "deferred", "rejected")

    @classmethod
    def make_mx(cls):
        return CallablePostfix(cls.net, "mail", ADDRESSES, NAME, [DOMAIN])


class PostfixBySyslog(Postfix):
    """The same with fractions of seconds, and long queue ids."""

    @classmethod
    def make_mx(cls):
        return CallablePostfix(cls.net, "mail", ADDRESSES, NAME, [DOMAIN], with_syslog=True,
                               parameters={"enable_long_queue_ids": "yes"})


class Postscreen(Postfix):
    """postscreen lets pass who waits for the greeting; smtpd goes on."""

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
    selector, more, with_syslog = "", "", False
    unseen = NO_MAIL
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
    tells_sessions_apart = True


class EximWithAll(EximAsAdvised):
    selector, more = "+all", "log_timezone = true\n"
    depths = {}


class EximBySyslog(EximAsAdvised):
    """Told apart by process alone; reject lines come twice."""
    selector, with_syslog = "+pid +smtp_connection", True


class EximBySyslogWithoutStamps(Exim):
    selector, with_syslog, more = "+incoming_port", True, "syslog_timestamp = false\nsyslog_pid = false\n"
    tells_sessions_apart = True
