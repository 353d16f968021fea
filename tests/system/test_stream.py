"""A fleet on loopback: a judge that sees nothing itself, a real host's log and a decoy's serve that send
what they saw through a real nats-server, and each of them killed in turn."""

import base64
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
import unittest

from lab import packages
from lab.case import program
from lab.readme import fenced
from loopback import DOMAIN, Bench, deliver, free_port, wait_for

MAIL, FAKE1 = f"mail.{DOMAIN}", f"fake1.{DOMAIN}"


class Key:
    """Of NATS, as its tools write them: base32 of a prefix, 32 bytes of Ed25519 and a CRC-16."""

    OPERATOR, ACCOUNT, USER = 14 << 3, 0, 20 << 3

    def __init__(self, folder, kind=USER):
        fd, self.der = tempfile.mkstemp(dir=folder)
        os.close(fd)
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-outform", "DER", "-out", self.der], check=True)
        public = subprocess.run(["openssl", "pkey", "-inform", "DER", "-in", self.der, "-pubout", "-outform", "DER"], check=True,
                                capture_output=True).stdout[-32:]
        prefix = 18 << 3 | kind >> 5, (kind & 31) << 3
        self.seed = self.encode(bytes(prefix) + pathlib.Path(self.der).read_bytes()[-32:])
        self.public = self.encode(bytes([kind]) + public)

    @staticmethod
    def encode(data):
        crc = 0
        for byte in data:
            crc ^= byte << 8
            for _ in range(8):
                crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xffff
        return base64.b32encode(data + crc.to_bytes(2, "little")).decode().rstrip("=")

    def token(self, of, kind, **more):
        """What this key says of another: a JWT."""
        claims = {"iat": int(time.time()), "iss": self.public, "sub": of.public, "name": kind, "jti": of.public,
                  "nats": {"type": kind, "version": 2, **more}}
        text = ".".join(self.text(json.dumps(part).encode()) for part in ({"typ": "JWT", "alg": "ed25519-nkey"}, claims))
        with tempfile.NamedTemporaryFile() as f:
            f.write(text.encode())
            f.flush()
            signature = subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-keyform", "DER", "-inkey", self.der, "-in", f.name],
                                       check=True, capture_output=True).stdout
        return f"{text}.{self.text(signature)}"

    @staticmethod
    def text(data):
        return base64.urlsafe_b64encode(data).decode().rstrip("=")


class Nats:
    """A nats-server with JetStream, unpacked from its package; with more of a configuration, or by a whole one that is a file."""

    def __init__(self, configuration=""):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="fmx-nats-"))
        with tarfile.open(packages.tree("nats")) as tree:
            binary, = (m for m in tree if m.name.endswith("/nats-server") and m.isfile())
            binary.name = "nats-server"
            tree.extract(binary, self.folder)
        self.port = free_port("127.0.0.1")
        self.url = f"nats://127.0.0.1:{self.port}"
        self.process = None
        self.argv = ["-js", "-sd", self.folder / "js", "-a", "127.0.0.1", "-p", str(self.port)]
        if isinstance(configuration, pathlib.Path):
            self.argv = ["-c", configuration]
        elif configuration:
            (self.folder / "nats.conf").write_text(configuration)
            self.argv += ["-c", self.folder / "nats.conf"]

    def start(self):
        with open(self.folder / "log", "a") as log:
            self.process = subprocess.Popen([self.folder / "nats-server", *self.argv], stdout=log, stderr=log)
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()


class Feed:
    """fakemx feed, to the stream."""

    def __init__(self, nats, *argv):
        self.argv = [program("fakemx"), *argv, *(["--to", nats.url] if nats else [])]
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

    def test_2b_two_visits_of_one_second_with_a_kill_between_them_are_two(self):
        def log(process):
            with open(self.judge.real.log, "a") as f:
                for text in (f"connect from unknown[{client}]", f"disconnect from unknown[{client}] ehlo=1 quit=1 commands=2"):
                    f.write(f"{second} mail postfix/smtpd[{process}]: {text}\n")
        def kill_judge():
            self.judge.process.kill()
            self.judge.process.wait()
        type(self).next += 1
        client = f"127.77.{self.next}.1"
        for kill, start in 2 * [(self.log.kill, self.log.start), (kill_judge, self.judge.start)]:
            second = time.strftime("%b %e %H:%M:%S")
            log(801)
            self.made[MAIL, client] = self.made.get((MAIL, client), 0) + 1
            # And the judge's watermark has not passed the second yet.
            wait_for("the first", lambda: self.told().get((MAIL, client)) == self.made[MAIL, client])
            kill()
            log(802)
            self.made[MAIL, client] += 1
            start()
            self.assert_exact()

    def lines(self, *options):
        """What the stream has, as serve reads it."""
        argv = ["timeout", "3", program("fakemx-stream"), "take", "--servers", self.nats.url, "--durable", "test", *options]
        return [json.loads(line) for line in subprocess.run(argv, capture_output=True, text=True).stdout.splitlines()]

    def test_2c_a_stream_that_lost_its_end_and_has_grown_again_is_noticed(self):
        store, before = self.nats.folder / "js", self.nats.folder / "before"
        self.nats.kill()
        shutil.copytree(store, before)
        self.nats.start()
        for _ in range(5):
            self.visit(MAIL)
        self.assert_exact()
        self.judge.stop()
        self.nats.kill()  # as by a power cut: what was acknowledged is not on the disk
        shutil.rmtree(store)
        before.rename(store)
        self.nats.start()
        place, = self.judge.rows("SELECT position FROM source WHERE name = 'stream'")
        wait_for("it has grown", lambda: deliver(self.judge.mail, "127.78.1.1") and
                 self.lines()[-1]["sequence"] > int(place["position"].split(":")[0]), 60)
        self.judge.start()
        self.judge.wait_log("the stream was made anew, or lost its end")
        self.judge.wait_log(rf"gap host={MAIL} .*nobody is judged by that time")
        self.visit(MAIL)
        self.visit(FAKE1)
        self.assert_exact()

    def test_2d_lines_of_other_subjects_are_not_missing(self):
        lines = self.lines("--subject", f"fakemx.{MAIL}")
        self.assertEqual({line["host"] for line in lines}, {MAIL})
        self.assertLess(len(lines), lines[-1]["sequence"] - lines[0]["sequence"] + 1)
        self.assertEqual({line["missing"] for line in lines}, {0})

    def test_2e_a_feed_that_is_killed_leaves_nobody_who_sends_later(self):
        def sender():
            return subprocess.run(["pgrep", "-P", str(feed.process.pid)], capture_output=True, text=True).stdout.strip()
        for nats in (f"nats://127.0.0.1:{free_port('127.0.0.1')}", self.nats.url):
            feed = Feed(None, "feed", "--host", "mx9.example", "--maillog", str(self.judge.real.log), "--to", nats)
            pid = wait_for("it has begun", sender)
            feed.process.kill()
            feed.process.wait()
            wait_for("the other has ended", lambda: not pathlib.Path(f"/proc/{pid}").exists())

    def test_3_a_decoy_that_is_down_is_a_gap_and_nobody_is_accused_by_it(self):
        before = len(self.judge.text())
        self.decoy.stop(signal.SIGKILL)
        wait_for("a moment", lambda: self.visit(MAIL))
        self.decoy.start()
        wait_for("the gap is told", lambda: f"gap host={FAKE1}" in self.judge.text()[before:], 40)
        self.assert_exact()

    def test_4_what_is_wrong_is_said(self):
        done = subprocess.run([program("fakemx"), "feed", "--setup", "--to", "unix:/x"], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr.splitlines()[0]),
                         (64, "fakemx: --setup makes a stream: --to nats://SERVER"))
        done = subprocess.run([program("fakemx"), "feed", "--setup", "--to", f"nats://127.0.0.1:{free_port('127.0.0.1')}"],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("no nats-server answers there", done.stderr)
        log = self.judge.real.log
        for options, words in ((["--replicas", "3"], "this one is alone"), (["--credentials", "/nosuch"], "/nosuch: No such file"),
                               (["--credentials", log], "holds no nkey's seed"),
                               (["--to", self.nats.url.replace("nats:", "tls:")], "write nats:// instead of tls://")):
            to = [] if "--to" in options else ["--to", self.nats.url]
            done = subprocess.run([program("fakemx"), "feed", "--setup", *to, *options], capture_output=True,
                                  text=True, timeout=20)
            self.assertEqual(done.returncode, 1, options)
            self.assertIn(words, done.stderr)
        with subprocess.Popen([program("fakemx"), "feed", "--host", MAIL, "--maillog", log, "--subject", "visits.mail", "--to", self.nats.url],
                              stderr=subprocess.PIPE, text=True, start_new_session=True) as feed:
            self.assertIn("which takes fakemx.>; trying again", feed.stderr.readline())
            os.killpg(feed.pid, signal.SIGKILL)
        # What comes from the stream must not go back there.
        for host, words in ((FAKE1, f'here = "{FAKE1}"'), (MAIL, "--maillog WHERE")):
            done = subprocess.run([program("fakemx"), "-c", self.judge.conf, "feed", "--host", host, "--to", "-"], capture_output=True,
                                  text=True, timeout=20)
            self.assertEqual(done.returncode, 64)
            self.assertIn(words, done.stderr)
        conf = self.judge.folder / "bad.conf"
        conf.write_text(self.judge.conf.read_text().replace("stream { ", 'stream { credentials = "/nosuch" subject = "visits.>" '))
        code, said = self.judge.run("-c", conf, "--check-config")
        self.assertIn("the credentials /nosuch of the section stream cannot be read", said)
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


WITHOUT_NATS = """mkdir -p "$0" && mount -t tmpfs lab "$0" && mkdir "$0/upper" "$0/work" &&
mount -t overlay lab -o "lowerdir=$1,upperdir=$0/upper,workdir=$0/work" "$1" && rm "$1"/libnats.so.* && shift && exec "$@" """


class WithoutLibrary(unittest.TestCase):
    """The package only recommends libnats: where it is not installed, who needs it says which package it is."""

    def test_the_package_is_named(self):
        line = next(x for x in subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, check=True).stdout.splitlines()
                    if "libnats.so" in x)
        libraries = os.path.dirname(os.path.realpath(line.split()[-1]))
        with Bench("without") as bench:
            wrap = ["unshare", "--mount", "sh", "-c", WITHOUT_NATS, bench.folder / "layer", libraries]
            for options in (["--setup"], ["--host", MAIL, "--maillog", bench.real.log]):
                done = subprocess.run([*wrap, program("fakemx"), "feed", *options, "--to", "nats://127.0.0.1:1"], capture_output=True,
                                      text=True, timeout=20)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn("apt install libnats3.4", done.stderr)
            site = bench.site(low="").replace(f'"{bench.real.log}"', "stream")
            bench.write(site + 'stream { servers = { "nats://127.0.0.1:1" } }\n')
            bench.start(wrap=wrap)
            bench.wait_log(rf"trouble host={MAIL} .*apt install libnats3.4")
            bench.stop()
            # A single machine needs nothing of it.
            bench.write(site.replace("watch = stream", f'watch = "{bench.real.log}"'))
            bench.start(wrap=wrap)
            deliver(bench.fake1, "127.77.1.1")
            wait_for("the visit", lambda: bench.visits("127.77.1.1"))
            started = subprocess.run(["ps", "--ppid", str(bench.process.pid), "-o", "args="], capture_output=True, text=True).stdout
            self.assertNotIn("fakemx-stream", started)
            self.assertNotIn("stream", bench.text()[bench.said:])


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
        user = Key(cls.folder)
        cls.seed, cls.stranger = cls.folder / "seed", cls.folder / "stranger"
        cls.seed.write_text(user.seed + "\n")
        cls.stranger.write_text(Key(cls.folder).seed + "\n")
        cls.nats = Nats(f'tls {{ cert_file: "{cls.ca}", key_file: "{key}" }}\nauthorization {{ users = [ {{ nkey: {user.public} }} ] }}\n')
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


class UserFiles(unittest.TestCase):
    """Servers that are run by an operator: each site has an account there, and a user file."""

    LIMITS = {"subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": True, "conn": -1, "leaf": -1,
              "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1}
    NONE = {**LIMITS, "mem_storage": 0, "disk_storage": 0, "streams": 0, "consumer": 0}

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="fmx-creds-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        operator, accounts = Key(cls.folder, Key.OPERATOR), [Key(cls.folder, Key.ACCOUNT) for _ in range(3)]  # the last is the servers' own
        tokens = [operator.token(a, "account", limits=cls.LIMITS if a != accounts[2] else cls.NONE, default_permissions={"pub": {}, "sub": {}}) for a in accounts]
        cls.nats = Nats(f"operator: {operator.token(operator, 'operator')}\nresolver: MEMORY\nsystem_account: {accounts[2].public}\n"
                        f"resolver_preload: {{\n" +
                        "".join(f"  {a.public}: {t}\n" for a, t in zip(accounts, tokens)) + "}\n").start()
        cls.addClassCleanup(lambda: cls.nats.kill())
        cls.sites = []
        for n, account in enumerate(accounts[:2]):
            user = Key(cls.folder)
            token = account.token(user, "user", pub={}, sub={}, subs=-1, data=-1, payload=-1)
            cls.sites.append(cls.folder / f"site{n}.creds")
            cls.sites[n].write_text(f"-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n"
                                    f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n")

    def test_each_site_has_a_stream_of_its_own_in_the_same_servers(self):
        def run(task, site, **more):
            return subprocess.Popen([program("fakemx-stream"), task, "--servers", self.nats.url, "--credentials", self.sites[site], "--subject",
                                     "fakemx.mx1.example.com" if task == "send" else "fakemx.>"], text=True, **more)
        for site in self.sites:
            wait_for("the stream is made", lambda s=site: subprocess.run(
                [program("fakemx"), "feed", "--setup", "--to", self.nats.url, "--credentials", s], capture_output=True,
                timeout=20).returncode == 0)
        for site in range(2):
            with run("send", site, stdin=subprocess.PIPE) as send:
                send.communicate(f'{{"watermark": "2026-11-30T10:00:0{site}Z", "host": "mx1.example.com"}}\n', 20)
            with run("take", site, stdout=subprocess.PIPE) as take:
                self.assertIn(f"10:00:0{site}Z", take.stdout.readline())
                take.kill()
        done = subprocess.run([program("fakemx"), "feed", "--setup", "--to", self.nats.url], capture_output=True, text=True, timeout=20)
        self.assertEqual(done.returncode, 1)
        self.assertIn("--credentials", done.stderr)
        # Or a part of the subjects: what others sent is not missing.
        way = [program("fakemx-stream"), "--servers", self.nats.url, "--credentials", self.sites[0]]
        line = '{"watermark": "2026-11-30T10:00:00Z", "host": "mx1.example.com"}\n'
        for subject in ("fakemx.their.mx1", "fakemx.their.mx2", "fakemx.our.mx1", "fakemx.their.mx1", "fakemx.our.mx1"):
            subprocess.run([*way, "send", "--subject", subject], input=line, text=True, timeout=20, check=True)
        with subprocess.Popen([*way, "take", "--durable", "part", "--subject", "fakemx.our.>"], stdout=subprocess.PIPE, text=True) as take:
            for _ in range(2):
                self.assertEqual(json.loads(take.stdout.readline())["missing"], 0)
            take.kill()


class Page(unittest.TestCase):
    """docs/fleet.md, word for word but for names, addresses and folders: one machine becomes three."""
    limit_seconds = 300
    PAGE = "docs/fleet.md"
    NAMES = ("mx1.example.com", "mx2.example.com", "fake1.mx.example.com")

    @classmethod
    def setUpClass(cls):
        cls.machines = [Bench(name.split(".")[0]) for name in cls.NAMES]
        for m in cls.machines:
            cls.addClassCleanup(m.close)
            # The judges' probes: on machines of their own these come from addresses that the file names.
            m.real.write = lambda text, *at, write=m.real.write: "[127.0.0.1]" in text or write(text, *at)
        mx1, mx2, fake1 = cls.machines
        cls.decoy = fake1.fake1
        cls.folder = mx1.folder
        cls.words = {"/etc/fakemx/stream": f"{cls.folder}/stream", "/etc/nats/": f"{cls.folder}/nats/", "fakemx feed": f"{program('fakemx')} feed",
                     '"192.0.2.25"': mx1.at(mx1.mail), '"192.0.2.26"': mx1.at(mx2.mail), '"198.51.100.30"': mx1.at(cls.decoy)}
        for m, name in zip(cls.machines, cls.NAMES):
            cls.words.update({f"{name}:{port}": f"{m.mail[0]}:{port}" for port in (4222, 6222)})
        cls.made, cls.numbers = {}, iter(range(1, 250))

    @classmethod
    def text(cls, kind, machine=None):
        text = fenced(cls.PAGE, kind)
        for word, ours in cls.words.items():
            text = text.replace(word, ours)
        return text.replace("/var/lib", str(machine.folder)) if machine else text

    @classmethod
    def run_block(cls, kind):
        text = cls.text(kind).replace("chown _fakemx", "true")
        return subprocess.run(["sh", "-ec", text], capture_output=True, text=True, timeout=30)

    @classmethod
    def start_nats(cls, n):
        m = cls.machines[n]
        conf = m.folder / "nats-server.conf"
        conf.write_text(cls.text("nats-server.conf", m).replace('"mx1"', f'"n{n}"').replace("0.0.0.0", m.mail[0])
                        .replace("UPUBLICKEY", cls.key))
        nats = Nats(conf).start()
        cls.addClassCleanup(nats.kill)
        return nats

    @classmethod
    def write(cls, n, here, text=None):
        """The one file, and the line that differs. Times are a trial's."""
        m = cls.machines[n]
        lab = f'lab = true\nclock = "{m.clock}"\nlab {{ confirm = 1s  grace = 0  probe_interval = 1s  unwell_tail = 0 }}\n'
        m.conf.write_text(lab + (text or cls.text("fakemx.conf", m)))
        m.state = m.folder / "fakemx"
        m.journal = m.state / "journal.sqlite"
        (m.folder / "here.conf").write_text(here + "\n")

    @classmethod
    def start_feed(cls, n):
        text = cls.text("fakemx-feed.service").replace("\\\n", " ")
        argv = re.search("^ExecStart=(.*)", text, re.M)[1].split()[1:]
        argv[argv.index("--host") + 1] = cls.NAMES[n]
        at = argv.index("--maillog")
        argv[at:at + 2] = ["--maillog", str(cls.machines[n].real.log)] if n < 2 else ["--lab", "-c", str(cls.machines[n].conf)]
        feed = Feed(None, *argv)
        cls.addClassCleanup(feed.kill)
        return feed

    def visit(self, n):
        client = f"127.78.{next(self.numbers)}.1"
        deliver(self.decoy if n == 2 else self.machines[n].mail, client, rcpt="info@example.com")
        self.made[self.NAMES[n], client] = 1
        return client

    @staticmethod
    def told(judge):
        counts = {}
        for v in judge.visits():
            if v["address"].startswith("127.78."):
                counts[v["host"], v["address"]] = counts.get((v["host"], v["address"]), 0) + 1
        return counts

    def assert_exact(self, *judges):
        for judge in judges or self.machines[:2]:
            wait_for("every visit is told", lambda j=judge: len(self.told(j)) >= len(self.made), 40)
        time.sleep(1)
        for judge in judges or self.machines[:2]:
            self.assertEqual(self.told(judge), self.made)

    def compare(self):
        for m in self.machines[:2]:
            m.catch_up()
        copies = [m.folder / "copy.sqlite" for m in self.machines[:2]]
        for m, copy in zip(self.machines, copies):
            subprocess.run([program("fakemx"), "-c", m.conf, "journal", "backup", "--force", copy], check=True, capture_output=True)
        return subprocess.run([program("fakemx"), "-c", self.machines[0].conf, "journal", "verify", "--against", *copies[::-1]],
                              capture_output=True, text=True)

    def test_1_one_machine_has_its_journal(self):
        mx1, mx2 = self.machines[:2]
        text = self.text("fakemx.conf", mx1).split("stream {")[0].replace("watch = stream", f'watch = "{mx1.real.log}"', 1)
        text = text.replace("watch = stream", f'watch = "{mx2.real.log}"', 1).replace("watch = stream", "").replace('include "here.conf"\n', "")
        text = re.sub(r"  decoy .*\n", "", text).replace("layout  = high", "layout = none")
        self.write(0, "", text)
        mx1.start()
        mx1.catch_up()
        self.visit(0), self.visit(1)
        self.assert_exact(mx1)
        mx1.stop()

    def test_2_three_machines_by_the_page(self):
        ca = self.folder / "stream-ca.pem"
        names = ",".join(f"IP:{m.mail[0]}" for m in self.machines)
        (self.folder / "nats").mkdir()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=lab", "-addext",
                        f"subjectAltName={names}", "-keyout", self.folder / "nats/key.pem", "-out", self.folder / "nats/cert.pem"],
                       check=True, capture_output=True)
        shutil.copy(self.folder / "nats/cert.pem", ca)
        made = self.run_block("key")
        type(self).key = made.stdout.strip()
        self.assertRegex(self.key, "^U[A-Z2-7]{55}$", made.stderr)
        self.assertEqual(0o600, (self.folder / "stream.nk").stat().st_mode & 0o777)
        self.assertIn("File exists", self.run_block("key").stderr)
        type(self).nats = [self.start_nats(n) for n in range(3)]
        # Three copies want three servers that have found each other.
        wait_for("the stream is made", lambda: "3 replicas" in self.run_block("setup").stdout, 60)
        self.assertIn("3 replicas", self.run_block("setup").stdout)  # a second time changes nothing
        for n, here in enumerate(("active = true", "active = false", f'here = "{self.NAMES[2]}"')):
            self.write(n, here)
            self.machines[n].start()
        type(self).feeds = [self.start_feed(n) for n in range(3)]
        self.visit(1)
        self.assert_exact()  # the new judge too has what the logs hold of before
        for m in self.machines[:2]:
            wait_for("all are watched", lambda j=m: (j.catch_up(), len(j.rows("SELECT DISTINCT host FROM span WHERE kind = 1")) == 3)[1], 60)
        bot = self.visit(2)
        for m in self.machines[:2]:
            m.wait_log(rf"verdict address={bot} .*order=backdoor", 60)
        self.assert_exact()
        self.assertEqual(self.machines[2].visits(bot)[0]["host"], self.NAMES[2])

    def test_3_an_upgrade_is_standby_first_and_nothing_is_lost(self):
        first, standby = self.machines[:2]
        for judge, other in ((standby, first), (first, standby)):
            judge.stop()
            self.visit(0), self.visit(2)
            judge.start()
            self.assert_exact()
            done = self.compare()
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            for m, active in ((judge, "true"), (other, "false")):
                (m.folder / "here.conf").write_text(f"active = {active}\n")
                m.process.send_signal(signal.SIGHUP)
                m.wait_log("info reloaded")

    def test_4_without_a_majority_feeds_and_judges_wait(self):
        for n in (1, 2):
            self.nats[n].kill()
        self.visit(0), self.visit(1), self.visit(2)
        time.sleep(3)
        for n in (1, 2):
            self.nats[n].start()
        self.visit(1)
        self.assert_exact()
        for m in self.machines[:2]:
            self.assertNotIn(" gap host=", m.text().split("info ready")[-1])

    def test_5_a_stream_that_is_lost_and_made_anew_is_a_gap_and_goes_on(self):
        for nats in self.nats:
            nats.kill()
        for m in self.machines:
            shutil.rmtree(m.folder / "nats" / "jetstream")
        for nats in self.nats:
            nats.start()
        wait_for("the stream is made", lambda: "3 replicas" in self.run_block("setup").stdout, 60)
        for m in self.machines[:2]:
            m.wait_log("the stream was made anew, or lost its end", 60)
            m.wait_log("gap host=mx1.example.com", 60)
        self.visit(0), self.visit(1), self.visit(2)
        self.assert_exact()
