"""A mail server in a container, with a real engine: Docker and podman run a real Postfix, `fakemx setup` finds its log by
`docker ps` or `podman ps`, in each way that the engine keeps it, and what setup prints, run word for word, brings the visits."""

import json
import re

from lab.case import NAME_SERVER, RESOLVER, LabCase, long_test
from lab.engine import EngineMachine
from lab.net import wait_for
from lab.programs import Knot, Unbound
from lab.terminal import converse

DOMAIN, MAIL, CONF = "shop.example", "30.0.0.25", "/etc/fakemx/fakemx.conf"


class Engine(LabCase):
    """A domain, its mail server in a container, and clients with an address each."""
    limit_seconds = 300
    engine = "docker"

    @classmethod
    def build(cls):
        cls.knot = Knot(cls.net, "ns", [NAME_SERVER])
        cls.knot.load(DOMAIN, ["@ NS ns1", f"ns1 A {NAME_SERVER}", "@ MX 10 mail", f"mail A {MAIL}"])
        cls.unbound = Unbound(cls.net, "resolver", [RESOLVER], NAME_SERVER)
        cls.client = cls.net.host("client", ["30.0.7.1"])
        for each in (cls.knot, cls.unbound):
            each.start()
        cls.machine = EngineMachine(cls.engine, cls.net, [MAIL], DOMAIN)
        cls.last = 1

    def visit(self):
        """A message from an address that was never here; the address."""
        type(self).last += 1
        address = f"30.0.{self.last}.7"
        self.client.add_address(address)
        script = (f"import socket\ns = socket.create_connection(('{MAIL}', 25), 20, ('{address}', 0)); f = s.makefile('rw', newline='')\n"
                  "print(f.readline())\n"
                  f"for c in ('HELO client.example', 'MAIL FROM:<a@client.example>', 'RCPT TO:<info@{DOMAIN}>', 'QUIT'):\n"
                  " f.write(c + '\\r\\n'); f.flush(); print(f.readline())")
        self.assertIn("250", self.client.run(["/usr/bin/python3", "-c", script]).stdout)
        return address

    def seen(self, address):
        done = self.machine.run(["fakemx", "--json", "explain", address], check=False)
        return json.loads(done.stdout)["visits"] if done.returncode == 0 else []

    def wait_seen(self, address):
        wait_for(f"the visit of {address}", lambda: self.seen(address), 40, 0.5)

    def setup(self, codes):
        """setup at a terminal, which takes what is found and proposed."""
        self.machine.run(["rm", "-f", CONF])
        code, shown = converse(self.machine.command(["fakemx", "setup", DOMAIN]), [("Layout:", ""), ("Write this configuration?", "")])
        self.assertIn(code, codes, shown)
        self.assertIn("Written and checked", shown)
        return shown

    def found(self, log, codes):
        """setup proposes this log, in which it counts the one session."""
        shown = self.setup(codes)
        self.assertIn(f"Mail log 1: {log} (Postfix, 1 session in the last day)", shown)
        return shown

    def served(self):
        self.machine.script("fakemx serve --check-config && systemctl restart fakemx")

    def by_journal(self):
        self.machine.mail("--log-driver=journald")
        self.visit()
        self.found("journal:CONTAINER_NAME=mail", (0, 2))
        self.assertIn('watch      = "journal:CONTAINER_NAME=mail"', self.machine.run(["cat", CONF]).stdout)
        self.served()
        self.wait_seen(self.visit())

    def by_volume(self):
        self.machine.script("mkdir -p /srv/mail-logs && chmod 755 /srv/mail-logs")
        self.machine.mail("-v", "/srv/mail-logs:/var/log/mail", log="/var/log/mail/mail.log")
        self.visit()
        self.found("/srv/mail-logs/mail.log", (0, 2))
        self.machine.script("chgrp adm /srv/mail-logs/mail.log; chmod 640 /srv/mail-logs/mail.log")
        self.served()
        self.wait_seen(self.visit())


@long_test
class DockersMail(Engine):
    def test_1_what_docker_logs_alone_can_read_is_sent_by_a_unit(self):
        self.machine.mail()
        self.visit()
        shown = self.found("the container mail, by `docker logs`", (2,))
        self.assertIn("watch      = feed", self.machine.run(["cat", CONF]).stdout)
        lines = re.findall(r"^  ((?:echo|systemctl enable|fakemx serve) .*)$", shown, re.M)
        self.assertEqual([f"echo HOST=mail.{DOMAIN} > /etc/fakemx/feed-mail.conf", "systemctl enable --now fakemx-feed@mail",
                          "fakemx serve --check-config", "systemctl enable --now fakemx"], lines)
        for line in lines:
            self.machine.script(line)
        came = []
        # What comes within the second of serve's first start may lie before it.
        wait_for("a visit is seen", lambda: came.append(self.visit()) or any(map(self.seen, came)), 30, 1)

    def test_2_nothing_counts_twice_and_nothing_is_lost_when_one_of_them_is_started_again(self):
        before = self.visit()
        self.wait_seen(before)
        self.machine.script("systemctl restart fakemx-feed@mail")
        between = self.visit()
        self.machine.script("systemctl restart fakemx")
        self.machine.run(["docker", "restart", "mail"])
        wait_for("Postfix is back", self.machine.answers, 60, 0.2)
        after = self.visit()
        for address in (before, between, after):
            self.wait_seen(address)
            self.assertEqual(1, len(self.seen(address)), address)

    def test_3_serve_has_no_part_in_dockers_rights(self):
        self.assertNotIn("docker", self.machine.run(["id", "-Gn", "_fakemx"]).stdout)
        unit = self.machine.run(["systemctl", "show", "-P", "DynamicUser", "fakemx-feed@mail"]).stdout.strip()
        self.assertEqual("yes", unit)

    def test_4_by_the_journal(self):
        self.machine.script("systemctl disable --now fakemx-feed@mail")
        self.by_journal()

    def test_5_by_a_file_of_a_volume(self):
        self.by_volume()

    def test_6_who_may_not_ask_docker_has_no_container_and_no_error(self):
        self.machine.script("systemctl stop docker.socket docker")
        done = self.machine.run(["fakemx", "setup", "--yes", "--print", DOMAIN], check=False)
        self.assertNotIn("container", done.stdout + done.stderr)
        self.assertEqual(2, done.returncode)


@long_test
class PodmansMail(Engine):
    engine = "podman"

    def test_1_by_the_journal_which_podman_writes_to_by_itself(self):
        self.by_journal()

    def test_2_by_a_file_of_a_volume(self):
        self.by_volume()

    def test_3_of_a_log_that_podman_keeps_for_itself_it_says_what_to_do(self):
        self.machine.mail("--log-driver=k8s-file")
        done = self.machine.run(["fakemx", "setup", "--yes", "--print", DOMAIN], check=False)
        self.assertIn("The log of the container mail cannot be read from outside (podman's logging driver k8s-file). "
                      "Start the container with --log-driver=journald, then run setup again.", done.stderr)
