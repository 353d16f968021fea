"""A year in half an hour: the clock jumps from noon to midnight, ten million visits come, logs rotate, the configuration is
read again, serve restarts; what it needs is the same in the last month as in the second, and so large is its file from the fifth on,
when the first runs have been let go."""

import datetime
import os
import random
import signal
import subprocess
import time
import unittest

from lab.case import long_test, program
from loopback import Bench, Client, deliver

DAY = 86400
ACCEPTED = ("smtpd[{p}]: connect from unknown[{a}]", "smtpd[{p}]: {q}: client=unknown[{a}]",
            "qmgr[9]: {q}: from=<a{d}@sender.example>, size=300, nrcpt=1 (queue active)",
            "lmtp[8]: {q}: to=<info@shop.example>, relay=store, delay=0.1, delays=0.1/0/0/0, dsn=2.0.0, status=sent (250 kept)",
            "qmgr[9]: {q}: removed", "smtpd[{p}]: disconnect from unknown[{a}] ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5")
REFUSED = ("smtpd[{p}]: connect from unknown[{a}]",
           "smtpd[{p}]: NOQUEUE: reject: RCPT from unknown[{a}]: 554 5.7.1 <info@shop.example>: Recipient address rejected: no; "
           "from=<b{d}@bot.example> to=<info@shop.example> proto=ESMTP helo=<bot.example>",
           "smtpd[{p}]: disconnect from unknown[{a}] ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4")


@long_test
class Year(unittest.TestCase):
    limit_seconds = 3 * 3600
    months = int(os.environ.get("FMX_MONTHS", 12))
    visits_a_day = int(os.environ.get("FMX_VISITS", 27800))
    at_decoys = 100

    def setUp(self):
        self.bench = Bench("year")
        self.addCleanup(self.bench.close)
        self.random = random.Random(14)
        self.count = 0

    def catch_up(self):
        self.bench.catch_up(300)

    def at_the_decoy(self):
        source = f"127.{self.random.randrange(1, 60)}.{self.random.randrange(1, 250)}.{self.random.randrange(1, 250)}"
        with Client(self.bench.fake1, source) as c:
            c.reply()
            c.say("EHLO bot.example")

    def at_the_real_host(self, visits):
        """A third is mail of 3,000 senders that come again and again; the others never come twice."""
        with open(self.bench.real.log, "a") as log:
            for _ in range(visits):
                self.count += 1
                n = self.random.randrange(3000) if self.count % 3 == 0 else self.count + 1000000
                now = datetime.datetime.fromtimestamp(time.time() + self.bench.real._clock(), datetime.timezone.utc)
                stamp = f"{now.isoformat(timespec='microseconds')} mail postfix/"
                words = {"a": f"{30 + (n >> 20)}.{n >> 12 & 255}.{n >> 4 & 255}.{n % 16 + 1}", "d": n % 100,
                         "p": 10000 + self.count % 40, "q": f"4Zx{self.count:09X}"}
                log.write("".join(f"{stamp}{text.format(**words)}\n" for text in (ACCEPTED if self.count % 3 == 0 else REFUSED)))
                if self.count % 100 == 0:
                    log.flush()

    def day(self, n):
        for k in range(3):
            deliver(self.bench.mail, f"127.61.{n % 250}.{k + 1}")
        os.replace(self.bench.real.log, f"{self.bench.real.log}.1")
        self.bench.real.log.touch()
        os.truncate(self.bench.log, 0)
        for _ in range(2):
            for _ in range(self.at_decoys // 2):
                self.at_the_decoy()
            self.at_the_real_host((self.visits_a_day - self.at_decoys) // 2)
            self.catch_up()
            self.bench.jump(DAY / 2)  # while everybody waits
            self.catch_up()
        if n % 7 == 0:
            self.bench.process.send_signal(signal.SIGHUP)

    def state(self):
        pid = self.bench.process.pid
        with open(f"/proc/{pid}/smaps_rollup") as f:
            memory = next(int(line.split()[1]) for line in f if line.startswith("Pss_Anon"))
        with open(f"/proc/{pid}/stat") as f:
            ticks = sum(int(t) for t in f.read().rsplit(")", 1)[1].split()[11:13])
        files = len(os.listdir(f"/proc/{pid}/fd"))
        size = sum(p.stat().st_size for p in self.bench.state.glob("journal.sqlite*"))
        visits = self.bench.rows("SELECT max(id) AS n FROM visit")[0]["n"]
        cpu = 1e6 * ticks / os.sysconf("SC_CLK_TCK") / max(1, visits - self.visits)
        self.visits = visits
        return memory, files, size // 1024, cpu, visits

    def told(self, table):
        return "\n".join(["month    visits  memory kB  files  journal kB  CPU us a visit"] +
                         [f"{n + 1:5}  {v:8}  {m:9}  {f:5}  {s:10}  {t:14.1f}" for n, (m, f, s, t, v) in enumerate(table)])

    def test_the_last_month_needs_what_the_second_did(self):
        self.bench.write(retention='"30d"', probe_interval="60min", names="false")
        self.bench.start()
        table, self.visits = [], 0
        for month in range(self.months):
            for n in range(30):
                self.day(30 * month + n)
            table.append(self.state())
            self.report = self.told(table)
            if "FMX_YEAR" in os.environ:
                with open(os.environ["FMX_YEAR"], "w") as f:
                    f.write(self.report + "\n")
            self.bench.restart()
            self.catch_up()
        self.assertGreater(table[-1][-1], 0.95 * self.months * 30 * self.visits_a_day, self.report)
        self.assertEqual(0, self.bench.stop())
        verified = subprocess.run([program("fakemx"), "-c", self.bench.conf, "journal", "verify"], capture_output=True, text=True)
        self.assertEqual(0, verified.returncode, verified.stderr)
        if self.months < 6:
            return
        late = table[-1]
        for i, more, early in ((0, 1.25, 1), (2, 1.25, 4), (3, 1.25, 1)):  # runs stay for 96 days
            self.assertLess(late[i], more * table[early][i], self.report)
        self.assertLessEqual(late[1], table[1][1] + 2, self.report)
