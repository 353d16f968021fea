"""exim_mx - Exim as the real MX, its log as told.

    mx = EximMx(net, "mail", ["30.0.0.25"], "mail.shop.example", ["shop.example"], selector="+pid +smtp_connection")

Takes mail for everybody at the domains but grey@ (451) and nobody@ (550); refuses relaying; STARTTLS; users
log in at port 587 (lab, password lab). with_syslog: no log files of its own.
"""

from . import packages
from .net import wait_for
from .programs import Program


class EximMx(Program):
    package = "exim"

    def __init__(self, network, name, addresses, hostname, domains, selector="", with_syslog=False, more=""):
        self.domains, self.selector, self.with_syslog, self.more = domains, selector, with_syslog, more
        super().__init__(network, name, addresses, hostname)

    @property
    def log(self):
        return self.host.folder / ("mail.log" if self.with_syslog else "exim4/mainlog")

    def configure(self):
        self.host.script("""
            mkdir -p /var/log/exim4 /run/exim4 /var/mail/lab
            openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=lab -keyout /etc/exim4/lab.pem \
                -out /etc/exim4/lab.crt 2> /dev/null
            chown Debian-exim:adm /var/log/exim4 /etc/exim4/lab.pem; chown Debian-exim:Debian-exim /run/exim4 /var/mail/lab""")
        self.write_configuration()

    def write_configuration(self):
        log = "log_file_path = syslog\n" if self.with_syslog else "log_file_path = /var/log/exim4/%slog\n"
        selector = f"log_selector = {self.selector}\n" if self.selector else ""
        self.host.write("/etc/exim4/exim4.conf", f"""primary_hostname = {self.host.hostname}
domainlist local_domains = {' : '.join(self.domains)}
{log}{selector}{self.more}
host_lookup = *
rfc1413_query_timeout = 0s
tls_advertise_hosts = *
tls_certificate = /etc/exim4/lab.crt
tls_privatekey = /etc/exim4/lab.pem
daemon_smtp_ports = 25 : 587
acl_smtp_rcpt = rcpt
acl_smtp_data = accept
begin acl
rcpt:
  accept authenticated = *
  deny message = relay not permitted
       domains = ! +local_domains
  deny message = no such user
       local_parts = nobody
  defer message = greylisted
       local_parts = grey
  accept
begin routers
keep:
  driver = accept
  domains = +local_domains
  transport = keep
away:
  driver = redirect
  data = :blackhole:
begin transports
keep:
  driver = appendfile
  directory = /var/mail/lab
  user = Debian-exim
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{lab}}}}{{eq{{$auth3}}{{lab}}}}}}}}
  server_set_id = $auth2
""", "640", "root:Debian-exim")

    def start(self):
        self.host.run(["exim4", "-bd", "-q30m", "-oP", "/run/exim4/exim.pid"])
        self.wait_listening(25)

    def stop(self):
        self.host.script("kill $(cat /run/exim4/exim.pid)")
        wait_for("exim stops", lambda: not self.host.is_listening(25))
