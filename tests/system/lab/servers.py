"""servers - name servers that are changed: by the zone file or by dynamic update.

    server = Bind(net, "ns1", ["30.0.0.60"], key=KEY)
    server.load("example.com", ["@ MX 10 mail", "mail A 30.0.0.25"])
    server.start()
    server.update_site("example.com")	# what fakemx's configuration has to say

Each serves the zones it was given, from a file (Bind, KnotFiles) or from its own
store (Pdns), lets a TSIG key update those that are `dynamic`, and may have a
secondary, which follows by NOTIFY and transfer. query() asks with dig, from a host
that has it.
"""

from . import packages
from .net import wait_for
from .programs import Program

KEY_NAME = "fakemx"
SECRET = "c2VjcmV0IG9mIHRoZSBsYWJvcmF0b3J5IGZvciBmYWtlbXg="
OTHER_SECRET = "YW5vdGhlciBzZWNyZXQgb2YgdGhlIGxhYm9yYXRvcnkgISE="
HEAD = "$TTL 300\n@ SOA ns1 hostmaster {serial} 60 10 86400 1\n@ NS ns1\nns1 A {address}\n"


def key_file(secret=SECRET, name=KEY_NAME):
    """As tsig-keygen writes it."""
    return f'key "{name}" {{\n\talgorithm hmac-sha256;\n\tsecret "{secret}";\n}};\n'


def key_file_keymgr(secret=SECRET, name=KEY_NAME):
    """As keymgr -t writes it."""
    return f"# hmac-sha256:{name}:{secret}\nkey:\n  - id: {name}\n    algorithm: hmac-sha256\n    secret: {secret}\n"


class Server(Program):
    """A name server with zones: name -> text of its file."""

    def __init__(self, network, name, addresses, dynamic=False, secondaries=(), primary=None):
        self.dynamic, self.secondaries, self.primary = dynamic, list(secondaries), primary
        self.zones = {}
        self.daemon = None
        super().__init__(network, name, addresses)

    def load(self, zone, lines, serial=2026010101):
        self.zones[zone] = HEAD.format(serial=serial, address=self.address) + "\n".join(lines) + "\n"

    def path(self, zone):
        return f"{self.folder}/{zone}.zone"

    def write_zones(self, owner):
        self.host.script(f"mkdir -p {self.folder}; chown {owner} {self.folder}")
        if not self.primary:
            for zone, text in self.zones.items():
                self.host.write(self.path(zone), text, owner=owner)

    def text(self, zone):
        return self.host.run(["cat", self.path(zone)]).stdout

    def stop(self):
        self.daemon.stop()


class Bind(Server):
    package = "bind"
    folder = "/var/cache/bind"

    def configure(self):
        pass

    def start(self):
        self.write_zones("bind:bind")
        zones = "".join(self._zone(z) for z in self.zones)
        self.host.write("/etc/bind/rndc.key", key_file(name="rndc-key"), "640", "root:bind")
        self.host.write("/etc/bind/named.conf", f"""{key_file()}
include "/etc/bind/rndc.key";
controls {{ inet 127.0.0.1 allow {{ localhost; }} keys {{ "rndc-key"; }}; }};
options {{ directory "{self.folder}"; listen-on {{ any; }}; recursion no; dnssec-validation no;
  allow-transfer {{ any; }}; notify explicit; notify-delay 0; serial-query-rate 100; minimal-responses yes; }};
{zones}""")
        self.host.script("mkdir -p /run/named; chown bind:bind /run/named")
        self.daemon = self.host.spawn(["named", "-f", "-u", "bind", "-n", "1", "-g"])
        wait_for("named answers", lambda: self.host.is_listening(53, self.address, udp=True))
        wait_for("named loads", lambda: self.host.run(["rndc", "status"], check=False).returncode == 0)

    def _zone(self, zone):
        if self.primary:
            return f'zone "{zone}" {{ type secondary; primaries {{ {self.primary.address}; }}; file "{zone}.zone"; }};\n'
        notify = "".join(f"{s.address}; " for s in self.secondaries)
        update = f'allow-update {{ key "{KEY_NAME}"; }};' if self.dynamic else ""
        return f'zone "{zone}" {{ type primary; file "{zone}.zone"; also-notify {{ {notify}}}; {update} }};\n'


class KnotFiles(Server):
    package = "knot"
    folder = "/var/lib/knot"

    def configure(self):
        pass

    def start(self):
        self.write_zones("knot:knot")
        zones = "".join(f"  - domain: {z}\n    file: {z}.zone\n{self._rights()}" for z in self.zones)
        remotes = "".join(f"  - id: r{i}\n    address: {s.address}\n" for i, s in enumerate(self._remotes()))
        self.host.write("/etc/knot/knot.conf", f"""server:
    rundir: /run/knot
    user: knot:knot
    listen: [ {self.address}@53 ]
log:
  - target: stderr
    any: info
database:
    storage: /var/lib/knot
key:
  - id: {KEY_NAME}
    algorithm: hmac-sha256
    secret: {SECRET}
  - id: powerless
    algorithm: hmac-sha256
    secret: {SECRET}
{"remote:" if remotes else ""}
{remotes}
acl:
  - id: update
    key: {KEY_NAME}
    action: update
  - id: other
    address: [0.0.0.0/0]
    action: [transfer, notify]
template:
  - id: default
    storage: {self.folder}
    zonefile-load: {"difference" if not self.dynamic else "whole"}
zone:
{zones}""")
        self.host.script("mkdir -p /run/knot; chown knot:knot /run/knot")
        self.daemon = self.host.spawn(["knotd", "-c", "/etc/knot/knot.conf"])
        wait_for("knotd answers", lambda: self.host.is_listening(53, self.address, udp=True))
        wait_for("knotd control", lambda: self.host.run(["knotc", "status"], check=False).returncode == 0)

    def _remotes(self):
        return [self.primary] if self.primary else self.secondaries

    def _rights(self):
        names = ", ".join(f"r{i}" for i in range(len(self._remotes())))
        link = f"    {'master' if self.primary else 'notify'}: [{names}]\n" if names else ""
        return link + "    acl: [update, other]\n"


class Pdns(Server):
    """Its HTTP API listens at port 8081 of its address, with API_KEY."""
    package = "pdns"
    folder = "/var/lib/powerdns"
    API_KEY = "laboratory"

    @property
    def api(self):
        return f"http://{self.address}:8081/api/v1/servers/localhost"

    def configure(self):
        pass

    def start(self):
        self.write_zones("pdns:pdns")
        self.host.write("/etc/powerdns/pdns.conf", f"""launch=gsqlite3
gsqlite3-database={self.folder}/pdns.sqlite3
local-address={self.address}
dnsupdate=yes
allow-dnsupdate-from=0.0.0.0/0
setuid=pdns
setgid=pdns
socket-dir=/run/pdns
webserver=yes
webserver-address={self.address}
webserver-allow-from=0.0.0.0/0
api=yes
api-key={self.API_KEY}
""", "640", "root:pdns")
        loads = "\n".join(f"pdnsutil load-zone {z} {self.path(z)}\n"
                          f"pdnsutil set-meta {z} TSIG-ALLOW-DNSUPDATE {KEY_NAME}\n"
                          f"pdnsutil set-meta {z} SOA-EDIT-DNSUPDATE INCREASE" for z in self.zones)
        self.host.script(f"""mkdir -p /run/pdns; chown pdns:pdns /run/pdns
            rm -f {self.folder}/pdns.sqlite3
            sqlite3 {self.folder}/pdns.sqlite3 < /usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql
            {loads}
            pdnsutil import-tsig-key {KEY_NAME} hmac-sha256 {SECRET}
            chown pdns:pdns {self.folder}/pdns.sqlite3""")
        self.daemon = self.host.spawn(["pdns_server", "--guardian=no", "--daemon=no", "--disable-syslog"])
        wait_for("pdns answers", lambda: self.host.is_listening(53, self.address, udp=True))


def query(host, server, name, kind):
    """The sorted rdata of an RRset, as dig prints it, asked from a host that has dig."""
    text = host.run(["dig", "+short", "+norecurse", "+time=2", "+tries=1", f"@{server.address}", name, kind],
                    check=False).stdout
    return sorted(line for line in text.splitlines() if line and not line.startswith(";"))


def serial(host, server, zone):
    soa = query(host, server, zone, "SOA")
    return int(soa[0].split()[2]) if soa else 0
