"""The rehearsal, from outside: counts, seeds, mistakes, Ctrl-C, and what happens when a source is cut.

Needs neither root nor a network: everything is on loopback.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from lab import case

GOOD = {"postfix", "exim", "opensmtpd", "sendmail", "courier", "dma", "chasquid", "haraka",
        "nodemailer-direct", "qmail"}
BOTS = {"first-only", "last-only", "random", "shotgun", "retrying"}
LIMIT = 120

# Stands in for fakemx-serve: changes the configuration, then becomes the real one.
WRAPPER = """#!/bin/sh
set -e
sed -i "{edit}" "$2"
exec "{serve}" "$@"
"""


class Rehearse(unittest.TestCase):
    limit_seconds = 900

    def setUp(self):
        self.tmp = pathlib.Path(tempfile.mkdtemp(prefix="fakemx-test-rehearse-"))
        self.addCleanup(shutil.rmtree, self.tmp, ignore_errors=True)

    def env(self):
        """Temporary folders of the rehearsal are made where they can be counted."""
        return {**os.environ, "TMPDIR": str(self.tmp)}

    def run_it(self, *argv, program=None, timeout=LIMIT):
        return subprocess.run([program or case.program("fakemx"), "rehearse", *argv], env=self.env(),
                              capture_output=True, text=True, timeout=timeout)

    def json(self, *argv):
        done = self.run_it("--json", *argv)
        self.assertEqual(0, done.returncode, done.stderr)
        return json.loads(done.stdout)

    def leftovers(self):
        return [p.name for p in self.tmp.iterdir() if p.name.startswith("fakemx-rehearse-")]

    # What it counts

    def test_1_every_population_is_counted_whole(self):
        page = self.tmp / "page.html"
        result = self.json("--layout", "both", "--low", "reset", "--senders", "45", "--seed", "3", "--html", str(page))
        populations = {p["population"]: p for p in result["populations"]}
        self.assertEqual(GOOD | BOTS, set(populations))
        for name, p in populations.items():
            with self.subTest(name):
                self.assertEqual("good" if name in GOOD else "bot", p["kind"])
                self.assertGreaterEqual(p["messages"], 3)
                self.assertEqual(p["messages"], p["delivered"] + p["lost"])
                self.assertEqual({"p50", "p95", "max"}, set(p["delay_seconds"]))
                self.assertEqual(p["delivered"] == 0, p["delay_seconds"]["max"] is None)
        self.assertEqual(9, populations["last-only"]["lost"])
        self.assertEqual(9, populations["first-only"]["lost"])
        self.assertEqual(0, populations["retrying"]["lost"])
        self.assertEqual([], self.leftovers())

        self.assertIn(f'data-key="fate.stopped" value="{result["sites"][0]["fate"]["stopped"]}"', page.read_text())
        self.assertEqual(1, result["version"])
        site, = result["sites"]
        self.assertTrue(site["measurable"])
        self.assertGreaterEqual(site["coverage"], 0.95)
        self.assertEqual(["fake0.mx.example.com", "mail.example.com", "backup-mail.example.com",
                          "fake1.mx.example.com"], [h["host"] for h in
                                                    sorted(site["hosts"], key=lambda h: h["preference"])])
        # Each sender once: 45 of them, whatever became of each.
        self.assertEqual(45, sum(site["order"].values()))
        self.assertGreaterEqual(site["order"]["backdoor"], 3)
        self.assertEqual(3, site["order"]["shotgun"])

    def test_2_no_good_mail_is_lost_where_the_decoy_is_high(self):
        result = self.json("--senders", "30")  # high is the default
        for p in result["populations"]:
            if p["kind"] == "good":
                self.assertEqual(0, p["lost"], p)
        # A bot that got mail in and later knows decoys only looks like a sender in need; no
        # mail program may. Addresses are 127.1.INDEX.x, populations in turn.
        for sender in result["sites"][0]["at_risk"]:
            self.assertGreaterEqual(int(sender["address"].split(".")[2]) % len(GOOD | BOTS), len(GOOD), sender)

    def test_3_the_same_seed_gives_the_same_result(self):
        def counts(seed):
            r = self.json("--senders", "30", "--seed", seed)
            return ([(p["population"], p["messages"], p["delivered"]) for p in r["populations"]],
                    [(s["order"], s["fate"], s["stopped_attempts"],
                      [(h["host"], h["visits"], h["senders"]) for h in s["hosts"]]) for s in r["sites"]])
        first = counts("5")
        self.assertEqual(first, counts("5"))
        self.assertNotEqual(first, counts("6"))

    def test_3_the_seed_is_printed(self):
        said = self.run_it("--senders", "15", "--layout", "none", "--seed", "7").stdout
        self.assertIn("Seed 7: whoever gives the same options and --seed 7 sees the same senders do the same.", said)
        r = self.json("--senders", "15", "--layout", "none")
        self.assertEqual(("none", 15, 1), (r["layout"], r["senders"], r["seed"]))

    def test_4_without_decoys_nobody_is_stopped(self):
        result = self.json("--senders", "15", "--layout", "none")
        site, = result["sites"]
        self.assertEqual(0, site["fate"]["stopped"])
        self.assertEqual(2, len(site["hosts"]))
        self.assertEqual(0, sum(p["lost"] for p in result["populations"]))

    def test_4_greylisting_delays_and_loses_nothing_that_is_sent_again(self):
        result = self.json("--senders", "30", "--greylist")
        populations = {p["population"]: p for p in result["populations"]}
        self.assertEqual(0, populations["postfix"]["lost"])
        self.assertGreater(populations["postfix"]["delay_seconds"]["p50"], 3600)
        self.assertEqual(0, populations["random"]["delivered"])  # a bot does not come again

    def test_4_a_closed_low_decoy_loses_no_good_mail_and_a_reset_one_that_of_qmail(self):
        for low, lost in (("closed", set()), ("reset", {"qmail"})):
            with self.subTest(low):
                result = self.json("--senders", "30", "--low", low)
                self.assertEqual(lost, {p["population"] for p in result["populations"]
                                        if p["kind"] == "good" and p["lost"]})

    def test_4_no_good_mail_is_ever_scored(self):
        """All layouts, greylisting, outages: mail of the ten mail programs comes from nobody who was listed."""
        for layout, more in (("none", []), ("high", []), ("low", []), ("both", ["--low", "reset"]), ("high", ["--greylist"]),
                             ("both", ["--greylist", "--outage"]), ("high", ["--outage", "--no-filter"])):
            with self.subTest(layout=layout, more=more):
                argv = ["--enforce", "--layout", layout, "--senders", "60", "--seed", "7", *more]
                populations = self.json(*argv)["populations"]
                good = [p for p in populations if p["kind"] == "good"]
                bots = sum(p["listed"] for p in populations if p["kind"] == "bot")
                self.assertEqual(GOOD, {p["population"] for p in good})
                self.assertEqual((0, 0), (sum(p["scored"] for p in good), sum(p["listed"] for p in good)), good)
                self.assertEqual(layout in ("high", "both"), bots > 0, "bots are listed where a high decoy stands")
                print(f"{' '.join(argv[:3] + more)}: 0 of {sum(p['delivered'] for p in good)} good messages scored, {bots} bots listed")

    def test_4_it_ends_with_a_line_on_part_two(self):
        last = self.run_it("--senders", "15").stdout.rstrip().splitlines()[-1]
        self.assertEqual("  fakemx rehearse --layout both", last)
        self.assertNotIn("--layout both", self.run_it("--senders", "15", "--layout", "both").stdout)

    # What must make it fail

    def cut(self, edit):
        """fakemx with a fakemx-serve beside it that sees another configuration."""
        folder = self.tmp / "bin"
        folder.mkdir()
        for name in ("fakemx", "fakemx-rehearse"):
            shutil.copy(case.program(name), folder / name)
        serve = folder / "fakemx-serve"
        serve.write_text(WRAPPER.format(edit=edit, serve=case.program("fakemx-serve")))
        serve.chmod(0o755)
        done = self.run_it("--layout", "both", "--low", "reset", "--senders", "15", program=folder / "fakemx", timeout=2 * LIMIT)
        self.assertEqual(1, done.returncode, done.stdout + done.stderr)
        self.assertEqual("", done.stdout)
        self.assertEqual([], self.leftovers())
        return done.stderr

    def test_5_it_fails_when_a_mail_log_is_not_read(self):
        said = self.cut(r"/backup-mail/s/\.log'/.elsewhere'/")
        self.assertRegex(said, "the rehearsal failed: .*backup-mail.example.com.*log")

    def test_5_it_fails_when_no_mail_log_is_read(self):
        said = self.cut(r"s/watch = '.*'/ /")
        self.assertRegex(said, "the rehearsal failed: .*mail.example.com.*log")

    def test_6_it_fails_when_the_decoys_do_not_listen(self):
        said = self.cut(r"s/\(decoy .*127\.255\.[0-9]*\)\./\1.1/")
        self.assertRegex(said, "the rehearsal failed: decoy fake[01].mx.example.com refused")

    def test_6_it_fails_when_serve_does_not_start(self):
        said = self.cut(r"s/^lab = true/lab = maybe/")
        self.assertRegex(said, "the rehearsal failed: fakemx-serve ended: .*lab")

    # Ctrl-C

    def begin(self, *argv):
        return subprocess.Popen([case.program("fakemx"), "rehearse", *argv], env=self.env(),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def serving(self):
        """Pids of fakemx-serve whose configuration is in our folder; not of one's own helper."""
        found = {}
        for p in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if str(self.tmp).encode() in p.read_bytes() and b"fakemx-serve" in p.read_bytes():
                    found[int(p.parent.name)] = int((p.parent / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                pass
        return [pid for pid, parent in found.items() if parent not in found]

    def wait_until(self, what, condition, seconds=LIMIT):
        until = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), until, what)
            time.sleep(0.1)

    def test_7_interrupted_it_leaves_nothing_behind(self):
        child = self.begin("--senders", "60")
        self.wait_until("serve runs", self.serving)
        time.sleep(1)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=30)
        self.assertEqual((1, ""), (child.returncode, out), err)
        self.assertIn("interrupted", err)
        self.assertEqual([], self.leftovers())
        self.assertEqual([], self.serving())

    def test_7_it_cleans_up_when_nobody_reads(self):
        child = self.begin("--senders", "15")
        child.stdout.close()
        child.stdout = None
        _, err = child.communicate(timeout=LIMIT)
        self.assertEqual(1, child.returncode, err)
        self.assertIn("cannot write the output", err)
        self.assertEqual([], self.leftovers())
        self.assertEqual([], self.serving())

    def test_7_killed_it_takes_serve_along(self):
        child = self.begin("--senders", "60")
        self.wait_until("serve runs", self.serving)
        child.kill()
        child.communicate(timeout=30)
        self.wait_until("serve is gone", lambda: not self.serving(), 15)

    def test_8_staying_it_can_be_looked_at(self):
        child = self.begin("--senders", "15", "--stay")
        said = ""
        while "report" not in said:
            line = child.stderr.readline()
            self.assertTrue(line, said)
            said += line
        conf = re.search(r"-c (\S+)", said).group(1)
        done = subprocess.run([case.program("fakemx"), "-c", conf, "--json", "report"],
                              capture_output=True, text=True, timeout=30, check=True)
        self.assertEqual("rehearsal", json.loads(done.stdout)["sites"][0]["site"])
        self.assertEqual(1, len(self.serving()))
        child.send_signal(signal.SIGINT)
        out, _ = child.communicate(timeout=30)
        self.assertEqual(0, child.returncode)
        self.assertIn("How each population fared", out)
        self.assertEqual([], self.leftovers())
        self.assertEqual([], self.serving())

    # Mistakes

    def test_9_mistakes_are_sentences(self):
        for argv, want in [
                (["--senders", "0"], "--senders is a whole number from 1 to 30000, not '0'"),
                (["--senders", "many"], "--senders is a whole number from 1 to 30000, not 'many'"),
                (["--seed", "-1"], "--seed is a whole number"),
                (["--layout", "hihg"], "unknown layout 'hihg'; did you mean 'high'?"),
                (["--sendres", "5"], "unknown option --sendres; did you mean --senders?"),
                (["--html", "-"], "--html needs a file"),
                (["--low", "opne"], "unknown posture 'opne'; there are closed and reset"),
                (["--low", "defer"], "good senders that are tried first by a decoy that answers"),
                (["--low", "reset", "--layout", "high"], "layout high has no decoy that is tried first"),
                (["here"], "rehearse takes no arguments")]:
            with self.subTest(" ".join(argv)):
                done = self.run_it(*argv)
                self.assertEqual((64, ""), (done.returncode, done.stdout))
                self.assertIn(want, done.stderr)


if __name__ == "__main__":
    unittest.main()
