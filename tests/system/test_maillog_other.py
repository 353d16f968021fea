"""OpenSMTPD and Sendmail are called in every way their logs should tell of, as in test_maillog_real; the
visits read from the logs are the visits that were made."""

import concurrent.futures
import ssl

from lab.callers import CALLERS, STAGES, accepted_by_tls, accepted_pipelined, call_all, greylisted
from lab.case import NAME_SERVER, RESOLVER, LabCase, long_test
from lab.client import deliver
from lab.maillog import ADDRESSES, DOMAIN, NAME, MailLogCase
from lab.net import wait_for
from lab.programs import Knot, Unbound
from lab.receivers import OpensmtpdMx, SendmailMx
from lab.serve import Serve, config
from lab.site import FAKE0, FAKE1, FAKE1_V6


def cut_off_for_pipelining(talk, domain):
    talk.send(f"EHLO out.client.example\r\nMAIL FROM:<alice@client.example>\r\nRCPT TO:<bob@{domain}>\r\n")
    while talk.line():
        pass
    return talk.gone()


def failed_by_tls(talk, _domain):
    talk.say("EHLO out.client.example")
    try:
        talk.tls()
    except ssl.SSLError:
        return talk.gone()
    raise AssertionError("TLS works here: use accepted_by_tls, and let users in")


def cut_off_by_a_filter(talk, _domain):
    talk.say("EHLO out.client.example")
    talk.say("MAIL FROM:<cut@client.example>")
    return talk.gone("deferred")


def unknown_command(talk, _domain):
    for _ in range(30):  # until it has enough of it
        if not talk.command("NONSENSE").startswith("5"):
            break
    return talk.gone()


def too_long_a_line(talk, _domain):
    talk.say("EHLO " + "x" * 3000)
    while talk.line():
        pass
    return talk.gone()


def too_many_messages(talk, domain):
    talk.say("EHLO out.client.example")
    while True:
        if not talk.say("MAIL FROM:<alice@client.example>").startswith("2"):
            return talk.quit()
        talk.say(f"RCPT TO:<bob@{domain}>")
        talk.say("DATA")
        talk.message()


def reset_within_the_message(talk, domain):
    talk.say("EHLO out.client.example")
    for command in ("MAIL FROM:<alice@client.example>", f"RCPT TO:<bob@{domain}>", "DATA"):
        talk.say(command)
    talk.send("Subject: hello\r\n\r\nhalf a")
    talk.reset()
    return talk._over()


ENDINGS = STAGES + [cut_off_by_a_filter, unknown_command, too_long_a_line, too_many_messages, reset_within_the_message]


def _silent(name, commands, outcome="aborted", is_message=False):
    """Says no more after that, until OpenSMTPD hangs up."""
    def caller(talk, domain):
        talk.socket.settimeout(400)
        for command in commands:
            talk.say(command.format(domain=domain))
        if is_message:
            talk.message()
        while talk.line():
            pass
        return talk.gone(outcome)
    caller.__name__ = f"silent_{name}"
    return caller


EHLO, MAIL, RCPT = "EHLO out.client.example", "MAIL FROM:<alice@client.example>", "RCPT TO:<bob@{domain}>"
SILENT = [_silent("after_connect", []), _silent("after_ehlo", [EHLO]), _silent("after_mail", [EHLO, MAIL]),
          _silent("after_rcpt", [EHLO, MAIL, RCPT]), _silent("after_data", [EHLO, MAIL, RCPT, "DATA"]),
          _silent("after_a_message", [EHLO, MAIL, RCPT, "DATA"], "accepted", is_message=True),
          _silent("after_greylisting", [EHLO, MAIL, "RCPT TO:<grey@{domain}>"], "deferred")]


class Opensmtpd(MailLogCase):
    """Logs no command that it accepts."""
    program, is_framed, is_sampled = "opensmtpd", True, True
    callers = [c for c in CALLERS if c not in (accepted_by_tls, accepted_pipelined)]
    callers += [cut_off_for_pipelining, failed_by_tls]
    depths = dict.fromkeys(["gone_after_ehlo", "gone_after_mail", "reset_after_mail", "gone_after_rcpt",
                            "gone_within_the_message", "failed_by_tls", "call_out",
                            "too_big_by_its_own_word"], "connect") | {"forged_sender": "mail"}
    outcomes = {"too_big_by_its_own_word": "aborted"}
    tells_sender_of = ("accepted",)
    tells_recipient_of = ("accepted", "deferred")
    tells_names = False
    lets_users_in = False

    @classmethod
    def make_mx(cls):
        return OpensmtpdMx(cls.net, "mail", ADDRESSES, NAME, [DOMAIN])

    @classmethod
    def call(cls):
        cls.mx.submit(f"bob@{DOMAIN}")  # of its own: no visit
        super().call()


class OpensmtpdEndings(Opensmtpd):
    """What its filters end, what it has enough of, and what is reset."""
    callers, keeps_all, tells_recipient_of = ENDINGS, True, ()
    depths = dict.fromkeys(["unknown_command", "too_long_a_line", "reset_within_the_message"], "connect")

    @classmethod
    def call(cls):
        cls.at_once, cls.users, cls.twice = [], [], None
        cls.made = call_all(cls.crowd, ADDRESSES[0], cls.sources[:len(cls.callers)], DOMAIN, cls.callers)
        cls.last = call_all(cls.crowd, ADDRESSES[0], [cls.sources[-1]], DOMAIN, [greylisted])[0]

    def test_3_names_are_the_verified_ones(self):
        """By the others."""

    def test_4_sessions_of_one_client_at_once_are_told_apart(self):
        """By the others."""


@long_test
class OpensmtpdTimesOut(OpensmtpdEndings):
    """After five minutes, which cannot be set."""
    callers, limit_seconds, stretches = SILENT, 600, False
    depths = dict.fromkeys(["silent_after_ehlo", "silent_after_mail", "silent_after_rcpt", "silent_after_data"], "connect")

    @classmethod
    def call(cls):
        cls.at_once, cls.users, cls.twice = [], [], None
        with concurrent.futures.ThreadPoolExecutor(len(cls.callers)) as all_at_once:
            made = [all_at_once.submit(call_all, cls.crowd, ADDRESSES[0], [source], DOMAIN, [caller])
                    for caller, source in zip(cls.callers, cls.sources)]
            cls.made = [m for one in made for m in one.result()]
        cls.last = call_all(cls.crowd, ADDRESSES[0], [cls.sources[-1]], DOMAIN, [greylisted])[0]


class Sendmail(MailLogCase):
    program, is_framed, is_sampled, stretches = "sendmail", True, True, False  # a queue id tells when a session began
    """As Debian configures it. When a session began it knows in whole seconds."""
    log_level = 9
    depths = {"gone_after_ehlo": "connect"}
    outcomes = {"too_big_by_its_own_word": "aborted"}  # it has no line of its own
    tells_sender_of = ("accepted", "deferred", "rejected")
    tells_recipient_of = ("deferred", "rejected")

    @classmethod
    def make_mx(cls):
        return SendmailMx(cls.net, "mail", ADDRESSES, NAME, [DOMAIN], cls.log_level)

    @classmethod
    def call(cls):
        cls.mx.submit(f"bob@{DOMAIN}")
        super().call()


class SendmailWithConnections(Sendmail):
    """Its log has a line for each connection, and much else."""
    is_sampled = False
    log_level = 14


class Watched(LabCase):
    """serve watches a site by the logs of both: its own probes are found in them, and who shuns the real
    hosts is told from who called there."""

    @classmethod
    def build(cls):
        cls.knot = Knot(cls.net, "ns", [NAME_SERVER])
        cls.resolver = Unbound(cls.net, "resolver", [RESOLVER], NAME_SERVER)
        cls.mail = SendmailMx(cls.net, "mail", ["30.0.0.25"], f"mail.{DOMAIN}", [DOMAIN])
        cls.backup = OpensmtpdMx(cls.net, "backup", ["30.0.0.26"], f"backup.{DOMAIN}", [DOMAIN])
        cls.decoys = cls.net.host("decoys", [FAKE0, FAKE1, FAKE1_V6])
        cls.crowd = cls.net.host("crowd", [f"30.9.{i}.1" for i in range(1, 5)])
        for program_ in (cls.knot, cls.resolver, cls.mail, cls.backup):
            program_.start()
        cls.serve = Serve(cls.decoys, config(cls, low=None, mode="enforce", grace="1s", probe_interval="2s")).start()

    def test_1_probes_are_no_visits_and_callers_are(self):
        self.serve.jump(7200, is_complete=None)  # since when both are watched
        deliver(self.crowd, "30.9.1.1", "30.0.0.25", f"bob@{DOMAIN}")
        deliver(self.crowd, "30.9.2.1", "30.0.0.26", f"grey@{DOMAIN}")
        deliver(self.crowd, "30.9.2.1", FAKE1, f"grey@{DOMAIN}")
        deliver(self.crowd, "30.9.3.1", FAKE1, f"bob@{DOMAIN}")
        wait_for("six probes", lambda: all(mx.log.read_text().count(FAKE0) > 6 for mx in (self.mail, self.backup)), 60)
        # Beyond what a queue id may tell: Sendmail's own clock does not jump.
        self.serve.jump(2 * 3600, is_complete=None)
        found = {(v["address"], v["host"]): v for v in self.serve.json_lines("visits") if v["role"] == "real"}
        self.assertEqual({("30.9.1.1", f"mail.{DOMAIN}"), ("30.9.2.1", f"backup.{DOMAIN}")}, set(found))
        self.assertEqual(["accepted", "deferred"], [found[key]["outcome"] for key in sorted(found)])
        self.assertNotIn("log-stalled", self.serve.text())

    def test_2_who_shuns_them_is_told_from_who_does_not(self):
        wait_for("its order is decided", lambda: "order" in self.serve.latest("30.9.3.1"), 60)
        self.assertEqual("backdoor", self.serve.latest("30.9.3.1")["order"])
        self.assertEqual("straight", self.serve.latest("30.9.2.1")["order"])
        self.assertTrue(self.serve.json("report")["sites"][0]["measurable"])
