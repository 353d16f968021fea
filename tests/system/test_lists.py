"""What other software does with the lists: docs/recipes, word for word, with the real programs.

One machine has the real Postfix and serve; a bot goes to the high decoy in two hours and is listed; publish, following,
keeps a file on each consumer's machine and the zone of three name servers. Then a neighbour of the bot delivers
good mail, and the bot is gone; then everything of fakemx is killed and lost, and each consumer goes on with empty lists."""

import pathlib
import re
import signal
import time

from lab import case, net
from lab.client import Client, deliver
from lab.programs import Program
from lab.servers import SECRET, KEY_NAME, key_file
from lab.site import DOMAIN, FAKE1
from test_policy import MAIL, OnNetwork, PolicyCase

ROOT = pathlib.Path(__file__).resolve().parents[2]
ZONE = "bl.example.com"
SIX_TEST = "2.0.0.0.0.0.f.7.f.f.f.f" + ".0" * 20
KEY = key_file()
DNS = {"bind": "30.0.0.61", "knot": "30.0.0.62", "pdns": "30.0.0.63", "nsd": "30.0.0.64", "rbldnsd": "30.0.0.65"}
MESSAGE = "Received: from bot.example ([{0}]) by mail.shop.example with SMTP; Mon, 30 Nov 2026 08:00:00 +0000\nFrom: a@bot.example\nTo: b@shop.example\nSubject: {0}\nMessage-ID: <1@bot.example>\nDate: Mon, 30 Nov 2026 08:00:00 +0000\n\nGood day.\n"


def recipe(file, kind):
    """What stands in the block of docs/recipes/file that is called so."""
    text = (ROOT / "docs" / "recipes" / f"{file}.md").read_text()
    found = re.findall(rf"^```{re.escape(kind)}\n(.*?)^```", text, re.M | re.S)
    assert len(found) == 1, f"docs/recipes/{file}.md has {len(found)} blocks called {kind}"
    return found[0]


def reversed_name(address):
    return ".".join(reversed(address.split(".")))


class Consumer(Program):
    """A machine with a folder of lists, which publish writes to from outside."""

    def __init__(self, network, name, address):
        super().__init__(network, name, [address])

    def configure(self):
        make_lists(self.host)
        self.set_up()

    def set_up(self):
        pass

    def born(self, path, owner):
        """The zone as the recipe makes it."""
        self.host.write(path, recipe("dns", f"{ZONE}.zone"), owner=owner)


def make_lists(host):
    (host.folder / "lists").mkdir()
    (host.folder / "lists").chmod(0o755)
    host.script("ln -s /var/log/lists /var/lib/fakemx-lists")


class Rspamd(Consumer):
    package = "rspamd"

    def set_up(self):
        write = self.host.write
        write("/etc/rspamd/local.d/options.inc", 'disable_hyperscan = true;\ndns { nameserver = ["30.0.0.53"]; timeout = 1s; }\n')
        write("/etc/rspamd/local.d/worker-normal.inc", f'bind_socket = "{self.address}:11333";\n')
        write("/etc/rspamd/local.d/worker-controller.inc", "enabled = false;\n")
        write("/etc/rspamd/local.d/worker-proxy.inc", "enabled = false;\n")
        for name in ("rbl.conf", "rbl_group.conf"):
            write(f"/etc/rspamd/local.d/{name}", recipe("rspamd", name))
        write("/etc/rspamd/local.d/multimap.conf", recipe("rspamd", "multimap.conf") +
              recipe("rspamd", "multimap.conf http").replace("127.0.0.1:8025", f"{MAIL}:8025"))
        write("/etc/rspamd/rspamd.local.lua", recipe("rspamd", "fakemx.lua").replace("has_low_decoy = false", "has_low_decoy = true"))
        self.host.script("mkdir -p /run/rspamd /var/log/rspamd /var/lib/rspamd; "
                         "chown _rspamd:_rspamd /run/rspamd /var/log/rspamd /var/lib/rspamd")

    def start(self):
        self.host.spawn(["/usr/bin/rspamd", "-f", "-u", "_rspamd", "-g", "_rspamd"], name="rspamd")
        net.wait_for("rspamd has compiled its patterns", lambda: self.host.is_listening(11333), 120)

    def symbols(self, address):
        text = self.host.run(["rspamc", "-h", f"{self.address}:11333", "-i", address, "-r", f"b@{DOMAIN}", "symbols"],
                             input=MESSAGE.format(address)).stdout
        return dict(re.findall(r"Symbol: (FAKEMX\w+) \((-?[\d.]+)\)", text)), text


class SpamAssassin(Consumer):
    package = "spamassassin"

    def set_up(self):
        self.host.write("/etc/spamassassin/fakemx.cf", recipe("spamassassin", "fakemx.cf") + recipe("spamassassin", "fakemx.cf header"))
        self.host.write("/etc/spamassassin/lab.cf", "dns_server 30.0.0.53\ndns_available yes\nskip_rbl_checks 0\nuse_bayes 0\n"
                        "trusted_networks 30.0.0.0/24\nuse_razor2 0\nuse_pyzor 0\n")

    def rules(self, address, top=""):
        """The scores of our rules; top: headers above all others."""
        done = self.host.run(["spamassassin", "-t", "-x"], input=top + MESSAGE.format(address), env={"HOME": "/tmp"})
        return re.findall(r"^ *(-?[\d.]+) (?:RCVD_IN_FAKEMX|FAKEMX_STRAIGHT)", done.stdout, re.M), done


class Exim(Consumer):
    package = "exim"

    def set_up(self):
        self.host.write("/etc/exim4/lists.conf", "primary_hostname = lists.example\nlog_file_path = /var/log/%slog\n"
                        "acl_smtp_rcpt = rcpt\nbegin acl\nrcpt:\n" + recipe("exim", "acl dnslists") +
                        recipe("exim", "acl file") + "accept\nbegin routers\nall:\n  driver = accept\n  transport = store\n"
                        "begin transports\nstore:\n  driver = appendfile\n  file = /var/log/store.txt\n  user = Debian-exim\n")
        self.host.script("touch /var/log/store.txt; chown Debian-exim /var/log /var/log/store.txt; "
                         "mkdir -p /run/exim4 /var/spool/exim4; chown -R Debian-exim /run/exim4 /var/spool/exim4")

    def headers(self, address):
        """Those of a message that a client of this address gives to the real Exim."""
        session = ("EHLO bot.example\r\nMAIL FROM:<a@bot.example>\r\nRCPT TO:<b@lists.example>\r\nDATA\r\n"
                   f"Subject: {address}\r\n\r\ntext\r\n.\r\nQUIT\r\n")
        done = self.host.run(["exim4", "-C", "/etc/exim4/lists.conf", "-bh", address], input=session, check=False)
        return re.findall(r"X-FakeMX-Listed: ([\d.]+ by \S+)", done.stdout + done.stderr), done


class Bind(Consumer):
    package = "bind"

    def start(self):
        self.host.script("mkdir -p /run/named /var/cache/bind; chown bind:bind /run/named /var/cache/bind")
        self.born(f"/var/cache/bind/{ZONE}.zone", "bind:bind")
        self.host.write("/etc/bind/named.conf", KEY + 'options { directory "/var/cache/bind"; recursion no; };\n' +
                        recipe("dns", "named.conf"))
        self.host.spawn(["named", "-f", "-u", "bind", "-n", "1", "-g"])
        net.wait_for("named answers", lambda: self.host.is_listening(53, self.address, udp=True))


class KnotDns(Consumer):
    package = "knot"

    def start(self):
        self.host.script("mkdir -p /run/knot /var/lib/knot; chown knot:knot /run/knot /var/lib/knot")
        self.born(f"/var/lib/knot/{ZONE}.zone", "knot:knot")
        self.host.write("/etc/knot/knot.conf", f"server:\n    rundir: /run/knot\n    user: knot:knot\n    listen: {self.address}@53\n"
                        f"key:\n  - id: {KEY_NAME}\n    algorithm: hmac-sha256\n    secret: {SECRET}\n" +
                        recipe("dns", "knot.conf"))
        self.host.spawn(["knotd", "-c", "/etc/knot/knot.conf"])
        net.wait_for("knotd answers", lambda: self.host.is_listening(53, self.address, udp=True))


class PowerDns(Consumer):
    package = "pdns"

    def start(self):
        self.host.script("mkdir -p /run/pdns /var/lib/powerdns; chown pdns:pdns /run/pdns /var/lib/powerdns")
        self.born(f"/var/lib/powerdns/{ZONE}.zone", "pdns:pdns")
        self.host.write("/etc/powerdns/pdns.conf", f"launch=gsqlite3\ngsqlite3-database=/var/lib/powerdns/db\n"
                        f"local-address={self.address}\ndnsupdate=yes\nallow-dnsupdate-from=0.0.0.0/0\n"
                        "disable-axfr=no\nallow-axfr-ips=\n"
                        "setuid=pdns\nsetgid=pdns\nsocket-dir=/run/pdns\n", "640", "root:pdns")
        self.host.script("sqlite3 /var/lib/powerdns/db < /usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql\n"
                         f"pdnsutil import-tsig-key {KEY_NAME} hmac-sha256 {SECRET}\n" + recipe("dns", "pdns") +
                         "chown pdns:pdns /var/lib/powerdns/db")
        self.host.spawn(["pdns_server", "--guardian=no", "--daemon=no", "--disable-syslog"])
        net.wait_for("pdns answers", lambda: self.host.is_listening(53, self.address, udp=True))


class Nsd(Consumer):
    package = "zonetools"

    def start(self):
        self.host.write("/etc/nsd/nsd.conf", f"server:\n  ip-address: {self.address}\n  username: nsd\n  rrl-ratelimit: 0\n"
                        "  zonefiles-check: yes\n  pidfile: /run/nsd.pid\nremote-control:\n  control-enable: yes\n"
                        "  control-interface: /run/nsd.ctl\n" + recipe("dns", "nsd.conf"))
        self.host.script("mkdir -p /var/lib/nsd /run/nsd; chown nsd:nsd /var/lib/nsd /run/nsd")
        self.host.spawn(["nsd", "-d", "-c", "/etc/nsd/nsd.conf"])
        net.wait_for("nsd answers", lambda: self.host.is_listening(53, self.address, udp=True))

    def reload(self):
        self.host.run(["nsd-control", "-c", "/etc/nsd/nsd.conf", "reload", ZONE])


class Rbldnsd(Consumer):
    package = "rbldnsd"

    def start(self):
        command = recipe("dns", "rbldnsd").strip().replace("127.0.0.1/5300", f"{self.address}/53")
        assert self.address in command, command
        self.host.spawn(command.replace("-c 10", "-c 1").split(), name="rbldnsd")
        net.wait_for("rbldnsd answers", lambda: self.host.is_listening(53, self.address, udp=True))


# The policy service listens on its own machine alone; rspamd of the recipe runs there, here it does not.
RELAY = """import socket, sys, threading
def pump(a, b):
    try:
        while (data := a.recv(4096)): b.sendall(data)
    except OSError: pass
    b.close()
s = socket.create_server(("127.0.0.1", 10030))
while True:
    c = s.accept()[0]
    u = socket.socket(socket.AF_UNIX)
    try: u.connect(sys.argv[1])
    except OSError: c.close(); continue
    for pair in ((c, u), (u, c)): threading.Thread(target=pump, args=pair, daemon=True).start()
"""


class Lists(PolicyCase):
    limit_seconds = 500

    @classmethod
    def prepare(cls):
        make_lists(cls.mail.host)
        kinds = (("rspamd", Rspamd, "30.0.0.70"), ("spamassassin", SpamAssassin, "30.0.0.71"), ("exim", Exim, "30.0.0.72"),
                 ("bind", Bind, DNS["bind"]), ("knotdns", KnotDns, DNS["knot"]), ("pdns", PowerDns, DNS["pdns"]),
                 ("nsd", Nsd, DNS["nsd"]), ("rbldnsd", Rbldnsd, DNS["rbldnsd"]))
        for name, kind, address in kinds:
            setattr(cls, name, kind(cls.net, name, address))
        for server in (cls.bind, cls.knotdns, cls.pdns):
            server.start()
        cls.knot.load_root([f"{ZONE}. NS ns.bl-lab.", f"ns.bl-lab. A {DNS['bind']}"])
        cls.unbound.forget()
        cls.key = cls.mail.host.folder / "tsig.key"
        cls.key.write_text(KEY)

    @classmethod
    def config(cls, **options):
        sections = []
        files = {"rspamd": cls.rspamd, "exim": cls.exim, "zone": cls.nsd, "rbldnsd": cls.rbldnsd, "postfix": cls.mail}
        for file, block in (("rspamd", "fakemx.conf"), ("exim", "fakemx.conf"), ("postfix", "fakemx.conf"),
                            ("dns", "fakemx.conf file")):
            for line in recipe(file, block).splitlines():
                name = re.match(r'publish "(\w+)"', line).group(1)
                folder = files[name].host.folder / "lists"
                line = re.sub(r' after = "[^"]*"', "", line)
                sections.append(line.replace("/var/lib/fakemx-lists", str(folder)))
        update = recipe("dns", "fakemx.conf update")
        for name in ("bind", "knot", "pdns"):
            sections.append(update.replace('"dnsbl"', f'"{name}"').replace("127.0.0.1", DNS[name])
                            .replace("/etc/fakemx/tsig.key", str(cls.key)))
        alarm = cls.mail.host.folder / "alarms"
        sections.append(f'web {{ listen = "{MAIL}:8025"  beyond_loopback = true }}')
        return super().config(mode="enforce", policy_defer="true") + "\n".join(sections) + (
            f"\nalarm = 'echo \"$FAKEMX_ALARM $FAKEMX_ALARM_KIND $FAKEMX_ALARM_TEXT\" >> {alarm}'\n")

    @classmethod
    def policy_line(cls):
        return super().policy_line().replace(" }", f', "{cls.mail.host.folder}/policy.sock" }}')

    @classmethod
    def build(cls):
        super().build()
        cls.bot, cls.other, cls.put_off, cls.pardoned = (cls.somebody() for _ in range(4))
        cls.serve.host.spawn([case.program("fakemx"), "-c", cls.serve.conf, "web"], output="web.out", name="web")
        OnNetwork(cls.rspamd.host).spawn(["/usr/bin/python3", "-c", RELAY, cls.mail.host.folder / "policy.sock"], name="relay")
        net.wait_for("the page", lambda: cls.mail.host.is_listening(8025))

    # What the consumers see

    def ask(self, server, name, kind="A"):
        done = self.bind.host.run(["dig", "+short", "+norecurse", "+time=2", "+tries=2", f"@{DNS[server]}", name, kind],
                                  check=False)
        return done.stdout.split("\n")[0].strip()

    def is_in_zone(self, server, address):
        return self.ask(server, f"{reversed_name(address)}.{ZONE}") == "127.0.0.2"

    def publish(self, *options, code=0):
        done = self.serve.fakemx("publish", *options)
        self.assertEqual(code, done.returncode, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def lists(self):
        return {"rspamd": self.rspamd.host.folder / "lists" / "rspamd.map",
                "exim": self.exim.host.folder / "lists" / "exim.txt",
                "postfix": self.mail.host.folder / "lists" / "postfix.cidr",
                "rbldnsd": self.rbldnsd.host.folder / "lists" / "fakemx.rbl",
                "nsd": self.nsd.host.folder / "lists" / f"{ZONE}.zone"}

    def assert_lists(self, has):
        for name, path in self.lists().items():
            want = reversed_name(self.bot) if name == "nsd" else self.bot
            self.assertEqual(has, bool(re.search(rf"^{re.escape(want)}\b", path.read_text(), re.M)), f"{name}: {path.read_text()}")
        for server in ("bind", "knot", "pdns"):
            self.assertEqual(has, self.is_in_zone(server, self.bot), server)

    def test_01_a_bot_that_came_twice_is_listed_and_published(self):
        bots = {self.bot, self.put_off, self.pardoned}
        for _ in range(2):
            for bot in bots:
                deliver(self.crowd, bot, FAKE1, f"x@{DOMAIN}")
            self.serve.jump(3 * 3600)
        net.wait_for("they are listed", lambda: bots <= set(self.serve.fakemx("list").stdout.split()), 30, 0.5)
        said = self.publish()
        self.assertEqual(8, len(said.splitlines()), said)
        self.assert_lists(True)
        for name in ("nsd", "rbldnsd", "rspamd"):
            getattr(self, name).start()

    def test_02_what_did_not_change_is_not_written_again(self):
        before = {path: path.stat().st_ino for path in self.lists().values()}
        said = self.publish()
        self.assertEqual(["as before"] * 8, re.findall(r"as before|changed", said), said)
        self.assertEqual(before, {path: path.stat().st_ino for path in self.lists().values()})

    def test_03_every_server_has_the_entries_of_rfc_5782_and_gives_the_zone(self):
        for server in DNS:
            with self.subTest(server):
                self.assertEqual("127.0.0.2", self.ask(server, f"2.0.0.127.{ZONE}"))
                self.assertEqual("127.0.0.2", self.ask(server, f"{SIX_TEST}.{ZONE}"))
                self.assertEqual("", self.ask(server, f"1.0.0.127.{ZONE}"))
                self.assertEqual("127.0.0.2", self.ask(server, f"{reversed_name(self.bot)}.{ZONE}"))
                self.assertIn(f"fakemx explain {self.bot}", self.ask(server, f"{reversed_name(self.bot)}.{ZONE}", "TXT"))
                self.assertEqual("", self.ask(server, f"{reversed_name(self.other)}.{ZONE}"))
                self.assertRegex(self.ask(server, ZONE, "SOA"), r" 300 60 7200 60$")
        key = f"hmac-sha256:{KEY_NAME}:{SECRET}"
        for server in ("bind", "knot", "pdns"):
            text = self.bind.host.run(["dig", "-y", key, f"@{DNS[server]}", ZONE, "AXFR"]).stdout
            self.assertRegex(text, rf"(?m)^{re.escape(reversed_name(self.bot))}\.{re.escape(ZONE)}\.\s+300\s+IN\s+A\s+127.0.0.2")
        check = self.nsd.host.run(["named-checkzone", ZONE, f"/var/lib/fakemx-lists/{ZONE}.zone"])
        self.assertIn("OK", check.stdout)
        self.nsd.host.run(["kzonecheck", "-o", ZONE, f"/var/lib/fakemx-lists/{ZONE}.zone"])

    def test_04_rspamd_scores_the_listed_one_by_map_by_http_and_by_dnsbl(self):
        # it answers before its worker has asked for the map by HTTP
        net.wait_for("rspamd reads its map by HTTP", lambda: "FAKEMX_LISTED_HTTP" in self.rspamd.symbols(self.bot)[0], 60, 0.5)
        found, text = self.rspamd.symbols(self.bot)
        self.assertEqual({"FAKEMX_LISTED": "2.00", "FAKEMX_LISTED_HTTP": "2.00", "FAKEMX_DNSBL": "2.00"}, found, text)
        self.assertEqual({}, self.rspamd.symbols(self.other)[0])

    def test_04_rspamd_thanks_who_tried_the_low_decoy_first(self):
        source = self.somebody()
        self.knock(source)
        self.send(source, ["in-order"])
        found, text = self.rspamd.symbols(source)
        self.assertEqual({"FAKEMX_STRAIGHT": "-0.50"}, found, text)

    def test_05_spamassassin_scores_the_listed_one(self):
        found, done = self.spamassassin.rules(self.bot)
        self.assertEqual(["2.0"], found, done.stdout[-3000:] + done.stderr[-1000:])
        self.assertEqual([], self.spamassassin.rules(self.other)[0])

    def test_05_spamassassin_believes_our_own_header_alone(self):
        ours = "X-FakeMX: order=straight delay=0.01\n"
        self.assertEqual(["-0.5"], self.spamassassin.rules(self.other, ours)[0])
        self.assertEqual(["-0.5"], self.spamassassin.rules(self.other, "Return-Path: <a@bot.example>\n" + ours)[0])
        self.assertEqual([], self.spamassassin.rules(self.other, "X-FakeMX: order=straight\n")[0], "no low decoy")
        received = "Received: from x.example ([30.1.1.1]) by mail.shop.example with SMTP; Mon, 30 Nov 2026 08:00:00 +0000\n"
        self.assertEqual([], self.spamassassin.rules(self.other, received + ours)[0], "forged")

    def test_06_exim_marks_the_listed_one_by_dnsbl_and_by_file(self):
        found, done = self.exim.headers(self.bot)
        self.assertEqual([f"{self.bot} by bl.example.com", f"{self.bot} by file"], sorted(set(found)),
                         done.stdout[-2000:] + done.stderr[-2000:])
        found, done = self.exim.headers(self.other)
        self.assertEqual([], found)
        self.assertIn("250 OK id=", done.stdout)

    def test_07_postfix_warns_of_the_listed_one_and_takes_its_mail(self):
        host = self.mail.host
        host.script("cat >> /etc/postfix/main.cf <<'END'\n" + recipe("postfix", "main.cf table") + "END\npostfix reload")
        table = "cidr:/var/lib/fakemx-lists/postfix.cidr"
        self.assertRegex(host.run(["postmap", "-q", self.bot, table]).stdout, "^450 4.7.1 fakemx: ")
        self.assertEqual("", host.run(["postmap", "-q", self.other, table], check=False).stdout)
        self.assertEqual(["250"] * 2, [r[:3] for r in self.send(self.other, ["not-in-table"])])
        self.assertNotIn(f"reject_warning: RCPT from unknown[{self.other}]", self.mail_log())

    def test_07_postfix_puts_the_listed_one_off_where_the_policy_service_may(self):
        self.assertRegex(self.send(self.put_off, ["put-off"])[0], "^450 4.7.1 .*came to a fake MX")

    def test_08_postscreen_asks_the_dnsbl_and_refuses_nobody_by_it_alone(self):
        host = self.mail.host
        host.script(recipe("postfix", "setup postscreen") + "cat >> /etc/postfix/main.cf <<'END'\n" +
                    recipe("postfix", "main.cf postscreen") + "END\npostfix reload")
        time.sleep(1)
        with Client(self.crowd, self.other, MAIL) as c:
            self.assertTrue(c.reply().startswith("220"))
        net.wait_for("postscreen lets it pass", lambda: f"PASS NEW [{self.other}]" in self.mail_log(), 20)
        host.script("postconf -e postscreen_dnsbl_threshold=1 postscreen_dnsbl_action=ignore postscreen_greet_wait=2s; postfix reload")
        time.sleep(1)
        with Client(self.crowd, self.bot, MAIL) as c:
            self.assertTrue(c.reply().startswith("220"))
        net.wait_for("its rank is told", lambda: re.search(rf"DNSBL rank 1 for \[{self.bot}\]", self.mail_log()), 20)
        host.script("postconf -M smtp/inet='smtp inet n - y - - smtpd'; postfix reload")

    def test_09_a_neighbour_that_delivers_good_mail_takes_it_off_within_a_minute(self):
        log = self.mail.host.folder / "follow.out"
        follow = self.serve.host.spawn([net.BUILD / "fakemx", "-c", self.serve.conf, "publish", "--follow"],
                                       output="follow.out", name="publish")
        type(self).follow = follow
        neighbour = self.bot[:-1] + "2"
        self.crowd.add_address(neighbour)
        other = self.pardoned[:-1] + "2"
        self.crowd.add_address(other)
        self.assert_lists(True)
        self.send(neighbour, ["good-neighbour"])
        self.send(other, ["other-neighbour"])
        began = time.monotonic()
        time.sleep(3)
        self.assertEqual(["250"] * 2, [r[:3] for r in self.send(self.pardoned, ["pardoned"])], "the policy service knows it soon")
        net.wait_for("it is gone from every list", lambda: not self.is_in_zone("pdns", self.bot), 60, 0.5)
        self.assertLess(time.monotonic() - began, 60)
        time.sleep(1)
        self.assert_lists(False)
        print(f"gone from files, zones and the policy service after {time.monotonic() - began:.0f} s")
        self.assertIn("changed", log.read_text())
        self.unbound.forget()
        net.wait_for("rspamd reads its map", lambda: self.rspamd.symbols(self.bot)[0].keys() <= {"FAKEMX_LISTED_HTTP"}, 60, 1)
        net.wait_for("rspamd asks the page again", lambda: self.rspamd.symbols(self.bot)[0] == {}, 90, 1)
        print(f"gone from rspamd's map by http after {time.monotonic() - began:.0f} s (it asks each half minute)")
        self.assertEqual([], self.spamassassin.rules(self.bot)[0])
        self.assertEqual([], self.exim.headers(self.bot)[0])

    def test_10_when_everything_is_lost_the_lists_are_empty_and_an_alarm_says_so(self):
        bot = type(self).bot = self.somebody()
        self.follow.stop(signal.SIGKILL)
        self.serve.jump(7 * 3600)  # Postfix was reloaded: for six hours everybody is excused
        for _ in range(2):
            deliver(self.crowd, bot, FAKE1, f"x@{DOMAIN}")
            self.serve.jump(3 * 3600)
        net.wait_for("it is listed", lambda: bot in self.serve.fakemx("list").stdout.split(), 30, 0.5)
        self.publish()
        self.assert_lists(True)
        self.serve.kill()
        for file in (self.serve.folder / "state").glob("journal.sqlite*"):
            file.unlink()
        self.publish("--empty", "--stale", "1h")
        self.assert_lists(True)  # somebody published just now
        time.sleep(1.1)
        self.publish("--empty", "--stale", "1s")
        self.assert_lists(False)
        self.assertIn("the journal cannot be read", self.publish())
        alarms = (self.mail.host.folder / "alarms").read_text()
        self.assertRegex(alarms, "begin lists fakemx publish is not running")
        for server in ("bind", "knot", "pdns"):
            self.assertEqual("127.0.0.2", self.ask(server, f"2.0.0.127.{ZONE}"))
        self.unbound.forget()
        net.wait_for("rspamd goes on with empty lists", lambda: self.rspamd.symbols(bot)[0] == {}, 90, 1)
        self.assertIn("Action: ", self.rspamd.symbols(bot)[1])
        found, done = self.spamassassin.rules(bot)
        self.assertEqual([], found)
        self.assertIn("Content analysis details", done.stdout)
        found, done = self.exim.headers(bot)
        self.assertEqual([], found)
        self.assertIn("250 OK id=", done.stdout)
        self.assertEqual(["250"] * 2, [r[:3] for r in self.send(bot, ["all-is-lost"])], "mail goes on")
        self.assertNotIn(f"reject_warning: RCPT from unknown[{bot}]", self.mail_log())
