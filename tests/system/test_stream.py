"""A fleet on loopback: a judge that sees nothing itself, a real host's log and a decoy's serve that send
what they saw through a real nats-server, and each of them killed in turn."""

import base64
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tarfile
import tempfile
import unittest

from lab import packages
from lab.case import program
from lab.net import ROOT
from loopback import DOMAIN, Bench, deliver, free_port, wait_for

MAIL, FAKE1 = f"mail.{DOMAIN}", f"fake1.{DOMAIN}"


def nkey(folder):
    """A user of NATS: (seed, public key), as its tools write them: base32 of a prefix, 32 bytes and a CRC-16."""
    def encode(data):
        crc = 0
        for byte in data:
            crc ^= byte << 8
            for _ in range(8):
                crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xffff
        return base64.b32encode(data + crc.to_bytes(2, "little")).decode().rstrip("=")
    key = folder / "user.der"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-outform", "DER", "-out", key], check=True)
    public = subprocess.run(["openssl", "pkey", "-inform", "DER", "-in", key, "-pubout", "-outform", "DER"], check=True,
                            capture_output=True).stdout[-32:]
    seed, user = 18 << 3, 20 << 3
    return encode(bytes([seed | user >> 5, (user & 31) << 3]) + key.read_bytes()[-32:]), encode(bytes([user]) + public)


class Nats:
    """A nats-server with JetStream, unpacked from its package."""

    def __init__(self, configuration=""):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="fmx-nats-"))
        with tarfile.open(packages.tree("nats")) as tree:
            binary, = (m for m in tree if m.name.endswith("/nats-server") and m.isfile())
            binary.name = "nats-server"
            tree.extract(binary, self.folder)
        self.port = free_port("127.0.0.1")
        self.url = f"nats://127.0.0.1:{self.port}"
        self.process = None
        self.argv = []
        if configuration:
            (self.folder / "nats.conf").write_text(configuration)
            self.argv = ["-c", self.folder / "nats.conf"]

    def start(self):
        with open(self.folder / "log", "a") as log:
            self.process = subprocess.Popen(
                [self.folder / "nats-server", "-js", "-sd", self.folder / "js", "-a", "127.0.0.1", "-p", str(self.port), *self.argv],
                stdout=log, stderr=log)
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()


class Feed:
    """fakemx feed, to the stream."""

    def __init__(self, nats, *argv):
        self.argv = [program("fakemx"), *argv, "--to", nats.url]
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        start_new_session=True)
        return self

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)  # what it started, too
        self.process.wait()


class Fleet(unittest.TestCase):
    limit_seconds = 180

    @classmethod
    def setUpClass(cls):
        cls.nats = Nats().start()
        cls.addClassCleanup(lambda: cls.nats.kill())
        for _ in range(2):  # it may be there already
            wait_for("the stream is made", lambda: "1 replica" in subprocess.run(
                [program("fakemx"), "feed", "--setup", "--to", cls.nats.url], capture_output=True, text=True, timeout=30).stdout)
        cls.judge, cls.decoy = Bench("judge"), Bench("decoy")
        cls.addClassCleanup(cls.judge.close)
        cls.addClassCleanup(cls.decoy.close)
        site = cls.judge.site(low="").replace(f'"{cls.judge.real.log}"', "stream")
        site = site.replace("posture = defer", "posture = defer watch = stream")
        site += f'stream {{ servers = {{ "{cls.nats.url}" }} }}\n'
        cls.judge.write(site)
        cls.decoy.write(site, here=FAKE1)  # one file for all machines, but for that line
        cls.judge.start()
        cls.decoy.start()
        cls.log = Feed(cls.nats, "feed", "--host", MAIL, "--maillog", str(cls.judge.real.log))
        cls.knocks = Feed(cls.nats, "--lab", "-c", str(cls.decoy.conf), "feed", "--host", FAKE1)
        cls.addClassCleanup(lambda: cls.log.kill())
        cls.addClassCleanup(lambda: cls.knocks.kill())
        cls.made, cls.next = {}, 0
        # A host is judged once it has been watched and well for a while.
        wait_for("both are watched", lambda: cls.watched() == {MAIL, FAKE1}, 40)

    @classmethod
    def watched(cls):
        cls.judge.catch_up()
        rows = cls.judge.rows("SELECT DISTINCT name FROM span s JOIN host h ON h.id = s.host WHERE s.kind = 1")
        return {r["name"] for r in rows}

    def visit(self, host, count=1):
        """count visits of a new client."""
        type(self).next += 1
        client = f"127.77.{self.next}.1"
        for _ in range(count):
            deliver(self.judge.mail if host == MAIL else self.judge.fake1, client)
        self.made[host, client] = count
        return client

    def told(self):
        counts = {}
        for v in self.judge.visits():
            if v["address"].startswith("127.77."):
                counts[v["host"], v["address"]] = counts.get((v["host"], v["address"]), 0) + 1
        return counts

    def assert_exact(self):
        wait_for("every visit is told", lambda: sum(self.told().values()) >= sum(self.made.values()), 40)
        self.judge.catch_up()
        self.assertEqual(self.told(), self.made)

    def test_1_what_two_machines_saw_is_judged_on_a_third(self):
        good, bot = self.visit(MAIL), self.visit(FAKE1)
        self.assert_exact()
        self.judge.wait_log(rf"verdict address={bot} .*order=backdoor", 40)
        self.judge.wait_log(rf"gap host={MAIL}|verdict address={bot}")
        self.assertNotIn(f"address={good} order=backdoor", self.judge.text())
        sources = {v["host"]: v["source"] for v in self.judge.visits() if v["address"] in (good, bot)}
        self.assertEqual(sources, {MAIL: "feed", FAKE1: "feed"})
        # The judge has no socket at the decoy's address: the other serve is the decoy.
        self.assertNotIn(bot, self.judge.text().split("verdict")[0])
        self.assertEqual({v["host"] for v in self.decoy.visits()}, {FAKE1})

    def test_2_each_is_killed_in_turn_and_no_visit_is_lost_or_doubled(self):
        def judge():
            self.judge.process.kill()
            self.judge.process.wait()

        def again(what):
            what.kill()
            return what.start
        for kill in (lambda: again(self.log), lambda: again(self.knocks), lambda: again(self.nats),
                     lambda: (judge(), self.judge.start)[1],
                     lambda: (self.judge.process.kill(), self.judge.process.wait(), self.nats.kill(),
                              lambda: (self.nats.start(), self.judge.start()))[3]):
            self.visit(MAIL, 2)
            self.visit(FAKE1)
            start = kill()
            self.visit(MAIL, 2)
            self.visit(FAKE1, 2)
            start()
            self.visit(MAIL)
            self.visit(FAKE1)
            self.assert_exact()
        self.assertEqual([line for line in self.judge.text().splitlines() if " gap host=" in line], [])

    def test_3_a_decoy_that_is_down_is_a_gap_and_nobody_is_accused_by_it(self):
        before = len(self.judge.text())
        self.decoy.stop(signal.SIGKILL)
        wait_for("a moment", lambda: self.visit(MAIL))
        self.decoy.start()
        wait_for("the gap is told", lambda: f"gap host={FAKE1}" in self.judge.text()[before:], 40)
        self.assert_exact()

    def test_5_the_configuration_of_the_page_is_one(self):
        text = (ROOT / "docs/fleet.md").read_text().split("```fakemx.conf\n")[1].split("```")[0]
        conf = self.judge.folder / "page.conf"
        text = "lab = true\n" + text.replace("/var/lib/fakemx", str(self.judge.folder))
        for first, code, words in (("", 0, f"{conf} is good"), ('here = "fake1.mx.example.com"\n', 0, "198.51.100.30")):
            conf.write_text(first + text)
            done, said = self.judge.run("-c", conf, "--check-config")
            self.assertIn(words, said)
            self.assertEqual(done, code)

    def test_4_what_is_wrong_is_said(self):
        done = subprocess.run([program("fakemx"), "feed", "--setup", "--to", "unix:/x"], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr.splitlines()[0]),
                         (64, "fakemx: --setup makes a stream: --to nats://SERVER"))
        done = subprocess.run([program("fakemx"), "feed", "--setup", "--to", f"nats://127.0.0.1:{free_port('127.0.0.1')}"],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("no nats-server answers there", done.stderr)
        conf = self.judge.folder / "bad.conf"
        text = self.judge.conf.read_text()
        for bad, words in ((text[:text.index("stream {")], "has no stream section"),
                           (text.replace(self.nats.url, "http://x"), "nats://mx1.example.com:4222, not 'http://x'"),
                           (f'here = "mx9"\n{text}', "is the name of no host"),
                           (text.replace("watch = stream }\n}", "watch = journal }\n}"), "another machine is the decoy")):
            conf.write_text(bad)
            code, said = self.judge.run("-c", conf, "--check-config")
            self.assertEqual(code, 64, said)
            self.assertIn(words, said)
        standby, listed = self.judge.folder / "standby.conf", self.judge.folder / "listed"
        for active, words in (("false", "is a standby"), ("true", "mode = observe")):
            standby.write_text(f'active = {active}\n{text}publish "x" {{ format = plain file = "{listed}" }}\n')
            done = subprocess.run([program("fakemx"), "-c", standby, "publish"], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(words, done.stderr)
            self.assertEqual(listed.exists(), active == "true")
        self.assertTrue(json.loads(subprocess.run(
            [program("fakemx"), "-c", self.judge.conf, "--json", "journal", "verify"], check=True, capture_output=True,
            text=True).stdout))


class Secured(unittest.TestCase):
    """A stream over TLS, for one user, who has an nkey."""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="fmx-nkey-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.ca, key = cls.folder / "ca.pem", cls.folder / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cls.ca], check=True,
                       capture_output=True)
        seed, public = nkey(cls.folder)
        cls.seed, cls.stranger = cls.folder / "seed", cls.folder / "stranger"
        cls.seed.write_text(seed + "\n")
        cls.stranger.write_text(nkey(cls.folder)[0] + "\n")
        cls.nats = Nats(f'tls {{ cert_file: "{cls.ca}", key_file: "{key}" }}\nauthorization {{ users = [ {{ nkey: {public} }} ] }}\n')
        cls.nats.start()
        cls.addClassCleanup(lambda: cls.nats.kill())
        cls.url = cls.nats.url.replace("nats://", "tls://")

    def set_up(self, *options):
        return subprocess.run([program("fakemx"), "feed", "--setup", "--to", self.url, *map(str, options)],
                              capture_output=True, text=True, timeout=20)

    def test_only_who_has_the_key_and_trusts_the_server_is_connected(self):
        wait_for("the server", lambda: self.set_up("--ca", self.ca, "--credentials", self.seed).returncode == 0, 20)
        for options, words in ((["--ca", self.ca], "violation"),
                               (["--ca", self.ca, "--credentials", self.stranger], "violation"),
                               (["--credentials", self.seed], "SSL"),
                               (["--ca", self.folder / "none.pem", "--credentials", self.seed], "none.pem"),
                               (["--ca", self.ca, "--credentials", self.folder / "none"], "none")):
            done = self.set_up(*options)
            self.assertEqual(done.returncode, 1, options)
            self.assertIn(words.lower(), done.stderr.lower())

    def test_lines_pass(self):
        wait_for("the server", lambda: self.set_up("--ca", self.ca, "--credentials", self.seed).returncode == 0, 20)
        way = ["--servers", self.url, "--ca", self.ca, "--credentials", self.seed]
        line = '{"watermark": "2026-11-30T10:00:00Z", "host": "mx1.example.com"}'
        subprocess.run([program("fakemx-stream"), "send", "--subject", "fakemx.mx1.example.com", *way], input=line + "\n",
                       text=True, check=True, timeout=20)
        with subprocess.Popen([program("fakemx-stream"), "take", "--durable", "test", *way], stdout=subprocess.PIPE,
                              text=True) as take:
            self.assertIn(line[1:], take.stdout.readline())
            take.kill()
