"""What neither ends serve nor lets it wait: few descriptors, held connections, a pipe for a file,
a clock far ahead; and what a stranger writes, on its way to a terminal."""

import errno
import os
import platform
import pty
import resource
import signal
import socket
import subprocess
import unittest

from lab.case import program
from lab.faults import ALWAYS, Faults
from loopback import DOMAIN, Bench, Client, wait_for

# C1's control sequence introducer, a right-to-left override, an isolate, an escape, a bell
MOVES = "\u009b\u202e\u2066\x1b\x07"
HOSTILE = "a\u009b2Jb\u202ec\u2066\x1b[31m\x07"
QUESTION = b"request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address=192.0.2.1\n\n"


def few_descriptors(count):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))


class Hold(unittest.TestCase):
    limit_seconds = 90

    def setUp(self):
        self.bench = Bench("hold")

    def tearDown(self):
        self.bench.close()

    def test_too_few_descriptors_are_a_sentence(self):
        self.bench.write()
        for count in (8, 64, 120):
            code, said = self.bench.refused(preexec_fn=few_descriptors(count))
            self.assertEqual(1, code, said)
            self.assertIn(f"may open {count} files at once, and serve needs", said)

    def test_held_connections_leave_room_for_postfix_and_the_journal(self):
        path = self.bench.folder / "policy"
        self.bench.write(policy=f'"{path}"', connections_per_client="10000")
        self.bench.start(preexec_fn=few_descriptors(300))
        self.assertIn("warning descriptors limit=300", self.bench.text())
        held = []
        for _ in range(400):  # more than there are, of both kinds
            held.append(socket.create_connection(self.bench.fake1))
            unix = socket.socket(socket.AF_UNIX)
            unix.connect(str(path))
            held.append(unix)
        with socket.socket(socket.AF_UNIX) as postfix:
            postfix.settimeout(10)
            postfix.connect(str(path))
            postfix.sendall(QUESTION)
            self.assertIn(b"action=", postfix.recv(1000))
        self.bench.wait_log("warning policy-crowded ")
        for s in held:
            s.close()
        with Client(self.bench.fake1) as c:
            self.assertRegex(c.reply(), "^220 ")
        self.bench.catch_up()
        wait_for("all in the journal", lambda: len(self.bench.visits(source="decoy")) >= 401)
        self.assertNotIn("no connection can be taken", self.bench.text())
        self.assertEqual(0, self.bench.stop())

    def test_a_pipe_in_the_place_of_the_configuration(self):
        self.bench.start()
        self.bench.conf.unlink()
        os.mkfifo(self.bench.conf)
        self.bench.process.send_signal(signal.SIGHUP)
        self.bench.wait_log('reload-refused reason="the configuration .* is a pipe or a device')
        with Client(self.bench.fake1) as c:
            self.assertRegex(c.reply(), "^220 ")
        self.assertEqual(0, self.bench.stop())

    def test_a_clock_two_hundred_years_ahead(self):
        self.bench.start()
        with Client(self.bench.fake1) as c:
            c.reply()
        self.bench.catch_up()
        self.bench.jump(200 * 365 * 86400)
        self.bench.catch_up()
        with Client(self.bench.fake1) as c:
            c.reply()
        self.bench.catch_up()
        self.assertTrue(self.bench.visits(source="decoy"))  # those of 200 years ago may have been forgotten
        self.assertEqual(0, self.bench.stop())
        for verb in (["report"], ["journal", "verify"], ["list"]):
            done = subprocess.run([program("fakemx"), "-c", self.bench.conf, *verb], capture_output=True, timeout=20)
            self.assertEqual(0, done.returncode, (verb, done.stderr))

    def assert_moves_nothing(self, words):
        """What it prints on a terminal."""
        terminal, theirs = pty.openpty()
        verb = subprocess.Popen([program("fakemx"), *words], stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.PIPE,
                                env={**os.environ, "NO_COLOR": "1"})
        os.close(theirs)
        said = b""
        try:
            while True:
                said += os.read(terminal, 65536)
        except OSError:
            os.close(terminal)  # it has ended
        said += verb.communicate(timeout=20)[1]
        self.assertIn(verb.returncode, (0, 1, 2), said)
        self.assertGreater(len(said), 0, words)
        self.assertFalse([c for c in said.decode() if c in MOVES], (words, said))  # and all of it is UTF-8

    def test_what_a_stranger_writes_moves_no_terminal(self):
        self.bench.start()
        with Client(self.bench.fake1, f"{self.bench.net}.99") as c:
            c.reply()
            c.socket.sendall(f"HELO a{HOSTILE}.example\r\n".encode())
            c.reply()
            c.say("MAIL FROM:<x\u202e\u009b@evil.example>")
            c.say(f"RCPT TO:<info@{DOMAIN}>")
        self.bench.catch_up()
        wait_for("the visit", lambda: self.bench.visits(source="decoy"))
        for verb in (["visits"], ["explain", f"{self.bench.net}.99"], ["explain", f"{self.bench.net}.99", "--json"],
                     ["report"], ["report", "--json"], ["list", "--json"]):
            self.assert_moves_nothing(["-c", self.bench.conf, *verb])
        self.assertFalse([c for c in self.bench.text() if c in MOVES])

    def test_what_stands_in_a_log_or_a_zone_moves_no_terminal(self):
        log, zone = self.bench.folder / "hostile.log", self.bench.folder / "hostile.zone"
        stamp = "2026-11-20T10:00:01.000000+00:00 mail"
        log.write_bytes("".join(f"{stamp} {line}\n" for line in (
            f"postfix/smtpd[1]: connect from {HOSTILE}.example[192.0.2.9]",
            f"postfix/smtpd[1]: NOQUEUE: reject: RCPT from {HOSTILE}.example[192.0.2.9]: 554 5.7.1 <i@shop.example>: no; "
            f"from=<{HOSTILE}@x.example> to=<i@shop.example> proto=ESMTP helo=<{HOSTILE}>",
            f"postfix/smtpd[1]: disconnect from {HOSTILE}.example[192.0.2.9] helo=1 mail=1 rcpt=0/1 commands=2/3",
            f"postfix/{HOSTILE}[1]: {HOSTILE}", f"{HOSTILE}[1]: x", f"haraka[1]: {HOSTILE}")).encode() + b"\x9b2J\xff\x1b[2J\n")
        for words in (["visits", "--host", "m"], ["visits", "--host", "m", "--why"], ["report"]):
            self.assert_moves_nothing([words[0], "--maillog", log, *words[1:]])
        head = "$ORIGIN shop.example.\n$TTL 300\n@ IN SOA ns hm 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n@ MX 10 mail\nmail A 192.0.2.2\n"
        for line in (f"@ MX 20 {HOSTILE}\n", f"@ TXT \"{HOSTILE}\n", f"; {HOSTILE}\n", f"$INCLUDE {HOSTILE}\n", f"{HOSTILE} BAD {HOSTILE}\n",
                     f"$ORIGIN {HOSTILE}.\n@ A 192.0.2.3\n"):
            zone.write_bytes((head + line).encode())
            for json in ([], ["--json"]):
                self.assert_moves_nothing([*json, "plan", "--zone", zone, "--origin", "shop.example", "--lab",
                                           "--decoy", "fake.shop.example=192.0.2.30"])


class Hardened(unittest.TestCase):
    """What the compiler and the linker can do against a mistake is done, in every executable."""

    limit_seconds = 60

    def test_every_executable_is_built_so(self):
        wanted = ["Position Independent Executable: yes", "Stack protected: yes", "Fortify Source functions: yes",
                  "Read-only relocations: yes", "Immediate binding: yes"]
        for name in ("fakemx", "fakemx-serve", "fakemx-net", "fakemx-web", "fakemx-stream", "fakemx-rehearse"):
            said = subprocess.run(["hardening-check", program(name)], capture_output=True, text=True).stdout
            for line in wanted:
                self.assertIn(line, said, name)
            if platform.machine() == "x86_64":
                # Debian's own start-up code has no mark of CET, so the linker sets none; our functions have it.
                code = subprocess.run(["objdump", "-d", program(name)], capture_output=True, text=True).stdout
                self.assertGreater(code.count("endbr64"), 10, name)


class Confined(unittest.TestCase):
    """What serve may not do once it has begun, tried inside it; and its helper, which starts programs for it."""

    limit_seconds = 60

    def setUp(self):
        self.bench = Bench("confined")
        self.addCleanup(self.bench.close)
        self.faults = Faults(self.bench.folder)

    def tried(self, path):
        with socket.create_server(("127.0.0.1", 0)) as somebody:
            return self.faults.tried(path, somebody.getsockname()[1])

    def test_it_writes_in_its_folder_and_executes_nothing(self):
        self.bench.start(env=self.faults.env())
        self.assertRegex(self.bench.text(), r"info confined landlock=[1-9]\d* ports=no seccomp=yes")  # a trial
        self.assertEqual((0, errno.EPERM, 0), self.tried(self.bench.state / "mine"))
        self.assertEqual((errno.EACCES, errno.EPERM, 0), self.tried(self.bench.folder / "not-mine"))
        self.assertFalse((self.bench.folder / "not-mine").exists())
        self.assertEqual(0, self.bench.stop())

    REAL = f"""state = "{{state}}"
site "s" {{{{
  layout = high  domains = {{{{ "{DOMAIN}" }}}}
  host "mail.{DOMAIN}" {{{{ preference = 10  address = {{{{ "30.0.0.25" }}}}  watch = "{{log}}" }}}}
  decoy "fake.{DOMAIN}" {{{{ preference = 20  address = {{{{ "30.0.0.30" }}}}  posture = busy }}}}
}}}}
"""
    NETWORK = ["unshare", "--net", "sh", "-c", "ip link set lo up; ip addr add 30.0.0.25/32 dev lo; "
               'ip addr add 30.0.0.30/32 dev lo; exec "$0" "$@"']

    def test_it_connects_to_its_hosts_and_to_nobody_else(self):
        self.bench.conf.write_text(self.REAL.format(state=self.bench.state, log=self.bench.real.log))
        self.bench.start(env=self.faults.env(), wrap=self.NETWORK)
        self.assertRegex(self.bench.text(), r"info confined landlock=[1-9]\d* ports=yes seccomp=yes")
        self.bench.wait_log('health host=mail.shop.example well=no reply="connection refused"')  # it may ask there
        self.assertEqual(errno.EACCES, self.faults.tried(self.bench.state / "mine", 2525)[2])
        self.assertEqual(errno.ECONNREFUSED, self.faults.tried(self.bench.state / "mine", 25)[2])
        self.bench.conf.write_text(self.bench.conf.read_text().replace("30.0.0.25", "30.0.0.25@2525"))
        self.bench.process.send_signal(signal.SIGHUP)
        self.bench.wait_log("reload-refused .*and may not connect to port 2525; restart it")
        self.assertEqual(0, self.bench.stop())

    def test_a_kernel_without_landlock_is_said_once(self):
        self.faults.fail("landlock", 0, errno.ENOSYS, count=ALWAYS)
        self.bench.start(env=self.faults.env())
        self.assertEqual(1, self.bench.text().count("warning confined landlock=0 seccomp=yes note="))
        self.assertEqual((0, errno.EPERM, 0), self.tried(self.bench.folder / "mine-then"))
        with Client(self.bench.fake1) as c:
            self.assertRegex(c.reply(), "^220 ")
        self.assertEqual(0, self.bench.stop())

    def test_privileges_are_printed(self):
        self.bench.write(policy=f'"{self.bench.folder}/p.sock"')
        self.bench.state.mkdir()
        code, said = self.bench.refused("--privileges")
        self.assertEqual(0, code, said)
        self.assertIn(f"write    in {self.bench.state}\n", said)
        self.assertIn(f"write    in {self.bench.folder}, where it makes its socket\n", said)
        self.assertIn("connect  by TCP to any port (lab = true)\n", said)
        self.assertIn("execute  nothing;", said)
        self.bench.conf.write_text(self.REAL.format(state=self.bench.state, log=self.bench.real.log))
        code, said = self.bench.refused("--privileges")
        self.assertEqual(0, code, said)
        self.assertIn("connect  by TCP to ports 53, 25 alone\n", said)

    def test_a_reload_that_needs_more_is_refused(self):
        self.bench.start()
        other = self.bench.folder / "metrics"
        other.mkdir()
        self.bench.write(metrics=f'"{other}/fakemx.prom"')
        self.bench.process.send_signal(signal.SIGHUP)
        self.bench.wait_log(f'reload-refused reason="serve gave away at its start what it does not need, and may not '
                            f'write in {other}; restart it"')
        self.bench.write(metrics=f'"{other}/fakemx.prom"')
        self.bench.restart()
        wait_for("metrics", lambda: (other / "fakemx.prom").exists())
        self.assertEqual(0, self.bench.stop())

    def test_lists_are_emptied_also_where_rights_cannot_be_given_away(self):
        lists = self.bench.folder / "list"
        self.bench.write(site=self.bench.site() + f'publish "bots" {{ format = postfix-cidr  file = "{lists}" }}\n')
        self.bench.start()
        lists.write_text("30.9.1.1/32 REJECT\n")
        for words, code, is_empty in ((["publish"], 1, False), (["publish", "--empty"], 0, True)):
            self.faults.fail("prctl", 0, errno.EPERM, count=ALWAYS)
            done = subprocess.run([program("fakemx"), "-c", self.bench.conf, *words], env={**os.environ, **self.faults.env()},
                                  capture_output=True, text=True, timeout=30)
            self.assertEqual(code, done.returncode, done.stderr)
            self.assertIn("no_new_privs: Operation not permitted", done.stderr)
            self.assertEqual(is_empty, "30.9.1.1" not in lists.read_text(), words)
        self.assertEqual(0, self.bench.stop())

    def helper(self):
        said = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.bench.process.pid)], capture_output=True, text=True)
        return int(said.stdout.split()[0])

    def test_commands_are_started_by_the_helper_alone_and_follow_a_reload(self):
        site = self.bench.site()
        watched = f'watch = "{self.bench.real.log}"'
        self.bench.write(site=site.replace(watched, f'watch = command command = "exec tail -n +1 -F {self.bench.real.log}"'))
        self.bench.start()
        helper = self.helper()
        wait_for("a probe in the log that tail shows", lambda: "tail" in self.children(helper))
        self.bench.write(site=site.replace(watched, f'watch = command command = "exec tail -n 3 -F {self.bench.real.log}"'))
        self.bench.process.send_signal(signal.SIGHUP)
        self.bench.wait_log("info reloaded ")
        wait_for("the new command", lambda: "tail -n 3 -F" in self.children(helper))
        self.bench.process.kill()  # and what it started ends with it
        self.bench.process.wait()
        wait_for("nothing left", lambda: not self.children(helper) and not os.path.exists(f"/proc/{helper}"))

    @staticmethod
    def children(pid):
        return subprocess.run(["ps", "-o", "args=", "--ppid", str(pid)], capture_output=True, text=True).stdout

    def test_a_helper_that_is_gone_is_said_and_accuses_nobody(self):
        site = self.bench.site().replace(f'watch = "{self.bench.real.log}"', 'watch = command command = "exec sleep 0.3"')
        self.bench.write(site=site)
        self.bench.start()
        os.kill(self.helper(), signal.SIGKILL)
        self.bench.wait_log("error helper-lost note=.* restart serve")
        with Client(self.bench.fake1) as c:
            self.assertRegex(c.reply(), "^220 ")
        self.assertEqual(0, self.bench.stop())
