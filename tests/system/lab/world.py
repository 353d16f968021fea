"""world - a small internet for `fakemx check`: name servers that agree, lag, are lame or sign,
mail servers in every state (real sockets and nft), an MTA-STS policy host, and a client.

    World(net, zones, signed=["a.example"], policies={"b.example": "version: STSv1\\n..."})

zones: {"a.example": ["@ MX 10 mail", ...]}. SOA and NS (ns1.lab) are supplied unless a line
brings its own NS. second: zones as the second server (ns2.lab) has them.
"""

import subprocess

from .case import NAME_SERVER, RESOLVER
from .net import wait_for
from .programs import Knot, PostfixMx, Unbound

SECOND = "30.0.0.55"  # ns2.lab: serves only the zones in `second`
NO_SERVER = "30.0.0.59"  # ns9.lab: a machine without a name server
MAIL, MAIL_V6 = "30.1.0.25", "3ffe:1::25"  # Postfix with STARTTLS
PLAIN = "30.1.0.26"  # Postfix without
WEB = "30.1.0.80"
CLIENT, CLIENT_V6 = "30.2.0.1", "3ffe:2::1"
OWN = "30.2.0.2"  # the client's second address, where a mail server answers
OWN_CLOSED = "30.2.0.3"  # its third, where nothing listens

# State -> address of a machine that is in it.
STATES = {
    "closed": "30.1.1.1", "dead": "30.1.1.2", "unreachable": "30.1.1.3", "reset": "30.1.1.4", "busy": "30.1.1.5",
    "reject": "30.1.1.6", "banner-close": "30.1.1.7", "silent": "30.1.1.8", "defer-helo": "30.1.1.9",
    "greets": "30.1.1.10", "panel": "30.1.1.11", "flood": "30.1.1.12", "closed2": "30.1.1.13", "closed3": "30.1.1.14",
    "closed4": "30.1.1.15", "closed5": "30.1.1.16", "slow": "30.1.1.17", "lines": "30.1.1.18",
}
STATES_V6 = {name: f"3ffe:1:1::{address.rsplit('.', 1)[1]}" for name, address in STATES.items()}

# A mail server that does what its address says, one thread a connection.
_ACTORS = r'''
import socket, struct, sys, threading, time
def act(kind, c):
    if kind == "reset":
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)); return
    if kind == "banner-close": return
    if kind == "silent":
        c.recv(1); return
    if kind == "flood":
        while True: c.sendall(b"2" * 65536)
    if kind == "lines":
        while True: c.sendall(b"220-flood\r\n" * 4096)
    if kind == "busy": c.sendall(b"421 4.3.2 busy\r\n"); return
    if kind == "reject": c.sendall(b"554 5.3.2 go away\r\n"); c.recv(99); return
    greeting = {"panel": b"220 box ESMTP Hi, I'm a Mail-in-a-Box\r\n"}.get(kind, b"220 actor ESMTP\r\n")
    if kind == "slow": time.sleep(2)
    c.sendall(greeting)
    for line in c.makefile("rb"):
        verb = line[:4].upper()
        log.write(kind + " " + line.decode(errors="replace")); log.flush()
        if verb == b"QUIT": c.sendall(b"221 bye\r\n"); return
        c.sendall(b"451 4.3.2 later\r\n" if kind == "defer-helo" else b"250-actor\r\n250 STARTTLS\r\n")
def serve(kind, address):
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, 25)); s.listen(100)
    def one(c):
        try: act(kind, c)
        except OSError: pass
        finally: c.close()
    while True:
        threading.Thread(target=one, args=(s.accept()[0],), daemon=True).start()
log = open(sys.argv[1], "a")
for word in sys.argv[2:]:
    threading.Thread(target=serve, args=word.split("=")).start()
'''

_WEB = r'''
import http.server, json, ssl, sys
policies = json.load(open(sys.argv[1]))
class Policy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        text = policies.get(self.headers["Host"].removeprefix("mta-sts."))
        if self.path != "/.well-known/mta-sts.txt" or text is None: return self.send_error(404)
        if text.startswith("redirect"):
            self.send_response(302); self.send_header("Location", text.split()[1])
            self.send_header("Content-Length", "0"); self.end_headers(); return
        body = text.encode() if text != "huge" else b"mx: " * 1000000
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *a): pass
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2])
server = http.server.ThreadingHTTPServer((sys.argv[3], 443), Policy)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
'''


class Names(Knot):
    """Knot whose zones bring their own NS, and sign if named in signed."""
    signed = ()
    is_root = False  # without: REFUSED for every other name
    _HEAD = "$TTL 300\n@ SOA ns1.lab. hostmaster.lab. {serial} 3600 600 86400 1\n"

    def load(self, zone, lines):
        if not any(line.split()[:2] == ["@", "NS"] for line in lines):
            lines = ["@ NS ns1.lab."] + lines
        self._serial = -1 + next((int(line.split()[1]) for line in lines if line.startswith(";serial")), 1)
        super().load(zone, lines)

    def _configure_zones(self):
        super()._configure_zones()
        text = self.host.run(["cat", "/etc/knot/knot.conf"]).stdout
        if not self.is_root:
            text = text.replace("  - domain: .\n    file: root.zone\n", "")
        for zone in self.signed:
            text = text.replace(f"  - domain: {zone}\n", f"  - domain: {zone}\n    dnssec-signing: on\n")
        self.host.write("/etc/knot/knot.conf", text)

    def anchors(self):
        """DS records of the signed zones, once they are signed."""
        lines = []
        for zone in self.signed:
            done = self.host.run(["keymgr", "-c", "/etc/knot/knot.conf", zone, "ds"])
            lines += [line for line in done.stdout.splitlines() if " DS " in line]
        return lines


class Validator(Unbound):
    """Unbound that validates what the trust anchors cover."""
    anchors = ()

    def start(self):
        path = "/etc/unbound/unbound.conf"
        text = self.host.run(["cat", path]).stdout
        text = text.replace('module-config: "iterator"', 'module-config: "validator iterator"')
        lines = "".join(f"    trust-anchor: \"{a}\"\n" for a in self.anchors)
        self.host.write(path, text.replace("server:\n", "server:\n" + lines, 1))
        super().start()


class World:
    def __init__(self, net, zones, second=None, signed=(), policies=None, root_lines=()):
        self.net = net
        self._start_names(zones, second or {}, signed, root_lines)
        self._start_mail()
        self._start_actors()
        self._start_web(policies or {})
        self.client = net.host("client", [CLIENT, CLIENT_V6, OWN, OWN_CLOSED])
        self.client.spawn(["/usr/bin/python3", "-c", _ACTORS, net.folder / "heard-own", f"greets={OWN}"], name="own")
        wait_for("the client's own server", lambda: self.client.is_listening(25, OWN))

    def _start_names(self, zones, second, signed, root_lines):
        net = self.net
        self.names = Names(net, "ns1", [NAME_SERVER])
        self.second = Names(net, "ns2", [SECOND])
        self.empty = net.host("ns9", [NO_SERVER])
        self.names.signed = signed
        self.names.is_root = True
        self.names.load(".", [f"ns1.lab. A {NAME_SERVER}", f"ns2.lab. A {SECOND}", f"ns9.lab. A {NO_SERVER}"] +
                        list(root_lines))
        for zone, lines in zones.items():
            self.names.load(zone, lines)
        for zone, lines in second.items():
            self.second.load(zone, lines)
        self.second.load("only-here.example", [])
        self.names.start()
        self.second.start()
        self.resolver = Validator(net, "resolver", [RESOLVER], NAME_SERVER)
        self.resolver.anchors = self.names.anchors()
        self.resolver.start()

    def _start_mail(self):
        net = self.net
        self.mail = PostfixMx(net, "mail", [MAIL, MAIL_V6], "mail.lab", ["a.example"])
        self.plain = PostfixMx(net, "plain", [PLAIN], "plain.lab", ["a.example"])
        key = net.folder / "mail.pem"
        self._certificate(key, ["mail.lab"])
        self.mail.host.write("/etc/postfix/mail.pem", key.read_text())
        self.mail.set(smtpd_tls_chain_files="/etc/postfix/mail.pem", smtpd_tls_security_level="may")
        self.mail.start()
        self.plain.start()

    def _start_actors(self):
        passive = {"closed", "closed2", "closed3", "closed4", "closed5", "dead", "unreachable"}
        self.actors = self.net.host("actors", list(STATES.values()) + list(STATES_V6.values()))
        words = [f"{kind}={table[kind]}" for table in (STATES, STATES_V6) for kind in table if kind not in passive]
        self.heard = self.net.folder / "heard"
        self.act(*words)
        for word in words:
            wait_for(word, lambda a=word.split("=")[1]: self.actors.is_listening(25, a))
        rules = []
        for family, table in (("ip", STATES), ("ip6", STATES_V6)):
            kind = "host-unreachable" if family == "ip" else "addr-unreachable"
            icmp = "icmp" if family == "ip" else "icmpv6"
            rules += [f"{family} daddr {table['dead']} tcp dport 25 drop",
                      f"{family} daddr {table['unreachable']} tcp dport 25 reject with {icmp} type {kind}"]
        self.actors.run(["nft", "-f", "-"], input="table inet lab { chain input { type filter hook input priority 0;\n" +
                        "\n".join(rules) + "\n}\n}\n")

    def act(self, *words):
        """Each word is what is done, and at which address."""
        self.actors.spawn(["/usr/bin/python3", "-c", _ACTORS, self.heard, *words], name=f"actors-{len(words)}")

    def _certificate(self, path, names):
        """A key and a certificate of its own, both in one file."""
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                        "-nodes", "-days", "2", "-subj", "/CN=lab", "-keyout", path, "-out", f"{path}.crt", "-addext",
                        "subjectAltName=" + ",".join("DNS:" + n for n in names)],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(path, "a") as f:
            f.write(open(f"{path}.crt").read())

    def _start_web(self, policies):
        import json
        self.roots = self.net.folder / "web.pem"
        self._certificate(self.roots, ["mta-sts." + zone for zone in policies if "untrusted" not in zone] or ["none"])
        path = self.net.folder / "policies.json"
        path.write_text(json.dumps(policies))
        self.web = self.net.host("web", [WEB])
        self.web.spawn(["/usr/bin/python3", "-c", _WEB, path, self.roots, WEB], name="web")
        wait_for("the policy host", lambda: self.web.is_listening(443, WEB))

    def fakemx(self, *argv, input=None, timeout=120):
        from .case import program
        return self.client.run([program("fakemx"), *argv], input=input, check=False, timeout=timeout,
                               env={"SSL_CERT_FILE": str(self.roots) + ".crt"})
