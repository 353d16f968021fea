"""programs - the real name and mail servers of the system tests, as Debian configures them.

Name servers:   Knot (authoritative), Unbound (resolver)
Real MX:        PostfixMx, which stores what it accepts
Senders:        PostfixSender, EximSender, OpensmtpdSender, SendmailSender

Each has start() and stop() and lives on a host of its own. A sender adds

    ids = sender.submit("shop.example", 20)   # 20 messages, their unique ids
    sender.queue()                            # ids still waiting
    sender.flush()                            # try all of them now
    sender.deliveries()                       # id: Delivery, from the sender's own log

The id is the local part of the recipient, the one thing every program logs.

What decides how a program walks an MX list is left as Debian ships it. Only
names, log detail and (for the MX) where mail is stored are set; the queue is
made to move by the flush commands, not by shorter times.
"""

import dataclasses
import datetime
import ipaddress
import re
import socket
import struct
import time

from . import packages
from .client import host_socket
from .net import wait_for


@dataclasses.dataclass
class Delivery:
    """What a sender's log says of one message. Times are seconds since 1970; delay is the
    program's own figure from submission to delivery, None if it was not delivered."""
    attempts: int = 0
    delivered: float = None
    delay: float = None
    relay: str = ""
    precision: float = 1.0  # of delivered and delay


class Program:
    """A program on its own host: host, start(), stop()."""
    package = ""

    def __init__(self, network, name, addresses, hostname=None):
        self.host = network.host(name, addresses, [packages.tree(self.package)], hostname or f"{name}.example")
        self.configure()

    def configure(self):
        """Writes what the program needs before its first start."""

    @property
    def address(self):
        return self.host.addresses[0]

    def wait_listening(self, port=25, address=None):
        wait_for(f"{self.host.name} listens on port {port}", lambda: self.host.is_listening(port, address), 30)


# Name servers

def reverse_name(address):
    return ipaddress.ip_address(address).reverse_pointer + "."


def address_records(name, addresses):
    return [f"{name} {'AAAA' if ':' in a else 'A'} {a}" for a in addresses]


def answers(host, server, zone):
    """Does the server answer a question for the zone's SOA, with anything but SERVFAIL (not loaded yet)?"""
    labels = [label for label in zone.split(".") if label]
    name = b"".join(bytes([len(x)]) + x.encode() for x in labels) + b"\0"
    asker = host_socket(host, socket.AF_INET, socket.SOCK_DGRAM)
    asker.settimeout(2)
    try:
        # Identifier, recursion desired, one question; type SOA, class IN.
        asker.sendto(struct.pack("!6H", 4711, 0x0100, 1, 0, 0, 0) + name + struct.pack("!2H", 6, 1), (server, 53))
        flags = struct.unpack("!H", asker.recv(4096)[2:4])[0]
    except OSError:
        return False
    finally:
        asker.close()
    return flags & 15 != 2


class Knot(Program):
    """Serves zones. Its root zone names the hosts of the network, both ways, but for those
    that were made without a name; names given with load() are zones of their own. Start it
    after the other hosts exist, or call load_root() again."""
    package = "knot"
    _HEAD = "$TTL 300\n@ SOA ns.lab. hostmaster.lab. {serial} 3600 600 86400 1\n@ NS ns.lab.\n"

    def configure(self):
        self._daemon = None
        self._serial = 0
        self._zones = []
        self._network = self.host.network

    def start(self):
        self._configure_zones()
        self._daemon = self.host.spawn(["knotd", "-c", "/etc/knot/knot.conf"])
        wait_for("knotd answers", lambda: self.host.is_listening(53, self.address, udp=True))
        wait_for("knotd control", lambda: self._knotc("status", check=False).returncode == 0)
        for zone in self._zones:
            wait_for(f"knotd serves {zone}", lambda z=zone: answers(self.host, self.address, z))

    def stop(self):
        self._daemon.stop()

    def _knotc(self, *argv, check=True):
        return self.host.run(["knotc", "-b"] + list(argv) if argv[0].startswith("zone") else ["knotc"] + list(argv),
                             check=check)

    def _configure_zones(self):
        if "." not in self._zones:
            self._write_zone(".", self._root_lines())
        zones = "".join(f"  - domain: {z}\n    file: {_file(z)}\n" for z in self._zones)
        self.host.write("/etc/knot/knot.conf", f"""server:
    rundir: /run/knot
    user: knot:knot
    listen: [ {', '.join(a + '@53' for a in self.host.addresses)} ]
log:
  - target: stderr
    any: info
database:
    storage: /var/lib/knot
template:
  - id: default
    storage: /var/lib/knot
    zonefile-sync: -1
    zonefile-load: whole
zone:
{zones}""")
        self.host.script("mkdir -p /run/knot; chown knot:knot /run/knot")

    def _root_lines(self):
        """Forward and reverse names of all hosts that were given one."""
        lines = []
        for host in self._network.hosts.values():
            if not host.has_name:
                continue
            lines += address_records(host.hostname + ".", host.addresses)
            lines += [f"{reverse_name(a)} PTR {host.hostname}." for a in host.addresses]
        return lines

    def load_root(self, extra_lines=()):
        self.load(".", self._root_lines() + list(extra_lines))

    def load(self, zone, lines):
        """Adds or replaces a zone; its SOA and NS are supplied."""
        is_new = zone not in self._zones
        self._write_zone(zone, lines)
        if self._daemon and is_new:
            self._configure_zones()
            self._knotc("reload")
        elif self._daemon:
            self._knotc("zone-reload", zone)

    def _write_zone(self, zone, lines):
        self._serial += 1
        if zone not in self._zones:
            self._zones.append(zone)
        text = f"$ORIGIN {zone if zone.endswith('.') else zone + '.'}\n" + self._HEAD.format(serial=self._serial)
        self.host.write(f"/var/lib/knot/{_file(zone)}", text + "\n".join(lines) + "\n", owner="knot:knot")


def _file(zone):
    return ("root" if zone == "." else zone.rstrip(".")) + ".zone"


class Unbound(Program):
    """The resolver of all hosts; asks the one name server for everything. A name's answer is
    kept for its TTL: use forget() after a zone change."""
    package = "unbound"

    def __init__(self, network, name, addresses, name_server):
        self._name_server = name_server
        self._daemon = None
        super().__init__(network, name, addresses)

    def configure(self):
        self.host.write("/etc/unbound/unbound.conf", f"""server:
    {' '.join('interface: ' + a + chr(10) + '   ' for a in self.host.addresses)}
    access-control: 0.0.0.0/0 allow
    access-control: ::/0 allow
    chroot: ""
    directory: /etc/unbound
    pidfile: ""
    do-daemonize: no
    use-syslog: no
    # No signatures inside the laboratory.
    module-config: "iterator"
    # Built-in answers that would hide our zones.
    unblock-lan-zones: yes
    local-zone: "test." nodefault
    num-threads: 1
remote-control:
    control-enable: yes
    control-use-cert: no
    control-interface: /run/unbound.ctl
stub-zone:
    name: "."
    stub-addr: {self._name_server}
""")

    def start(self):
        self._daemon = self.host.spawn(["unbound", "-d", "-c", "/etc/unbound/unbound.conf"])
        wait_for("unbound resolves", lambda: answers(self.host, self.address, "."))

    def stop(self):
        self._daemon.stop()

    def forget(self):
        self.host.run(["unbound-control", "flush_zone", "."])


# The real MX

class PostfixMx(Program):
    """Postfix that accepts all mail for the domains and stores each message as a file.
    Its log is host.folder/mail.log; host.folder/store/new holds the messages.
    with_syslog: it logs by syslog (RFC 3339 stamps, the network's clock), else by its own
    postlogd (classic stamps, whole seconds, the real clock)."""
    package = "postfix"

    def __init__(self, network, name, addresses, hostname, domains, with_syslog=False):
        self.domains, self._with_syslog = domains, with_syslog
        super().__init__(network, name, addresses, hostname)

    @property
    def log(self):
        return self.host.folder / "mail.log"

    def configure(self):
        _postfix_configure(self.host, [
            "virtual_mailbox_domains = " + " ".join(self.domains),
            "virtual_mailbox_maps = static:store/",
            "virtual_mailbox_base = /var/log",
            "virtual_uid_maps = static:65534",
            "virtual_gid_maps = static:65534"], self._with_syslog)
        self.host.script("mkdir /var/log/store; chown 65534:65534 /var/log/store")

    def start(self):
        _postfix_start(self.host)
        self.wait_listening(25)

    def stop(self):
        """Ends at once, as when the machine's service is stopped: sessions are cut."""
        self.host.run(["postfix", "abort"])
        wait_for("postfix stops", lambda: not self.host.is_listening(25))

    def set(self, **parameters):
        """Changes parameters of main.cf and reloads, if running."""
        self.host.run(["postconf"] + [f"{k}={v}" for k, v in parameters.items()])
        if self.host.is_listening(25):
            self.host.run(["postfix", "reload"])

    def stored(self):
        """Ids of the stored messages, one entry per copy."""
        found = []
        for path in (self.host.folder / "store" / "new").glob("*"):
            match = re.search(r"^X-Original-To: ([^@\s]+)@", path.read_text(errors="replace"), re.M)
            found.append(match.group(1) if match else path.name)
        return found


def _postfix_configure(host, lines, with_syslog=False):
    lines = [f"myhostname = {host.hostname}", "mydestination = $myhostname, localhost"] + lines
    if not with_syslog:
        lines.append("maillog_file = /var/log/mail.log")
    text = "\n".join(lines)
    host.script("sed -i -E '/^(myhostname|mydestination|inet_interfaces) =/d' /etc/postfix/main.cf\n"
                f"cat >> /etc/postfix/main.cf <<'END'\n{text}\nEND\n")


def _postfix_start(host):
    """What Debian's service does: fill the chroot of the daemons, then start."""
    host.script("/usr/lib/postfix/configure-instance.sh - ; postfix start")


# Senders

class Sender(Program):
    """What the four senders share. attempts counts log lines of one recipient, delivered or not."""
    profile = ""
    _submitted = 0

    def submit(self, domain, count, tag="m"):
        """Hands count messages to the program's own sendmail command; returns their ids."""
        first, self._submitted = self._submitted, self._submitted + count
        ids = [f"{self.host.name}-{tag}-{n}" for n in range(first, first + count)]
        self.host.script(f"""
            for id in {' '.join(ids)}; do
                printf 'From: <author@%s>\\nTo: <%s@%s>\\nSubject: %s\\n\\nA message of the laboratory.\\n' \
                    {self.host.hostname} $id {domain} $id |
                /usr/sbin/sendmail -i -f author@{self.host.hostname} "$id@{domain}"
            done""")
        return ids

    def log_lines(self):
        path = self.host.folder / self.log_name
        return path.read_text(errors="replace").splitlines() if path.exists() else []

    log_name = "mail.log"

    def deliveries(self):
        """id: Delivery, for each recipient the log mentions an attempt for."""
        found = {}
        for line in self.log_lines():
            match = self.attempt.search(line)
            if not match:
                continue
            entry = found.setdefault(match["id"], Delivery())
            entry.attempts += 1
            if match["ok"]:
                entry.delivered, entry.precision = self.line_time(line), self.precision
                entry.delay, entry.relay = self.seconds(match["delay"]), match["relay"]
        return found

    precision = 1.0

    @staticmethod
    def line_time(line):
        """ISO form, as our syslog and Exim write it."""
        return datetime.datetime.fromisoformat(line.split()[0]).timestamp()

    @staticmethod
    def seconds(text):
        return float(text)

    def queue(self):
        """Ids that are still queued."""
        return set(re.findall(rf"{self.host.name}-[a-z0-9]+-[0-9]+(?=@)", self.queue_text()))

    def wait_until_sent(self, ids, seconds=60, flush=False):
        """Waits until the program's queue holds none of the ids; flush: pushing it on the way."""
        pushed = [time.monotonic()]

        def is_empty():
            left = self.queue() & set(ids)
            if left and flush and time.monotonic() - pushed[0] > 2:
                self.flush()
                pushed[0] = time.monotonic()
            return not left
        if flush:
            self.flush()
        wait_for(f"{self.host.name} sends {len(ids)} messages", is_empty, seconds, 0.1)


class PostfixSender(Sender):
    package = profile = "postfix"
    attempt = re.compile(r"/smtp\[\d+\]: \w+: to=<(?P<id>[^@>]+)@[^>]*>, relay=(?P<relay>[^,]*),.* delay=(?P<delay>[\d.]+),"
                         r".* status=(?:(?P<ok>sent)|deferred|bounced)")

    def configure(self):
        _postfix_configure(self.host, ["inet_interfaces = loopback-only"])

    def start(self):
        _postfix_start(self.host)

    def stop(self):
        self.host.run(["postfix", "abort"])

    @staticmethod
    def line_time(line):
        """The classic form, without a year."""
        now = datetime.datetime.now(datetime.timezone.utc)
        stamp = datetime.datetime.strptime(f"{now.year} {line[:15]} +0000", "%Y %b %d %H:%M:%S %z")
        return (stamp if stamp <= now + datetime.timedelta(days=1) else stamp.replace(year=now.year - 1)).timestamp()

    def queue_text(self):
        return self.host.run(["postqueue", "-p"]).stdout

    def flush(self):
        self.host.run(["postqueue", "-f"])


class EximSender(Sender):
    package = profile = "exim"
    log_name = "exim4/mainlog"
    precision = 0.001
    attempt = re.compile(r"^\S+ \S+ \S+ (?:(?P<ok>=>|->)|==|\*\*) (?P<id>[^@\s]+)@\S+ (?:.* H=(?P<relay>\S+ \[[^\]]*\]))?"
                         r"(?:.* QT=(?P<delay>[\d.]+)s)?")

    def configure(self):
        self.host.write("/etc/exim4/exim4.conf.localmacros",
                        "MAIN_LOG_SELECTOR = +millisec +deliver_time +queue_time\n")
        self.host.script("""
            sed -i "s/^dc_local_interfaces=.*/dc_local_interfaces='127.0.0.1'/" /etc/exim4/update-exim4.conf.conf
            mkdir -p /var/log/exim4 /run/exim4
            chown Debian-exim:adm /var/log/exim4; chown Debian-exim:Debian-exim /run/exim4
            update-exim4.conf""")

    def start(self):
        self.host.run(["exim4", "-bd", "-q30m", "-oP", "/run/exim4/exim.pid"])
        self.wait_listening(25)

    def stop(self):
        self.host.script("kill $(cat /run/exim4/exim.pid)")

    @staticmethod
    def line_time(line):
        stamp = " ".join(line.split()[:2])
        return datetime.datetime.strptime(stamp + " +0000", "%Y-%m-%d %H:%M:%S.%f %z").timestamp()

    def queue_text(self):
        return self.host.run(["exim4", "-bp"]).stdout

    def flush(self):
        # -qff: also frozen ones and those whose hosts are not due yet
        self.host.run(["exim4", "-qff"])


class OpensmtpdSender(Sender):
    package = profile = "opensmtpd"
    attempt = re.compile(r"mta delivery .*to=<(?P<id>[^@>]+)@[^>]*> .*relay=\"(?P<relay>[^\"]*)\" delay=(?P<delay>\S+) "
                         r"result=\"(?:(?P<ok>Ok)|\w+)\"")

    def start(self):
        self.host.run(["smtpd"])
        wait_for("smtpd answers smtpctl", lambda: self.host.run(["smtpctl", "show", "status"], check=False).returncode == 0)

    def stop(self):
        self.host.run(["pkill", "smtpd"])  # sees only the processes of its own namespace

    @staticmethod
    def seconds(text):
        """1d2h3m4s"""
        return float(sum(int(n) * {"d": 86400, "h": 3600, "m": 60, "s": 1}[u] for n, u in re.findall(r"(\d+)([dhms])", text)))

    def queue_text(self):
        return self.host.run(["smtpctl", "show", "queue"]).stdout

    def flush(self):
        self.host.run(["smtpctl", "schedule", "all"], check=False)


class SendmailSender(Sender):
    package = profile = "sendmail"
    attempt = re.compile(r"sm-mta\[\d+\]: \w+: to=<(?P<id>[^@>]+)@[^>]*>,.* delay=(?P<delay>[\d+:]+),.* mailer=esmtp,"
                         r".* relay=(?P<relay>[^,]*),.* stat=(?:(?P<ok>Sent)|)")

    def configure(self):
        """A machine busy with tests is no reason not to listen, and to queue: how it walks is left as it is."""
        self.host.script("sed -i -E 's/^#?O (QueueLA|RefuseLA)=.*/O \\1=1000/' /etc/mail/sendmail.cf /etc/mail/submit.cf")

    def start(self):
        self.host.script("mkdir -p /run/sendmail/mta /run/sendmail/msp; chown root:smmta /run/sendmail/mta; "
                         "chown smmsp:smmsp /run/sendmail/msp; chmod 2755 /run/sendmail/mta; /usr/sbin/sendmail-mta -L sm-mta -bd -q10m")
        self.wait_listening(25)

    def stop(self):
        self.host.run(["pkill", "sendmail"])  # sees only the processes of its own namespace

    @staticmethod
    def seconds(text):
        """1+02:03:04"""
        days, _, clock = text.rpartition("+")
        hours, minutes, seconds = map(int, clock.split(":"))
        return float(int(days or 0) * 86400 + hours * 3600 + minutes * 60 + seconds)

    def queue_text(self):
        return self.host.run(["mailq"]).stdout + self.host.run(["mailq", "-Ac"], check=False).stdout

    def flush(self):
        self.host.run(["sendmail-msp", "-Ac", "-qf"], check=False)
        self.host.run(["sendmail-mta", "-qf"])


SENDERS = [PostfixSender, EximSender, OpensmtpdSender, SendmailSender]
