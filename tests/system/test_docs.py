"""Every command block of README.md and docs/ is run somewhere: here, or in the test that the table names. Here they run on
this machine's files under a systemd of their own, installed as the README says for who has no Debian package."""

import re
import subprocess
import unittest

from lab import packages
from lab.booted import Booted
from lab.case import NAME_SERVER, RESOLVER, LabCase, long_test
from lab.net import BUILD, ROOT, wait_for
from lab.programs import Knot, Program, Unbound
from lab.readme import blocks, commands, fenced, local
from lab.terminal import converse

DOMAIN, MAIL, DECOY, CLIENT = "example.com", "30.0.0.25", "30.0.0.31", "30.0.7.10"
ADDRESSES = {"192.0.2.25": MAIL, "192.0.2.30": DECOY, "198.51.100.30": DECOY}

# (file, what the block is called, or the heading it stands under): the test that runs it; or "shown: ..." where it is no command
RUN_BY = {
    ("README.md", "See it in a minute"): "test_docs.py Demo", ("README.md", ""): "shown: what the demo printed, checked by test_docs.py Demo",
    ("README.md", "Install"): "test_docs.py Readme", ("README.md", "Postfix on Debian"): "test_arrive.py FreshPostfix",
    ("README.md", "Exim on Debian"): "test_arrive.py FreshExim", ("README.md", "docker-mailserver"): "test_docs.py Readme",
    ("README.md", "mailcow"): "test_docs.py Readme", ("README.md", "DNS at a provider, without a zone file"): "test_docs.py Readme",
    ("README.md", "A provider with 100,000 zones"): "test_docs.py Readme", ("README.md", "A sceptic with old logs"): "test_docs.py Readme",
    ("README.md", "Take it back"): "test_docs.py Readme",
    ("docs/policy.md", "fakemx.conf"): "test_policy.py", ("docs/policy.md", "main.cf"): "test_policy.py",
    ("docs/policy.md", "setup"): "test_policy.py", ("docs/policy.md", "unit"): "test_docs.py Readme",
    ("docs/policy.md", "fakemx.conf unix"): "test_policy.py", ("docs/policy.md", "main.cf unix"): "test_policy.py",
    **{("docs/fleet.md", kind): "test_stream.py" for kind in ("fakemx.conf", "key", "nats-server.conf", "setup", "fakemx-feed.service")},
    ("docs/providers.md", "A Fake MX without a zone file"): "test_docs.py Readme",
    ("docs/providers.md", "python"): "test_domain.py", ("docs/providers.md", "yaml"): "test_domain.py",
    ("docs/recipes/README.md", "setup"): "test_docs.py Readme",
    ("docs/recipes/web.md", "fakemx.conf"): "test_docs.py Proxies", ("docs/recipes/web.md", "nginx.conf"): "test_docs.py Proxies",
    ("docs/recipes/web.md", "Caddyfile"): "test_docs.py Proxies", ("docs/recipes/web.md", "prometheus.yml"): "test_docs.py Proxies",
    ("docs/schema.md", "The journal"): "test_docs.py Readme",
}
# All blocks of these are of one kind.
ALL_OF = {"docs/json.md": "shown: shapes, held against the program by the units", "docs/measured.md": "shown: figures",
          "docs/schema.md": "../unit/journal/test_schema.c", "docs/recipes/": "test_lists.py"}


def runner_of(file, name):
    if (file, name) in RUN_BY:
        return RUN_BY[file, name]
    return next((who for begin, who in ALL_OF.items() if file.startswith(begin)), None)


class Accounted(unittest.TestCase):
    def test_every_block_is_run_by_a_test_that_names_it(self):
        files = ["README.md"] + sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md"))
        for file in files:
            for heading, kind, body in blocks(file):
                name = heading if kind is None else kind
                who = runner_of(file, name)
                with self.subTest(file=file, block=name):
                    self.assertIsNotNone(who, f"nothing runs the block that begins with {body.splitlines()[0]!r}")
                    if who.startswith("shown: "):
                        continue
                    source = (ROOT / "tests/system" / who.split()[0]).read_text()
                    self.assertTrue(name in source or name.replace(f"bl.{DOMAIN}", "{ZONE}") in source, f"{who} does not name {name}")

    def test_the_packages_for_building_are_named_twice_alike(self):
        listed = subprocess.run([ROOT / "scripts/packages", "list", "build"], capture_output=True, text=True, check=True).stdout.split()
        control = re.search(r"^Build-Depends: (.*?)^\S", (ROOT / "debian/control").read_text(), re.M | re.S)[1]
        wanted = set(re.findall(r"([a-z0-9.+-]+-dev)\b", control))
        self.assertEqual({name for name in listed if name.endswith("-dev")}, wanted)


class Readme(LabCase):
    limit_seconds = 240

    @classmethod
    def build(cls):
        cls.knot = Knot(cls.net, "ns", [NAME_SERVER])
        cls.knot.load(DOMAIN, ["@ NS ns1", f"ns1 A {NAME_SERVER}", "@ MX 10 mail", f"mail A {MAIL}"])
        cls.unbound = Unbound(cls.net, "resolver", [RESOLVER], NAME_SERVER)
        cls.client = cls.net.host("client", [CLIENT])
        for each in (cls.knot, cls.unbound):
            each.start()
        cls.machine = Booted("docs", f"hostname mail.{DOMAIN}", [MAIL, DECOY], net=cls.net)

    def at(self, line, answers=(), codes=(0,), folder="/root"):
        code, shown = converse(self.machine.command(["sh", "-c", f"cd {folder} && {line}"]), answers, 200)
        self.assertIn(code, codes, f"{line}\n{shown}")
        return shown

    def block(self, file, heading, number=0):
        found = [body for h, kind, body in blocks(file) if h == heading and kind is None][number]
        return local(found, ADDRESSES).splitlines()

    def conf(self, zone="", more=""):
        self.machine.write("/etc/fakemx/fakemx.conf", f"""{more}
site "shop" {{
  layout = high
  domains = {{ "{DOMAIN}" }}
  host "mail.{DOMAIN}" {{ preference = 10 address = {{ "{MAIL}" }} watch = "/var/log/mail.log" }}
  decoy "fake1.mx.{DOMAIN}" {{ preference = 20 address = {{ "{DECOY}" }} posture = defer }}
  {zone}
}}
""")

    def test_1_who_has_no_package_installs_by_ninja(self):
        for line in self.block("README.md", "Install", 1):
            self.at(line.replace("-C build", f"-C {BUILD}") if BUILD != ROOT / "build" else line, folder=ROOT)
        self.assertIn("fakemx ", self.at("fakemx --version"))
        self.assertIn("/usr/local/bin/fakemx-serve", self.machine.run(["systemctl", "cat", "fakemx"]).stdout)
        self.machine.run(["id", "_fakemx"])

    def lines(self):
        """A visit as Postfix logs it."""
        return "".join(self.machine.run(["date", "+%b %e %H:%M:%S"]).stdout.strip() + f" mail postfix/smtpd[7]: {words}\n" for words in
                       ("connect from good.example[30.0.9.9]", "disconnect from good.example[30.0.9.9] ehlo=1 quit=1 commands=2"))

    def setup(self, heading):
        line, = self.block("README.md", heading)
        shown = self.at(line, [("Layout:", ""), ("Write this configuration?", "")], (0, 2))
        self.assertIn("Written and checked", shown)
        self.machine.run(["rm", "/etc/fakemx/fakemx.conf"])
        return shown

    def test_2_containers_logs_are_read_where_the_readme_says(self):
        self.machine.write("/srv/mailserver/docker-data/dms/mail-logs/mail.log", self.lines())
        self.assertIn("Postfix, 1 session in the last day", self.setup("docker-mailserver"))
        fields = "CONTAINER_NAME=mailcowdockerized-postfix-mailcow-1\nSYSLOG_IDENTIFIER=docker\nMESSAGE="
        for line in self.lines().splitlines():
            self.machine.run(["logger", "--journald"], input=fields + line + "\n")
        self.assertIn("Postfix, 1 session in the last day", self.setup("mailcow"))

    def test_3_records_to_type_and_to_take_back(self):
        line, = self.block("README.md", "DNS at a provider, without a zone file")
        self.assertIn(f"fake1.mx", self.at(line, codes=(2,)))
        plan, revert = (self.block("docs/providers.md", "A Fake MX without a zone file", n)[0] for n in (0, 1))
        self.assertIn(DECOY, self.at(plan, codes=(2,)))
        self.at(revert)

    def test_4_many_zones(self):
        self.machine.script(f"mkdir -p /etc/bind/zones; for n in $(seq 500); do printf '$TTL 300\\n@ SOA ns h. 1 60 60 60 60\\n@ NS ns.{DOMAIN}.\\n"
                            f"@ MX 10 mail.{DOMAIN}.\\n' > /etc/bind/zones/zone$n.example; echo zone$n.example >> /etc/bind/domains; done")
        self.conf('zone { file = "/etc/bind/zones" }')
        self.machine.script(f"sed -i 's|domains = .*|domains_file = \"/etc/bind/domains\"|; s/fake1.mx.{DOMAIN}/fake1.{DOMAIN}/' /etc/fakemx/fakemx.conf")
        plan, sample, rest = self.block("README.md", "A provider with 100,000 zones")
        self.assertIn("500", self.at(plan, codes=(2,)))
        self.at(sample, codes=(2,))
        count = "grep -l fake1 /etc/bind/zones/* | wc -l"
        self.assertEqual("100", self.at(count).strip())
        self.at(rest)
        self.assertEqual("500", self.at(count).strip())

    def test_5_a_sceptic_asks_old_logs(self):
        self.machine.write("/root/mail.log", self.lines())
        self.machine.write("/root/backup.log", self.lines())
        self.machine.run(["rm", "-f", "/etc/fakemx/fakemx.conf"])
        line, = self.block("README.md", "A sceptic with old logs")
        self.assertIn("layout", self.at(line).lower())

    def test_6_serve_by_a_unix_socket_and_the_journal_in_a_shell(self):
        self.machine.script(f"getent group postfix >/dev/null || groupadd postfix; mkdir -p /var/spool/postfix; touch /var/log/mail.log; "
                            f"chgrp adm /var/log/mail.log; {fenced('docs/policy.md', 'setup')}")
        self.machine.write("/etc/systemd/system/fakemx.service.d/override.conf", fenced("docs/policy.md", "unit"))
        self.conf(more=fenced("docs/policy.md", "fakemx.conf unix"))
        self.machine.script("systemctl daemon-reload; systemctl restart fakemx; test -S /var/spool/postfix/fakemx/policy.sock")
        for line in self.block("docs/schema.md", "The journal"):
            self.at(line)

    def test_7_the_lists_are_published_by_their_units(self):
        self.conf(more='publish "rspamd" { format = rspamd  file = "/var/lib/fakemx-lists/rspamd.map" }')
        self.at(fenced("docs/recipes/README.md", "setup").strip())
        wait_for("the list", lambda: self.machine.script("test -f /var/lib/fakemx-lists/rspamd.map && echo yes || true").stdout, 30, 0.5)

    def test_8_it_is_taken_back(self):
        self.machine.script(f"printf '$TTL 300\\n@ SOA ns h. 1 60 60 60 60\\n@ NS ns\\nns A {NAME_SERVER}\\n@ MX 10 mail\\nmail A {MAIL}\\n' > /etc/bind/{DOMAIN}")
        self.conf(f'zone {{ file = "/etc/bind/{DOMAIN}" }}')
        self.at("fakemx apply --yes")
        self.assertIn("fake1", self.at(f"cat /etc/bind/{DOMAIN}"))
        revert, off = self.block("README.md", "Take it back")
        self.at(revert)
        self.assertNotIn("fake1", self.at(f"cat /etc/bind/{DOMAIN}"))
        self.at(off, [("[y/N]", "y")], (0, 2))


class Tools(Program):
    package = "proxies"


class Proxies(LabCase):
    """nginx, Caddy and Prometheus in front of a real `fakemx web`."""

    @classmethod
    def build(cls):
        cls.host = Tools(cls.net, "web", [MAIL]).host
        cls.host.script("mkdir -p /etc/fakemx /var/lib/fakemx /etc/ssl /var/log/nginx /var/lib/nginx; openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=fakemx.example.com "
                        "-keyout /etc/ssl/fakemx.key -out /etc/ssl/fakemx.pem 2>/dev/null; htpasswd -bc /etc/nginx/fakemx.passwd admin secret 2>/dev/null")
        cls.host.write("/etc/fakemx/fakemx.conf", f"""{fenced("docs/recipes/web.md", "fakemx.conf")}
site "shop" {{ layout = none domains = {{ "{DOMAIN}" }} host "mail.{DOMAIN}" {{ preference = 10 address = {{ "{MAIL}" }} }} }}
""")

    def curl(self, *argv):
        return self.host.run(["curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", "--resolve", "fakemx.example.com:443:127.0.0.1", *argv,
                              "https://fakemx.example.com/healthz"], check=False).stdout

    def test_1_nginx_asks_for_a_password_and_passes_on(self):
        from lab.case import program
        web = self.host.spawn([program("fakemx"), "web"], name="web")
        self.host.write("/etc/nginx/nginx.conf", "events {}\nhttp {\n" + fenced("docs/recipes/web.md", "nginx.conf") + "}\n")
        nginx = self.host.spawn(["nginx", "-g", "daemon off;"], name="nginx")
        try:
            wait_for("nginx answers", lambda: self.curl() == "401", 20)
            # No journal is there yet: the page says so with 503, and it is fakemx that says it.
            wait_for("the page", lambda: self.curl("-u", "admin:secret") in ("200", "503"), 20)
            self.assertEqual("401", self.curl("-u", "admin:wrong"))
        finally:
            nginx.stop()
            web.stop()

    def test_2_caddy_takes_the_file(self):
        made = self.host.run(["caddy", "hash-password", "--plaintext", "secret"]).stdout.strip()
        self.host.write("/etc/caddy/Caddyfile", fenced("docs/recipes/web.md", "Caddyfile").replace("HASH", made))
        self.host.run(["env", "HOME=/root", "caddy", "validate", "--adapter", "caddyfile", "--config", "/etc/caddy/Caddyfile"])

    def test_3_prometheus_takes_the_file(self):
        self.host.write("/etc/prometheus/fakemx.yml", fenced("docs/recipes/web.md", "prometheus.yml"))
        self.host.run(["promtool", "check", "config", "/etc/prometheus/fakemx.yml"])


@long_test
class Demo(unittest.TestCase):
    limit_seconds = 600

    def test_it_prints_what_the_readme_shows(self):
        command, = commands("README.md", "See it in a minute")
        # On a loopback of its own: somebody else's connections would be visits that nobody made.
        done = subprocess.run(["unshare", "--net", "sh", "-c", f"ip link set lo up; {command}"], cwd=ROOT, capture_output=True, text=True)
        self.assertEqual(0, done.returncode, done.stderr[-2000:])
        shown, = [body for h, kind, body in blocks("README.md") if h == "See it in a minute" and kind == ""]
        figures = re.compile(r"[0-9.,]+ ?(%|ms|s|h|min)?|none|-")
        shape = lambda text: [" ".join(figures.sub("N", line).split()) for line in text.splitlines() if line.strip()]  # noqa: E731
        printed = shape(done.stdout)
        for line in shape(shown):
            if line != "...":
                self.assertIn(line.split(" N")[0], "\n".join(printed), f"the README shows it, the demo does not:\n{done.stdout}")


if __name__ == "__main__":
    unittest.main()
