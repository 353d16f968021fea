#!/usr/bin/python3
"""hostile - everything at once, from addresses of its own, until the time is over

    hostile.py SECONDS DECOY CLOSED SOURCE-PREFIX

Connections as fast as they go, slow readers, slow writers, half-open ones, RST storms, lines of 64 kB, pipelined junk,
TLS hello, HTTP, PROXY headers at DECOY; SYNs with forged addresses at CLOSED. Prints how many of each as JSON.
"""
import json
import os
import random
import socket
import struct
import sys
import threading
import time

seconds, decoy, closed, prefix = float(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
end = time.monotonic() + seconds
counts, lock = {}, threading.Lock()
HELLO = bytes.fromhex("16030100c8010000c40303") + os.urandom(200)
JUNK = {
    "tls": HELLO,
    "http": b"GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: x\r\n\r\n",
    "proxy": b"PROXY TCP4 127.0.0.1 127.0.0.1 1 25\r\nEHLO x\r\n",
    "proxy2": b"\r\n\r\n\0\r\nQUIT\n" + bytes(20),
    "pipelined": b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@shop.example>\r\nDATA\r\nRSET\r\n" * 50,
    "long": b"A" * 65536 + b"\r\n",
    "binary": os.urandom(4096),
}


def count(kind):
    with lock:
        counts[kind] = counts.get(kind, 0) + 1


def connect(timeout=2):
    s = socket.socket()
    s.settimeout(timeout)
    s.bind((f"{prefix}.{random.randrange(1, 250)}", 0))
    s.connect((decoy, 25))
    return s


def flood():
    with connect() as s:
        s.recv(100)


def junk():
    kind = random.choice(list(JUNK))
    with connect() as s:
        s.sendall(JUNK[kind])
        s.recv(1000)
    count(kind)


def reset():
    s = connect()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def slow_writer():
    with connect(10) as s:
        for c in b"EHLO slow.example\r\n":
            s.send(bytes([c]))
            time.sleep(0.3)
            if time.monotonic() > end:
                break


def slow_reader():
    with connect(10) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        s.sendall(b"NOOP\r\n" * 5000)
        time.sleep(3)


def half_open():
    with connect() as s:
        s.shutdown(socket.SHUT_WR)
        time.sleep(2)


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff


RAW = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)


def syn():
    """A packet of somebody who does not exist."""
    source = bytes([31, random.randrange(256), random.randrange(256), random.randrange(1, 255)])
    target = socket.inet_aton(closed)
    for checked in (0, None):
        tcp = struct.pack("!HHIIBBHHH", random.randrange(1024, 65535), 25, random.getrandbits(32), 0, 5 << 4, 2, 64240,
                          checked if checked is not None else value, 0)
        value = checksum(source + target + struct.pack("!BBH", 0, 6, len(tcp)) + tcp)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, source, target)
    RAW.sendto(ip + tcp, (closed, 0))


def work(what):
    while time.monotonic() < end:
        try:
            what()
            count(what.__name__)
        except OSError:
            count("refused")


threads = [threading.Thread(target=work, args=(what,))
           for what, many in ((flood, 4), (junk, 3), (reset, 2), (slow_writer, 10), (slow_reader, 5), (half_open, 10), (syn, 1))
           for _ in range(many)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(json.dumps(counts))
