"""Zones with every oddity, in every style, through plan, apply, plan and revert: what a name server loads is changed
by exactly the plan and comes back to its bytes, what none loads is refused with a sentence. Judges are
named-compilezone, and for what that accepts kzonecheck and nsd-checkzone."""

import collections
import json
import os
import pathlib
import re
import subprocess

from lab import packages
from lab.case import LabCase, long_test, program
from zone_corpus import REFUSED, Zone, zones

DECOY, ADDRESS = "fake1", "30.0.0.31"
# One line a zone: ORIGIN NAME; what the tools say goes to NAME.bind, NAME.knot, NAME.nsd (their exit code).
JUDGE = r"""
cd "$1"; all=$2
judge() {
    named-compilezone -q -i local -k ignore -n ignore -r ignore -o "$2.bind" "$1" "$2" > "$2.words" 2>&1 || rm -f "$2.bind"
    [ "$all" ] || return 0
    kzonecheck -o "$1" "$2" > "$2.knot.words" 2>&1; echo $? > "$2.knot"
    nsd-checkzone "$1" "$2" > "$2.nsd.words" 2>&1; echo $? > "$2.nsd"
}
while read -r origin name; do judge "$origin" "$name"; done
"""

Judged = collections.namedtuple("Judged", "records knot nsd words")


def read_records(text, origin):
    """{(owner, type): {(ttl, data)}}; the SOA without its serial."""
    found = collections.defaultdict(set)
    for line in text.splitlines():
        owner, ttl, _, kind, data = line.split(None, 4)
        if kind == "SOA":
            words = data.split()
            data = " ".join(words[:2] + words[3:])
        found[owner.lower(), kind].add((int(ttl), data.lower() if kind == "MX" else data))
    return found


class Judges(LabCase):
    """A folder of zones, the tools that read them, and fakemx that changes them."""

    limit_seconds = 900

    @classmethod
    def build(cls):
        cls.host = cls.net.host("tools", ["30.0.0.99"], trees=[packages.tree("zonetools")])
        cls.work = pathlib.Path(cls.host.folder) / "corpus"
        cls.work.mkdir()
        (cls.work / "some.inc").write_text("i1 3600 A 30.0.0.8\n   3600 TXT \"same owner\"\n")
        (cls.work / "mx.inc").write_text("@ 3600 MX 10 mail\n")
        cls.zones = cls.make_zones()
        for zone in cls.zones:  # the same names inside the host and outside of it
            (cls.work / zone.name).write_bytes(zone.text)

    def judge(self, by_all=True):
        lines = "".join(f"{z.origin} {z.name}\n" for z in self.zones)
        inside = "/var/log/corpus"
        halves = [lines.splitlines(keepends=True)[n::2] for n in range(2)]
        running = [subprocess.Popen(self.host.command(["sh", "-c", JUDGE, "judge", inside, "all" * by_all]), stdin=subprocess.PIPE,
                                    text=True) for _ in halves]
        for half, process in zip(halves, running):
            process.stdin.write("".join(half))
            process.stdin.close()
        for process in running:
            self.assertEqual(0, process.wait())
        return {z.name: self.judged(z) for z in self.zones}

    def judged(self, zone):
        path = self.work / zone.name
        bind = path.with_name(zone.name + ".bind")
        records = read_records(bind.read_text(), zone.origin) if bind.exists() else None
        words = path.with_name(zone.name + ".words").read_text(errors="replace")
        tools = [path.with_name(f"{zone.name}.{tool}") for tool in ("knot", "nsd")]
        said = [tool.exists() and tool.read_text().strip() == "0" for tool in tools]
        return Judged(records, said[0], said[1], words)

    def fakemx(self, verb, *more):
        """Of all zones, an origin at a time: what is said of each, by name."""
        said = {}
        for origin in sorted({z.origin for z in self.zones}):
            mine = sorted(z.name for z in self.zones if z.origin == origin)
            lines = "".join(f"{origin} /var/log/corpus/{name}\n" for name in mine)
            argv = [program("fakemx"), verb, "--zone", "-", "--json", "--lab"] + list(more)
            if verb != "revert":
                argv += ["--layout", "high", "--decoy", f"{DECOY}.{origin}={ADDRESS}"]
            done = self.host.run(argv, input=lines, check=False)
            self.assertIn(done.returncode, (0, 1, 2, 3), done.stderr)
            told = json.loads(done.stdout)["zones"]
            self.assertEqual(len(mine), len(told), done.stderr)
            said.update(zip(mine, told))
        return said

    def refusal(self, said):
        texts = [f["text"] for f in said["findings"] if f["id"] in ("FMX-PLAN-REFUSED", "FMX-ZONE-UNREADABLE")]
        return texts[0] if texts else None

    def expected(self, zone, before):
        """What a name server must read after the change."""
        after = collections.defaultdict(set, {key: set(value) for key, value in before.items()})
        mx = before[zone.origin + ".", "MX"]
        ttl = zone.options.get("ttl", min(t for t, _ in mx))  # BIND shows the first of two, the plan is the least
        worst = max(int(data.split()[0]) for _, data in mx)
        new = [data for _, data in self.judged(zone).records[zone.origin + ".", "MX"]
               if data.endswith(f" {DECOY}.{zone.origin}.")]
        self.assertEqual(1, len(new), zone.name)
        self.assertGreater(int(new[0].split()[0]), worst, zone.name)
        after[zone.origin + ".", "MX"] = {(ttl, data) for _, data in mx} | {(ttl, new[0])}
        after[f"{DECOY}.{zone.origin}.", "A"] = {(ttl, ADDRESS)}
        for t, data in before.get((f"_25._tcp.mail.{zone.origin}.", "TLSA"), ()):
            after[f"_25._tcp.{DECOY}.{zone.origin}.", "TLSA"].add((ttl, data))
        return after

    def same_but_for_serial(self, zone, text):
        """Every byte, but for the serial, wherever it stands."""
        old, new = zone.text, text
        pattern = re.compile(rb"(host\.\S+ (?:\( ; begin\r?\n\t)?)(\d+)")
        return pattern.sub(rb"\1#", old) == pattern.sub(rb"\1#", new)


class ZoneCorpus(Judges):
    @classmethod
    def make_zones(cls):
        return list(zones({"i": "some.inc", "m": "mx.inc"}))

    def test_what_a_name_server_loads_is_changed_by_the_plan_alone(self):
        before = self.judge()
        self.check_corpus(before)
        planned = self.fakemx("plan")
        for zone in self.zones:
            self.assertEqual(zone.text, (self.work / zone.name).read_bytes(), zone.name)
        self.fakemx("apply", "--yes", "--max-change", "100")
        after = self.judge()
        refused = [z for z in self.zones if z.refused]
        changed = [z for z in self.zones if not z.refused]
        for zone in refused:
            words = self.refusal(planned[zone.name])
            self.assertTrue(words, f"{zone.name} is planned, and should be refused")
            self.assertIn("" if zone.refused == REFUSED else zone.refused, words)
            self.assertEqual(zone.text, (self.work / zone.name).read_bytes(), zone.name)
        for zone in changed:
            with self.subTest(zone=zone.name):
                self.assertIsNone(self.refusal(planned[zone.name]))
                self.assertIsNotNone(after[zone.name].records, after[zone.name].words)
                self.assertEqual(self.expected(zone, before[zone.name].records), after[zone.name].records)
                self.assertEqual(before[zone.name][1:3], after[zone.name][1:3], "kzonecheck, nsd-checkzone")
        again = self.fakemx("plan")
        for zone in changed:
            self.assertEqual(([], None), (again[zone.name]["edits"], self.refusal(again[zone.name])), zone.name)
        self.fakemx("revert", "--yes", "--max-change", "100")
        last = self.judge(by_all=False)
        for zone in changed:
            text = (self.work / zone.name).read_bytes()
            self.assertTrue(self.same_but_for_serial(zone, text), f"{zone.name}\n{text!r}\n{zone.text!r}")
            self.assertNotEqual(zone.text, text, f"{zone.name}: the serial")
            self.assertEqual(before[zone.name].records, last[zone.name].records, zone.name)
        self.assertEqual([], [p.name for p in self.work.glob(".*")])
        print(f"{len(changed)} zones changed and reverted, {len(refused)} refused")

    def check_corpus(self, before):
        """Each oddity is what its name says: named-compilezone loads what is to be changed, and nothing that is
        refused because no server loads it."""
        names = {z.oddity for z in self.zones}
        self.assertGreaterEqual(len(names), 40)
        self.assertGreaterEqual(len(self.zones), 1000)
        for zone in self.zones:
            loads = before[zone.name].records is not None
            if not zone.refused:
                self.assertTrue(loads, f"{zone.name}: {before[zone.name].words}\n{zone.text.decode()}")
            if zone.refused == REFUSED:
                self.assertFalse(loads, f"{zone.name} is loaded by BIND")


@long_test
class FuzzedZones(Judges):
    """What the fuzzer found worth keeping: $FAKEMX_FUZZ_ZONES names a folder with more of it."""

    @classmethod
    def make_zones(cls):
        folder = os.environ.get("FAKEMX_FUZZ_ZONES", pathlib.Path(__file__).parents[1] / "fuzz/corpus/zone")
        texts = [path.read_bytes()[1:] for path in sorted(pathlib.Path(folder).iterdir())]
        return [Zone(f"fuzzed-{n:04}", "example.com", text, "fuzzed", None, {}) for n, text in enumerate(texts)]

    def others(self, records):
        """All but the apex MX and the decoy's own."""
        return {key: value for key, value in records.items() if key != ("example.com.", "MX") and
                not key[0].endswith(f"{DECOY}.example.com.")}

    def test_what_bind_loads_is_changed_by_the_plan_alone_or_refused(self):
        before = self.judge(by_all=False)
        loaded = [z for z in self.zones if before[z.name].records is not None]
        planned = self.fakemx("plan")
        self.fakemx("apply", "--yes", "--max-change", "100")
        after = self.judge(by_all=False)
        changed = [z for z in loaded if (self.work / z.name).read_bytes() != z.text]
        clean = [z for z in changed if not any(DECOY in m for _, m in before[z.name].records["example.com.", "MX"])]
        for zone in loaded:
            if zone not in changed:
                self.assertTrue(self.refusal(planned[zone.name]) or not planned[zone.name]["edits"] or any(
                    f["severity"] == "error" for f in planned[zone.name]["findings"]), zone.name)
        for zone in changed:
            with self.subTest(zone=zone.name):
                self.assertIsNotNone(after[zone.name].records, after[zone.name].words)
                self.assertEqual(self.others(before[zone.name].records), self.others(after[zone.name].records), zone.text)
                if zone in clean:
                    mx = [{data for _, data in judged[zone.name].records["example.com.", "MX"]}
                          for judged in (before, after)]
                    self.assertEqual((mx[0], 1), (mx[0] & mx[1], len(mx[1] - mx[0])), zone.text)
        self.fakemx("revert", "--yes", "--max-change", "100")
        last = self.judge(by_all=False)
        for zone in clean:
            self.assertEqual(before[zone.name].records, last[zone.name].records, zone.name)
        self.assertGreater(len(clean), 10)
        print(f"{len(self.zones)} fuzzed zones, {len(loaded)} loaded by BIND, {len(changed)} of these changed")
