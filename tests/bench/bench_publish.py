#!/usr/bin/python3
"""bench_publish - a difference of 1,000 names in a DNSBL's zone of 100,000, by dynamic update

A real Knot DNS on loopback has the zone. `fakemx publish --follow` fills it; then 500 listings end and 500 begin, and
the CPU is taken that the process needs until the name server has them: asking the journal, comparing, sending with TSIG.
Rows are tab-separated: work, ours, theirs, ratio, target, ok or MISS."""

import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

ROOT, BUILD = pathlib.Path("@ROOT@"), pathlib.Path("@BUILD@")
ZONE, LISTED, CHANGED = "zone0.example", 100_000, 1_000
NOW = int(time.time())


def story():
    """A site that was watched until now, without a visit."""
    text = ("site\t1\t1\thigh\thome\nhost\t1\treal\t-\t10\tmail.example.com\tlog\naddress\t5.9.1.1\t25\n"
            "host\t2\tdecoy\tdefer\t30\tfake1.example.com\t\naddress\t5.9.1.3\t25\ndomain\texample.com\n")
    records = [{"kind": "rules", "time": NOW - 90000, "text": "enforce=1\nlab=1\n"},
               {"kind": "site", "time": NOW - 90000, "site": 1, "text": text}, {"kind": "start", "time": NOW - 90000}]
    for at in range(NOW - 90000, NOW + 1, 600):
        records.append({"kind": "health", "time": at, "host": 1, "is_ok": True})
        records += [{"kind": "watermark", "time": at, "host": host, "seen": at} for host in (1, 2)]
    return "".join(json.dumps(r) + "\n" for r in records)


def rows(first, count):
    for i in range(first, first + count):
        n = 0x1E000001 + 7 * i
        yield b"\x04" + n.to_bytes(4, "big"), (NOW - 7200) * 10**6, (NOW + 36000) * 10**6, (NOW - 25200) * 10**6


def change(journal, sql, *values, many=None):
    with sqlite3.connect(journal) as db:
        if many:
            db.executemany(sql, many)
        else:
            db.execute(sql, values)
    db.close()


INSERT = "INSERT INTO listing(client, grp, since, until, first, at, why) VALUES (?, 1, ?, ?, ?, 0, 0)"


def cpu(pid):
    """The process and its children that ended."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def published(state, changes):
    try:
        fields = (state / "published").read_text().splitlines()[2].split("\t")
    except (OSError, IndexError):
        return False
    return int(fields[3]) >= changes


def wait(what, condition, process, seconds=300):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end or process.poll() is not None:
            sys.exit(f"bench_publish: waited in vain for {what}")
        time.sleep(0.2)


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="fakemx-bench-publish-"))
    server = subprocess.Popen([ROOT / "tests/bench/update_server", BUILD / "tests/bench/peers.debs", "1"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    publish = None
    try:
        port, key = server.stdout.readline().split()
        state = folder / "state"
        state.mkdir()
        journal = state / "journal.sqlite"
        subprocess.run([BUILD / "tests/tools/write_journal", journal], input=story(), text=True, check=True)
        change(journal, INSERT, many=rows(0, LISTED))
        conf = folder / "fakemx.conf"
        conf.write_text(f"""state = "{state}"
lab = true
mode = enforce
site "home" {{
  layout = high
  domains = {{ "example.com" }}
  host "mail.example.com" {{ preference = 10 address = {{ "5.9.1.1" }} watch = "/var/log/mail.log" }}
  decoy "fake1.example.com" {{ preference = 30 address = {{ "5.9.1.3" }} posture = defer }}
}}
publish "dnsbl" {{ format = dnsbl  zone = "{ZONE}"  update {{ server = "127.0.0.1@{port}"  key = "{key}" }} }}
""")
        publish = subprocess.Popen([BUILD / "fakemx", "-c", conf, "publish", "--follow", "--stale", "1d"],
                                   stdout=subprocess.DEVNULL)
        wait("the zone", lambda: published(state, LISTED), publish)
        time.sleep(1)
        fill, began = cpu(publish.pid), cpu(publish.pid)
        change(journal, "DELETE FROM listing WHERE client IN (SELECT client FROM listing ORDER BY client LIMIT ?)", CHANGED // 2)
        change(journal, INSERT, many=rows(LISTED, CHANGED // 2))
        wait("the difference", lambda: published(state, LISTED + CHANGED), publish)
        time.sleep(1)
        ours = cpu(publish.pid) - began
        began = cpu(publish.pid)
        time.sleep(12)  # a time with nothing to send, for comparison
        idle = cpu(publish.pid) - began
        print(f"publish, 1,000 of 100,000 by update / nothing new\t{ours:.2f} s\t{idle:.2f} s\t{ours / max(idle, 0.01):.2f}"
              f"\t< 1 s CPU\t{'ok' if ours < 1 else 'MISS'}")
        print(f"publish, 100,000 into an empty zone\t{fill:.2f} s\t-\t-\tnone\tok")
    finally:
        if publish:
            publish.terminate()
            publish.wait()
        server.stdin.close()
        server.wait()
        shutil.rmtree(folder)


main()
