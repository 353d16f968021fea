"""postfix_mx - Postfix as the real MX that callers.py asks for: greylisting, unknown users, TLS, users with a
password, and postscreen in front if wanted."""

from .net import wait_for
from .programs import PostfixMx

# Dovecot's side of its authentication protocol, as far as Postfix needs it: whoever asks is let in.
_AUTH = r'''
import socketserver
class Auth(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t1\nDONE\n")
        for line in self.rfile:
            words = line.decode().rstrip("\n").split("\t")
            if words[0] == "AUTH":
                self.wfile.write(f"OK\t{words[1]}\tuser=lab\n".encode())
socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("127.0.0.1", 12345), Auth).serve_forever()
'''

_SUBMISSION = "submission inet n - y - - smtpd -o syslog_name=postfix/submission -o smtpd_tls_security_level=encrypt\n"
_POSTSCREEN = """smtp inet n - y - 1 postscreen
smtpd pass - - y - - smtpd
dnsblog unix - - y - 0 dnsblog
tlsproxy unix - - y - 0 tlsproxy
"""


class CallablePostfix(PostfixMx):
    def __init__(self, *args, with_postscreen=False, parameters=None, **more):
        self.with_postscreen, self.parameters = with_postscreen, parameters or {}
        super().__init__(*args, **more)

    def configure(self):
        super().configure()
        rows = " ".join(f"{{nobody@{d} = 550 5.1.1 no such user}} {{grey@{d} = 450 4.2.0 greylisted}}" for d in self.domains)
        self.host.script("""
            openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=lab -keyout /etc/postfix/lab.key \
                -out /etc/postfix/lab.crt 2> /dev/null
            cat /etc/postfix/lab.key /etc/postfix/lab.crt > /etc/postfix/lab.pem; chmod 600 /etc/postfix/lab.pem""")
        self.set(smtpd_recipient_restrictions="permit_sasl_authenticated, reject_unauth_destination, "
                                              f"check_recipient_access inline:{{{rows}}}",
                 smtpd_tls_chain_files="/etc/postfix/lab.pem", smtpd_tls_security_level="may",
                 smtpd_sasl_auth_enable="yes", smtpd_sasl_type="dovecot", smtpd_sasl_path="inet:127.0.0.1:12345",
                 smtpd_relay_restrictions="", postscreen_greet_wait="1s", postscreen_greet_action="enforce",
                 **self.parameters)
        lines = _SUBMISSION + (_POSTSCREEN if self.with_postscreen else "")
        smtp = "/^smtp *inet/d" if self.with_postscreen else ""
        self.host.script(f"sed -i '{smtp}' /etc/postfix/master.cf\ncat >> /etc/postfix/master.cf <<'END'\n{lines}END\n")

    def start(self):
        self.auth = self.host.spawn(["/usr/bin/python3", "-c", _AUTH], name="auth")
        wait_for("the password server", lambda: self.host.is_listening(12345))
        super().start()
