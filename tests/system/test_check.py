"""`fakemx check` against real name servers and mail servers: for each finding a domain that has
exactly it, and a healthy twin that does not; every state of an address; every kind of bad input."""

import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

from lab.case import RESOLVER, LabCase, program
from lab.world import CLIENT_V6, MAIL, MAIL_V6, NO_SERVER, OWN, OWN_CLOSED, PLAIN, STATES, STATES_V6, WEB, World

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOW = {"FMX-LOW-DIRECT", "FMX-LOW-REPUTATION"}

# Lines that come again and again. Zones are written as text, ";" between lines.
M = f"@ MX 10 mail; mail A {MAIL}"


def low(state, address=None):
    return f"@ MX 10 fake0; fake0 A {address or STATES[state]}; @ MX 20 mail; mail A {MAIL}"


def high(state, address=None):
    return f"{M}; @ MX 20 fake1; fake1 A {address or STATES[state]}"


def sts(domain):
    return f'_mta-sts TXT "v=STSv1;id=1"; mta-sts A {WEB}'


def policy(mode, *mx):
    return f"version: STSv1\nmode: {mode}\n" + "".join(f"mx: {m}\n" for m in mx) + "max_age: 86400\n"


MANY = "; ".join(f"@ MX 10 host-{i:02}-with-a-long-name; host-{i:02}-with-a-long-name A {MAIL}" for i in range(60))
FIFTY = "; ".join(f"@ MX 10 host-{i:02}-with-a-long-name; host-{i:02}-with-a-long-name A {MAIL}" for i in range(50))
ELEVEN = "; ".join(f"mail A 30.1.2.{i}" for i in range(10))
TLSA = "_25._tcp.mail TLSA 3 1 1 " + "ab" * 32
TLSA1 = "_25._tcp.fake1 TLSA 3 1 1 " + "ab" * 32

# finding: (zone that has it, its healthy twin, findings that both or the first have besides)
ROWS = {
    "LOW-ANSWERS": (low("busy"), low("closed"), LOW),
    "LOW-DROPS": (low("dead"), low("reset"), LOW),
    "LOW-UNREACHABLE": (low("unreachable"), low("closed"), LOW),
    "LOW-SEVERAL": (low("closed") + f"; @ MX 5 fake9; fake9 A {STATES['closed2']}", low("closed"),
                    LOW | {"FMX-REAL-THIRD", "FMX-MX-ORDER"}),
    "LOW-ADDRESSES": (low("closed") + f"; fake0 AAAA {STATES_V6['closed']}", low("closed"), LOW),
    "LOW-DIRECT": (low("closed"), high("closed"), {"FMX-LOW-REPUTATION"}),
    "LOW-REPUTATION": (low("closed"), high("closed"), {"FMX-LOW-DIRECT"}),
    "HIGH-REJECTS": (high("reject"), high("busy"), set()),
    "HIGH-HELO": (high("defer-helo"), high("busy"), set()),
    "HIGH-CLOSES": (high("banner-close"), high("reset"), set()),
    "HIGH-DROPS": (high("dead"), high("closed"), set()),
    "HIGH-OPEN": (high("greets"), high("closed"), set()),
    "DECOY-BETWEEN": (high("closed") + f"; @ MX 30 backup; backup A {MAIL}", high("closed"), set()),
    "DECOY-EQUAL": (f"{M}; @ MX 10 fake1; fake1 A {STATES['closed']}", high("closed"), set()),
    "DECOY-IS-REAL": (high("", MAIL), high("closed"), {"FMX-HIGH-OPEN"}),
    "DECOY-OWN": (high("", OWN), high("closed"), {"FMX-HIGH-OPEN"}),
    "DECOYS-SHARED": (low("closed") + f"; @ MX 30 fake1; fake1 A {STATES['closed']}",
                      low("closed") + f"; @ MX 30 fake1; fake1 A {STATES['closed2']}", LOW),
    "DECOYS-ONLY": (f"@ MX 10 fake0; fake0 A {STATES['closed']}; @ MX 20 fake1; fake1 A {STATES['busy']}", low("closed"),
                    set()),
    "DECOY-FOREIGN": (f"{M}; @ MX 20 tarbaby.junk.example.", high("closed"), set()),
    "ADDRESS-BOGUS": (high("", "10.1.2.3"), high("closed"), set()),
    "MX-CNAME": (f"@ MX 10 alias; alias CNAME mail; mail A {MAIL}", M, set()),
    "MX-LITERAL": (f"{M}; @ MX 20 30.1.1.1.", high("closed"), set()),
    "MX-MISSING": (f"{M}; @ MX 20 fake1", high("closed"), set()),
    "MX-NULL": (f"{M}; @ MX 0 .", M, set()),
    "MX-IMPLICIT": (f"@ A {MAIL}", M, set()),
    "MX-ORDER": (f"@ MX 20 mail; mail A {MAIL}; @ MX 100 fake1; fake1 A {STATES['closed']}", high("closed"), set()),
    "MX-MANY": (MANY, FIFTY, set()),
    "NO-MAIL": ("@ MX 0 .", M, set()),
    "NO-HOST": ('@ TXT "nothing"', M, set()),
    "REAL-LIMIT": (low("closed") + "".join(f"; fake0 A {STATES[s]}" for s in ("closed2", "closed3", "closed4", "closed5")),
                   low("closed"), LOW | {"FMX-LOW-ADDRESSES"}),
    "REAL-THIRD": (low("closed") + f"; @ MX 11 fake9; fake9 A {STATES['closed2']}", low("closed"),
                   LOW | {"FMX-LOW-SEVERAL"}),
    "REAL-DOWN": (f"{M}; mail AAAA {STATES_V6['closed']}", f"{M}; mail AAAA {MAIL_V6}", set()),
    "ALL-DOWN": (f"@ MX 10 mail; mail A {STATES['closed']}", M, set()),
    "VANTAGE": (f"@ MX 10 mail; mail A {STATES['dead']}", M, set()),
    "LOOKUP-FAILED": (f"{M}; @ MX 20 mail.broken.lab.", f"{M}; @ MX 20 back; back A {MAIL}", set()),
    "TTL-LONG": ("; ".join(line.replace("MX", "86400 IN MX") for line in high("closed").split("; ")), high("closed"),
                 set()),
    "NS-DISAGREE": ("@ NS ns1.lab.; @ NS ns2.lab.; " + M, "@ NS ns1.lab.; @ NS ns2.lab.; " + M, set()),
    "NS-SERIAL": ("@ NS ns1.lab.; @ NS ns2.lab.; " + M, "@ NS ns1.lab.; @ NS ns2.lab.; " + M, set()),
    "NS-LAME": ("@ NS ns1.lab.; @ NS ns2.lab.; " + M, M, set()),
    "SPF-DECOY": (high("closed") + '; @ TXT "v=spf1 mx -all"', high("closed") + '; @ TXT "v=spf1 a:mail -all"', set()),
    "SPF-LIMIT": (f'@ MX 10 mail; mail A {MAIL}; {ELEVEN}; @ TXT "v=spf1 mx -all"',
                  f'@ MX 10 mail; mail A {MAIL}; {ELEVEN}; @ TXT "v=spf1 -all"', {"FMX-REAL-DOWN"}),
    "STS-REAL": (f"{M}; {sts('')}", f"{M}; {sts('')}", set()),
    "STS-BROKEN": (f"{M}; {sts('')}", f"{M}; {sts('')}", set()),
    "STS-DECOY": (high("closed") + f"; {sts('')}", high("closed"), set()),
    "STS-LISTS-DECOY": (high("closed") + f"; {sts('')}", high("closed") + f"; {sts('')}", set()),
    "TLS-MISSING": (f"@ MX 10 mail; mail A {PLAIN}; {sts('')}", f"@ MX 10 mail; mail A {PLAIN}", set()),
    "DANE-DECOY": (f"{high('closed')}; {TLSA}", f"{high('closed')}; {TLSA}; {TLSA1}", set()),
    "HOSTED": (f"@ MX 10 aspmx.l.google.com.; @ MX 20 fake1; fake1 A {STATES['closed']}",
               "@ MX 10 aspmx.l.google.com.", set()),
    "PANEL": (f"@ MX 10 mail; mail A {STATES['panel']}; @ MX 20 fake1; fake1 A {STATES['closed']}", high("closed"),
              set()),
}
# What the healthy twin may have in common with its sick one.
TWIN_HAS = {"SPF-LIMIT": {"FMX-REAL-DOWN"}, "STS-LISTS-DECOY": {"FMX-STS-DECOY"}}
DECOYS = ("LOW-SEVERAL fake0", "LOW-SEVERAL fake9", "HIGH-OPEN fake1", "DECOY-BETWEEN fake1", "DECOY-EQUAL fake1",
          "DECOY-IS-REAL fake1", "DECOYS-ONLY fake0", "DECOYS-ONLY fake1", "REAL-THIRD fake0", "REAL-THIRD fake9")
SIGNED = ["dane-decoy.example", "dane-decoy-well.example"]


def domain(row, well=False):
    return row.lower() + ("-well" if well else "") + ".example"


def policies():
    result = {}
    for row in ("STS-REAL", "STS-BROKEN", "STS-DECOY", "STS-LISTS-DECOY", "TLS-MISSING"):
        for well in (False, True):
            name = domain(row, well)
            result[name] = policy("enforce", f"mail.{name}")
    result["sts-real.example"] = policy("enforce", "other.example")
    result["sts-broken.example"] = "version: STSv1\nmode: sometimes\n"
    result["sts-lists-decoy.example"] = policy("enforce", "*.sts-lists-decoy.example")
    result["redirect.example"] = "redirect https://mta-sts.sts-real.example/.well-known/mta-sts.txt"
    result["huge.example"] = "huge"
    result["untrusted.example"] = policy("enforce", "mail.untrusted.example")
    return result


def zones():
    first, second = {}, {}
    for row, (sick, well, _) in ROWS.items():
        first[domain(row)] = sick.split("; ")
        first[domain(row, True)] = well.split("; ")
    for row in ("NS-DISAGREE", "NS-SERIAL"):
        second[domain(row, True)] = first[domain(row, True)]
    second["ns-disagree.example"] = first["ns-disagree.example"] + [f"@ MX 20 fake1", f"fake1 A {MAIL}", ";serial 2"]
    second["ns-serial.example"] = first["ns-serial.example"] + [";serial 2"]
    for state, address in STATES.items():
        first[f"state-{state}.example"] = f"{M}; @ MX 20 t; t A {address}; t AAAA {STATES_V6[state]}".split("; ")
    for name in ("redirect", "huge", "untrusted", "inside"):
        first[f"{name}.example"] = f"{M}; {sts('')}".split("; ")
    first["inside.example"] = [line.replace(WEB, "127.0.0.1") for line in first["inside.example"]]
    first["primary-down.example"] = f"@ MX 10 mx1; mx1 A {STATES['closed']}; @ MX 20 mx2; mx2 A {MAIL}".split("; ")
    first["backup-down.example"] = f"@ MX 10 mx1; mx1 A {MAIL}; @ MX 20 mx2; mx2 A {STATES['closed']}".split("; ")
    first["article.example"] = (f"@ MX 10 mail; mail A {MAIL}; @ MX 20 backup; backup A {MAIL}; @ MX 30 fake1.mx; "
                                f"fake1.mx A {STATES['greets']}" + '; @ TXT "v=spf1 mx -all"').split("; ")
    first["own-closed.example"] = high("", OWN_CLOSED).split("; ")
    first["xn--bcher-kva.example"] = M.split("; ")
    first["gmail.com"] = M.split("; ")
    return first, second


class Check(LabCase):
    @classmethod
    def build(cls):
        first, second = zones()
        cls.world = World(cls.net, first, second, SIGNED, policies(),
                          ["tarbaby.junk.example. A " + STATES["closed"], "aspmx.l.google.com. A " + MAIL,
                           "broken.lab. NS ns2.lab.", "silent.lab. NS ns9.lab."])
        cls.seen = {}

    def bulk(self, names, *argv):
        decoys = []
        for word in DECOYS:
            row, name = word.split()
            decoys += ["--decoy", f"{name}.{domain(row)}"]
        done = self.world.fakemx("check", "--from", "-", *decoys, *argv, input="\n".join(names) + "\n")
        return {x["domain"]: x for x in map(json.loads, done.stdout.splitlines())}, done

    def ids(self, name):
        result = self.seen[name]
        self.assertNotIn("error", result, name)
        return {f["id"] for f in result["findings"]}

    def test_1_a_list_of_domains_gives_a_line_each(self):
        names = [domain(row, well) for row in ROWS for well in (False, True)]
        type(self).seen, done = self.bulk(["# a comment", ""] + names)
        self.assertEqual(sorted(names), sorted(self.seen), done.stderr)
        self.assertEqual(2, done.returncode, done.stderr)
        self.assertRegex(done.stderr, f"{len(names)} domains in .* 0 failed, 0 unfinished")

    def test_1b_the_keys_are_those_of_the_contract(self):
        keys = {
            (): {"version", "domain", "layout", "hosts", "findings", "senders"},
            ("hosts",): {"preference", "host", "role", "addresses"},
            ("hosts", "addresses"): {"address", "state", "seconds", "reply"},
            ("findings",): {"id", "severity", "text", "fix"},
            ("senders",): {"sender", "outcome", "delay_seconds", "tried", "note"},
            ("senders", "tried"): {"preference", "host", "address", "state"},
        }
        counts = dict.fromkeys(keys, 0)

        def look(path, value):
            self.assertEqual(keys[path], set(value), path)
            counts[path] += 1
            for key, inner in value.items():
                for item in inner if isinstance(inner, list) else []:
                    look(path + (key,), item)
        for result in self.seen.values():
            look((), result)
            self.assertEqual(1, result["version"])
            self.assertIn(result["layout"], ("none", "high", "low", "both"))
            self.assertLessEqual({h["role"] for h in result["hosts"]}, {"real", "decoy"})
        self.assertTrue(all(counts.values()), counts)

    def test_1c_the_senders_are_those_of_predict(self):
        result = self.seen["low-direct.example"]
        words = [f"{h['preference']}=" + ",".join(a["state"] for a in h["addresses"]) for h in result["hosts"]]
        want = json.loads(self.world.fakemx("predict", "--json", *words).stdout)["senders"]
        self.assertEqual(10, len(want))
        for got, expected in zip(result["senders"], want):
            for key in ("sender", "outcome", "delay_seconds", "note"):
                self.assertEqual(expected[key], got[key], got)

    def test_2_each_domain_has_exactly_its_finding(self):
        for row, (_, _, besides) in ROWS.items():
            with self.subTest(row):
                self.assertEqual({"FMX-" + row} | besides, self.ids(domain(row)), self.seen[domain(row)])

    def look(self, name, *argv):
        return json.loads(self.world.fakemx("check", "--json", name, *argv).stdout)

    def test_2b_a_primary_that_is_down_is_no_fake_mx(self):
        seen = self.look("primary-down.example")
        self.assertEqual(("none", ["real", "real"]), (seen["layout"], [h["role"] for h in seen["hosts"]]))
        self.assertIn("it is down, or a decoy that nobody declared", seen["findings"][0]["text"])
        self.assertEqual("low", self.look("primary-down.example", "--decoy", "mx1.primary-down.example")["layout"])
        done = self.world.fakemx("check", "backup-down.example")
        self.assertIn("or it is a backup that is down", " ".join(done.stdout.split()))

    def test_2c_the_articles_layout_is_seen_without_being_told(self):
        seen = self.look("article.example")
        self.assertEqual(("high", ["real", "real", "decoy"]), (seen["layout"], [h["role"] for h in seen["hosts"]]))
        spf = [f["fix"] for f in seen["findings"] if f["id"] == "FMX-SPF-DECOY"]
        self.assertIn('"v=spf1 a:mail.article.example a:backup.article.example -all"', spf[0])
        self.assertNotIn("fake1", spf[0])

    def test_2d_an_own_address_is_a_finding_only_while_another_program_answers(self):
        self.assertEqual([], self.look("own-closed.example")["findings"])

    def test_3_its_healthy_twin_has_not(self):
        for row, (_, well, besides) in ROWS.items():
            with self.subTest(row):
                allowed = TWIN_HAS.get(row, LOW if "fake0" in well else set())
                got = self.ids(domain(row, True))
                self.assertNotIn("FMX-" + row, got)
                self.assertEqual(allowed if row != "TTL-LONG" else set(), got, self.seen[domain(row, True)])

    def test_4_every_finding_of_the_page_was_seen(self):
        page = (ROOT / "docs" / "findings.md").read_text()
        # never of what was seen: servers answer with one TTL for all
        of_plan = {"FMX-PLAN-REFUSED", "FMX-ZONE-UNREADABLE", "FMX-TTL-DIFFERS"}
        of_configuration = {"FMX-HOST-UNNAMED"}
        self.assertEqual(set(re.findall(r"^## (FMX-\S+)", page, re.M)),
                         {"FMX-" + row for row in ROWS} | of_plan | of_configuration)

    def test_5_every_state_is_told_over_ipv4_and_ipv6(self):
        want = {state: state for state in STATES} | {
            "greets": "open", "panel": "open", "flood": "banner-close", "slow": "open", "lines": "banner-close",
            "closed2": "closed", "closed3": "closed", "closed4": "closed", "closed5": "closed"}
        seen, _ = self.bulk([f"state-{state}.example" for state in STATES])
        for state in STATES:
            with self.subTest(state):
                addresses = {a["address"]: a for h in seen[f"state-{state}.example"]["hosts"] for a in h["addresses"]}
                for table in (STATES, STATES_V6):
                    got = addresses[table[state]]
                    self.assertEqual(want[state], got["state"], got)
                    self.assertGreaterEqual(got["seconds"], 9.9 if state in ("dead", "silent") else 0)
                    self.assertLess(got["seconds"], 11 if state in ("dead", "silent") else 3)

    def test_6_no_mail_command_was_ever_sent(self):
        heard = self.world.heard.read_text()
        self.assertIn("greets EHLO", heard)
        self.assertIn("greets QUIT", heard)
        self.assertNotRegex(heard, r"(?i)mail from|rcpt to|\bdata\b")

    def test_7_a_policy_is_taken_only_as_the_rfc_says(self):
        names = [f"{n}.example" for n in ("redirect", "huge", "untrusted", "inside")]
        seen, _ = self.bulk(names, "--no-probe")
        why = {n: [f["text"] for f in seen[n]["findings"] if f["id"] == "FMX-STS-BROKEN"] for n in names}
        self.assertRegex(why["redirect.example"][0], "redirects are not followed")
        self.assertRegex(why["huge.example"][0], "(?i)larger than|maximum file size")
        self.assertRegex(why["untrusted.example"][0], "(?i)certificate|does not match")
        self.assertRegex(why["inside.example"][0], "no public address")

    def test_8_one_check_takes_no_longer_than_its_slowest_part(self):
        began = time.monotonic()
        result = json.loads(self.world.fakemx("check", "--json", "state-slow.example").stdout)
        took = time.monotonic() - began
        slowest = max(a["seconds"] for h in result["hosts"] for a in h["addresses"])
        self.assertGreater(slowest, 2)
        self.assertLess(took - slowest, 0.5, "the process's start and the namespace's included")

    def test_9_people_get_text(self):
        done = self.world.fakemx("check", "mx-cname-well.example")
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertIn("There is no Fake MX here. 1 of 1 host takes mail.", done.stdout)
        self.assertIn("mx-cname-well.example. MX 20 fake1.mx.mx-cname-well.example.", done.stdout)
        self.assertIn("postfix", done.stdout)
        done = self.world.fakemx("check", "hosted-well.example")
        self.assertIn("with Google as the mail host it should stay so", done.stdout)
        done = self.world.fakemx("check", "high-drops.example")
        self.assertEqual(2, done.returncode, done.stderr)
        self.assertRegex(done.stdout, r"warning FMX-HIGH-DROPS\n.*\n(.*\n)*  Fix: ")


class CheckInput(LabCase):
    """What people and networks get wrong."""

    @classmethod
    def build(cls):
        first, second = zones()
        keep = ("high-drops", "mx-cname", "state-", "xn--", "gmail", "mx-many")
        cls.world = World(cls.net, {z: lines for z, lines in first.items() if z.startswith(keep)}, {}, (), {},
                          ["broken.lab. NS ns2.lab."])

    def test_names_are_put_right_or_refused_with_a_sentence(self):
        good = {"MX-CNAME-well.example.": 0, "postmaster@mx-cname-well.example": 0,
                "https://mx-cname-well.example/path?x": 0, "Bücher.example": 0}
        for text, code in good.items():
            done = self.world.fakemx("check", "--json", text)
            self.assertEqual(code, done.returncode, text + done.stderr)
        self.assertEqual("xn--bcher-kva.example", json.loads(done.stdout)["domain"])
        for text in ("", "   ", "a b.example", "192.0.2.1", "[2001:db8::1]", "ex..ample", "a" * 300, "x" * 64 + ".example",
                     "a/b.example", "\x01.example"):
            done = self.world.fakemx("check", text)
            self.assertEqual(64, done.returncode, repr(text))
            self.assertRegex(done.stderr, "^fakemx: .{10,}")
            self.assertEqual("", done.stdout)

    def test_an_e_mail_address_is_taken_for_its_domain_and_that_is_said(self):
        done = self.world.fakemx("check", "joe@mx-cname-well.example")
        self.assertIn("took the domain of an e-mail address: mx-cname-well.example", done.stderr)

    def test_a_decoy_that_is_no_mx_host_is_said(self):
        done = self.world.fakemx("check", "--decoy", "fake7.lab", "mx-cname-well.example")
        self.assertIn("--decoy fake7.lab is no MX host of mx-cname-well.example", done.stderr)

    def test_failed_lookups_are_sentences_and_exit_code_1(self):
        for name, words in {"nowhere.lab": "does not exist", "x.broken.lab": "SERVFAIL"}.items():
            done = self.world.fakemx("check", name)
            self.assertEqual(1, done.returncode, done.stderr)
            self.assertIn(words, done.stderr)
            done = self.world.fakemx("check", "--json", name)
            self.assertIn(words, json.loads(done.stdout)["error"])

    def test_a_resolver_that_is_down_is_said(self):
        began = time.monotonic()
        done = self.world.fakemx("check", "--resolver", NO_SERVER, "mx-cname-well.example")
        self.assertEqual(1, done.returncode)
        self.assertIn("does the resolver answer?", done.stderr)
        self.assertLess(time.monotonic() - began, 12)
        self.assertEqual(64, self.world.fakemx("check", "--resolver", "nonsense", "a.example").returncode)

    def test_what_was_not_probed_is_not_known(self):
        result = json.loads(self.world.fakemx("check", "--json", "--no-probe", "high-drops.example").stdout)
        self.assertIsNone(result["layout"])
        self.assertEqual([None, None], [h["role"] for h in result["hosts"]])
        self.assertEqual([], result["senders"])
        self.assertIn("is not known", self.world.fakemx("check", "--no-probe", "high-drops.example").stdout)
        done = self.world.fakemx("check", "--json", "--no-probe", "--decoy", "fake1.high-drops.example", "high-drops.example")
        self.assertEqual("high", json.loads(done.stdout)["layout"])

    def test_decoys_of_the_configuration_are_declared(self):
        path = self.net.folder / "fakemx.conf"
        path.write_text("""site "a" {
  layout = high
  domains = { "high-drops.example" }
  host "mail.high-drops.example" { preference = 10 address = { "30.1.0.25" } }
  decoy "fake1.high-drops.example" { preference = 20 address = { "30.1.1.2" } posture = closed }
}
""")
        done = self.world.fakemx("-c", path, "check", "--json", "--no-probe", "high-drops.example")
        self.assertEqual("high", json.loads(done.stdout)["layout"], done.stderr)
        self.assertEqual([], json.loads(done.stdout)["findings"])

    def test_a_host_that_the_configuration_does_not_name_is_told(self):
        path = self.net.folder / "unnamed.conf"
        path.write_text("""site "a" {
  layout = high
  domains = { "high-drops.example" }
  host "elsewhere.high-drops.example" { preference = 10 address = { "30.1.7.7" } }
  decoy "fake1.high-drops.example" { preference = 20 address = { "30.1.1.2" } posture = closed }
}
""")
        done = self.world.fakemx("-c", path, "check", "--json", "--no-probe", "high-drops.example")
        self.assertEqual(2, done.returncode, done.stderr)
        seen = json.loads(done.stdout)
        self.assertEqual(["FMX-HOST-UNNAMED"], [f["id"] for f in seen["findings"]])
        self.assertIn("mail.high-drops.example", seen["findings"][0]["text"])
        done = self.world.fakemx("check", "--json", "--no-probe", "high-drops.example")
        self.assertEqual([], json.loads(done.stdout)["findings"])

    def test_a_large_answer_comes_over_tcp(self):
        done = self.world.fakemx("check", "--json", "--no-probe", "mx-many-well.example")
        self.assertEqual(50, len(json.loads(done.stdout)["hosts"]))

    def test_bad_lines_of_a_list_do_not_end_it(self):
        done = self.world.fakemx("check", "--from", "-", input="a b\nmx-cname-well.example\nnowhere.lab\n" + "z" * 9000)
        lines = [json.loads(x) for x in done.stdout.splitlines()]
        self.assertEqual(4, len(lines))
        self.assertEqual(3, sum("error" in x for x in lines))
        self.assertEqual(1, done.returncode)

    def test_a_host_that_was_only_restarted_is_no_decoy(self):
        done = self.world.fakemx("check", "state-closed4.example")
        self.assertIn("is last and takes no mail, neither at a second look", " ".join(done.stdout.split()))
        comes_back = threading.Timer(2, self.world.act, [f"greets={STATES['closed4']}"])
        comes_back.start()
        seen = json.loads(self.world.fakemx("check", "--json", "state-closed4.example").stdout)
        comes_back.join()
        self.assertEqual(("none", ["real", "real"]), (seen["layout"], [h["role"] for h in seen["hosts"]]), seen)

    def test_ctrl_c_ends_with_a_summary_and_names_what_was_under_way(self):
        command = self.world.client.command([program("fakemx"), "check", "--resolver", RESOLVER, "--from", "-"],
                                            net_only=True)
        run = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"))
        run.stdin.write("state-dead.example\n")
        run.stdin.flush()
        time.sleep(1)
        run.send_signal(signal.SIGINT)
        self.assertEqual(1, run.wait(timeout=10))  # before its stdin ends
        out, err = run.communicate()
        self.assertEqual("unfinished", json.loads(out)["error"])
        self.assertRegex(err, "1 unfinished; the list was not read to its end")

    def test_the_vantage_is_checked_first(self):
        done = self.world.fakemx("check", "--vantage-check", "mx-cname-well.example")
        self.assertIn("port 25 is open from here", done.stderr)
        self.world.client.run(["nft", "-f", "-"], input="table inet v {\nchain out {\n"
                              "type filter hook output priority 0;\ntcp dport 25 drop\n}\n}\n")
        try:
            done = self.world.fakemx("check", "--json", "--vantage-check", "mx-cname-well.example")
        finally:
            self.world.client.run(["nft", "delete", "table", "inet", "v"])
        self.assertIn("port 25 is blocked from here", done.stderr)
        self.assertEqual(["FMX-VANTAGE"], [f["id"] for f in json.loads(done.stdout)["findings"]])
        self.assertEqual([], json.loads(done.stdout)["senders"])

    def test_without_ipv6_here_nothing_is_said_of_ipv6_there(self):
        self.world.client.remove_address(CLIENT_V6)
        self.world.client.run(["ip", "-6", "route", "flush", "dev", "eth0"], check=False)
        try:
            done = self.world.fakemx("check", "--json", "state-slow.example")
        finally:
            self.world.client.add_address(CLIENT_V6)
        addresses = {a["address"]: a for h in json.loads(done.stdout)["hosts"] for a in h["addresses"]}
        self.assertIsNone(addresses[STATES_V6["slow"]]["state"])
        self.assertIn("no IPv6 route", addresses[STATES_V6["slow"]]["reply"])
