"""The Debian package on a system that has never seen fakemx: installed, set up, run under systemd, upgraded with the
journal in use, removed and purged; built twice, compared, and lintian asked. All of it is --long: it builds fakemx anew."""

import json
import os
import pathlib
import subprocess
import unittest

from lab import debian, packages
from lab.booted import Booted
from lab.case import long_test
from lab.net import LAB, wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]
MAIL, DECOY, DOMAIN = "30.0.0.25", "30.0.0.31", "shop.example"
CONF = f"""names = false
site "shop" {{
  layout = high
  domains = {{ "{DOMAIN}" }}
  host "mail.{DOMAIN}" {{ preference = 10 address = {{ "{MAIL}" }} watch = journal }}
  decoy "fake1.{DOMAIN}" {{ preference = 20 address = {{ "{DECOY}" }} posture = defer }}
}}
"""


def higher(deb, folder):
    """The same package with a higher version: what an upgrade installs."""
    tree = folder / "higher"
    subprocess.run(["dpkg-deb", "-R", deb, tree], check=True)
    control = tree / "DEBIAN/control"
    control.write_text(control.read_text().replace("\nVersion: ", "\nVersion: 9:"))
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, folder / "higher.deb"], check=True, capture_output=True)
    return folder / "higher.deb"


@long_test
class Package(unittest.TestCase):
    limit_seconds = 900  # it builds the package

    @classmethod
    def setUpClass(cls):
        deb = debian.package()
        folder = LAB / "package"
        subprocess.run(["rm", "-rf", folder], check=True)
        folder.mkdir()
        up = higher(deb, folder)
        # A machine that is a container may forbid its packages to start anything.
        cls.machine = Booted("package", f'rm -f "$ROOT/usr/sbin/policy-rc.d"; cp {deb} "$ROOT/root/fakemx.deb"; cp {up} "$ROOT/root/higher.deb"', [MAIL, DECOY])
        cls.addClassCleanup(cls.machine.close)

    def sh(self, text, **more):
        return self.machine.script("export DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin; " + text, **more)

    def visits(self):
        return json.loads(self.sh(f"fakemx --json explain {DECOY}").stdout)["visits"]

    def knock(self):
        """As a bot: own addresses that ask for nothing are taken for our own probes."""
        self.sh(f"/usr/bin/python3 -c \"import socket; s = socket.create_connection(('{DECOY}', 25)); s.recv(99); "
                "[(s.sendall(b + bytes([13, 10])), s.recv(999)) for b in (b'EHLO a.example', b'MAIL FROM:<a@a.example>', "
                f"b'RCPT TO:<i@{DOMAIN}>', b'QUIT')]\"")

    def test_1_it_installs_and_nothing_runs_without_a_configuration(self):
        self.sh("dpkg -i /root/fakemx.deb")
        self.assertIn("_fakemx", self.sh("id _fakemx").stdout)
        self.assertIn("adm", self.sh("id -nG _fakemx").stdout)
        self.assertEqual("inactive", self.sh("systemctl show -P ActiveState fakemx").stdout.strip())
        self.assertIn("set up, run, watch", self.sh("mandb -q 2>/dev/null; apropos -e 'fake mx' || apropos 'fake mx'").stdout)
        self.assertEqual("", self.sh("for f in /usr/bin/fakemx*; do dpkg -S $f >/dev/null || echo $f; done").stdout)
        self.sh("bash -c '. /usr/share/bash-completion/completions/fakemx; COMP_WORDS=(fakemx se) COMP_CWORD=1; _fakemx; "
                "[ \"${COMPREPLY[*]}\" = \"setup serve\" ]'")

    def test_2_it_runs_and_reports_a_visit(self):
        self.machine.write("/etc/fakemx/fakemx.conf", CONF)
        self.sh("chgrp _fakemx /etc/fakemx/fakemx.conf; chmod 640 /etc/fakemx/fakemx.conf; systemctl start fakemx")
        self.knock()
        wait_for("the visit", self.visits)
        self.assertIn("shop", self.sh("fakemx report").stdout)

    def test_3_an_upgrade_keeps_the_journal_and_serve_comes_back(self):
        pid = self.sh("systemctl show -P MainPID fakemx").stdout
        self.sh("dpkg -i /root/higher.deb")
        wait_for("another serve", lambda: self.sh("systemctl is-active fakemx || true").stdout.strip() == "active")
        self.assertNotEqual(pid, self.sh("systemctl show -P MainPID fakemx").stdout)
        before = len(self.visits())
        self.knock()
        wait_for("one visit more", lambda: len(self.visits()) > before)

    def test_4_removing_keeps_what_is_the_owners_and_purging_does_not(self):
        self.sh("dpkg -r fakemx")
        self.assertNotEqual("active", self.sh("systemctl is-active fakemx || true").stdout.strip())
        self.assertEqual("", self.sh("pgrep fakemx-serve || true").stdout)
        self.sh("test -f /etc/fakemx/fakemx.conf -a -f /var/lib/fakemx/journal.sqlite")
        self.sh("dpkg -P fakemx; ! test -e /etc/fakemx -o -e /var/lib/fakemx")


@long_test
class Autopkgtest(unittest.TestCase):
    """debian/tests, run as Debian's machines do, inside a machine of its own."""
    limit_seconds = 900

    def test_the_first_day_of_the_package_passes(self):
        deb = debian.package()
        packages.tree("unbound")  # its .debs lie in the laboratory then
        prepare = (f'rm -f "$ROOT/usr/sbin/policy-rc.d"; mkdir -p "$ROOT/srv/apt"; cp {deb} "$ROOT/srv/apt/fakemx.deb"; '
                   f'cp {LAB}/debs/*unbound*.deb {LAB}/debs/libevent*.deb {LAB}/debs/libhiredis*.deb "$ROOT/var/cache/apt/archives/" 2>/dev/null || true; '
                   f'mkdir "$ROOT/srv/tree"; cp -r {ROOT}/debian "$ROOT/srv/tree/"')
        with Booted("autopkgtest", prepare) as machine:
            done = machine.script("cd /srv/apt && autopkgtest --ignore-restrictions=isolation-container,breaks-testbed --no-built-binaries fakemx.deb /srv/tree -- null", check=False, timeout=300)
            self.assertEqual(0, done.returncode, done.stdout[-3000:] + done.stderr[-6000:])
            self.assertRegex(done.stdout + done.stderr, r"first-day +PASS")


@long_test
class TwiceEqual(unittest.TestCase):
    limit_seconds = 900

    def test_it_is_built_twice_equal_and_lintian_finds_nothing(self):
        done = subprocess.run([ROOT / "scripts/package", "--check"], capture_output=True, text=True,
                              env=dict(os.environ, LC_ALL="C.UTF-8"))
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        deb = done.stdout.split()[-1]
        depends, recommends = (subprocess.run(["dpkg-deb", "-f", deb, field], check=True, capture_output=True, text=True).stdout
                               for field in ("Depends", "Recommends"))
        self.assertIn("libnats", recommends)  # one machine needs no stream
        self.assertNotIn("libnats", depends)


if __name__ == "__main__":
    unittest.main()
