"""Everything at once: a closed low decoy with the knock watcher, a high decoy, a real host with
Postfix, its log and the policy service beside serve, another on a second machine behind a feed,
names and SPF, and 200 senders of every kind. Counts are exact; what is said of each is right."""

import os
import random
import re
import signal
import threading

from lab import net
from lab.case import NAME_SERVER, RESOLVER, LabCase
from lab.client import deliver
from lab.programs import SENDERS, Knot, PostfixMx, Unbound, address_records, reverse_name
from lab.serve import Serve
from lab.site import DOMAIN, FAKE0, FAKE1
from test_feed import Relay
from test_policy import OnNetwork, recipe

HOUR = 3600
MAIL, MAIL_V6, BACKUP = "30.0.0.25", "3ffe::25", "30.0.0.26"
HOSTS = {MAIL: "mail", MAIL_V6: "mail", BACKUP: "backup", FAKE0: "fake0", FAKE1: "fake1"}

# Good senders that take one MX and do not walk on, and a bot that looks like one of them.
KNOWN, NO_NAME, GENERIC, PERFECT = "30.40.1.1", "30.40.2.1", "30.40.3.1", "30.40.4.1"
NAMES = {GENERIC: "30-40-3-1.dyn.isp.example", PERFECT: "mail.perfect.example"}
SENDER_OF = {NO_NAME: "billing@bank.example", GENERIC: "billing@bank.example", PERFECT: "spam@nothing.example",
             KNOWN: "author@known.example"}
TIER_OF = {KNOWN: "returning", NO_NAME: "plausible", GENERIC: "plausible", PERFECT: "weak"}


class Joint(LabCase):
    limit_seconds = 900

    @classmethod
    def build(cls):
        cls.knot = Knot(cls.net, "ns", [NAME_SERVER])
        cls.unbound = Unbound(cls.net, "resolver", [RESOLVER], NAME_SERVER)
        cls.mail = PostfixMx(cls.net, "mail", [MAIL, MAIL_V6], f"mail.{DOMAIN}", [DOMAIN], True)
        cls.backup = PostfixMx(cls.net, "backup", [BACKUP], f"backup.{DOMAIN}", [DOMAIN], True)
        cls.mail.set(inet_interfaces=f"{MAIL} {MAIL_V6}", smtpd_client_connection_rate_limit="0",
                     smtpd_client_connection_count_limit="0")
        cls.backup.set(smtpd_client_connection_rate_limit="0", smtpd_client_connection_count_limit="0")
        for address in (FAKE0, FAKE1):
            cls.mail.host.add_address(address)
        cls.senders = [kind(cls.net, kind.profile, [f"30.0.{n}.10"], f"out.{kind.profile}.example")
                       for n, kind in enumerate(SENDERS, 1)]
        cls.crowd = cls.net.host("crowd", [])
        cls.load_names()
        for program in (cls.knot, cls.unbound, cls.mail, cls.backup, *cls.senders):
            program.start()
        cls.serve = Serve(OnNetwork(cls.mail.host), cls.config()).start()
        cls.relay = Relay(cls.serve, cls.backup)
        cls.mail.host.script("cat >> /etc/postfix/main.cf <<'END'\n" + recipe("main.cf") + "END\npostfix reload")
        cls.made, cls.count, cls.ids, cls.kinds = {}, 0, [], {}
        cls.draw = random.Random(20261123)
        cls.lock = threading.Lock()

    @classmethod
    def tearDownClass(cls):
        if hasattr(cls, "relay"):
            cls.relay.close()
        super().tearDownClass()

    @classmethod
    def load_names(cls):
        cls.knot.load(DOMAIN, ["@ MX 0 fake0", "@ MX 10 mail", "@ MX 20 backup", "@ MX 30 fake1", f"fake0 A {FAKE0}",
                               f"mail A {MAIL}", f"mail AAAA {MAIL_V6}", f"backup A {BACKUP}", f"fake1 A {FAKE1}"])
        lines = []
        for client, name in NAMES.items():
            lines += [f"{reverse_name(client)} PTR {name}.", *address_records(name + ".", [client])]
        cls.knot.load_root(lines)
        cls.knot.load("bank.example", ['@ TXT "v=spf1 ip4:30.40.2.0/23 -all"'])
        cls.knot.load("nothing.example", ["@ A 9.9.9.9"])

    @classmethod
    def config(cls):
        return (recipe("fakemx.conf") + f"""lab = true
lab {{ grace = 1s probe_interval = 5s unwell_tail = 0 }}
mode = enforce
names = true
resolver = "{RESOLVER}"
site "lab" {{
  layout = both
  domains = {{ "{DOMAIN}" }}
  host "mail.{DOMAIN}" {{ preference = 10 address = {{ "{MAIL}", "{MAIL_V6}" }} watch = "{cls.mail.log}" }}
  host "backup.{DOMAIN}" {{ preference = 20 address = {{ "{BACKUP}" }} watch = feed }}
  decoy "fake0.{DOMAIN}" {{ preference = 0 address = {{ "{FAKE0}" }} posture = closed }}
  decoy "fake1.{DOMAIN}" {{ preference = 30 address = {{ "{FAKE1}" }} posture = defer }}
}}
""")

    # The crowd

    def somebody(self, kind, how_many):
        """Addresses with a /24 each."""
        found = []
        for _ in range(how_many):
            type(self).count += 1
            found.append(f"30.{50 + self.count // 200}.{self.count % 200}.1")
            self.crowd.add_address(found[-1])
        self.kinds[kind] = self.kinds.get(kind, []) + found
        return found

    def visit(self, source, target, user="info", sender=None):
        replies = deliver(self.crowd, source, target, f"{user}@{DOMAIN}",
                          sender=sender or f"me@{source.replace('.', '-').replace(':', '-')}.example")
        key = (f"{HOSTS[target]}.{DOMAIN}", source)
        with self.lock:
            self.made[key] = self.made.get(key, 0) + 1
        return replies[-1]

    def walk(self, source, last=MAIL, user="info"):
        """As a mail server does: from the best on."""
        self.assertEqual("refused", self.visit(source, FAKE0))
        self.assertEqual("250", self.visit(source, last, user)[:3])

    def told(self):
        """What the journal has of the crowd: visits by host and client."""
        counts = {}
        for v in self.serve.json_lines("visits"):
            key = (v["host"], v["address"])
            if v["address"] in self.crowd.addresses:
                counts[key] = counts.get(key, 0) + 1
        return counts

    def assert_exact(self):
        net.wait_for("every visit is told", lambda: sum(self.told().values()) >= sum(self.made.values()), 60, 0.5)
        self.serve.catch_up()
        self.assertEqual(self.made, self.told())

    def jump(self, seconds):
        """Comes back when the feed has come as far, too."""
        self.serve.jump(seconds, is_complete=None)
        while "complete=yes" not in [x for x in self.serve.text().splitlines() if "caught-up" in x][-1]:
            self.serve.catch_up()

    def verdicts(self, address):
        return [v for v in self.serve.events("verdict") if v["address"] == address]

    def latest_of(self, addresses):
        unseen = {"order": "unknown", "fate": "unseen"}
        return {a: (self.serve.json("explain", a)["walks"] or [unseen])[-1] for a in addresses}

    def listed(self):
        return {entry["address"] for entry in self.serve.listed()["listed"]}

    def test_1_good_mail_walks_past_the_decoy_through_a_rotation(self):
        self.serve.catch_up()
        self.serve.jump(2 * HOUR)  # since when the knocks are seen without a gap
        for address in TIER_OF:
            self.crowd.add_address(address)
        self.assertEqual("250", self.visit(KNOWN, MAIL, sender=SENDER_OF[KNOWN])[:3])
        sent = [(s, s.submit(DOMAIN, 3)) for s in self.senders]
        servers = self.somebody("server", 60)
        for i, source in enumerate(servers):
            if i == 30:
                self.mail.host.syslog.rotate()
            self.walk(source, BACKUP if i % 5 == 4 else MAIL)
        for sender, ids in sent:
            sender.wait_until_sent(ids)
            self.ids.extend(ids)
        self.assert_exact()
        self.jump(130)
        everybody = servers + [sender.address for sender in self.senders]
        net.wait_for("all are judged, once the feed has passed them", lambda: all(
            v["order"] != "unknown" for a, v in self.latest_of(everybody).items()), 60, 0.5)
        for source, v in self.latest_of(everybody).items():
            self.assertEqual(("straight", "reached"), (v["order"], v["fate"]), v)
        texts = "".join(p.read_text(errors="replace") for p in (self.mail.host.folder / "store" / "new").glob("*"))
        self.assertGreater(len(re.findall(r"^X-FakeMX: order=straight delay=\d", texts, re.M)), 24)

    def test_2_bots_come_while_the_feed_stalls_and_nobody_is_accused(self):
        self.jump(25 * HOUR)
        os.kill(self.relay._process.pid, signal.SIGSTOP)
        late = self.somebody("late", 10)  # delivered at the host whose feed stalls
        for source in late:
            self.visit(source, FAKE1)
            self.assertEqual("250", self.visit(source, BACKUP)[:3])
        for source in self.somebody("last-only", 40):
            self.assertEqual("451", self.visit(source, FAKE1, "victim")[:3])
        for source in self.somebody("first-only", 25):
            self.visit(source, FAKE0)
        for source in self.somebody("random", 20):
            self.visit(source, self.draw.choice((FAKE0, MAIL, BACKUP, FAKE1)), "victim")
        for source in self.somebody("shotgun", 10):
            threads = [threading.Thread(target=self.visit, args=(source, t, "victim")) for t in (FAKE1, MAIL, BACKUP)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.serve.jump(130, is_complete=False)
        accused = {v["address"] for v in self.serve.events("verdict") if v["order"] == "backdoor"}
        self.assertEqual(set(), accused, "backup's feed has not passed the moment")

        os.kill(self.relay._process.pid, signal.SIGCONT)
        bots = self.kinds["last-only"]
        net.wait_for("the bots are judged", lambda: all(
            self.serve.latest(b).get("order") == "backdoor" for b in bots), 60, 0.5)
        self.assert_exact()
        for source in late + self.kinds["shotgun"]:
            self.assertNotIn("backdoor", [v["order"] for v in self.verdicts(source)], source)
            self.assertEqual("reached", self.latest_of([source])[source]["fate"])

    def test_3_those_that_do_not_walk_and_pools_that_retry_from_another_address(self):
        for address, sender in SENDER_OF.items():
            self.assertEqual("451", self.visit(address, FAKE1, sender=sender)[:3])
        for source in self.somebody("pool", 8):
            mate = source[:-2] + ".2"
            self.crowd.add_address(mate)
            self.visit(source, FAKE1)
            self.assertEqual("250", self.visit(mate, MAIL)[:3])
        four, six = self.somebody("family", 1)[0], "3ffe:0:77::1"
        self.crowd.add_address(six)
        self.visit(four, FAKE1, sender="news@letter.example")
        self.assertEqual("250", self.visit(six, MAIL_V6, sender="news@letter.example")[:3])
        for source in self.somebody("server", 20):  # nobody may make most of the visits
            self.walk(source)
        self.assert_exact()
        for address in (NO_NAME, GENERIC):
            net.wait_for("SPF is known", lambda: self.serve.json("explain", address)["name"]["spf_passes"], 30, 0.5)
        # What serve has not seen to its end before it is killed could not be judged.
        self.jump(130)

    def test_4_a_restart_in_the_middle(self):
        self.serve.kill()
        for source in self.somebody("server", 5):
            self.visit(source, FAKE0)  # nobody is there to see the knock
            del self.made[f"fake0.{DOMAIN}", source]
            self.assertEqual("250", self.visit(source, MAIL)[:3])
        self.serve.start()
        self.assert_exact()

    def test_5_who_comes_again_is_listed_and_knocking_on_renews_nothing(self):
        fiend = self.kinds["last-only"][0]
        for _ in range(2):  # the hour in which serve was killed counts for nobody
            self.jump(2 * HOUR)
            self.visit(fiend, FAKE1, "victim")
        for source in self.somebody("server", 5):
            self.walk(source)
        self.jump(HOUR + 130)  # an hour counts when it is over
        net.wait_for("it is listed", lambda: self.listed() == {fiend}, 30, 0.5)
        until = self.serve.listed()["listed"][0]["until"]
        self.jump(12 * HOUR)
        self.visit(fiend, FAKE1, "victim")
        self.visit(fiend, FAKE0, "victim")
        self.jump(130)
        self.assertEqual(until, self.serve.listed()["listed"][0]["until"])
        self.jump(12 * HOUR)
        self.assertEqual(set(), self.listed())

    def test_6_the_report_proves_it(self):
        self.jump(6 * 24 * HOUR)
        self.assert_exact()
        site = self.serve.json("report")["sites"][0]
        self.assertTrue(site["measurable"])
        self.assertEqual(TIER_OF, {x["address"]: x["tier"] for x in site["at_risk"]})
        self.assertEqual(["returning", "plausible", "plausible", "weak"], [x["tier"] for x in site["at_risk"]])
        last = {v["address"]: v for v in self.serve.events("verdict")}
        stopped = {a for a, v in last.items() if v["fate"] == "stopped" and a not in TIER_OF}
        at_fake1 = {a for (host, a) in self.made if host.startswith("fake1")}
        at_real = {a for (host, a) in self.made if host.startswith(("mail", "backup"))}
        want = {a for a in at_fake1 - at_real - set(TIER_OF) if a not in self.kinds["pool"] + self.kinds["family"]}
        self.assertEqual(want, stopped)
        self.assertEqual((len(want), 0), (site["fate"]["stopped"], site["fate"]["stopped_provisional"]))
        # What only says that nothing can be told is no line of the log.
        for source in self.kinds["first-only"]:
            self.assertEqual([], self.serve.json("explain", source)["walks"], "knocks alone are no walk")
        for source in self.kinds["pool"] + self.kinds["family"]:
            walks = self.serve.json("explain", source)["walks"]
            self.assertEqual({("unknown", "unknown")}, {(w["order"], w["fate"]) for w in walks}, source)
        hosts = {h["host"]: h["visits"] for h in site["hosts"]}
        for name in ("fake0", "fake1"):
            mine = sum(n for (host, _), n in self.made.items() if host.startswith(name))
            self.assertGreaterEqual(hosts[f"{name}.{DOMAIN}"], mine)
        knocked = len(self.kinds["first-only"])  # in no walk
        self.assertGreaterEqual(sum(site["order"].values()) + knocked, 200, "senders")

    def test_7_verdicts_only_softened_and_the_mail_arrived_exactly_once(self):
        seen = {}
        for v in self.serve.events("verdict"):
            before = seen.get((v["address"], v["began"]))
            if before:
                self.assertFalse(before["fate"] == "reached" and v["fate"] == "stopped", (before, v))
                self.assertFalse(before["order"] in ("straight", "skipped", "shotgun") and v["order"] == "backdoor",
                                 (before, v))
            seen[v["address"], v["began"]] = v
        stored = self.mail.stored() + self.backup.stored()
        self.assert_exactly_once(self.ids, [i for i in stored if i not in ("info", "victim")])
        self.assertEqual([], [line for line in self.serve.text().splitlines() if " error " in line])


class Greylisting(LabCase):
    """One real host that defers every new sender: servers then walk on to the high decoy, as the
    RFC says. None of them did anything wrong."""
    limit_seconds = 300

    @classmethod
    def build(cls):
        cls.mail = PostfixMx(cls.net, "mail", [MAIL], f"mail.{DOMAIN}", [DOMAIN], True)
        cls.mail.host.write("/etc/postfix/grey", "/^grey@/ 450 4.2.0 come back later\n")
        cls.mail.set(smtpd_recipient_restrictions="check_recipient_access regexp:/etc/postfix/grey, permit",
                     smtpd_client_connection_rate_limit="0", smtpd_peername_lookup="no")
        cls.decoys = cls.net.host("decoys", [FAKE0, FAKE1])
        cls.crowd = cls.net.host("crowd", [])
        cls.mail.start()
        cls.serve = Serve(cls.decoys, f"""lab = true
lab {{ grace = 1s }}
mode = enforce
site "lab" {{
  layout = both
  domains = {{ "{DOMAIN}" }}
  host "mail.{DOMAIN}" {{ preference = 10 address = {{ "{MAIL}" }} watch = "{cls.mail.log}" }}
  decoy "fake0.{DOMAIN}" {{ preference = 0 address = {{ "{FAKE0}" }} posture = closed }}
  decoy "fake1.{DOMAIN}" {{ preference = 30 address = {{ "{FAKE1}" }} posture = defer }}
}}
""").start()

    def test_nobody_is_accused_or_listed(self):
        self.serve.catch_up()
        self.serve.jump(2 * HOUR)
        crowd = [f"30.60.{n}.1" for n in range(60)]
        for source in crowd:
            self.crowd.add_address(source)
        for attempt in range(3):  # each an hour apart: what would count for the list
            for source in crowd:
                deliver(self.crowd, source, FAKE0, f"grey@{DOMAIN}")
                self.assertEqual("450", deliver(self.crowd, source, MAIL, f"grey@{DOMAIN}")[-1][:3])
                self.assertEqual("451", deliver(self.crowd, source, FAKE1, f"grey@{DOMAIN}")[-1][:3])
            self.serve.jump(HOUR + 60)
        for source in crowd[::2]:  # half of them come again; the others never do
            self.assertEqual("250", deliver(self.crowd, source, MAIL, f"info@{DOMAIN}")[-1][:3])
        self.serve.jump(5 * HOUR)
        self.serve.jump(6 * 24 * HOUR)
        self.assertEqual(set(), {v["address"] for v in self.serve.events("verdict") if v["order"] == "backdoor"})
        self.assertEqual(set(), {v["address"] for v in self.serve.events("verdict") if v["fate"] == "stopped"})
        self.assertEqual([], self.serve.listed()["listed"])
        site = self.serve.json("report")["sites"][0]
        self.assertEqual((0, 0, []), (site["fate"]["stopped"], site["fate"]["stopped_provisional"], site["at_risk"]))
        for source in crowd:
            self.assertEqual("reached", self.serve.latest(source).get("fate"), source)
