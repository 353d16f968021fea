"""The systemd unit under a real systemd as process 1: its sandbox lets serve work, and what is wrong is said once."""

import json
import pathlib
import re
import unittest

from lab.booted import Booted
from lab.case import program
from lab.net import wait_for

MAIL, DECOY, CLOSED, DOMAIN = "30.0.0.25", "30.0.0.31", "30.0.0.32", "shop.example"
CONF = "/etc/fakemx/fakemx.conf"


def configuration(decoy=DECOY, extra="", closed=""):
    return f"""names = false
site "shop" {{
  layout = high
  domains = {{ "{DOMAIN}" }}
  host "mail.{DOMAIN}" {{ preference = 10 address = {{ "{MAIL}" }} watch = "/var/log/mail.log" }}
  decoy "fake1.{DOMAIN}" {{ preference = 20 address = {{ "{decoy}" }} posture = defer }}
  {closed}
}}
{extra}
"""


class Unit(unittest.TestCase):
    limit_seconds = 120

    @classmethod
    def setUpClass(cls):
        build = program("fakemx").parent
        contrib = pathlib.Path(__file__).resolve().parents[2] / "contrib/systemd"
        prepare = f"""
            install -m755 {build}/fakemx {build}/fakemx-serve "$ROOT/usr/bin/"
            mkdir -p "$ROOT/usr/libexec/fakemx" "$ROOT/usr/lib/sysusers.d" "$ROOT/usr/lib/tmpfiles.d"
            install -m755 {build}/fakemx-net "$ROOT/usr/libexec/fakemx/"
            sed 's,@bindir@,/usr/bin,' {contrib}/fakemx.service > "$ROOT/lib/systemd/system/fakemx.service"
            cp {contrib}/fakemx.sysusers "$ROOT/usr/lib/sysusers.d/fakemx.conf"
            cp {contrib}/fakemx.tmpfiles "$ROOT/usr/lib/tmpfiles.d/fakemx.conf"
            install -m640 -g adm /dev/null "$ROOT/var/log/mail.log"
        """
        cls.machine = Booted("unit", prepare, [MAIL, DECOY, CLOSED])
        cls.addClassCleanup(cls.machine.close)

    def show(self, what):
        return self.machine.run(["systemctl", "show", "-P", what, "fakemx"]).stdout.strip()

    def said(self):
        return self.machine.run(["journalctl", "-u", "fakemx", "-o", "cat", "--no-pager"]).stdout

    def start(self, text, expect=0):
        if text is not None:
            self.machine.write(CONF, text)
        self.machine.run(["systemctl", "reset-failed", "fakemx"], check=False)
        done = self.machine.run(["systemctl", "restart", "fakemx"], check=False)
        self.assertEqual(expect, done.returncode, done.stderr + self.said())

    def client(self, address, *commands):
        script = ("import socket, sys\ns = socket.create_connection((sys.argv[1], 25), 10); f = s.makefile('rw', newline='')\n"
                  "print(f.readline(), end='')\n"
                  "for line in sys.stdin:\n f.write(line.rstrip() + '\\r\\n'); f.flush(); print(f.readline(), end='')\n")
        return self.machine.run(["/usr/bin/python3", "-c", script, address], input="".join(f"{c}\n" for c in commands)).stdout

    def test_1_without_a_configuration_it_is_not_started(self):
        self.start(None)
        self.assertEqual("no", self.show("ConditionResult"))

    def test_2_it_starts_answers_and_gives_capabilities_away(self):
        self.start(configuration(closed=f'decoy "fake2.{DOMAIN}" {{ preference = 30 address = {{ "{CLOSED}" }} posture = closed }}'))
        self.assertEqual("active", self.show("ActiveState"), self.said())
        self.assertIn("451", self.client(DECOY, "EHLO a.example", "MAIL FROM:<a@a.example>", f"RCPT TO:<i@{DOMAIN}>"))
        self.assertRegex(self.said(), r"ready .*closed=1")
        status = self.machine.run(["cat", f"/proc/{self.show('MainPID')}/status"]).stdout
        self.assertEqual("0000000000000400", re.search(r"CapEff:\s*(\w+)", status)[1], "CAP_NET_BIND_SERVICE alone")
        self.assertNotIn("cannot give capabilities", self.said())
        seen = lambda: json.loads(self.machine.run(["fakemx", "--json", "explain", DECOY]).stdout)["visits"]  # noqa: E731
        wait_for("the visit", seen)

    def test_3_reload_keeps_it_and_a_wrong_one_keeps_the_old(self):
        pid = self.show("MainPID")
        self.machine.write(CONF, configuration(extra="colour = red"))
        self.machine.run(["systemctl", "reload", "fakemx"])
        wait_for("the refusal", lambda: "colour" in self.said())
        self.machine.write(CONF, configuration())
        self.machine.run(["systemctl", "reload", "fakemx"])
        wait_for("the reload", lambda: "reloaded sites=1" in self.said())
        self.assertEqual(pid, self.show("MainPID"))

    def test_4_a_wrong_configuration_ends_in_one_sentence(self):
        self.start(configuration(extra="colour = red"), expect=1)
        self.assertEqual("failed", self.show("ActiveState"))
        self.assertEqual("64", self.show("ExecMainStatus"))
        self.assertEqual("0", self.show("NRestarts"))
        lines = [line for line in self.said().splitlines() if "colour" in line and line.startswith("fakemx-serve:")]
        self.assertEqual(1, len(lines), lines)

    def test_5_what_stands_in_the_way_is_said_before(self):
        self.machine.write(CONF, configuration(decoy="30.0.0.99"))
        done = self.machine.run(["fakemx", "serve", "--check-config"])
        self.assertIn("30.0.0.99 is not an address of this machine", done.stderr)
        self.machine.write(CONF, configuration().replace("/var/log/mail.log", "/var/log/none.log"))
        done = self.machine.run(["fakemx", "serve", "--check-config"])
        self.assertIn("/var/log/none.log of mail.shop.example cannot be read", done.stderr)
        self.machine.script(f"systemd-run --unit=thief /usr/bin/python3 -c \"import socket, time; "
                            f"s = socket.create_server(('{DECOY}', 25)); time.sleep(600)\"")
        self.machine.write(CONF, configuration())
        wait_for("the port is taken", lambda: "another program listens" in
                 self.machine.run(["fakemx", "serve", "--check-config"]).stderr)
        self.start(None, expect=1)
        wait_for("it is said at run time", lambda: "in use by another program" in self.said())
        self.machine.run(["systemctl", "stop", "thief"])
        wait_for("it starts by itself", lambda: self.show("ActiveState") == "active", 20)

    def test_6_the_watchdog_starts_it_again(self):
        pid = self.show("MainPID")
        self.machine.script("mkdir -p /run/systemd/system/fakemx.service.d; "
                            "printf '[Service]\\nWatchdogSec=2\\nRestartSec=1\\n' > /run/systemd/system/fakemx.service.d/fast.conf; "
                            "systemctl daemon-reload; systemctl restart fakemx")
        pid = self.show("MainPID")
        self.machine.run(["kill", "-STOP", pid])
        wait_for("another process", lambda: self.show("MainPID") not in (pid, "0") and self.show("ActiveState") == "active", 30)

    def test_7_systemds_journal_may_be_read(self):
        self.start(configuration().replace("/var/log/mail.log", "journal"))
        for words in ("connect from good.example[30.0.9.9]", "disconnect from good.example[30.0.9.9] ehlo=1 quit=1 commands=2"):
            self.machine.run(["logger", "-p", "mail.info", "--id=4711", "-t", "postfix/smtpd", words])
        wait_for("the visit", lambda: json.loads(self.machine.run(["fakemx", "--json", "explain", "30.0.9.9"]).stdout)["visits"])

    def test_8_every_unit_is_understood_by_systemd(self):
        folder = pathlib.Path(program("fakemx")).parent / "contrib"
        units = sorted(p for p in folder.iterdir() if p.suffix in (".service", ".timer", ".path"))
        self.assertGreater(len(units), 3)
        for unit in units:
            name = unit.name.replace("@.", "@mail.")
            self.machine.write(f"/run/verify/{name}", re.sub(r"=\S*/bin/fakemx", "=/usr/bin/fakemx", unit.read_text()))
        for unit in units:
            done = self.machine.run(["systemd-analyze", "verify", "--man=no", f"/run/verify/{unit.name.replace('@.', '@mail.')}"],
                                    check=False)
            self.assertEqual([], [s for s in done.stderr.splitlines() if "fakemx" in s and "/usr/sbin/postfix" not in s])

    def test_9_its_sandbox_is_tight(self):
        text = self.machine.run(["systemd-analyze", "security", "--no-pager", "fakemx"]).stdout
        score = float(re.search(r"Overall exposure level for fakemx.service: ([0-9.]+)", text)[1])
        self.assertLess(score, 2.0, text)


if __name__ == "__main__":
    unittest.main()
