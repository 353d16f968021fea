"""Options that do not belong together, and what a verb says then. No network."""
import json
import pathlib
import subprocess
import tempfile
import time
import unittest

from lab.case import program

CONF = """state = "{state}"
site "example" {{
  layout = none
  domains = {{ "example.com" }}
  host "mail.example.com" {{ preference = 10 address = {{ "192.0.2.25" }} watch = feed }}
}}
"""


class Options(unittest.TestCase):
    def fakemx(self, code, *argv):
        done = subprocess.run([program("fakemx"), *argv], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
        self.assertEqual(code, done.returncode, (argv, done.stderr))
        return done

    def bad(self, words, *argv):
        done = self.fakemx(64, *argv)
        self.assertIn(words, done.stderr.splitlines()[0], argv)

    def test_a_feed_takes_only_what_belongs_together(self):
        to = ("feed", "--maillog", "/nowhere.log", "--host", "mail", "--to")
        for name in ("subject", "credentials", "ca"):
            self.bad(f"--{name} is for a stream (--to nats://SERVER), and '-' is none", *to, "-", f"--{name}", "x")
        self.bad("--replicas is for --setup", *to, "nats://mx1", "--replicas", "3")
        for servers in ("nats://", "nats://:4222", "tls://mx1,tls://"):
            self.bad("does not name the server", *to, servers)
            self.bad("does not name the server", "feed", "--setup", "--to", servers)
        for subject in ("a b", "fakemx.>", "fakemx..x", ""):
            self.bad(f"such as fakemx.mx1.example.com, not '{subject}'", *to, "nats://mx1", "--subject", subject)

    def test_a_page_that_cannot_be_written_is_said_before_the_work(self):
        began = time.monotonic()
        for verb in (["rehearse"], ["--json", "rehearse"], ["report", "--maillog", "/nowhere.log"]):
            done = self.fakemx(1, *verb, "--html", "/nowhere/page.html")
            self.assertIn("cannot write /nowhere/page.html: no new file can be made in its folder", done.stderr)
            self.assertEqual("", done.stdout)
        self.assertLess(time.monotonic() - began, 5)

    def test_check_config_as_json(self):
        with tempfile.TemporaryDirectory(prefix="fakemx-options-") as state:
            conf = pathlib.Path(state) / "fakemx.conf"
            conf.write_text(CONF.format(state=state) + 'allow = { "0.0.0.0/0" }\n')
            done = self.fakemx(0, "--lab", "--json", "-c", conf, "serve", "--check-config")
            told = json.loads(done.stdout)
            self.assertEqual((1, str(conf), 1, 1, "observe"), tuple(told[k] for k in ("version", "configuration", "sites", "domains", "mode")))
            self.assertIn("allow has 0.0.0.0/0, a large part of the internet", "\n".join(told["warnings"]))
            self.assertEqual("", done.stderr)

    def test_a_log_that_is_named_twice_is_read_once(self):
        with tempfile.TemporaryDirectory(prefix="fakemx-options-") as folder:
            log = pathlib.Path(folder) / "mail.log"
            log.write_text("".join(f"2026-11-30T10:00:0{n}+00:00 mail postfix/smtpd[7]: {words}\n" for n, words in enumerate(
                ("connect from a.example[192.0.2.7]", "disconnect from a.example[192.0.2.7] ehlo=1 quit=1 commands=2"))))
            for files in ([log], [log, log], [log, pathlib.Path(folder) / ".." / log.parent.name / "mail.log"]):
                self.assertEqual(1, len(self.fakemx(0, "visits", "--maillog", *files).stdout.splitlines()), files)

    def test_a_log_without_a_name_is_no_missing_file(self):
        for verb in (["visits"], ["report"]):
            self.bad("--maillog needs a file, or - for standard input", *verb, "--maillog", "")
            self.bad("--maillog needs a file, or - for standard input", *verb, "--maillog", "/dev/null", "")

    def test_the_host_of_a_log_is_a_name(self):
        for name in ("a b", "", "a..b", "10.0.0.1"):
            self.bad(f"--host is the name of a host, not '{name}'", "visits", "--maillog", "/dev/null", f"--host={name}")

    def test_a_feed_of_nothing_asks_for_a_mail_log(self):
        self.bad("Give a mail log by --maillog WHERE", "feed", "--host", "mail", "--to", "-")

    def test_off_names_the_way_in_where_apply_has_nothing_to_do(self):
        with tempfile.TemporaryDirectory(prefix="fakemx-options-") as state:
            conf = pathlib.Path(state) / "fakemx.conf"
            conf.write_text(CONF.format(state=state))
            done = self.fakemx(0, "--lab", "-c", conf, "off", "--yes")
            self.assertIn(f"To begin again, remove the file {state}/off;", done.stdout)
            self.assertNotIn("`fakemx apply` begins again", done.stdout)
