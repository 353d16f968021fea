"""`fakemx setup` on a mail server: Postfix with a second address, real name servers; the file that it writes is
used by serve, and what it says has to be done first is done word for word."""

import json
import re

from lab.case import NAME_SERVER, RESOLVER, LabCase, program
from lab.net import wait_for
from lab.programs import Knot, PostfixMx, Unbound
from lab.terminal import converse

DOMAIN, MAIL, SECOND = "shop.example", "30.0.0.25", "30.0.0.31"
DECOY = f"fake1.mx.{DOMAIN}"
CONF, ASKED = "/etc/fakemx/fakemx.conf", "/tmp/asked.conf"


class Setup(LabCase):
    @classmethod
    def build(cls):
        cls.knot = Knot(cls.net, "ns", [NAME_SERVER])
        cls.knot.load(DOMAIN, ["@ NS ns1", f"ns1 A {NAME_SERVER}", "@ MX 10 mail", "@ MX 20 backup", f"mail A {MAIL}", "backup A 30.0.0.26"])
        cls.knot.load("plain.example", ["@ A 30.0.0.40"])
        cls.knot.load("null.example", ["@ MX 0 ."])
        cls.knot.load("hosted.example", ["@ MX 1 smtp.google.com."])
        cls.unbound = Unbound(cls.net, "resolver", [RESOLVER], NAME_SERVER)
        cls.mail = PostfixMx(cls.net, "mail", [MAIL, SECOND], f"mail.{DOMAIN}", [DOMAIN])
        cls.backup = PostfixMx(cls.net, "backup", ["30.0.0.26"], f"backup.{DOMAIN}", [DOMAIN])
        cls.client = cls.net.host("client", ["30.0.7.10"])
        for each in (cls.knot, cls.unbound, cls.mail, cls.backup):
            each.start()

    def fakemx(self, *argv, expect=0, host=None):
        done = (host or self.mail.host).run([str(program("fakemx")), *argv], check=False, input="")
        self.assertEqual(expect, done.returncode, f"{' '.join(argv)}\n{done.stdout}\n{done.stderr}")
        return done

    def say(self, address, *commands):
        text = "".join(f"{c}\r\n" for c in commands)
        script = ("import socket, sys\ns = socket.create_connection((sys.argv[1], 25), 10); f = s.makefile('rw', newline='')\n"
                  "print(f.readline(), end='')\n"
                  "for line in sys.stdin:\n f.write(line.rstrip() + '\\r\\n'); f.flush(); print(f.readline(), end='')\n")
        return self.client.run(["/usr/bin/python3", "-c", script, address], input=text).stdout

    def test_01_it_refuses_with_a_sentence_and_writes_nothing(self):
        for argv, code, sentence in (
                ([DOMAIN], 64, "no terminal"),
                (["--yes"], 64, "which domain"),
                (["--yes", "nowhere.example"], 1, "nowhere.example does not exist"),
                (["--yes", "plain.example"], 1, "no MX record"),
                (["--yes", "null.example"], 1, "takes no mail"),
                (["--yes", "hosted.example"], 3, "its mail goes to Google"),
                (["--yes", "--decoy", f"{DECOY}={MAIL}", DOMAIN], 3, "has the address 30.0.0.25 of the real host"),
                (["--yes", "--decoy", f"mail.{DOMAIN}={SECOND}", DOMAIN], 3, f"mail.{DOMAIN} is an MX host of {DOMAIN} already, with the address {MAIL}"),
                (["--yes", "--decoy", DECOY, DOMAIN], 64, "NAME=ADDRESS"),
                (["--yes", "--log", "mail.log", DOMAIN], 64, "--log mail.log: there is no such file in this folder"),
                (["--yes", "--log", 'a"b', DOMAIN], 64, "--log"),
                (["--yes", "--conf", "/none/at/all.conf", DOMAIN], 1, "--conf FILE"),
                (["--yes", "--conf", "/tmp/none/x.conf", DOMAIN], 1, "there is no folder /tmp/none"),
                (["--yes", "--print", "--json", DOMAIN], 64, "give one of them"),
                (["--yes", "--decoy", f"{DECOY}=192.0.2.1", DOMAIN], 3, "nothing was written")):
            done = self.fakemx("setup", *argv, expect=code)
            self.assertIn(sentence, done.stderr, argv)
            self.assertNotIn(f"{CONF}:", done.stderr, "no line of a file that nobody has")
        self.assertNotEqual(0, self.mail.host.run(["test", "-e", "/tmp/none"], check=False).returncode)
        self.assertNotEqual(0, self.mail.host.run(["test", "-e", CONF], check=False).returncode)

    def test_01_who_may_not_write_there_is_told_before_anything_is_asked(self):
        argv = [str(program("fakemx")), "setup", "--yes", DOMAIN]
        done = self.mail.host.run(argv, check=False, input="", uid=65534)
        self.assertEqual(1, done.returncode, done.stderr)
        self.assertIn(f"cannot write {CONF}: Permission denied", done.stderr)
        self.assertIn("Run setup as root, or say another file by --conf FILE; --print writes none", done.stderr)

    def test_02_print_writes_the_configuration_and_no_file(self):
        done = self.fakemx("setup", "--print", "--yes", DOMAIN)
        self.assertTrue(done.stdout.startswith("# The configuration of fakemx"))
        self.assertIn("layout  = none", done.stdout)
        self.assertNotEqual(0, self.mail.host.run(["test", "-e", CONF], check=False).returncode)

    def test_03_it_finds_the_log_and_says_how_the_second_address_becomes_free(self):
        self.say(MAIL, "EHLO client.example", "QUIT")
        wait_for("the visit is logged", lambda: "disconnect from" in self.mail.log.read_text())
        done = self.fakemx("setup", "--yes", "--decoy", f"{DECOY}={SECOND}", DOMAIN, expect=2)
        for words in (f"10 mail.{DOMAIN}, this machine", "/var/log/mail.log (Postfix, 1 session in the last day)",
                      f"A mail server answers at {SECOND}, port 25", f"Written and checked: {CONF}",
                      f"fakemx plan {DOMAIN}", DECOY, "systemctl enable --now fakemx"):
            self.assertIn(words, done.stdout, done.stderr)
        line = re.search(r"^  (postconf -e .*)$", done.stdout, re.M)[1]
        self.assertEqual(f"postconf -e 'inet_interfaces = {MAIL}, 127.0.0.1, [::1]'", line)
        self.mail.host.script(line)
        self.mail.stop()
        self.mail.start()
        self.assertFalse(self.mail.host.is_listening(25, SECOND))

    def test_04_the_file_is_good_and_is_never_overwritten(self):
        text = self.mail.host.run(["cat", CONF]).stdout
        for words in ("layout  = high", f'decoy "{DECOY}"', "preference = 30", 'watch      = "/var/log/mail.log"',
                      f'ssh backup.{DOMAIN} fakemx feed --host backup.{DOMAIN}'):
            self.assertIn(words, text)
        self.assertEqual("640", self.mail.host.run(["stat", "-c", "%a", CONF]).stdout.strip())
        self.fakemx("serve", "--check-config")
        done = self.fakemx("setup", "--yes", DOMAIN, expect=1)
        self.assertIn("is there already", done.stderr)
        self.assertEqual(text, self.mail.host.run(["cat", CONF]).stdout)

    def test_05_serve_runs_by_it_and_the_report_has_the_visits(self):
        self.mail.host.script("mkdir -p /var/lib/fakemx")
        serve = self.mail.host.spawn([str(program("fakemx")), "serve"], name="serve")
        try:
            wait_for("the decoy answers", lambda: self.mail.host.is_listening(25, SECOND))
            self.assertIn("451", self.say(SECOND, "EHLO client.example", "MAIL FROM:<a@client.example>",
                                          f"RCPT TO:<info@{DOMAIN}>", "QUIT"))
            seen = lambda: json.loads(self.fakemx("--json", "explain", "30.0.7.10").stdout)["visits"]  # noqa: E731
            wait_for("the visit", lambda: any(v["role"] == "decoy" for v in seen()))
        finally:
            serve.stop()

    def test_06_json_and_another_file(self):
        done = self.fakemx("--json", "setup", "--yes", "--conf", "/tmp/other.conf", DOMAIN)
        found = json.loads(done.stdout)
        self.assertEqual((1, DOMAIN, "/tmp/other.conf", "none", "/var/log/mail.log", True),
                         (found["version"], found["domain"], found["configuration"], found["layout"], found["log"],
                          found["ready"]))
        self.fakemx("-c", "/tmp/other.conf", "serve", "--check-config")

    def test_07_a_log_without_a_mail_servers_session_is_said(self):
        done = self.fakemx("setup", "--yes", "--print", "--log", "/etc/passwd", DOMAIN, expect=2)
        self.assertIn("/etc/passwd shows no session of a mail server that fakemx reads. Is it the right log?", done.stderr)

    def test_07_a_mail_server_that_is_down_is_said(self):
        self.backup.stop()
        done = self.fakemx("setup", "--yes", "--print", DOMAIN, expect=2)
        self.assertIn(f"No mail server answers at port 25 of backup.{DOMAIN}", done.stderr)
        self.backup.start()

    def terminal(self, answers, *argv, expect=0):
        """setup at a terminal, with somebody who answers."""
        argv = self.mail.host.command([program("fakemx"), "setup", "--conf", ASKED, *argv])
        code, shown = converse(argv, answers)
        self.assertEqual(expect, code, shown)
        return shown

    def asked(self):
        return self.mail.host.run(["cat", ASKED]).stdout

    def test_08_enter_at_every_question_watches_only(self):
        shown = self.terminal([("The domain whose mail this is about:", DOMAIN), ("Layout:", ""), ("Write this configuration?", "")])
        for words in ("Mail log 1: /var/log/mail.log (Postfix, ", "none  watch only, the better way: nothing changes",
                      "It is the way to begin: let it run", "Written and checked", "fakemx -c /tmp/asked.conf report"):
            self.assertIn(words, shown)
        self.assertIn("layout  = none", self.asked())

    def test_09_a_file_that_is_there_is_replaced_only_on_yes(self):
        before = self.asked()
        for answers in ([("Replace it in the end?", "")], [("Replace it in the end?", "maybe"), ("Please answer yes or no", "")],
                        [("Replace it in the end?", "y"), ("Layout:", ""), ("Write this configuration?", "no")]):
            self.assertIn("nothing was written", self.terminal(answers, DOMAIN, expect=2))
        self.assertEqual(before, self.asked())

    def test_10_each_way_to_a_decoy_is_offered_and_told(self):
        for way, address, config, told, code in (
                ("1", SECOND, "posture    = defer", "Write", 0),
                ("2", "30.0.0.77", "watch      = feed", f'here = "{DECOY}"', 2),
                ("3", "3ffe::77", '"3ffe::77"', "The decoy has no IPv4 address", 2),
                ("4", "30.0.0.77", "posture    = closed", "nothing listens on its port 25", 2)):
            with self.subTest(way=way):
                shown = self.terminal([("Replace it in the end?", "y"), ("Layout:", "high"), ("Which way", "5"), ("Please answer 1, 2, 3 or 4.", way), ("of the decoy (empty", address),
                                       ("Write this configuration?", "")], DOMAIN, expect=code)
                for words in (told, "  1  A second address", "  2  A small machine elsewhere", "  3  An IPv6 address alone", "  4  An address of yours",
                              f"{SECOND} on eth0: free", f"{MAIL} on eth0: a mail server answers there", "What `fakemx plan"):
                    self.assertIn(words, shown)
                self.assertIn(config, self.asked())
                self.fakemx("-c", ASKED, "serve", "--check-config")

    def test_11_the_same_by_options(self):
        for option, config in (("--elsewhere", f"fakemx feed --host {DECOY} --to -"), ("--closed", "posture    = closed")):
            done = self.fakemx("setup", "--yes", "--print", option, "--decoy", f"{DECOY}=30.0.0.77", DOMAIN, expect=2)
            self.assertIn(config, done.stdout)
            self.fakemx("setup", "--yes", "--print", option, DOMAIN, expect=64)
        self.fakemx("setup", "--yes", "--print", "--closed", "--elsewhere", "--decoy", f"{DECOY}=30.0.0.77", DOMAIN, expect=64)

    def test_12_the_input_may_end_at_any_question(self):
        questions = [("The domain", DOMAIN), ("Layout:", "high"), ("Which way", "1"), ("Address of", SECOND)]
        for n in range(len(questions)):
            answers = questions[:n] + [(questions[n][0], None)]
            argv = self.mail.host.command([program("fakemx"), "setup", "--conf", "/tmp/ended.conf"])
            code, shown = converse(argv, answers)
            self.assertEqual(1, code, shown)
            self.assertIn("the input ended; nothing was written", shown)
        self.assertNotEqual(0, self.mail.host.run(["test", "-e", "/tmp/ended.conf"], check=False).returncode)
