"""other_senders - the six mail programs of the measured ten that programs.py has not: for scripts/experiment.

Courier, dma and chasquid as Debian configures them; Haraka, nodemailer with its direct transport, and npm's
sendmail, which queue nothing beyond their own process, from the npm registry in the versions that were measured
(docs/measured.md). As in programs.py: start(), stop(), submit(), and what decides how a program walks an MX list
is left as it comes.

Limits: those of npm need `node` and `npm` on the machine, and on first use the registry; they are kept in
build/lab/npm. NotThere says in one sentence what is missing.
"""

import fcntl
import pathlib
import shutil
import subprocess

from .net import LAB, wait_for
from .programs import EximSender, OpensmtpdSender, PostfixSender, Sender, SendmailSender

USER, PASSWORD = "author", "lab"

# Hands in messages by SMTP, as a user's program does: argv: port, TLS and login (1) or not (0), sender, recipients.
_HAND_IN = """
import smtplib, ssl, sys
port, has_login, sender, recipients = int(sys.argv[1]), sys.argv[2] == "1", sys.argv[3], sys.argv[4:]
with smtplib.SMTP("127.0.0.1", port, timeout=20) as s:
    if has_login:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        s.starttls(context=context)
        s.login(sender, "lab")
    for to in recipients:
        s.sendmail(sender, [to], f"From: <{sender}>\\r\\nTo: <{to}>\\r\\nSubject: {to}\\r\\n\\r\\nA message of the laboratory.\\r\\n")
"""

# Reads "ID DOMAIN" a line, sends it, says what its library said.
_NODE = """
const [kind, host] = process.argv.slice(2);
const from = `author@${host}`;
let send;
if (kind === "sendmail") {
    const library = require("sendmail")({ silent: true });
    send = (mail, done) => library({ ...mail, html: mail.text }, done);
} else {
    const mailer = require("nodemailer").createTransport(require("nodemailer-direct-transport")({ name: host }));
    send = (mail, done) => mailer.sendMail(mail, done);
}
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
    const [id, domain] = line.split(" ");
    const mail = { from, to: `${id}@${domain}`, subject: id, text: "A message of the laboratory." };
    send(mail, (error) => console.log(`${id} ${error ? "error " + String(error.message || error).split("\\n")[0] : "ok"}`));
});
"""


class NotThere(Exception):
    """The program cannot be had; the text says which and why."""


def _npm(name, packages):
    """The folder that has node_modules with these packages."""
    for tool in ("node", "npm"):
        if not shutil.which(tool):
            raise NotThere(f"{name} needs {tool}, which this machine has not")
    place = LAB / "npm" / name
    place.mkdir(parents=True, exist_ok=True)
    with open(place / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = place / "stamp"
        if not stamp.exists() or stamp.read_text() != " ".join(packages):
            done = subprocess.run(["npm", "install", "--prefix", place, "--no-audit", "--no-fund", "--ignore-scripts", "--omit=dev", *packages],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True)
            if done.returncode:
                raise NotThere(f"{name} cannot be fetched: {done.stderr.strip().splitlines()[-1]}")
            stamp.write_text(" ".join(packages))
    return place


class Submitting(Sender):
    """Takes messages by SMTP on its own machine."""
    port, has_login = 25, False

    def submit(self, domain, count, tag="m"):
        first, self._submitted = self._submitted, self._submitted + count
        ids = [f"{self.host.name}-{tag}-{n}" for n in range(first, first + count)]
        self.host.run(["/usr/bin/python3", "-c", _HAND_IN, str(self.port), str(int(self.has_login)), f"{USER}@{self.host.hostname}",
                       *[f"{i}@{domain}" for i in ids]])
        return ids


class CourierSender(Sender):
    package = profile = "courier"

    def configure(self):
        for name in ("me", "defaultdomain"):
            self.host.write(f"/etc/courier/{name}", self.host.hostname + "\n")

    def start(self):
        self.host.script("mkdir -p /run/courier; chown daemon:root /run/courier 2>/dev/null || true; makealiases; courier start")

    def stop(self):
        self.host.run(["courier", "stop"], check=False)

    def flush(self):
        self.host.run(["courier", "flush"], check=False)

    def queue_text(self):
        return self.host.run(["mailq"], check=False).stdout


class DmaSender(Sender):
    package = profile = "dma"

    def start(self):
        """It has no daemon: each message is a process, and cron looks after the rest."""

    def stop(self):
        """Nothing to end."""

    def flush(self):
        self.host.run(["dma", "-q"], check=False)

    def queue_text(self):
        return self.host.run(["dma", "-bp"], check=False).stdout


class ChasquidSender(Submitting):
    package = profile = "chasquid"
    port, has_login = 587, True

    def configure(self):
        host = self.host.hostname
        self.host.script(f"""
            mkdir -p /etc/chasquid/certs/{host} /etc/chasquid/domains/{host} /var/lib/chasquid
            openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=lab -keyout /etc/chasquid/certs/{host}/privkey.pem \
                -out /etc/chasquid/certs/{host}/fullchain.pem 2> /dev/null""")
        self.host.write("/etc/chasquid/chasquid.conf", f'hostname: "{host}"\nsmtp_address: "127.0.0.1:25"\n'
                        'submission_address: "127.0.0.1:587"\ndata_dir: "/var/lib/chasquid"\nmail_log_path: "/var/log/mail.log"\n')
        self.host.run(["chasquid-util", "user-add", f"{USER}@{host}", f"--password={PASSWORD}"])

    def start(self):
        self._daemon = self.host.spawn(["chasquid"])
        self.wait_listening(587)

    def stop(self):
        self._daemon.stop()

    def queue_text(self):
        return self.host.run(["sh", "-c", "cat /var/lib/chasquid/queue/* 2>/dev/null"], check=False).stdout

    def flush(self):
        """What waits is tried when it starts."""
        self.stop()
        self.start()


class OfNpm:
    """On a host with the machine's own files."""
    profile, npm = "", []

    def __init__(self, network, name, addresses, hostname=None):
        self.place = self.fetch()
        self.host = network.host(name, addresses, hostname=hostname or f"{name}.example")
        self._submitted = 0
        self.configure()

    @classmethod
    def fetch(cls):
        return _npm(cls.profile, cls.npm)

    def configure(self):
        """Writes what the program needs before its first start."""

    @property
    def address(self):
        return self.host.addresses[0]


class HarakaSender(OfNpm, Submitting):
    profile, npm = "haraka", ["haraka@3.3.4"]

    def configure(self):
        folder = self.host.folder / "haraka"
        (folder / "config").mkdir(parents=True)
        for name, text in {"smtp.ini": "listen=127.0.0.1:25\n", "plugins": "relay\n", "me": self.host.hostname + "\n", "relay.ini": "[relay]\nacl=true\n",
                           "relay_acl_allow": "127.0.0.1/32\n", "loglevel": "INFO\n"}.items():
            (folder / "config" / name).write_text(text)
        shutil.copy(self.place / "node_modules/haraka/config/connection.ini", folder / "config")

    def start(self):
        self._daemon = self.host.spawn(["node", self.place / "node_modules/.bin/haraka", "-c", self.host.folder / "haraka"], name="haraka")
        wait_for("haraka listens", lambda: self.host.is_listening(25), 30)

    def stop(self):
        self._daemon.stop()

    def queue_text(self):
        return "".join(p.read_text(errors="replace") for p in (self.host.folder / "haraka/queue").glob("*"))

    def flush(self):
        """It tries again by itself, after a minute."""


class OfNode(OfNpm):
    """A script that uses a library: what the library does not send is lost with the script's own end."""
    kind = ""

    def start(self):
        script = self.host.folder / "send.js"
        script.write_text(_NODE)
        out = open(self.host.folder / "said", "wb")
        self._process = subprocess.Popen(self.host.command(["node", script, self.kind, self.host.hostname]), stdin=subprocess.PIPE, stdout=out,
                                         stderr=subprocess.STDOUT, text=True, env={"PATH": "/usr/local/bin:/usr/bin:/bin", "NODE_PATH": str(
                                             pathlib.Path(self.place) / "node_modules")})
        out.close()

    def submit(self, domain, count, tag="m"):
        first, self._submitted = self._submitted, self._submitted + count
        ids = [f"{self.host.name}-{tag}-{n}" for n in range(first, first + count)]
        self._process.stdin.write("".join(f"{i} {domain}\n" for i in ids))
        self._process.stdin.flush()
        return ids

    def said(self):
        """id: "ok", or "error" and why."""
        return dict(line.split(" ", 1) for line in (self.host.folder / "said").read_text(errors="replace").splitlines() if " " in line)

    def flush(self):
        """Nobody can: the script has forgotten it, or tries again when it likes."""

    def stop(self):
        self._process.kill()
        self._process.wait()


class NodemailerSender(OfNode):
    profile, kind, npm = "nodemailer-direct", "nodemailer", ["nodemailer@2.7.2", "nodemailer-direct-transport@3.3.2"]


class NpmSendmailSender(OfNode):
    profile, kind, npm = "npm-sendmail", "sendmail", ["sendmail@1.6.1"]


TEN = [PostfixSender, EximSender, OpensmtpdSender, SendmailSender, CourierSender, DmaSender, ChasquidSender, HarakaSender, NodemailerSender,
       NpmSendmailSender]
