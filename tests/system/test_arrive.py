"""A newcomer's way on a fresh Debian 12: the package is installed and the README's paths for Postfix and Exim are run
word for word, at a terminal, to a report with a visit in it; then serve is stopped, killed, and the package removed,
and mail goes on. Only addresses differ: documentation's may not be used. All of it is --long: it builds the package."""

import json
import re
import unittest

from lab import debian
from lab.booted import Booted
from lab.case import NAME_SERVER, RESOLVER, LabCase, long_test
from lab.net import wait_for
from lab.programs import Knot, Unbound
from lab.readme import blocks, commands, fenced, local
from lab.terminal import converse

DOMAIN, MAIL, DECOY, CLIENT = "example.com", "30.0.0.25", "30.0.0.31", "30.0.7.10"
ADDRESSES = {"192.0.2.25": MAIL, "192.0.2.30": DECOY}
LIST = f"bl.{DOMAIN}"
ANSWERS = {"fakemx setup": [("Layout:", ""), ("Write this configuration?", "")]}

SAY = ("import socket, sys\ns = socket.create_connection((sys.argv[1], 25), 20); f = s.makefile('rw', newline='')\n"
       "def hear():\n line = f.readline()\n while line[3:4] == '-': line = f.readline()\n print(line.rstrip())\n"
       "hear()\nfor line in sys.stdin:\n f.write(line.rstrip().replace('|', '\\r\\n') + '\\r\\n'); f.flush(); hear()\n")


class Fresh(LabCase):
    """A mail server as Debian sets it up, with two addresses, and the world around it."""
    limit_seconds = 900
    mail_packages, questions, prepare_mail = "", "", ""

    @classmethod
    def build(cls):
        deb, root = debian.package(), debian.root()
        cls.knot = Knot(cls.net, "ns", [NAME_SERVER])
        cls.knot.load(DOMAIN, ["@ NS ns1", f"ns1 A {NAME_SERVER}", "@ MX 10 mail", f"mail A {MAIL}", f"*.bl A {NAME_SERVER}"])
        cls.unbound = Unbound(cls.net, "resolver", [RESOLVER], NAME_SERVER)
        cls.client = cls.net.host("client", [CLIENT])
        for each in (cls.knot, cls.unbound):
            each.start()
        cls.machine = Booted("mail", f'mkdir -p "$ROOT/srv/fakemx/build/package"; cp {deb} "$ROOT/srv/fakemx/build/package/"; '
                             f"echo mail.{DOMAIN} > \"$ROOT/etc/hostname\"; hostname mail.{DOMAIN}; "
                             f"printf '127.0.0.1 localhost\\n{MAIL} mail.{DOMAIN} mail\\n' > \"$ROOT/etc/hosts\"",
                             [MAIL, DECOY], lower=root, net=cls.net)
        cls.machine.script(f"debconf-set-selections; echo mail.{DOMAIN} > /etc/mailname; DEBIAN_FRONTEND=noninteractive apt-get -y -q --no-download "
                           f"--no-install-recommends install {cls.mail_packages}; {cls.prepare_mail}", input=cls.questions, timeout=120)
        wait_for("the mail server answers", lambda: "220" in cls.say(MAIL, "QUIT"), 60, 0.5)

    @classmethod
    def say(cls, address, *lines):
        return cls.client.run(["/usr/bin/python3", "-c", SAY, address], input="".join(f"{x}\n" for x in lines), check=False).stdout

    @classmethod
    def mail(cls, address=MAIL, to="info", subject="x"):
        """The reply to the end of a message; at a decoy, the last reply."""
        return cls.say(address, "EHLO client.example", "MAIL FROM:<a@client.example>", f"RCPT TO:<{to}@{DOMAIN}>", "DATA",
                       f"Subject: {subject}||hello|.").splitlines()[-1:] or [""]

    def at_terminal(self, line, answers=(), codes=(0,)):
        code, shown = converse(self.machine.command(["sh", "-c", f"cd /srv/fakemx && {line}"]), answers, 120)
        self.assertIn(code, codes, f"{line}\n{shown}")
        return shown

    def run_path(self, heading, number):
        """Runs the number-th block of a path; what each command showed."""
        block = [body for h, kind, body in blocks("README.md") if h == heading and kind is None][number]
        shown = []
        for line in local(block, ADDRESSES).splitlines():
            is_setup = line.startswith("fakemx setup")
            answers = [("Replace it in the end?", "yes")] if "--decoy" in line else [("Layout:", "")] if is_setup else []
            if is_setup:
                answers.append(("Write this configuration?", ""))
            # 2: something is to be told, and is said.
            shown.append(self.at_terminal(line, answers, (0, 2) if line.startswith("fakemx") else (0,)))
        return shown

    def seen(self, address=CLIENT):
        done = self.machine.run(["fakemx", "--json", "explain", address], check=False)
        return json.loads(done.stdout)["visits"] if done.returncode == 0 else []

    def install(self):
        line = next(x for x in commands("README.md", "Install") if x.startswith("apt install"))
        self.at_terminal(line, [("Do you want to continue?", "y")])

    def watch_first(self):
        self.assertTrue(self.mail()[0].startswith("250"))
        shown = self.run_path("Postfix on Debian", 0)
        self.assertIn("layout  = none", shown[0])
        self.assertIn(f"10 mail.{DOMAIN}, this machine", shown[0])
        self.assertIn(DOMAIN, shown[-1])
        return shown[0]

    def wait_seen(self, role):
        def there():
            (self.mail if role == "real" else lambda: self.mail(DECOY))()
            return [v for v in self.seen() if v["role"] == role]
        wait_for(f"a visit at a {role} host", there, 60, 1)

    def add_decoy(self):
        shown = self.run_path("Postfix on Debian", 1)
        self.assertIn(f"A mail server answers at {DECOY}, port 25", shown[0])
        self.assertIn("Written and checked", shown[0])
        return shown[0]

    def then(self):
        shown = self.run_path("Postfix on Debian", 3)
        self.assertIn("is good: 1 site", shown[0])
        self.assertIn(f"fake1.mx.{DOMAIN}", shown[2])
        self.wait_seen("decoy")
        report = self.machine.run(["fakemx", "report", "--since", "1d"]).stdout
        self.assertRegex(report, rf"decoy +fake1.mx.{DOMAIN} .*[1-9]|fake1.mx.{DOMAIN} +.*[1-9]")

    def goes_on(self, what):
        self.assertTrue(self.mail(subject=what)[0].startswith("250"), what)

    def end_of_serve(self, what):
        """Stopped, killed, removed, purged: a message each time."""
        self.goes_on("all well")
        self.machine.script("systemctl kill -s KILL --kill-who=main fakemx")
        self.goes_on("killed")
        wait_for("it is back", lambda: self.machine.script("systemctl is-active fakemx || true").stdout.strip() == "active", 30, 0.5)
        self.machine.script("systemctl stop fakemx")
        self.goes_on("stopped")
        self.assertEqual("", self.say(DECOY), "the decoy's address refuses")
        self.machine.script("DEBIAN_FRONTEND=noninteractive apt-get -y -q remove fakemx")
        self.machine.script("test -f /etc/fakemx/fakemx.conf -a -f /var/lib/fakemx/journal.sqlite; ! pgrep fakemx")
        self.goes_on("removed")
        self.machine.script("DEBIAN_FRONTEND=noninteractive apt-get -y -q purge fakemx; ! test -e /etc/fakemx -o -e /var/lib/fakemx")
        self.goes_on("purged")


@long_test
class FreshPostfix(Fresh):
    mail_packages = "postfix"
    questions = (f"postfix postfix/main_mailer_type select Internet Site\npostfix postfix/mailname string mail.{DOMAIN}\n"
                 f"postfix postfix/destinations string {DOMAIN}, localhost\n")
    prepare_mail = f"useradd -m info; postconf -e 'mydestination = {DOMAIN}, localhost'; systemctl restart postfix"

    def test_1_it_is_installed_and_watches(self):
        self.install()
        self.assertIn("journal (Postfix, ", self.watch_first())
        self.wait_seen("real")

    def test_2_a_decoy_is_added_and_the_report_has_its_visits(self):
        shown = self.add_decoy()
        printed = re.findall(r"^  ((?:postconf|systemctl restart) .*)$", shown, re.M)
        wanted = local([b for h, k, b in blocks("README.md") if h == "Postfix on Debian" and k is None][2], ADDRESSES).splitlines()
        self.assertEqual(wanted, printed[:2], "the README's example is what setup prints")
        for line in printed[:2]:
            self.at_terminal(line)
        self.then()

    def test_3_mail_goes_on_without_serve_and_without_the_package(self):
        self.machine.script("sed -i '1i policy = { \"127.0.0.1@10030\" }' /etc/fakemx/fakemx.conf; cat >> /etc/postfix/main.cf; "
                            "postfix reload; systemctl restart fakemx", input=fenced("docs/policy.md", "main.cf"))
        self.end_of_serve("policy")


@long_test
class FreshExim(Fresh):
    mail_packages = "exim4-daemon-light"
    questions = ("exim4-config exim4/dc_eximconfig_configtype select internet site; mail is sent and received directly using SMTP\n"
                 f"exim4-config exim4/dc_other_hostnames string {DOMAIN}\nexim4-config exim4/dc_local_interfaces string\n"
                 f"exim4-config exim4/mailname string mail.{DOMAIN}\n")
    prepare_mail = "useradd -m info; systemctl restart exim4"

    def printed(self, shown, heading, number):
        """The commands of a block of the README, which setup must have printed."""
        block = local([b for h, k, b in blocks("README.md") if h == heading and k is None][number], ADDRESSES)
        for line in block.splitlines():
            self.assertIn(f"\n  {line}\n", shown, "the README's example is what setup prints")
            self.at_terminal(line)

    def test_1_it_is_installed_and_watches(self):
        self.install()
        shown = self.watch_first()
        self.assertIn("/var/log/exim4/mainlog (Exim, ", shown)
        self.printed(shown, "Exim on Debian", 0)
        self.wait_seen("real")
        log = self.machine.run(["cat", "/var/log/exim4/mainlog"]).stdout
        self.assertIn("SMTP connection from", log)

    def test_2_a_decoy_is_added_and_the_report_has_its_visits(self):
        self.printed(self.add_decoy(), "Exim on Debian", 1)
        wait_for("Exim is back", lambda: "220" in self.say(MAIL, "QUIT"), 30, 0.5)
        self.then()

    def test_3_mail_goes_on_without_serve_and_without_the_package(self):
        self.machine.script("cat > /etc/exim4/fakemx.acl; echo 'CHECK_RCPT_LOCAL_ACL_FILE = /etc/exim4/fakemx.acl' >> "
                            "/etc/exim4/exim4.conf.localmacros; update-exim4.conf; systemctl restart exim4",
                            input=fenced("docs/recipes/exim.md", "acl dnslists"))
        wait_for("Exim is back", lambda: "220" in self.say(MAIL, "QUIT"), 30, 0.5)
        self.end_of_serve("DNSBL")
        self.knot.stop()
        self.unbound.stop()
        self.goes_on("nobody answers for the list")


if __name__ == "__main__":
    unittest.main()
