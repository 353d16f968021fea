"""callers - SMTP clients that do all that a mail server's log should tell of, one by one.

    made = call_all(host, targets, addresses, "shop.example")

Each caller is one session (or two at once) and a Made: what a visit of it must
be. The mail server must take mail for bob@, bill@, and carol@DOMAIN, answer grey@DOMAIN
with 451 and nobody@DOMAIN with 550 at RCPT, refuse relaying, and offer STARTTLS.
"""

import base64
import dataclasses
import socket
import ssl
import struct
import time

from .client import Client


@dataclasses.dataclass
class Made:
    """What a session was. began and ended are the client's clock."""
    caller: str
    address: str
    depth: str
    outcome: str
    helo: str = None
    sender: str = None
    recipient_domain: str = None
    began: float = 0
    ended: float = 0
    port: int = 25


class Talk(Client):
    """A client that notes when it began and what it said."""

    def __init__(self, caller, host, source, target, port=25, is_early=False):
        """is_early: does not wait for the greeting."""
        self.made = Made(caller, source, "connect", "aborted", began=time.time(), port=port)
        super().__init__(host, source, target, port)
        if not is_early:
            self.reply()

    def say(self, text):
        """A command; remembers how deep the dialogue came."""
        verb, made = text.split()[0].upper(), self.made
        reply = self.command(text)
        if verb in ("EHLO", "HELO"):
            made.depth, made.helo = max(made.depth, "helo", key=DEPTHS.index), text.split(None, 1)[1]
        if verb == "MAIL":
            made.depth = max(made.depth, "mail", key=DEPTHS.index)
            made.sender = made.sender or text.split("<", 1)[1].rsplit(">", 1)[0]
        if verb == "RCPT":
            made.depth = max(made.depth, "rcpt", key=DEPTHS.index)
            made.recipient_domain = made.recipient_domain or text.rsplit("@", 1)[1].split(">")[0].lower()
        if verb == "DATA":
            made.depth = "data"
        return reply

    def message(self, text="Subject: hello\r\n\r\nA message of the laboratory.\r\n"):
        """The text of a message and its end."""
        reply = self.command(text + ".")
        if reply.startswith("2"):
            self.made.outcome = "accepted"
        return reply

    def tls(self):
        self.say("STARTTLS")
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.socket = context.wrap_socket(self.socket)

    def gone(self, outcome=None):
        """Closes without QUIT."""
        self.made.outcome = outcome or self.made.outcome
        self.close()
        return self._over()

    def quit(self, outcome=None):
        self.made.outcome = outcome or self.made.outcome
        self.command("QUIT")
        self.close()
        return self._over()

    def _over(self):
        self.made.ended = time.time()
        return self.made


class BehindProxy(Talk):
    """The proxy is on the mail server's machine; the client that it speaks for is `source`, anywhere. how: "xclient" or
    "proxy" (haproxy's protocol, version 1), "proxy2" (version 2)."""
    how = "xclient"

    def __init__(self, caller, host, source, target, port=25):
        self.made = Made(caller, source, "connect", "aborted", began=time.time(), port=port)
        Client.__init__(self, host, "127.0.0.1", "127.0.0.1", port)
        if self.how == "proxy":
            self.send(f"PROXY TCP4 {source} {target} 4711 {port}\r\n")
        if self.how == "proxy2":
            self.socket.sendall(b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + socket.inet_aton(source) + socket.inet_aton(target) +
                                struct.pack("!HH", 4711, port))
        self.reply()
        if self.how == "xclient":
            self.command("EHLO proxy.example")
            self.command(f"XCLIENT NAME=[UNAVAILABLE] ADDR={source}")


class BehindHaproxy(BehindProxy):
    how = "proxy"


class BehindHaproxy2(BehindProxy):
    how = "proxy2"


DEPTHS = ["connect", "helo", "mail", "rcpt", "data"]


def _greet(talk, helo="out.client.example", verb="EHLO"):
    talk.say(f"{verb} {helo}")
    return talk


def _letter(talk, domain, sender="alice@client.example", to="bob"):
    talk.say(f"MAIL FROM:<{sender}>")
    talk.say(f"RCPT TO:<{to}@{domain}>")
    talk.say("DATA")
    return talk.message()


def accepted(talk, domain):
    _letter(_greet(talk), domain)
    return talk.quit()


def accepted_by_helo_and_null_sender(talk, domain):
    _letter(_greet(talk, verb="HELO"), domain, sender="")
    return talk.quit()


def accepted_of_upper_case(talk, domain):
    _letter(_greet(talk), domain.upper(), to="Bob")
    return talk.quit()


def two_messages_in_one_session(talk, domain):
    _letter(_greet(talk), domain)
    _letter(talk, domain, to="carol")
    return talk.quit()


def refused_once_then_accepted(talk, domain):
    _greet(talk)
    talk.say("MAIL FROM:<alice@client.example>")
    talk.say(f"RCPT TO:<nobody@{domain}>")
    talk.say("RSET")
    _letter(talk, domain)
    return talk.quit()


def one_recipient_of_two_greylisted(talk, domain):
    _greet(talk)
    talk.say("MAIL FROM:<alice@client.example>")
    talk.say(f"RCPT TO:<grey@{domain}>")
    talk.say(f"RCPT TO:<bob@{domain}>")
    talk.say("DATA")
    talk.message()
    return talk.quit()


def greylisted(talk, domain):
    _greet(talk)
    talk.say("MAIL FROM:<alice@client.example>")
    talk.say(f"RCPT TO:<grey@{domain}>")
    return talk.quit("deferred")


def greylisted_and_gone(talk, domain):
    _greet(talk)
    talk.say("MAIL FROM:<alice@client.example>")
    talk.say(f"RCPT TO:<grey@{domain}>")
    return talk.gone("deferred")


def unknown_recipient(talk, domain):
    _greet(talk)
    talk.say("MAIL FROM:<alice@client.example>")
    talk.say(f"RCPT TO:<nobody@{domain}>")
    return talk.quit("rejected")


def relaying(talk, _domain):
    _greet(talk)
    talk.say("MAIL FROM:<alice@client.example>")
    talk.say("RCPT TO:<somebody@elsewhere.example>")
    return talk.quit("rejected")


def gone_after_connect(talk, _domain):
    return talk.gone()


def quits_after_connect(talk, _domain):
    return talk.quit()


def gone_after_ehlo(talk, _domain):
    return _greet(talk).gone()


def gone_after_mail(talk, _domain):
    _greet(talk).say("MAIL FROM:<alice@client.example>")
    return talk.gone()


def reset_after_mail(talk, _domain):
    _greet(talk).say("MAIL FROM:<alice@client.example>")
    talk.reset()
    return talk._over()


def gone_after_rcpt(talk, domain):
    _greet(talk).say("MAIL FROM:<alice@client.example>")
    talk.say(f"RCPT TO:<bob@{domain}>")
    return talk.gone()


def call_out(talk, domain):
    """Asks whether a recipient would be taken, and leaves."""
    _greet(talk).say("MAIL FROM:<alice@client.example>")
    talk.say(f"RCPT TO:<bob@{domain}>")
    return talk.quit()


def too_big_by_its_own_word(talk, _domain):
    _greet(talk).say("MAIL FROM:<alice@client.example> SIZE=999999999")
    return talk.quit("rejected")


def slow(talk, domain):
    """Long enough that a log whose time is stretched shows a session of 20 minutes."""
    _greet(talk)
    time.sleep(2)
    _letter(talk, domain)
    return talk.quit()


def gone_within_the_message(talk, domain):
    _greet(talk).say("MAIL FROM:<alice@client.example>")
    talk.say(f"RCPT TO:<bob@{domain}>")
    talk.say("DATA")
    talk.send("Subject: hello\r\n\r\nhalf a")
    return talk.gone()


def accepted_by_tls(talk, domain):
    _greet(talk).tls()
    _letter(_greet(talk), domain)
    return talk.quit()


def accepted_pipelined(talk, domain):
    _greet(talk)
    talk.send(f"MAIL FROM:<alice@client.example>\r\nRCPT TO:<bob@{domain}>\r\nDATA\r\n")
    replies = [talk.reply()[:3] for _ in range(3)]
    talk.made.depth, talk.made.sender, talk.made.recipient_domain = "data", "alice@client.example", domain
    if replies == ["250", "250", "354"]:
        talk.message()
    return talk.quit()


def forged_sender(talk, domain):
    """Words of a log where a client may write them."""
    talk.say("EHLO out.client.example")
    talk.say('MAIL FROM:<"x H=y [192.0.2.1] P=smtp, connect from z[192.0.2.2], address=192.0.2.3 relay=[192.0.2.4]"@client.example>')
    talk.say(f"RCPT TO:<nobody@{domain}>")
    return talk.quit("rejected")


def forged_helo(talk, domain):
    """Refused at EHLO by some, so goes on with a good one."""
    talk.say("EHLO x[192.0.2.1]")
    talk.say("HELO [203.0.113.7]")
    talk.say("MAIL FROM:<alice@client.example>")
    talk.say(f"RCPT TO:<nobody@{domain}>")
    return talk.quit("rejected")


def not_smtp(talk, _domain):
    talk.command("GET / HTTP/1.1")
    return talk.gone()


CALLERS = [accepted, accepted_by_helo_and_null_sender, accepted_of_upper_case, two_messages_in_one_session,
           refused_once_then_accepted, one_recipient_of_two_greylisted, greylisted, greylisted_and_gone,
           unknown_recipient, relaying, gone_after_connect, quits_after_connect, gone_after_ehlo, gone_after_mail,
           reset_after_mail, gone_after_rcpt, call_out, too_big_by_its_own_word, slow, gone_within_the_message, accepted_by_tls, accepted_pipelined,
           forged_sender, forged_helo, not_smtp]


def _from_filter(talk, domain, sender, outcome):
    _greet(talk)
    _letter(talk, domain, sender=sender)
    return talk.quit(outcome)


def filtered_for_now(talk, domain):
    return _from_filter(talk, domain, "filter4@client.example", "deferred")


def filtered_for_good(talk, domain):
    return _from_filter(talk, domain, "filter5@client.example", "rejected")


def _to_milter(talk, domain, to, outcome):
    _greet(talk).say("MAIL FROM:<alice@client.example>")
    talk.say(f"RCPT TO:<{to}@{domain}>")
    return talk.quit(outcome)


def milter_greylists(talk, domain):
    return _to_milter(talk, domain, "milter4", "deferred")


def milter_refuses(talk, domain):
    return _to_milter(talk, domain, "milter5", "rejected")


def _refused(stage, code):
    """By what the mail server is told to make of these names and addresses."""
    def caller(talk, domain):
        outcome = "deferred" if code == 4 else "rejected"
        steps = [f"EHLO {f'helo{code}' if stage == 'helo' else 'out'}.client.example", f"MAIL FROM:<{stage}{code}@client.example>",
                 f"RCPT TO:<bob@{domain}>", "DATA"]
        for step in steps[:{"connect": 0, "helo": 1, "mail": 2}.get(stage, 4)]:
            talk.say(step)
        if stage == "message":
            talk.message()
        return talk.gone(outcome) if stage == "connect" else talk.quit(outcome)
    caller.__name__ = f"refused_{code}_at_{stage}"
    if stage == "connect":
        caller.source = f"30.{code}.0.1"
    return caller


# At RCPT there are greylisted and unknown_recipient.
STAGES = [_refused(stage, code) for stage in ("connect", "helo", "mail", "data", "message") for code in (4, 5)]


def call_all(host, target, sources, domain, callers=CALLERS, talk=Talk):
    """Each caller with a source address of its own, one after the other."""
    made = []
    for caller, source in zip(callers, sources, strict=True):
        made.append(caller(talk(caller.__name__, host, source, target), domain))
    return made


def call_authenticated(host, source, target, domain, port, user="lab", password="lab"):
    """A user hands in mail: no visit."""
    talk = Talk("authenticated", host, source, target, port)
    _greet(talk)
    if port != 465:
        talk.tls()
        _greet(talk)
    text = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
    reply = talk.command(f"AUTH PLAIN {text}")
    if not reply.startswith("235"):
        raise RuntimeError(f"AUTH at port {port}: {reply}")
    _letter(talk, domain)
    if talk.made.outcome != "accepted":
        raise RuntimeError("the authenticated message was not taken")
    return talk.quit()


def call_at_once(host, source, target, domain):
    """Two sessions of one client, one within the other."""
    outer = Talk("outer", host, source, target)
    _greet(outer).say("MAIL FROM:<alice@client.example>")
    inner = Talk("inner", host, source, target)
    _greet(inner).say("MAIL FROM:<alice@client.example>")
    inner.say(f"RCPT TO:<grey@{domain}>")
    made = [inner.quit("deferred")]
    outer.say(f"RCPT TO:<bob@{domain}>")
    outer.say("DATA")
    outer.message()
    return [outer.quit()] + made
