"""net - hosts made of Linux namespaces, joined by a switch.

    with Network("walk") as net:
        mx = net.host("mx", ["30.0.0.25", "3ffe::25"], trees=[packages.tree("postfix")])
        mx.run(["postfix", "start"])

A host has its own network, mount, process, host name and IPC namespaces. With
a `tree` (see packages.py) it also has its own root: the tree laid over the machine's
root, writable and gone afterwards. Without one it sees the
machine's files, but its own resolv.conf.

Addresses are all on one link (IPv4 /8, IPv6 /16), so any address of the ranges
reaches any other. They look public, because fakemx treats private and
documentation addresses differently; no packet can leave the switch, which has
no uplink.

Cleaning up: the namespaces have no names and live only as long as their init
process, which is killed by the kernel when the test process ends, however it
ends. What can stay behind is a folder, removed by the next run.

Limits: start a network from the main thread only. The kernel ties the life of
the hosts to the thread that made them.
"""

import atexit
import datetime
import os
import pathlib
import shutil
import socket
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("FAKEMX_BUILD", ROOT / "build"))
LAB = pathlib.Path(os.environ.get("FAKEMX_LAB", BUILD / "lab"))

V4_BITS, V6_BITS = 8, 16

# The init process of a host. SIGCHLD ignored lets the kernel reap every
# orphan, so that "is the daemon gone?" is not fooled by zombies.
_INIT = """set -e
hostname "$HOST"
ip link set lo up
if [ -n "$TREE" ]; then
    mount -t tmpfs -o mode=755 lab "$TOP"
    mkdir "$TOP/upper" "$TOP/work" "$TOP/root"
    for tree in $TREE; do tar -C "$TOP/upper" --xattrs --xattrs-include='*' -xpf "$tree"; done
    mount -t overlay lab -o "lowerdir=/,upperdir=$TOP/upper,workdir=$TOP/work" "$TOP/root"
    root="$TOP/root"
    mount -t proc proc "$root/proc"
    mount -t tmpfs -o mode=755 lab "$root/dev"
    for node in null zero full random urandom tty; do
        : > "$root/dev/$node"; mount --bind "/dev/$node" "$root/dev/$node"
    done
    mkdir "$root/dev/shm"; mount -t tmpfs -o mode=1777 lab "$root/dev/shm"
    ln -s /proc/self/fd "$root/dev/fd"
    mount -t tmpfs -o mode=755 lab "$root/run"; mkdir -p "$root/run/lock"
    mount -t tmpfs -o mode=1777 lab "$root/tmp"
    case "$CHECKOUT" in
    /tmp/*) mkdir -p "$root$CHECKOUT"; mount --bind "$CHECKOUT" "$root$CHECKOUT" ;;
    esac
    mkdir -p "$root/var/log"; mount --bind "$FOLDER" "$root/var/log"
    ln -s /var/log/.devlog "$root/dev/log"
    cd "$root"
    rm -f etc/resolv.conf etc/hosts etc/hostname etc/mailname
    cp "$CONF"/* etc/
    # Ready only inside: whoever enters earlier would have the machine's own root.
    exec chroot . /bin/sh -c 'echo ready; exec >&2; trap "" CHLD; exec sleep infinity'
fi
mount -t proc proc /proc
if [ -e /etc/resolv.conf ]; then mount --bind "$CONF/resolv.conf" /etc/resolv.conf; fi
mount --bind "$CONF/hosts" /etc/hosts
echo ready
exec >&2; trap "" CHLD; exec sleep infinity
"""


def _alive(pid):
    return pathlib.Path(f"/proc/{pid}").exists()


def remove_leftovers():
    """Removes the folders of runs whose process is gone."""
    for folder in (LAB / "run").glob("*-*"):
        pid = folder.name.split("-")[0]
        if pid.isdigit() and not _alive(pid):
            shutil.rmtree(folder, ignore_errors=True)


def wait_for(what, condition, seconds=60, step=0.02):
    """Polls until condition() is true and returns its value; TimeoutError names `what`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(step)


def seconds_of(text):
    """RFC 3339 to seconds since 1970."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Daemon:
    """A program running on a host, started by Host.spawn. pid is the real one."""

    def __init__(self, process, name):
        self.process, self.name = process, name
        self.pid = wait_for(f"{name} starts", self._child, 10, 0.002)

    def _child(self):
        try:
            with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as f:
                return int(f.read().split()[0])
        except (OSError, IndexError):
            if self.process.poll() is not None:
                return -1  # already over: the caller sees it in wait() or alive()
            return 0

    def alive(self):
        return self.process.poll() is None

    def signal(self, number):
        if self.pid > 0 and self.alive():
            os.kill(self.pid, number)

    def wait(self, seconds=20):
        """Exit status; negative for a signal."""
        return self.process.wait(seconds)

    def stop(self, number=15, seconds=20):
        self.signal(number)
        return self.wait(seconds)


class Host:
    """One machine on the switch. Made by Network.host."""

    def __init__(self, network, name, addresses, trees, hostname):
        self.network, self.name = network, name
        self.hostname = hostname or f"{name}.example"
        self.has_name = hostname is not None  # in DNS, see programs.Knot
        self.addresses = []
        self.has_root = bool(trees)
        # Seen by the host as /var/log if it has its own root.
        self.folder = network.folder / name
        self.folder.mkdir()
        self._conf = network.folder / f".conf-{name}"
        self._conf.mkdir()
        self._write_conf(addresses)
        top = network.folder / f".root-{name}"
        top.mkdir()
        self.holder, self.pid = _hold(
            {"HOST": self.hostname, "TREE": " ".join(map(str, trees)), "TOP": str(top), "FOLDER": str(self.folder),
             "CONF": str(self._conf)},
            ["--net", "--mount", "--pid", "--uts", "--ipc"])
        if self.has_root and os.path.samefile(f"/proc/{self.pid}/root", "/"):
            raise RuntimeError(f"host {name} has the machine's own root")
        self.syslog = Syslog(self) if self.has_root else None
        network.plug(self)
        for address in addresses:
            self.add_address(address)

    def _write_conf(self, addresses):
        short = self.hostname.split(".")[0]
        lines = ["127.0.0.1 localhost", "::1 localhost"]
        lines += [f"{a} {self.hostname} {short}" for a in addresses]
        (self._conf / "hosts").write_text("\n".join(lines) + "\n")
        (self._conf / "hostname").write_text(self.hostname + "\n")
        (self._conf / "mailname").write_text(self.hostname + "\n")
        resolver = self.network.resolver
        (self._conf / "resolv.conf").write_text(f"nameserver {resolver}\n" if resolver else "")

    def command(self, argv, uid=None, net_only=False):
        """The argv that runs argv on this host; uid drops root and all groups.
        net_only enters the network alone and keeps the machine's files and processes."""
        enter = ["nsenter", f"--target={self.pid}", "--net"]
        if not net_only:
            enter += ["--mount", "--pid", "--uts", "--ipc"]
            enter += ["--root", "--wd"] if self.has_root else []
        if uid is not None:
            enter += ["--", "setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
        return enter + ["--"] + [str(a) for a in argv]

    def run(self, argv, input=None, check=True, timeout=120, uid=None, env=None):
        """Runs to the end; the CompletedProcess has text. check: fail with the output."""
        done = subprocess.run(self.command(argv, uid), input=input, text=True, timeout=timeout,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment(env),
                              stdin=subprocess.DEVNULL if input is None else None, errors="replace")
        if check and done.returncode != 0:
            raise RuntimeError(f"{self.name}: {' '.join(map(str, argv))[:200]}: exit {done.returncode}\n"
                               f"{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done

    def script(self, text, timeout=120, check=True):
        """Runs a shell script that ends at the first failing command."""
        return self.run(["sh", "-e"], input=text, timeout=timeout, check=check)

    def spawn(self, argv, output=None, uid=None, env=None, name=None):
        """Starts a daemon in the foreground; its output goes to a file of the host's folder."""
        name = name or pathlib.Path(str(argv[0])).name
        with open(self.folder / (output or f"{name}.out"), "ab") as out:
            process = subprocess.Popen(self.command(argv, uid), stdin=subprocess.DEVNULL, stdout=out,
                                       stderr=out, env=_environment(env), start_new_session=True)
        return Daemon(process, name)

    def write(self, path, text, mode="644", owner="root:root"):
        """Writes a file as the host sees it (a link must not lead out of the host)."""
        self.run(["sh", "-ec", 'mkdir -p "$(dirname "$1")"; rm -f "$1"; cat > "$1"; '
                  'chmod "$2" "$1"; chown "$3" "$1"', "sh", path, mode, owner], input=text)

    def cut(self, is_cut=True):
        """Takes the host's cable out of the switch, or puts it back."""
        self.network.set_port(self.port, not is_cut)

    def add_address(self, address):
        family, bits = ("-6", V6_BITS) if ":" in address else ("-4", V4_BITS)
        extra = ["nodad"] if family == "-6" else []
        _ip(self.pid, [family, "addr", "add", f"{address}/{bits}", "dev", "eth0"] + extra)
        self.addresses.append(address)

    def remove_address(self, address):
        bits = V6_BITS if ":" in address else V4_BITS
        _ip(self.pid, ["addr", "del", f"{address}/{bits}", "dev", "eth0"])
        self.addresses.remove(address)

    def is_listening(self, port, address=None, udp=False):
        """Does something listen on the port (of the address, or of any)?"""
        done = subprocess.run(self.command(["ss", "-Hnl" + ("u" if udp else "t"), f"sport = :{port}"], net_only=True),
                              stdout=subprocess.PIPE, text=True, check=True)
        local = [line.split()[3].rsplit(":", 1)[0].strip("[]") for line in done.stdout.splitlines()]
        return any(address in (None, a) or a in ("*", "0.0.0.0", "::") for a in local)

    def tail(self, lines=25):
        """The ends of the host's log files, for the report of a failed test."""
        text = []
        for path in sorted(self.folder.rglob("*")):
            is_log = path.suffix in (".log", ".out", "") and "store" not in path.parts
            if is_log and path.is_file() and not path.is_symlink() and path.stat().st_size and _is_text(path):
                last = path.read_text(errors="replace").splitlines()[-lines:]
                text.append(f"--- {self.name}: {path.relative_to(self.folder)}\n" + "\n".join(last))
        return "\n".join(text)

    def close(self):
        if self.syslog:
            self.syslog.close()
        self.holder.kill()
        self.holder.wait()


class Network:
    """A switch and its hosts. A context manager; close() also runs at exit."""

    def __init__(self, name, resolver=None):
        remove_leftovers()
        self.resolver = resolver
        self.offset = 0.0  # seconds that the clock of everybody's syslog is ahead
        self.hosts = {}
        self.folder = LAB / "run" / f"{os.getpid()}-{name}"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        atexit.register(self.close)
        self._switch, self._switch_pid = _hold({"HOST": "switch", "TREE": "", "CONF": ""}, ["--net", "--uts"],
                                               'hostname switch; echo ready; exec sleep infinity')
        _ip(self._switch_pid, ["link", "add", "br0", "type", "bridge", "stp_state", "0", "forward_delay", "0",
                               "mcast_snooping", "0"])
        _ip(self._switch_pid, ["link", "set", "br0", "up"])

    def host(self, name, addresses, trees=(), hostname=None):
        """Adds a host. trees: layers of packages.tree."""
        host = Host(self, name, addresses, trees, hostname)
        self.hosts[name] = host
        return host

    def adopt(self, machine, addresses):
        """Adds a machine that was booted (booted.py) as a host."""
        self.hosts[machine.name] = machine
        self.plug(machine)
        for address in addresses:
            family, bits = ("-6", V6_BITS) if ":" in address else ("-4", V4_BITS)
            _ip(machine.pid, [family, "addr", "add", f"{address}/{bits}", "dev", "eth0"] + (["nodad"] if family == "-6" else []))

    def jump(self, seconds):
        """Moves the clock of all syslogs, once everything logged before has its stamp."""
        for host in self.hosts.values():
            if host.syslog:
                host.syslog.drain()
        self.offset += seconds

    def plug(self, host):
        """Connects a new host's eth0 to the switch."""
        port = host.port = f"p{len(self.hosts)}"
        _ip(host.pid, ["link", "add", "eth0", "type", "veth", "peer", "name", port, "netns", str(self._switch_pid)])
        _ip(self._switch_pid, ["link", "set", port, "master", "br0", "up"])
        _ip(host.pid, ["link", "set", "eth0", "up"])

    def set_port(self, port, is_up):
        _ip(self._switch_pid, ["link", "set", port, "up" if is_up else "down"])

    def tail(self, lines=25):
        return "\n".join(filter(None, (h.tail(lines) for h in self.hosts.values())))

    def close(self):
        """Ends everything on all hosts. May be called twice."""
        for host in self.hosts.values():
            host.close()
        self._switch.kill()
        self._switch.wait()
        if not os.environ.get("FAKEMX_LAB_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)
        atexit.unregister(self.close)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


_DRAIN = b"<46>lab: drain"


class Syslog(threading.Thread):
    """A host's /dev/log: appends what arrives to mail.log, stamped as rsyslog does by default
    (RFC 3339), by the network's clock. The socket is a file that a link in /dev points at.
    What is held is stamped but not written: it comes late, as over a slow network."""

    def __init__(self, host):
        super().__init__(daemon=True)
        self._network, self._name, self._folder = host.network, host.name, host.folder
        self._drained = threading.Event()
        self._log = open(host.folder / "mail.log", "ab", buffering=0)
        self._lock = threading.Lock()
        self._holds, self._held = None, []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        # The path may be longer than a socket address holds; the descriptor's is not.
        fd = os.open(host.folder, os.O_RDONLY)
        self._socket.bind(f"/proc/self/fd/{fd}/.devlog")
        os.chmod(host.folder / ".devlog", 0o666)
        os.close(fd)
        self.start()

    def run(self):
        while True:
            try:
                line = self._socket.recv(65536)
            except OSError:
                return
            if not line:
                return
            if line == _DRAIN:
                self._drained.set()
                continue
            text = line.rstrip(b"\n\0").split(b">", 1)[-1]
            text = text[16:] if text[3:4] == b" " and text[6:7] == b" " else text
            with self._lock:
                self._write(f"{self._stamp()} {self._name} ".encode() + text + b"\n")

    def _stamp(self):
        now = datetime.datetime.fromtimestamp(time.time() + self._network.offset, datetime.timezone.utc)
        return now.isoformat(timespec="microseconds")

    def _write(self, line):
        if self._holds is not None and self._holds in line:
            self._held.append(line)
        else:
            self._log.write(line)

    def drain(self):
        """Comes back when all that was logged until now has its stamp."""
        self._drained.clear()
        sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        fd = os.open(self._folder, os.O_RDONLY)
        try:
            sender.sendto(_DRAIN, f"/proc/self/fd/{fd}/.devlog")
        finally:
            os.close(fd)
            sender.close()
        if not self._drained.wait(60):
            raise TimeoutError(f"the syslog of {self._name} does not come to its end")

    def held(self):
        """What waits for release(), as text."""
        with self._lock:
            return b"".join(self._held).decode(errors="replace")

    def hold(self, text=""):
        """From now on lines with the text wait for release()."""
        with self._lock:
            self._holds = text.encode()

    def release(self):
        with self._lock:
            self._log.write(b"".join(self._held))
            self._holds, self._held = None, []

    def rotate(self):
        """As logrotate does without a post-rotate script in a hurry: mail.log becomes mail.log.1."""
        with self._lock:
            path = self._folder / "mail.log"
            path.rename(path.with_suffix(".log.1"))
            self._log.close()
            self._log = open(path, "ab", buffering=0)

    def close(self):
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # an unconnected datagram socket: the shutdown still wakes recv()
        self._socket.close()


def _environment(extra):
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin:/usr/libexec", "LANG": "C.UTF-8", "TZ": "UTC", "HOME": "/root",
           "CHECKOUT": str(ROOT)}
    env.update(extra or {})
    return env


def _is_text(path):
    with open(path, "rb") as f:
        return b"\0" not in f.read(1024)


def _ip(pid, argv):
    done = subprocess.run(["nsenter", f"--target={pid}", "--net", "ip"] + argv, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise RuntimeError(f"ip {' '.join(argv)}: {done.stderr.strip()}")


def _hold(env, namespaces, init=_INIT):
    """Starts the process that holds a host's namespaces. Returns it, and the pid to enter."""
    forks = "--pid" in namespaces
    argv = ["setpriv", "--pdeathsig=KILL", "--", "unshare"] + namespaces
    argv += ["--fork", "--kill-child=KILL"] if forks else []
    holder = subprocess.Popen(argv + ["--", "sh", "-c", init], env=_environment(env), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    if holder.stdout.readline() != b"ready\n":
        holder.kill()
        raise RuntimeError(f"host {env['HOST']} did not start: {holder.stderr.read().decode()}")
    if not forks:
        return holder, holder.pid
    with open(f"/proc/{holder.pid}/task/{holder.pid}/children") as f:
        return holder, int(f.read().split()[0])
