"""The real rspamd and SpamAssassin beside Postfix, on a machine of their own, as milters: what they say of a message is what the
visit that brought it says. The log is a central one, with the lines of both machines in the order of time."""

import email.utils
import json
import pathlib
import re
import subprocess
import time

from lab import callers, conf
from lab.case import NAME_SERVER, RESOLVER, LabCase, program
from lab.exim_mx import EximMx
from lab.maillog import ADDRESSES, DOMAIN, NAME, visits
from lab.net import wait_for
from lab.postfix_mx import CallablePostfix
from lab.programs import Knot, Program, Unbound
from lab.serve import Serve
from lab.site import FAKE0, FAKE1

FILTER = "30.0.0.60"
# What all filters know as spam, and rspamd's own one for "add a header" instead of "reject".
GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
RSPAMD_HEADER = GTUBE.replace("XJS", "YJS")


class Rspamd(Program):
    package = "rspamd"

    def configure(self):
        self.host.write("/etc/rspamd/local.d/logging.inc", 'type = "syslog";\nfacility = "mail";\nlevel = "info";\n')
        self.host.write("/etc/rspamd/local.d/worker-proxy.inc",
                        f'bind_socket = "{FILTER}:11332";\nmilter = yes;\nupstream "local" {{ default = yes; self_scan = yes; }}\n')
        self.host.write("/etc/rspamd/local.d/options.inc",
                        f'disable_hyperscan = true;\ngtube_patterns = "all";\nenable_test_patterns = true;\ndns {{ nameserver = ["{RESOLVER}"]; timeout = 0.1s; }}\n')
        # Its own rules think ill of a laboratory's senders.
        self.host.write("/etc/rspamd/local.d/actions.conf", "reject = 1000;\nadd_header = 500;\ngreylist = 400;\n")
        self.host.write("/etc/rspamd/local.d/worker-controller.inc", "enabled = false;\n")
        self.host.script("mkdir -p /run/rspamd /var/log/rspamd /var/lib/rspamd; chown _rspamd:_rspamd /run/rspamd /var/log/rspamd /var/lib/rspamd")

    def start(self):
        self.daemon = self.host.spawn(["/usr/bin/rspamd", "-f", "-u", "_rspamd", "-g", "_rspamd"], name="rspamd")
        wait_for("rspamd has compiled its patterns", lambda: self.host.is_listening(11332), 120)


class Spamassassin(Program):
    package = "spamd"

    def start(self):
        self.spamd = self.host.spawn(["/usr/sbin/spamd", "--local", "--nouser-config", "--max-children=1", "--syslog=mail",
                                      "--username=nobody"], name="spamd")
        self.wait_listening(783)
        self.milter = self.host.spawn(["/usr/sbin/spamass-milter", "-p", f"inet:11332@{FILTER}"], name="spamass-milter")
        self.wait_listening(11332)


class WithRspamd(LabCase):
    filter_program, spam_text = Rspamd, RSPAMD_HEADER

    @classmethod
    def build(cls):
        cls.knot = Knot(cls.net, "ns", [NAME_SERVER])
        cls.resolver = Unbound(cls.net, "resolver", [RESOLVER], NAME_SERVER)
        cls.filter = cls.filter_program(cls.net, "filter", [FILTER])
        cls.mx = cls.make_mx()
        cls.crowd = cls.net.host("crowd", [f"30.9.{i}.1" for i in range(1, 8)])
        for program in (cls.knot, cls.resolver, cls.filter, cls.mx):
            program.start()

    @classmethod
    def make_mx(cls):
        return CallablePostfix(cls.net, "mail", ADDRESSES, NAME, [DOMAIN], with_syslog=True,
                               parameters={"smtpd_milters": f"inet:{FILTER}:11332", "milter_default_action": "tempfail"})

    def _send(self, source, text, number):
        talk = callers.Talk("filtered", self.crowd, source, ADDRESSES[0])
        for command in ("EHLO out.client.example", "MAIL FROM:<alice@client.example>", f"RCPT TO:<bob@{DOMAIN}>", "DATA"):
            talk.say(command)
        reply = talk.message(f"From: alice@client.example\r\nTo: bob@{DOMAIN}\r\nDate: {email.utils.formatdate()}\r\n"
                             f"Message-ID: <number{number}@client.example>\r\nSubject: hello\r\n\r\n{text}\r\n")
        talk.quit()
        return reply

    def _visits(self):
        logs = [pathlib.Path(self.mx.log), self.filter.host.folder / "mail.log"]
        lines = sorted(line for log in logs if log.exists() for line in log.read_text(errors="replace").splitlines())
        return {v["address"]: v for v in visits("-", text="\n".join(lines).encode())}

    def test_what_the_filter_says_is_in_the_visit(self):
        self._send("30.9.1.1", "The first message of a log is not waited for.", 1)
        self.assertRegex(self._send("30.9.2.1", self.spam_text, 2), "^2")
        self.assertRegex(self._send("30.9.3.1", "Are we going to eat at noon?", 3), "^2")
        self._send("30.9.4.1", "The last, so that the others are told.", 4)
        wait_for("four verdicts", lambda: all(self._visits().get(f"30.9.{i}.1", {}).get("spam") is not None for i in (2, 3)), 30)
        found = self._visits()
        self.assertEqual([True, False], [found[f"30.9.{i}.1"]["spam"] for i in (2, 3)])
        self.assertEqual(["accepted"] * 4, [found[f"30.9.{i}.1"]["outcome"] for i in (1, 2, 3, 4)])

    def test_the_filters_log_may_be_one_of_its_own(self):
        self._send("30.9.5.1", self.spam_text, 5)
        self._send("30.9.6.1", "And tomorrow?", 6)
        log, verdicts = self.mx.log, self.filter.host.folder / "mail.log"
        argv = [program("fakemx"), "visits", "--maillog", log, "--filter", verdicts]

        def of_old_logs():
            return {v["address"]: v["spam"] for v in map(json.loads, subprocess.run(
                argv, check=True, capture_output=True, text=True).stdout.splitlines())}
        wait_for("both verdicts", lambda: [of_old_logs().get(f"30.9.{i}.1") for i in (5, 6)] == [True, False], 30)
        # The same while both are followed, by what serve follows with.
        feed = subprocess.Popen([program("fakemx"), "feed", "--host", NAME, "--maillog", log, "--filter", verdicts, "--to", "-",
                                 "--since", "1d"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            self._send("30.9.7.1", self.spam_text, 7)
            told = {}
            while "30.9.7.1" not in told:
                v = json.loads(feed.stdout.readline())
                if "address" in v:
                    told[v["address"]] = v["spam"]
            self.assertEqual([True, False, True], [told[f"30.9.{i}.1"] for i in (5, 6, 7)])
        finally:
            feed.kill()
            feed.wait()
            feed.stdout.close()


class UnderServe(WithRspamd):
    """serve follows both logs: `filter` a file, `filter_command` what a command tells."""

    @classmethod
    def build(cls):
        super().build()
        cls.serves = []
        verdicts = cls.filter.host.folder / "mail.log"
        for name, decoy, way in (("file", FAKE0, f'filter = "{verdicts}"'),
                                 ("command", FAKE1, f'filter = command filter_command = "exec tail -n +1 -F {verdicts}"')):
            host = cls.net.host(name, [decoy])
            cls.serves.append(Serve(host, conf.keys({"grace": "1s", "probe_interval": "2s"}) + f"""
                site "lab" {{ layout = high domains = {{ "{DOMAIN}" }}
                host "{NAME}" {{ preference = 10 address = {{ "{ADDRESSES[0]}" }} watch = "{cls.mx.log}" {way} }}
                decoy "fake1.{DOMAIN}" {{ preference = 30 address = {{ "{decoy}" }} posture = defer }} }}""").start())

    def _told(self, addresses, spam):
        for serve in self.serves:
            def told():
                found = [(v["address"], v["spam"]) for v in serve.json_lines("visits") if v["address"] in addresses]
                return sorted(found) == [(a, spam) for a in addresses]
            wait_for(f"{spam} of {addresses} by {serve.host.name}", told, 60)

    def _verdicts(self):
        return (self.filter.host.folder / "mail.log").read_text(errors="replace").count("rspamd_task_write_log")

    def _is_over(self, address):
        return re.search(rf"disconnect from \S+\[{re.escape(address)}\]", self.mx.log.read_text())

    def test_what_the_filter_says_is_in_the_visit(self):
        """Also where it says so after the session is over, and its log was rotated since."""
        self._send("30.9.1.1", self.spam_text, 1)
        self._told(["30.9.1.1"], True)
        self.filter.host.syslog.hold("rspamd_task_write_log")
        self._send("30.9.2.1", self.spam_text, 2)
        wait_for("the end of the session", lambda: self._is_over("30.9.2.1"))
        wait_for("the verdict", lambda: "number2@" in self.filter.host.syslog.held())
        self.filter.host.syslog.rotate()
        self.filter.host.syslog.release()
        self._told(["30.9.2.1"], True)

    def test_the_filters_log_may_be_one_of_its_own(self):
        """And have the verdict before the mail server's has the session."""
        before = self._verdicts()
        self.mx.host.syslog.hold()
        self._send("30.9.3.1", "Are we going to eat at noon?", 3)
        wait_for("the verdict", lambda: self._verdicts() > before)
        time.sleep(1)  # both serves have read it
        self.mx.host.syslog.rotate()
        self.mx.host.syslog.release()
        self._told(["30.9.3.1"], False)

    def test_what_came_while_serve_was_away_is_judged_too(self):
        for serve in self.serves:
            serve.catch_up()  # killed in its first seconds it would begin at the log's end again
            serve.kill()
        self._send("30.9.4.1", self.spam_text, 4)
        self._send("30.9.5.1", self.spam_text, 5)
        wait_for("the end of the session", lambda: self._is_over("30.9.5.1"))
        time.sleep(1)
        for serve in self.serves:
            serve.start()
        self._told(["30.9.4.1", "30.9.5.1"], True)


class WithSpamassassin(WithRspamd):
    filter_program, spam_text = Spamassassin, GTUBE


class Spamd(Program):
    package = "spamd"

    def start(self):
        self.spamd = self.host.spawn(["/usr/sbin/spamd", "--local", "--nouser-config", "--max-children=1", "--syslog=mail",
                                      f"--listen={FILTER}", f"--allowed-ips={ADDRESSES[0]}", "--username=nobody"], name="spamd")
        self.wait_listening(783)


class Amavis(Program):
    """With SpamAssassin inside. What it has looked at it gives back to Postfix at port 10025; spam is let through, so that it is accepted."""
    package = "amavis"

    def configure(self):
        self.host.write("/etc/amavis/conf.d/50-user", f"""use strict;
$mydomain = '{DOMAIN}';
$myhostname = 'filter.{DOMAIN}';
$inet_socket_bind = '{FILTER}';
@inet_acl = qw( {ADDRESSES[0]} );
@bypass_spam_checks_maps = (0);
@local_domains_maps = (1);
$sa_local_tests_only = 1;
$final_spam_destiny = D_PASS;
$spam_quarantine_to = undef;
$max_servers = 1;
$forward_method = 'smtp:[{ADDRESSES[0]}]:10025';
$notify_method = $forward_method;
1;
""")
        self.host.script("mkdir -p /run/amavis; chown amavis:amavis /run/amavis")

    def start(self):
        self.daemon = self.host.spawn(["/usr/sbin/amavisd", "foreground"], name="amavisd")
        wait_for("amavis", lambda: self.host.is_listening(10024), 120)


class WithAmavis(WithRspamd):
    """After the queue, as its README.postfix has it: its verdicts have the queue id that Postfix gives it."""
    filter_program, spam_text = Amavis, GTUBE
    parameters = {"content_filter": f"amavis:[{FILTER}]:10024"}

    @classmethod
    def make_mx(cls):
        mx = CallablePostfix(cls.net, "mail", ADDRESSES, NAME, [DOMAIN], with_syslog=True, parameters=cls.parameters)
        mx.host.script(f"""cat >> /etc/postfix/master.cf <<'END'
amavis unix - - n - 2 smtp -o smtp_send_xforward_command=yes -o disable_dns_lookups=yes
10025 inet n - n - - smtpd -o content_filter= -o smtpd_proxy_filter= -o smtpd_recipient_restrictions=permit_mynetworks,reject
  -o mynetworks={FILTER}/32 -o smtpd_authorized_xforward_hosts={FILTER}/32 -o receive_override_options=no_header_body_checks
END""")
        return mx


class WithAmavisBeforeTheQueue(WithAmavis):
    """Its verdicts have the id of the queue that the message came to."""
    parameters = {"smtpd_proxy_filter": f"{FILTER}:10024"}


class EximsOwnCondition(WithRspamd):
    """Exim asks spamd by its `spam` condition, and its ACL says what came of it, as the manual has it."""
    filter_program, spam_text = Spamd, GTUBE

    @classmethod
    def make_mx(cls):
        manual = (pathlib.Path(__file__).resolve().parents[2] / "man/fakemx.conf.5.scd").read_text()
        warn = re.search(r"^```\n(warn  spam = .*?)^```", manual, re.M | re.S)[1]

        class Asking(EximMx):
            package = "exim-heavy"

            def write_configuration(self):
                super().write_configuration()
                path = "/etc/exim4/exim4.conf"
                text = self.host.run(["cat", path]).stdout.replace("acl_smtp_data = accept", "acl_smtp_data = data")
                self.host.write(path, text.replace("begin acl\n", f"begin acl\ndata:\n{warn}  accept\n"), "640", "root:Debian-exim")
        return Asking(cls.net, "mail", ADDRESSES, NAME, [DOMAIN], "+smtp_connection +incoming_port",
                      more=f"spamd_address = {FILTER} 783\n")

    def test_what_the_filter_says_is_in_the_visit(self):
        self.assertRegex(self._send("30.9.2.1", self.spam_text, 2), "^2")
        self.assertRegex(self._send("30.9.3.1", "Are we going to eat at noon?", 3), "^2")

        def told():
            return {v["address"]: (v["spam"], v["outcome"]) for v in visits(self.mx.log)}
        wait_for("both", lambda: {"30.9.2.1", "30.9.3.1"} <= set(told()), 30)
        self.assertEqual([(True, "accepted"), (None, "accepted")], [told()[f"30.9.{i}.1"] for i in (2, 3)])

    def test_the_filters_log_may_be_one_of_its_own(self):
        """Spamd's, by the message id; it calls the others clean."""
        self._send("30.9.5.1", self.spam_text, 5)
        self._send("30.9.6.1", "And tomorrow?", 6)
        argv = [program("fakemx"), "visits", "--maillog", self.mx.log, "--filter", self.filter.host.folder / "mail.log"]

        def told():
            done = subprocess.run(argv, check=True, capture_output=True, text=True, env={"TZ": "UTC", "PATH": "/usr/bin:/bin"})
            return {v["address"]: v["spam"] for v in map(json.loads, done.stdout.splitlines())}
        wait_for("both verdicts", lambda: [told().get(f"30.9.{i}.1") for i in (5, 6)] == [True, False], 30)
