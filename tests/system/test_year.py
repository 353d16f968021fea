"""A year in minutes: the clock jumps day by day, visits come, logs rotate, the configuration is read again, serve restarts; what
it needs is the same in the last month as in the fourth, when the first visits have been let go."""

import os
import random
import signal
import time
import unittest

from lab.case import long_test
from loopback import Bench, Client, deliver

DAY = 86400


@long_test
class Year(unittest.TestCase):
    limit_seconds = 3600
    months = int(os.environ.get("FMX_MONTHS", 12))
    visits_a_day = int(os.environ.get("FMX_VISITS", 100))

    def setUp(self):
        self.bench = Bench("year")
        self.addCleanup(self.bench.close)
        self.random = random.Random(14)

    def visit(self):
        source = f"127.{self.random.randrange(1, 60)}.{self.random.randrange(1, 250)}.{self.random.randrange(1, 250)}"
        with Client(self.bench.fake1, source) as c:
            c.reply()
            c.say("EHLO bot.example")

    def day(self, n):
        began = time.monotonic()
        for _ in range(self.visits_a_day):
            self.visit()
        self.took += time.monotonic() - began
        for k in range(3):
            deliver(self.bench.mail, f"127.61.{n % 250}.{k + 1}")
        os.replace(self.bench.real.log, f"{self.bench.real.log}.1")
        self.bench.real.log.touch()
        self.bench.catch_up()
        for _ in range(4):  # while everybody waits
            self.bench.jump(DAY / 4)
            self.bench.catch_up()
        if n % 7 == 0:
            self.bench.process.send_signal(signal.SIGHUP)

    def state(self):
        pid = self.bench.process.pid
        with open(f"/proc/{pid}/smaps_rollup") as f:
            memory = next(int(line.split()[1]) for line in f if line.startswith("Pss_Anon"))
        files = len(os.listdir(f"/proc/{pid}/fd"))
        size = sum(p.stat().st_size for p in self.bench.state.glob("journal.sqlite"))
        return memory, files, size // 1024, 1e3 * self.took / (30 * self.visits_a_day)

    def test_the_last_month_needs_what_the_fifth_did(self):
        self.bench.write(retention='"30d"', probe_interval="6h")
        self.bench.start()
        table = []
        for month in range(self.months):
            self.took = 0
            for n in range(30):
                self.day(30 * month + n)
            table.append(self.state())
            self.bench.restart()
            self.bench.catch_up()
        self.report = "\n".join(["month  memory kB  files  journal kB  ms a visit"] +
                                [f"{n + 1:5}  {m:9}  {f:5}  {s:10}  {t:10.2f}" for n, (m, f, s, t) in enumerate(table)])
        if self.months < 6:
            return
        early, late = table[4], table[-1]  # runs stay for 96 days
        self.assertLess(late[0], 1.25 * early[0], self.report)
        self.assertLessEqual(late[1], early[1] + 2, self.report)
        self.assertLess(late[2], 1.25 * early[2], self.report)
