"""serve - fakemx-serve on a host of the laboratory, its clock, its log, and the verbs.

    serve = Serve(site.decoys, config(site, mode="enforce"))
    serve.start()
    serve.jump(3600)                 # an hour passes
    serve.verdicts()                 # as logged live
    serve.json("report")             # fakemx --json report

Time is the real one plus the offset in the clock file (fakemx.conf(5), `clock`).
"""

import json
import os
import re
import shlex
import signal
import struct
import time

from . import case, conf, net
from .site import DOMAIN, FAKE0, FAKE1, FAKE1_V6


def config(site, low="reset", high="defer", **options):
    """A configuration for the laboratory's site, watched by the logs of both real hosts.
    options are keys of the file; lists and numbers as they would stand there."""
    hosts = "".join(
        f'  host "{mx.host.hostname}" {{ preference = {preference} '
        f'address = {{ {", ".join(map(json.dumps, mx.host.addresses))} }} watch = "{mx.log}" }}\n'
        for preference, mx in ((10, site.mail), (20, site.backup)))
    decoys = ""
    if low:
        decoys += f'  decoy "fake0.{DOMAIN}" {{ preference = 0 address = {{ "{FAKE0}" }} posture = {low} }}\n'
    if high:
        decoys += (f'  decoy "fake1.{DOMAIN}" {{ preference = 30 address = {{ "{FAKE1}", "{FAKE1_V6}" }} '
                   f'posture = {high} }}\n')
    layout = "both" if low and high else "low" if low else "high"
    return conf.keys(options) + (
        f'site "lab" {{\n  layout = {layout}\n  domains = {{ "{DOMAIN}" }}\n{hosts}{decoys}}}\n')


class Serve:
    """One fakemx-serve. Several may live on one host under different names."""

    def __init__(self, host, text, name="serve"):
        self.host, self.name = host, name
        self.folder = host.folder / name
        self.folder.mkdir()
        self.clock = self.folder / "clock"
        self.clock.write_bytes(bytes(8))
        self._set_clock()
        self.log = self.folder / "serve.log"
        self.conf = self.folder / "fakemx.conf"
        self.configure(text)
        self.daemon = None

    def configure(self, text):
        self.conf.write_text(f'state = "{self.folder / "state"}"\nclock = "{self.clock}"\n{text}')

    # The daemon

    def start(self, *options, wait=True, uid=None, env=None):
        began = len(self.text())
        self.daemon = self.host.spawn([case.program("fakemx-serve"), "-c", self.conf, *options],
                                      output=f"{self.name}/serve.log", name=self.name, uid=uid, env=env)
        if wait:
            net.wait_for("fakemx-serve is ready", lambda: self._is_ready(began))
            if "grace = 1s" in self.conf.read_text():
                time.sleep(1.2)  # a fast machine would send its first mail within the grace
        return self

    def _is_ready(self, began):
        if not self.daemon.alive():
            raise RuntimeError(f"fakemx-serve ended with {self.daemon.wait()}:\n{self.text()[began:]}")
        return re.search(r"\bready sites=", self.text()[began:])

    def stop(self):
        return self.daemon.stop()

    def kill(self):
        return self.daemon.stop(signal.SIGKILL)

    def reload(self):
        self.daemon.signal(signal.SIGHUP)

    # Time

    def _set_clock(self):
        with open(self.clock, "r+b") as f:
            os.pwrite(f.fileno(), struct.pack("q", round(self.host.network.offset * 1_000_000)), 0)

    def jump(self, seconds, is_complete=True):
        """Lets time pass while everybody waits, for the daemon and for the real hosts' syslog.
        Comes back when the daemon has probed the real hosts, read the logs and judged what
        became due. is_complete=False: it must find that a log does not go on; None: it may, as
        while a real host is down and no probe reaches its log."""
        began = len(self.text())
        self.host.network.jump(seconds)
        self._set_clock()
        self._wait_caught_up(began, f" clock_ahead={self.host.network.offset:.6f}", is_complete)

    def catch_up(self):
        """The same without a jump: what happened until now is journalled and judged."""
        began = len(self.text())
        self.daemon.signal(signal.SIGUSR1)
        self._wait_caught_up(began)

    def _wait_caught_up(self, began, ahead="", is_complete=True):
        line = net.wait_for("fakemx-serve catches up", lambda: [
            x for x in self.text()[began:].splitlines() if f"caught-up{ahead}" in x], 60)[-1]
        if is_complete is not None and ("complete=yes" in line) != is_complete:
            raise AssertionError(f"sources looked again: {not is_complete}: {line}\n{self.text()[-3000:]}")

    def now(self):
        return time.time() + self.host.network.offset

    # What it said

    def text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def events(self, event):
        """The log's key=value lines of one kind ("verdict", "listing"), as dicts, in order."""
        found = []
        for line in self.text().splitlines():
            _, mark, rest = line.partition(f"{event} address=")
            if mark:
                pairs = shlex.split("address=" + rest)
                found.append(dict(p.split("=", 1) for p in pairs if re.match(r"\w+=", p)))
        return found

    def verdicts(self):
        """The latest verdict of each address and walk at a decoy. (A walk that touches no decoy is
        told by explain alone.)"""
        return {(v["address"], v["began"]): v for v in self.events("verdict")}

    def latest(self, address):
        """The latest verdict of an address, or {}."""
        found = [v for (a, _), v in self.verdicts().items() if a == address]
        return found[-1] if found else {}

    # The verbs

    def fakemx(self, *argv, check=None):
        """Runs a verb on the same host and configuration. check: the exit status it must have."""
        done = self.host.run([case.program("fakemx"), "-c", self.conf, *argv], check=False)
        if check is not None and done.returncode != check:
            raise AssertionError(f"fakemx {' '.join(map(str, argv))}: exit {done.returncode}, want {check}\n"
                                 f"{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done

    def json(self, *argv):
        return json.loads(self.fakemx("--json", *argv, check=0).stdout)

    def json_lines(self, *argv):
        return [json.loads(line) for line in self.fakemx("--json", *argv, check=0).stdout.splitlines()]

    def listed(self):
        return self.json("list")
