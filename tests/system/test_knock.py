"""The knock watcher: who knocks at closed decoys is seen, and nothing else is.

On loopback, where the capability comes and goes, and between hosts of namespaces, where packets
are made by hand: both families, VLAN tags, options, fragments, firewalls.
"""

import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import time
import unittest

from lab.case import LabCase
from lab.net import seconds_of
from lab.serve import Serve
from loopback import DOMAIN, Bench, deliver, free_port, wait_for


def knock(address, source=None):
    """One connect to a closed port: the kernel refuses."""
    with socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET) as s:
        s.settimeout(5)
        if source:
            s.bind((source, 0))
        try:
            s.connect(address)
        except ConnectionRefusedError:
            return
    raise AssertionError(f"{address} does not refuse")


class Loopback(unittest.TestCase):
    limit_seconds = 120

    def setUp(self):
        self.bench = Bench("knock")
        self.addCleanup(self.bench.close)

    def knocks(self, address=None):
        return self.bench.visits(address, "knock")

    def test_a_knock_is_a_visit_and_a_packet_over_loopback_is_one(self):
        self.bench.write(self.bench.site(low="closed", extra=self.bench.control("closed")))
        self.bench.start()
        self.bench.wait_log(r"ready sites=1 listeners=1 closed=2")
        before = time.time()
        knock(self.bench.fake0, "127.9.1.1")
        knock(self.bench.fake0, "127.9.1.1")
        knock(self.bench.scan, "127.9.1.2")
        after = time.time()
        wait_for("the visits", lambda: len(self.knocks()) >= 3)
        self.bench.catch_up()
        seen = self.knocks()
        self.assertEqual(["127.9.1.1", "127.9.1.1", "127.9.1.2"], [v["address"] for v in seen])
        for v in seen:
            self.assertEqual("knock", v["depth"])
            self.assertLess(before - 0.001, seconds_of(v["time"]))
            self.assertGreater(after + 0.001, seconds_of(v["time"]))

    def test_other_ports_and_addresses_do_not_count_nor_our_own_look(self):
        self.bench.write(self.bench.site(low="closed"))
        self.bench.start()
        other = free_port(self.bench.fake0[0])
        knock((self.bench.fake0[0], other), "127.9.2.1")
        knock((f"{self.bench.net}.99", self.bench.fake0[1]), "127.9.2.2")
        deliver(self.bench.mail, "127.9.2.3")
        knock(self.bench.fake0, "127.9.2.4")
        wait_for("the knock", lambda: self.knocks("127.9.2.4"))
        self.bench.catch_up()
        # Ours was at the start: decoy_closed looks whether the decoy refuses.
        self.assertEqual(["127.9.2.4"], [v["address"] for v in self.knocks()])

    def test_many_at_once_are_all_seen_once(self):
        self.bench.write(self.bench.site(low="closed"))
        self.bench.start()
        senders = [f"127.10.{n // 200}.{n % 200 + 1}" for n in range(2000)]
        for address in senders:
            knock(self.bench.fake0, address)
        wait_for("the visits", lambda: len(self.knocks()) >= len(senders))
        self.bench.catch_up()
        self.assertEqual(sorted(senders), sorted(v["address"] for v in self.knocks()))
        self.assertNotIn("trouble", self.bench.text())

    def test_a_knock_makes_straight_what_would_be_skipped_and_accuses_nobody(self):
        self.bench.write(self.bench.site(low="closed"))
        self.bench.start()
        # What came before it watched may be missing: half an hour nobody is held to have skipped.
        self.bench.catch_up()
        self.bench.jump(3600)
        self.bench.wait_log(r"caught-up clock_ahead=3600")
        knock(self.bench.fake0, "127.9.3.1")
        knock(self.bench.fake0, "127.9.5.1")
        for address in ("127.9.3.1", "127.9.4.1"):
            self.assertRegex(deliver(self.bench.mail, address), "^250 ")
        for address, order in (("127.9.3.1", "straight"), ("127.9.4.1", "skipped")):
            wait_for(f"{address} is {order}", lambda a=address, o=order: [(o, "reached")] == [
                (w["order"], w["fate"]) for w in json.loads(self.verb("--json", "explain", a))["walks"]])
        self.assertEqual([], json.loads(self.verb("--json", "explain", "127.9.5.1"))["walks"])  # it may be forged
        self.bench.jump(6 * 86400)
        self.bench.wait_log(r"caught-up clock_ahead=522000")
        self.bench.catch_up()
        self.assertNotIn("backdoor", " ".join(self.bench.judged()))
        self.assertEqual(1, json.loads(self.verb("--json", "report"))["sites"][0]["spam"]["attempts_knocked"])
        self.assertIn("knock", self.verb("explain", "127.9.5.1"))
        self.assertIn('"depth": "knock"', self.verb("visits"))

    def verb(self, *argv):
        program = pathlib.Path(self.bench.process.args[-4]).parent / "fakemx"
        return subprocess.run([program, "--lab", "-c", self.bench.conf, *argv], check=True,
                              capture_output=True, text=True).stdout

    def test_without_the_capability_it_is_said_once_and_nobody_is_held_to_have_skipped_it(self):
        self.bench.write(self.bench.site(low="closed"))
        self.bench.start(wrap=["setpriv", "--bounding-set=-net_raw"])
        self.bench.wait_log(r"ready sites=1 listeners=1 closed=0")
        knock(self.bench.fake0, "127.9.6.1")
        self.assertRegex(deliver(self.bench.mail, "127.9.6.2"), "^250 ")
        time.sleep(12)  # it looks again what addresses there are
        self.bench.jump(3600)
        self.bench.catch_up()
        self.assertEqual(1, len(re.findall(r" trouble .*its knocks are not watched", self.bench.text())))
        self.assertIn("CAP_NET_RAW", self.bench.text())
        self.assertEqual([], self.knocks())
        self.assertNotIn("skipped", self.verb("explain", "127.9.6.2"))
        self.assertRegex(self.verb("report"), r"fake0\.shop\.example is closed, and .* not watched: .*CAP_NET_RAW")
        # With it, all is well again.
        self.bench.restart()
        self.bench.catch_up()
        self.assertNotIn("not watched", self.verb("report"))

    def test_a_reload_adds_a_closed_decoy_when_root_is_long_gone(self):
        os.chmod(self.bench.folder, 0o777)
        self.bench.write(self.bench.site(low=None), user='"nobody"')
        self.bench.start()
        self.bench.wait_log(r"ready sites=1 listeners=1 closed=0")
        status = pathlib.Path(f"/proc/{self.bench.process.pid}/status").read_text()
        self.assertRegex(status, r"CapPrm:\s+0000000000000000")
        knock(self.bench.fake0, "127.9.7.1")
        self.reload(self.bench.site(low="closed"), 1)
        for n in range(100):
            knock(self.bench.fake0, f"127.9.8.{n + 1}")
            if n == 50:  # another decoy comes meanwhile, and takes nothing from this one
                self.reload(self.bench.site(low="closed", extra=self.bench.control("closed")), 2)
        wait_for("the visits", lambda: len(self.knocks()) >= 100)
        self.reload(self.bench.site(low="reset"), 0)
        self.bench.catch_up()
        self.assertEqual(sorted(f"127.9.8.{n + 1}" for n in range(100)), sorted(v["address"] for v in self.knocks()))

    def reload(self, site, closed):
        self.bench.said = len(self.bench.text())
        self.bench.write(site, user='"nobody"')
        self.bench.process.send_signal(signal.SIGHUP)
        self.bench.wait_log(rf"info reloaded sites=1 listeners=\d closed={closed}\b")

    def test_a_capability_of_systemds_goes_once_the_sockets_are_open(self):
        os.chmod(self.bench.folder, 0o777)
        wrap = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                "--inh-caps=+net_bind_service,+net_raw", "--ambient-caps=+net_bind_service,+net_raw"]
        self.bench.write(self.bench.site(low="closed"))
        self.bench.start(wrap=wrap)
        self.bench.wait_log(r"ready sites=1 listeners=1 closed=1")
        status = pathlib.Path(f"/proc/{self.bench.process.pid}/status").read_text()
        for kind in ("Prm", "Eff", "Inh", "Amb"):
            self.assertRegex(status, rf"Cap{kind}:\s+0000000000000400")  # bind alone
        knock(self.bench.fake0, "127.9.9.1")
        wait_for("the visit", lambda: self.knocks("127.9.9.1"))


# Packets by hand, as they stand behind the Ethernet addresses.

def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def tcp(port=25, flags=0x02, source_port=4660):
    return struct.pack("!HHIIBBHHH", source_port, port, 77, 0, 0x50, flags, 64000, 0, 0)


def ipv4(source, to, payload, options=b"", fragment=0, protocol=6):
    def head(sum_):
        return struct.pack("!BBHHHBBH4s4s", 0x45 + len(options) // 4, 0, 20 + len(options) + len(payload), 1, fragment,
                           64, protocol, sum_, socket.inet_aton(source), socket.inet_aton(to)) + options
    return b"\x08\x00" + head(checksum(head(0))) + payload


def ipv6(source, to, payload, following=6):
    return b"\x86\xdd" + struct.pack("!IHBB16s16s", 6 << 28, len(payload), following, 64,
                                     socket.inet_pton(socket.AF_INET6, source),
                                     socket.inet_pton(socket.AF_INET6, to)) + payload


def tagged(vlan, packet, ethertype=0x8100):
    return struct.pack("!HH", ethertype, vlan) + packet


# Sends the frames on stdin, one a line in hex, from this host to a MAC address.
_SEND = """
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
to = bytes.fromhex(sys.argv[1].replace(":", ""))
for line in sys.stdin:
    s.send(to + s.getsockname()[4] + bytes.fromhex(line))
"""

# Connects once from each address; the time-out and what came of it.
_CONNECT = """
import socket, sys, threading
def one(source):
    s = socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET)
    s.settimeout(float(sys.argv[3]))
    s.bind((source, 0))
    try: s.connect((sys.argv[1], int(sys.argv[2])))
    except OSError as e: said.append(type(e).__name__)
said = []
threads = [threading.Thread(target=one, args=(a,)) for a in sys.argv[4:]]
for t in threads: t.start()
for t in threads: t.join()
print(*said)
"""

# Many SYNs of as many clients. The checksum must be right: a bridge may look at it.
_FLOOD = """
import socket, struct, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
head = bytes.fromhex(sys.argv[1].replace(":", "")) + s.getsockname()[4] + bytes.fromhex(
    "0800 4500 0028 0001 0000 4006")
to = socket.inet_aton(sys.argv[2])
tail = to + struct.pack("!HHIIBBHHH", 4660, 25, 77, 0, 0x50, 2, 64000, 0, 0)
known = 0x4500 + 0x28 + 1 + 0x4006 + sum(struct.unpack("!HH", to)) + 0x2200
for n in range(int(sys.argv[3])):
    total = known + (n >> 16) + (n & 0xffff)
    total = (total & 0xffff) + (total >> 16)
    total = (total & 0xffff) + (total >> 16)
    s.send(head + struct.pack("!HI", ~total & 0xffff, 0x22000000 + n) + tail)
"""

LOW, LOW_CONTROL, V6, FAR = "30.0.0.30", "30.0.0.33", "3ffe::33", "30.0.0.77"


def config(extra=""):
    return ('lab = true\nlab { probe_interval = 1s grace = 1s confirm = 1s }\nsite "lab" {\n  layout = low\n'
            f'  domains = {{ "{DOMAIN}" }}\n'
            f'  host "mail.{DOMAIN}" {{ preference = 10 address = {{ "30.0.0.25" }} }}\n'
            f'  decoy "fake0.{DOMAIN}" {{ preference = 0 address = {{ "{LOW}" }} posture = closed }}\n'
            f'  control "scan.{DOMAIN}" {{ address = {{ "{LOW_CONTROL}", "{V6}" }} posture = closed }}\n{extra}}}\n')


class Hosts(LabCase):
    """Decoys on one host, knockers on another. The real host is not there: it does not matter."""

    limit_seconds = 200

    @classmethod
    def build(cls):
        cls.decoys = cls.net.host("decoys", [LOW, LOW_CONTROL, V6])
        cls.crowd = cls.net.host("crowd", ["30.0.9.1", "3ffe:0:9::1"] + [f"30.1.{n}.1" for n in range(1, 31)])
        cls.mac = cls.decoys.run(["ip", "-br", "link", "show", "eth0"]).stdout.split()[2]
        cls.serve = Serve(cls.decoys, config())
        cls.serve.start()

    def send(self, *frames):
        self.crowd.run(["python3", "-c", _SEND, self.mac], input="".join(f.hex() + "\n" for f in frames))

    def connect(self, to, *sources, timeout=5, port=25):
        return self.crowd.run(["python3", "-c", _CONNECT, to, str(port), str(timeout), *sources]).stdout.split()

    def knocks(self, prefix):
        """The knocks of addresses that begin so, once serve has caught up."""
        time.sleep(0.3)
        self.serve.catch_up()
        return sorted(v["address"] for v in self.serve.json_lines("visits") if v["address"].startswith(prefix))

    def test_1_both_families_are_refused_and_seen_once(self):
        self.assertEqual(["ConnectionRefusedError"], self.connect(LOW, "30.0.9.1"))
        self.assertEqual(["ConnectionRefusedError"], self.connect(V6, "3ffe:0:9::1"))
        self.assertEqual(["30.0.9.1"], self.knocks("30.0.9."))
        self.assertEqual(["3ffe:0:9::1"], self.knocks("3ffe:0:9:"))
        self.assertIn("closed=2", self.serve.text())

    def test_2_syns_by_hand_count_and_nothing_else(self):
        extension = b"\x06\x00\x00\x00\x00\x00\x00\x00"
        self.send(
            ipv4("31.0.1.1", LOW, tcp()), ipv4("31.0.1.2", LOW, tcp(), options=b"\x94\x04\x00\x00"),
            ipv4("31.0.1.3", LOW, tcp(), fragment=0x2000),
            ipv4("31.0.2.1", LOW, tcp(flags=0x12)), ipv4("31.0.2.2", LOW, tcp(flags=0x10)),
            ipv4("31.0.2.3", LOW, tcp(port=26)), ipv4("31.0.2.4", "30.0.0.31", tcp()),
            ipv4("31.0.2.5", LOW, tcp(), protocol=17), ipv4("31.0.2.6", LOW, tcp(), fragment=1),
            ipv4("31.0.2.7", LOW, tcp()[:12]), ipv4("31.0.2.8", LOW, b""),
            ipv6("3ffe:31:1::1", V6, tcp()), ipv6("3ffe:31:1::2", V6, extension + tcp(), 0),
            ipv6("3ffe:31:2::1", V6, extension + tcp(flags=0x12), 0), ipv6("3ffe:31:2::2", V6, tcp(), 17),
            ipv6("3ffe:31:2::3", V6, extension + tcp(), 60)[:60], ipv6("3ffe:31:2::4", V6, b"\x06\xff" + tcp(), 0))
        self.assertEqual(["31.0.1.1", "31.0.1.2", "31.0.1.3"], self.knocks("31.0."))
        self.assertEqual(["3ffe:31:1::1", "3ffe:31:1::2"], self.knocks("3ffe:31:"))

    def test_3_a_tag_is_taken_off_as_the_machine_does(self):
        # A priority tag (VLAN 0) is for this machine; VLAN 9 is not, there is no such interface.
        self.send(tagged(0, ipv4("32.0.1.1", LOW, tcp())), tagged(0, ipv6("3ffe:32:1::1", V6, tcp())),
                  tagged(9, ipv4("32.0.2.1", LOW, tcp())), tagged(0, tagged(9, ipv4("32.0.2.2", LOW, tcp()))))
        self.assertEqual(["32.0.1.1"], self.knocks("32."))
        self.assertEqual(["3ffe:32:1::1"], self.knocks("3ffe:32:"))

    def test_4_a_packet_over_a_virtual_interface_is_seen_once(self):
        # A VLAN interface where the kernel can make one, and a bridge in any case: both hand on what
        # their lower interface received.
        vlan = self.decoys.run(["ip", "link", "add", "link", "eth0", "name", "eth0.5", "type", "vlan", "id", "5"],
                               check=False)
        frames, want = [], []
        if vlan.returncode == 0:
            self.decoys.run(["ip", "link", "set", "eth0.5", "up"])
            frames, want = [tagged(5, ipv4("33.0.1.1", LOW, tcp()))], ["33.0.1.1"]
        else:
            self.assertIn("Unknown device type", vlan.stderr)
        self.send(*frames)
        self.decoys.script(f"ip link add br9 type bridge; ip link set br9 address {self.mac} up; "
                           "ip link set eth0 master br9")
        time.sleep(0.5)
        self.send(ipv4("33.0.1.2", LOW, tcp()))
        self.assertEqual([*want, "33.0.1.2"], self.knocks("33."))
        self.decoys.script("ip link set eth0 nomaster; ip link del br9")

    def test_5_what_a_firewall_drops_is_one_knock_and_trouble(self):
        self.decoys.script("nft add table inet t; nft 'add chain inet t in { type filter hook input priority 0; }'; "
                           "nft add rule inet t in tcp dport 25 drop")
        crowd = [f"30.1.{n}.1" for n in range(1, 7)]
        began = time.time()
        self.assertEqual(["TimeoutError"] * 6, self.connect(LOW, *crowd, timeout=4))
        self.assertEqual(sorted(crowd), self.knocks("30.1."))
        for v in self.serve.json_lines("visits"):
            if v["address"] in crowd:
                self.assertLess(seconds_of(v["time"]) - began, 2)  # the first SYN's
        self.assertEqual(1, len(re.findall(r" trouble .*drops instead of refusing", self.serve.text())))
        self.decoys.script("nft delete table inet t")
        for _ in range(2):
            self.serve.jump(660, is_complete=None)
            self.assertEqual(["ConnectionRefusedError"] * 6, self.connect(LOW, *crowd))
            self.knocks("30.1.")
        self.assertIn("refuses its clients again", self.serve.text())

    def test_6_a_decoy_that_is_elsewhere_is_not_watched(self):
        self.serve.configure(config(f'  control "far.{DOMAIN}" {{ address = {{ "{FAR}" }} posture = closed }}\n'))
        self.serve.reload()
        wait_for("the trouble", lambda: f"{FAR} is not an address of this machine" in self.serve.text())
        self.assertRegex(self.serve.text(), r"reloaded sites=1 listeners=0 closed=2")
        self.serve.catch_up()
        self.assertRegex(self.serve.fakemx("report", check=0).stdout, rf"far.* is closed, and .* not watched: {FAR} is not")
        self.decoys.add_address(FAR)
        wait_for("its end", lambda: "its knocks are watched again" in self.serve.text(), 20)
        self.connect(FAR, "30.1.20.1")
        self.assertEqual(["30.1.20.1"], self.knocks("30.1.20."))

    def test_7_a_flood_beyond_the_ring_is_said_and_leaves_no_watermark(self):
        # Stopped, so that the ring fills up: nothing reads it.
        self.serve.daemon.signal(signal.SIGSTOP)
        self.crowd.run(["python3", "-c", _FLOOD, self.mac, LOW, "200000"])
        self.serve.daemon.signal(signal.SIGCONT)
        wait_for("the trouble", lambda: re.search(r"more knocks .*: [1-9]\d* were lost", self.serve.text()))
        wait_for("its end", lambda: "knocks are counted in full again" in self.serve.text())
        self.serve.catch_up()
        self.assertEqual([], [v for v in self.serve.verdicts().values() if v["order"] != "unknown"])
