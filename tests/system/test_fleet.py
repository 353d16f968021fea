"""A fleet in network namespaces: three nats-servers, three mail servers (Postfix, Postfix, Exim), a decoy on either of
two machines that are also the two judges. Each process is killed, each cable cut, each disk filled in turn, with mail
flowing; at the end both judges hold each visit once, and say the same of everybody."""

import itertools
import json
import os
import signal
import subprocess
import tarfile
import time

from lab import net, packages
from lab.case import LabCase, long_test, program
from lab.client import deliver
from lab.exim_mx import EximMx
from lab.programs import EximSender, PostfixSender
from lab.serve import Serve, config
from lab.site import DOMAIN, FAKE0, FAKE1, Site

PORT = 4222


class Nats:
    """One server of the three, on its own machine, its store on a disk of its own."""

    def __init__(self, network, number, binary):
        self.host = network.host(f"nats{number}", [f"30.0.0.{60 + number}"])
        self.number, self.binary, self.disk = number, binary, self.host.folder / "disk"
        self.url = f"nats://{self.host.addresses[0]}:{PORT}"
        make_disk(self.host, self.disk, "64m")

    def start(self):
        routes = ",".join(f"nats://30.0.0.{60 + n}:6222" for n in (1, 2, 3) if n != self.number)
        address = self.host.addresses[0]
        self.daemon = self.host.spawn([self.binary, "-n", f"n{self.number}", "-a", address, "-p", PORT, "-js", "-sd", self.disk,
                                       "--cluster", f"nats://{address}:6222", "--cluster_name", "lab", "--routes", routes],
                                      name="nats-server")

    def kill(self):
        self.daemon.stop(signal.SIGKILL)


class Feed:
    """fakemx feed on a machine, to whichever of the three servers answers."""

    def __init__(self, host, argv, to):
        # A mail server's machine has its log where this one sees it; a decoy's journal is on a disk of its own.
        self.argv = host.command([program("fakemx"), *argv, "--to", to], net_only=host.has_root)
        self.out = open(host.folder / "feed.out", "ab")
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stderr=self.out, start_new_session=True)

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)  # what it started, too
        self.process.wait()

    def close(self):
        if self.process.poll() is None:
            self.kill()
        self.out.close()


def make_disk(host, path, size):
    host.script(f"mkdir -p '{path}'; mount -t tmpfs -o size={size} disk '{path}'")


def fill(host, path):
    host.script(f"dd if=/dev/zero of='{path}/filler' bs=64k 2> /dev/null || true")


def clear(host, path):
    host.script(f"rm -f '{path}/filler'")


class Fleet(LabCase):
    limit_seconds = 420
    maxDiff = None
    seconds = 0  # that the faults go on for, each once at least

    @classmethod
    def build(cls):
        site = cls.site = Site(cls.net, [PostfixSender, EximSender])
        cls.third = EximMx(cls.net, "third", ["30.0.0.27"], f"third.{DOMAIN}", [DOMAIN], selector="+pid +smtp_connection")
        site.knot.load(DOMAIN, site.zone() + ["@ MX 20 third", "third A 30.0.0.27"])
        cls.third.start()
        site.decoys.remove_address(FAKE0)
        site.decoys.addresses.remove(FAKE1)  # the kernel took it with the first of its network
        site.decoys.add_address(FAKE1)
        cls.machines = {"fake1": site.decoys, "fake0": cls.net.host("low", [FAKE0])}
        cls.mx = {m.host.hostname: m for m in (site.mail, site.backup, cls.third)}
        cls._start_stream()
        cls._start_judges()
        cls.feeds = {name: Feed(m.host, ["feed", "--host", name, "--maillog", str(m.log)], cls.to) for name, m in cls.mx.items()}
        for name, host in cls.machines.items():
            cls.feeds[name] = Feed(host, ["--lab", "-c", str(cls.decoys[name].conf), "feed", "--host", f"{name}.{DOMAIN}"], cls.to)
        for feed in cls.feeds.values():
            cls.addClassCleanup(feed.close)
        for sender in site.senders:
            sender.start()
        cls.when, cls.phase = {}, ""
        cls.made, cls.sent, cls.good, cls.numbers = {}, [], set(), itertools.count(1)
        cls.wait_watched()

    @classmethod
    def _start_stream(cls):
        with tarfile.open(packages.tree("nats")) as tree:
            binary, = (m for m in tree if m.name.endswith("/nats-server") and m.isfile())
            binary.name = "nats-server"
            tree.extract(binary, cls.net.folder)
        cls.nats = [Nats(cls.net, n, cls.net.folder / "nats-server") for n in (1, 2, 3)]
        for server in cls.nats:
            server.start()
        cls.to = ",".join(server.url for server in cls.nats)
        # Three copies want three servers that have found each other.
        net.wait_for("the stream is made", lambda: cls.machines["fake0"].run(
            [program("fakemx"), "feed", "--setup", "--replicas", "3", "--to", cls.to], check=False).returncode == 0, 60, 0.5)

    @classmethod
    def configuration(cls, **options):
        text = config(cls.site, grace="1s", probe_interval="2s", confirm="5s", unwell_tail="0", **options)
        for m in (cls.site.mail, cls.site.backup):
            text = text.replace(f'watch = "{m.log}"', "watch = stream")
        text = text.replace("posture = reset", "posture = reset watch = stream")
        text = text.replace("posture = defer", "posture = defer watch = stream")
        third = f'  host "third.{DOMAIN}" {{ preference = 20 address = {{ "30.0.0.27" }} watch = stream }}\n'
        servers = ", ".join(json.dumps(server.url) for server in cls.nats)
        return text.replace("  decoy", third + "  decoy", 1) + f"stream {{ servers = {{ {servers} }} }}\n"

    @classmethod
    def _start_judges(cls):
        cls.decoys, cls.judges = {}, []
        for n, (name, host) in enumerate(cls.machines.items()):
            # One file for all machines, but for who this is.
            cls.decoys[name] = Serve(host, f'here = "{name}.{DOMAIN}"\n' + cls.configuration(), name="decoy")
            make_disk(host, cls.decoys[name].folder / "state", "48m")
            alarms = host.folder / "alarms"
            judge = Serve(host, cls.configuration(active="true" if n == 0 else "false",
                                                  alarm=f"'echo $FAKEMX_ALARM $FAKEMX_ALARM_KIND >> {alarms}'"), name="judge")
            make_disk(host, judge.folder / "state", "48m")
            cls.judges.append(judge)
        for serve in (*cls.decoys.values(), *cls.judges):
            serve.start()

    # What flows

    @staticmethod
    def watched(judge):
        """How many hosts the journal says were watched. Asked to, the judge writes down what it knows by now."""
        judge.daemon.signal(signal.SIGUSR1)
        return judge.host.run(["sqlite3", "-readonly", judge.folder / "state/journal.sqlite",
                               "SELECT count(DISTINCT host) FROM span WHERE kind = 1"], check=False).stdout.strip()

    @classmethod
    def wait_watched(cls):
        for judge in cls.judges:
            net.wait_for("all five are watched", lambda j=judge: cls.watched(j) == "5", 60, 1)

    def visit(self, client, host):
        """A session, of which both judges must hear once. Not of a machine that is cut off or down."""
        target = {**{n: m.host.addresses[0] for n, m in self.mx.items()}, f"fake1.{DOMAIN}": FAKE1, f"fake0.{DOMAIN}": FAKE0}[host]
        replies = deliver(self.site.crowd, client, target, f"info@{DOMAIN}")
        if replies[0] not in ("refused",):
            self.made[host, client] = self.made.get((host, client), 0) + 1
            self.when[host, client] = self.phase
        return replies

    def crowd(self, without=()):
        """A bot at the decoy, a client that was put off and came to a real host, one at each real host, and mail."""
        bot, good = (f"30.{1 + n // 250}.{n % 250}.7" for n in itertools.islice(self.numbers, 2))
        for client in (bot, good):
            self.site.crowd.add_address(client)
        self.good.add(good)
        decoys = [d for d in self.machines if d not in without]
        for decoy in decoys:
            self.visit(bot, f"{decoy}.{DOMAIN}")
        for decoy in decoys:
            self.visit(good, f"{decoy}.{DOMAIN}")
        for host in self.mx:
            if host not in without:
                self.visit(good, host)
        for sender in self.site.senders:
            self.sent += sender.submit(DOMAIN, 1)

    def faults(self):
        """(what, who cannot be visited meanwhile, break it, mend it)"""
        for server in self.nats:
            yield f"nats{server.number} is killed", (), server.kill, server.start
            yield f"the cable of nats{server.number} is cut", (), server.host.cut, lambda s=server: s.host.cut(False)
        for name, feed in self.feeds.items():
            yield f"the feed of {name} is killed", (), feed.kill, feed.start
        for name, m in self.mx.items():
            yield f"{name} is down", (name,), m.stop, m.start
            yield f"the cable of {name} is cut", (name,), m.host.cut, lambda m=m: m.host.cut(False)
        for name, serve in self.decoys.items():
            yield f"the decoy {name} is killed", (name,), serve.kill, serve.start
        for n, judge in enumerate(self.judges, 1):
            yield f"judge {n} is killed", (), judge.kill, judge.start
            yield f"the disk of judge {n} is full", (), lambda j=judge: fill(j.host, j.folder / "state"), \
                lambda j=judge: clear(j.host, j.folder / "state")
        for name, host in self.machines.items():
            yield f"the cable of {name} and its judge is cut", (name,), host.cut, lambda h=host: h.cut(False)
            state = self.decoys[name].folder / "state"
            yield f"the disk of {name} is full", (name,), lambda h=host, s=state: fill(h, s), lambda h=host, s=state: clear(h, s)
        last = self.nats[-1]
        yield "the disk of nats3 is full", (), lambda: fill(last.host, last.disk), \
            lambda: (clear(last.host, last.disk), last.kill(), last.start())
        yield "two of nats are killed", (), lambda: [s.kill() for s in self.nats[1:]], lambda: [s.start() for s in self.nats[1:]]
        third, place = self.third.host.hostname, (self.nats[1].host, self.third.host, self.machines["fake0"])
        yield "a place is cut, with its server, mail server, decoy and judge", ("fake0", third), lambda: [h.cut() for h in place], \
            lambda: [h.cut(False) for h in place]
        yield "all of nats is killed", (), lambda: [s.kill() for s in self.nats], lambda: [s.start() for s in self.nats]

    def settle(self, seconds=60):
        """Until both judges hold as many visits as were made, and what might come twice has come."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and any(sum(self.told(j).values()) < sum(self.made.values()) for j in self.judges):
            time.sleep(1)
        time.sleep(3)

    def differences(self, judge):
        told = self.told(judge)
        return {key: (self.made.get(key, 0), told.get(key, 0), self.when.get(key)) for key in self.made.keys() | told.keys()
                if self.made.get(key, 0) != told.get(key, 0)}

    def told(self, judge):
        counts = {}
        for v in judge.json_lines("visits"):
            if v["address"].endswith(".7"):
                counts[v["host"], v["address"]] = counts.get((v["host"], v["address"]), 0) + 1
        return counts

    def test_1_whatever_fails_no_visit_is_lost_or_doubled_and_nobody_is_accused(self):
        until, count = time.monotonic() + self.seconds, 0
        while count == 0 or time.monotonic() < until:
            for what, without, fail, mend in self.faults():
                type(self).phase = f"before {what}"
                self.crowd()
                time.sleep(1)  # what is not committed yet is no promise
                type(self).phase = f"while {what}"
                fail()
                self.crowd(without)
                mend()
                type(self).phase = f"after {what}"
                self.crowd(without)
                count += 1
        self.settle()
        for n, judge in enumerate(self.judges, 1):
            self.assertEqual(self.differences(judge), {}, f"judge {n}: made, told, when")
            accused = [w for w in judge.verdicts().values() if w["address"] in self.good and
                       (w["order"] == "backdoor" or w["fate"] == "stopped")]
            self.assertEqual(accused, [], f"judge {n}")
        ids = set(self.sent)
        net.wait_for("all mail is stored", lambda: [s.flush() for s in self.site.senders] and ids <= set(self.stored()), 120, 2)
        self.assert_exactly_once(self.sent, [i for i in self.stored() if not i.startswith("info")])
        self.report = (f"{count} faults: {sum(self.made.values())} visits of {len(self.made)} clients and hosts, each told once to "
              f"each of two judges; {len(self.sent)} messages, each delivered once; none of {len(self.good)} good clients accused")

    def stored(self):
        third = self.third.host.run(["sh", "-c", "grep -hi '^envelope-to:\\|^to:' /var/mail/lab/* || true"]).stdout
        return self.site.stored() + [line.split(":")[1].strip().split("@")[0].strip("<") for line in third.splitlines()
                                     if line.lower().startswith("to:")]

    def compare(self):
        copies = [judge.host.folder / "copy.sqlite" for judge in self.judges]
        for judge, copy in zip(self.judges, copies):
            judge.fakemx("journal", "backup", "--force", copy, check=0)
        return self.judges[0].fakemx("journal", "verify", "--against", copies[1], copies[0])

    def test_2_both_judges_have_equal_runs(self):
        """As soon as both have read what came last: one may be a moment behind the other."""
        end = time.monotonic() + 30
        done = self.compare()
        while done.returncode != 0 and time.monotonic() < end:
            time.sleep(1)
            done = self.compare()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.report = done.stdout.strip()

    def alarms(self):
        return [(j.host.folder / "alarms").read_text().splitlines() if (j.host.folder / "alarms").exists() else []
                for j in self.judges]

    def test_3_the_standby_takes_over_and_no_alarm_is_told_twice(self):
        def outage(m, raiser):
            before = [len(a) for a in self.alarms()]
            m.stop()
            net.wait_for("the alarm is told", lambda: len(self.alarms()[raiser]) > before[raiser], 30, 0.2)
            m.start()
            net.wait_for("its end is told", lambda: len(self.alarms()[raiser]) > before[raiser] + 1, 60, 0.2)
            time.sleep(3)
            self.assertEqual(len(self.alarms()[1 - raiser]), before[1 - raiser])
        outage(self.site.backup, 0)
        for judge, active in zip(self.judges, ("false", "true")):
            text = judge.conf.read_text()
            judge.conf.write_text(text.replace("active = " + ("true" if active == "false" else "false"), f"active = {active}"))
            judge.reload()
        time.sleep(2)
        outage(self.third, 1)

    def test_4_a_new_judge_starts_from_a_backup_and_the_sequence_in_it(self):
        self.crowd()
        host, text = self.machines["fake0"], self.configuration(active="false")
        new = Serve(host, text, name="new")
        (new.folder / "state").mkdir()
        subprocess.run(["cp", self.judges[0].host.folder / "copy.sqlite", new.folder / "state/journal.sqlite"], check=True)
        new.start()
        net.wait_for("it has all", lambda: self.told(new) == self.made, 60, 0.5)
        new.stop()


@long_test
class FleetForTenMinutes(Fleet):
    limit_seconds = 1500
    seconds = 600
