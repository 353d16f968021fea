#!/usr/bin/python3
"""bench_web - the page of a journal of 3 million visits: how soon it is there again, and whether 64 clients make it grow

The journal is bench_report's, made once. "Nothing changed" is the target's case: the first answer counts, the others
do not. ApacheBench (ab) asks with 64 clients at once; memory is VmRSS of the process when each kind of
page was asked for 3,000 times, and when it was 7,500 times. Rows are tab-separated: work, ours, theirs, ratio, target, ok or MISS."""

import http.client
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

BUILD = pathlib.Path("@BUILD@")
PORT, PATH = 18025, "/?period=all"


def ask():
    began = time.monotonic()
    c = http.client.HTTPConnection("127.0.0.1", PORT, timeout=120)
    c.request("GET", PATH)
    answer = c.getresponse()
    body = answer.read()
    c.close()
    if answer.status != 200:
        sys.exit(f"bench_web: {answer.status}: {re.sub('<[^>]*>', ' ', body.decode())[-400:]}")
    return time.monotonic() - began, len(body)


def resident(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1])


def load(count, path):
    done = subprocess.run(["ab", "-q", "-k", "-c", "64", "-n", str(count), f"http://127.0.0.1:{PORT}{path}"], capture_output=True,
                          text=True, check=True)
    failed = int(re.search(r"Failed requests:\s+(\d+)", done.stdout)[1])
    # ab counts answers of another length as failed: the page says what time it is.
    other = re.search(r"Connect: (\d+), Receive: (\d+), Length: \d+, Exceptions: (\d+)", done.stdout)
    return sum(map(int, other.groups())) if failed and other else failed


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="fakemx-bench-web-", dir=BUILD / "tests/bench"))
    subprocess.run([BUILD / "tests/bench/bench_report", "make"], check=True)
    state = folder / "state"
    state.mkdir()
    os.link(BUILD / "tests/bench/report.sqlite", state / "journal.sqlite")
    # As serve does: it has the journal open, so that who may only read can.
    serve = sqlite3.connect(state / "journal.sqlite")
    serve.execute("SELECT count(*) FROM site").fetchone()
    conf = folder / "fakemx.conf"
    conf.write_text(f"""state = "{state}"
lab = true
web {{ listen = "127.0.0.1:{PORT}" }}
site "hosting" {{
  layout = high
  domains = {{ "example.com" }}
  host "mail.example.com" {{ preference = 10 address = {{ "5.9.1.1" }} watch = "/var/log/mail.log" }}
  decoy "fake1.example.com" {{ preference = 30 address = {{ "5.9.1.3" }} posture = defer }}
}}
""")
    # not through `fakemx`: its process is the one that is measured
    web = subprocess.Popen([BUILD / "fakemx-web", "-c", conf, "web"], stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            time.sleep(0.1)
            try:
                http.client.HTTPConnection("127.0.0.1", PORT, timeout=5).connect()
                break
            except OSError:
                continue
        first, size = ask()
        again = sorted(ask()[0] for _ in range(50))
        print(f"web, page of 3 million visits again / counted anew\t{1000 * again[-1]:.0f} ms\t{1000 * first:.0f} ms\t"
              f"{again[-1] / first:.3f}\t< 100 ms\t{'ok' if again[-1] < 0.1 else 'MISS'}")
        memory = []
        failed = 0
        for _ in range(5):
            failed += sum(load(1500, path) for path in (PATH, "/list/rspamd", "/sender/20.0.1.7"))
            memory.append(resident(web.pid))
        early, late = memory[1], memory[4]
        print(f"web, 64 clients, memory after 22,500 / 9,000 answers\t{late} kB\t{early} kB\t{late / early:.2f}\t<= 1.10\t"
              f"{'ok' if late <= 1.1 * early and failed == 0 else 'MISS'}")
        print(f"web, answers that failed of 22,500 (page {size // 1024} kB)\t{failed}\t-\t-\t0\t{'ok' if failed == 0 else 'MISS'}")
    finally:
        web.terminate()
        web.wait()
        serve.close()
        shutil.rmtree(folder)


main()
