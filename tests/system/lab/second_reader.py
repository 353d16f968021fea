"""second_reader - a mail log read once more, by regular expressions, slowly, with nothing of fakemx in it.

    read("postfix", text)       # {address: (depth, outcome)}

Says less than fakemx (no times, no texts, one session an address), for the lines that the laboratory's four
programs write under our syslog, and Exim in its own log. Where both are wrong they are so independently.
"""

import ipaddress
import re

DEPTHS = ["connect", "helo", "mail", "rcpt", "data"]


class Session:
    def __init__(self):
        self.depth, self.queued, self.codes, self.lost, self.quit, self.taken, self.answered = 0, False, set(), False, False, 0, False

    def reach(self, depth):
        self.depth = max(self.depth, DEPTHS.index(depth))

    def refuse(self, depth, code):
        self.reach(depth)
        self.codes.add(str(code)[0])

    @property
    def told(self):
        depth = DEPTHS[self.depth]
        if self.queued:
            return depth, "accepted"
        if "4" in self.codes:
            return depth, "deferred"
        if "5" in self.codes:
            return depth, "rejected"
        return depth, "aborted"


def _of(sessions, address):
    return sessions.setdefault(address, Session())


def _postfix(text):
    sessions, ids, current = {}, {}, {}
    for line in text.splitlines():
        if found := re.search(r" postfix/postscreen\[\d+\]: CONNECT from \[([^]]+)\]", line):
            _of(sessions, found[1])
        if found := re.search(r" postfix/postscreen\[\d+\]: NOQUEUE: reject: (\w+) from \[([^]]+)\]:\d+: (\d)", line):
            _of(sessions, found[2]).refuse({"RCPT": "rcpt", "MAIL": "mail"}.get(found[1], "connect"), found[3])
        if found := re.search(r" postfix/(?:qmgr|cleanup)\[\d+\]: (\w+): (.*)", line):
            if found[1] in ids and re.match(r"from=<.*>, size=\d+", found[2]):
                _of(sessions, ids[found[1]]).queued = True
                _of(sessions, ids[found[1]]).reach("data")
            if found[1] in ids and (said := re.match(r"milter-reject: END-OF-MESSAGE from \S+: (\d)", found[2])):
                _of(sessions, ids[found[1]]).refuse("data", said[1])
        found = re.search(r" postfix/smtpd\[(\d+)\]: (.*)", line)
        if not found:
            continue
        pid, said = found.groups()
        who = re.search(r"(?:connect from|client=|after \S+(?: \(.*?\))? from|: \w[\w-]* from) ?[^\s\[]+\[([^]]+)\]", said)
        if who:
            current[pid] = who[1]
        if pid not in current:
            continue
        session = _of(sessions, current[pid])
        if client := re.match(r"(\w+): client=", said):
            ids[client[1]] = current[pid]
            session.user = "sasl_" in said
        if refused := re.search(r"(?<!\w)(?:milter-|proxy-)?reject: ([\w-]+)(?: from [^:\[]+\[[^]]+\])?: (\d)", said):
            stage = refused[1].lower()
            session.refuse("data" if stage.startswith(("end", "data")) else {"ehlo": "helo"}.get(stage, stage)
                           if stage in ("ehlo", "helo", "mail", "rcpt") else "connect", refused[2])
        if re.match(r"proxy-accept: ", said):
            session.queued = True
        if counts := re.match(r"disconnect from \S+ (.*)", said):
            n = {k: int(v.split("/")[-1]) for k, v in (c.split("=") for c in counts[1].split())}
            for key, depth in (("ehlo", "helo"), ("helo", "helo"), ("mail", "mail"), ("rcpt", "rcpt"), ("data", "data"), ("bdat", "data")):
                if n.get(key):
                    session.reach(depth)
    return {a: s for a, s in sessions.items() if not getattr(s, "user", False)}


def _exim(text):
    sessions = {}
    for line in text.splitlines():
        line = re.sub(r"\(\S*\) \[", "(helo) [", line)
        found = re.search(r"\[((?:\d+\.){3}\d+|[0-9a-f:]*:[0-9a-f:]+)\](?::\d+)?(?: I=\[[^]]+\](?::(\d+))?)?(.*)", line)
        if not found or re.search(r" (?:=>|->|==|\*\*) ", line):
            continue
        address, port, rest = found.groups()
        session = _of(sessions, address)
        session.user = getattr(session, "user", False) or port in ("587", "465") or " P=esmtpsa" in line or " P=esmtpa" in line
        if re.search(r" <= ", line):
            session.queued = True
            session.reach("data")
        if refused := re.search(r"(temporarily )?rejected (RCPT|MAIL|after DATA|DATA|EHLO|HELO|connection)", line):
            depth = {"RCPT": "rcpt", "MAIL": "mail", "after DATA": "data", "DATA": "data", "connection": "connect"}.get(refused[2], "helo")
            session.refuse(depth, 4 if refused[1] else 5)
        if re.search(r"H=.*\(\S+\) \[|from (?:\S+ )?\(\S+\) \[|C=\S*(?:EHLO|HELO)", line):
            session.reach("helo")
        if re.search(r"unexpected disconnection while reading SMTP command|incomplete transaction", line):
            session.reach("mail")
        if re.search(r"incomplete transaction .* for ", line):
            session.reach("rcpt")
        if "lost while reading message data" in rest:
            session.reach("data")
    return {a: s for a, s in sessions.items() if not s.user}


def _opensmtpd(text):
    sessions, ids = {}, {}
    for line in text.splitlines():
        found = re.search(r" smtpd\[\d+\]: ([0-9a-f]{16}) smtp (.*)", line)
        if not found:
            continue
        key, said = found.groups()
        if begun := re.match(r"connected address=\[?([0-9a-f.:]+)\]? host=", said):
            ids[key] = begun[1]
        if key not in ids:
            continue
        session = _of(sessions, ids[key])
        if re.match(r"message msgid=", said):
            session.queued = True
            session.reach("data")
        if said.startswith("tls "):
            session.reach("helo")
        if failed := re.match(r'failed-command command="(.*)" result="(\d\d\d) .*"$', said):
            if not failed[2].startswith("50"):
                word = failed[1].split(" ")[0].upper()
                session.refuse({"RCPT": "rcpt", "MAIL": "mail", "EHLO": "helo", "HELO": "helo", "DATA": "data"}.get(word, "connect"),
                               failed[2])
    return sessions


def _sendmail(text):
    """A process is a session; who it is may be told last."""
    pids, who, users = {}, {}, set()
    for line in text.splitlines():
        found = re.search(r" sm-mta\[(\d+)\]: (?:\w{14}: |NOQUEUE: )?(.*)", line)
        if not found or found[2].startswith("to="):
            continue
        pid, said = found.groups()
        session = pids.setdefault(pid, Session())
        for client in re.findall(r"\[(?:IPv6:)?([0-9a-f.:]{4,})\]", said)[-1:]:
            if re.search(r"relay=|connect from|did not issue|input channel from|Milter: connect: ", said):
                who[pid] = str(ipaddress.ip_address(client))
        if "daemon=MSP" in said or "AUTH=server" in said or re.search(r" to MSP|proto=E?SMTPS?A", said):
            users.add(pid)
        if refused := re.search(r"ruleset=check_(\w+), .*, reject=(\d)", said):
            session.refuse({"rcpt": "rcpt", "mail": "mail"}.get(refused[1], "connect"), refused[2])
        if refused := re.match(r"Milter: (\w+).*, reject=(\d)", said):
            session.refuse({"to": "rcpt", "from": "mail", "connect": "connect", "helo": "helo"}.get(refused[1], "data"), refused[2])
            session.queued = session.queued and refused[1] != "data"
        if said.startswith("Milter: connect: "):
            session.refuse("connect", 4 if said.endswith("temp failing commands") else 5)
        if begun := re.match(r"from=.* nrcpts=(\d+)(, msgid=)?", said):
            session.reach("data" if begun[2] else "rcpt" if begun[1] != "0" else "mail")
            session.queued = session.queued or bool(begun[2])
        if lost := re.search(r"lost input channel from .* to \S+ after (\w+)", said):
            session.reach({"rcpt": "rcpt", "data": "data", "mail": "mail", "ehlo": "helo", "helo": "helo"}.get(lost[1], "connect"))
        if "collect: " in said:
            session.reach("data")
            session.queued = False
        if said.startswith("STARTTLS=server"):
            session.reach("helo")
        if "User unknown" in said:
            session.refuse("rcpt", 5)
    return {who[p]: s for p, s in pids.items() if p in who and p not in users and not who[p].startswith("127.")}


_READERS = {"postfix": _postfix, "exim": _exim, "opensmtpd": _opensmtpd, "sendmail": _sendmail}


def read(program, text):
    return {address: session.told for address, session in _READERS[program](text).items()}
