"""packages - Debian packages installed into an overlay layer, never into the machine.

    tree = packages.tree("postfix")      # an archive: what installing Postfix changes

Mail programs conflict with each other and with the mail server the machine may
have. So each is installed, maintainer scripts and all, inside a chroot whose
root is an overlay over the machine's; the upper layer, which then holds exactly
what the installation changed, is kept as build/lab/trees/NAME.tar. Every host that
runs the program unpacks it as its own upper layer (net.py). Users, alternatives,
spool folders and permissions are therefore what Debian makes them.

Trees are made again when the machine's own packages change, because a tree
holds only what the machine lacks. Downloads are kept in build/lab/debs.

A package that cannot be had is an error with a sentence, never a skipped test.

Limits: needs root, and the right to mount.
"""

import fcntl
import hashlib
import os
import pathlib
import re
import subprocess
import tempfile

from .net import LAB

# program: packages, and answers for the questions their installation asks
PROGRAMS = {
    "postfix": (["postfix"], "postfix postfix/main_mailer_type select Internet Site\n"),
    "exim": (["exim4-daemon-light", "exim4-base", "exim4-config"],
             "exim4-config exim4/dc_eximconfig_configtype select "
             "internet site; mail is sent and received directly using SMTP\n"),
    # with the condition `spam`
    "exim-heavy": (["exim4-daemon-heavy", "exim4-base", "exim4-config"],
                   "exim4-config exim4/dc_eximconfig_configtype select "
                   "internet site; mail is sent and received directly using SMTP\n"),
    "opensmtpd": (["opensmtpd"], ""),
    "sendmail": (["sendmail-bin", "sendmail-base", "sendmail-cf"], ""),
    "courier": (["courier-mta"], "courier-mta courier-mta/defaultdomain string lab.example\n"),
    "dma": (["dma"], "dma dma/mailname string lab.example\n"),
    "chasquid": (["chasquid"], ""),
    "knot": (["knot", "knot-dnsutils"], ""),
    "unbound": (["unbound"], ""),
    "bind": (["bind9", "bind9-dnsutils", "bind9-utils", "knot-dnssecutils", "faketime"], ""),
    "zonetools": (["bind9-utils", "knot-dnssecutils", "nsd"], ""),
    "rbldnsd": (["rbldnsd"], ""),
    "spamassassin": (["spamassassin"], ""),
    "ansible": (["ansible-core"], ""),
    "rspamd": (["rspamd"], ""),
    "rsyslog": (["rsyslog"], ""),
    "syslog-ng": (["syslog-ng-core"], ""),
    "busybox": (["busybox"], ""),
    "podman": (["podman", "crun"], ""),
    "docker": (["docker.io", "docker-compose", "busybox-static"], ""),
    "amavis": (["amavisd-new", "spamassassin"], ""),
    "spamd": (["spamd", "spamassassin", "spamass-milter"], ""),
    "prometheus": (["prometheus"], ""),
    "proxies": (["nginx-light", "caddy", "apache2-utils", "prometheus"], ""),
    "nats": (["nats-server"], ""),
    "nginx": (["nginx"], ""),
    "caddy": (["caddy"], ""),
    "pdns": (["pdns-server", "pdns-backend-sqlite3", "sqlite3"], ""),
}

# Not needed without --long: great, or of scripts/experiment.
OF_LONG_TESTS = {"docker", "podman", "courier", "chasquid"}

_INSTALL = """set -e
mount -t tmpfs -o mode=755 lab "$TOP"
mkdir -p "$TOP/upper" "$TOP/work" "$TOP/root"
mount -t overlay lab -o "lowerdir=/,upperdir=$TOP/upper,workdir=$TOP/work" "$TOP/root"
root="$TOP/root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=755 lab "$root/run"; mkdir -p "$root/run/lock"
mount -t tmpfs -o mode=1777 lab "$root/tmp"
mkdir -p "$root/var/cache/apt/archives"
mount --bind "$DEBS" "$root/var/cache/apt/archives"
ip link set lo up
hostname lab.example
cd "$root"
printf '127.0.0.1 localhost lab.example lab\\n' > etc/hosts
printf 'lab.example\\n' > etc/mailname
printf '#!/bin/sh\\nexit 101\\n' > usr/sbin/policy-rc.d; chmod 755 usr/sbin/policy-rc.d
chroot . /bin/sh -ec '
    export DEBIAN_FRONTEND=noninteractive
    for package in $PACKAGES; do
        if dpkg-query -W "$package" > /dev/null 2>&1; then dpkg --purge --force-all "$package"; fi
    done
    printf "%s" "$ANSWERS" | debconf-set-selections
    apt-get -y --no-install-recommends --no-download -o APT::Sandbox::User=root install $PACKAGES
    rm -f /usr/sbin/policy-rc.d'
cd "$TOP/upper"
rm -rf usr/share/doc usr/share/man usr/share/locale var/lib/apt var/lib/dpkg var/cache var/log
tar --xattrs --xattrs-include='trusted.*' -cpf "$TAR" .
"""


class PackageError(Exception):
    """A package is not to be had; the text says which and why."""


def tree(program):
    """The tree of a program, made on first use. Safe to call from several processes."""
    names, answers = PROGRAMS[program]
    folder = LAB / "trees"
    folder.mkdir(parents=True, exist_ok=True)
    tar, stamp = folder / f"{program}.tar", folder / f"{program}.stamp"
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        want = _stamp(names, answers)
        if not tar.exists() or not stamp.exists() or stamp.read_text() != want:
            _make(program, names, answers, tar)
            stamp.write_text(want)
    return tar


def _stamp(names, answers):
    status = pathlib.Path("/var/lib/dpkg/status").read_bytes()
    recipe = " ".join(names) + answers + _INSTALL
    return hashlib.sha256(status + recipe.encode()).hexdigest() + "\n"


def _make(program, names, answers, tar):
    debs = _download(names)
    part = tar.with_suffix(".part")
    with tempfile.TemporaryDirectory(prefix="lab-", dir=tar.parent) as top:
        env = dict(os.environ, TOP=top, TAR=str(part), DEBS=str(debs), PACKAGES=" ".join(names), ANSWERS=answers,
                   LANG="C.UTF-8")
        # kill-child: whatever a maintainer script leaves running ends with the namespace.
        done = subprocess.run(["unshare", "--net", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child=KILL",
                               "--", "sh", "-c", _INSTALL], env=env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    tar.with_suffix(".log").write_text(done.stdout)
    if done.returncode:
        last = "\n".join(done.stdout.splitlines()[-15:])
        raise PackageError(f"{program} could not be installed into {tar}:\n{last}")
    part.rename(tar)


def _apt(argv):
    return subprocess.run(["apt-get", "-o", "APT::Sandbox::User=root", "-o", "DPkg::Lock::Timeout=300"] + argv, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _has_lists():
    return any(pathlib.Path("/var/lib/apt/lists").glob("*_Packages*"))


def _download(names):
    """Fetches the packages and what they need beyond the machine's own."""
    debs = LAB / "debs"
    (debs / "partial").mkdir(parents=True, exist_ok=True)
    argv = ["-y", "--download-only", "--reinstall", "--no-install-recommends",
            "-o", f"Dir::Cache::archives={debs}", "install"] + names
    done = _apt(argv)
    # The lists are fetched only when there are none, or when they name files that are gone.
    if done.returncode and (not _has_lists() or re.search(" 404 ", done.stdout)):
        _apt(["update"])
        done = _apt(argv)
    if done.returncode:
        raise PackageError(f"cannot fetch {', '.join(names)}: {done.stdout.strip().splitlines()[-1]}")
    return debs
