"""fakemx-serve as a process: start and stop, reload, signals, kill, full disk, bad surroundings.

Runs on loopback with addresses and ports of its own; root is needed by the tests that mount a
small disk or give root away, and by the runner.
"""

import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest

from lab.case import program
from loopback import DOMAIN, Bench, Client, deliver, free_port, wait_for


def reset_by(address, source=None):
    """True if the connection is made, and then reset."""
    try:
        with Client(address, source) as c:
            return c.file.read(1) == b"" and False
    except ConnectionResetError:
        return True


def watch_a_minute(bench):
    """Postfix may have taken a connection ten seconds before it logs it: watched all that time."""
    bench.catch_up()
    bench.jump(60)
    bench.wait_log(r"caught-up clock_ahead=60\.")


class Postures(unittest.TestCase):
    limit_seconds = 60

    @classmethod
    def setUpClass(cls):
        cls.bench = Bench("postures")
        cls.bench.write(cls.bench.site(extra=cls.bench.control("busy")))
        cls.bench.start()

    @classmethod
    def tearDownClass(cls):
        cls.bench.close()

    def visits(self, address):
        self.bench.catch_up()
        return [v["depth"] for v in self.bench.visits(address)]

    def test_1_reset_lets_the_handshake_pass_and_resets(self):
        self.assertTrue(reset_by(self.bench.fake0, "127.1.1.1"))
        self.assertEqual(["connect"], self.visits("127.1.1.1"))

    def test_2_busy_says_421_and_closes(self):
        with Client(self.bench.scan, "127.1.1.2") as c:
            self.assertRegex(c.reply(), r"^421 ")
            self.assertEqual(b"", c.file.read())
        self.assertEqual(["connect"], self.visits("127.1.1.2"))

    def test_3_defer_holds_a_dialogue_and_takes_nothing(self):
        with Client(self.bench.fake1, "127.1.1.3") as c:
            self.assertRegex(c.reply(), r"^220 fake1\.shop\.example")
            self.assertRegex(c.say("EHLO bot.example"), r"^250")
            self.assertRegex(c.say("MAIL FROM:<x@bot.example>"), r"^250")
            answer = c.say(f"RCPT TO:<info@{DOMAIN}>")
            self.assertRegex(answer, r"^451 4\.")
            self.assertIn("mail.shop.example", answer)
            self.assertRegex(c.say("DATA"), r"^451 ")
            self.assertRegex(c.say("QUIT"), r"^221 ")
        self.assertEqual(["data"], self.visits("127.1.1.3"))

    def test_4_the_real_host_is_seen_by_its_log(self):
        self.assertRegex(deliver(self.bench.mail, "127.1.1.4"), r"^250 ")
        self.bench.catch_up()
        wait_for("the visit", lambda: self.bench.visits("127.1.1.4"))
        seen = self.bench.visits("127.1.1.4")[0]
        self.assertEqual(("maillog", "data", "accepted"), (seen["source"], seen["depth"], seen["outcome"]))

    def test_5_our_own_probes_are_no_visits_but_a_client_at_our_address_is(self):
        ours = "127.0.0.1"  # where a connection to any address of 127/8 leaves from
        self.bench.catch_up()
        wait_for("two probes", lambda: len([p for p in self.bench.probes() if p["ok"]]) >= 2)
        self.assertIn(f"connect from unknown[{ours}]", self.bench.real.log.read_text())
        self.assertEqual([], self.bench.visits(ours))
        self.assertRegex(deliver(self.bench.mail, ours), r"^250 ")
        self.bench.catch_up()
        wait_for("the visit", lambda: len(self.bench.visits(ours)) == 1)

    def test_6_a_visit_is_committed_within_a_second(self):
        reset_by(self.bench.fake0, "127.1.1.6")
        wait_for("the visit", lambda: self.bench.visits("127.1.1.6"), seconds=1.5)

    def test_7_rubbish_does_not_end_the_daemon(self):
        rubbish = random.Random(1)
        for n in range(20):
            with Client(self.bench.fake1, f"127.1.7.{n + 1}") as c:
                try:
                    c.socket.sendall(rubbish.randbytes(100000) + b"A" * 1000000 + b"\r\n")
                    c.socket.shutdown(socket.SHUT_WR)
                    while c.socket.recv(65536):
                        pass
                except OSError:
                    pass  # it is free to end such a connection as it likes
        self.assertTrue(reset_by(self.bench.fake0, "127.1.7.99"))
        self.assertIsNone(self.bench.process.poll())

    def test_8_it_stops_in_order_and_gives_open_connections_as_visits(self):
        with Client(self.bench.fake1, "127.1.1.8") as c:
            c.reply()
            c.say("EHLO bot.example")
            c.say("MAIL FROM:<x@bot.example>")
            self.assertEqual(0, self.bench.stop())
        self.assertEqual(["mail"], [v["depth"] for v in self.bench.visits("127.1.1.8")])
        # And how far everybody was seen to the end.
        last = self.bench.rows("SELECT max(time) AS t FROM visit")[0]["t"]
        self.assertGreater(self.bench.rows("SELECT min(told) AS t FROM host WHERE role = 1")[0]["t"], last)


class Reload(unittest.TestCase):
    limit_seconds = 60

    def setUp(self):
        self.bench = Bench("reload")
        self.addCleanup(self.bench.close)
        self.bench.start()

    def reload(self):
        self.bench.said = len(self.bench.text())
        self.bench.process.send_signal(signal.SIGHUP)
        return self.bench.wait_log(r"info reloaded|error reload-refused").group(0)

    def test_an_open_connection_stays(self):
        with Client(self.bench.fake1, "127.1.2.1") as c:
            c.reply()
            c.say("EHLO sender.example")
            self.bench.write(self.bench.site(high="busy"))
            self.assertEqual("info reloaded", self.reload())
            self.assertRegex(c.say("MAIL FROM:<x@sender.example>"), r"^250 ")
            with Client(self.bench.fake1, "127.1.2.2") as after:
                self.assertRegex(after.reply(), r"^421 ")

    def test_decoys_come_and_go(self):
        self.bench.write(self.bench.site(low=None, extra=self.bench.control("busy")))
        self.assertEqual("info reloaded", self.reload())
        with self.assertRaises(ConnectionRefusedError):
            Client(self.bench.fake0)
        with Client(self.bench.scan) as c:
            self.assertRegex(c.reply(), r"^421 ")
        gone = self.bench.rows("SELECT name FROM host WHERE here_until IS NOT NULL")
        self.assertEqual(["fake0.shop.example"], [h["name"] for h in gone])
        # The same names again have the same numbers again.
        self.bench.write(self.bench.site(extra=self.bench.control("busy")))
        self.assertEqual("info reloaded", self.reload())
        self.assertTrue(reset_by(self.bench.fake0, "127.1.2.3"))
        self.bench.catch_up()
        hosts = {v["address"]: v["host"] for v in self.bench.visits()}
        self.assertEqual("fake0.shop.example", hosts["127.1.2.3"])
        self.assertEqual([{"n": 4, "names": 4}],
                         self.bench.rows("SELECT count(*) AS n, count(DISTINCT name) AS names FROM host"))

    def test_an_unchanged_file_changes_nothing(self):
        before = self.definitions()
        self.assertEqual("info reloaded", self.reload())
        self.bench.catch_up()
        self.assertEqual(before, self.definitions())

    def definitions(self):
        return [self.bench.rows(q) for q in (
            "SELECT * FROM site", "SELECT id, name, since, here_until, definition FROM host", "SELECT * FROM rules",
            "SELECT * FROM span WHERE host = 0", "SELECT * FROM meta WHERE name = 'generation'")]

    def test_a_bad_file_is_refused_and_the_old_one_stays(self):
        self.bench.write(self.bench.site(low="defer"))
        self.assertEqual("error reload-refused", self.reload())
        self.bench.conf.write_text("nonsense = true\n")
        self.assertEqual("error reload-refused", self.reload())
        self.assertIn("nonsense", self.bench.text())
        self.assertTrue(reset_by(self.bench.fake0))
        self.assertIsNone(self.bench.process.poll())

    def test_a_port_in_use_refuses_the_whole_reload(self):
        with socket.socket() as other:
            other.bind(self.bench.scan)
            other.listen()
            self.bench.write(self.bench.site(low=None, extra=self.bench.control("busy")))
            self.assertEqual("error reload-refused", self.reload())
            self.assertTrue(reset_by(self.bench.fake0))

    def test_many_reloads_leave_nothing_behind(self):
        descriptors = f"/proc/{self.bench.process.pid}/fd"
        self.reload()
        before = len(os.listdir(descriptors))
        for n in range(20):
            self.bench.write(self.bench.site(low=None if n % 2 else "reset"))
            self.assertEqual("info reloaded", self.reload())
        wait_for("descriptors to be closed", lambda: len(os.listdir(descriptors)) <= before + 1)
        self.assertEqual(0, self.bench.stop())


class Shared(unittest.TestCase):
    """Two sites with one mail server, one log and one decoy: a hosting provider's."""

    limit_seconds = 60

    def test_sites_that_share_everything_are_judged_as_one(self):
        with Bench("shared") as bench:
            one = bench.site()
            bench.write(one + one.replace('"lab"', '"other"').replace(f'"{DOMAIN}"', '"other.example"'))
            bench.start()
            watch_a_minute(bench)
            reset_by(bench.fake0, "127.4.0.1")
            deliver(bench.mail, "127.4.0.1")
            deliver(bench.fake1, "127.4.1.2", rcpt="info@other.example")
            bench.wait_log(r"verdict address=127\.4\.0\.1 site=lab order=straight fate=reached ")
            bench.wait_log(r"verdict address=127\.4\.1\.2 site=lab order=backdoor ")
            self.assertEqual(1, len(bench.visits("127.4.1.2")))
            self.assertEqual([], bench.visits("127.0.0.1"))
            seen = {h["id"] for h in bench.rows("SELECT id FROM host WHERE told IS NOT NULL")}
            self.assertEqual({1, 2, 3, 4, 5, 6}, seen)
            # One of them goes; the other's sockets and judgement stay.
            bench.write(one)
            bench.said = len(bench.text())
            bench.process.send_signal(signal.SIGHUP)
            bench.wait_log("info reloaded sites=1 listeners=2")
            deliver(bench.fake1, "127.4.2.3")
            bench.wait_log(r"verdict address=127\.4\.2\.3 site=lab ")
            self.assertEqual(["other"], [s["name"] for s in bench.rows("SELECT name FROM site WHERE until IS NOT NULL")])
            # And comes back under its old numbers.
            bench.write(one + one.replace('"lab"', '"other"').replace(f'"{DOMAIN}"', '"other.example"'))
            bench.said = len(bench.text())
            bench.process.send_signal(signal.SIGHUP)
            bench.wait_log("info reloaded sites=2 listeners=2")
            bench.catch_up()
            self.assertEqual(seen, {h["id"] for h in bench.rows("SELECT id FROM host WHERE here_until IS NULL")})
            # The reader of the log was started anew twice, and gave nothing twice.
            self.assertEqual(["127.4.0.1"], [v["address"] for v in bench.visits(source="maillog")])
            self.assertEqual(0, bench.stop())
            self.assertEqual(bench.walks(), bench.told())


class Kill(unittest.TestCase):
    limit_seconds = 120

    def load(self, bench, seconds):
        """Bots and good senders, each from an address of its own, until the time is over."""
        end = time.monotonic() + seconds

        def work(n):
            source = 0
            while time.monotonic() < end:
                source += 1
                address = f"127.{10 + n}.{source // 250}.{source % 250 + 1}"
                try:
                    if n == 0:
                        reset_by(bench.fake0, address)
                        deliver(bench.mail, address)
                    elif n == 1:
                        deliver(bench.fake1, address)
                    else:
                        reset_by(bench.fake0, address)
                except OSError:
                    time.sleep(0.01)  # nobody listens while it is dead

        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for t in threads:
            t.start()
        return threads

    def test_killed_as_soon_as_it_first_began_it_reads_on_from_there_and_accuses_nobody(self):
        with Bench("young") as bench:
            bench.real.write("connect from unknown[127.96.0.1]")
            bench.real.write("disconnect from unknown[127.96.0.1] commands=0/0")  # of before
            time.sleep(1.1)
            bench.start()
            bench.process.kill()
            bench.process.wait()
            bench.real.write("connect from unknown[127.96.0.2]")
            bench.real.write("disconnect from unknown[127.96.0.2] commands=0/0")
            bench.start()
            wait_for("it is read", lambda: bench.visits("127.96.0.2"))
            deliver(bench.fake1, "127.96.0.2")
            bench.catch_up()
            bench.jump(120)
            bench.wait_log(r"caught-up clock_ahead=120\.")
            self.assertEqual([], bench.visits("127.96.0.1"))
            self.assertEqual(1, len(bench.visits("127.96.0.2", "maillog")))
            self.assertNotIn("order=backdoor", bench.text())

    def test_sigkill_under_load_loses_nothing_acknowledged_and_what_was_told_is_in_the_journal(self):
        with Bench("kill") as bench:
            bench.write(probe_interval="5s", unwell_tail="0")  # under this load a probe may fail
            bench.start()
            threads = self.load(bench, 9)
            acknowledged = []
            for _ in range(3):
                time.sleep(2)
                acknowledged = bench.visits()
                bench.process.kill()
                bench.process.wait()
                bench.start()
                self.assertEqual(acknowledged, bench.visits()[:len(acknowledged)])
            for t in threads:
                t.join()
            bench.real.write("connect from unknown[127.99.0.1]")
            bench.real.write("disconnect from unknown[127.99.0.1] commands=0/0")
            bench.catch_up()
            for n in range(30):  # where the real host was watched without a gap
                deliver(bench.fake1, f"127.98.{n}.1")
            for hours in range(1, 7):
                bench.jump(3600)
                bench.wait_log(rf"caught-up clock_ahead={hours * 3600}\.", 60)
            self.assertEqual(0, bench.stop())
            self.assertGreater(len(acknowledged), 200)
            seen = bench.visits(source="maillog")
            self.assertEqual(len(seen), len({v["address"] for v in seen}), "a log line was read twice")
            # Killed between commit and log, a verdict may be missing from the log, never from the
            # journal; those of the last start were all told.
            told, walks = bench.told(), bench.walks()
            self.assertGreater(len(told), 200)
            self.assertEqual(set(), set(told) - set(walks))
            stopped = {walk: word for walk, word in walks.items() if word[1] == "stopped"}
            self.assertGreater(len(stopped), 20)
            self.assertEqual(stopped, {walk: told.get(walk) for walk in stopped})

    def test_a_restart_reads_the_log_on_from_where_it_was(self):
        with Bench("resume") as bench:
            bench.start()
            deliver(bench.mail, "127.3.0.1")
            bench.catch_up()
            bench.stop()
            deliver(bench.mail, "127.3.0.2")
            bench.start()
            deliver(bench.mail, "127.3.0.3")
            bench.catch_up()
            wait_for("three visits", lambda: len(bench.visits(source="maillog")) == 3)
            self.assertEqual(["127.3.0.1", "127.3.0.2", "127.3.0.3"],
                             sorted(v["address"] for v in bench.visits(source="maillog")))


class Surroundings(unittest.TestCase):
    """What serve says, and how it ends, when it cannot start."""

    limit_seconds = 90

    def setUp(self):
        self.bench = Bench("refuse")
        self.addCleanup(self.bench.close)

    def assert_refused(self, code, *sentences, site=None, **popen):
        if site is not None:
            self.bench.write(site)
        elif not self.bench.conf.exists():
            self.bench.write()
        got, said = self.bench.refused(**popen)
        self.assertEqual(code, got, said)
        for sentence in sentences:
            self.assertRegex(said, sentence)
        self.assertEqual(1, len([s for s in said.splitlines() if s.startswith("fakemx-serve: ")]), said)

    def test_what_endangers_mail_ends_with_3(self):
        b = self.bench
        self.assert_refused(3, "fake0", site=b.site(low="defer"))
        self.assert_refused(3, "fake0", site=b.site(low="busy"))
        second = f'  decoy "fake9.{DOMAIN}" {{ preference = 5 address = {{ {b.at(b.scan)} }} posture = reset }}\n'
        self.assert_refused(3, "low", site=b.site(extra=second))
        b.fake1 = b.mail
        self.assert_refused(3, "mail", site=b.site())

    def test_the_same_is_said_by_check_config(self):
        self.bench.write(self.bench.site(low="busy"))
        self.assertEqual(3, self.bench.refused("--check-config")[0])
        self.bench.write()
        code, said = self.bench.refused("--check-config")
        self.assertEqual(0, code)
        self.assertIn("is good: 1 site", said)
        self.assertFalse(self.bench.state.exists())

    def test_a_wrong_configuration_ends_with_64(self):
        self.assert_refused(64, "fakemx.conf:", site="nonsense = 1\n")
        self.bench.conf.unlink()
        code, said = self.bench.refused()
        self.assertEqual(64, code)
        self.assertIn(str(self.bench.conf), said)

    def test_a_configuration_that_may_not_be_read_is_said_with_who_may(self):
        self.bench.write()
        self.bench.conf.chmod(0o600)
        for argv in ([], ["--check-config"]):
            code, said = self.bench.refused(*argv, user=65534, group=65534)
            self.assertEqual(64, code, said)
            self.assertIn("run this as root", said)

    def test_a_wrong_word_ends_with_64_and_the_nearest_is_offered(self):
        code, said = self.bench.run("--chek-config")
        self.assertEqual(64, code)
        self.assertIn("--check-config", said)
        self.assertEqual(64, self.bench.run("--ready-fd", "x")[0])
        self.assertEqual(64, self.bench.run("-c")[0])
        self.assertEqual(64, self.bench.run("serve")[0])

    def test_help_and_version_end_with_0(self):
        for option in ("--help", "-h", "--version"):
            code, said = self.bench.run(option)
            self.assertEqual(0, code)
            self.assertIn("fakemx-serve", said)

    def test_a_port_in_use_is_said(self):
        with socket.socket() as other:
            other.bind(self.bench.fake1)
            other.listen()
            self.assert_refused(1, rf"{re.escape(self.bench.fake1[0])}.*{self.bench.fake1[1]}", r"in use")

    def test_an_address_that_is_not_ours_is_said(self):
        self.bench.fake1 = ("198.51.100.7", 2525)
        self.assert_refused(1, r"198\.51\.100\.7")

    def test_no_permission_for_port_25_says_what_to_do(self):
        os.chmod(self.bench.folder, 0o777)
        self.bench.fake1 = (self.bench.fake1[0], 25)
        sysctl = pathlib.Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
        wrap = ["unshare", "-n", "sh", "-c",
                f'ip link set lo up; echo 1024 > {sysctl}; exec setpriv --reuid=65534 --regid=65534 '
                '--clear-groups "$@"', "sh"]
        self.bench.write()
        done = subprocess.run([*wrap, program("fakemx-serve"), "-c", self.bench.conf], timeout=30,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(1, done.returncode, done.stdout)
        for word in ("cap_net_bind_service", "systemd", "a port above 1023"):
            self.assertIn(word, done.stdout)

    def test_a_second_serve_on_the_same_journal_is_refused(self):
        self.bench.start()
        taken = {n: getattr(self.bench, n) for n in ("fake0", "fake1")}
        for n, (address, _) in taken.items():
            setattr(self.bench, n, (address, free_port(address)))
        self.bench.write()
        self.assert_refused(1, str(self.bench.process.pid))

    def test_a_corrupt_journal_is_refused(self):
        self.bench.start()
        self.assertEqual(0, self.bench.stop())
        for wal in self.bench.state.glob("*-wal"):
            wal.unlink()
        with open(self.bench.journal, "r+b") as f:
            f.write(b"This was a journal. " * 20)
        self.assert_refused(1, str(self.bench.journal))

    def test_a_foreign_file_is_refused_and_left_alone(self):
        self.bench.state.mkdir()
        self.bench.journal.write_text("dear diary\n" * 1000)
        self.assert_refused(1, str(self.bench.journal))
        self.assertEqual("dear diary\n" * 1000, self.bench.journal.read_text())

    def test_a_user_that_does_not_exist_is_said(self):
        self.bench.write(user='"fakemx-nobody-here"')
        self.assert_refused(64, "fakemx-nobody-here")
        for check in ([program("fakemx"), "-c", self.bench.conf, "serve", "--check-config"],
                      [program("fakemx-serve"), "-c", self.bench.conf, "--check-config"]):
            done = subprocess.run(check, capture_output=True, text=True, timeout=30)
            self.assertEqual((64, ""), (done.returncode, done.stdout))
            self.assertIn('user "fakemx-nobody-here" does not exist', done.stderr)

    def test_root_is_given_away_and_every_capability_with_it(self):
        os.chmod(self.bench.folder, 0o777)
        self.bench.fake1 = (self.bench.fake1[0], 25)
        self.bench.write(user='"nobody"')
        self.bench.start()
        status = pathlib.Path(f"/proc/{self.bench.process.pid}/status").read_text()
        self.assertRegex(status, r"Uid:\s+65534\s+65534\s+65534\s+65534")
        for kind in ("Prm", "Eff", "Inh", "Amb"):
            self.assertRegex(status, rf"Cap{kind}:\s+0000000000000000")
        self.assertRegex(status, r"NoNewPrivs:\s+1")
        with Client(self.bench.fake1) as c:
            self.assertRegex(c.reply(), "^220 ")


class Disk(unittest.TestCase):
    limit_seconds = 120

    def test_a_full_disk_stops_writing_but_not_serving_and_is_said_once(self):
        with Bench("disk") as bench:
            bench.state.mkdir()
            mount = f'mount -t tmpfs -o size=1m fmx-serve "{bench.state}" && exec "$@"'
            bench.start(wrap=["unshare", "-m", "sh", "-c", mount, "sh"])
            inside = ["nsenter", "-t", str(bench.process.pid), "-m"]
            fill = f'head -c 10m /dev/zero > "{bench.state}/filler" || true'
            subprocess.run([*inside, "sh", "-c", fill], check=True, stderr=subprocess.DEVNULL)
            answered = 0
            for n in range(2000):
                answered += reset_by(bench.fake0, f"127.5.{n // 250}.{n % 250 + 1}")
                if n % 100 == 0 and "journal-failed" in bench.text():
                    break
            bench.wait_log("error journal-failed")
            for n in range(100):
                self.assertTrue(reset_by(bench.fake0, f"127.6.0.{n + 1}"))
            with Client(bench.fake1, "127.6.1.1") as c:
                self.assertRegex(c.reply(), "^220 ")
            time.sleep(2.5)
            self.assertEqual(1, bench.text().count("journal-failed"))
            subprocess.run([*inside, "mount", "-o", "remount,size=64m", bench.state], check=True)
            bench.wait_log(r"journal-recovered lost=0")
            bench.catch_up()
            subprocess.run([*inside, "rm", f"{bench.state}/filler"], check=True)
            bench.stop()  # commits, and its mount goes with it
            self.assertIn("stopped", bench.text())

    def test_what_waited_for_room_is_written(self):
        with Bench("room") as bench:
            bench.state.mkdir()
            keep = bench.folder / "keep"
            mount = f'mount -t tmpfs -o size=1m fmx-serve "{bench.state}" && exec "$@"'
            bench.start(wrap=["unshare", "-m", "sh", "-c", mount, "sh"])
            inside = ["nsenter", "-t", str(bench.process.pid), "-m"]
            fill = f'head -c 10m /dev/zero > "{bench.state}/filler" || true'
            subprocess.run([*inside, "sh", "-c", fill], check=True, stderr=subprocess.DEVNULL)
            count = 0
            while "journal-failed" not in bench.text():
                count += 1
                self.assertLess(count, 5000)
                reset_by(bench.fake0, f"127.7.{count // 250}.{count % 250 + 1}")
            for _ in range(50):
                count += 1
                reset_by(bench.fake0, f"127.7.{count // 250}.{count % 250 + 1}")
            subprocess.run([*inside, "mount", "-o", "remount,size=64m", bench.state], check=True)
            bench.wait_log(r"journal-recovered lost=0")
            bench.catch_up()
            subprocess.run([*inside, "sh", "-c", f'cp -r "{bench.state}" "{keep}"'], check=True)
            bench.journal = keep / bench.journal.name
            self.assertEqual(count, len(bench.visits(source="decoy")))


class ReadOnly(unittest.TestCase):
    limit_seconds = 120

    def test_a_read_only_journal_is_said_once_and_what_was_not_kept_is_unwatched(self):
        with Bench("readonly") as bench:
            image, keep = bench.folder / "disk", bench.folder / "keep"
            subprocess.run(["truncate", "-s", "32m", image], check=True)
            subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
            bench.state.mkdir()
            # Where there is no loop device the folder's own file system knows that flag, too.
            mount = f'mount -o loop "{image}" "{bench.state}" || true'

            def start(before=":"):
                bench.start(wrap=["unshare", "-m", "sh", "-c", f'{mount}; {before}; exec "$@"', "sh"])

            def inside(command):
                subprocess.run(["nsenter", "-t", str(bench.process.pid), "-m", "sh", "-c", command], check=True)

            def read_only(flag):
                inside(f'chattr {flag}i "{bench.state}"/journal.sqlite "{bench.state}"/journal.sqlite-wal')

            def kept():
                shutil.rmtree(keep, ignore_errors=True)
                inside(f'cp -r "{bench.state}" "{keep}"')
                bench.journal = keep / "journal.sqlite"
                return bench

            start()
            self.assertTrue(reset_by(bench.fake0, "127.9.0.1"))
            bench.catch_up()
            read_only("+")
            self.assertTrue(reset_by(bench.fake0, "127.9.0.2"))
            bench.wait_log("error journal-failed reason=.cannot use .*journal.sqlite: Operation not permitted. note=.serving goes on")
            bench.wait_log("alarm kind=journal ")
            self.assertTrue(reset_by(bench.fake0, "127.9.0.3"))
            time.sleep(2.5)
            self.assertEqual(1, bench.text().count("journal-failed"))
            read_only("-")
            bench.wait_log("journal-recovered lost=0")
            bench.wait_log("alarm-over kind=journal ")
            bench.catch_up()
            self.assertEqual([f"127.9.0.{n}" for n in (1, 2, 3)],
                             [v["address"] for v in kept().visits(source="decoy")])
            # Who stops it before the journal can be written has lost what waited.
            read_only("+")
            time.sleep(0.1)
            lost_at = time.time()
            self.assertTrue(reset_by(bench.fake0, "127.9.0.4"))
            wait_for("the second trouble", lambda: bench.text().count("journal-failed") == 2)
            self.assertEqual(1, bench.stop())
            self.assertRegex(bench.text(), r"stopped .* lost=[1-9]")
            start(before=f'chattr -i "{bench.state}"/journal.sqlite*')
            bench.catch_up()
            self.assertEqual([], kept().visits(address="127.9.0.4"))
            watched = bench.rows("SELECT since / 1e6 AS since, until / 1e6 AS until FROM span WHERE kind = 1 AND "
                                 f"host = (SELECT id FROM host WHERE name = 'fake0.{DOMAIN}')")
            self.assertTrue(any(w["until"] > lost_at for w in watched), watched)
            self.assertFalse(any(w["since"] <= lost_at < w["until"] for w in watched), watched)
            # What lies in memory cannot be refused, only taken away.
            inside(f'sync; chattr +i "{bench.state}"/journal.sqlite-shm')
            reset_by(bench.fake0, "127.9.0.5")
            self.assertEqual(-signal.SIGBUS, bench.process.wait(10))
            self.assertIn("the file system of the journal failed or became read-only", bench.text())
            subprocess.run(["sh", "-c", f'chattr -i "{bench.state}"/journal.sqlite* 2>/dev/null'])  # if it lies there


class Gone(unittest.TestCase):
    limit_seconds = 60

    def test_a_journal_that_is_deleted_or_replaced_is_said_and_another_is_filled_without_a_restart(self):
        with Bench("gone") as bench:
            bench.start()
            self.assertTrue(reset_by(bench.fake0, "127.8.0.1"))
            bench.catch_up()
            old = bench.folder / "old.sqlite"
            shutil.copy(bench.journal, old)
            for n, away in enumerate((lambda: bench.journal.unlink(), lambda: old.rename(bench.journal)), 2):
                said = len(bench.text())
                away()
                wait_for("the trouble in the log", lambda: "journal-failed" in bench.text()[said:])
                self.assertRegex(bench.text()[said:], "was deleted or replaced while fakemx serve wrote to it: fakemx goes on")
                self.assertTrue(reset_by(bench.fake0, f"127.8.0.{n}"))
                wait_for("the journal is written again", lambda: "journal-recovered lost=0" in bench.text()[said:])
                bench.catch_up()
                self.assertRegex(bench.text()[said:], r"(?s) alarm kind=journal .* alarm-over kind=journal ")
                self.assertEqual([f"127.8.0.{n}"], [v["address"] for v in bench.visits(source="decoy")][-1:])
            self.assertEqual(0, bench.stop())


class Systemd(unittest.TestCase):
    limit_seconds = 60

    def test_it_tells_systemd_how_it_is(self):
        with Bench("notify") as bench, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
            told.bind(str(bench.folder / "notify"))
            told.settimeout(10)
            lines = []

            def until(word):
                while not any(word in line for line in lines):
                    lines.extend(told.recv(4096).decode().splitlines())

            bench.start(env={"NOTIFY_SOCKET": str(bench.folder / "notify"), "WATCHDOG_USEC": "10000000"})
            until("READY=1")
            until("STATUS=")
            until("WATCHDOG=1")
            lines.clear()
            bench.process.send_signal(signal.SIGHUP)
            until("RELOADING=1")
            until("MONOTONIC_USEC=")
            until("READY=1")
            bench.process.send_signal(signal.SIGTERM)
            until("STOPPING=1")
            self.assertEqual(0, bench.process.wait(10))

    def test_sockets_handed_over_are_used_by_their_address(self):
        with Bench("activate") as bench:
            sockets = []
            for at in (bench.fake1, bench.fake0):
                s = socket.socket()
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                s.bind(at)
                s.listen()
                sockets.append(s)
            high = [os.dup2(s.fileno(), 200 + n, inheritable=True) for n, s in enumerate(sockets)]
            for s in sockets:
                s.close()
            script = 'exec 3<&200 4<&201 200<&- 201<&-; export LISTEN_FDS=2 LISTEN_PID=$$; exec "$@"'
            bench.start(wrap=["bash", "-c", script, "sh"], pass_fds=high)
            for fd in high:
                os.close(fd)
            self.assertTrue(reset_by(bench.fake0))
            with Client(bench.fake1) as c:
                self.assertRegex(c.reply(), "^220 ")

    def test_a_capability_of_systemds_lets_a_reload_bind_port_25(self):
        with Bench("ambient") as bench:
            os.chmod(bench.folder, 0o777)
            wrap = ["unshare", "-n", "sh", "-c",
                    'ip link set lo up; echo 1024 > /proc/sys/net/ipv4/ip_unprivileged_port_start; '
                    'exec setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=+net_bind_service '
                    '--ambient-caps=+net_bind_service "$@"', "sh"]
            bench.fake0, bench.fake1 = ((address, 25) for address, _ in (bench.fake0, bench.fake1))
            bench.write(bench.site(low=None))
            bench.start(wrap=wrap)
            bench.write()
            bench.process.send_signal(signal.SIGHUP)
            bench.wait_log("info reloaded sites=1 listeners=2")
            self.assertEqual(0, bench.stop())

    def test_the_unit_is_understood_by_systemd(self):
        unit = pathlib.Path(program("fakemx-serve")).parent / "contrib/fakemx.service"
        with Bench("unit") as bench:
            text = re.sub(r"=\S*/bin/fakemx-serve", f"={program('fakemx-serve')}", unit.read_text())
            copy = bench.folder / "fakemx.service"
            copy.write_text(text)
            if not shutil.which("systemd-analyze"):
                self.fail("systemd-analyze is missing: it comes with the package systemd")
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", copy], capture_output=True, text=True)
            self.assertEqual("", "\n".join(s for s in done.stderr.splitlines() if "fakemx" in s))


class Time(unittest.TestCase):
    limit_seconds = 90

    def test_a_bot_is_found_out_and_a_jump_stops_it(self):
        with Bench("time") as bench:
            bench.start()
            watch_a_minute(bench)
            deliver(bench.fake1, "127.9.0.1")
            reset_by(bench.fake0, "127.9.1.1")
            deliver(bench.mail, "127.9.1.1")
            bench.wait_log(r"verdict address=127\.9\.0\.1 .* order=backdoor ")
            bench.wait_log(r"verdict address=127\.9\.1\.1 .* order=straight fate=reached ")
            # Patience counts well time: the real host is probed all along.
            for hours in range(1, 6):
                bench.jump(3600)
                bench.wait_log(rf"caught-up clock_ahead={hours * 3600 + 60}\.0+ complete=yes")
            bench.wait_log(r"verdict address=127\.9\.0\.1 .* fate=stopped ")

    def test_a_jump_is_noticed_at_once_and_everything_due_is_done(self):
        with Bench("jump") as bench:
            bench.start()
            bench.catch_up()
            before = len(bench.probes())
            began = time.monotonic()
            bench.jump(7200)
            bench.wait_log(r"caught-up clock_ahead=7200")
            self.assertLess(time.monotonic() - began, 5)
            self.assertGreater(len(bench.probes()), before)
            told = bench.rows("SELECT min(told) AS t FROM host")[0]["t"]
            self.assertGreater(told, (time.time() + 7100) * 1e6)

    def test_who_asks_again_and_again_gets_an_answer(self):
        with Bench("asked") as bench:
            bench.start()
            bench.catch_up()
            before = bench.rows("SELECT min(told) AS t FROM host")[0]["t"]
            for _ in range(45):  # more often than any log is looked at; SOURCES_LONGEST is 7 s
                bench.process.send_signal(signal.SIGUSR1)
                time.sleep(0.2)
            self.assertGreater(bench.rows("SELECT min(told) AS t FROM host")[0]["t"], before)
            bench.wait_log(r"caught-up .*\n(.*\n)*.*caught-up ")

    def test_a_log_that_falls_silent_condemns_nobody(self):
        with Bench("silent") as bench:
            bench.start()
            bench.catch_up()
            wait_for("probes in the log", lambda: bench.real.log.read_text().count("disconnect") >= 5)
            bench.catch_up()
            bench.real.is_silent = True
            probes = len(bench.probes())
            wait_for("more probes", lambda: len(bench.probes()) >= probes + 4)
            bench.jump(60)
            bench.wait_log("warning log-stalled host=mail.shop.example")
            deliver(bench.fake1, "127.9.2.1")
            time.sleep(4)
            self.assertNotIn("order=backdoor", bench.text())
            bench.real.is_silent = False
            bench.wait_log("info log-resumed host=mail.shop.example")

    def test_retention_lets_go_of_the_old_and_keeps_what_follows_from_it(self):
        with Bench("retain") as bench:
            bench.write(retention="6d", patience="1h")
            bench.start()
            bench.catch_up()
            for n in range(20):
                deliver(bench.fake1, f"127.9.3.{n + 1}")
                deliver(bench.mail, f"127.9.4.{n + 1}")
            bench.catch_up()
            for hours in (2, 24, 24 * 6 + 2, 24 * 6 + 4):
                bench.jump(hours * 3600 - bench.offset())
                bench.wait_log(rf"caught-up clock_ahead={hours * 3600}\.")
            wait_for("the visits to go", lambda: not bench.visits())
            self.assertEqual(20, len([w for w in bench.walks() if w[0].startswith("127.9.3.")]))
            self.assertEqual(20, bench.rows("SELECT count(*) AS n FROM run WHERE kind = 1")[0]["n"])
            self.assertEqual(0, bench.stop())

    def test_an_idle_serve_hardly_writes(self):
        with Bench("idle") as bench:
            bench.write(probe_interval="60s")
            bench.start()
            bench.catch_up()
            wal = bench.journal.with_name(bench.journal.name + "-wal")
            before = wal.stat().st_mtime
            changes = 0
            for _ in range(24):
                time.sleep(0.5)
                changes += wal.stat().st_mtime != before
                before = wal.stat().st_mtime
            self.assertLessEqual(changes, 3)


if __name__ == "__main__":
    unittest.main()
