"""receivers - OpenSMTPD and Sendmail as the real MX that callers.py asks for, to see what they log.

    mx = OpensmtpdMx(net, "mail", ["30.0.0.25", "3ffe::25"], "mail.shop.example", ["shop.example"])
    mx.start()
    mx.submit("bob@shop.example")       # by its own sendmail command
    ... mx.log                          # by syslog

Both take mail for bob and carol (OpenSMTPD for everybody) at the domains, but answer

    grey@DOMAIN     451, as greylisting does
    nobody@DOMAIN   550

and refuse mail for other domains. Port 587 is for submission; with Sendmail lab may log in there and at
port 25, with the password lab. OpenSMTPD's TLS fails, and so its login: Debian's build cannot use its key with its
OpenSSL.
"""

from .programs import Program, wait_for

USER = PASSWORD = "lab"


class Receiver(Program):
    def __init__(self, network, name, addresses, hostname, domains):
        self.domains = domains
        super().__init__(network, name, addresses, hostname)

    @property
    def log(self):
        return self.host.folder / "mail.log"

    def submit(self, recipient):
        self.host.run(["/usr/sbin/sendmail", "-i", recipient], input="Subject: hello\n\nA message of our own.\n")

    def stop(self):
        self.host.run(["pkill", self.process])  # sees only the processes of its own namespace
        wait_for(f"{self.process} stops", lambda: not self.host.is_listening(25))


class OpensmtpdMx(Receiver):
    package, process = "opensmtpd", "smtpd"
    how_to_listen = ""  # "proxy-v2"

    stages = [f"{stage}{code}" for stage in ("connect", "helo", "mail", "data", "message") for code in (4, 5)]

    def stage_filters(self):
        """What callers.STAGES asks for; and cut@ is not answered only."""
        lines = ['filter cut phase mail-from match mail-from { "cut@client.example" } disconnect "421 4.7.0 Go away"']
        for name in self.stages:
            stage, code = name[:-1], name[-1]
            sender = f'mail-from {{ "{name}@client.example" }}'
            phase, match = {"connect": ("connect", f'src {{ "30.{code}.0.1" }}'), "helo": ("ehlo", f'helo {{ "{name}.client.example" }}'),
                            "mail": ("mail-from", sender), "data": ("data", sender), "message": ("commit", sender)}[stage]
            text = '"451 4.7.1 Not now"' if code == "4" else '"550 5.7.1 Not you"'
            lines.append(f"filter {name} phase {phase} match {match} reject {text}")
        return "\n".join(lines)

    def configure(self):
        self.host.script("""
            openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=lab -keyout /etc/ssl/private/lab.key \
                -out /etc/ssl/lab.crt 2> /dev/null
            chmod 600 /etc/ssl/private/lab.key""")
        domains = ", ".join(f'"{d}"' for d in self.domains)
        grey, nobody = (", ".join(f'"{who}@{d}"' for d in self.domains) for who in ("grey", "nobody"))
        self.host.write("/etc/smtpd.conf", f"""
pki lab cert "/etc/ssl/lab.crt"
pki lab key "/etc/ssl/private/lab.key"
filter grey phase rcpt-to match rcpt-to {{ {grey} }} reject "451 4.7.1 Greylisted, come back later"
filter nobody phase rcpt-to match rcpt-to {{ {nobody} }} reject "550 5.1.1 No such user"
{self.stage_filters()}
filter all chain {{ cut, {", ".join(self.stages)}, grey, nobody }}
listen on 0.0.0.0 port 25 tls pki lab {self.how_to_listen} filter all
listen on :: port 25 tls pki lab filter all
action "keep" mda "/bin/cat > /dev/null" virtual {{ "@" = "nobody" }}
match from any for domain {{ {domains} }} action "keep"
""")

    def start(self):
        self.host.run(["smtpd"])
        self.wait_listening(25)


# What saslpasswd2 does, which is in another package.
_PASSWORD = """
import ctypes, sys
sasl = ctypes.CDLL("libsasl2.so.2")
connection = ctypes.c_void_p()
user, realm, password = (a.encode() for a in sys.argv[1:])
assert sasl.sasl_server_init(None, b"lab") == 0
assert sasl.sasl_server_new(b"smtp", realm, realm, None, None, None, 0, ctypes.byref(connection)) == 0
assert sasl.sasl_setpass(connection, user, password, len(password), None, 0, 1) == 0
"""


class SendmailMx(Receiver):
    package, process = "sendmail", "sendmail"

    def __init__(self, network, name, addresses, hostname, domains, log_level=9):
        self.log_level = log_level
        super().__init__(network, name, addresses, hostname, domains)

    def configure(self):
        daemons = "".join(f"DAEMON_OPTIONS(`Family=inet{'6' if ':' in a else ''}, Name=MTA-v{6 if ':' in a else 4}, "
                          f"Port=smtp, Addr={a}')dnl\n" for a in ["127.0.0.1"] + self.host.addresses)
        self.host.write("/etc/mail/lab.mc", f"""dnl
{daemons}DAEMON_OPTIONS(`Family=inet, Name=MSP-v4, Port=submission, M=Ea')dnl
FEATURE(`blocklist_recipients')dnl
FEATURE(`accept_unresolvable_domains')dnl
TRUST_AUTH_MECH(`PLAIN')dnl
define(`confAUTH_MECHANISMS', `PLAIN')dnl
define(`confLOG_LEVEL', `{self.log_level}')dnl
include(`/etc/mail/tls/starttls.m4')dnl
""")
        access = "".join(f"To:grey@{d}\tERROR:4.7.1:451 Greylisted, come back later\n"
                         f"To:nobody@{d}\tERROR:5.1.1:550 No such user\n" for d in self.domains)
        # Without the pause before the greeting, and without limits of clients.
        self.host.script(f"""
            cd /etc/mail
            sed -i -e '/^DAEMON_OPTIONS/d' -e '/^FEATURE(.greet_pause/d' -e '/^MAILER_DEFINITIONS/e cat lab.mc' sendmail.mc
            printf '%s\\n' {' '.join(self.domains)} > local-host-names
            sed -i '/^Client/d' access
            cat >> access <<'END'
{access}END
            makemap hash access < access
            printf 'bob: /dev/null\\ncarol: /dev/null\\n' >> aliases; newaliases
            m4 sendmail.mc > sendmail.cf""")
        self.host.run(["/usr/bin/python3", "-c", _PASSWORD, USER, self.host.hostname, PASSWORD])

    def start(self):
        self.host.script("mkdir -p /run/sendmail/mta; chown root:smmta /run/sendmail/mta; chmod 2755 /run/sendmail/mta; "
                         "/usr/sbin/sendmail-mta -L sm-mta -bd -q10m")
        self.wait_listening(25)
