"""What the manual says of containers' logs: each of its commands reads a log that a real mail server wrote, in the framing that
the command gives, and each of its settings is one."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

from lab.case import program

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "tests/data/maillog/framed"
# What a command on the left of the pipe writes: the sample in that framing.
FRAMINGS = {
    "docker logs -t mailserver": "docker_logs_-t,_syslog_within",
    "docker compose logs -t --no-color postfix-mailcow": "docker_logs_-t,_syslog_within",
    "docker compose logs --no-color smtp": "docker_compose_logs",
    "journalctl -o json CONTAINER_NAME=mailcowdockerized-postfix-mailcow-1": "the_journal,_Docker's_driver",
    "journalctl -o short-iso CONTAINER_NAME=mailu-smtp-1": "journalctl_-o_short-iso",
}


class Containers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        text = (ROOT / "man/fakemx.conf.5.scd").read_text()
        cls.section = text[text.index("## Containers"):text.index("# FEEDS")]
        cls.blocks = re.findall(r"^```\n(.*?)^```", cls.section, re.M | re.S)

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="fmx-manual-")
        self.addCleanup(self.folder.cleanup)
        os.symlink(program("fakemx"), f"{self.folder.name}/fakemx")

    def stand_in(self, name, sample):
        """A docker or journalctl that has recorded what it says."""
        path = pathlib.Path(self.folder.name, name)
        path.write_text(f'#!/bin/sh\nexec cat "{sample}"\n')
        path.chmod(0o755)

    def run_line(self, line, server):
        framing = next(f for command, f in FRAMINGS.items() if line.startswith(command))
        sample = SAMPLES / f"{server}_-_{framing}.log"
        self.stand_in(line.split()[0], sample)
        done = subprocess.run(["/bin/sh", "-c", line], check=True, capture_output=True, text=True,
                              env={"TZ": "UTC", "PATH": f"{self.folder.name}:/usr/bin:/bin"})
        return done.stdout

    def test_each_command_reads_what_it_says(self):
        lines = [line for block in self.blocks for line in block.splitlines() if "|" in line]
        self.assertEqual(len(FRAMINGS), len(lines), lines)
        for line in lines:
            for server in ("postfixbysyslog", "eximwithall"):
                with self.subTest(command=line, server=server):
                    said = self.run_line(line, server)
                    want = (SAMPLES / f"{server}.want").read_text().splitlines()
                    if "--why" in line:
                        for visit in want:
                            self.assertIn(visit.split()[0], said)
                        continue
                    found = re.findall(r'"address": ?"([^"]+)", ?"depth": ?"([^"]+)", ?"outcome": ?"([^"]+)"', said)
                    of = [" ".join(v) for v in found if v[0] in {w.split()[0] for w in want}]
                    self.assertEqual(sorted(want), sorted(of))

    def test_each_setting_is_one(self):
        settings = [block for block in self.blocks if "watch = " in block]
        self.assertEqual(3, len(settings))
        for setting in settings:
            conf = pathlib.Path(self.folder.name, "fakemx.conf")
            conf.write_text('lab = true\nsite "x" {\n layout = high\n domains = { "example.com" }\n'
                            f' host "mail.example.com" {{ preference = 10 address = {{ "192.0.2.25" }}\n{setting} }}\n'
                            ' decoy "fake1.example.com" { preference = 30 address = { "192.0.2.30" } posture = defer }\n}\n')
            done = subprocess.run([program("fakemx"), "-c", conf, "serve", "--check-config"], capture_output=True, text=True)
            self.assertEqual(0, done.returncode, done.stderr)
