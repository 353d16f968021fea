"""plan and revert of a domain whose DNS is kept elsewhere: the live DNS is read from every name server,
what to type is printed in each form, typed into a real server of its kind, and looked at again."""

import json
import os
import pathlib
import re
import signal
import subprocess
import time

from lab.case import NAME_SERVER, RESOLVER, LabCase, long_test, program
from lab.net import wait_for
from lab.programs import Knot, Program, Unbound
from lab.servers import Bind, KnotFiles, Pdns, key_file, query, serial

ZONE = "example.com"
LINES = ["@ NS ns2", "ns2 A 30.0.0.61", "@ MX 10 mail", "@ MX 20 backup", "mail A 30.0.0.25", "backup A 30.0.0.26",
         '@ TXT "v=spf1 mx -all"', "lists MX 10 mail", '_dmarc TXT "v=DMARC1; p=none"']
DECOY = "fake1.mx.example.com=30.0.0.31"
REAL = ["10 mail.example.com.", "20 backup.example.com."]
HIGH = REAL + ["30 fake1.mx.example.com."]
DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"


class DomainCase(LabCase):
    def fakemx(self, *argv, expect=0, input=None, host=None):
        done = (host or self.tools).run([str(program("fakemx")), *argv], check=False, input=input)
        self.assertEqual(expect, done.returncode, f"{' '.join(argv)}\n{done.stdout}\n{done.stderr}")
        return done

    def plan(self, *argv, expect=2, **more):
        return json.loads(self.fakemx("plan", "--json", ZONE, *argv, expect=expect, **more).stdout)["zones"][0]

    def mx(self, server=None):
        return query(self.tools, server or self.first, ZONE, "MX")

    def nsupdate(self, server, text):
        self.tools.write("/etc/update.key", key_file(), "600")
        self.tools.run(["nsupdate", "-k", "/etc/update.key"], input=f"server {server.address}\n{text}")

    def wait_mx(self, want, server):
        wait_for(f"{server.host.name} has {want}", lambda: self.mx(server) == sorted(want), 30)


class Typed(DomainCase):
    """BIND is the provider's primary, Knot its secondary; Unbound remembers what was there before."""

    @classmethod
    def build(cls):
        cls.second = KnotFiles(cls.net, "ns2", ["30.0.0.61"], primary=True)
        cls.first = Bind(cls.net, "ns1", ["30.0.0.60"], dynamic=True, secondaries=[cls.second])
        cls.second.primary = cls.first
        cls.first.load(ZONE, LINES)
        cls.second.zones[ZONE] = ""
        cls.first.start()
        cls.second.start()
        cls.root = Knot(cls.net, "root", [NAME_SERVER])
        cls.root.load_root([f"{ZONE}. NS ns1.{ZONE}.", f"{ZONE}. NS ns2.{ZONE}.", f"ns1.{ZONE}. A 30.0.0.60",
                            f"ns2.{ZONE}. A 30.0.0.61"])
        cls.root.start()
        cls.unbound = Unbound(cls.net, "resolver", [RESOLVER], NAME_SERVER)
        cls.unbound.start()
        cls.tools = cls.first.host
        wait_for("the secondary follows", lambda: query(cls.tools, cls.second, ZONE, "MX") == sorted(REAL), 30)

    def type_table(self, text):
        """As a person would: each line of the table into a form, which asks for a change of one record."""
        lines = []
        for line in text.splitlines():
            m = re.match(r"  (add|remove|change|leave) +(MX|A|AAAA) +(\S+) +(\d*) +(\S+)(?: +(\d+))?$", line)
            if not m or m[1] == "leave":
                continue
            name = ZONE if m[3] == "@" else f"{m[3]}.{ZONE}"
            value = f"{m[4]} {m[5]}." if m[2] == "MX" else m[5]
            lines.append(f"update add {name}. {m[6]} {m[2]} {value}" if m[1] == "add"
                         else f"update delete {name}. {m[2]} {value}")
        return "\n".join([f"zone {ZONE}."] + lines + ["send", ""])

    def test_1_the_table_is_typed_and_then_all_is_as_wanted(self):
        before = self.mx()
        done = self.fakemx("plan", ZONE, "--decoy", DECOY, expect=2)
        self.assertEqual(before, self.mx())
        for words in ("add     MX    @ ", "add     A     fake1.mx ", "leave   MX    @ ", '"@" is example.com itself',
                      "Without a final dot", "Leave every other line as it is", "To take it back", "FMX-SPF-DECOY"):
            self.assertIn(words, done.stdout)
        table = done.stdout.partition("To take it back")[0]
        self.nsupdate(self.first, self.type_table(table))
        self.wait_mx(HIGH, self.second)
        done = self.fakemx("plan", ZONE, "--decoy", DECOY)
        self.assertIn("is as wanted (layout high) at all name servers", done.stdout)

    def test_2_caches_are_not_asked(self):
        """The resolver still has the MX set of before: nobody types anything twice."""
        old = self.tools.run(["dig", "+short", f"@{RESOLVER}", ZONE, "MX"]).stdout.split("\n")
        self.assertEqual(sorted(REAL), sorted(line for line in old if line))
        self.assertEqual([], self.plan("--decoy", DECOY, expect=0)["records"])

    def test_3_a_server_that_lags_is_named_with_what_it_lacks(self):
        self.second.host.run(["nft", "-f", "-"], input="table inet lag { chain out { type filter hook output priority 0;\n"
                             f"ip daddr {self.first.address} meta l4proto {{ tcp, udp }} th dport 53 drop\n}}\n}}\n")
        self.nsupdate(self.first, f"zone {ZONE}\nupdate add {ZONE} 300 MX 40 fake2.mx.{ZONE}.\n"
                                  f"update add fake2.mx.{ZONE} 300 A 30.0.0.32\nsend\n")
        other = ["--decoy", f"fake2.mx.{ZONE}=30.0.0.32"]
        done = self.fakemx("plan", ZONE, *other, expect=2)
        self.assertIn("is as wanted (layout high) at 1 of 2 name servers; nothing is left to type", done.stdout)
        self.assertRegex(done.stdout, r"ns2.example.com \(30.0.0.61\), serial \d+: no MX 40 fake2.mx.example.com, "
                                      r"no address 30.0.0.32 for fake2.mx.example.com")
        zone = self.plan(*other)
        self.assertEqual([None, "no MX"], [s["differs"] and s["differs"][:5] for s in
                                           sorted(zone["servers"], key=lambda s: s["name"])])
        self.nsupdate(self.first, f"zone {ZONE}\nupdate delete {ZONE} MX 40 fake2.mx.{ZONE}.\n"
                                  f"update delete fake2.mx.{ZONE} A\nsend\n")
        self.second.host.run(["nft", "delete", "table", "inet", "lag"])
        self.second.host.run(["knotc", "zone-retransfer", ZONE])
        self.wait_mx(HIGH, self.second)

    def test_3b_a_server_that_is_silent_is_no_witness(self):
        self.second.stop()
        try:
            done = self.fakemx("plan", ZONE, "--decoy", DECOY)
            self.assertIn("as wanted (layout high) at the 1 of 2 name servers that answer", done.stdout)
            self.assertIn("FMX-NS-LAME", done.stdout)
        finally:
            self.second.start()
        self.wait_mx(HIGH, self.second)

    def test_4_revert_says_two_steps_and_then_nothing(self):
        done = self.fakemx("revert", ZONE, "--decoy", DECOY, expect=2)
        self.assertIn("remove  MX    @", done.stdout)
        self.assertNotIn("remove  A ", done.stdout.partition("To take it back")[0])
        self.assertIn("two TTLs\n(600 seconds)", done.stdout)
        self.nsupdate(self.first, self.type_table(done.stdout.partition("To take it back")[0]))
        self.wait_mx(REAL, self.second)
        done = self.fakemx("revert", ZONE, "--decoy", DECOY, expect=2)
        self.assertIn("remove  A     fake1.mx", done.stdout)
        self.nsupdate(self.first, self.type_table(done.stdout.partition("To take it back")[0]))
        wait_for("the secondary follows",
                 lambda: not query(self.tools, self.second, f"fake1.mx.{ZONE}", "A"), 30)
        self.assertIn("is as wanted (layout none)", self.fakemx("revert", ZONE, "--decoy", DECOY).stdout)
        self.fakemx("revert", ZONE)

    def test_5_nsupdate_makes_the_change_on_what_was_seen_or_not_at_all(self):
        argv = ["plan", ZONE, "--decoy", DECOY, "--format", "nsupdate"]
        text = self.fakemx(*argv, expect=2).stdout
        self.nsupdate(self.first, f"zone {ZONE}\nupdate add {ZONE} 300 MX 25 ns2.{ZONE}.\nsend\n")
        self.tools.write("/etc/update.key", key_file(), "600")
        done = self.tools.run(["nsupdate", "-k", "/etc/update.key"], check=False,
                              input=f"server {self.first.address}\n{text}")
        self.assertIn("NXRRSET", done.stderr)
        self.nsupdate(self.first, f"zone {ZONE}\nupdate delete {ZONE} MX 25 ns2.{ZONE}.\nsend\n")
        self.nsupdate(self.first, text)
        self.assertEqual(sorted(HIGH), self.mx())
        undo = "\n".join(line[1:] for line in text.splitlines() if line.startswith(";update"))
        self.nsupdate(self.first, f"zone {ZONE}\n{undo}\nsend\n")
        self.assertEqual(sorted(REAL), self.mx())
        self.assertEqual([], query(self.tools, self.first, f"fake1.mx.{ZONE}", "A"))
        self.wait_mx(REAL, self.second)

    def test_6_one_server_alone_can_be_asked(self):
        server = ["--server", f"{self.second.address}"]
        zone = self.plan("--decoy", DECOY, *server)
        self.assertEqual([self.second.address], [s["address"] for s in zone["servers"]])
        self.unbound.stop()
        try:
            zone = self.plan("--decoy", DECOY, *server)
            self.assertEqual([10, 20, 30], [mx["preference"] for mx in zone["mx_after"]])
        finally:
            self.unbound.start()

    def test_7_the_whole_set_is_there_before_and_after(self):
        zone = self.plan("--decoy", DECOY, "--ttl", "120")
        self.assertEqual([(10, f"mail.{ZONE}", 300), (20, f"backup.{ZONE}", 300)],
                         [(m["preference"], m["host"], m["ttl"]) for m in zone["mx_before"]])
        self.assertEqual([(10, f"mail.{ZONE}", 120), (20, f"backup.{ZONE}", 120), (30, f"fake1.mx.{ZONE}", 120)],
                         [(m["preference"], m["host"], m["ttl"]) for m in zone["mx_after"]])
        self.assertIn({"action": "add", "name": "@", "type": "MX", "ttl": 120, "priority": 30,
                       "value": f"fake1.mx.{ZONE}"}, zone["records"])
        self.assertIn({"action": "add", "name": "fake1.mx", "type": "A", "ttl": 120, "priority": None,
                       "value": "30.0.0.31"}, zone["records"])

    def test_8_a_name_below_the_zone_has_forms_of_its_own(self):
        done = self.fakemx("plan", f"lists.{ZONE}", "--decoy", DECOY, "--json", expect=2)
        zone = json.loads(done.stdout)["zones"][0]
        self.assertEqual({("lists", "MX"), ("fake1.mx", "A")}, {(r["name"], r["type"]) for r in zone["records"]})

    def test_9_what_cannot_be_planned_is_a_sentence(self):
        for argv, code, words in [
                (["plan", "nowhere.example", "--decoy", DECOY], 1, "does not exist (NXDOMAIN)"),
                (["plan", ZONE], 64, "what is wanted there?"),
                (["plan", ZONE, "--zone", "/tmp/x", "--decoy", DECOY], 64, "domains or --zone"),
                (["plan", ZONE, "--decoy", "fake1.mx.example.com=30.0.0.25"], 2, "is that of mail.example.com"),
                (["plan", ZONE, "--decoy", DECOY, "--server", "ns1"], 64, "--server: 'ns1' is not ADDRESS"),
                (["plan", ZONE, "--decoy", DECOY, "--server", "30.0.0.25"], 1, "30.0.0.25"),
                (["plan", ZONE, "--decoy", DECOY, "--format", "xml"], 64, "there are records|zone|nsupdate"),
                (["plan", ZONE, "--decoy", "fake1.mx=30.0.0.31"], 2, "is the decoy fake1.mx.example.com meant"),
                (["plan", f"www.mail.{ZONE}", "--decoy", DECOY], 1, "does not exist (NXDOMAIN)")]:
            with self.subTest(argv=argv):
                self.assertIn(words, self.fakemx(*argv, expect=code).stderr)
        done = self.fakemx("plan", f"mail.{ZONE}", "--decoy", DECOY)
        self.assertIn("is no mail domain: it has no MX record", done.stdout)
        done = self.fakemx("plan", f"_dmarc.{ZONE}", "--decoy", DECOY, expect=2)
        self.assertIn("FMX-NO-HOST", done.stdout)  # which is why it is 2
        zone = json.loads(self.fakemx("plan", "--json", ZONE, "--decoy", f"fake1.mx.{ZONE}=30.0.0.25",
                                      expect=2).stdout)
        self.assertIsNone(zone["zones"][0]["mx_after"])  # nobody may replace a set by it
        self.assertEqual("error", zone["worst_severity"])

    def test_9b_apply_and_revert_write_nothing_elsewhere(self):
        done = self.fakemx("apply", ZONE, "--decoy", DECOY, "--yes", expect=64)
        self.assertIn(f"`fakemx plan {ZONE}` says what to type", done.stderr)
        done = self.fakemx("revert", "--json", ZONE, "--decoy", DECOY)
        self.assertEqual((0, 0), tuple(json.loads(done.stdout)[k] for k in ("changes", "changed")))

    def test_a_a_list_gives_a_line_each(self):
        done = self.fakemx("plan", "--from", "-", "--json", "--decoy", DECOY, expect=1,
                           input=f"{ZONE}\nlists.{ZONE}\nnowhere.example\nno domain\n# a comment\n")
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual({(ZONE, 1), (f"lists.{ZONE}", 1), ("nowhere.example", 0), ("no domain", 0)},
                         {(line["zones"][0]["zone"], line["changes"]) for line in lines})

    def test_a1_ctrl_c_says_how_many_are_unfinished(self):
        command = self.tools.command([str(program("fakemx")), "plan", "--from", "-", "--json", "--decoy", DECOY,
                                      "--server", "30.0.0.99"], net_only=True)  # nobody is there
        run = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"))
        run.stdin.write(f"{ZONE}\nlists.{ZONE}\n")
        run.stdin.flush()
        time.sleep(1)
        run.send_signal(signal.SIGINT)
        self.assertEqual(1, run.wait(timeout=10))  # before its stdin ends
        out, err = run.communicate()
        self.assertEqual("", out)
        self.assertIn("interrupted: 2 domains are unfinished, and the list was not read to its end", err)

    def test_a2_half_of_a_list_is_the_same_half_again(self):
        names = "".join(f"d{i}.{ZONE}\n" for i in range(20))

        def planned(seed):
            done = self.fakemx("plan", "--from", "-", "--json", "--decoy", DECOY, "--half", seed, expect=1, input=names)
            zones = {json.loads(line)["zones"][0]["zone"] for line in done.stdout.splitlines()}
            self.assertIn(f"--half {seed}: {len(zones)} of 20 domains", done.stderr)
            return zones
        first = planned("autumn")
        self.assertTrue(0 < len(first) < 20)
        self.assertEqual(first, planned("autumn"))
        self.assertNotEqual(first, planned("spring"))

    def test_b_the_configuration_says_what_is_wanted(self):
        self.tools.write("/etc/fakemx.conf", f"""resolver = "{RESOLVER}"
site "s" {{
  layout = high
  domains = {{ "{ZONE}" }}
  host "mail.{ZONE}" {{ preference = 10 address = {{ "30.0.0.25" }} }}
  host "backup.{ZONE}" {{ preference = 20 address = {{ "30.0.0.26" }} }}
  decoy "fake7.mx.{ZONE}" {{ preference = 30 address = {{ "30.0.0.37" }} posture = defer }}
}}
""")
        zone = self.plan("-c", "/etc/fakemx.conf")
        self.assertIn(f"fake7.mx.{ZONE}", [m["host"] for m in zone["mx_after"]])
        done = self.fakemx("-c", "/etc/fakemx.conf", "plan", "other.example", expect=64)
        self.assertIn("a configuration (-c) with a site that has this domain", done.stderr)


class Ansible(Program):
    package = "ansible"

    def configure(self):
        pass


class Playbook(DomainCase):
    """The documented tasks of Ansible, run by Ansible."""

    @classmethod
    def build(cls):
        cls.tools = Ansible(cls.net, "control", ["30.0.0.70"]).host
        cls.tools.write("/etc/fakemx/fakemx.conf", f"""site "s" {{
  layout = high
  domains = {{ "{ZONE}" }}
  host "mail.{ZONE}" {{ preference = 10 address = {{ "30.0.0.25" }} }}
  decoy "fake1.mx.{ZONE}" {{ preference = 20 address = {{ "30.0.0.31" }} posture = defer }}
  zone {{ file = "/etc/zones/{ZONE}.zone" }}
}}
""")
        text = (DOCS / "providers.md").read_text()
        cls.tools.write("/tmp/play.yml", re.search(r"```yaml\n(.*?)```", text, re.S)[1])
        cls.tools.script(f"ln -s {program('fakemx')} /usr/bin/fakemx")

    def zone(self, text):
        self.tools.write(f"/etc/zones/{ZONE}.zone", text)

    def play(self, expect=0):
        done = self.tools.run(["env", "ANSIBLE_NOCOLOR=1", "HOME=/root", "LC_ALL=C.UTF-8", "ansible-playbook",
                               "/tmp/play.yml"], check=False, timeout=120)
        self.assertEqual(expect, done.returncode, done.stdout + done.stderr)
        return re.search(r"changed=(\d)", done.stdout)[1]

    def test_ansible_tells_a_change_from_none_and_from_a_refusal(self):
        self.zone("@ 300 SOA ns hostmaster 1 60 60 60 60\n@ 300 NS ns\nns 300 A 30.0.0.1\n"
                  "@ 300 MX 10 mail\nmail 300 A 30.0.0.25\n")
        self.assertEqual("1", self.play())
        self.assertIn("fake1.mx", self.tools.run(["cat", f"/etc/zones/{ZONE}.zone"]).stdout)
        self.assertEqual("0", self.play())
        self.zone("@ 300 SOA ns hostmaster 1 60 60 60 60\n@ 300 NS ns\nns 300 A 30.0.0.1\n"
                  "@ 300 MX 10 mail\nmail 300 A 30.0.0.31\n")
        self.play(expect=2)


NODE = r"""
// The documented functions of dnscontrol that a plan may use; what they made is printed.
const made = [];
const TTL = seconds => ({ ttl: seconds });
const record = type => (name, ...args) => ({ type, name, args });
const [A, AAAA, MX, TLSA] = ["A", "AAAA", "MX", "TLSA"].map(record);
const D_EXTEND = (zone, ...records) => made.push({ zone, records });
eval(require("fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(made));
"""


class Forms(DomainCase):
    """Each form of a plan is given to the program that it is for."""

    @classmethod
    def build(cls):
        cls.pdns = Pdns(cls.net, "pdns", ["30.0.0.62"])
        cls.knot = KnotFiles(cls.net, "knot", ["30.0.0.63"])
        cls.bind = Bind(cls.net, "bind", ["30.0.0.64"])  # for its tools
        for server in (cls.pdns, cls.knot, cls.bind):
            server.load(ZONE, LINES + ["_25._tcp.mail TLSA 3 1 1 " + "ab" * 32])
            server.start()
        cls.tools = cls.bind.host
        for server in (cls.pdns, cls.knot):
            wait_for(f"{server.host.name} serves", lambda s=server: serial(cls.tools, s, ZONE))
        # An address of each family, and TLSA, since the real host has one.
        cls.decoy = f"fake1.mx.{ZONE}=30.0.0.31,3ffe::31"

    def form(self, server, form, *argv, verb="plan", decoy=None, expect=2):
        return self.fakemx(verb, ZONE, "--decoy", decoy or self.decoy, "--server", server.address, "--format", form,
                           *argv, expect=expect)

    def patch(self, body):
        self.tools.run(["/usr/bin/curl", "-sSf", "-X", "PATCH", "-H", f"X-API-Key: {self.pdns.API_KEY}", "--data",
                        body, f"{self.pdns.api}/zones/{ZONE}."])

    def records(self, server):
        """What a plan may touch, as dig prints it."""
        asked = [(ZONE, "MX"), (f"fake1.mx.{ZONE}", "A"), (f"fake1.mx.{ZONE}", "AAAA"),
                 (f"_25._tcp.fake1.mx.{ZONE}", "TLSA")]
        return [query(self.tools, server, name, kind) for name, kind in asked]

    WANTED = [sorted(HIGH), ["30.0.0.31"], ["3ffe::31"], ["3 1 1 " + "AB" * 28 + " " + "AB" * 4]]
    BEFORE = [sorted(REAL), [], [], []]

    def test_1_powerdns_takes_a_body_a_line(self):
        done = self.form(self.pdns, "powerdns")
        self.assertEqual(1, done.stdout.count("\n"))
        self.patch(done.stdout)
        self.assertEqual(self.WANTED, self.records(self.pdns))
        self.form(self.pdns, "powerdns", expect=0)
        for _ in range(2):  # the MX records, then the addresses
            done = self.form(self.pdns, "powerdns", verb="revert")
            self.patch(done.stdout)
        self.assertEqual(self.BEFORE, self.records(self.pdns))
        self.assertEqual("", self.form(self.pdns, "powerdns", verb="revert", expect=0).stdout)

    def test_1b_what_was_typed_in_part_is_gone_on_with(self):
        self.patch(self.form(self.pdns, "powerdns").stdout)
        self.patch(json.dumps({"rrsets": [{"name": f"fake1.mx.{ZONE}.", "type": "AAAA", "changetype": "DELETE"}]}))
        zone = self.plan("--decoy", self.decoy, "--server", self.pdns.address)
        self.assertEqual([("AAAA", "3ffe::31")], [(r["type"], r["value"]) for r in zone["records"]])
        both = f"fake1.mx.{ZONE}=30.0.0.31,30.0.0.32"
        done = self.fakemx("plan", ZONE, "--decoy", both, "--server", self.pdns.address, expect=2)
        self.assertIn("has 1 of the 2 IPv4 addresses", done.stderr)
        for _ in range(2):
            self.patch(self.form(self.pdns, "powerdns", verb="revert").stdout)
        self.assertEqual(self.BEFORE, self.records(self.pdns))

    def test_2_the_script_of_the_documentation_is_safe(self):
        """It replaces whole sets from mx_after: the real hosts stay, and a set that changed is left alone."""
        text = (DOCS / "providers.md").read_text()
        self.tools.write("/tmp/replace-mx", re.search(r"```python\n(.*?)```", text, re.S)[1], "755")

        def replace(plan, expect=0):
            done = self.tools.run(["env", f"API={self.pdns.api}", f"KEY={self.pdns.API_KEY}", "/usr/bin/python3",
                                   "/tmp/replace-mx"], input=plan, check=False)
            self.assertEqual(expect, done.returncode, done.stderr)
            return done.stderr

        def plan(*argv, verb="plan", decoy=None, expect=2):
            return self.fakemx(verb, ZONE, "--json", "--decoy", decoy or self.decoy, "--server", self.pdns.address,
                               *argv, expect=expect).stdout

        first = plan()
        replace(first)
        self.assertEqual(self.WANTED, self.records(self.pdns))
        replace(plan(expect=0))  # nothing to do, nothing done
        self.assertEqual(self.WANTED, self.records(self.pdns))
        self.assertIn("not what was planned on", replace(first, expect=1))
        self.assertIn("refused", replace(plan(decoy=f"fake1.mx.{ZONE}=30.0.0.25"), expect=1))
        self.assertEqual(self.WANTED, self.records(self.pdns))
        # an address that somebody else gave the decoy's name stays, also where whole sets are replaced
        other = {"name": f"fake1.mx.{ZONE}.", "type": "A", "ttl": 300, "changetype": "REPLACE"}
        self.patch(json.dumps({"rrsets": [dict(other, records=[{"content": c, "disabled": False}
                                                               for c in ("30.0.0.31", "30.0.0.77")])]}))
        replace(plan(verb="revert"))
        before = plan(verb="revert")
        replace(before)
        self.assertEqual([sorted(REAL), ["30.0.0.77"], [], []], self.records(self.pdns))
        self.patch(json.dumps({"rrsets": [dict(other, changetype="DELETE")]}))
        self.assertEqual(self.BEFORE, self.records(self.pdns))

    def test_3_knotc_takes_the_commands(self):
        done = self.form(self.knot, "knotc")
        self.knot.host.script(done.stdout)
        self.assertEqual(self.WANTED, self.records(self.knot))
        undo = "\n".join(line[2:] for line in done.stdout.splitlines() if line.startswith("# knotc"))
        self.knot.host.script(undo)
        self.assertEqual(self.BEFORE, self.records(self.knot))

    def test_4_zone_text_is_the_whole_set(self):
        text = self.form(self.pdns, "zone", "--ttl", "600").stdout
        head = f"$ORIGIN {ZONE}.\n@ 60 SOA ns hostmaster 1 60 60 60 60\n@ NS ns\nns A 30.0.0.1\n" \
               "mail A 30.0.0.25\nbackup A 30.0.0.26\n"
        self.tools.write("/tmp/z", head + text)
        done = self.tools.run(["named-compilezone", "-q", "-o", "-", ZONE, "/tmp/z"])
        lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
        self.assertEqual(sorted(f"{ZONE}. 600 IN MX {mx}" for mx in HIGH), sorted(x for x in lines if " MX " in x))
        self.assertIn(f"fake1.mx.{ZONE}. 600 IN AAAA 3ffe::31", lines)

    def test_5_dnscontrol_adds_what_is_new_and_refuses_what_it_cannot_say(self):
        done = self.form(self.pdns, "dnscontrol")
        made = json.loads(self.tools.run(["/usr/bin/node", "-e", NODE], input=done.stdout).stdout)
        self.assertEqual([ZONE], [m["zone"] for m in made])
        self.assertEqual([{"type": "MX", "name": "@", "args": [30, f"fake1.mx.{ZONE}.", {"ttl": 300}]},
                          {"type": "A", "name": "fake1.mx", "args": ["30.0.0.31", {"ttl": 300}]},
                          {"type": "AAAA", "name": "fake1.mx", "args": ["3ffe::31", {"ttl": 300}]},
                          {"type": "TLSA", "name": "_25._tcp.fake1.mx", "args": [3, 1, 1, "ab" * 32, {"ttl": 300}]}],
                         made[0]["records"])
        done = self.form(self.pdns, "dnscontrol", "--ttl", "120")
        self.assertEqual("", done.stdout)
        self.assertIn("D_EXTEND can only add records", done.stderr)

    def test_6_octodns_gets_whole_sets_in_its_order(self):
        import yaml
        done = self.form(self.pdns, "octodns")
        zone = yaml.safe_load(done.stdout)
        self.assertEqual(["", "_25._tcp.fake1.mx", "fake1.mx"], list(zone))
        self.assertEqual([{"type": "MX", "ttl": 300, "values": [
            {"exchange": "mail.example.com.", "preference": 10}, {"exchange": "backup.example.com.", "preference": 20},
            {"exchange": "fake1.mx.example.com.", "preference": 30}]}], zone[""])
        self.assertEqual({"A": ["30.0.0.31"], "AAAA": ["3ffe::31"]}, {r["type"]: r["values"] for r in zone["fake1.mx"]})
        self.assertEqual([{"certificate_association_data": "ab" * 32, "certificate_usage": 3, "matching_type": 1,
                           "selector": 1}], zone["_25._tcp.fake1.mx"][0]["values"])


class Many(DomainCase):
    """A list of any length costs no more memory than a short one."""
    limit_seconds = 600
    count = 100000

    @classmethod
    def build(cls):
        cls.knot = KnotFiles(cls.net, "knot", ["30.0.0.63"])
        cls.knot.load("hosting.example", ["mx A 30.0.0.25", "fake A 30.0.0.31"] +
                      [f"d{i} MX 10 mx" for i in range(cls.count)])
        cls.knot.start()
        cls.tools = cls.knot.host
        wait_for("knot serves", lambda: cls.tools.run(["kdig", "+short", f"@{cls.knot.address}", "hosting.example",
                                                       "SOA"]).stdout)

    def peak(self, count):
        """Of a plan of that many domains: the lines, and the memory at most in kB."""
        names = "".join(f"d{i}.hosting.example\n" for i in range(count))
        self.tools.write("/tmp/names", names)
        done = self.tools.run(["/usr/bin/python3", "-c", """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=open("/tmp/lines", "w"))
print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
""", str(program("fakemx")), "plan", "--from", "/tmp/names", "--json", "--server", self.knot.address,
                               "--decoy", "fake.hosting.example=30.0.0.31"], timeout=500)
        code, peak = done.stdout.split()
        self.assertEqual("2", code)
        self.assertEqual(str(count), self.tools.run(["grep", "-c", '"changes":1,', "/tmp/lines"]).stdout.strip())
        return int(peak)

    @long_test
    def test_memory_is_flat(self):
        few = self.peak(2000)
        self.assertLess(self.peak(self.count), few * 1.2)
