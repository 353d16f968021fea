#!/usr/bin/python3
"""check_server - Knot with the zone of bench_check, in a network of its own; runs the program
named as argument on another host of that network, with the address of the server."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
sys.dont_write_bytecode = True

from lab.net import Network  # noqa: E402
from lab.programs import Knot  # noqa: E402

DOMAINS = 5000  # as in bench_check.c
SERVER = "30.0.0.54"


def zone():
    lines = []
    for i in range(DOMAINS):
        d = f"d{i}"
        lines += [f"{d} MX 10 mail.{d}", f"{d} MX 20 back.{d}", f'{d} TXT "v=spf1 a:mail.{d}.bench -all"',
                  f"mail.{d} A 192.0.2.25", f"mail.{d} AAAA 2001:db8::25", f"back.{d} A 192.0.2.26"]
    return lines


with Network("benchcheck") as net:
    knot = Knot(net, "ns", [SERVER])
    knot.load("bench", zone())
    knot.start()
    client = net.host("client", ["30.2.0.1"])
    done = client.run([pathlib.Path(sys.argv[1]).resolve(), SERVER], check=False, timeout=600)
    sys.stderr.write(done.stderr)
    sys.stdout.write(done.stdout)
sys.exit(done.returncode)
