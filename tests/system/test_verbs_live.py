"""The verbs of the journal while fakemx-serve writes to it: on loopback, no root needed."""
import json
import subprocess
import time
import unittest

from lab.case import program
from loopback import DOMAIN, Bench, Client, deliver, wait_for

BOT, GOOD = "127.9.9.9", "127.9.9.7"


class Live(unittest.TestCase):
    limit_seconds = 120

    def setUp(self):
        self.bench = Bench("verbs")
        self.addCleanup(self.bench.close)
        self.bench.write(mode="enforce")
        self.bench.start()

    def verb(self, *argv):
        return subprocess.run([program("fakemx"), "-q", "-c", self.bench.conf, *argv], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60)

    def good(self, *argv):
        done = self.verb(*argv)
        self.assertEqual((done.returncode, done.stderr), (0, ""), argv)
        return done.stdout

    def json(self, *argv):
        return json.loads(self.good("--json", *argv))

    def knock_on_the_back_door(self, client):
        with Client(self.bench.fake1, client) as c:
            c.reply()
            c.say("EHLO bot.example")
            c.say("MAIL FROM:<x@bot.example>")
            c.say(f"RCPT TO:<info@{DOMAIN}>")

    def wait_well(self):
        """Until the real host is known to be well: a probe before, one after."""
        time.sleep(2.5)
        self.bench.catch_up()

    def list_the_bot(self):
        """Two hours count, the second two hours after the first; none with the start in it, and each when it is over."""
        self.wait_well()
        self.bench.jump(3600)
        self.wait_well()
        self.knock_on_the_back_door(BOT)
        self.wait_well()
        self.bench.jump(2 * 3600)
        self.wait_well()
        self.knock_on_the_back_door(BOT)
        self.wait_well()
        self.bench.jump(3600 + 120)
        self.wait_well()
        wait_for("the listing", lambda: self.good("list"), 20)

    def test_what_serve_lists_is_shown_and_allowing_takes_it_off_at_once(self):
        self.list_the_bot()
        self.assertEqual(self.good("list"), f"{BOT}\n")
        self.assertIn("listed until", self.good("explain", BOT))
        before = len(self.bench.judged())
        self.good("allow", BOT, "--note", "ours after all")
        self.assertEqual(self.good("list"), "")
        wait_for("serve to take it off", lambda: [line for line in self.bench.judged()[before:] if BOT in line])
        self.assertIn("ours after all", self.good("allow"))

    def test_forgetting_reaches_serve_and_leaves_no_trace(self):
        self.list_the_bot()
        erased = self.json("forget", BOT)["records"]
        self.assertGreaterEqual(erased, 2)
        self.assertEqual(self.good("list"), "")
        self.bench.catch_up()
        for file in self.bench.state.iterdir():
            self.assertNotIn(b"bot.example", file.read_bytes(), file)
        self.assertIn("Never seen", self.good("explain", BOT))
        self.assertIn("sound", self.good("journal", "verify"))
        self.assertEqual(self.bench.stop(), 0)
        self.bench.start()
        self.assertEqual(self.good("list"), "")

    def test_visits_are_followed_as_they_come(self):
        verb = subprocess.Popen([program("fakemx"), "-q", "-c", self.bench.conf, "visits", "--follow"],
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(verb.wait)
        self.addCleanup(verb.stdout.close)
        self.addCleanup(verb.kill)
        deliver(self.bench.mail, GOOD)
        self.knock_on_the_back_door(BOT)
        seen = {}
        for line in verb.stdout:
            visit = json.loads(line)
            seen[visit["address"]] = visit
            if BOT in seen and GOOD in seen:
                break
        self.assertEqual((seen[GOOD]["role"], seen[GOOD]["outcome"], seen[GOOD]["source"]),
                         ("real", "accepted", "maillog"))
        self.assertEqual((seen[BOT]["role"], seen[BOT]["depth"], seen[BOT]["recipient_domain"]),
                         ("decoy", "rcpt", DOMAIN))

    def test_a_backup_is_made_of_a_running_journal_and_restored_when_it_stopped(self):
        self.knock_on_the_back_door(BOT)
        wait_for("the visit", lambda: self.json("explain", BOT)["visits"])
        copy = self.bench.folder / "copy.sqlite"
        self.assertIn("backup made", self.good("journal", "backup", copy))
        refused = self.verb("journal", "restore", copy)
        self.assertEqual((refused.returncode, refused.stdout), (1, ""))
        self.assertIn(f"another `fakemx serve` (process {self.bench.process.pid})", refused.stderr)
        self.knock_on_the_back_door(GOOD)
        wait_for("the visit", lambda: self.json("explain", GOOD)["visits"])
        self.assertEqual(self.bench.stop(), 0)
        self.assertIn("restored", self.good("journal", "restore", copy))
        self.bench.start()
        self.assertEqual(len(self.json("explain", BOT)["visits"]), 1)
        self.assertEqual(self.json("explain", GOOD)["visits"], [])
        self.bench.restart()
        self.assertIn("sound", self.good("journal", "verify"))


if __name__ == "__main__":
    unittest.main()
