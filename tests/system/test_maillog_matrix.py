"""Postfix and Sendmail with what stands in front of them or beside: proxies, milters, filters before the queue. Each ending of a
session, in each framing of the log, is the visit that was made."""

from lab import callers
from lab.beside_mx import FILTER, MILTER
from lab.exim_mx import EximMx
from lab.maillog import ADDRESSES, DOMAIN, NAME, MailLogCase, visits
from lab.net import wait_for
from lab.postfix_mx import CallablePostfix
from lab.receivers import OpensmtpdMx, SendmailMx

SHORT = [callers.accepted, callers.two_messages_in_one_session, callers.greylisted, callers.greylisted_and_gone,
         callers.unknown_recipient, callers.relaying, callers.quits_after_connect, callers.gone_after_connect,
         callers.gone_after_ehlo, callers.gone_after_mail, callers.gone_after_rcpt, callers.call_out,
         callers.too_big_by_its_own_word, callers.gone_within_the_message, callers.accepted_pipelined,
         callers.not_smtp, callers.slow]


class Ways(MailLogCase):
    """Postfix, its callers one after the other."""
    program, is_framed, callers, talk = "postfix", True, SHORT, callers.Talk
    tells_helo_of = ()
    tells_sender_of = ("deferred", "rejected")
    parameters = {}

    @classmethod
    def make_mx(cls):
        return CallablePostfix(cls.net, "mail", ADDRESSES, NAME, [DOMAIN], with_syslog=True, parameters=cls.parameters)

    @classmethod
    def call(cls):
        cls.before_calls()
        cls.at_once, cls.users, cls.twice = [], [], None
        who = cls.crowd
        cls.made = callers.call_all(who, ADDRESSES[0], cls.sources[:len(cls.callers)], DOMAIN, cls.callers, cls.talk)
        cls.last = callers.call_all(who, ADDRESSES[0], [cls.sources[-1]], DOMAIN, [callers.greylisted], cls.talk)[0]

    @classmethod
    def before_calls(cls):
        pass

    def test_3_names_are_the_verified_ones(self):
        self.assertEqual({None}, {v["name"] for v in self.visits})

    def test_4_sessions_of_one_client_at_once_are_told_apart(self):
        """By the others."""


class BehindXclient(Ways):
    """A proxy of this network names its client by XCLIENT."""
    talk = callers.BehindProxy
    callers = [c for c in SHORT if c not in (callers.quits_after_connect, callers.gone_after_connect, callers.not_smtp)]
    parameters = {"smtpd_authorized_xclient_hosts": "127.0.0.1"}

    @classmethod
    def before_calls(cls):
        cls.crowd = cls.mx.host


class BehindHaproxy(BehindXclient):
    """A proxy of this network names its client before the greeting, so that it is the client from the begin."""
    talk = callers.BehindHaproxy
    callers = SHORT
    parameters = {"smtpd_upstream_proxy_protocol": "haproxy"}


class OpensmtpdBehindHaproxy(BehindXclient):
    """The same with OpenSMTPD, which speaks version 2 of that protocol; it logs no command that it accepts."""
    program, talk = "opensmtpd", callers.BehindHaproxy2
    callers = [c for c in SHORT if c is not callers.accepted_pipelined]
    depths = dict.fromkeys(["gone_after_ehlo", "gone_after_mail", "gone_after_rcpt", "gone_within_the_message", "call_out",
                            "too_big_by_its_own_word"], "connect")
    outcomes = {"too_big_by_its_own_word": "aborted"}
    tells_sender_of = ()

    @classmethod
    def make_mx(cls):
        class BehindProxy(OpensmtpdMx):
            how_to_listen = "proxy-v2"
        return BehindProxy(cls.net, "mail", ADDRESSES, NAME, [DOMAIN])


class EximBehindHaproxy(BehindXclient):
    """The same with Exim, whose lines of connections name the proxy: the manual has them left out."""
    program, talk, stretches = "exim", callers.BehindHaproxy, False

    @classmethod
    def make_mx(cls):
        class BehindProxy(EximMx):
            package = "exim-heavy"
        return BehindProxy(cls.net, "mail", ADDRESSES, NAME, [DOMAIN], "+all -smtp_connection", more="log_timezone = true\nhosts_proxy = 127.0.0.1\n")


class FilterBeforeTheQueue(Ways):
    callers = SHORT + [callers.filtered_for_now, callers.filtered_for_good]
    parameters = {"smtpd_proxy_filter": "127.0.0.1:10025"}

    @classmethod
    def before_calls(cls):
        cls.filter = cls.mx.host.spawn(["/usr/bin/python3", "-c", FILTER], name="filter")
        wait_for("the filter", lambda: cls.mx.host.is_listening(10025))


class PostfixAtEachStage(Ways):
    """Refused for now and for good at each of them, there and then."""
    callers = callers.STAGES
    parameters = {
        "smtpd_delay_reject": "no",
        "smtpd_client_restrictions": "check_client_access inline:{{30.4.0.1 = 450 4.7.1 later} {30.5.0.1 = 550 5.7.1 no}}",
        "smtpd_helo_restrictions": "check_helo_access inline:{{helo4.client.example = 450 4.7.1 later} {helo5.client.example = 550 5.7.1 no}}",
    } | {f"smtpd_{name}_restrictions": f"check_sender_access inline:{{{{{stage}4@client.example = 450 4.7.1 later}} "
                                       f"{{{stage}5@client.example = 550 5.7.1 no}}}}"
         for name, stage in (("sender", "mail"), ("data", "data"), ("end_of_data", "message"))}


class EximAtEachStage(Ways):
    program, stretches, callers = "exim", False, callers.STAGES

    @classmethod
    def make_mx(cls):
        def acl(stage, match):
            return (f"{stage}:\n  deny {match.format(5)}\n       message = no\n  defer {match.format(4)}\n        message = later\n  accept\n")
        acls = "".join(acl(stage, match) for stage, match in (
            ("connect", "hosts = 30.{}.0.1"), ("helo", "condition = ${{if match{{$sender_helo_name}}{{^helo{}}}}}"),
            ("mail", "senders = mail{}@client.example"), ("predata", "senders = data{}@client.example"),
            ("data", "senders = message{}@client.example")))

        class AtEachStage(EximMx):
            def write_configuration(self):
                super().write_configuration()
                path = "/etc/exim4/exim4.conf"
                names = "".join(f"acl_smtp_{stage} = {stage}\n" for stage in ("connect", "helo", "mail", "predata", "data"))
                text = self.host.run(["cat", path]).stdout.replace("acl_smtp_data = accept\n", names)
                self.host.write(path, text.replace("begin acl\n", f"begin acl\n{acls}"), "640", "root:Debian-exim")
        return AtEachStage(cls.net, "mail", ADDRESSES, NAME, [DOMAIN], "+all", more="log_timezone = true\n")


class Milter(Ways):
    callers = SHORT + callers.STAGES + [callers.filtered_for_now, callers.filtered_for_good, callers.milter_greylists, callers.milter_refuses]
    parameters = {"smtpd_milters": "inet:127.0.0.1:12346"}

    @classmethod
    def before_calls(cls):
        cls.milter = cls.mx.host.spawn(["/usr/bin/python3", "-c", MILTER], name="milter")
        wait_for("the milter", lambda: cls.mx.host.is_listening(12346))


class SendmailsMilter(Milter):
    program, stretches, parameters = "sendmail", False, {}
    unseen = {"refused_4_at_helo", "refused_5_at_helo"}  # it does not say of whom
    depths = {"gone_after_ehlo": "connect"}
    outcomes = {"too_big_by_its_own_word": "aborted"}

    @classmethod
    def make_mx(cls):
        class WithMilter(SendmailMx):
            def configure(self):
                super().configure()
                self.host.script("""
                    cd /etc/mail
                    echo "INPUT_MAIL_FILTER(\\`lab', \\`S=inet:12346@127.0.0.1')dnl" >> sendmail.mc
                    m4 sendmail.mc > sendmail.cf
                    printf 'milter4: /dev/null\\nmilter5: /dev/null\\n' >> aliases; newaliases""")
        return WithMilter(cls.net, "mail", ADDRESSES, NAME, [DOMAIN])

    def test_9_a_header_that_the_milter_adds_is_its_verdict(self):
        source = self.net.host("spammer", ["30.6.0.1"])
        talk = callers.Talk("spam", source, "30.6.0.1", ADDRESSES[0])
        for text in ("EHLO spam.example", "MAIL FROM:<spam@client.example>", f"RCPT TO:<bob@{DOMAIN}>", "DATA"):
            talk.say(text)
        talk.message()
        talk.quit()
        wait_for("its visit", lambda: [v for v in visits(self.mx.log) if v["address"] == "30.6.0.1" and v["spam"]])
