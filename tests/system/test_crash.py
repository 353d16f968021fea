"""fakemx-serve is killed under load, restarted, told things late: nothing committed is lost,
and a second process that reads the journal comes to the verdicts that were logged live."""

import contextlib
import re
import threading
import time

from lab import journal, net
from lab.case import LabCase
from lab.client import Client, deliver
from lab.programs import PostfixSender
from lab.serve import Serve, config
from lab.site import DOMAIN, FAKE0, FAKE1, Site

HOUR = 3600


class Load:
    """Bots that never stop: each thread dials from one address after another."""

    def __init__(self, crowd, addresses, threads=4):
        self._crowd, self._addresses = crowd, addresses
        self._is_over = threading.Event()
        self.dialled = self.failed = 0
        self._threads = [threading.Thread(target=self._work, args=(n, threads)) for n in range(threads)]

    def _work(self, first, step):
        n = first
        while not self._is_over.is_set():
            source = self._addresses[n % len(self._addresses)]
            try:
                replies = deliver(self._crowd, source, (FAKE1, FAKE0)[n // len(self._addresses) % 2], f"victim@{DOMAIN}")
                self.failed += replies[-1:] == ["refused"]
            except OSError:
                self.failed += 1
            self.dialled += 1
            n += step
            time.sleep(0.02)  # a thousand visits a client and day are kept

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        for thread in self._threads:
            thread.join()


class Killed(LabCase):
    @classmethod
    def build(cls):
        cls.site = Site(cls.net, [PostfixSender])
        cls.serve = Serve(cls.site.decoys, config(cls.site, mode="enforce", grace="1s", probe_interval="5s"))
        cls.site.senders[0].start()
        cls.bots = [f"30.9.{n}.{m}" for n in range(1, 11) for m in range(1, 4)]
        for address in cls.bots:
            cls.site.crowd.add_address(address)

    def visits(self):
        return [(v["time"], v["address"], v["host"], v["depth"]) for v in self.serve.json_lines("visits")]

    def test_kill_9_under_load_loses_nothing_that_was_committed(self):
        self.serve.start()
        self.serve.catch_up()  # the journal knows from where on each log was read
        sender, ids = self.site.senders[0], []
        with Load(self.site.crowd, self.bots) as load:
            for round_number in range(3):
                ids += sender.submit(DOMAIN, 10)
                before = len(self.visits())
                net.wait_for("load", lambda: len(self.visits()) > before + 200, 30, 0.2)
                committed = self.visits()  # acknowledged is what another process sees
                self.assertEqual(-9, self.serve.kill())
                self.assertEqual(0, self.serve.fakemx("journal", "verify").returncode)
                self.serve.start()
                after = self.visits()
                lost = set(committed) - set(after)
                self.assertEqual(set(), lost, f"round {round_number}: {len(lost)} of {len(committed)} lost")
        self.assertGreater(load.dialled, 600)
        sender.wait_until_sent(ids)
        self.assert_exactly_once(ids, self.site.stored())
        self.serve.catch_up()
        logged = sum(len(re.findall(rf": connect from \S+\[{re.escape(sender.address)}\]", mx.log.read_text()))
                     for mx in self.site.real_hosts())

        def seen():
            return [v for v in self.serve.json_lines("visits")
                    if v["role"] == "real" and v["address"] == sender.address]

        # Postfix keeps a session open a while for the next message; it is a visit once it ends.
        with contextlib.suppress(TimeoutError):
            net.wait_for("every session has ended", lambda: len(seen()) >= logged, 30, 0.5)
        self.assertEqual(logged, len(seen()), "each session of the logs is one visit, also when a log was read again")
        self.assertEqual(0, self.serve.stop())


class Replay(LabCase):
    """Bots, good mail, a late log, an outage, a restart and a kill, then the same from the journal.
    With -v serve logs every verdict, also those that only say that a walk began."""

    @classmethod
    def build(cls):
        cls.site = Site(cls.net, [PostfixSender], with_syslog=True)
        cls.serve = Serve(cls.site.decoys, config(cls.site, mode="enforce", grace="1s")).start("-v")
        cls.sender = cls.site.senders[0]
        cls.sender.start()
        cls.crowd = cls.site.crowd
        for n in range(1, 9):
            cls.crowd.add_address(f"30.9.{n}.1")
            cls.crowd.add_address(f"3ffe:0:9{n:02}::1")

    def attack(self, *numbers):
        for n in numbers:
            deliver(self.crowd, f"30.9.{n}.1", FAKE1, f"victim@{DOMAIN}")

    def send(self, count=2):
        sent = self.sender.submit(DOMAIN, count)
        self.sender.wait_until_sent(sent, flush=True)

    def live_lines(self):
        return [m.group(0) for m in re.finditer(r"(?:verdict|listing) address=.*", self.serve.text())]

    def test_a_rebuild_gives_the_verdicts_that_were_logged_live(self):
        serve = self.serve
        serve.catch_up()
        serve.jump(HOUR)  # an hour counts for the list when all of it was watched
        self.send()
        self.attack(1, 2, 3)
        serve.jump(130)

        # A log that stalls as a whole does not show our own probes either: nobody is accused.
        self.site.mail.host.syslog.hold()
        self.attack(8)
        serve.jump(130, is_complete=False)
        self.assertNotEqual("backdoor", serve.latest("30.9.8.1").get("order"))
        self.site.mail.host.syslog.release()
        serve.jump(130)

        # The lines of one client come late: accused first, excused when they are read.
        self.site.mail.host.syslog.hold("30.9.4.1")
        with Client(self.crowd, "30.9.4.1", self.site.mail.address) as client:
            client.reply()
            client.command("EHLO patient.example")
            client.command("QUIT")
        late = self.site.mail.host.syslog
        net.wait_for("its last line", lambda: "disconnect from unknown[30.9.4.1]" in late.held())
        self.attack(4)
        serve.jump(130)
        accused = serve.latest("30.9.4.1")
        self.site.mail.host.syslog.release()
        serve.catch_up()
        excused = serve.latest("30.9.4.1")
        self.assertEqual(("backdoor", "yes"), (accused.get("order"), excused.get("revised")), (accused, excused))
        self.assertNotEqual("backdoor", excused["order"])

        # A restart in order (an hour with a start counts for nobody), then bots that come back,
        # and one that says little.
        serve.jump(HOUR)
        self.assertEqual(0, serve.stop())
        serve.start("-v")
        serve.jump(3 * HOUR)
        self.attack(1, 2, 5)
        with Client(self.crowd, "3ffe:0:906::1", "3ffe::31") as client:
            client.reply()
            client.command("EHLO quiet.example")
        self.send()
        serve.jump(130)

        # A restart that is not in order, with visits that nobody has judged.
        serve.jump(HOUR)
        self.attack(7)
        serve.catch_up()
        serve.kill()
        serve.start("-v")
        serve.jump(130)

        # An outage.
        self.site.stop_real_hosts()
        serve.jump(70, is_complete=None)
        sent = self.sender.submit(DOMAIN, 2, "outage")
        self.attack(6)
        net.wait_for("the sender tries", lambda: set(sent) <= set(self.sender.deliveries()))
        self.site.start_real_hosts()
        self.sender.wait_until_sent(sent, flush=True)
        serve.jump(70)
        for _ in range(6):
            serve.jump(86400)
        serve.stop()

        live = self.live_lines()
        self.assertTrue([x for x in live if x.startswith("listing") and "listed=yes" in x], "somebody was listed")
        self.assertTrue([x for x in live if "revised=yes" in x], "something was corrected")
        self.assertTrue([x for x in live if "fate=stopped" in x], "somebody was stopped")
        self.assertGreater(len(live), 15)
        path = serve.folder / "state" / "journal.sqlite"
        self.assertEqual(journal.walks(path), journal.told(serve.text()))
        self.assertEqual(0, serve.fakemx("journal", "verify", check=0).returncode)
