"""The way out: `off` with a zone file of the real BIND, a zone that takes updates and one that somebody has to type,
while serve is dead and the journal is broken; a name server that is down; the way in again."""

from lab.case import NAME_SERVER, RESOLVER, LabCase, program
from lab.net import wait_for
from lab.programs import Knot, Unbound
from lab.servers import Bind, KEY_NAME, SECRET, key_file, query, serial

FILE, DYN, TYPED, BL = "file.example", "dyn.example", "typed.example", "bl.example.com"
LINES = ["@ MX 10 mail ; ours", "mail A 30.0.0.25", "www CNAME mail"]
CONF = "/etc/fakemx.conf"
MAP = "/var/lib/lists/rspamd.map"


def site(name, zone, layout="high"):
    return f"""site "{name}" {{
  layout = {layout}
  domains = {{ "{name}.example" }}
  host  "mail.{name}.example"  {{ preference = 10  address = {{ "30.0.0.25" }} }}
  decoy "fake1.{name}.example" {{ preference = 20  address = {{ "30.0.0.31" }}  posture = defer }}
  {zone}
}}
"""


class Off(LabCase):
    limit_seconds = 200

    @classmethod
    def build(cls):
        cls.knot = Knot(cls.net, "ns", [NAME_SERVER])
        cls.knot.load(TYPED, LINES + ["@ MX 20 fake1", "fake1 A 30.0.0.31"])
        cls.unbound = Unbound(cls.net, "resolver", [RESOLVER], NAME_SERVER)
        cls.files = Bind(cls.net, "files", ["30.0.0.60"])
        cls.files.load(FILE, LINES)
        cls.dynamic = Bind(cls.net, "dynamic", ["30.0.0.61"], dynamic=True)
        cls.dynamic.load(DYN, LINES)
        cls.dynamic.load(BL, [])
        for server in (cls.knot, cls.unbound, cls.files, cls.dynamic):
            server.start()
        cls.knot.load_root([f"{TYPED}. NS ns.lab.", f"ns.lab. A {NAME_SERVER}"])
        cls.unbound.forget()
        cls.host = cls.files.host
        cls.host.write("/etc/tsig.key", key_file())
        cls.host.script("mkdir -p /var/lib/fakemx /var/lib/lists")
        update = 'update { server = "30.0.0.61"  key = "/etc/tsig.key" }'
        cls.host.write(CONF, 'state = "/var/lib/fakemx"\nlab = true\nmode = enforce\n' +
                       site("file", f'zone {{ file = "{cls.files.path(FILE)}" check = "named-checkzone %z %f" '
                                    'reload = "rndc reload %z" }') +
                       site("dyn", f"zone {{ {update} }}") + site("typed", "") +
                       f'publish "map" {{ format = rspamd  file = "{MAP}" }}\n'
                       f'publish "dnsbl" {{ format = dnsbl  zone = "{BL}"  {update} }}\n')
        cls.before = cls.files.text(FILE)

    def fakemx(self, *argv, expect, yes=True):
        done = self.host.run([program("fakemx"), "-c", CONF, *argv, *(["--yes"] if yes else [])], check=False)
        self.assertEqual(expect, done.returncode, done.stdout + done.stderr)
        return done

    def mx(self, server, zone):
        return query(self.host, server, zone, "MX")

    def listed(self, address="30.9.1.1"):
        name = ".".join(reversed(address.split("."))) + "." + BL
        return query(self.host, self.dynamic, name, "A")

    def fill(self):
        """As lists are when somebody is listed."""
        self.host.write(MAP, "30.9.1.1 # until later\n")
        name = f"1.1.9.30.{BL}."
        self.host.run(["nsupdate", "-y", f"hmac-sha256:{KEY_NAME}:{SECRET}"], input=f"server 30.0.0.61\nzone {BL}\n"
                      f"update add {name} 300 A 127.0.0.2\nupdate add {name} 300 TXT \"fakemx: listed\"\nsend\n")
        self.assertEqual(["127.0.0.2"], self.listed())

    def test_1_the_way_in(self):
        self.fakemx("apply", expect=0)
        for server, zone in ((self.files, FILE), (self.dynamic, DYN)):
            wait_for(f"the decoy of {zone}", lambda: self.mx(server, zone) == [f"10 mail.{zone}.", f"20 fake1.{zone}."], 20)
        self.fill()
        self.host.write("/var/lib/fakemx/journal.sqlite", "this is no journal " * 500)

    def test_2_it_does_nothing_that_is_not_meant(self):
        done = self.fakemx("off", expect=64, yes=False)
        self.assertIn("--yes says that it is meant", done.stderr)
        self.assertEqual(["127.0.0.2"], self.listed())
        self.assertIn("fake1", self.files.text(FILE))

    def test_3_lists_are_empty_and_the_decoys_gone_but_for_what_is_to_be_typed(self):
        applied = serial(self.host, self.files, FILE)
        done = self.fakemx("off", expect=2)
        self.assertNotIn("30.9.1.1", self.host.run(["cat", MAP]).stdout)
        self.assertEqual([], self.listed())
        self.assertEqual(["127.0.0.2"], self.listed("127.0.0.2"), "the zone's own test entry stays")
        for server, zone in ((self.files, FILE), (self.dynamic, DYN)):
            wait_for(f"{zone} as before", lambda: self.mx(server, zone) == [f"10 mail.{zone}."], 20)
        after = serial(self.host, self.files, FILE)
        self.assertGreater(after, applied)
        self.assertEqual(self.before.replace("2026010101", str(after)), self.files.text(FILE))
        words = done.stdout
        self.assertRegex(words, r"typed\.example(.|\n)*fake1\.typed\.example")  # what to type
        self.assertRegex(words, r"gone everywhere|by 20\d\d-")
        self.assertRegex(words, r"the DNSBL is empty everywhere by 20\d\d-\d\d-\d\dT")
        self.assertIn("leave `fakemx serve` running", words)

    def test_4_they_stay_empty_until_apply(self):
        self.fill()
        done = self.fakemx("publish", expect=0, yes=False)
        self.assertIn("`fakemx off` was run", done.stderr + done.stdout)
        self.assertEqual([], self.listed())
        self.assertIn("`fakemx off` was run", self.host.run(["cat", MAP]).stdout)

    def test_5_again_it_says_the_same(self):
        done = self.fakemx("off", expect=2)
        self.assertIn("typed.example", done.stdout)
        self.knot.load(TYPED, LINES)
        self.unbound.forget()
        self.fakemx("off", expect=0)

    def test_6_a_name_server_that_is_down_stops_nothing_else(self):
        self.host.script("rm /var/lib/fakemx/journal.sqlite*")
        self.fakemx("apply", expect=0)
        wait_for("the decoy is back", lambda: len(self.mx(self.files, FILE)) == 2, 20)
        self.assertNotIn("off", self.host.run(["ls", "/var/lib/fakemx"]).stdout.split())
        self.fill()
        self.dynamic.stop()
        done = self.fakemx("off", expect=1)
        self.assertIn("dnsbl: ", done.stderr)
        self.assertIn("Not all lists could be emptied for good", done.stdout)
        self.assertNotIn("30.9.1.1", self.host.run(["cat", MAP]).stdout)
        wait_for("the file's zone as before", lambda: self.mx(self.files, FILE) == [f"10 mail.{FILE}."], 20)
        self.dynamic.host.script("rm -f /var/cache/bind/*.jnl")  # as from a backup of before
        self.dynamic.start()
        self.fakemx("off", expect=0)
        self.assertEqual(["127.0.0.2"], self.listed("127.0.0.2"))
