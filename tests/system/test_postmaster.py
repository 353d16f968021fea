"""RCPT TO:<Postmaster>, the one mailbox without a domain (RFC 5321 4.5.1), at each real mail server: whether it was
taken or not, its log tells the visit that it was."""

from lab.callers import Talk
from lab.case import NAME_SERVER, RESOLVER, LabCase
from lab.exim_mx import EximMx
from lab.maillog import ADDRESSES, DOMAIN, NAME, visits
from lab.net import wait_for
from lab.postfix_mx import CallablePostfix
from lab.programs import Knot, Unbound
from lab.receivers import OpensmtpdMx, SendmailMx

SOURCE = "30.9.1.1"


class PostmasterAtPostfix(LabCase):
    limit_seconds = 120

    @classmethod
    def make_mx(cls):
        return CallablePostfix(cls.net, "mail", ADDRESSES, NAME, [DOMAIN])

    @classmethod
    def build(cls):
        cls.knot = Knot(cls.net, "ns", [NAME_SERVER])
        cls.resolver = Unbound(cls.net, "resolver", [RESOLVER], NAME_SERVER)
        cls.crowd = cls.net.host("crowd", [SOURCE])
        cls.mx = cls.make_mx()
        for program in (cls.knot, cls.resolver, cls.mx):
            program.start()

    def test_the_log_tells_the_visit(self):
        talk = Talk("postmaster", self.crowd, SOURCE, ADDRESSES[0])
        talk.command("EHLO out.client.example")
        talk.command("MAIL FROM:<alice@client.example>")
        taken = talk.command("RCPT TO:<Postmaster>")
        if taken.startswith("2"):
            talk.command("DATA")
            talk.command("Subject: hello\r\n\r\ntext\r\n.")
        talk.command("QUIT")
        talk.close()
        want = {"2": ("data", "accepted"), "4": ("rcpt", "deferred"), "5": ("rcpt", "rejected")}[taken[0]]
        wait_for(f"the visit, {want}", lambda: [want] == [(v["depth"], v["outcome"]) for v in self.found()])
        self.assertIn(self.found()[0]["sender"], ("alice@client.example", None))  # OpenSMTPD tells none that it refused
        self.assertIn(self.found()[0]["recipient_domain"], (NAME, DOMAIN, None))  # or what the server made of it

    def found(self):
        return [v for v in visits(self.mx.log) if v["address"] == SOURCE]


class PostmasterAtExim(PostmasterAtPostfix):
    @classmethod
    def make_mx(cls):
        return EximMx(cls.net, "mail", ADDRESSES, NAME, [DOMAIN])


class PostmasterAtOpensmtpd(PostmasterAtPostfix):
    @classmethod
    def make_mx(cls):
        return OpensmtpdMx(cls.net, "mail", ADDRESSES, NAME, [DOMAIN])


class PostmasterAtSendmail(PostmasterAtPostfix):
    @classmethod
    def make_mx(cls):
        return SendmailMx(cls.net, "mail", ADDRESSES, NAME, [DOMAIN])
