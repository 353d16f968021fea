"""Many zones at once, and mistakes: what plan, apply and revert say and leave alone. No network."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

from lab.case import program

ZONE = """$TTL 300
@ SOA ns1.example.net. host.example.net. 2026010101 3600 600 86400 300
@ NS ns1.example.net.
@ MX 10 mail
mail A 192.0.2.25
"""
WANT = ["--layout", "high", "--decoy", "fake1.decoys.example=192.0.2.30", "--lab"]


class Many(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="fakemx-many-")
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name)
        self.zones = self.path / "zones"
        self.zones.mkdir()

    def make(self, count, text=ZONE):
        for n in range(count):
            (self.zones / f"zone{n:02}.example.zone").write_text(text)

    def config(self, count, file=None, extra="", state="state"):
        domains = ", ".join(f'"zone{n:02}.example"' for n in range(count))
        path = self.path / f"fakemx-{state}.conf"
        path.write_text(f"""state = "{self.path}/{state}"
lab = true
site "s" {{
  layout = high
  domains = {{ {domains} }}
  host "mail.decoys.example" {{ preference = 10 address = {{ "192.0.2.25" }} }}
  decoy "fake1.decoys.example" {{ preference = 20 address = {{ "192.0.2.30" }} posture = defer }}
  zone {{ file = "{file or self.zones}" {extra} }}
}}
""")
        return ["-c", str(path)]

    def nothing_configured(self):
        path = self.path / "other.conf"
        path.write_text(f"""state = "{self.path}/other-state"
site "s" {{
  layout = none
  domains = {{ "elsewhere.example" }}
  host "mail.elsewhere.example" {{ preference = 10 address = {{ "30.0.0.25" }} }}
}}
""")
        return ["-c", str(path)]

    def fakemx(self, *argv, expect=0):
        if "-c" not in argv:  # nothing is left on this machine, and its own configuration says nothing
            argv = [*self.nothing_configured(), *argv]
        done = subprocess.run([program("fakemx")] + list(argv), stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assertEqual(expect, done.returncode, f"{argv}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        return done

    def changed(self):
        return sum("MX 20 fake1.decoys.example." in p.read_text() for p in self.zones.glob("*.zone"))

    def test_a_real_host_that_the_site_does_not_name_is_told(self):
        self.make(2)
        with open(self.zones / "zone01.example.zone", "a") as zone:
            zone.write("@ MX 15 backup\nbackup A 192.0.2.26\n")
        done = self.fakemx(*self.config(2), "plan", "--json", expect=2)
        told = {z["zone"]: [f["text"] for f in z["findings"] if f["id"] == "FMX-HOST-UNNAMED"]
                for z in json.loads(done.stdout)["zones"]}
        # mail.zone00.example is another name of the site's own machine
        self.assertEqual([], told["zone00.example"])
        self.assertEqual(1, len(told["zone01.example"]), told)
        self.assertIn("backup.zone01.example", told["zone01.example"][0])
        # without a configuration nobody says who is to be watched
        self.assertNotIn("FMX-HOST-UNNAMED", self.fakemx("plan", "--zone", str(self.zones), *WANT, expect=2).stdout)

    def test_a_change_of_most_zones_is_refused_until_it_is_meant(self):
        self.make(12)
        conf = self.config(12)
        done = self.fakemx(*conf, "apply", "--yes", expect=3)
        self.assertIn("--max-change 100", done.stderr)
        self.assertEqual(0, self.changed())
        self.assertIn("--sample 3 tries three first", done.stderr)
        self.fakemx(*conf, "apply", "--yes", "--sample", "3", expect=2)
        self.assertEqual(3, self.changed())
        self.fakemx(*conf, "apply", "--yes", "--sample", "4", expect=3)
        done = self.fakemx(*conf, "plan", "--yes", "--sample", "4", "--max-change", "5", "--wait", expect=2)
        self.assertIn("12 zones: 9 to change, 3 as wanted", done.stdout)
        done = self.fakemx(*conf, "apply", "--yes", "--max-change", "100")
        self.assertIn("12 zones: 9 changed, 3 as wanted", done.stdout)
        self.assertEqual(12, self.changed())
        done = self.fakemx(*conf, "apply", "--yes")
        self.assertIn("0 changed, 12 as wanted", done.stdout)
        # the way back is never narrowed
        self.fakemx(*conf, "revert", "--yes", "--max-change", "10", "--sample", "2")
        self.assertEqual(0, self.changed())
        for path in self.zones.glob("*.zone"):
            self.assertEqual(ZONE.split("20260", 1)[0], path.read_text().split("20261", 1)[0])

    def test_all_high_decoys_of_a_site_are_its_decoys(self):
        self.make(1)
        conf = self.config(1, file=self.zones / "zone00.example.zone")
        path = pathlib.Path(conf[1])
        path.write_text(path.read_text().replace("  zone {", """  decoy "fake2.decoys.example" {
    preference = 30 address = { "192.0.2.31" } posture = busy }
  zone {"""))
        self.fakemx(*conf, "apply", "--yes")
        text = (self.zones / "zone00.example.zone").read_text()
        self.assertIn("MX 20 fake1.decoys.example.\n@ MX 30 fake2.decoys.example.\n", text)
        self.assertIn("1 as wanted", self.fakemx(*conf, "apply", "--yes").stdout)
        self.fakemx(*conf, "revert", "--yes")
        self.assertEqual(0, self.changed())

    def test_a_configuration_that_endangers_mail_is_shown_never_applied_and_can_be_undone(self):
        self.make(1)
        conf = self.config(1, file=self.zones / "zone00.example.zone")
        self.fakemx(*conf, "apply", "--yes")
        path = pathlib.Path(conf[1])
        path.write_text(path.read_text().replace("layout = high", "layout = both").replace("  zone {", """  decoy "fake0.decoys.example" {
    preference = 0 address = { "192.0.2.31" } posture = busy }
  zone {"""))
        words = "the low decoy fake0.decoys.example answers (busy)"
        document = json.loads(self.fakemx(*conf, "plan", "--json", expect=2).stdout)
        finding, = document["zones"][0]["findings"]
        self.assertEqual(("error", "FMX-PLAN-REFUSED", "error"),
                         (document["worst_severity"], finding["id"], finding["severity"]))
        self.assertIn(words, finding["text"])
        self.assertIn(words, self.fakemx(*conf, "plan", expect=2).stderr)
        self.assertIn(words, self.fakemx(*conf, "apply", "--yes", expect=3).stderr)
        self.assertEqual(1, self.changed())
        self.fakemx(*conf, "revert", "--yes")
        self.assertEqual(0, self.changed())

    def test_half_of_the_zones_is_the_same_half_again(self):
        self.make(40)
        zone, half = ["--zone", str(self.zones)], ["--half", "autumn"]

        def planned(*more):
            done = self.fakemx("plan", "--json", *zone, *WANT, *more, expect=2)
            return {z["zone"] for z in json.loads(done.stdout)["zones"]}, done.stderr

        first, said = planned(*half)
        self.assertTrue(10 < len(first) < 30, len(first))
        self.assertIn(f"--half autumn: {len(first)} of 40 zones", said)
        self.assertIn("can be told once serve has watched 7 whole days without a decoy (two weeks are better); so far it has watched 0. "
                      "`layout = none` is the way to begin", " ".join(said.split()))
        self.assertEqual(first, planned(*half)[0])
        self.assertNotEqual(first, planned("--half", "spring")[0])
        conf = self.config(40)
        self.fakemx(*conf, "apply", "--yes", "--max-change", "100", *half)
        changed = {p.name[:-len(".zone")] for p in self.zones.glob("*.zone") if "MX 20 fake1" in p.read_text()}
        self.assertEqual(first, changed)
        self.fakemx(*conf, "revert", "--yes", "--max-change", "100", *half)
        self.assertEqual(0, self.changed())
        outside = next(z for z in sorted(p.name[:-len(".zone")] for p in self.zones.glob("*.zone")) if z not in first)
        done = self.fakemx("plan", "--zone", str(self.zones / f"{outside}.zone"), *WANT, *half, expect=64)
        self.assertIn("none of 1 zone is in that half", done.stderr)
        done = self.fakemx("plan", *zone, *WANT, "--half", "", expect=64)
        self.assertIn("--half needs a word", done.stderr)

    def test_one_bad_zone_never_stops_the_others(self):
        self.make(5)
        (self.zones / "zone02.example.zone").write_text("this is no zone\n")
        done = self.fakemx(*self.config(5), "apply", "--yes", expect=1)
        self.assertIn("zone02.example", done.stderr)
        self.assertIn("4 changed, 0 as wanted, 1 failed", done.stdout)
        self.assertEqual("this is no zone\n", (self.zones / "zone02.example.zone").read_text())

    def test_real_hosts_of_another_zone_are_no_reason_to_refuse(self):
        text = ZONE.replace("MX 10 mail", "MX 10 mail.provider.example.")
        self.make(1, text)
        self.fakemx(*self.config(1), "apply", "--yes")
        self.assertEqual(1, self.changed())

    def test_a_file_of_several_zones_is_refused_unless_named(self):
        self.make(1)
        shared = self.zones / "zone00.example.zone"
        (self.path / "list").write_text(f"zone00.example {shared}\nother.example {shared}\n")
        with open(self.path / "list") as lines:
            done = subprocess.run([program("fakemx"), *self.nothing_configured(), "plan", "--zone", "-"] + WANT, stdin=lines, capture_output=True,
                                  text=True)
        self.assertEqual(2, done.returncode, done.stderr)
        self.assertEqual(2, done.stderr.count("serves several zones"))
        self.fakemx("plan", "--zone", str(shared), "--origin", "other.example", *WANT, expect=2)

    def test_zone_files_that_nothing_is_wanted_of_are_counted(self):
        self.make(2)
        only = ["--origin", "zone09.example"]
        done = self.fakemx(*self.config(2), "plan", *only, expect=64)
        self.assertIn("--origin zone09.example: of the 2 zone files found none is its", done.stderr)
        (self.zones / "zone00.example.zone").rename(self.zones / "other.example.zone")
        (self.zones / "zone01.example.zone").unlink()
        done = self.fakemx(*self.config(2), "plan", expect=64)
        self.assertIn("of the 1 zone file found none is of a domain of its site, as other.example is not", done.stderr)
        done = self.fakemx(*self.config(2, file=self.path / "*.conf"), "plan", expect=1)
        self.assertIn("no file's name tells its zone", done.stderr)
        (self.path / "example.org").write_text(ZONE)
        done = subprocess.run([program("fakemx"), *self.nothing_configured(), "plan", "example.org", *WANT], cwd=self.path,
                              capture_output=True, text=True)
        self.assertIn("it is a file here: --zone names files", done.stderr)

    def test_a_renamed_file_is_undone_and_that_is_said(self):
        self.make(1)
        conf = self.config(1)
        self.fakemx(*conf, "apply", "--yes")
        (self.zones / "zone00.example.zone").rename(self.zones / "db.zone00.example")
        done = self.fakemx(*conf, "revert", "--yes")
        self.assertIn(f"the file was renamed: apply changed it as {self.zones}/zone00.example.zone", done.stdout)
        self.assertNotIn("fake1", (self.zones / "db.zone00.example").read_text())
        self.assertEqual([], list((self.path / "state/zones").iterdir()))
        # and where nothing is to be undone, no name server is asked
        done = self.fakemx(*conf, "revert", "--yes")
        self.assertEqual("", done.stderr)

    def test_plan_as_json_and_for_other_tools(self):
        self.make(2)
        done = self.fakemx("plan", "--zone", str(self.zones), "--json", *WANT, expect=2)
        document = json.loads(done.stdout)
        self.assertEqual((2, "warning"), (document["changes"], document["worst_severity"]))
        zones = document["zones"]
        self.assertEqual(["zone00.example", "zone01.example"], [z["zone"] for z in zones])
        for zone in zones:
            self.assertEqual({"zone", "layout", "edits", "mx_before", "mx_after", "records", "findings",
                              "senders_before", "senders"}, set(zone))
            self.assertEqual([("add", "MX", 300, "20 fake1.decoys.example.")],
                             [(e["action"], e["type"], e["ttl"], e["rdata"]) for e in zone["edits"]])
            self.assertEqual(10, len(zone["senders"]))
        done = self.fakemx("plan", "--zone", str(self.zones), "--format", "nsupdate", *WANT, expect=2)
        self.assertIn("update add zone00.example. 300 IN MX 20 fake1.decoys.example.\nsend\n", done.stdout)
        done = self.fakemx("plan", "--zone", str(self.zones), "--format", "knotc", *WANT, expect=2)
        self.assertIn("knotc zone-set zone01.example. zone01.example. 300 MX '20 fake1.decoys.example.'", done.stdout)

    def test_plan_of_a_file_finds_what_check_finds(self):
        self.make(1, ZONE + '@ TXT "v=spf1 mx -all"\n')
        zone = self.planned_zone(expect=2)
        self.assertIn("FMX-SPF-DECOY", [f["id"] for f in zone["findings"]])

    def test_a_host_without_an_address_in_its_zone_is_told(self):
        rows = [  # the MX record, more records, is it told?
            ("mail.zone00.example", "", True),  # the final dot was left out
            ("post", "", True),
            ("mail", "", False),
            ("mail.elsewhere.example.", "", False),
            ("post", "* A 192.0.2.25\n", False),
            ("post", "post CNAME mail\n", False),
            ("a.post", "post NS ns1.example.net.\n", False),
            ("a.post", "post NS ns1.example.net.\n* A 192.0.2.25\n", False),
            ("a.post", "*.post A 192.0.2.25\n", False),
            ("a.post", "x.post A 192.0.2.25\n", True)]
        for host, more, is_told in rows:
            with self.subTest(host=host, more=more):
                self.make(1, ZONE.replace("MX 10 mail", f"MX 10 {host}") + more)
                found = {f["id"]: f for f in self.planned_zone(expect=2)["findings"]}
                self.assertEqual(is_told, "FMX-MX-MISSING" in found, found)
                if is_told:  # a file may be a part: no reason to refuse
                    self.assertEqual("warning", found["FMX-MX-MISSING"]["severity"])
                    self.assertIn("final dot", found["FMX-MX-MISSING"]["fix"])
        done = self.fakemx(*self.config(1), "apply", "--yes")
        self.assertIn("FMX-MX-MISSING: The MX target a.post.zone00.example has no address", done.stdout)

    def planned_zone(self, expect):
        return json.loads(self.fakemx(*self.config(1), "plan", "--json", expect=expect).stdout)["zones"][0]

    def test_zones_without_mail_are_counted_apart(self):
        self.make(3)
        (self.zones / "zone01.example.zone").write_text(ZONE.replace("MX 10 mail", "MX 0 ."))
        (self.zones / "zone02.example.zone").write_text(ZONE.replace("@ MX 10 mail\n", ""))
        done = self.fakemx(*self.config(3), "apply", "--yes")
        self.assertIn("3 zones: 1 changed, 0 as wanted, 2 without mail\n", done.stdout)

    def test_mx_records_of_two_ttls_get_one_and_that_is_said(self):
        self.make(1, ZONE.replace("@ MX 10 mail\n", "@ 600 MX 10 mail\n@ 300 MX 15 b\nb A 192.0.2.26\n"))
        done = self.fakemx(*self.config(1), "plan", expect=2)
        self.assertIn("FMX-TTL-DIFFERS: The MX records of zone00.example have different TTLs (300 to 600 seconds)",
                      done.stdout)
        self.fakemx(*self.config(1), "apply", "--yes")
        self.assertIn("@ 300 MX 10 mail\n@ 300 MX 15 b\n@ 300 MX 25 fake1", next(self.zones.glob("*")).read_text())
        self.assertNotIn("FMX-TTL-DIFFERS", self.fakemx(*self.config(1), "plan").stdout)

    def test_where_nothing_is_to_be_undone_nothing_is_said_of_the_zone(self):
        self.make(2)
        conf = self.config(2)
        self.fakemx(*conf, "apply", "--yes", "--sample", "1", expect=2)
        document = json.loads(self.fakemx(*conf, "revert", "--yes", "--json").stdout)
        self.assertEqual((1, 1), (document["changes"], document["changed"]))
        self.assertNotEqual("error", document["worst_severity"])
        untouched = document["zones"][1]
        self.assertEqual([], untouched["findings"] + untouched["senders"] + untouched["senders_before"])
        self.assertIsNone(untouched["mx_after"])  # nobody may replace a set by it

    def test_a_changed_file_loses_what_apply_added_and_what_stays_is_said(self):
        self.make(1)
        path = self.zones / "zone00.example.zone"
        zone = [*self.config(1), "--zone", str(path), "--yes", "--lab"]
        self.fakemx("apply", *zone, "--decoy", "fake1.zone00.example=192.0.2.30,2001:db8::30", "--ttl", "60")
        text = path.read_text()
        path.write_text(text.replace("2001:db8::30", "2001:db8::31") + "www A 192.0.2.80\n")
        done = self.fakemx("revert", *zone)
        self.assertIn("fake1.zone00.example keeps its address 2001:db8::31: it is not what apply added", done.stdout)
        after = path.read_text()
        self.assertNotIn("192.0.2.30", after)
        self.assertNotIn("MX 20", after)
        self.assertIn("@ 300 MX 10 mail\n", after)
        self.assertIn("AAAA\t2001:db8::31\nwww A 192.0.2.80\n", after)

    def test_a_state_folder_without_a_record_is_named(self):
        self.make(1)
        path = self.zones / "zone00.example.zone"
        one, other = self.config(1, state="one"), self.config(1, state="other")
        zone = ["--zone", str(path), "--yes"]
        self.fakemx(*one, "apply", *zone, *WANT)
        applied = path.read_text()
        done = self.fakemx(*other, "revert", *zone, expect=2)
        self.assertIn(f"was found in {self.path}/other/zones", done.stdout)
        self.assertIn("MX 20 fake1.decoys.example is still there", done.stdout)
        self.assertIn("--layout none --decoy fake1.decoys.example", done.stdout)
        self.assertIn("0 changed, 1 with nothing to undo", done.stdout)
        self.assertEqual(applied, path.read_text())
        document = json.loads(self.fakemx(*other, "revert", "--json", *zone, expect=2).stdout)
        self.assertIn(f"{self.path}/other/zones", document["zones"][0]["note"])
        self.assertEqual(0, document["changed"])
        self.fakemx(*one, "revert", *zone)
        for conf in (one, other):  # undone, wherever one looks
            done = self.fakemx(*conf, "revert", *zone)
            self.assertIn("nothing to undo", done.stdout)
        # and what the sentence says to type does it
        path.write_text(applied)
        self.fakemx(*other, "apply", *zone, "--layout", "none", "--decoy", "fake1.decoys.example")
        self.assertNotIn("fake1", path.read_text())

    def test_who_has_no_reload_command_is_told_to_load_the_zone(self):
        self.make(2)
        paths = sorted(self.zones.glob("*.zone"))
        conf = self.path / "named.conf"
        conf.write_text("".join(f'zone "{p.name[:-5]}" {{ type primary; file "{p}"; }};\n' for p in paths))
        one = ["--origin", "zone00.example", "--yes"]
        done = self.fakemx("apply", "--zone", str(conf), *one, *WANT)
        self.assertIn("must still be told to load it: `rndc reload zone00.example`.", done.stdout)
        done = self.fakemx("revert", "--zone", str(conf), *one, *WANT)
        self.assertIn("must still be told to load it: `rndc reload zone00.example`.", done.stdout)
        done = self.fakemx("apply", "--zone", str(conf), "--yes", *WANT)
        self.assertIn("must still be told to load them: `rndc reload`.", done.stdout)
        done = self.fakemx("revert", "--zone", str(paths[0]), "--yes")
        self.assertIn("Knot `knotc zone-reload zone00.example`", done.stdout)
        done = self.fakemx(*self.config(2, extra='reload = "true"'), "apply", "--yes")
        self.assertNotIn("must still be told", done.stdout)

    def test_a_command_that_fails_is_a_failure_and_leaves_no_record(self):
        self.make(1)
        path = self.zones / "zone00.example.zone"
        done = self.fakemx(*self.config(1, extra='check = "echo no; false"'), "apply", "--yes", expect=1)
        self.assertIn(f"{path} is as it was, for the check command `echo no; false` failed (exit 1): no", done.stderr)
        self.assertEqual(ZONE, path.read_text())
        done = self.fakemx(*self.config(1, extra='reload = "grep -q fake1 %f && exit 7; true"'), "apply", "--yes", expect=1)
        self.assertIn("the reload command `grep -q ", done.stderr)
        self.assertIn("failed (exit 7); the former zone was restored with serial", done.stderr)
        self.assertNotIn("fake1", path.read_text())
        self.assertEqual([], list((self.path / "state/zones").iterdir()))

    def test_revert_names_zones_whose_files_are_gone(self):
        self.make(3)
        conf = self.config(3)
        self.fakemx(*conf, "apply", "--yes")
        gone = self.zones / "zone01.example.zone"
        gone.rename(self.path / "elsewhere")
        done = self.fakemx(*conf, "revert", "--yes", "--origin", "zone00.example")
        self.assertNotIn("not there any more", done.stdout + done.stderr)
        done = self.fakemx(*conf, "revert", "--yes", expect=2)
        self.assertIn(f"zone01.example: apply changed {gone}, which is not there any more; if it was renamed, give it that name again", done.stderr)
        self.assertIn("2 zones: 1 changed, 1 with nothing to undo\nOf 1 zone more that apply changed the file is not there any more.", done.stdout)
        done = self.fakemx(*conf, "revert", "--yes", expect=2)
        record, = (self.path / "state/zones").iterdir()
        self.assertIn(f"remove its record {record}\n", done.stderr)
        (self.path / "elsewhere").rename(gone)
        self.fakemx(*conf, "revert", "--yes")
        self.assertEqual(0, self.changed())
        trial = self.path / "trial"
        for name in ("trial.example", "zone02.example"):
            trial.write_text(ZONE)
            self.fakemx(*conf, "apply", "--yes", "--zone", str(trial), "--origin", name, *WANT)
        trial.unlink()
        self.assertNotIn("not there any more", self.fakemx(*conf, "revert", "--yes").stderr)

    def test_mistakes_are_sentences(self):
        self.make(1)
        zone = ["--zone", str(self.zones / "zone00.example.zone")]
        alias = self.path / "alias"
        alias.write_text(ZONE.replace("mail A 192.0.2.25", "mail CNAME host\nhost A 192.0.2.25"))
        named = self.path / "named"
        named.write_text(ZONE.replace("@", "zone00.example."))
        for argv, code, words in [
                (["plan"] + zone, 64, "what is wanted there? Give --decoy NAME=ADDRESS"),
                (["plan"] + zone + ["--layout", "hihg"], 64, "none, high, low and both"),
                (["plan"] + zone + ["--layout", "high"], 64, "--decoy NAME=ADDRESS"),
                (["plan"] + zone + ["--decoy", "foo"], 64, "--decoy foo: a decoy is NAME=ADDRESS"),
                (["apply"] + zone + ["--yes", "--decoy", "foo"], 64, "--decoy foo: a decoy is NAME=ADDRESS"),
                (["apply"] + zone + ["--yes", "--decoy", "foo=192.0.2.1"], 64, "its host name in full"),
                (["apply"] + zone + ["--yes", "--decoy", "192.0.2.1"], 64, "is an address"),
                (["apply"] + zone + ["--yes", "--decoy", "fake1.zone00.example="], 64, "a decoy is NAME=ADDRESS"),
                (["plan", "zone00.example", "--decoy", "foo"], 64, "a decoy is NAME=ADDRESS"),
                (["plan"] + zone + ["--layout", "low", "--decoy", "a.example=192.0.2.1"], 64, "--low NAME=ADDRESS"),
                (["plan"] + zone + ["--layout", "high", "--decoy", "a.example=nowhere"], 64, "not an IPv4"),
                (["plan"] + zone + ["--origin", "", "--layout", "none"], 64, "--origin"),
                (["plan", "--zone", "/nowhere", "--layout", "none"], 1,
                 "cannot read /nowhere: No such file or directory. Name the file that your name server loads"),
                (["plan", "--zone", str(named), "--origin", "other.example"] + WANT, 1, "0 SOA records"),
                (["plan"] + zone + ["--format", "bind"] + WANT, 64, "records|zone|nsupdate|knotc"),
                (["apply"] + zone + WANT, 64, "--yes"),
                (["plan"] + zone + WANT + ["--server", "192.0.2.53"], 64, "which name server to ask about a DOMAIN"),
                (["revert"] + zone + ["--yes", "--server", "192.0.2.53"], 64, "which name server to ask about a DOMAIN"),
                (["revert"] + zone + ["--yes", "--format", "zone"], 64, "what somebody has to type for a DOMAIN"),
                (["apply"] + zone + WANT + ["--yes", "--max-change", "50%"], 64, "--max-change is a whole number"),
                (["apply"] + zone + WANT + ["--yes", "--sample", "0"], 64, "--sample is a whole number"),
                (["apply"] + zone + WANT + ["--yes", "--ttl", "5m"], 64, "--ttl is a whole number"),
                (["revert"] + zone + ["--yes", "--layout", "hihg"], 64, "none, high, low and both"),
                (["plan"] + zone + ["--layout", "high", "--decoy", "a.zone00.example=192.0.2.1"], 2, "documentation"),
                (["apply"] + zone + ["--layout", "high", "--decoy", "a.zone00.example=192.0.2.1", "--yes"], 3, "documentation"),
                (["apply", "--zone", str(alias), "--origin", "zone00.example", "--yes"] + WANT, 3, "is a CNAME"),
                (["apply"] + zone + ["--layout", "high", "--decoy", "a.zone00.example=192.0.2.25", "--yes", "--lab"], 3,
                 "a real host")]:
            with self.subTest(argv=argv):
                done = self.fakemx(*argv, expect=code)
                self.assertIn(words, done.stderr)
                self.assertEqual(ZONE, (self.zones / "zone00.example.zone").read_text())

    def test_names_in_upper_case_and_idn_are_put_right(self):
        (self.path / "z").write_text(ZONE)
        done = self.fakemx("plan", "--zone", str(self.path / "z"), "--origin", "B\u00fccher.Example.", "--json", *WANT,
                           expect=2)
        self.assertEqual("xn--bcher-kva.example", json.loads(done.stdout)["zones"][0]["zone"])

    @unittest.skipUnless(os.geteuid() == 0, "mounting a small disk needs root")
    def test_a_full_disk_leaves_the_old_file(self):
        disk = self.path / "disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], check=True)
        self.addCleanup(subprocess.run, ["umount", str(disk)])
        zone = disk / "zone00.example.zone"
        zone.write_text(ZONE)
        # dd ends when nothing more fits, and says so
        subprocess.run(["dd", "if=/dev/zero", f"of={disk}/filler", "bs=4096"], capture_output=True)
        done = self.fakemx(*self.config(1, file=zone), "apply", "--yes", expect=1)
        self.assertIn("No space left", done.stderr)
        self.assertEqual(ZONE, zone.read_text())
        self.assertEqual(["filler", "zone00.example.zone"], sorted(p.name for p in disk.iterdir()))
