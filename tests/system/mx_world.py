#!/usr/bin/python3
"""mx_world - all MX hosts of many layouts on one machine: their names and their port 25.

    mx_world.py WORLD.json LOG

WORLD.json: {"mx": {domain: [[preference, name], ...]}, "names": {name: [address, ...]},
"states": {address: state}, "dns": address}. Answers DNS on "dns", and port 25 of every
address as its state says. What needs no TCP connection (closed, dead, unreachable) is
the packet filter's work; a connection that comes through to such an address finds it open.

LOG: a line "TIME ADDRESS SYN SOURCE PORT" for each SYN to port 25, and "TIME ADDRESS MAIL
RECIPIENT" for each message taken, whether or not the filter lets the SYN through.

A file LOG.open lists addresses that are open from now on, whatever their state was.
"""
import ctypes
import json
import os
import socket
import struct
import sys
import threading
import time

SO_RCVBUFFORCE, SO_ATTACH_FILTER = 33, 26  # socket(7); Python has no names for them
STATES = {}
LOG = None
OPEN_LIST = None


def tell(address, what):
    LOG.write(f"{time.time():.3f} {address} {what}\n")


def state_of(address):
    if os.path.exists(OPEN_LIST):
        with open(OPEN_LIST) as f:
            if address in f.read().split():
                return "open"
    state = STATES.get(address, "open")
    return "open" if state in ("closed", "dead", "unreachable") else state


# DNS

def wire_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def answer(query, world):
    labels, i = [], 12
    while query[i]:
        labels.append(query[i + 1:i + 1 + query[i]].decode("latin1").lower())
        i += 1 + query[i]
    name, kind = ".".join(labels), struct.unpack(">H", query[i + 1:i + 3])[0]
    records = []
    if kind == 15:
        records = [(15, struct.pack(">H", p) + wire_name(host)) for p, host in world["mx"].get(name, [])]
    for address in world["names"].get(name, []):
        if kind == (28 if ":" in address else 1):
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            records.append((kind, socket.inet_pton(family, address)))
    rcode = 0 if name in world["mx"] or name in world["names"] else 3
    head = query[:2] + struct.pack(">HHHHH", 0x8580 | rcode, 1, len(records), 0, 0)
    return head + query[12:i + 5] + b"".join(b"\xc0\x0c" + struct.pack(">HHIH", t, 1, 60, len(d)) + d
                                             for t, d in records)


def serve_dns_udp(world):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    # Hundreds of messages ask at once; a lost question costs its sender five seconds.
    server.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
    server.bind((world["dns"], 53))
    while True:
        query, client = server.recvfrom(4096)
        server.sendto(answer(query, world), client)


def serve_dns_tcp(world):
    server = socket.create_server((world["dns"], 53))
    while True:
        client, _ = server.accept()
        with client:
            size = struct.unpack(">H", client.recv(2, socket.MSG_WAITALL))[0]
            reply = answer(client.recv(size, socket.MSG_WAITALL), world)
            client.sendall(struct.pack(">H", len(reply)) + reply)


# Port 25

REPLIES = {"defer-helo": ("EHLO", "HELO"), "defer-mail": ("MAIL",), "defer-rcpt": ("RCPT",)}


def converse(client, address, state):
    client.sendall(b"554 no\r\n" if state == "reject" else b"220 mx ESMTP\r\n")
    recipient, has_data = "", False
    for line in client.makefile("rb"):
        if has_data:
            if line == b".\r\n":
                has_data = False
                tell(address, "MAIL " + recipient)
                client.sendall(b"250 taken\r\n")
            continue
        verb = line[:4].decode("latin1").upper()
        if verb == "QUIT":
            client.sendall(b"221 bye\r\n")
            return
        if state == "reject" or verb == "DATA" and state != "open":
            client.sendall(b"503 no\r\n")
        elif verb in REPLIES.get(state, ()):
            client.sendall(b"451 later\r\n")
        elif verb == "DATA":
            client.sendall(b"354 go on\r\n")
            has_data = True
        else:
            recipient = line.decode("latin1").partition("<")[2].partition(">")[0] if verb == "RCPT" else recipient
            client.sendall(b"250 fine\r\n")


def session(client, address):
    state = state_of(address)
    try:
        with client:
            if state == "reset":
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            elif state == "silent":
                client.recv(1)
            elif state == "busy":
                client.sendall(b"421 busy\r\n")
                time.sleep(0.05)
            elif state != "banner-close":
                converse(client, address, state)
    except OSError:
        pass  # the client is gone: nothing to tell it


def serve_mail(family, any_address):
    server = socket.create_server((any_address, 25), family=family, backlog=1000)
    while True:
        client, _ = server.accept()
        threading.Thread(target=session, args=(client, client.getsockname()[0]), daemon=True).start()


# Classic BPF, (code, jump if true, jump if false, operand): TCP to port 25 with SYN and without ACK.
# Reading every packet would leave no time for answers.
ONLY_SYNS = [
    (0x28, 0, 0, 0xc), (0x15, 1, 0, 0x800), (0x15, 8, 16, 0x86dd), (0x30, 0, 0, 0x17), (0x15, 0, 14, 0x6),
    (0xb1, 0, 0, 0xe), (0x48, 0, 0, 0x10), (0x15, 0, 11, 0x19), (0x50, 0, 0, 0x1b), (0x54, 0, 0, 0x12),
    (0x15, 7, 8, 0x2), (0x30, 0, 0, 0x14), (0x15, 0, 6, 0x6), (0x28, 0, 0, 0x38), (0x15, 0, 4, 0x19),
    (0x30, 0, 0, 0x43), (0x54, 0, 0, 0x12), (0x15, 0, 1, 0x2), (0x06, 0, 0, 0x40000), (0x06, 0, 0, 0x0),
]


def watch():
    """SYNs are seen before the filter judges them."""
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in ONLY_SYNS))
    packets.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                       struct.pack("HP", len(ONLY_SYNS), ctypes.addressof(code)))
    packets.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
    while True:
        frame, meta = packets.recvfrom(128)
        kind = struct.unpack(">H", frame[12:14])[0]
        if meta[2] == socket.PACKET_OUTGOING:
            continue
        if kind == 0x800 and frame[23] == 6:
            tcp = frame[14 + (frame[14] & 15) * 4:]
            source, target = (socket.inet_ntop(socket.AF_INET, part) for part in (frame[26:30], frame[30:34]))
        elif kind == 0x86dd and frame[20] == 6:
            tcp = frame[54:]
            source, target = (socket.inet_ntop(socket.AF_INET6, part) for part in (frame[22:38], frame[38:54]))
        else:
            continue
        port, to = struct.unpack(">HH", tcp[:4])
        if to == 25 and tcp[13] & 0x12 == 2:
            tell(target, f"SYN {source} {port}")


def main():
    global LOG, OPEN_LIST
    with open(sys.argv[1]) as f:
        world = json.load(f)
    STATES.update(world["states"])
    LOG, OPEN_LIST = open(sys.argv[2], "a", buffering=1), sys.argv[2] + ".open"
    for work in [(watch,), (serve_dns_tcp, world), (serve_dns_udp, world), (serve_mail, socket.AF_INET, "0.0.0.0"),
                 (serve_mail, socket.AF_INET6, "::")]:
        threading.Thread(target=work[0], args=work[1:], daemon=True).start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
