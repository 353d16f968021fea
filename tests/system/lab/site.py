"""site - the site of the article's part two, with everything around it.

    fake0   0   30.0.0.30               decoy (IPv4 only: a low decoy has one address)
    mail   10   30.0.0.25  3ffe::25     Postfix
    backup 20   30.0.0.26  3ffe::26     Postfix
    fake1  30   30.0.0.31  3ffe::31     decoy

The decoy addresses belong to a host without a mail server, so they answer RST
until a test starts something on it. Each sender has a /24 and a /64 of its own and
a name that is confirmed both ways; the hosts of bots have none.
"""

from .case import NAME_SERVER, RESOLVER
from .programs import SENDERS, Knot, PostfixMx, Unbound, address_records

DOMAIN = "shop.example"
FAKE0, FAKE1 = "30.0.0.30", "30.0.0.31"
FAKE1_V6 = "3ffe::31"


class Site:
    """knot, unbound, mail, backup, decoys (a plain host) and senders, all but the senders started.
    v6: the senders have an IPv6 address too. with_syslog: the real hosts' logs go by the
    network's clock, which may jump (Serve.jump). mx: what the real hosts are."""

    def __init__(self, net, senders=SENDERS, v6=False, with_syslog=False, mx=PostfixMx):
        self.net = net
        self.knot = Knot(net, "ns", [NAME_SERVER])
        self.unbound = Unbound(net, "resolver", [RESOLVER], NAME_SERVER)
        self.mail = mx(net, "mail", ["30.0.0.25", "3ffe::25"], f"mail.{DOMAIN}", [DOMAIN], with_syslog=with_syslog)
        self.backup = mx(net, "backup", ["30.0.0.26", "3ffe::26"], f"backup.{DOMAIN}", [DOMAIN], with_syslog=with_syslog)
        self.decoys = net.host("decoys", [FAKE0, FAKE1, FAKE1_V6])
        self.senders = [kind(net, kind.profile, [f"30.0.{n}.10"] + ([f"3ffe:0:{n}::10"] if v6 else []),
                             f"out.{kind.profile}.example") for n, kind in enumerate(senders, 1)]
        # A crowd of clients without names: bots get their addresses with crowd.add_address().
        self.crowd = net.host("crowd", [])
        self.knot.load(DOMAIN, self.zone())
        for program in (self.knot, self.unbound, self.mail, self.backup):
            program.start()

    def zone(self, low="0 fake0", high="30 fake1"):
        lines = [f"@ MX {mx}" for mx in (low, "10 mail", "20 backup", high) if mx]
        lines += [f"fake0 A {FAKE0}", f"fake1 A {FAKE1}", f"fake1 AAAA {FAKE1_V6}"]
        for host in (self.mail.host, self.backup.host):
            lines += address_records(host.hostname + ".", host.addresses)
        return lines

    def real_hosts(self):
        return (self.mail, self.backup)

    def stop_real_hosts(self):
        for host in self.real_hosts():
            host.stop()

    def start_real_hosts(self):
        for host in self.real_hosts():
            host.start()

    def stored(self):
        """Ids of all stored messages, one entry per copy."""
        return self.mail.stored() + self.backup.stored()
