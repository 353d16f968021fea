"""The systemd unit under a real systemd as process 1: its sandbox lets serve work, and what is wrong is said once."""

import errno
import json
import pathlib
import re
import time
import unittest

from lab.booted import Booted
from lab.case import program
from lab.faults import Faults
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
            install -m755 {build}/tests/tools/faults.so "$ROOT/usr/lib/"
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

    def test_3_beyond_systemd_it_shuts_itself_in(self):
        drop = "/run/systemd/system/fakemx.service.d"
        self.machine.write(f"{drop}/faults.conf", "[Service]\nEnvironment=LD_PRELOAD=/usr/lib/faults.so FMX_FAULTS=/var/lib/fakemx/faults\n")
        faults = Faults(pathlib.Path("/proc", str(self.machine.pid), "root", "var/lib/fakemx"))
        self.machine.script("chown _fakemx: /var/lib/fakemx/faults; systemctl daemon-reload")
        self.start(configuration())
        self.assertRegex(self.said(), r"confined landlock=[1-9]\d* ports=yes seccomp=yes")
        self.assertEqual((0, errno.EPERM, errno.EACCES), faults.tried("/var/lib/fakemx/mine", 2525))
        # systemd alone would let it write there, execute, and connect to whom it likes
        self.assertEqual((errno.EACCES, errno.EPERM, errno.EACCES), faults.tried("/tmp/not-mine", 2525))
        self.machine.script(f"rm {drop}/faults.conf; systemctl daemon-reload")
        self.start(configuration())

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


class Publish(unittest.TestCase):
    """fakemx-publish.service and what stands beside it: however publish ends, nobody stays listed."""
    limit_seconds = 150
    BOT, LIST = "52.9.9.9", "/var/lib/fakemx-lists/rspamd.map"

    @classmethod
    def setUpClass(cls):
        build = program("fakemx").parent
        contrib = pathlib.Path(__file__).resolve().parents[2] / "contrib/systemd"
        units = " ".join(sorted(p.name for p in contrib.iterdir() if p.suffix in (".service", ".timer", ".path") and "@" not in p.name))
        prepare = f"""
            install -m755 {build}/fakemx {build}/fakemx-serve "$ROOT/usr/bin/"
            mkdir -p "$ROOT/usr/libexec/fakemx" "$ROOT/usr/lib/sysusers.d" "$ROOT/usr/lib/tmpfiles.d"
            install -m755 {build}/fakemx-net "$ROOT/usr/libexec/fakemx/"
            for unit in {units}; do sed 's,@bindir@,/usr/bin,' {contrib}/$unit > "$ROOT/lib/systemd/system/$unit"; done
            cp {contrib}/fakemx.sysusers "$ROOT/usr/lib/sysusers.d/fakemx.conf"
            cp {contrib}/fakemx.tmpfiles "$ROOT/usr/lib/tmpfiles.d/fakemx.conf"
            install -m755 {build}/tests/tools/write_journal "$ROOT/usr/bin/"
            printf '#!/bin/sh\\necho "$@" >> /run/postfix-said\\n' > "$ROOT/usr/sbin/postfix"; chmod 755 "$ROOT/usr/sbin/postfix"
        """
        cls.machine = Booted("publish", prepare, [MAIL, DECOY])
        cls.addClassCleanup(cls.machine.close)
        cls.machine.write(CONF, "lab = true\nmode = enforce\n" + configuration(extra=f"""
            publish "rspamd"  {{ format = rspamd        file = "{cls.LIST}" }}
            publish "postfix" {{ format = postfix-cidr  file = "/var/lib/fakemx-lists/postfix.cidr" }}"""))
        cls.machine.run(["write_journal", "/tmp/journal.sqlite"], input=cls.story())
        cls.machine.script("install -o _fakemx -g _fakemx -m640 /tmp/journal.sqlite* /var/lib/fakemx/")

    @classmethod
    def story(cls):
        """A bot at the high decoy, twice; serve has written until now."""
        now = int(time.time())
        begin = now - 12 * 3600
        text = "\n".join("\t".join(row) for row in (
            ("site", "1", "1", "high", "shop"), ("host", "1", "real", "-", "10", f"mail.{DOMAIN}", "/var/log/mail.log"),
            ("address", MAIL, "25"), ("host", "2", "decoy", "defer", "20", f"fake1.{DOMAIN}", ""), ("address", DECOY, "25"),
            ("domain", DOMAIN))) + "\n"
        records = [{"kind": "rules", "time": begin, "text": "enforce=1\nlab=1\n"},
                   {"kind": "site", "time": begin, "site": 1, "text": text}, {"kind": "start", "time": begin}]
        for at in range(begin, now + 1, 300):
            records.append({"kind": "health", "time": at, "host": 1, "is_ok": True})
            records += [{"kind": "watermark", "time": at, "host": host, "seen": at + 1} for host in (1, 2)]
        for at in (now - 9 * 3600, now - 5 * 3600):
            records.append({"kind": "visit", "time": at, "site": 1, "host": 2, "client": cls.BOT, "depth": "rcpt", "source": "decoy",
                            "helo": "bot.example", "mail_from": "a@bot.example", "recipient_domain": DOMAIN})
        return "".join(json.dumps(r) + "\n" for r in sorted(records, key=lambda r: r.get("seen", r["time"])))

    def is_listed(self):
        return self.BOT in self.machine.run(["cat", self.LIST], check=False).stdout

    def systemctl(self, *words):
        return self.machine.run(["systemctl", *words]).stdout.strip()

    def said(self):
        return self.machine.run(["journalctl", "-u", "fakemx-publish", "-o", "cat", "--no-pager"]).stdout

    def test_1_it_publishes_inside_its_sandbox(self):
        self.systemctl("start", "fakemx-publish")
        try:
            wait_for("the bot is listed", self.is_listed, 20)
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.said()}{self.machine.run(['fakemx', 'list']).stderr}") from None
        self.assertEqual("_fakemx 644", self.machine.run(["stat", "-c", "%U %a", self.LIST]).stdout.strip())

    def test_2_killed_its_lists_are_emptied_and_filled_again_when_it_is_back(self):
        self.machine.script("mkdir -p /run/systemd/system/fakemx-publish.service.d; "
                            "printf '[Service]\\nRestartSec=4\\n' > /run/systemd/system/fakemx-publish.service.d/slow.conf; "
                            "systemctl daemon-reload")
        self.systemctl("kill", "-s", "KILL", "--kill-who=main", "fakemx-publish")
        wait_for("the list is empty", lambda: not self.is_listed(), 10)
        self.assertIn("fakemx publish is not running", self.machine.run(["cat", self.LIST]).stdout)
        wait_for("it is back", self.is_listed, 30)

    def test_3_stopped_they_stay_empty(self):
        self.systemctl("stop", "fakemx-publish")
        self.assertFalse(self.is_listed())

    def test_4_when_it_hangs_the_timer_empties_them(self):
        self.systemctl("start", "fakemx-publish")
        wait_for("the bot is listed", self.is_listed, 20)
        self.systemctl("kill", "-s", "STOP", "--kill-who=all", "fakemx-publish")
        self.systemctl("start", "fakemx-publish-stale.service")
        self.assertTrue(self.is_listed(), "it published just now")
        self.machine.script("mkdir -p /run/systemd/system/fakemx-publish-stale.service.d /run/systemd/system/fakemx-publish-stale.timer.d; "
                            "printf '[Service]\\nExecStart=\\nExecStart=/usr/bin/fakemx publish --empty --stale 3s\\n' "
                            "> /run/systemd/system/fakemx-publish-stale.service.d/fast.conf; "
                            "printf '[Timer]\\nOnActiveSec=1s\\nOnUnitActiveSec=2s\\nAccuracySec=1s\\n' > /run/systemd/system/fakemx-publish-stale.timer.d/fast.conf; "
                            "systemctl daemon-reload")
        self.systemctl("start", "fakemx-publish-stale.timer")
        try:
            wait_for("the timer has emptied it", lambda: not self.is_listed(), 30)
        except TimeoutError as e:
            said = self.machine.run(["journalctl", "-u", "fakemx-publish-stale*", "-o", "cat", "--no-pager"]).stdout
            raise AssertionError(f"{e}\n{said}{self.said()}") from None
        self.systemctl("kill", "-s", "CONT", "--kill-who=all", "fakemx-publish")
        wait_for("it goes on", self.is_listed, 30)

    def test_5_postfix_reads_its_table_when_that_changed_and_root_says_so(self):
        self.systemctl("start", "fakemx-postfix.path")
        self.systemctl("stop", "fakemx-publish")
        wait_for("postfix reload", lambda: "reload" in self.machine.run(["cat", "/run/postfix-said"], check=False).stdout, 15)

    def test_6_a_configuration_that_lists_nothing_is_a_sentence(self):
        self.machine.write(CONF, configuration())
        done = self.machine.run(["fakemx", "publish"], check=False)
        self.assertEqual(64, done.returncode)
        self.assertIn("has no publish section", done.stderr)


if __name__ == "__main__":
    unittest.main()