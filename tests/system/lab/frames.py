"""frames - one mail log, as each kind of program would have kept it.

    lines = parse(path.read_text())             # of our syslog: RFC 3339 with microseconds, or of Exim's own
    for name, frame in FRAMES.items():
        text = frame(lines)                     # bytes

What a stamp may say less of is left out (whole seconds), nothing is added.
"""

import datetime
import json
import re

_LINE = re.compile(r"^(\S+?[+-]\d\d:\d\d) (\S+) ([^\s:\[]+)(?:\[(\d+)\])?: (.*)$")
_OWN = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?)(?: ([+-]\d{4}))? (.*)$")


class Line:
    """One line taken apart; own: Exim's, which has neither host nor tag."""

    def __init__(self, text):
        match = _LINE.match(text)
        self.own = match is None
        if match:
            stamp, self.host, self.tag, self.pid, self.text = match.groups()
            self.time = datetime.datetime.fromisoformat(stamp).astimezone(datetime.timezone.utc)
        else:
            match = _OWN.match(text)
            if not match:
                raise ValueError(f"neither syslog's line nor Exim's: {text}")
            stamp, zone, self.text = match.groups()
            self.host, self.tag, self.pid, self.raw = "mail", "", "", text
            self.time = datetime.datetime.fromisoformat(stamp + (zone or "+0000"))

    @property
    def tagged(self):
        """What the program itself would print: "postfix/smtpd[7]: ...", Exim with its own stamp."""
        if self.own:
            return self.raw
        return f"{self.tag}[{self.pid}]: {self.text}" if self.pid else f"{self.tag}: {self.text}"

    @property
    def classic(self):
        return self.raw if self.own else f"{self.time:%b} {self.time.day:2d} {self.time:%H:%M:%S} {self.host} {self.tagged}"

    @property
    def engine(self):
        """The engine's stamp, a little later than the program's."""
        later = self.time + datetime.timedelta(microseconds=200)
        return f"{later:%Y-%m-%dT%H:%M:%S.%f}789Z"

    def micros(self, later=0):
        return round(self.time.timestamp() * 1e6) + later


def parse(text):
    """What goes on behind a line's end (Exim's advice to administrators) has no stamp, and is left out."""
    return [Line(line) for line in text.splitlines() if line[:1].isdigit()]


def _each(form):
    return lambda lines: "".join(form(line) + "\n" for line in lines).encode(errors="surrogateescape")


def _syslog(stamp, between=" "):
    """Exim by its own log stays as it is."""
    return _each(lambda l: l.raw if l.own else stamp(l) + between + f"{l.host} " + l.tagged)


def _rfc5424(line):
    if line.own:
        return line.raw
    return f"<22>1 {line.time:%Y-%m-%dT%H:%M:%S.%f}Z {line.host} {line.tag} {line.pid or '-'} - - {line.text}"


def _counted(line):
    text = _rfc5424(line)
    return text if line.own else f"{len(text.encode(errors='surrogateescape'))} {text}"


def _json_file(line):
    return json.dumps({"log": line.classic + "\n", "stream": "stdout", "time": line.engine})


def _journal(line):
    fields = {"__REALTIME_TIMESTAMP": str(line.micros(1000)), "_SOURCE_REALTIME_TIMESTAMP": str(line.micros()),
              "_HOSTNAME": line.host, "SYSLOG_IDENTIFIER": line.tag, "SYSLOG_PID": line.pid, "MESSAGE": line.text}
    if line.own:
        fields |= {"CONTAINER_NAME": "mail", "CONTAINER_ID": "0123", "MESSAGE": line.raw}
    return json.dumps(fields)


def _docker_journal(line):
    return json.dumps({"__REALTIME_TIMESTAMP": str(line.micros(1000)), "CONTAINER_NAME": "mail", "CONTAINER_ID": "0123",
                       "SYSLOG_IDENTIFIER": "0123", "_PID": "1", "MESSAGE": line.tagged})


def _cri(line):
    """Each in two parts, as long ones are."""
    text = line.tagged
    half = len(text) // 2
    return f"{line.engine} stdout P {text[:half]}\n{line.engine} stdout F {text[half:]}"


def _crlf(lines):
    return b"".join(line.classic.encode(errors="surrogateescape") + b"\r\n" for line in lines)


def _without_end(lines):
    return "\n".join(line.classic for line in lines).encode(errors="surrogateescape")


FRAMES = {
    "syslog, RFC 3164": _each(lambda l: l.classic),
    "syslog, RFC 3339": _syslog(lambda l: f"{l.time:%Y-%m-%dT%H:%M:%S.%f}+00:00"),
    "syslog, RFC 5424": _each(_rfc5424),
    "RFC 5424, octets counted": _each(_counted),
    "a priority in front": _each(lambda l: l.raw if l.own else f"<22>{l.classic}"),
    "syslog-ng, ISO": _syslog(lambda l: f"{l.time:%Y-%m-%d %H:%M:%S}+00:00"),
    "busybox": _each(lambda l: l.raw if l.own else f"{l.classic[:15]} {l.host} mail.info {l.tagged}"),
    "docker logs -t, syslog within": _each(lambda l: f"{l.engine} {l.classic}"),
    "docker logs -t, a tag within": _each(lambda l: f"{l.engine} {l.tagged}"),
    "docker compose logs": _each(lambda l: f"mailserver-1  | {l.classic}"),
    "docker compose logs -t, in colours": _each(lambda l: f"\x1b[36mmailserver-1  |\x1b[0m {l.engine} {l.tagged}"),
    "docker's json-file": _each(_json_file),
    "the journal, Docker's driver": _each(_docker_journal),
    "CRI, each line in two parts": _each(_cri),
    "journalctl -o json": _each(_journal),
    "journalctl -o short-iso": _syslog(lambda l: f"{l.time:%Y-%m-%dT%H:%M:%S}+0000"),
    "journalctl -o short-precise": _syslog(lambda l: f"{l.time:%b} {l.time.day:2d} {l.time:%H:%M:%S.%f}"),
    "journalctl -o short-full": _syslog(lambda l: f"{l.time:%a %Y-%m-%d %H:%M:%S} UTC"),
    "journalctl -o short-unix": _syslog(lambda l: f"{l.micros() // 1000000}.{l.micros() % 1000000:06d}"),
    "CR and LF": _crlf,
    "no LF at the end": _without_end,
}
