"""A site's month in a journal, for the report's page: good mail, bots, scanners, an outage, hostile names."""
import json
import random
import subprocess

from lab.net import BUILD

WRITE = BUILD / "tests/tools/write_journal"
MINUTE, HOUR, DAY = 60, 3600, 86400
SITE, LOW, MAIL, BACKUP, HIGH, CONTROL = 1, 1, 2, 3, 4, 5
HOSTS = {LOW: "fake0.mx.example.com", MAIL: "mail.example.com", BACKUP: "backup-mail.example.com",
         HIGH: "fake1.mx.example.com", CONTROL: "quiet.example.com"}
CONF = """
state = "{state}"
lab = true
site "example" {{
  layout  = both
  domains = {{ "example.com" }}
  decoy "fake0.mx.example.com" {{ preference = 0   address = {{ "192.0.2.20" }}  posture = reset }}
  host  "mail.example.com"     {{ preference = 10  address = {{ "192.0.2.25" }}  watch = "/var/log/mail.log" }}
  decoy "fake1.mx.example.com" {{ preference = 30  address = {{ "192.0.2.30" }}  posture = defer }}
}}
"""

# What a stranger may put into a name: markup, quotes, no UTF-8, marks that turn the text around.
HOSTILE = ["<script>alert(1)</script>.example", "]]>--><svg onload=alert(1)>.example", "\"'&amp;.example",
           "\u202egro.live\u2066.example", "a\x1b[2J\x07.example", "x" * 250 + ".example"]


def site_text(backup_watch="/var/log/mail2.log", name="example"):
    rows = [("site", "1", str(SITE), "both", name),
            ("host", str(LOW), "decoy", "reset", "0", HOSTS[LOW], ""), ("address", "192.0.2.20", "25"),
            ("host", str(MAIL), "real", "-", "10", HOSTS[MAIL], "/var/log/mail.log"), ("address", "192.0.2.25", "25"),
            ("host", str(BACKUP), "real", "-", "20", HOSTS[BACKUP], backup_watch), ("address", "192.0.2.26", "25"),
            ("host", str(HIGH), "decoy", "defer", "30", HOSTS[HIGH], ""), ("address", "192.0.2.30", "25"),
            ("host", str(CONTROL), "control", "defer", "0", HOSTS[CONTROL], ""), ("address", "192.0.2.40", "25"),
            ("domain", "example.com")]
    return "\n".join("\t".join(row) for row in rows) + "\n"


class Story:
    """Records in any order; write() sorts them. watched: the hosts that tell watermarks."""

    def __init__(self, begin, end, watched=(LOW, MAIL, BACKUP, HIGH, CONTROL), text=None, step=10 * MINUTE):
        self.begin, self.end = int(begin), int(end)
        self.records = [{"kind": "site", "time": begin, "site": SITE, "text": text or site_text()},
                        {"kind": "start", "time": begin}]
        for at in range(self.begin, self.end + 1, step):
            for host in (MAIL, BACKUP):
                self.records.append({"kind": "health", "time": at, "host": host, "is_ok": True})
            for host in watched:
                self.records.append({"kind": "watermark", "time": at, "host": host, "seen": at + 1})

    def visit(self, at, client, host, **other):
        record = {"kind": "visit", "time": at, "site": SITE, "host": host, "client": client, "depth": "rcpt",
                  "source": "decoy", "helo": "client.example", "mail_from": "who@client.example",
                  "recipient_domain": "example.com"}
        if host == LOW:
            record.update(depth="connect", helo="", mail_from="", recipient_domain="")
        if host in (MAIL, BACKUP):
            record.update(depth="data", outcome="accepted", source="maillog")
        record.update(other)
        self.records.append(record)

    def named(self, at, client, name, **other):
        self.records.append({"kind": "name", "time": at, "client": client, "name": name, "domain": "",
                             "is_confirmed": True, **other})

    def outage(self, begin, end):
        """mail.example.com does not answer the probes."""
        for r in self.records:
            if r["kind"] == "health" and r["host"] == MAIL and begin <= r["time"] < end:
                r["is_ok"] = False

    def write(self, path):
        self.records.sort(key=lambda r: r.get("seen", r["time"]))
        text = "".join(json.dumps(r) + "\n" for r in self.records)
        subprocess.run([WRITE, path], input=text, text=True, check=True, timeout=300)


def address(i, kind):
    """A /24 of its own for each sender."""
    return f"{kind}.{i // 250}.{i % 250}.7"


def month(end, days=30, good=40, seed=7):
    """Good senders each day, three kinds of bots, scanners at the control address; one of everything else."""
    chance = random.Random(seed)
    begin = end - days * DAY
    s = Story(begin, end)
    bot = scanner = 0
    for day in range(days):
        noon = begin + day * DAY + HOUR
        busy = 0.35 if day % 7 in (3, 4) else 1
        for i in range(int(good * busy)):
            at = noon + chance.random() * 20 * HOUR
            client = address(i + 40 * (day % 3), 41)
            s.visit(at, client, LOW)
            delay = chance.choice([0.004, 0.006, 0.02, 0.05, 0.3, 1.01, 2.0, 2.1, 5.5, 31])
            s.visit(at + delay, client, MAIL if chance.random() < 0.8 else BACKUP)
        for _ in range(chance.randrange(6, 16)):  # bots that know the last MX only
            bot += 1
            at = noon + chance.random() * 20 * HOUR
            s.visit(at, address(bot, 91), HIGH, depth=chance.choice(["connect", "helo", "rcpt"]))
            if chance.random() < 0.4:
                s.visit(at + 2 * HOUR, address(bot, 91), HIGH)
            if chance.random() < 0.1 and day < days - 7:  # comes back, days later
                s.visit(at + chance.choice([9 * HOUR, 2 * DAY, 6.5 * DAY]), address(bot, 91), MAIL)
        for _ in range(chance.randrange(0, 5)):  # any port 25
            scanner += 1
            at = noon + chance.random() * 20 * HOUR
            s.visit(at, address(scanner, 101), CONTROL, depth="connect")
            if chance.random() < 0.4:
                s.visit(at + 60, address(scanner, 101), HIGH, depth="connect")
    s.outage(begin + 12 * DAY + 3 * HOUR, begin + 12 * DAY + 5 * HOUR)
    for i, name in enumerate(HOSTILE):
        at = begin + (14 + i) * DAY
        s.named(at, address(i, 51), name)
        s.visit(at + 60, address(i, 51), HIGH)
    known = begin + 2 * DAY
    s.visit(known, "52.1.1.7", MAIL, is_spam=False)  # a filter called it clean
    s.named(known, "52.1.1.7", "mail.partner.example")
    s.visit(known + 5 * DAY, "52.1.1.7", HIGH)
    s.named(begin + DAY, "53.1.1.7", "mta.newsletter.example", spf_passes=True)
    s.visit(begin + 20 * DAY, "53.1.1.7", HIGH)
    return s
