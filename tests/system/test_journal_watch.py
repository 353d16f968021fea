"""serve watches a real host through systemd's journal: files that systemd-journal-remote writes
while they are read."""

import signal
import subprocess
import time
import unittest

from loopback import Bench, deliver, wait_for

JOURNAL_REMOTE = "/lib/systemd/systemd-journal-remote"
BOOT = "5f1c7d3a9b2e4f60817263544a5b6c7d"


class Journal:
    """The journal of a machine: what is written is there for readers at once."""

    def __init__(self, folder, clock):
        folder.mkdir()
        self._clock, self._count = clock, 0
        self._process = subprocess.Popen([JOURNAL_REMOTE, f"--output={folder / 'system.journal'}", "-"],
                                         stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def now(self):
        return round((time.time() + self._clock()) * 1e6)

    def write(self, text, ident="postfix/smtpd[4711]", at=None):
        """at: microseconds; many lines may have the same."""
        name, _, pid = ident.rstrip("]").partition("[")
        now = at or self.now()
        self._count += 1
        self._process.stdin.write((
            f"__REALTIME_TIMESTAMP={now}\n__MONOTONIC_TIMESTAMP={self._count}\n_BOOT_ID={BOOT}\n_HOSTNAME=mail\n"
            f"SYSLOG_FACILITY=2\nSYSLOG_IDENTIFIER={name}\nSYSLOG_PID={pid}\n_PID={pid}\n"
            f"MESSAGE={text}\n\n").encode())
        self._process.stdin.flush()

    def close(self):
        self._process.stdin.close()
        self._process.wait(20)


class WatchedByJournal(unittest.TestCase):
    limit_seconds = 120

    def setUp(self):
        self.bench = Bench("journal")
        self.addCleanup(self.bench.close)
        folder = self.bench.folder / "journal"
        self.journal = Journal(folder, self.bench.offset)
        self.addCleanup(self.journal.close)
        self.bench.real.write = self.journal.write
        site = self.bench.site().replace(f'"{self.bench.real.log}"', f'"journal:{folder}"')
        self.bench.write(site)

    def test_visits_come_from_the_journal_and_a_restart_reads_on(self):
        bench = self.bench
        bench.start()
        bench.catch_up()  # it shows our own probe: the host is known to be well
        bench.jump(3600)
        wait_for("the jump", lambda: "caught-up clock_ahead=3600" in bench.text())
        self.assertRegex(deliver(bench.mail, "127.9.1.1"), "^250 ")
        self.assertRegex(deliver(bench.fake1, "127.9.2.2") or "451", "^4")
        wait_for("the visit", lambda: bench.visits("127.9.1.1"))
        bench.wait_log(r"verdict address=127\.9\.2\.2 .*order=backdoor")
        seen = bench.visits("127.9.1.1", "maillog")
        self.assertEqual([("data", "accepted")], [(v["depth"], v["outcome"]) for v in seen])
        bench.stop()
        self.assertRegex(deliver(bench.mail, "127.9.1.3"), "^250 ")
        bench.start()
        wait_for("what came meanwhile", lambda: bench.visits("127.9.1.3"))
        bench.catch_up()
        for address in ("127.9.1.1", "127.9.1.3"):
            self.assertEqual(1, len(bench.visits(address, "maillog")), address)
        self.assertNotIn(" error ", bench.text())

    def _session(self, client, pid, at):
        for text in (f"connect from unknown[{client}]", f"NOQUEUE: reject: RCPT from unknown[{client}]: 450 4.2.0 <info@shop.example>: later; "
                     "from=<a@b.example> to=<info@shop.example> proto=ESMTP helo=<b.example>",
                     f"disconnect from unknown[{client}] ehlo=1 mail=1 rcpt=0/1 quit=1 commands=3/4"):
            self.journal.write(text, f"postfix/smtpd[{pid}]", at)

    def test_lines_of_one_microsecond_are_neither_lost_nor_doubled_by_a_restart(self):
        bench, made = self.bench, {}
        bench.start()
        bench.catch_up()

        def sessions(at, *clients):
            for client in clients:
                self._session(client, 7000 + sum(made.values()), at)
                made[client] = made.get(client, 0) + 1

        def told():
            found = [v["address"] for v in bench.visits(source="maillog") if v["address"] in made]
            return {client: found.count(client) for client in set(found)}
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
            at = self.journal.now()
            sessions(at, "127.9.4.1", "127.9.4.1", "127.9.4.2")  # two of one client
            wait_for("these visits", lambda: told() == made)
            bench.stop(number)
            sessions(at, "127.9.4.1", "127.9.4.3")  # as if they were one's that is read already
            sessions(self.journal.now(), "127.9.4.2")
            bench.start()
            wait_for("what came meanwhile", lambda: told() == made)
            bench.catch_up()
            time.sleep(1.5)  # what comes twice would come now
            self.assertEqual(made, told())
        self.assertNotIn(" error ", bench.text())
