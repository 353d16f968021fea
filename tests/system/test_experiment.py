"""scripts/experiment: real mail programs and made-up bots past the decoys of the real serve, in one table."""

import re
import subprocess
import unittest

from lab.case import long_test
from lab.net import ROOT

TEN = {"postfix", "exim", "opensmtpd", "sendmail", "courier", "dma", "chasquid", "haraka", "nodemailer-direct", "npm-sendmail"}


class Experiment(unittest.TestCase):
    limit_seconds = 500

    def play(self, *argv):
        done = subprocess.run([ROOT / "scripts/experiment", *argv], capture_output=True, text=True, timeout=480)
        self.assertEqual(0, done.returncode, done.stderr[-3000:])
        self.report = done.stdout
        return {line[:54].strip(): re.split(r"\s{2,}", line[54:].strip()) for line in done.stdout.splitlines() if line[54:].strip()}, done.stderr

    def test_good_mail_arrives_and_bots_that_try_one_end_are_stopped(self):
        rows, _ = self.play("--layouts", "both", "--programs", "postfix,dma", "--messages", "2", "--bots", "3")
        for name in ("postfix", "dma"):
            self.assertRegex(rows[name][0], r"^2 of 2, \d+\.\d\d s$")
        self.assertRegex(rows["good mail lost"][0], r"^0 % \(0-\d+\)$")
        self.assertRegex(rows["all try the first MX alone"][0], r"^100 % \(\d+-100\)$")
        self.assertRegex(rows["all walk on and retry, as mail servers do"][0], r"^0 % \(0-\d+\)$")
        self.assertEqual(["0"], rows["good senders called stopped"])
        stopped, bots = map(int, rows["stopped senders, of so many bots that got nothing in"][0].split(" of "))
        self.assertEqual(stopped, bots)
        self.assertGreaterEqual(stopped, 6)

    @long_test
    def test_all_ten_mail_programs_send(self):
        rows, said = self.play("--layouts", "low, reset", "--messages", "1", "--bots", "2")
        self.assertEqual(TEN, {name for name in TEN if rows.get(name, [""])[0].startswith("1 of 1")}, said)

    def test_mistakes_are_sentences(self):
        done = subprocess.run([ROOT / "scripts/experiment", "--programs", "postfix,qmial"], capture_output=True, text=True, timeout=60)
        self.assertEqual(2, done.returncode)
        self.assertIn("not known: qmial", done.stderr)


if __name__ == "__main__":
    unittest.main()
