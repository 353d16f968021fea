"""Zone files of name servers as they are run: BIND with zones that it signs inline, keeps differences of, and takes
updates for; Knot with updates by an acl; NSD by pattern. Each named by its server's own configuration."""

from lab import packages
from lab.case import LabCase, program
from lab.net import wait_for

ZONE = """$TTL 300
@ SOA ns1.{z}. host.{z}. 1 3600 600 86400 300
@ NS ns1
ns1 A {a}
@ MX 10 mail
mail A 30.0.0.25
"""
REAL = ["10 mail.{z}."]
BOTH = REAL + ["20 fake1.decoys.net.{z}."]


class ZoneServers(LabCase):
    @classmethod
    def build(cls):
        cls.bind = cls.net.host("bind", ["30.0.0.60"], trees=[packages.tree("bind")])
        cls.knot = cls.net.host("knot", ["30.0.0.61"], trees=[packages.tree("knot")])
        cls.nsd = cls.net.host("nsd", ["30.0.0.62"], trees=[packages.tree("zonetools")])

    def write_zone(self, host, path, zone, owner):
        host.write(path, ZONE.format(z=zone, a=host.addresses[0]), "644", owner)

    def fakemx(self, host, verb, *more, expect=0):
        argv = [str(program("fakemx")), verb, "--yes", "--max-change", "100", "--lab"] + list(more)
        done = host.run(argv, check=False)
        self.assertEqual(expect, done.returncode, f"{' '.join(argv)}\n{done.stdout}\n{done.stderr}")
        return done

    def want(self, zone):
        return ["--layout", "high", "--decoy", f"fake1.decoys.net.{zone}=30.0.0.31"]

    def mx(self, address, zone, more=()):
        done = self.bind.run(["dig", "+short", f"@{address}", zone, "MX"] + list(more), check=False)
        return sorted(done.stdout.splitlines())

    def wait_mx(self, host, zone, want):
        want = sorted(line.format(z=zone) for line in want)
        wait_for(f"{host.name} says {want} of {zone}", lambda: self.mx(host.addresses[0], zone) == want, 30)

    def test_bind_zones_that_are_signed_inline_or_kept_as_differences(self):
        folder, conf = "/var/cache/bind", "/etc/bind/named.conf"
        zones = {"diff.example": "ixfr-from-differences yes;", "signed.example": "dnssec-policy default; inline-signing yes;",
                 "dyn.example": "allow-update { 127.0.0.1; };"}
        for zone in zones:
            self.write_zone(self.bind, f"{folder}/db.{zone}", zone, "bind:bind")
        lines = [f'zone "{z}" {{ type primary; file "db.{z}"; {more} }};\n' for z, more in zones.items()]
        self.bind.write("/etc/bind/more-zones.conf", lines[2])
        self.bind.write(conf, f"""{lines[0]}{lines[1]}
include "/etc/bind/more-*.conf";
options {{ directory "{folder}"; listen-on {{ any; }}; recursion no; dnssec-validation no; notify no; }};
""")
        self.bind.script(f"mkdir -p /run/named; chown bind:bind /run/named {folder}; rndc-confgen -a -u bind")
        self.bind.spawn(["named", "-f", "-u", "bind", "-n", "1", "-g"])
        for zone in zones:
            self.wait_mx(self.bind, zone, REAL)
        # refused: the dynamic one, and it alone
        done = self.fakemx(self.bind, "apply", "--zone", conf, "--layout", "high", "--decoy",
                           "fake1.decoys.net.diff.example=30.0.0.31", expect=3)
        self.assertIn("dyn.example: BIND takes updates for this zone", done.stderr)
        self.assertIn("2 changed", done.stdout)
        self.bind.run(["rndc", "reload"])
        both = ["10 mail.{z}.", "20 fake1.decoys.net.diff.example."]
        for zone in ("diff.example", "signed.example"):
            self.wait_mx(self.bind, zone, both)
        self.wait_mx(self.bind, "dyn.example", REAL)
        signed = self.bind.run(["dig", "+dnssec", "@30.0.0.60", "signed.example", "MX"]).stdout
        self.assertIn("RRSIG\tMX", signed)
        # BIND has written journals now; they lead to what the files hold, and block nothing
        self.bind.run(["test", "-e", f"{folder}/db.diff.example.jnl"])
        self.bind.run(["test", "-e", f"{folder}/db.signed.example.jnl"])
        for zone in ("diff.example", "signed.example"):
            file = ["--zone", f"{folder}/db.{zone}", "--origin", zone]
            self.fakemx(self.bind, "apply", *file, "--layout", "high", "--ttl", "60", "--decoy",
                        "fake1.decoys.net.diff.example=30.0.0.31")
            self.bind.run(["rndc", "reload", zone])
            wait_for("the new TTL", lambda: f"{zone}.\t\t60" in self.answer(zone) or f"{zone}.\t60" in self.answer(zone), 30)
            applied = self.soa(self.bind, zone)
            self.write_www(self.bind, f"{folder}/db.{zone}")
            self.fakemx(self.bind, "revert", *file)
            self.bind.run(["rndc", "reload", zone])
            self.wait_mx(self.bind, zone, REAL)
            self.www_is_there(self.bind, zone)
            self.assertGreater(self.soa(self.bind, zone), applied)
        # an update that is in the journal alone blocks the file
        self.bind.run(["nsupdate"], input="server 127.0.0.1\nzone dyn.example\nupdate add x.dyn.example 60 A 30.0.0.9\nsend\n")
        done = self.fakemx(self.bind, "apply", "--zone", f"{folder}/db.dyn.example", "--origin", "dyn.example",
                           *self.want("dyn.example"), expect=3)
        self.assertIn("its name server takes updates", done.stderr)
        # nor may it be edited once BIND has written it down, for BIND would not see that
        self.bind.run(["rndc", "sync", "dyn.example"])
        self.bind.run(["test", "-e", f"{folder}/db.dyn.example.jnl"])
        done = self.fakemx(self.bind, "apply", "--zone", f"{folder}/db.dyn.example", "--origin", "dyn.example",
                           *self.want("dyn.example"), expect=3)
        self.assertIn("was written by BIND itself", done.stderr)

    def soa(self, host, zone):
        return int(self.bind.run(["dig", "+short", f"@{host.addresses[0]}", zone, "SOA"]).stdout.split()[2])

    def write_www(self, host, path):
        """What somebody else writes meanwhile."""
        host.write(path, host.run(["cat", path]).stdout + "www A 30.0.0.80\n", "644", f"{host.name}:{host.name}")

    def www_is_there(self, host, zone):
        done = self.bind.run(["dig", "+short", f"@{host.addresses[0]}", f"www.{zone}", "A"])
        self.assertEqual("30.0.0.80\n", done.stdout)

    def answer(self, zone):
        return self.bind.run(["dig", "+noall", "+answer", "@30.0.0.60", zone, "MX"], check=False).stdout

    def test_knot_zones_by_template_and_acl(self):
        conf = "/etc/knot/knot.conf"
        for zone in ("plain.example", "dyn.example", "signed.example", "written.example", "kept.example"):
            self.write_zone(self.knot, f"/var/lib/knot/{zone}.zone", zone, "knot:knot")
        # one that is in no configuration but in a catalog, in a file named by character and label
        listed = "/var/lib/knot/listed/l/listed-example-listed.example.zone"
        self.knot.script("mkdir -p /var/lib/knot/listed/l; chown -R knot:knot /var/lib/knot/listed")
        self.write_zone(self.knot, listed, "listed.example", "knot:knot")
        self.knot.write("/var/lib/knot/cat.zone", """@ 0 SOA invalid. invalid. 1 60 60 60 60
@ 0 NS invalid.
version 0 TXT "2"
a1.zones 0 PTR listed.example.
""", "644", "knot:knot")
        self.knot.write("/etc/knot/acl.conf", "acl:\n  - id: up\n    address: 30.0.0.60\n    action: [transfer, update]\n")
        self.knot.write(conf, """server:
    rundir: /run/knot
    user: knot:knot
    listen: [ 30.0.0.61@53 ]
include: acl.conf
template:
  - id: default
    storage: /var/lib/knot
    zonefile-load: difference
  - id: changing
    storage: /var/lib/knot
    acl: up
  - id: signed
    storage: /var/lib/knot
    dnssec-signing: on
    zonefile-sync: -1
    zonefile-load: difference-no-serial
    journal-content: all
  - id: kept
    storage: /var/lib/knot
    zonefile-sync: -1
  - id: listed
    storage: /var/lib/knot/listed
    file: "%c[0]/%l[1]-%l[0]-%s.zone"
zone:
  - domain: cat
    catalog-role: interpret
    catalog-template: listed
  - domain: plain.example
  - domain: dyn.example
    template: changing
  - domain: signed.example
    template: signed
  - domain: written.example
    dnssec-signing: on
  - domain: kept.example
    template: kept
""", "640", "root:knot")
        self.knot.script("mkdir -p /run/knot; chown knot:knot /run/knot")
        self.knot.spawn(["knotd", "-c", conf])
        for zone in ("plain.example", "dyn.example", "listed.example", "signed.example", "kept.example"):
            self.wait_mx(self.knot, zone, REAL)
        self.zone_set("kept.example")
        done = self.fakemx(self.knot, "apply", "--zone", conf, *self.want("plain.example"), expect=3)
        self.assertIn("dyn.example: Knot takes updates for this zone", done.stderr)
        self.assertIn("written.example: Knot signs this zone and writes it down", done.stderr)
        self.assertIn("kept.example.zone is not all of its zone: by 1 record it differs from what Knot's journal", done.stderr)
        self.assertIn("3 changed", done.stdout)
        self.kept_in_the_journal(conf)
        self.assertIn("must still be told to load them: `knotc zone-reload`", done.stdout)
        self.knot.run(["knotc", "-b", "zone-reload", "plain.example", "listed.example", "signed.example"])
        self.signed_by_knot(conf)
        self.wait_mx(self.knot, "plain.example", BOTH)
        self.wait_mx(self.knot, "listed.example", ["10 mail.{z}.", "20 fake1.decoys.net.plain.example."])
        self.wait_mx(self.knot, "dyn.example", REAL)
        applied = self.soa(self.knot, "plain.example")
        self.write_www(self.knot, "/var/lib/knot/plain.example.zone")
        self.fakemx(self.knot, "revert", "--zone", "/var/lib/knot/plain.example.zone")
        self.knotc("zone-reload", "plain.example")
        self.wait_mx(self.knot, "plain.example", REAL)
        self.www_is_there(self.knot, "plain.example")
        self.assertGreater(self.soa(self.knot, "plain.example"), applied)
        # the way round for a zone that takes updates: what came by update stays
        self.assertIn("knotc zone-flush, then zone-freeze", done.stderr)
        self.bind.run(["nsupdate"], input="server 30.0.0.61\nzone dyn.example.\n"
                      "update add x.dyn.example. 60 A 30.0.0.9\nsend\n")
        for verb in ("zone-flush", "zone-freeze"):
            self.knot.run(["knotc", "-b", verb, "dyn.example"])
        self.fakemx(self.knot, "apply", "--zone", "/var/lib/knot/dyn.example.zone", *self.want("dyn.example"))
        for verb in ("zone-thaw", "zone-reload"):
            self.knot.run(["knotc", "-b", verb, "dyn.example"])
        self.wait_mx(self.knot, "dyn.example", BOTH)
        done = self.bind.run(["dig", "+short", "@30.0.0.61", "x.dyn.example", "A"])
        self.assertEqual("30.0.0.9\n", done.stdout)

    def knotc(self, *argv):
        self.knot.run(["knotc", "-b", *argv])

    def zone_set(self, zone, verb="zone-set"):
        for words in (["zone-begin", zone], [verb, zone, "x", *(["60"] if verb == "zone-set" else []), "A", "30.0.0.9"],
                      ["zone-commit", zone]):
            self.knotc(*words)

    def kept_in_the_journal(self, conf):
        """What came by zone-set is in Knot's journal alone: the steps that were told keep it."""
        zone = "kept.example"
        only = ["--zone", conf, "--origin", zone]
        self.knotc("-f", "zone-flush", zone)
        self.knotc("zone-freeze", zone)
        self.fakemx(self.knot, "apply", *only, *self.want(zone))
        self.knotc("zone-thaw", zone)
        self.knotc("zone-reload", zone)
        self.wait_mx(self.knot, zone, BOTH)
        self.assertEqual("30.0.0.9\n", self.bind.run(["dig", "+short", "@30.0.0.61", f"x.{zone}", "A"]).stdout)
        self.fakemx(self.knot, "revert", *only)  # what was flushed is in the file, and blocks nothing
        self.knotc("zone-reload", zone)
        self.wait_mx(self.knot, zone, REAL)
        self.assertEqual("30.0.0.9\n", self.bind.run(["dig", "+short", "@30.0.0.61", f"x.{zone}", "A"]).stdout)

    def signed_by_knot(self, conf):
        """The unsigned file was changed; Knot signs what it says. What somebody writes meanwhile stays."""
        path = "/var/lib/knot/signed.example.zone"
        self.wait_mx(self.knot, "signed.example", ["10 mail.{z}.", "20 fake1.decoys.net.plain.example."])
        signed = self.bind.run(["dig", "+dnssec", "@30.0.0.61", "signed.example", "MX"]).stdout
        self.assertIn("RRSIG\tMX", signed)
        applied = self.soa(self.knot, "signed.example")
        self.assertNotIn("RRSIG", self.knot.run(["cat", path]).stdout)
        self.write_www(self.knot, path)
        self.knotc("zone-reload", "signed.example")
        # Knot would take out again what is in its journal alone
        only = ["--zone", conf, "--origin", "signed.example"]
        self.zone_set("signed.example")
        done = self.fakemx(self.knot, "revert", *only, expect=3)
        self.assertIn("put these records into the file, too", done.stderr)
        self.zone_set("signed.example", "zone-unset")
        self.fakemx(self.knot, "revert", *only)
        self.knotc("zone-reload", "signed.example")
        self.wait_mx(self.knot, "signed.example", REAL)
        self.www_is_there(self.knot, "signed.example")
        self.assertGreater(self.soa(self.knot, "signed.example"), applied)

    def test_nsd_zones_by_pattern(self):
        conf = "/etc/nsd/nsd.conf"
        self.nsd.script("mkdir -p /etc/nsd/zones/p /run/nsd /var/lib/nsd; chown -R nsd:nsd /run/nsd /var/lib/nsd || true")
        self.write_zone(self.nsd, "/etc/nsd/zones/p/plain.example.zone", "plain.example", "root:root")
        self.nsd.write(conf, """server:
    ip-address: 30.0.0.62
    zonesdir: "/etc/nsd/zones"
    pidfile: "/run/nsd/nsd.pid"
pattern:
    name: "files"
    zonefile: "%1/%s.zone"
remote-control:
    control-enable: yes
    control-interface: /run/nsd/control.sock
zone:
    name: plain.example
    include-pattern: files
""")
        self.nsd.spawn(["nsd", "-d", "-c", conf])
        self.wait_mx(self.nsd, "plain.example", REAL)
        self.fakemx(self.nsd, "apply", "--zone", conf, *self.want("plain.example"))
        self.nsd.run(["nsd-control", "-c", conf, "reload", "plain.example"])
        self.wait_mx(self.nsd, "plain.example", BOTH)
        # what somebody adds meanwhile stays, what apply added goes
        path = "/etc/nsd/zones/p/plain.example.zone"
        self.nsd.write(path, self.nsd.run(["cat", path]).stdout + "www A 30.0.0.80\n", "644", "root:root")
        self.fakemx(self.nsd, "revert", "--zone", conf)
        self.nsd.run(["nsd-control", "-c", conf, "reload", "plain.example"])
        self.wait_mx(self.nsd, "plain.example", REAL)
        for name, want in (("www", "30.0.0.80\n"), ("fake1.decoys.net.plain.example", "")):
            full = f"{name}.plain.example"
            self.assertEqual(want, self.bind.run(["dig", "+short", "@30.0.0.62", full, "A"]).stdout)
