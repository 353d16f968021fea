"""Logs as the programs that keep them write them: rsyslog, syslog-ng, busybox, systemd's journal and (with --long) Docker are given the lines of
real mail servers (tests/data/maillog), and each form in which they keep them tells the same visits. With
FAKEMX_SAMPLES=tests/data/maillog/framed what they wrote is kept there."""

import os
import pathlib
import re
import shutil
import subprocess
import time

from lab.case import LabCase, long_test
from lab.maillog import visits
from lab.net import wait_for
from lab.programs import Program

DATA = pathlib.Path(__file__).resolve().parents[1] / "data/maillog/framed"
MAIL_SERVERS = ("postfixbysyslog", "opensmtpd", "sendmail")
SOCKET = "/run/lab.sock"
LINE = re.compile(r"^\S+ \S+ ([^\s:\[]+)\[(\d+)\]: (.*)$")
LAST = "the last line of a laboratory"

# As a program's syslog(3) writes to its socket; what it says of the time is the moment.
SEND = """
import socket, sys, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
for line in sys.stdin:
    s.sendto(f"<22>{time.strftime('%b %e %H:%M:%S')} {line.rstrip()}".encode(), sys.argv[1])
"""
# The other end of a log that goes by TCP.
TAKE = """
import socketserver
class Take(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(65536):
            with open("/var/log/octets.log", "ab") as f:
                f.write(data)
socketserver.TCPServer(("127.0.0.1", 6514), Take).serve_forever()
"""


def lines_of(server):
    text = (DATA / f"{server}_-_syslog,_RFC_3339.log").read_text()
    return [found.groups() for found in map(LINE.match, text.splitlines()) if found]


def want_of(server):
    return sorted((DATA / f"{server}.want").read_text().splitlines())


class Rsyslog(Program):
    package = "rsyslog"
    writes = {"syslog, RFC 3164": "classic", "syslog, RFC 3339": "iso", "syslog, RFC 5424": "rfc5424",
              "a priority in front": "priority", "RFC 5424, octets counted": "octets"}

    def configure(self):
        self.host.write("/etc/rsyslog.conf", f"""
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{SOCKET}" CreatePath="on" RateLimit.Interval="0")
template(name="priority" type="string" string="<%PRI%>%TIMESTAMP% %HOSTNAME% %syslogtag%%msg:::sp-if-no-1st-sp%%msg%\\n")
*.* action(type="omfile" file="/var/log/classic.log" template="RSYSLOG_TraditionalFileFormat")
*.* action(type="omfile" file="/var/log/iso.log" template="RSYSLOG_FileFormat")
*.* action(type="omfile" file="/var/log/rfc5424.log" template="RSYSLOG_SyslogProtocol23Format")
*.* action(type="omfile" file="/var/log/priority.log" template="priority")
*.* action(type="omfwd" target="127.0.0.1" port="6514" protocol="tcp" TCP_Framing="octet-counted" template="RSYSLOG_SyslogProtocol23Format")
""")

    def start(self):
        self.taker = self.host.spawn(["/usr/bin/python3", "-c", TAKE], name="taker")
        wait_for("who takes it", lambda: self.host.is_listening(6514))
        self.daemon = self.host.spawn(["/usr/sbin/rsyslogd", "-n"], name="rsyslogd")


class SyslogNg(Program):
    package = "syslog-ng"
    writes = {"syslog-ng, ISO": "ng"}

    def configure(self):
        self.host.write("/etc/syslog-ng/syslog-ng.conf", f"""@version: 3.38
options {{ ts-format(iso); keep-hostname(yes); }};
source local {{ unix-dgram("{SOCKET}"); }};
destination ng {{ file("/var/log/ng.log"); }};
log {{ source(local); destination(ng); }};
""")

    def start(self):
        self.host.script("mkdir -p /var/lib/syslog-ng /run")
        self.daemon = self.host.spawn(["/usr/sbin/syslog-ng", "-F", "--no-caps"], name="syslog-ng")


class Busybox(Program):
    package = "busybox"
    writes = {"busybox": "busybox"}
    socket = "/dev/log"

    def start(self):
        self.host.script("rm -f /dev/log")
        self.daemon = self.host.spawn(["/bin/busybox", "syslogd", "-n", "-O", "/var/log/busybox.log"], name="busybox")


class SyslogDaemons(LabCase):
    limit_seconds = 120

    @classmethod
    def build(cls):
        cls.daemons = [kind(cls.net, kind.package.replace("-", ""), [f"30.0.0.{n}"])
                       for n, kind in enumerate((Rsyslog, SyslogNg, Busybox), 70)]
        for daemon in cls.daemons:
            daemon.start()

    def test_each_form_tells_the_same_visits(self):
        for server in MAIL_SERVERS:
            lines = "".join(f"{tag}[{pid}]: {text}\n" for tag, pid, text in lines_of(server)) + f"lab[1]: {LAST}\n"
            for daemon in self.daemons:
                at = getattr(daemon, "socket", SOCKET)
                wait_for(f"the socket of {daemon.package}", lambda d=daemon, s=at: d.host.run(["test", "-S", s], check=False).returncode == 0)
                daemon.host.run(["/usr/bin/python3", "-c", SEND, at], input=lines)
                for framing, name in daemon.writes.items():
                    with self.subTest(server=server, framing=framing):
                        self._compare(server, framing, daemon.host.folder / f"{name}.log")

    def _compare(self, server, framing, log):
        wait_for(f"{framing}", lambda: log.exists() and LAST in log.read_text(errors="replace"), 30)
        compare(self, server, framing, log)
        subprocess.run(["truncate", "-s", "0", log], check=True)


def compare(test, server, framing, log):
    found = sorted(f"{v['address']} {v['depth']} {v['outcome']}" for v in visits(log))
    want = want_of(server)
    test.assertEqual(want, [v for v in found if v.split(" ")[0] in {w.split(" ")[0] for w in want}])
    if os.environ.get("FAKEMX_SAMPLES"):
        shutil.copy(log, pathlib.Path(os.environ["FAKEMX_SAMPLES"], f"{server} - {framing}.log".replace(" ", "_")))


class Docker(Program):
    """The engine, without a network for its containers, which say what they are told."""
    package = "docker"
    at = "unix:///run/docker.sock"

    def configure(self):
        self.host.script("""
            mountpoint -q /sys || mount -t sysfs sysfs /sys
            mount -t tmpfs cgroup /sys/fs/cgroup
            for c in cpu cpuacct cpuset memory devices freezer pids blkio; do
                mkdir /sys/fs/cgroup/$c; mount -t cgroup -o $c cgroup /sys/fs/cgroup/$c || rmdir /sys/fs/cgroup/$c
            done""")

    def start(self):
        self.daemon = self.host.spawn(["dockerd", "--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=vfs",
                                       "--host", self.at, "--data-root=/run/docker-data", "--exec-root=/run/docker-exec"], name="dockerd")
        wait_for("dockerd answers", lambda: self.run("docker", "version", check=False).returncode == 0)
        self.host.script(f"""
            mkdir -p /tmp/image/bin; cp "$(command -v busybox)" /tmp/image/bin/busybox
            tar -C /tmp/image -c . | docker --host {self.at} import - lab""")

    def run(self, *argv, **more):
        return self.host.run([argv[0], "--host", self.at, *argv[1:]], **more)

    def say(self, name, text):
        self.run("docker", "run", "-i", "--name", name, "--network", "none", "lab", "/bin/busybox", "cat", input=text)


@long_test
class DockersOwn(LabCase):
    """What a container says, as the engine keeps and shows it, and Compose."""

    @classmethod
    def build(cls):
        cls.docker = Docker(cls.net, "docker", ["30.0.0.90"])
        cls.docker.start()

    @classmethod
    def tearDownClass(cls):
        # Control groups are the machine's.
        cls.docker.host.script("find /sys/fs/cgroup -depth -type d -path '*/docker*' -exec rmdir {} +", check=False)
        super().tearDownClass()

    def test_each_form_tells_the_same_visits(self):
        for server in MAIL_SERVERS:
            tagged = "".join(f"{tag}[{pid}]: {text}\n" for tag, pid, text in lines_of(server))
            classic = (DATA / f"{server}_-_syslog,_RFC_3164.log").read_text()
            self.docker.say(f"{server}-tagged", tagged)
            self.docker.say(f"{server}-classic", classic)
            self.docker.host.write(f"/tmp/{server}/docker-compose.yml", f"""version: "2.4"
services:
  mailserver:
    image: lab
    network_mode: none
    command: [ "/bin/busybox", "cat", "/lines" ]
    volumes: [ "/tmp/{server}/lines:/lines" ]
""")
            self.docker.host.write(f"/tmp/{server}/lines", classic)
            compose = ("docker-compose", "--file", f"/tmp/{server}/docker-compose.yml")
            self.docker.run(*compose, "up", "--no-color")
            kept = self.docker.host.run(["sh", "-c", "cat /run/docker-data/containers/$(docker --host " + self.docker.at +
                                         f" inspect -f '{{{{.Id}}}}' {server}-classic)/*-json.log"]).stdout
            for framing, text in (
                    ("docker logs -t, a tag within", self.docker.run("docker", "logs", "-t", f"{server}-tagged").stdout),
                    ("docker logs -t, syslog within", self.docker.run("docker", "logs", "-t", f"{server}-classic").stdout),
                    ("docker's json-file", kept),
                    ("docker compose logs", self.docker.run(*compose, "logs", "--no-color").stdout),
                    ("docker compose logs -t, in colours",
                     self.docker.host.run(["docker-compose", "--ansi", "always", "--host", self.docker.at, *compose[1:], "logs", "-t"]).stdout)):
                with self.subTest(server=server, framing=framing):
                    log = self.net.folder / "container.log"
                    log.write_text(text)
                    compare(self, server, framing, log)


class SystemdsJournal(LabCase):
    """As systemd-journal-remote keeps it and journalctl shows it."""
    limit_seconds = 120

    def test_each_form_tells_the_same_visits(self):
        for server in MAIL_SERVERS:
            folder = self.net.folder / server
            folder.mkdir()
            entries = []
            for n, (tag, pid, text) in enumerate(lines_of(server)):
                entries.append(f"__REALTIME_TIMESTAMP={round(time.time() * 1e6) + n}\n__MONOTONIC_TIMESTAMP={n + 1}\n"
                               f"_BOOT_ID={'5f1c7d3a9b2e4f60817263544a5b6c7d'}\n_HOSTNAME=mail\nSYSLOG_FACILITY=2\n"
                               f"SYSLOG_IDENTIFIER={tag}\nSYSLOG_PID={pid}\n_PID={pid}\nMESSAGE={text}\n\n")
            subprocess.run(["/lib/systemd/systemd-journal-remote", f"--output={folder / 'system.journal'}", "-"],
                           input="".join(entries).encode(), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for form in ("json", "short", "short-iso", "short-precise", "short-full", "short-unix"):
                log = folder / f"{form}.log"
                with self.subTest(server=server, form=form), open(log, "wb") as f:
                    subprocess.run(["journalctl", f"--directory={folder}", "--no-pager", "--quiet", "-o", form], stdout=f, check=True,
                                   env={**os.environ, "TZ": "UTC"})
                    compare(self, server, f"journalctl -o {form}", log)
            told = sorted(f"{v['address']} {v['depth']} {v['outcome']}" for v in visits(f"journal:{folder}"))
            self.assertTrue(set(want_of(server)) <= set(told), told)
