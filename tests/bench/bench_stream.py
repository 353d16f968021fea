#!/usr/bin/python3
"""bench_stream - lines through NATS JetStream: what a line costs, what a hundred hosts do to a judge, how soon a new judge
has read a day

A real nats-server on loopback, unpacked from its package. Beside fakemx-stream stands tests/bench/stream_peer: the same lines by
bare js_PublishAsync, in the same run (five pairs, medians). Then a hundred `fakemx feed`, each with a Postfix log that grows by
ten sessions a second, one judge, 30 s; then a new judge that reads a stream of a day: a million visits of 98 real hosts
and two decoys, with a watermark each five seconds, as a feed sends of a host to which nobody comes.
CPU is of user and system, by wait4 and /proc. Rows are tab-separated: work, ours, theirs, ratio, target, ok or MISS."""

import datetime
import itertools
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

BUILD = pathlib.Path("@BUILD@")
FAKEMX, SERVE, STREAM, PEER = (BUILD / name for name in ("fakemx", "fakemx-serve", "fakemx-stream", "tests/bench/stream_peer"))
SITES, HOSTS = 10, 10  # of each site
PAIRS, LINES = 5, 100_000
LIVE_SECONDS, PER_SECOND = 30, 10
DAY, DAY_VISITS, QUIET = 86400, 1_000_000, 5


def name_of(site, host):
    return f"fake{site}.example.com" if host == HOSTS - 1 and site < 2 else f"mx{site}-{host}.example.com"


NAMES = [name_of(s, h) for s in range(SITES) for h in range(HOSTS)]


def stamp(moment):
    return datetime.datetime.fromtimestamp(moment, datetime.timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")


def row(work, ours, theirs="-", ratio="-", target="none", is_ok=True):
    print(f"{work}\t{ours}\t{theirs}\t{ratio}\t{target}\t{'ok' if is_ok else 'MISS'}", flush=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def unpack(folder):
    debs = BUILD / "tests/bench/peers.debs"
    debs.mkdir(exist_ok=True)
    if not list(debs.glob("nats-server_*.deb")):
        subprocess.run(["apt-get", "-q", "download", "nats-server"], cwd=debs, stdout=sys.stderr, check=True)
    subprocess.run(["dpkg-deb", "-x", max(debs.glob("nats-server_*.deb")), folder / "nats"], check=True)
    return next((folder / "nats").rglob("sbin/nats-server"))


class Nats:
    def __init__(self, binary, folder):
        self.store, self.port = folder, free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        with open(f"{folder}.log", "w") as log:
            self.process = subprocess.Popen([binary, "-js", "-sd", folder, "-a", "127.0.0.1", "-p", str(self.port)], stdout=log, stderr=log)
        while subprocess.run([FAKEMX, "feed", "--setup", "--to", self.url], capture_output=True).returncode != 0:
            time.sleep(0.1)

    def bytes(self):
        return sum(f.stat().st_size for f in self.store.rglob("*.blk"))

    def close(self):
        self.process.terminate()
        self.process.wait()


def visit(moment, host, client, is_decoy=False):
    """As fakemx visits prints one."""
    return json.dumps({
        "time": stamp(moment), "seen": None, "site": None, "host": host, "role": "decoy" if is_decoy else None,
        "address": client, "depth": "rcpt" if is_decoy else "data", "outcome": None if is_decoy else "accepted",
        "helo": f"out{client.replace('.', '-')}.sender.example", "sender": "author@sender.example", "recipient_domain": "example.com",
        "name": f"out{client.replace('.', '-')}.sender.example", "source": "decoy" if is_decoy else "maillog", "precision_seconds": 0.000001,
        "answered": stamp(moment + 0.02), "ended": stamp(moment + 0.9), "spam": None, "envelopes": [f"{hash((client, host)) & (1 << 63) - 1:016x}"],
        "earlier_seconds": 0})


def watermark(moment, host):
    return json.dumps({"watermark": stamp(moment), "host": host, "sent": None})


def address(n):
    return f"{30 + n // 62500}.{n // 250 % 250}.{n % 250}.7"


def run(argv, **more):
    """(seconds, seconds of CPU) of a process that does its work and ends."""
    began = time.monotonic()
    process = subprocess.Popen(argv, **more)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"bench_stream: {argv[0]} ended with {process.returncode}")
    return time.monotonic() - began, used.ru_utime + used.ru_stime


def cpu(pid):
    return sum(int(f.read_text().split()[0]) for f in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def memory(pid, key="VmRSS"):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in text.splitlines() if line.startswith(key)).split()[1]) / 1024


def children(pid):
    """It and all below it."""
    found = [pid]
    for p in found:
        for task in pathlib.Path(f"/proc/{p}/task").glob("*/children"):
            found += [int(c) for c in task.read_text().split()]
    return found


def compare_sending(nats, folder):
    now, lines = time.time() - 3600, folder / "lines"
    host = NAMES[0]
    first = "".join(visit(now + n / 1000, host, address(n % 20000)) + "\n" for n in range(LINES))
    ours, theirs, server = [], [], []
    for n in range(PAIRS):
        # Other messages each time: what comes twice would not be stored.
        lines.write_text(first.replace("sender.example", f"sender{n}.example"))
        before = cpu(nats.process.pid)
        theirs.append(run([PEER, nats.url, "fakemx.bare", lines]))
        between = cpu(nats.process.pid)
        with open(lines) as text:
            ours.append(run([STREAM, "send", "--servers", nats.url, "--subject", f"fakemx.{host}"], stdin=text))
        server.append((cpu(nats.process.pid) - between, between - before))
    def middle(pairs, at):
        return statistics.median(p[at] for p in pairs)
    us = [middle(p, 1) / LINES * 1e6 for p in (ours, theirs)]
    ratio = statistics.median(o[1] / t[1] for o, t in zip(ours, theirs))
    row("stream send, CPU us a line / js_PublishAsync", f"{us[0]:.2f}", f"{us[1]:.2f}", f"{ratio:.2f}", "<= 1.5", ratio <= 1.5)
    speed = [LINES / middle(p, 0) for p in (ours, theirs)]
    row("stream send, lines/s / js_PublishAsync", f"{speed[0]:.0f}", f"{speed[1]:.0f}", f"{speed[0] / speed[1]:.2f}", ">= 0.5",
        speed[0] >= 0.5 * speed[1])
    us = [middle(server, at) / LINES * 1e6 for at in (0, 1)]
    row("nats-server meanwhile, CPU us a line / the same", f"{us[0]:.2f}", f"{us[1]:.2f}", f"{us[0] / us[1]:.2f}")


def compare_taking(nats):
    """All that was just sent, from the first on."""
    argv = [STREAM, "take", "--servers", nats.url, "--durable", "bench"]
    before = cpu(nats.process.pid)
    process = subprocess.Popen(argv, stdout=subprocess.PIPE)
    began, count = time.monotonic(), 0
    for _ in itertools.islice(process.stdout, 2 * PAIRS * LINES):
        count += 1
    seconds, used = time.monotonic() - began, cpu(process.pid)
    process.kill()
    process.wait()
    row("stream take, lines/s", f"{count / seconds:.0f}")
    row("stream take, CPU us a line, and nats-server's", f"{used / count * 1e6:.2f}", f"{(cpu(nats.process.pid) - before) / count * 1e6:.2f}")


def configuration(folder, nats):
    text = f'state = "{folder}"\nlab = true\nnames = false\n'
    for s in range(SITES):
        text += f'site "s{s}" {{\n  layout = {"high" if s < 2 else "none"}\n  domains = {{ "d{s}.example.com" }}\n'
        for h in range(HOSTS):
            name = name_of(s, h)
            kind = "decoy" if name.startswith("fake") else "host"
            text += (f'  {kind} "{name}" {{ preference = {30 if kind == "decoy" else 10} address = {{ "127.9.{s}.{h + 1}@2525" }} watch = stream'
                     f'{" posture = defer" if kind == "decoy" else ""} }}\n')
        text += "}\n"
    conf = folder / "judge.conf"
    conf.write_text(text + f'stream {{ servers = {{ "{nats.url}" }} }}\n')
    return conf


class Judge:
    def __init__(self, folder, nats):
        folder.mkdir()
        self.journal = folder / "journal.sqlite"
        self.log = open(folder / "log", "w")
        self.process = subprocess.Popen([SERVE, "-c", configuration(folder, nats)], stdout=self.log, stderr=self.log)

    def ask(self, sql):
        try:
            with sqlite3.connect(f"file:{self.journal}?mode=ro", uri=True) as db:
                rows = db.execute(sql).fetchall()
            db.close()
            return rows
        except sqlite3.OperationalError:
            return [(0,)]  # not made yet

    def visits(self):
        return self.ask("SELECT coalesce(max(id), 0) FROM visit")[0][0]

    def cpu(self):
        return sum(cpu(p) for p in children(self.process.pid))

    def wait(self, count, seconds):
        end = time.monotonic() + seconds
        while self.visits() < count:
            if time.monotonic() > end or self.process.poll() is not None:
                sys.exit(f"bench_stream: the judge has {self.visits()} of {count} visits; see {self.log.name}")
            time.sleep(0.2)

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.log.close()


def follow_live(nats, folder):
    """A hundred logs that grow, by each a feed."""
    logs = [open(folder / f"log{n}", "w", buffering=1) for n in range(len(NAMES))]
    judge = Judge(folder / "live", nats)
    feeds = []
    try:
        for name, log in zip(NAMES, logs):
            argv = [FAKEMX, "feed", "--maillog", log.name, "--host", name, "--to", nats.url, "--since", "1m"]
            feeds.append(subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True))
        time.sleep(10)  # all have begun
        pids = [p for f in feeds for p in children(f.pid)]
        before = sum(map(cpu, pids)), cpu(nats.process.pid), judge.cpu()
        began, made = time.monotonic(), 0
        for tick in range(LIVE_SECONDS * PER_SECOND):
            for n, log in enumerate(logs):
                if NAMES[n].startswith("fake"):
                    continue
                made += 1
                now, client = stamp(time.time()), address(random.randrange(50000))
                log.write(f"{now} mx postfix/smtpd[{1000 + tick}]: connect from unknown[{client}]\n"
                          f"{now} mx postfix/smtpd[{1000 + tick}]: disconnect from unknown[{client}] ehlo=1 quit=1 commands=2\n")
            time.sleep(max(0, began + (tick + 1) / PER_SECOND - time.monotonic()))
        judge.wait(made, 60)
        seconds = time.monotonic() - began
        used = [now - was for now, was in zip((sum(map(cpu, pids)), cpu(nats.process.pid), judge.cpu()), before)]
        late = sorted(t[0] / 1e6 for t in judge.ask("SELECT seen - time FROM visit"))
        row("100 hosts, visits/s together, of which lost", f"{made / LIVE_SECONDS:.0f}", f"{made - judge.visits()}", is_ok=judge.visits() == made)
        row("100 hosts, from log to journal, s: median, p99", f"{late[len(late) // 2]:.2f}", f"{late[len(late) * 99 // 100]:.2f}", "-", "p99 <= 5",
            late[len(late) * 99 // 100] <= 5)
        row("100 hosts, % of a core: a feed, nats-server", f"{used[0] / seconds / len(NAMES) * 100:.2f}", f"{used[1] / seconds * 100:.1f}")
        row("100 hosts, % of a core: the judge", f"{used[2] / seconds * 100:.1f}", "-", "-", "<= 25", used[2] / seconds <= 0.25)
        row("100 hosts, MB: a feed (its own), the judge", f"{statistics.mean(memory(p, 'RssAnon') for p in pids) * len(pids) / len(NAMES):.1f}",
            f"{sum(memory(p) for p in children(judge.process.pid)):.0f}")
    finally:
        for f in feeds:
            os.killpg(f.pid, signal.SIGKILL)
            f.wait()
        judge.close()
        for log in logs:
            log.close()


def day_of(name, n, began):
    """The lines of a host's day, in order."""
    visits, is_decoy = DAY_VISITS // len(NAMES), name.startswith("fake")
    random.seed(n)
    moments = sorted(random.random() * DAY for _ in range(visits))
    yield json.dumps({"since": stamp(began), "host": name})
    told = 0
    for moment in moments:
        # What a feed says of a host to which nobody comes; of its visits, within a second.
        while told + QUIET < moment:
            told += QUIET
            yield watermark(began + told, name)
        yield visit(began + moment, name, address(random.randrange(200000)), is_decoy)
    yield watermark(began + DAY, name)


def read_day(nats, folder):
    began, lines = time.time() - DAY - 60, 0
    for n, name in enumerate(NAMES):
        with open(folder / "day", "w") as out:
            for line in day_of(name, n, began):
                out.write(line + "\n")
                lines += 1
        with open(folder / "day") as text:
            run([PEER, nats.url, f"fakemx.{name}", folder / "day"], stdin=text)
    size = nats.bytes()
    row("a day's stream: visits, lines", f"{DAY_VISITS}", f"{lines}")
    row("a day's stream, bytes a line; nats-server's MB", f"{size / lines:.0f}", f"{memory(nats.process.pid):.0f}")
    before = cpu(nats.process.pid)
    began = time.monotonic()
    judge = Judge(folder / "new", nats)
    try:
        judge.wait(DAY_VISITS // len(NAMES) * len(NAMES), 1200)
        seconds, used = time.monotonic() - began, judge.cpu()
        row("a day's stream read by a new judge, s: CPU, wall", f"{used:.0f}", f"{seconds:.0f}", "-", "CPU <= 100", used <= 100)
        row("the same, CPU us a line, lines/s of a core", f"{used / lines * 1e6:.1f}", f"{lines / used:.0f}", "-", ">= 23200/s",
            lines / used >= 23200)
        row("the same, nats-server's CPU us a line", f"{(cpu(nats.process.pid) - before) / lines * 1e6:.1f}")
        row("the same, the judge's MB at most", f"{memory(judge.process.pid, 'VmHWM'):.0f}", "-", "-", "<= 128", memory(judge.process.pid, "VmHWM") <= 128)
    finally:
        judge.close()
    row("the judge's journal, bytes a visit", f"{judge.journal.stat().st_size / DAY_VISITS:.0f}")


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="fakemx-bench-stream-", dir=os.environ.get("FAKEMX_BENCH_TMP")))
    binary, servers = unpack(folder), []
    def server(name):
        servers.append(Nats(binary, folder / name))
        return servers[-1]
    try:
        nats = server("sending")
        compare_sending(nats, folder)
        compare_taking(nats)
        nats.close()
        follow_live(server("live-store"), folder)
        servers[-1].close()
        read_day(server("day-store"), folder)
    finally:
        for s in servers:
            s.close()
        shutil.rmtree(folder)


main()
