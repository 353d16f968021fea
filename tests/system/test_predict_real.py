"""Predictions held against real Postfix, Exim, OpenSMTPD and Sendmail.

Thirty layouts, ten of them drawn from a seed (printed; $FAKEMX_SEED repeats it): twenty whose
failures are quick, and under --long ten with time-outs. All four programs send to all layouts
at the same time; then the prediction is read, and outcome, hosts tried and delay are compared.

What a program or the name server leaves to chance is worst case in a prediction. So a layout
where two things may change places is sent to several times, each time with hosts and addresses
of its own and the other order in DNS, and the worst copy counts.

Outcomes are measured so: `delivered` before anything was tried again; otherwise, what the
prediction calls "once something opens": the hosts that are down open (all, if none is), unless
one is open already; the queue is flushed; and the message arrives (`delayed`), stays queued
(`never`), or had left the queue (`bounced`).
"""
import concurrent.futures
import json
import os
import pathlib
import random
import subprocess
import time

from lab import case
from lab.case import LabCase, long_test
from lab.programs import EximSender, OpensmtpdSender, PostfixSender, SendmailSender

WORLD = pathlib.Path(__file__).resolve().with_name("mx_world.py")
DNS, DNS_V6 = "30.0.0.53", "3ffe::53"
COPIES = 14  # of a layout with two orders: 2 ** -14 is the chance not to see the worst
PLAIN_COPIES = 2  # of one with a single order: the quicker one is the less disturbed
SEVERITY = ["delivered", "delayed", "never", "bounced"]
DOWN = ("closed", "dead", "unreachable")

QUICK = """
    10=open 20=open 30=defer-rcpt
    0=closed 10=open 20=open 30=defer-rcpt
    0=reset 10=open,open/6 30=busy
    0=closed 1=closed 2=closed 3=closed 4=closed 10=open
    0=busy 1=busy 2=busy 3=busy 10=open
    0=closed 1=reset 2=closed 3=closed 4=closed 5=closed 6=closed 7=closed 8=closed 9=closed 10=closed 20=open
    0=closed,closed,closed,closed,closed 10=open
    10=defer-rcpt 20=defer-mail 30=open
    0=defer-helo 10=defer-helo 20=defer-helo 30=open
    0=closed/6,closed/6 10=reset/6,open
    0=closed 10=defer-rcpt 30=closed
    10=closed 20=closed 30=reject
    0=banner-close 10=closed,open/6 20=open
    10=open 20=defer-rcpt/6
    10=closed 20=defer-rcpt/6
    10=defer-rcpt 20=defer-rcpt/6
"""

# One time-out at a time, or side by side: how OpenSMTPD comes past two at different preferences
# is chance (435 and 735 s were measured), and the prediction says so.
SLOW = """
    0=dead,dead 10=open
    10=dead,open/6 20=open
    10=silent 10=open
    0=closed 5=dead 10=open
    0=dead 10=defer-rcpt 20=open
    0=dead/6,dead 10=busy 20=open
    10=closed 20=silent 30=closed
"""


def lines(text):
    return [line.strip() for line in text.splitlines() if line.strip()]


def draw(rng, slow):
    """Two to five hosts with one or two addresses; at most one place where chance decides, and
    if slow, one address that times out."""
    quick = ["open", "open", "open", "closed", "unreachable", "reset", "busy", "reject", "banner-close",
             "defer-helo", "defer-mail", "defer-rcpt"]
    while True:
        hosts = []
        preference = rng.choice([0, 5])
        for _ in range(rng.randint(2, 5)):
            states = [rng.choice(quick + (["dead", "silent"] if slow else [])) for _ in range(rng.choice([1, 1, 2]))]
            hosts.append(f"{preference}=" + ",".join(s + rng.choice(["", "", "/6"]) for s in states))
            preference += 0 if rng.random() < 0.15 else 10
        layout = " ".join(hosts)
        # Among hosts of equal preference OpenSMTPD takes those first whose address was found first;
        # that is IPv4 here, whatever the order in DNS.
        is_mixed = "/6" in layout and len({h.split("=")[0] for h in hosts}) < len(hosts)
        if not is_mixed and len(ties(layout)) <= 1 and layout.count("dead") + layout.count("silent") == slow:
            return layout


def read(layout):
    """[(preference, [item, ...]), ...]"""
    return [(int(p), items.split(",")) for p, items in (host.split("=") for host in layout.split())]


def ties(layout):
    """The places where two different things may change places."""
    found = set()
    ranks = {}
    for number, (preference, items) in enumerate(read(layout)):
        ranks.setdefault(preference, []).append((number, items))
    for preference, hosts in ranks.items():
        addresses = [item for _, items in hosts for item in items]
        if len(set(addresses)) > 1:
            found |= {(preference, i) for i in range(len(addresses) - 1)}
    return found


class Copy:
    """One set of hosts and addresses that a layout describes, and one message to it."""
    numbers = iter(range(1, 1 << 14))

    def __init__(self, layout, is_reversed):
        self.layout, self.number = layout, next(Copy.numbers)
        self.domain = f"c{self.number}.walk"
        self.mx, self.names, self.items, self.states = [], {}, {}, {}
        for h, (preference, items) in enumerate(read(layout)):
            name = f"h{h}.{self.domain}"
            addresses = []
            for a, item in enumerate(items):
                state, _, family = item.partition("/")
                place = 8 * h + a + 1
                address = f"3ffe:1::{self.number:x}:{place:x}" if family else \
                    f"30.{16 + self.number // 256}.{self.number % 256}.{place}"
                addresses.append(address)
                self.items[address] = (preference, item)
                self.states[address] = state
            self.names[name] = addresses[::-1] if is_reversed else addresses
            self.mx.append((preference, name))
        if is_reversed:
            self.mx.reverse()

    def opens(self):
        """What opens when the first run is over."""
        if "open" in self.states.values():
            return []
        down = [a for a, s in self.states.items() if s in DOWN]
        return down or list(self.states)


class Result:
    """What one program did with one copy."""

    def __init__(self, copy, events):
        self.copy = copy
        self.tried, self.first, self.taken = [], None, None
        for when, address, what in events:
            if what == "SYN":
                self.first = self.first or when
                if copy.items[address] not in self.tried:
                    self.tried.append(copy.items[address])
            elif self.taken is None:
                self.taken = when
        self.outcome = "delivered" if self.taken else None

    @property
    def delay(self):
        return self.taken - self.first if self.outcome == "delivered" else None


def is_near(got, want):
    return abs(got - want) <= 3 or want <= 2 * got and got <= 2 * want


def is_circle(predicted):
    """OpenSMTPD in its circle: on a busy machine a pause may be longer, and one more host passed."""
    return predicted["sender"] == "opensmtpd" and "goes back" in predicted["note"]


class PredictLab(LabCase):
    layouts, drawn_count, run_seconds, is_slow = [], 0, 25, False
    retry_rounds, round_seconds = 3, 16

    @classmethod
    def build(cls):
        cls.seed = int(os.environ.get("FAKEMX_SEED") or time.time())
        rng = random.Random(cls.seed)
        cls.layouts = lines(cls.fixed) + [draw(rng, cls.is_slow) for _ in range(cls.drawn_count)]
        cls.copies = [Copy(layout, i % 2) for layout in cls.layouts 
                      for i in range(COPIES if ties(layout) else PLAIN_COPIES)]
        cls.start_world()
        cls.senders = [kind(cls.net, kind.profile, [f"30.0.9.{i + 1}", f"3ffe::9:{i + 1:x}"]) for i, kind in
                       enumerate([PostfixSender, EximSender, OpensmtpdSender, SendmailSender])]
        for sender in cls.senders:
            sender.host.run(["ip", "-6", "route", "add", "3ffe:1::/32", "via", DNS_V6])
            sender.start()
        # Only flushes move the queue: nothing is tried again while a first run is watched.
        cls.senders[0].host.run(["postconf", "minimal_backoff_time=9000s", "maximal_backoff_time=9000s"])
        cls.senders[0].host.run(["postfix", "reload"])

    @classmethod
    def start_world(cls):
        cls.world = cls.net.host("world", [DNS, DNS_V6])
        states, mx, names = {}, {}, {}
        for copy in cls.copies:
            mx[copy.domain] = copy.mx
            names.update(copy.names)
            states.update(copy.states)
        cls.log = cls.world.folder / "walk.log"
        cls.log.touch()
        config = cls.world.folder / "world.json"
        config.write_text(json.dumps({"mx": mx, "names": names, "states": states, "dns": DNS}))
        cls.world.run(["ip", "route", "add", "local", "30.16.0.0/12", "dev", "lo"])
        cls.world.run(["ip", "-6", "route", "add", "local", "3ffe:1::/32", "dev", "lo"])
        # Unlimited, or most of our unreachable hosts would be dead ones.
        cls.world.run(["sysctl", "-qw", "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0"])
        rules = ["table inet walk {"]
        chain = []
        for state, verdict in [("closed", "reject with tcp reset"), ("dead", "drop"), ("unreachable", "reject")]:
            for family, kind, mark in [("ip", "ipv4_addr", "4"), ("ip6", "ipv6_addr", "6")]:
                rules.append(f"set {state}{mark} {{ type {kind}; }}")
                chain.append(f"{family} daddr @{state}{mark} tcp dport 25 {verdict}")
        rules += ["chain input { type filter hook input priority 0;"] + chain + ["}", "}"]
        rules += [f"add element inet walk {s}{6 if ':' in a else 4} {{ {a} }}" for a, s in states.items() if s in DOWN]
        cls.world.run(["nft", "-f", "-"], input="\n".join(rules) + "\n")
        cls.world.spawn(["/usr/bin/python3", WORLD, config, cls.log], name="mx_world")
        case.net.wait_for("the world's port 25", lambda: cls.world.is_listening(25))

    @classmethod
    def open_addresses(cls, addresses):
        commands = []
        for copy in cls.copies:
            for address in set(addresses) & set(copy.states):
                if copy.states[address] in DOWN:
                    commands.append(f"delete element inet walk {copy.states[address]}{6 if ':' in address else 4} "
                                    f"{{ {address} }}")
        if commands:
            cls.world.run(["nft", "-f", "-"], input="\n".join(commands) + "\n")
        pathlib.Path(str(cls.log) + ".open").write_text("\n".join(addresses) + "\n")

    def events(self):
        """{(sender, copy number): [(time, address, SYN or MAIL), ...]}"""
        by_source = {a: s.profile for s in self.senders for a in s.host.addresses}
        by_address = {a: copy for copy in self.copies for a in copy.states}
        found = {}
        for line in self.log.read_text().splitlines():
            when, address, what, who = line.split()[:4]
            copy = by_address.get(address)
            sender = by_source.get(who) if what == "SYN" else who.split("-")[0]
            if copy and sender:
                found.setdefault((sender, copy.number), []).append((float(when), address, what))
        return found

    def submit(self, sender):
        """One message to each copy, all through one shell: starting one for each takes longer than the rest."""
        pairs = "\n".join(f"{sender.profile}-m-{c.number} {c.domain}" for c in self.copies)
        sender.host.script(f"""
            while read -r id domain; do
                printf 'To: <%s@%s>\\nSubject: %s\\n\\nA message.\\n' $id $domain $id |
                /usr/sbin/sendmail -i -f author@{sender.host.hostname} "$id@$domain"
            done <<'END'
{pairs}
END""", timeout=240)

    def wait(self, seconds):
        """At least so long, and on a busy machine until 15 s pass without news: a message taken or
        an address tried for the first time."""
        news, since, end = None, time.monotonic(), time.monotonic() + seconds
        while time.monotonic() < max(end, since + 15):
            found = {tuple(line.split()[1:4]) for line in self.log.read_text().splitlines()}
            if len(found) != news:
                news, since = len(found), time.monotonic()
            time.sleep(1)

    def run_all(self):
        """{sender: {copy number: Result}}"""
        ids = {(s.profile, c.number): f"{s.profile}-m-{c.number}" for c in self.copies for s in self.senders}
        in_parallel([(self.submit, s) for s in self.senders])
        self.wait(self.run_seconds)
        events = self.events()
        results = {s.profile: {c.number: Result(c, events.get((s.profile, c.number), [])) for c in self.copies}
                   for s in self.senders}
        self.judge_the_rest(results, ids)
        return results

    def judge_the_rest(self, results, ids):
        for sender in self.senders:
            queue = sender.queue()
            for result in results[sender.profile].values():
                if not result.outcome and ids[sender.profile, result.copy.number] not in queue:
                    result.outcome = "bounced"
        left = {r.copy.number: r.copy for per in results.values() for r in per.values() if not r.outcome}
        self.open_addresses([a for copy in left.values() for a in copy.opens()])
        for _ in range(self.retry_rounds):
            in_parallel([(flush, sender) for sender in self.senders +
                         [s for s in self.senders if s.profile in ("exim", "sendmail")] * 3])
            self.wait(self.round_seconds)
        later = self.events()
        for profile, per in results.items():
            for number, result in per.items():
                if not result.outcome:
                    taken = any(what == "MAIL" for _, _, what in later.get((profile, number), []))
                    result.outcome = "delayed" if taken else "never"

    def worst(self, results, layout):
        """The results of the copies that ended worst."""
        mine = [r for r in results.values() if r.copy.layout == layout]
        outcome = max((r.outcome for r in mine), key=SEVERITY.index)
        return [r for r in mine if r.outcome == outcome]

    def compare(self, measured, predicted):
        """(measured delay, None or what differs). The delay is of the copies that walked as
        predicted, and of those the quickest, because a busy machine only adds to it."""
        want = []
        for tried in predicted["tried"]:
            place = (tried["preference"], tried["address"])
            want += [place] if place not in want else []
        alike = [r for r in measured
                 if r.tried == want or is_circle(predicted) and r.tried[:len(want)] == want]
        delay = min((r.delay for r in alike or measured if r.delay is not None), default=None)
        if measured[0].outcome != predicted["outcome"]:
            return delay, f"it is {measured[0].outcome}"
        if not alike:
            return delay, f"it walks {text(measured[0].tried)}"
        # OpenSMTPD pauses 5 s instead of 2 when an answer is late, and past 15 s begins with the best
        # again. A machine busy with 500 messages cannot rule that out.
        said = predicted["delay_seconds"]
        is_paused = predicted["sender"] == "opensmtpd" and delay is not None and said <= delay <= 2.5 * said + 17
        if delay is not None and not is_near(delay, said) and not is_paused:
            return delay, f"it takes {delay:.1f} s"
        return delay, None

    def check_all(self):
        results = self.run_all()
        rows, wrong = [], []
        for layout in self.layouts:
            done = subprocess.run([case.program("fakemx"), "--json", "predict", *layout.split()],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
            for predicted in json.loads(done.stdout)["senders"]:
                if predicted["sender"] not in results:
                    continue
                measured = self.worst(results[predicted["sender"]], layout)
                delay, difference = self.compare(measured, predicted)
                said = text([(t["preference"], t["address"]) for t in predicted["tried"]])
                delays = [f"{d:.1f}" if d is not None else "-" for d in (predicted["delay_seconds"], delay)]
                rows.append(f"{layout:50} {predicted['sender']:9} {predicted['outcome']:9} {delays[0]:>6} "
                            f"{measured[0].outcome:9} {delays[1]:>6} {said}")
                if difference:
                    wrong.append(f"{predicted['sender']}, {layout}: predicted {predicted['outcome']} "
                                 f"{delays[0]} s {said}; {difference}")
        self.report = (
            f"seed {self.seed}, {len(self.layouts)} layouts, {self.drawn_count} drawn, "
            f"{len(self.copies)} messages each\n"
            f"{'layout':50} {'sender':9} {'predicted':9} {'delay':>6} {'measured':9} {'delay':>6} tried\n"
            + "\n".join(rows))
        self.assertFalse(wrong, f"seed {self.seed}\n" + "\n".join(wrong))


def in_parallel(calls):
    """Runs (function, argument) pairs side by side; the first exception is passed on."""
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        for done in [pool.submit(*call) for call in calls]:
            done.result()


def flush(sender):
    """Exim and Sendmail run the queue in the foreground, message by message; hence several runs of
    theirs side by side, that a message that waits does not hold up those behind it."""
    try:
        sender.flush()
    except subprocess.TimeoutExpired:
        pass  # it has begun, and goes on


def text(walk):
    return " ".join(f"{p}={item}" for p, item in walk) or "nothing"


class PredictReal(PredictLab):
    fixed, drawn_count = QUICK, 4
    limit_seconds = 900

    def test_quick_layouts_end_as_predicted(self):
        self.check_all()


@long_test
class PredictRealSlow(PredictLab):
    fixed, drawn_count, is_slow, run_seconds = SLOW, 3, True, 580
    retry_rounds, round_seconds = 1, 330
    limit_seconds = 2400

    def test_layouts_with_time_outs_end_as_predicted(self):
        self.check_all()
