"""maillog - what a mail server's log tells, held against what its clients did.

    class Exim(MailLogCase):
        unseen = {"gone_after_connect"}         # callers that its log does not show
        @classmethod
        def make_mx(cls):
            return EximMx(cls.net, "mail", ADDRESSES, NAME, [DOMAIN])

The mail server does as callers.py asks of it. build() starts it and calls; the tests compare. Visits are
read by `fakemx visits --maillog`.
"""

import json
import os
import pathlib
import subprocess

from . import frames, second_reader
from .callers import CALLERS, accepted, call_all, call_at_once, call_authenticated, gone_after_mail, greylisted
from .case import NAME_SERVER, RESOLVER, LabCase, program
from .net import seconds_of, wait_for
from .programs import Knot, Unbound

DOMAIN = "shop.example"
NAME = f"mail.{DOMAIN}"
ADDRESSES = ["30.0.0.25", "3ffe::25"]
HELO = "out.client.example"
SLACK = 0.05  # two clocks read one after the other


def visits(*logs, text=None):
    """text: of standard input, bytes."""
    done = subprocess.run([program("fakemx"), "visits", "--maillog", *logs], check=True, input=text,
                          stdout=subprocess.PIPE, env={"TZ": "UTC", "PATH": "/usr/bin:/bin"})
    return [json.loads(line) for line in done.stdout.splitlines()]


class MailLogCase(LabCase):
    callers = CALLERS
    unseen = set()  # callers that the log does not show
    depths = {}  # caller: depth, where the log tells less than was done
    outcomes = {}  # the same
    program = ""  # whose log it is: for the second reader
    is_framed = False  # its log is of our syslog, or Exim's own: each framing is tried
    is_sampled = False  # of its program, the one whose log is kept in tests/data
    keeps_all = False  # of all its callers, in one framing
    stretches = True  # nothing but the stamps tells the time
    tells_helo_of = tells_sender_of = tells_recipient_of = ()  # outcomes of which it always does
    tells_helo_that_is_the_name = True
    tells_sessions_apart = True  # also those of one client
    tells_names = True
    lets_users_in = True
    port_of_users = 587

    @classmethod
    def build(cls):
        cls.knot = Knot(cls.net, "ns", [NAME_SERVER])
        cls.resolver = Unbound(cls.net, "resolver", [RESOLVER], NAME_SERVER)
        cls.sources = [f"30.9.{i}.1" for i in range(1, len(cls.callers) + 5)]
        for i, caller in enumerate(cls.callers):
            cls.sources[i] = getattr(caller, "source", cls.sources[i])
        cls.v6 = [f"3ffe:9:{i}::1" for i in range(1, 4)]
        cls.crowd = cls.net.host("crowd", cls.sources + cls.v6)
        cls.named = cls.net.host("named", ["30.8.0.7"], hostname=HELO)
        cls.other = cls.net.host("other", ["30.8.0.8"], hostname="other.client.example")
        cls.mx = cls.make_mx()
        for program_ in (cls.knot, cls.resolver, cls.mx):
            program_.start()
        cls.call()
        cls.wait_until_logged()
        cls.visits = visits(cls.mx.log)

    @classmethod
    def call(cls):
        to, to_v6 = ADDRESSES
        cls.made = call_all(cls.crowd, to, cls.sources[:len(cls.callers)], DOMAIN, cls.callers)
        cls.made += call_all(cls.crowd, to_v6, cls.v6, DOMAIN, [accepted, greylisted, gone_after_mail])
        cls.made += call_all(cls.named, to, ["30.8.0.7"], DOMAIN, [accepted])
        cls.made += call_all(cls.other, to, ["30.8.0.8"], DOMAIN, [greylisted])
        users, cls.twice = cls.sources[len(cls.callers):][:2], cls.sources[-1]
        cls.users = [call_authenticated(cls.crowd, source, to, DOMAIN, port)
                     for source, port in zip(users, (cls.port_of_users, 25)) if cls.lets_users_in]
        cls.at_once = call_at_once(cls.crowd, cls.twice, to, DOMAIN)
        # Told in every log, and the last: what was before is written then.
        cls.last = call_all(cls.crowd, to, [cls.sources[-2]], DOMAIN, [greylisted])[0]

    @classmethod
    def wait_until_logged(cls):
        wait_for("the log is written", lambda: any(v["address"] == cls.last.address for v in visits(cls.mx.log)))

    def _of(self, address):
        return [v for v in self.visits if v["address"] == address]

    def test_1_each_session_is_the_visit_it_was(self):
        for made in self.made:
            with self.subTest(caller=made.caller, address=made.address):
                found = self._of(made.address)
                self.assertEqual(0 if made.caller in self.unseen else 1, len(found), found)
                if found:
                    self._compare(made, found[0])

    def _want(self, made):
        return self.depths.get(made.caller, made.depth), self.outcomes.get(made.caller, made.outcome)

    def _compare(self, made, visit):
        want = self._want(made)
        self.assertEqual(want, (visit["depth"], visit["outcome"]), visit)
        for key, value, always in (("helo", made.helo, self.tells_helo_of),
                                   ("sender", made.sender, self.tells_sender_of),
                                   ("recipient_domain", made.recipient_domain, self.tells_recipient_of)):
            is_name = key == "helo" and value == visit["name"] and not self.tells_helo_that_is_the_name
            may = (value or None,) if made.outcome in always and not is_name else (value or None, None)
            self.assertIn(visit[key], may, key)
        self.assertLess(visit_begin(visit) - visit["earlier_seconds"], made.ended + SLACK)
        self.assertGreater(visit_begin(visit) + visit["precision_seconds"], made.began - SLACK)

    def _cells(self, found):
        """How many endings are what they were, address, depth, outcome and time; and those that are not."""
        wrong = []
        for made in self.made:
            mine = [v for v in found if v["address"] == made.address]
            if made.caller in self.unseen:
                is_right = not mine
            else:
                is_right = len(mine) == 1 and (mine[0]["depth"], mine[0]["outcome"]) == self._want(made) and \
                    visit_begin(mine[0]) - mine[0]["earlier_seconds"] < made.ended + SLACK and \
                    visit_begin(mine[0]) + mine[0]["precision_seconds"] > made.began - SLACK
            if not is_right:
                wrong.append((made.caller, made.address, self._want(made), mine))
        return len(self.made) - len(wrong), wrong

    def test_6_in_each_framing_it_tells_the_same(self):
        if not self.is_framed:
            return
        lines = frames.parse(self.mx.log.read_text(errors="surrogateescape"))
        self._keep_samples(lines)
        table, failed = [], []
        for name, frame in frames.FRAMES.items():
            right, wrong = self._cells(visits("-", text=frame(lines)))
            table.append(f"{right:3} of {len(self.made):3}  {name}")
            failed += [(name, *w) for w in wrong]
        cells = len(self.made) * len(table)
        self.report = "\n".join([f"{len(self.made)} endings in {len(table)} framings, {cells - len(failed)} of {cells} cells are right"] + table)
        self.assertEqual([], failed)

    def _keep_samples(self, lines):
        """With FAKEMX_SAMPLES=tests/data/maillog/framed: a few sessions in each framing, and what they were."""
        folder = os.environ.get("FAKEMX_SAMPLES")
        if not folder or not self.is_sampled:
            return
        few = [m for m in self.made if m.caller in ("accepted", "greylisted", "unknown_recipient", "gone_after_mail")][:4]
        few = [m for m in self.made if m.caller != "too_many_messages"] if self.keeps_all else few
        times = [(m.began - 0.03, m.ended + 0.03) for m in few]
        lines = [l for l in lines if any(a < l.time.timestamp() < b for a, b in times)]
        name = type(self).__name__.lower()
        want = sorted(f"{m.address} {' '.join(self._want(m))}\n" for m in few)
        pathlib.Path(folder, f"{name}.want").write_text("".join(want))
        for framing, frame in list(frames.FRAMES.items())[1:2] if self.keeps_all else frames.FRAMES.items():
            pathlib.Path(folder, f"{name} - {framing}.log".replace(" ", "_")).write_bytes(frame(lines))

    def test_7_a_second_reader_says_the_same(self):
        if not self.program:
            return
        told = second_reader.read(self.program, self.mx.log.read_text(errors="surrogateescape"))
        ours = {v["address"]: (v["depth"], v["outcome"]) for v in self.visits if v["address"] != self.twice}
        made = {m.address for m in self.made}
        self.assertEqual({a: o for a, o in ours.items() if a in made},
                         {a: told.get(a) for a in ours if a in made})

    def test_8_sessions_may_take_twenty_minutes(self):
        """All stamps 600 times as far apart: in a file that is read to its end it does not matter how long one was."""
        if not (self.is_framed and self.stretches):
            return
        lines = frames.parse(self.mx.log.read_text(errors="surrogateescape"))
        begin = lines[0].time
        for line in lines:
            line.time = begin + (line.time - begin) * 600
        found = visits("-", text=frames.FRAMES["syslog, RFC 3339"](lines))
        for made in self.made:
            with self.subTest(caller=made.caller):
                mine = [v for v in found if v["address"] == made.address]
                self.assertEqual([] if made.caller in self.unseen else [self._want(made)],
                                 [(v["depth"], v["outcome"]) for v in mine])
        for slow in (v for m in self.made if m.caller == "slow" for v in found if v["address"] == m.address):
            self.assertGreater(seconds_of(slow["ended"]) - seconds_of(slow["time"]), 1190)

    def test_2_nobody_else_came(self):
        came = {m.address for m in self.made + self.at_once + [self.last]}
        self.assertEqual(set(), {v["address"] for v in self.visits} - came)

    def test_3_names_are_the_verified_ones(self):
        names = {v["address"]: v["name"] for v in self.visits}
        self.assertEqual((HELO, "other.client.example") if self.tells_names else (None, None),
                         (names["30.8.0.7"], names["30.8.0.8"]))
        self.assertEqual({None}, {n for a, n in names.items() if a not in ("30.8.0.7", "30.8.0.8")})

    def test_4_sessions_of_one_client_at_once_are_told_apart(self):
        found = sorted(v["outcome"] for v in self._of(self.twice))
        self.assertEqual(["accepted", "deferred"] if self.tells_sessions_apart else ["accepted"], found)

    def test_5_users_that_hand_in_mail_are_no_visits(self):
        for made in self.users:
            with self.subTest(port=made.port):
                self.assertEqual("accepted", made.outcome)
                self.assertEqual([], self._of(made.address))


def visit_begin(visit):
    return seconds_of(visit["time"])
