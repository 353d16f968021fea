"""The policy service with real Postfix, set up as docs/policy.md says, word for word: a header once a
message, nothing said in doubt, and mail that goes on while serve is dead or hangs."""

import contextlib
import pathlib
import re
import signal
import socket
import threading
import time
import unittest

from lab import conf, net
from lab.case import NAME_SERVER, RESOLVER, LabCase
from lab.client import Client, deliver
from lab.programs import Knot, PostfixMx, PostfixSender, Unbound
from lab.serve import Serve
from lab.site import DOMAIN, FAKE0, FAKE1
from loopback import Bench, free_port

MAIL = "30.0.0.25"
ROOT = pathlib.Path(__file__).resolve().parents[2]


def recipe(kind):
    """What stands in the block of docs/policy.md that is called so."""
    found = re.findall(rf"^```{re.escape(kind)}\n(.*?)^```", (ROOT / "docs" / "policy.md").read_text(), re.M | re.S)
    assert len(found) == 1, f"docs/policy.md has {len(found)} blocks called {kind}"
    return found[0]


class OnNetwork:
    """A host as a program of the machine sees it that shares network and processes with it, but not
    its files: serve beside the real Postfix, without being inside its chroot."""

    def __init__(self, host):
        self._host = host

    def __getattr__(self, name):
        return getattr(self._host, name)

    def command(self, argv, uid=None, net_only=False):
        return ["nsenter", f"--target={self._host.pid}", "--net", "--pid", "--"] + [str(a) for a in argv]

    def spawn(self, *args, **kwargs):
        return net.Host.spawn(self, *args, **kwargs)

    def run(self, *args, **kwargs):
        return net.Host.run(self, *args, **kwargs)


class PolicyCase(LabCase):
    """One machine: Postfix at the site's only real host, serve with both decoys beside it."""
    main_cf, fakemx_conf = "main.cf", "fakemx.conf"

    @classmethod
    def build(cls):
        cls.knot = Knot(cls.net, "ns", [NAME_SERVER])
        cls.unbound = Unbound(cls.net, "resolver", [RESOLVER], NAME_SERVER)
        cls.mail = PostfixMx(cls.net, "mail", [MAIL], f"mail.{DOMAIN}", [DOMAIN], with_syslog=True)
        for address in (FAKE0, FAKE1):
            cls.mail.host.add_address(address)
        cls.mail.set(inet_interfaces=MAIL)
        cls.crowd = cls.net.host("crowd", [])
        cls.knot.load(DOMAIN, ["@ MX 0 fake0", "@ MX 10 mail", "@ MX 30 fake1", f"fake0 A {FAKE0}", f"mail A {MAIL}",
                               f"fake1 A {FAKE1}"])
        for program in (cls.knot, cls.unbound, cls.mail):
            program.start()
        cls.prepare()
        cls.serve = Serve(OnNetwork(cls.mail.host), cls.config()).start()
        cls.serve.catch_up()
        cls.serve.jump(3600)  # the real host is watched and well, and was so for an hour
        cls.mail.host.script("cat >> /etc/postfix/main.cf <<'END'\n" + recipe(cls.main_cf) + "END\npostfix reload")
        cls._count = 0

    @classmethod
    def prepare(cls):
        """What else the recipe asks for."""

    @classmethod
    def config(cls, watch=True, **options):
        options = {"grace": "0", "probe_interval": "2s", "confirm": "1s", **options}
        watched = f'watch = "{cls.mail.log}"' if watch else ""
        return (conf.keys(options) + cls.policy_line() +
                f'site "lab" {{\n  layout = both\n  domains = {{ "{DOMAIN}" }}\n'
                f'  host "mail.{DOMAIN}" {{ preference = 10 address = {{ "{MAIL}" }} {watched} }}\n'
                f'  decoy "fake0.{DOMAIN}" {{ preference = 0 address = {{ "{FAKE0}" }} posture = reset }}\n'
                f'  decoy "fake1.{DOMAIN}" {{ preference = 30 address = {{ "{FAKE1}" }} posture = defer }}\n}}\n')

    @classmethod
    def policy_line(cls):
        return recipe(cls.fakemx_conf)

    @classmethod
    def somebody(cls):
        """A client address of its own, a /24 apart."""
        cls._count += 1
        address = f"30.{9 + cls._count // 250}.{cls._count % 250}.1"
        cls.crowd.add_address(address)
        return address

    def knock(self, source):
        """As a sender that begins with the best MX."""
        return deliver(self.crowd, source, FAKE0, f"x@{DOMAIN}")

    def send(self, source, recipients, client=None, header=""):
        """One message; the replies to RCPT, and the last."""
        own = client is None
        c = client or self.connect(source)
        c.command(f"MAIL FROM:<me@{source.replace('.', '-')}.example>")
        replies = [c.command(f"RCPT TO:<{r}@{DOMAIN}>") for r in recipients]
        if any(r.startswith("2") for r in replies):
            self.assertTrue(c.command("DATA").startswith("354"))
            replies.append(c.command(f"{header}Subject: {recipients[0]}\r\n\r\ntext\r\n."))
        else:
            c.command("RSET")
        if own:
            c.command("QUIT")
            c.close()
        return replies

    def connect(self, source):
        c = Client(self.crowd, source, MAIL)
        self.assertTrue(c.reply().startswith("220"))
        self.assertTrue(c.command("EHLO out.example").startswith("250"))
        return c

    def stored(self, recipient):
        """The messages that were stored for a recipient."""
        def find():
            texts = [p.read_text(errors="replace") for p in (self.mail.host.folder / "store" / "new").glob("*")]
            return [t for t in texts if f"X-Original-To: {recipient}@" in t]
        net.wait_for(f"a message for {recipient}", find, 20)
        return find()

    def assert_headers(self, recipient, pattern, count=1):
        """Exactly one header that fits, above our own Received; pattern None: none at all."""
        texts = self.stored(recipient)
        self.assertEqual(count, len(texts))
        for text in texts:
            ours = text.split("\nReceived:", 1)[0]
            found = re.findall(r"^X-FakeMX: (.*)$", ours, re.M)
            if pattern is None:
                self.assertEqual([], found)
            else:
                self.assertEqual(1, len(found), text)
                self.assertRegex(found[0], f"^{pattern}$")

    def mail_log(self):
        return self.mail.log.read_text(errors="replace")


class Policy(PolicyCase):
    """By TCP."""

    @classmethod
    def config(cls, **options):
        return super().config(**{"mode": "enforce", **options})

    def test_01_the_manual_says_the_same_as_the_recipe(self):
        manual = (ROOT / "man" / "fakemx.conf.5.scd").read_text()
        self.assertIn(recipe("main.cf"), manual)
        self.assertIn(recipe("fakemx.conf"), manual)

    def test_02_a_sender_in_order_gets_the_header_with_its_delay(self):
        source = self.somebody()
        self.assertEqual("reset", self.knock(source)[-1])
        self.assertEqual(["250"] * 2, [r[:3] for r in self.send(source, ["in-order"])])
        self.assert_headers("in-order", r"order=straight delay=[0-4]\.\d\d")

    def test_03_two_recipients_of_a_message_get_one_header_each_message_its_own(self):
        source = self.somebody()
        self.knock(source)
        with self.connect(source) as client:
            self.send(source, ["both-a", "both-b", "both-c"], client)
            self.send(source, ["next-a", "next-b"], client)
            client.command("QUIT")
        for recipient in ("both-a", "both-b", "both-c", "next-a", "next-b"):
            self.assert_headers(recipient, r"order=straight delay=[0-4]\.\d\d")

    def test_04_of_a_sender_that_is_new_nothing_is_said(self):
        source = self.somebody()
        self.send(source, ["new"])
        self.assert_headers("new", None)

    def test_05_one_that_left_out_the_low_decoy_is_told_when_that_is_known(self):
        source = self.somebody()
        self.send(source, ["skips-a"])
        self.serve.catch_up()
        time.sleep(1.5)
        self.serve.catch_up()
        net.wait_for("its order is known", lambda: "skipped" in [
            w["order"] for w in self.serve.json("explain", source)["walks"]], 20, 0.3)
        self.send(source, ["skips-b"])
        self.assert_headers("skips-b", "order=skipped")

    def test_06_who_was_at_the_high_decoy_is_not_told_of(self):
        source = self.somebody()
        self.knock(source)
        deliver(self.crowd, source, FAKE1, f"x@{DOMAIN}")
        self.send(source, ["high"])
        self.assert_headers("high", None)

    def test_07_a_forged_header_stands_below_our_received_line(self):
        source = self.somebody()
        self.send(source, ["forged"], header="X-FakeMX: order=straight delay=0.00\r\n")
        self.assert_headers("forged", None)
        self.assertIn("X-FakeMX: order=straight delay=0.00", self.stored("forged")[0])

    def test_08_real_postfix_as_the_sender(self):
        sender = PostfixSender(self.net, "postfix", ["30.0.7.10"], "out.postfix.example")
        self.knot.load_root()
        sender.start()
        ids = sender.submit(DOMAIN, 5)
        sender.wait_until_sent(ids)
        for i in ids:
            self.assert_headers(i, r"order=straight( delay=[0-4]\.\d\d)?")

    def test_09_a_listed_sender_is_put_off_only_when_asked_for(self):
        source, first = self.somebody(), self.somebody()
        for _ in range(2):
            for bot in (source, first):
                deliver(self.crowd, bot, FAKE1, f"x@{DOMAIN}")
            self.serve.jump(3 * 3600)
        net.wait_for("it is listed", lambda: {source, first} <= set(self.serve.fakemx("list").stdout.split()), 30, 0.5)
        self.assertEqual(["250"] * 2, [r[:3] for r in self.send(first, ["listed-a"])])
        self.serve.configure(self.config(policy_defer="true"))
        began = len(self.serve.text())
        self.serve.reload()
        net.wait_for("reloaded", lambda: "reloaded sites" in self.serve.text()[began:], 20)
        replies = self.send(source, ["listed-b", "listed-c"])
        for reply in replies:
            self.assertRegex(reply, r"^450 4\.7\.1 .*This address came to a fake MX of the domain .* until 20\d\d-")
        other = self.somebody()
        self.knock(other)
        self.assertEqual(["250"] * 2, [r[:3] for r in self.send(other, ["not-listed"])])
        self.assert_headers("not-listed", r"order=straight delay=.*")

    def _send_many(self, count, replies):
        source = self.somebody()
        with self.connect(source) as client:
            for n in range(count):
                replies.append((f"many-{n}", self.send(source, [f"many-{n}"], client)))
            client.command("QUIT")

    def test_10_killing_serve_in_the_middle_defers_no_mail(self):
        replies = []
        load = threading.Thread(target=self._send_many, args=(60, replies))
        load.start()
        net.wait_for("a third is sent", lambda: len(replies) >= 20, 30)
        self.serve.kill()
        load.join(60)
        self.assertEqual(60, len(replies))
        self.assertEqual([], [r for r in replies if any(not x.startswith("250") for x in r[1])])
        source = self.somebody()
        began = time.monotonic()
        self.send(source, ["serve-is-dead"])  # over a new connection too
        self.assertLess(time.monotonic() - began, 2)
        for recipient, _ in replies:
            self.assertEqual(1, len(self.stored(recipient)))
        self.assert_headers("serve-is-dead", None)
        self.assertRegex(self.mail_log(), "problem talking to server 127.0.0.1:10030")
        self.serve.start()
        self.serve.catch_up()
        source = self.somebody()  # what was seen of the other has a gap
        self.knock(source)
        self.send(source, ["back-again"])
        self.assert_headers("back-again", "order=.*")

    def test_11_a_serve_that_hangs_costs_the_time_out_and_no_mail(self):
        source = self.somebody()
        self.serve.daemon.signal(signal.SIGSTOP)
        try:
            with self.connect(source) as client:
                client.command("MAIL FROM:<me@good.example>")
                began = time.monotonic()
                reply = client.command(f"RCPT TO:<hangs@{DOMAIN}>")
                took = time.monotonic() - began
                self.assertTrue(reply.startswith("250"), reply)
                self.assertGreater(took, 1.5, "was it asked at all?")
                self.assertLess(took, 3)
                client.command("RSET")
        finally:
            self.serve.daemon.signal(signal.SIGCONT)
        self.send(source, ["goes-on"])
        self.assertEqual(1, len(self.stored("goes-on")))


class PolicyByUnixSocket(PolicyCase):
    """By a unix socket inside the chroot of Debian's smtpd; the real host has no log."""
    main_cf, fakemx_conf = "main.cf unix", "fakemx.conf unix"

    @classmethod
    def prepare(cls):
        # Serve sees the folder from outside; the files of a process that it may not trace it does not.
        cls.mail.host.script("useradd --system _fakemx 2>/dev/null || :\n" + recipe("setup") +
                             "\ncp -a /var/spool/postfix/fakemx /var/log/p\n"
                             "mount --bind /var/log/p /var/spool/postfix/fakemx\n")
        user = cls.mail.host.run(["id", "-u", "_fakemx"]).stdout.strip()
        assert user.isdigit(), user

    @classmethod
    def config(cls, **options):
        return super().config(**{"watch": False, **options})

    @classmethod
    def policy_line(cls):
        return recipe(cls.fakemx_conf).replace("/var/spool/postfix/fakemx", f"{cls.mail.host.folder}/p")

    def test_1_smtpd_is_chrooted(self):
        self.assertIn("= y", self.mail.host.run(["postconf", "-F", "smtp/inet/chroot"]).stdout)

    def test_2_each_connection_is_one_visit(self):
        a, b = self.somebody(), self.somebody()
        with self.connect(a) as client:
            self.send(a, ["one", "two"], client)
            self.send(a, ["three"], client)
            client.command("QUIT")
        self.send(b, ["four"])
        self.send(b, ["five"])
        self.serve.catch_up()
        visits = [v for v in self.serve.json_lines("visits") if v["source"] == "policy"]
        self.assertEqual([a, b, b], [v["address"] for v in visits])
        for v in visits:
            self.assertEqual((f"mail.{DOMAIN}", "real", "rcpt", None), (v["host"], v["role"], v["depth"], v["outcome"]))
            self.assertEqual(DOMAIN, v["recipient_domain"])
            self.assertEqual("out.example", v["helo"])

    def test_3_the_site_stays_not_measurable_and_no_header_is_given(self):
        source = self.somebody()
        self.knock(source)
        self.send(source, ["unmeasured"])
        self.assert_headers("unmeasured", None)
        self.serve.catch_up()
        self.assertFalse(self.serve.json("report")["sites"][0]["measurable"])
        seen = [v for v in self.serve.json_lines("visits") if (v["address"], v["source"]) == (source, "policy")]
        self.assertEqual(1, len(seen))

    def test_4_a_killed_serve_is_followed_by_another_at_the_same_socket(self):
        self.serve.kill()
        source = self.somebody()
        self.send(source, ["meanwhile"])
        self.assertEqual(1, len(self.stored("meanwhile")))
        self.serve.start()
        net.wait_for("Postfix asks again", lambda: self._asks(self.somebody()), 20, 0.5)

    def _asks(self, source):
        self.send(source, [f"again-{source.split('.')[2]}"])
        self.serve.catch_up()
        return any(v["address"] == source for v in self.serve.json_lines("visits"))

    def test_5_another_serve_does_not_take_the_socket_away(self):
        other = Serve(OnNetwork(self.mail.host), self.policy_line() + 'site "x" { layout = none domains = { "x.example" } '
                      f'host "mail.x.example" {{ preference = 10 address = {{ "{MAIL}" }} }} }}\n', "other")
        other.conf.write_text("lab = true\n" + other.conf.read_text())
        other.start(wait=False)
        self.assertEqual(1, other.daemon.wait())
        self.assertIn("another program listens there", other.text())
        self.assertTrue(self.serve.daemon.alive())


QUESTION = ("request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address={client}\nclient_port=4000\n"
            "server_address={server}\nrecipient=x@shop.example\ninstance=1.{nth}.0\n\n")


class PolicyOnLoopback(unittest.TestCase):
    """Listeners, reload and stop, without Postfix."""

    def setUp(self):
        self.bench = Bench("policy")
        self.addCleanup(self.bench.close)
        self.port, self.path = free_port("127.0.0.1"), self.bench.state / "p.sock"  # where serve may write
        self.tcp, self.unix = f'"127.0.0.1@{self.port}"', f'"{self.path}"'
        self.nth = 0

    def connect(self, at):
        family = socket.AF_UNIX if at is self.path else socket.AF_INET
        s = socket.socket(family)
        s.settimeout(5)
        self.addCleanup(s.close)
        s.connect(str(at) if at is self.path else at)
        return s

    def ask(self, s, client="127.9.9.1"):
        self.nth += 1
        s.sendall(QUESTION.format(client=client, server=self.bench.mail[0], nth=self.nth).encode())
        return s.recv(4096).decode()

    def reload(self, want):
        before = len(self.bench.text())
        self.bench.process.send_signal(signal.SIGHUP)
        net.wait_for(want, lambda: want in self.bench.text()[before:], 10)

    def test_1_a_reload_changes_the_listeners_or_nothing(self):
        self.bench.write(policy=f"{{ {self.tcp} }}")
        self.bench.start()
        first = self.connect(("127.0.0.1", self.port))
        self.assertEqual("action=DUNNO\n\n", self.ask(first))
        self.bench.write(policy=f"{{ {self.tcp}, {self.unix} }}")
        self.reload("reloaded sites")
        self.assertEqual("action=DUNNO\n\n", self.ask(first))
        second = self.connect(self.path)
        self.assertEqual("action=DUNNO\n\n", self.ask(second))
        with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
            self.bench.write(policy=f'{{ "127.0.0.1@{taken.getsockname()[1]}" }}')
            self.reload("reload-refused")
        self.assertIn("is in use by another program", self.bench.text())
        self.bench.write(policy=f'"{self.bench.folder}/elsewhere.sock"')  # not there when serve gave rights away
        self.reload("reload-refused")
        self.assertRegex(self.bench.text(), "may not write in [^ ]*; restart it")
        for s in (first, second):
            self.assertEqual("action=DUNNO\n\n", self.ask(s))
        self.bench.write(policy=f"{{ {self.unix} }}")
        self.reload("reloaded sites")
        self.assertEqual(b"", first.recv(1))
        with self.assertRaises(ConnectionRefusedError):
            self.connect(("127.0.0.1", self.port))
        self.assertEqual("action=DUNNO\n\n", self.ask(second))

    def test_2_a_stop_closes_at_once_and_takes_the_socket_along(self):
        self.bench.write(policy=f"{{ {self.unix} }}")
        self.bench.start()
        s = self.connect(self.path)
        self.assertEqual("action=DUNNO\n\n", self.ask(s))
        s.sendall(b"request=smtpd_acc")
        began = time.monotonic()
        self.assertEqual(0, self.bench.stop())
        self.assertLess(time.monotonic() - began, 5)
        self.assertEqual(b"", s.recv(1))
        self.assertFalse(self.path.exists())

    def test_3_what_is_no_question_harms_nobody(self):
        self.bench.write(policy=f"{{ {self.unix} }}")
        self.bench.start()
        good = self.connect(self.path)
        for rubbish in (b"GET / HTTP/1.0\r\n\r\n", bytes(range(256)) * 64, b"\n" * 100, b"a=" + b"b" * 10000):
            s = self.connect(self.path)
            s.sendall(rubbish)
            with contextlib.suppress(ConnectionResetError):
                self.assertEqual(b"", s.recv(1))
        self.assertEqual("action=DUNNO\n\n", self.ask(good))
        crowd = [self.connect(self.path) for _ in range(1100)]
        self.assertEqual("action=DUNNO\n\n", self.ask(crowd[-1]))  # nobody is locked out
        with contextlib.suppress(ConnectionResetError):
            self.assertEqual(b"", crowd[0].recv(1))  # who was idle for longest made room
        self.assertEqual("action=DUNNO\n\n", self.ask(self.connect(self.path)))

    def test_4_it_is_not_for_the_internet(self):
        self.bench.write(policy='{ "0.0.0.0@10030" }')
        status, text = self.bench.refused("--check-config")
        self.assertEqual(64, status)
        self.assertIn("neither loopback nor private", text)
