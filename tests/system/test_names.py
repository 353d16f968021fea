"""Names and SPF, asked of a real resolver and a real name server: who may have been good is at
risk, in the right tier; a machine with two families excuses itself; and a resolver that does
not answer stops nothing."""

import re

from lab import net
from lab.case import LabCase
from lab.client import deliver
from lab.programs import PostfixSender, address_records, reverse_name
from lab.serve import Serve, config
from lab.site import DOMAIN, FAKE0, FAKE1, Site

HOUR = 3600
MAIL, MAIL_V6 = "30.0.0.25", "3ffe::25"

# Client -> name in its PTR, and whether the name leads back.
NAMES = {
    "30.21.1.1": ("mail.good.example", True),
    "30.21.2.1": ("30-21-2-1.dyn.isp.example", True),
    "30.21.4.1": ("mail.liar.example", False),
    "30.21.11.1": ("c-211.dyn.isp.example", True),
    "3ffe:0:211::1": ("c-211.dyn.isp.example", True),
    "30.21.13.1": ("mx.two.example", True),
    "3ffe:0:213::1": ("mx.two.example", True),
}

SPF = {
    "pass.example": ['"v=spf1 include:inner.pass.example -all"'],
    "inner.pass.example": ['"v=spf1 mx ip4:30.21.5.0/24 -all"'],
    "fail.example": ['"v=spf1 ip4:9.9.9.9 -all"'],
    "loop.example": ['"v=spf1 include:pool.example +all"'],
    "pool.example": ['"v=spf1 include:loop.example +all"'],
    "huge.example": [" ".join(['"v=spf1 "'] + [f'"exists:%{{i}}.{n}.{"x" * 60}.example "' for n in range(40)]) + ' "+all"'],
    "twice.example": ['"v=spf1 +all"', '"v=spf1 ip4:30.21.0.0/16 -all"'],
}

# Client -> envelope sender at the high decoy, the tier that it must get.
TIERS = {
    "30.21.1.1": ("a@nothing.example", "weak"),
    "30.21.2.1": ("a@nothing.example", None),
    "30.21.3.1": ("a@nothing.example", None),
    "30.21.4.1": ("a@nothing.example", None),
    "30.21.5.1": ("a@pass.example", "plausible"),
    "30.21.6.1": ("a@fail.example", None),
    "30.21.7.1": ("a@loop.example", None),
    "30.21.8.1": ("a@huge.example", None),
    "30.21.9.1": ("a@twice.example", None),
    "30.21.10.1": ("a@nothing.example", "returning"),
}


def load_names(site):
    lines = []
    for client, (name, is_true) in NAMES.items():
        lines.append(f"{reverse_name(client)} PTR {name}.")
        lines += address_records(name + ".", [client if is_true else "9.9.9.9"])
    site.knot.load_root(lines)
    for domain, texts in SPF.items():
        site.knot.load(domain, [f"@ TXT {t}" for t in texts])
    site.unbound.forget()


class Names(LabCase):
    """The resolver is the one of the machine's resolv.conf: Unbound."""

    @classmethod
    def build(cls):
        cls.site = Site(cls.net, [PostfixSender], with_syslog=True)
        for address in [*TIERS, *NAMES, "30.21.12.1", "3ffe:0:212::1", "30.21.14.1"]:
            if address not in cls.site.crowd.addresses:
                cls.site.crowd.add_address(address)
        load_names(cls.site)
        cls.serve = Serve(cls.site.decoys, config(cls.site, mode="observe", grace="1s")).start("-v")

    def learnt(self, client):
        """What was learnt of a client, oldest first: the log's lines."""
        return [x for x in self.serve.text().splitlines() if f" client={client} " in x and "name client=" in x]

    def passed(self, client):
        return f"spf client={client} domain=pass.example" in self.serve.text()

    def attack(self, client, sender, target=FAKE1, recipient="victim"):
        replies = deliver(self.site.crowd, client, target, f"{recipient}@{DOMAIN}", sender=sender)
        self.assertRegex(replies[-1], "^4|reset")

    def send(self, client, sender, target=MAIL):
        replies = deliver(self.site.crowd, client, target, f"info@{DOMAIN}", sender=sender)
        self.assertRegex(replies[-1], "^250", replies)

    def test_1_each_client_is_looked_up_once(self):
        self.send("30.21.10.1", "a@nothing.example")
        net.wait_for("its name is learnt", lambda: self.learnt("30.21.10.1"), 30)
        self.serve.jump(25 * HOUR)
        for client, (sender, _) in TIERS.items():
            self.attack(client, sender)
            self.attack(client, sender)
        net.wait_for("names are learnt", lambda: all(
            len(self.learnt(c)) >= (2 if tier == "returning" else 1) for c, (_, tier) in TIERS.items()), 30)
        net.wait_for("SPF passes", lambda: self.passed("30.21.5.1"), 30)
        lines = {c: self.learnt(c)[-1] for c in TIERS}
        self.assertIn("name=mail.good.example confirmed=yes generic=no", lines["30.21.1.1"])
        self.assertIn("name=30-21-2-1.dyn.isp.example confirmed=yes generic=yes", lines["30.21.2.1"])
        self.assertIn("name=- confirmed=no", lines["30.21.3.1"])
        self.assertIn("name=mail.liar.example confirmed=no", lines["30.21.4.1"])
        for client, (_, tier) in TIERS.items():
            self.assertEqual(tier == "plausible", self.passed(client), lines[client])
            # The returning one came a day before.
            times = 2 if tier == "returning" else 1
            self.assertEqual(times, len(self.learnt(client)), self.learnt(client))

    def test_2_two_families_of_one_machine_excuse_each_other(self):
        # One name, made from the address; one letter; one name, at the low decoy.
        self.attack("30.21.11.1", "")
        self.attack("30.21.12.1", "author@letter.example", recipient="info")
        self.attack("30.21.13.1", "", FAKE0)
        self.send("3ffe:0:211::1", "other@sender.example", MAIL_V6)
        self.send("3ffe:0:212::1", "author@letter.example", MAIL_V6)
        self.send("3ffe:0:213::1", "other@sender.example", MAIL_V6)
        net.wait_for("names are learnt", lambda: all(
            self.learnt(c) for c in ("30.21.11.1", "30.21.13.1", "3ffe:0:211::1", "3ffe:0:213::1")), 30)

    def test_3_who_may_have_been_good_is_at_risk_in_its_tier(self):
        self.serve.jump(130)
        self.serve.jump(4 * HOUR + 600)
        for client in TIERS:
            self.assertEqual("stopped", self.serve.latest(client).get("fate"), self.serve.latest(client))
        site = self.serve.json("report")["sites"][0]
        at_risk = {x["address"]: (x["tier"], x["name"]) for x in site["at_risk"]}
        want = {c: (tier, NAMES[c][0] if c == "30.21.1.1" else None) for c, (_, tier) in TIERS.items() if tier}
        self.assertEqual(want, at_risk)
        self.assertEqual(["returning", "plausible", "weak"], [x["tier"] for x in site["at_risk"]])
        self.assertEqual(len(TIERS) - len(want), site["fate"]["stopped_provisional"])
        self.assertRegex(self.serve.fakemx("explain", "30.21.5.1", check=0).stdout, "SPF")

    def test_4_the_excused_are_not_stopped(self):
        for client in ("30.21.11.1", "30.21.12.1"):
            verdict = self.serve.latest(client)
            self.assertEqual("unknown", verdict.get("fate"), verdict)
            self.assertNotEqual("backdoor", verdict.get("order"), verdict)
            self.assertIn("same machine", self.serve.fakemx("explain", client, check=0).stdout)
        # One confirmed name that was not made from the addresses: they are one sender.
        self.assertEqual("reached", self.serve.latest("30.21.13.1").get("fate"))
        for client in ("3ffe:0:211::1", "3ffe:0:212::1", "3ffe:0:213::1"):
            self.assertEqual({"reached"}, {w["fate"] for w in self.serve.json("explain", client)["walks"]}, client)

    def test_5_what_the_journal_knows_is_not_asked_again_after_a_restart(self):
        self.serve.stop()
        before = len(self.learnt("30.21.1.1"))
        self.serve.start("-v")
        self.attack("30.21.1.1", "a@nothing.example")
        self.attack("30.21.14.1", "a@nothing.example")
        net.wait_for("a new client is looked up", lambda: self.learnt("30.21.14.1"), 30)
        self.assertEqual(before, len(self.learnt("30.21.1.1")))

    def test_6_what_is_forgotten_is_asked_again(self):
        self.serve.fakemx("forget", "30.21.1.1", check=0)
        before = len(self.learnt("30.21.1.1"))
        self.serve.catch_up()
        self.attack("30.21.1.1", "a@nothing.example")
        net.wait_for("it is looked up again", lambda: len(self.learnt("30.21.1.1")) > before, 30)


class NobodyAnswers(LabCase):
    """The resolver that the configuration names is not there, then it is."""

    @classmethod
    def build(cls):
        cls.site = Site(cls.net, [PostfixSender])
        cls.text = config(cls.site, mode="observe", grace="1s")
        cls.serve = Serve(cls.site.decoys, 'resolver = "30.0.0.99@5353"\n' + cls.text).start("-v")
        cls.site.senders[0].start()
        for n in range(1, 60):
            cls.site.crowd.add_address(f"30.22.{n}.1")

    def test_1_serve_goes_on_and_says_so_once(self):
        sent = self.site.senders[0].submit(DOMAIN, 2)
        for n in range(1, 60):
            replies = deliver(self.site.crowd, f"30.22.{n}.1", FAKE1, f"victim@{DOMAIN}")
            self.assertRegex(replies[-1], "^4")
        self.site.senders[0].wait_until_sent(sent)
        net.wait_for("it says so", lambda: "names-stalled" in self.serve.text(), 60)
        self.serve.catch_up()
        self.assertEqual(1, len(re.findall("names-stalled", self.serve.text())))
        self.assertNotIn("name client=", self.serve.text())
        self.assertEqual(59, len({v["address"] for v in self.serve.json_lines("visits") if v["address"].startswith("30.22.")}))

    def test_2_a_reload_with_one_that_answers_learns_names(self):
        self.serve.configure('resolver = "30.0.0.53"\n' + self.text)
        self.serve.reload()
        net.wait_for("reloaded", lambda: "reloaded sites=" in self.serve.text())
        deliver(self.site.crowd, "30.22.1.1", FAKE1, f"victim@{DOMAIN}")
        net.wait_for("a name is asked for", lambda: "name client=30.22.1.1 name=- " in self.serve.text(), 30)
