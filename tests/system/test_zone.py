"""plan, apply and revert against real name servers: zone files of BIND and Knot with a secondary that
follows, dynamic updates of Knot, BIND and PowerDNS, with other writers, wrong keys and a server that
goes away. Outside judges are named-checkzone, named-compilezone and kzonecheck."""

import json
import re
import threading
import time

from lab.case import LabCase, long_test, program
from lab.net import wait_for
from lab.programs import PostfixSender
from lab.site import DOMAIN, Site
from lab.servers import (OTHER_SECRET, Bind, KnotFiles, Pdns, key_file, key_file_keymgr, query, serial)

ZONE = "example.com"
LINES = ["@ MX 10 mail", "@ MX 20 backup ; the other one", "mail A 30.0.0.25", "backup A 30.0.0.26",
         "third A 30.0.0.27", "www CNAME mail", '@ TXT "v=spf1 mx -all"']
REAL = ["10 mail.example.com.", "20 backup.example.com."]
BOTH = ["0 fake0.mx.example.com."] + REAL + ["30 fake1.mx.example.com."]
DECOYS = ["--layout", "both", "--low", "fake0.mx.example.com=30.0.0.30", "--decoy", "fake1.mx.example.com=30.0.0.31"]


def newer(a, b):
    """RFC 1982: is serial a newer than b?"""
    return 0 < (a - b) % 2**32 < 2**31


class ZoneCase(LabCase):
    def fakemx(self, host, *argv, expect=0, clock=None):
        words = [str(program("fakemx"))] + list(argv)
        if clock:
            words = ["faketime", "-f", clock] + words
        done = host.run(words, check=False)
        self.assertEqual(expect, done.returncode, f"{' '.join(argv)}\n{done.stdout}\n{done.stderr}")
        return done

    def wait_mx(self, server, want):
        wait_for(f"{server.host.name} has {want}", lambda: query(self.tools, server, ZONE, "MX") == sorted(want), 30)


class ZoneFiles(ZoneCase):
    """A primary that reads files, and a secondary that follows it."""

    @classmethod
    def build(cls):
        cls.pairs = []
        for n, (primary, secondary) in enumerate([(Bind, KnotFiles), (KnotFiles, Bind)]):
            second = secondary(cls.net, f"second{n}", [f"30.0.1.{60 + n}"], primary=True)
            first = primary(cls.net, f"first{n}", [f"30.0.0.{60 + n}"], secondaries=[second])
            second.primary = first
            first.load(ZONE, LINES + ["@ NS ns2", f"ns2 A {second.address}"])
            second.zones[ZONE] = ""
            first.start()
            second.start()
            cls.pairs.append((first, second))
        cls.tools = cls.pairs[0][0].host

    def commands(self, server):
        if isinstance(server, Bind):
            return "named-checkzone %z %f", "rndc reload %z"
        return "/bin/true %f", "knotc -b zone-reload %z"

    def configure(self, server):
        check, reload = self.commands(server)
        server.host.write("/etc/fakemx.conf", f"""state = "/var/lib/fakemx"
site "s" {{
  layout = both
  domains = {{ "{ZONE}" }}
  host "mail.{ZONE}" {{ preference = 10 address = {{ "30.0.0.25" }} }}
  host "backup.{ZONE}" {{ preference = 20 address = {{ "30.0.0.26" }} }}
  decoy "fake0.mx.{ZONE}" {{ preference = 0 address = {{ "30.0.0.30" }} posture = reset }}
  decoy "fake1.mx.{ZONE}" {{ preference = 30 address = {{ "30.0.0.31" }} posture = defer }}
  zone {{ file = "{server.path(ZONE)}" check = "{check}" reload = "{reload}" }}
}}
""")

    def judge(self, text):
        """The same records for BIND's and Knot's own tools."""
        self.tools.write("/tmp/judged.zone", text)
        self.tools.run(["named-checkzone", ZONE, "/tmp/judged.zone"])
        self.tools.run(["kzonecheck", "-o", ZONE, "/tmp/judged.zone"])
        done = self.tools.run(["named-compilezone", "-q", "-o", "-", ZONE, "/tmp/judged.zone"])
        return [line.split() for line in done.stdout.splitlines()]

    def test_1_apply_and_revert_are_followed_by_the_secondary(self):
        for first, second in self.pairs:
            with self.subTest(primary=type(first).__name__):
                self.configure(first)
                before, start = first.text(ZONE), serial(self.tools, first, ZONE)
                self.wait_mx(second, REAL)
                self.fakemx(first.host, "-c", "/etc/fakemx.conf", "plan", expect=2)
                self.assertEqual(before, first.text(ZONE))
                asks = ["--resolver", first.address]  # it knows the addresses of the zone's name servers
                done = self.fakemx(first.host, "-c", "/etc/fakemx.conf", "apply", "--yes", *asks)
                self.assertIn("All name servers that answered have the change of 1 zone.", done.stdout)
                self.assertEqual(sorted(BOTH), query(self.tools, second, ZONE, "MX"))
                self.wait_mx(first, BOTH)
                self.wait_mx(second, BOTH)
                applied = serial(self.tools, second, ZONE)
                self.assertTrue(newer(applied, start))
                self.fakemx(first.host, "-c", "/etc/fakemx.conf", "plan")
                done = self.fakemx(first.host, "-c", "/etc/fakemx.conf", "revert", "--yes", *asks)
                self.assertIn("All name servers that answered have the change of 1 zone.", done.stdout)
                self.assertIn("The decoys are gone everywhere by ", done.stdout)
                self.wait_mx(first, REAL)
                self.wait_mx(second, REAL)
                reverted = serial(self.tools, second, ZONE)
                self.assertTrue(newer(reverted, applied))
                self.assertEqual(before.replace("2026010101", str(reverted)), first.text(ZONE))

    def test_2_outside_judges_see_the_plan_and_nothing_else(self):
        first = self.pairs[0][0]
        before = self.judge(first.text(ZONE))
        first.host.run(["cp", first.path(ZONE), "/tmp/z"])
        self.fakemx(first.host, "apply", "--zone", "/tmp/z", "--origin", ZONE, "--yes", *DECOYS)
        after = self.judge(first.host.run(["cat", "/tmp/z"]).stdout)
        strip = lambda records: {" ".join(r) for r in records if "SOA" not in r}
        self.assertEqual(set(), strip(before) - strip(after))
        self.assertEqual({f"{ZONE}. 300 IN MX 0 fake0.mx.{ZONE}.", f"{ZONE}. 300 IN MX 30 fake1.mx.{ZONE}.",
                          f"fake0.mx.{ZONE}. 300 IN A 30.0.0.30", f"fake1.mx.{ZONE}. 300 IN A 30.0.0.31"},
                         strip(after) - strip(before))

    def test_3_a_zone_that_the_server_would_not_load_is_brought_back_newer(self):
        first = self.pairs[0][0]
        before = first.text(ZONE)
        conf = first.host.run(["cat", "/etc/fakemx.conf"]).stdout
        first.host.write("/etc/bad.conf", conf.replace("rndc reload %z", "! grep -q fake1 %f"))
        done = self.fakemx(first.host, "-c", "/etc/bad.conf", "apply", "--yes", expect=1)
        self.assertIn("restored with serial", done.stderr)
        after = first.text(ZONE)
        old, new = (int(t.split("hostmaster ")[1].split()[0]) for t in (before, after))
        self.assertTrue(newer(new, old))
        self.assertEqual(before.replace(str(old), str(new)), after)

    def test_3a_a_name_server_that_holds_a_newer_version_is_told(self):
        first = self.pairs[0][0]
        self.configure(first)
        before, path = first.text(ZONE), first.path(ZONE)
        now = serial(self.tools, first, ZONE)
        first.host.write(path, re.sub(r"(hostmaster) \d+", r"\1 7", before))
        asks = ["-c", "/etc/fakemx.conf", "--resolver", first.address, "--yes"]
        done = self.fakemx(first.host, "apply", *asks)
        self.assertRegex(done.stderr, rf"the name server ns\d?.example.com \([0-9.]+, serial {now}\) has a newer serial than the change")
        self.assertIn("apply --online", done.stderr)
        self.assertNotIn("All name servers", done.stdout)
        self.fakemx(first.host, "revert", *asks)
        self.assertTrue(newer(serial(self.tools, first, ZONE), now))

    @long_test
    def test_3b_a_secondary_that_lags_is_named_and_changed_is_changed(self):
        first, second = self.pairs[0]
        self.configure(first)
        asks = ["-c", "/etc/fakemx.conf", "--resolver", first.address, "--yes"]
        second.host.run(["nft", "-f", "-"], input="table inet lag { chain out { type filter hook output priority 0;\n"
                        f"ip daddr {first.address} meta l4proto {{ tcp, udp }} th dport 53 drop\n}}\n}}\n")
        try:
            done = self.fakemx(first.host, "apply", *asks, expect=2)
        finally:
            second.host.run(["nft", "delete", "table", "inet", "lag"])
        self.assertRegex(done.stderr, r"it is changed \(serial \d+\), but the name server "
                                      rf"ns2.example.com \({second.address}, serial \d+\) does not have it")
        self.assertIn("1 zone: 1 changed", done.stdout)
        self.assertEqual(sorted(BOTH), query(self.tools, first, ZONE, "MX"))
        second.host.run(["knotc", "-b", "zone-retransfer", ZONE])
        self.fakemx(first.host, "revert", *asks)
        self.wait_mx(second, REAL)

    def test_4_the_servers_own_lists_name_the_zones(self):
        for first, _ in self.pairs:
            with self.subTest(primary=type(first).__name__):
                conf = "/etc/bind/named.conf" if isinstance(first, Bind) else "/etc/knot/knot.conf"
                done = self.fakemx(first.host, "plan", "--zone", conf, "--json", *DECOYS, expect=2)
                self.assertEqual([ZONE], [z["zone"] for z in json.loads(done.stdout)["zones"]])


class Updates(ZoneCase):
    """Servers that are changed by RFC 2136."""

    @classmethod
    def build(cls):
        cls.servers = [kind(cls.net, f"ns{n}", [f"30.0.0.{60 + n}"], dynamic=True)
                       for n, kind in enumerate([KnotFiles, Bind, Pdns])]
        for server in cls.servers:
            server.load(ZONE, LINES)
            server.start()
        cls.tools = cls.servers[1].host
        for server in cls.servers:
            wait_for(f"{server.host.name} serves", lambda s=server: serial(cls.tools, s, ZONE))

    def configure(self, server, key=None, name="/etc/fakemx.conf", address=None):
        self.tools.write("/etc/fakemx.key", key or key_file(), "600")
        address = address or server.address
        self.tools.write(name, f"""state = "/var/lib/fakemx-{server.host.name}"
site "s" {{
  layout = both
  domains = {{ "{ZONE}" }}
  host "mail.{ZONE}" {{ preference = 10 address = {{ "30.0.0.25" }} }}
  host "backup.{ZONE}" {{ preference = 20 address = {{ "30.0.0.26" }} }}
  decoy "fake0.mx.{ZONE}" {{ preference = 0 address = {{ "30.0.0.30" }} posture = reset }}
  decoy "fake1.mx.{ZONE}" {{ preference = 30 address = {{ "30.0.0.31" }} posture = defer }}
  zone {{ update {{ server = "{address}" key = "/etc/fakemx.key" servers = {{ "{address}" }} }} }}
}}
""")

    def apply(self, *argv, expect=0, **more):
        return self.fakemx(self.tools, "-c", "/etc/fakemx.conf", "apply", "--yes", *argv, expect=expect, **more)

    def test_1_each_server_takes_apply_and_revert_and_moves_its_serial_on(self):
        for server in self.servers:
            with self.subTest(server=type(server).__name__):
                self.configure(server, key_file_keymgr())
                start = serial(self.tools, server, ZONE)
                self.fakemx(self.tools, "-c", "/etc/fakemx.conf", "plan", expect=2)
                self.apply()
                self.assertEqual(sorted(BOTH), query(self.tools, server, ZONE, "MX"))
                self.assertEqual(["30.0.0.31"], query(self.tools, server, f"fake1.mx.{ZONE}", "A"))
                applied = serial(self.tools, server, ZONE)
                self.assertTrue(newer(applied, start), (applied, start))
                self.fakemx(self.tools, "-c", "/etc/fakemx.conf", "plan")
                self.fakemx(self.tools, "-c", "/etc/fakemx.conf", "revert", "--yes")
                self.assertEqual(sorted(REAL), query(self.tools, server, ZONE, "MX"))
                self.assertTrue(newer(serial(self.tools, server, ZONE), applied))
                # the addresses stay while caches may still ask for them
                self.assertEqual(["30.0.0.31"], query(self.tools, server, f"fake1.mx.{ZONE}", "A"))
                done = self.fakemx(self.tools, "-c", "/etc/fakemx.conf", "revert", "--yes")
                self.assertIn("revert once more after", done.stdout)

    def test_1b_a_decoy_below_a_delegation_is_refused(self):
        self.tools.write("/etc/other.key", key_file(), "600")

        def update(server, words):
            self.tools.run(["nsupdate", "-k", "/etc/other.key"],
                           input=f"server {server.address}\nzone {ZONE}\nupdate {words}\nsend\n")
        for server in self.servers:
            with self.subTest(server=type(server).__name__):
                self.configure(server)
                conf = self.tools.run(["cat", "/etc/fakemx.conf"]).stdout
                self.tools.write("/etc/fakemx.conf", conf.replace("fake1.mx", "fake1.elsewhere"))
                update(server, f"add elsewhere.{ZONE}. 300 NS ns.far.example.")
                done = self.apply(expect=3)
                self.assertIn("is delegated to other name servers (NS)", done.stderr)
                self.assertEqual(sorted(REAL), query(self.tools, server, ZONE, "MX"))
                update(server, f"delete elsewhere.{ZONE}. NS")

    def test_1c_a_tlsa_record_of_any_length_is_the_decoys_too(self):
        long, target = "ab" * 300, f"_25._tcp.fake1.mx.{ZONE}"
        server = self.servers[1]
        self.configure(server)
        self.tools.write("/etc/other.key", key_file(), "600")

        def update(words):
            self.tools.run(["nsupdate", "-k", "/etc/other.key"],
                           input=f"server {server.address}\nzone {ZONE}\nupdate {words}\nsend\n")
        update(f"add _25._tcp.mail.{ZONE}. 300 TLSA 3 0 0 {long}")
        self.apply("--ttl", "1")
        plain = lambda name: [line.replace(" ", "").lower() for line in query(self.tools, server, name, "TLSA")]
        self.assertEqual(["300" + long], plain(target))
        self.fakemx(self.tools, "-c", "/etc/fakemx.conf", "revert", "--yes", "--wait")
        self.assertEqual([], plain(target))
        self.assertEqual(["300" + long], plain(f"_25._tcp.mail.{ZONE}"))
        update(f"delete _25._tcp.mail.{ZONE}. TLSA")

    def test_1d_a_decoy_of_before_is_no_real_host(self):
        server = self.servers[1]
        self.configure(server)
        self.apply("--ttl", "1")
        conf = self.tools.run(["cat", "/etc/fakemx.conf"]).stdout
        self.tools.write("/etc/fakemx.conf", conf.replace("fake1.mx", "fake2.mx"))
        self.apply("--ttl", "1")
        want = [line.replace("fake1.mx", "fake2.mx") for line in BOTH]
        self.assertEqual(sorted(want), query(self.tools, server, ZONE, "MX"))
        self.fakemx(self.tools, "-c", "/etc/fakemx.conf", "revert", "--yes", "--wait")
        self.assertEqual(sorted(REAL), query(self.tools, server, ZONE, "MX"))
        for name in ("fake1", "fake2"):
            self.assertEqual([], query(self.tools, server, f"{name}.mx.{ZONE}", "A"))

    def test_2_two_ttls_later_revert_takes_the_addresses_too(self):
        server = self.servers[0]
        self.configure(server)
        # The file remembers when the MX records went; two TTLs (of 300 s) ago is long enough.
        path = f"/var/lib/fakemx-{server.host.name}/zones/{ZONE}.apply"
        text = self.tools.run(["cat", path]).stdout
        applied = json.loads(text.splitlines()[1])["applied"]
        self.tools.write(path, text.replace(str(applied), str(applied - 601 * 10**6)))
        # what somebody else gave the decoy's name is not ours to take
        self.tools.write("/etc/other.key", key_file(), "600")
        self.tools.run(["nsupdate", "-k", "/etc/other.key"], input=f"server {server.address}\nzone {ZONE}\n"
                       f"update add fake1.mx.{ZONE}. 300 A 30.0.0.77\nsend\n")
        done = self.fakemx(self.tools, "-c", "/etc/fakemx.conf", "revert", "--yes")
        self.assertIn(f"fake1.mx.{ZONE} keeps its address 30.0.0.77: it is not what apply added", done.stdout)
        self.assertEqual(["30.0.0.77"], query(self.tools, server, f"fake1.mx.{ZONE}", "A"))
        self.assertEqual([], query(self.tools, server, f"fake0.mx.{ZONE}", "A"))
        done = self.fakemx(self.tools, "-c", "/etc/fakemx.conf", "revert", "--yes")
        self.assertIn("nothing to undo", done.stdout)
        self.assertIn("no record of an apply", done.stdout)
        self.tools.run(["nsupdate", "-k", "/etc/other.key"], input=f"server {server.address}\nzone {ZONE}\n"
                       f"update delete fake1.mx.{ZONE}. A\nsend\n")

    def test_2b_what_apply_did_to_ttl_comes_back_and_another_state_folder_is_told(self):
        server = self.servers[0]
        self.configure(server)
        self.apply("--ttl", "60")
        ttls = lambda: {line.split()[1] for line in self.tools.run(
            ["dig", "+noall", "+answer", f"@{server.address}", ZONE, "MX"]).stdout.splitlines()}
        self.assertEqual({"60"}, ttls())
        conf = self.tools.run(["cat", "/etc/fakemx.conf"]).stdout
        self.tools.write("/etc/elsewhere.conf", conf.replace("/var/lib/fakemx-", "/var/lib/elsewhere-"))
        done = self.fakemx(self.tools, "-c", "/etc/elsewhere.conf", "revert", "--yes", expect=2)
        self.assertIn("no record of an apply to example.com was found in /var/lib/elsewhere-", done.stdout)
        self.assertIn(f"MX 0 fake0.mx.{ZONE}, MX 30 fake1.mx.{ZONE} are still there", done.stdout)
        self.assertIn(f"--layout none --decoy fake0.mx.{ZONE} --low fake1.mx.{ZONE}`", done.stdout)
        self.assertEqual(sorted(BOTH), query(self.tools, server, ZONE, "MX"))
        self.fakemx(self.tools, "-c", "/etc/fakemx.conf", "revert", "--yes")
        self.assertEqual((sorted(REAL), {"300"}), (query(self.tools, server, ZONE, "MX"), ttls()))
        # and so a second time, whose addresses are due later
        self.assertIn("revert once more after",
                      self.fakemx(self.tools, "-c", "/etc/fakemx.conf", "revert", "--yes").stdout)

    def test_2c_who_waits_need_not_come_back(self):
        for server in self.servers:
            with self.subTest(server=type(server).__name__):
                self.configure(server)
                self.apply("--ttl", "1")
                done = self.fakemx(self.tools, "-c", "/etc/fakemx.conf", "revert", "--yes", "--wait")
                self.assertIn("Waiting until ", done.stderr)
                self.assertEqual(sorted(REAL), query(self.tools, server, ZONE, "MX"))
                for decoy in ("fake0", "fake1"):
                    self.assertEqual([], query(self.tools, server, f"{decoy}.mx.{ZONE}", "A"))
                done = self.fakemx(self.tools, "-c", "/etc/fakemx.conf", "revert", "--yes")
                self.assertIn("nothing to undo", done.stdout)

    def test_3_every_refusal_is_a_sentence(self):
        knot, bind, pdns = self.servers
        for server, key, clock, code, words in [
                (knot, key_file(OTHER_SECRET), None, 1, "BADSIG"),
                (bind, key_file(OTHER_SECRET), None, 1, "BADSIG"),
                (knot, key_file(name="stranger"), None, 1, "BADKEY"),
                (bind, key_file(name="stranger"), None, 1, "BADKEY"),
                (bind, None, "+1h", 1, "clocks differ"),
                (knot, None, "+1h", 1, "clocks differ"),
                (knot, key_file(name="powerless"), None, 1, "does not allow it to update"),
                (knot, "this is no key", None, 1, "holds no TSIG key")]:
            with self.subTest(server=type(server).__name__, words=words):
                self.configure(server, key)
                before = query(self.tools, server, ZONE, "MX")
                done = self.apply(expect=code, clock=clock)
                self.assertIn(words, done.stderr)
                self.assertEqual(before, query(self.tools, server, ZONE, "MX"))

    def test_4_another_writer_loses_nothing(self):
        """While fakemx applies and reverts, somebody else adds and removes a real host: each update
        is made on exactly what was planned on, so nobody's change is undone."""
        server = self.servers[1]
        self.configure(server)
        stop, wrong = threading.Event(), []

        def other_writer():
            while not stop.is_set():
                for action in ("add", "delete"):
                    third = f"update {action} {ZONE}. 300 MX 25 third.{ZONE}."
                    done = self.tools.run(["nsupdate", "-k", "/etc/other.key"], check=False,
                                          input=f"server {server.address}\nzone {ZONE}\n{third}\nsend\n")
                    has = f"25 third.{ZONE}." in query(self.tools, server, ZONE, "MX")
                    if done.returncode or has != (action == "add"):
                        wrong.append((action, done.stderr))

        self.tools.write("/etc/other.key", key_file(), "600")
        writer = threading.Thread(target=other_writer)
        writer.start()
        try:
            for _ in range(10):
                for verb in ("apply", "revert"):
                    done = self.tools.run([str(program("fakemx")), "-c", "/etc/fakemx.conf", verb, "--yes"], check=False)
                    self.assertIn(done.returncode, (0, 3), done.stderr)
                    self.assertLessEqual(set(REAL), set(query(self.tools, server, ZONE, "MX")))
        finally:
            stop.set()
            writer.join()
        self.assertEqual([], wrong)

    @long_test
    def test_5_a_name_server_that_lags_is_named_after_a_minute(self):
        """The zone's other name server is no secondary at all: it keeps what it has."""
        primary, lagging = self.servers[1], self.servers[0]
        self.configure(primary)
        conf = self.tools.run(["cat", "/etc/fakemx.conf"]).stdout
        both = f'servers = {{ "{primary.address}", "{lagging.address}" }}'
        self.tools.write("/etc/fakemx.conf", conf.replace(f'servers = {{ "{primary.address}" }}', both))
        done = self.apply(expect=2)
        self.assertIn(f"{lagging.address}@53 still has an older serial", done.stderr)
        self.assertIn("1 zone: 1 changed", done.stdout)
        self.assertEqual(sorted(BOTH), query(self.tools, primary, ZONE, "MX"))
        self.configure(primary)
        self.fakemx(self.tools, "-c", "/etc/fakemx.conf", "revert", "--yes")

    def test_6_a_server_that_is_down_or_never_answers_is_named(self):
        server = self.servers[2]
        self.configure(server)
        server.stop()
        done = self.apply(expect=1)
        self.assertIn(server.address, done.stderr)


class Delivery(ZoneCase):
    """After apply on a served zone, real mail goes through it."""

    @classmethod
    def build(cls):
        cls.site = Site(cls.net, senders=[PostfixSender])
        cls.site.knot.load(DOMAIN, cls.site.zone(low=None, high=None))
        cls.site.senders[0].start()

    def test_1_postfix_delivers_through_the_changed_zone(self):
        site, sender = self.site, self.site.senders[0]
        # the decoys' names have their addresses already
        self.fakemx(site.knot.host, "apply", "--zone", f"/var/lib/knot/{DOMAIN}.zone", "--origin", DOMAIN,
                    "--layout", "both", "--low", f"fake0.{DOMAIN}", "--decoy", f"fake1.{DOMAIN}", "--yes")
        site.knot.host.run(["knotc", "-b", "zone-reload", DOMAIN])
        site.unbound.forget()
        ids = sender.submit(DOMAIN, 5)
        sender.wait_until_sent(ids)
        wait_for("the messages are stored", lambda: len(site.stored()) >= len(ids))
        self.assert_exactly_once(ids, site.stored())
        self.assertTrue(all("mail." in sender.deliveries()[i].relay for i in ids))

    def test_2_online_the_serial_exceeds_what_the_name_servers_have(self):
        """The file was put back from an old backup: its serial is far behind the server's."""
        site, old = self.site, "/tmp/old.zone"
        site.knot.load_root([f"ns.lab. A {site.knot.address}"])
        site.unbound.forget()
        soa = site.knot.host.run(["kdig", "+short", "+norecurse", f"@{site.knot.address}", DOMAIN, "SOA"]).stdout
        served = int(soa.split()[2])
        text = site.knot.host.run(["cat", f"/var/lib/knot/{DOMAIN}.zone"]).stdout
        site.knot.host.write(old, text.replace(f" {served} ", " 1 ", 1))
        self.fakemx(site.knot.host, "apply", "--zone", old, "--origin", DOMAIN, "--layout", "high", "--online",
                    "--low", f"fake0.{DOMAIN}", "--decoy", f"fake1.{DOMAIN}", "--yes")
        written = site.knot.host.run(["cat", old]).stdout
        self.assertIn(f"hostmaster.lab. {served + 1} ", written)
