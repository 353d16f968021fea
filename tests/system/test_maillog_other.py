"""OpenSMTPD and Sendmail are called in every way their logs should tell of, as in test_maillog_real; the
visits read from the logs are the visits that were made."""

import ssl

from lab.callers import CALLERS, accepted_by_tls, accepted_pipelined
from lab.maillog import ADDRESSES, DOMAIN, NAME, MailLogCase
from lab.receivers import OpensmtpdMx, SendmailMx


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


class Opensmtpd(MailLogCase):
    """Logs no command that it accepts."""
    callers = [c for c in CALLERS if c not in (accepted_by_tls, accepted_pipelined)]
    callers += [cut_off_for_pipelining, failed_by_tls]
    depths = dict.fromkeys(["gone_after_ehlo", "gone_after_mail", "reset_after_mail", "gone_after_rcpt",
                            "gone_within_the_message", "failed_by_tls"], "connect") | {"forged_sender": "mail"}
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


class Sendmail(MailLogCase):
    """As Debian configures it. When a session began it knows in whole seconds."""
    log_level = 9
    depths = {"gone_after_ehlo": "connect"}
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
    log_level = 14
