"""engine - a container engine under a systemd of its own, and an image of a real Postfix for it, made from files that are here.

    machine = EngineMachine("docker", cls.net, ["30.0.0.25"])      # or "podman"
    machine.mail("--log-driver=journald")                          # a container "mail" with host networking

No registry is asked. The engine makes no network and no firewall rule: the container has the machine's network, as mail servers
behind published ports nearly do, and all of it is gone with the machine.

Limits: as booted.py. Control groups have no controllers there, so containers have no limits.
"""

import os
import pathlib
import re
import resource
import subprocess
import tempfile

from . import packages
from .booted import Booted
from .case import program
from .net import LAB, ROOT, wait_for

# What Postfix's scripts call.
_TOOLS = ("sh cat chgrp chmod chown cmp cp cut date echo expr find grep id ln ls mkdir mv rm rmdir sed sleep sort test touch tr true uname awk "
          "basename dirname env head kill ps tail wc").split()
# What a tree took away from this machine's root: there is nothing to take away from.
_WITHOUT = ["--exclude=./usr/sbin/policy-rc.d"]
_START = """
postconf -e maillog_file=%s 'mydestination=%s' inet_protocols=all 'mynetworks=127.0.0.0/8' alias_maps= 'local_recipient_maps=' local_transport=discard
postconf -F '*/*/chroot = n'
exec postfix start-fg
"""


def _limits():
    """Those that this process has: nobody may raise them."""
    rows = (("nofile", resource.RLIMIT_NOFILE), ("nproc", resource.RLIMIT_NPROC))
    return ", ".join(f'"{name}={most}:{most}"' for name, number in rows for most in [resource.getrlimit(number)[1]])


def _libraries(file):
    done = subprocess.run(["ldd", str(file)], capture_output=True, text=True)
    return re.findall(r"(/\S+\.so\S*)", done.stdout)


def postfix_image():
    """A tar of a root with Postfix, its libraries and the tools of its scripts, and nothing else. Made once."""
    tar = LAB / "postfix-image.tar"
    if tar.exists():
        return tar
    with tempfile.TemporaryDirectory(dir=LAB) as folder:
        root = pathlib.Path(folder)
        subprocess.run(["tar", "-C", root, *_WITHOUT, "-xpf", packages.tree("postfix")], check=True)
        for name in ("tmp", "run", "dev", "proc", "sys"):
            (root / name).mkdir(exist_ok=True)
        (root / "tmp").chmod(0o1777)
        for link in ("bin", "sbin", "lib", "lib64"):
            (root / "usr" / link).mkdir(parents=True, exist_ok=True)
            if not (root / link).exists():
                (root / link).symlink_to(f"usr/{link}")
        for name in ("services", "protocols", "nsswitch.conf"):
            subprocess.run(["cp", f"/etc/{name}", root / "etc"], check=True)
        for name in _TOOLS:
            path = subprocess.run(["sh", "-c", f"command -v {name}"], capture_output=True, text=True).stdout.strip()
            source = pathlib.Path(f"/usr/bin/{name}") if path == name else pathlib.Path(path)
            subprocess.run(["cp", "-L", source, root / "usr/bin" / name], check=True)
        programs = [p for place in ("usr/bin", "usr/sbin", "usr/lib/postfix", "usr/lib/postfix/sbin") for p in (root / place).iterdir() if p.is_file()]
        os.environ["LD_LIBRARY_PATH"] = str(root / "usr/lib/postfix")
        try:
            wanted = {lib for p in programs for lib in _libraries(p) if not lib.startswith(str(root))}
        finally:
            del os.environ["LD_LIBRARY_PATH"]
        for lib in wanted:
            to = root / lib.lstrip("/")
            to.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "-L", lib, to], check=True)
        part = tar.with_suffix(".part")
        subprocess.run(["tar", "-C", root, "-cpf", part, "."], check=True)
        part.rename(tar)
    return tar


class EngineMachine(Booted):
    def __init__(self, engine, net, addresses, domain):
        self.engine, self.domain = engine, domain
        build, contrib = program("fakemx").parent, ROOT / "contrib/systemd"
        super().__init__(engine, f"""
            rm -f "$ROOT/usr/local/bin/docker"
            tar -C "$ROOT" {_WITHOUT[0]} -xpf {packages.tree(engine)}
            rm -rf "$ROOT/etc/systemd/system/multi-user.target.wants"
            hostname mail.{domain}
            install -m755 {build}/fakemx {build}/fakemx-serve "$ROOT/usr/bin/"
            mkdir -p "$ROOT/usr/libexec/fakemx" "$ROOT/etc/docker" "$ROOT/srv"
            install -m755 {build}/fakemx-net "$ROOT/usr/libexec/fakemx/"
            for unit in fakemx.service fakemx-feed@.service; do
                sed 's,@bindir@,/usr/bin,' {contrib}/$unit > "$ROOT/lib/systemd/system/$unit"
            done
            install -D {contrib}/fakemx.sysusers "$ROOT/usr/lib/sysusers.d/fakemx.conf"
            install -D {contrib}/fakemx.tmpfiles "$ROOT/usr/lib/tmpfiles.d/fakemx.conf"
            cp {postfix_image()} "$ROOT/srv/image.tar"
        """, addresses, net=net)
        self.script("systemd-sysusers; systemd-tmpfiles --create fakemx.conf")
        if engine == "docker":
            self.write("/etc/docker/daemon.json", '{"iptables": false, "ip6tables": false, "bridge": "none", "storage-driver": "vfs",'
                       ' "data-root": "/run/docker-data"}')
            self.script("systemctl start docker", timeout=120)
        else:
            self.write("/etc/containers/storage.conf", '[storage]\ndriver = "vfs"\nrunroot = "/run/containers/run"\ngraphroot = "/run/containers/root"\n')
            # crun raises limits to load a filter of devices, which a machine that is one itself may not do.
            self.write("/etc/containers/containers.conf", f"[containers]\ncgroups = \"disabled\"\ndefault_ulimits = [{_limits()}]\n")
        self.script(f"{engine} import /srv/image.tar localhost/postfix", timeout=120)

    def mail(self, *options, log="/dev/stdout"):
        """Starts the container anew, and waits until Postfix answers."""
        self.run([self.engine, "rm", "-f", "mail"], check=False)
        self.run([self.engine, "run", "-d", "--name", "mail", "--network", "host", *options, "localhost/postfix", "sh", "-c",
                  _START % (log, self.domain)])
        wait_for("Postfix answers", self.answers, 60, 0.2)

    def answers(self):
        return "LISTEN" in self.run(["ss", "-Hnlt", "sport = :25"], check=False).stdout

    def tail(self, lines=25):
        done = self.run([self.engine, "logs", "--tail", str(lines), "mail"], check=False)
        return f"{super().tail(lines)}\n--- {self.engine} logs\n{done.stdout}{done.stderr}"
