"""booted - this machine's files under a systemd of their own as process 1, in namespaces.

    with Booted("unit", prepare="cp ... $ROOT/usr/bin/") as machine:
        machine.run(["systemctl", "start", "fakemx"])

    machine = Booted("fresh", addresses=["30.0.0.25"], lower=debian.root(), net=self.net)   # a host of the laboratory

The root is an overlay over this machine's (or over `lower`); what is written goes with it. systemd gets a
fresh cgroup2, a /dev with the usual nodes, its own network, and no other unit than those that a plain boot
needs. `prepare` is shell text that runs before, with the new root's path in $ROOT (chroot "$ROOT" works).

Limits: needs root, and the right to mount.
"""

import os
import pathlib
import subprocess
import tempfile

from .net import LAB, wait_for

_BOOT = r"""set -e
mount --make-rprivate /
mount -t tmpfs -o mode=755 lab "$TOP"
mkdir -p "$TOP/upper" "$TOP/work" "$TOP/root"
mount -t overlay lab -o "lowerdir=$LOWER,upperdir=$TOP/upper,workdir=$TOP/work" "$TOP/root"
ROOT="$TOP/root"; export ROOT
mount -t proc proc "$ROOT/proc"
mount -t tmpfs -o mode=755 dev "$ROOT/dev"
for node in null zero full random urandom tty; do
    touch "$ROOT/dev/$node"; mount --bind "/dev/$node" "$ROOT/dev/$node"
done
mkdir "$ROOT/dev/pts" "$ROOT/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$ROOT/dev/pts"
ln -s pts/ptmx "$ROOT/dev/ptmx"; ln -s /proc/self/fd "$ROOT/dev/fd"
mount -t tmpfs -o mode=755 run "$ROOT/run"; mount -t tmpfs -o mode=1777 tmp "$ROOT/tmp"
mount -t sysfs sysfs "$ROOT/sys"
mount -t cgroup2 cgroup2 "$ROOT/sys/fs/cgroup"
: > "$ROOT/etc/machine-id"
rm -rf "$ROOT/etc/systemd/system/multi-user.target.wants"
ip link set lo up
for address in $ADDRESSES; do ip addr add "$address/32" dev lo; done
if [ -n "$RESOLVER" ]; then rm -f "$ROOT/etc/resolv.conf"; echo "nameserver $RESOLVER" > "$ROOT/etc/resolv.conf"; fi
eval "$PREPARE"
cd "$ROOT"
mkdir -p mnt/before
pivot_root . mnt/before
umount -l /mnt/before
exec /lib/systemd/systemd --unit=multi-user.target </dev/null >/dev/null 2>&1
"""


class Booted:
    def __init__(self, name, prepare="", addresses=(), lower="/", net=None):
        self._top = tempfile.TemporaryDirectory(prefix=f"{name}-", dir=LAB)
        self.name, self.syslog = name, None
        env = dict(os.environ, TOP=self._top.name, PREPARE=prepare, LOWER=str(lower), container="lab",
                   ADDRESSES="" if net else " ".join(addresses), RESOLVER=(net.resolver or "") if net else "")
        self._log = open(LAB / f"{name}.boot", "w+")
        # kill-child: with the namespace's first process everything of it ends.
        self._outer = subprocess.Popen(["unshare", "--net", "--mount", "--pid", "--uts", "--ipc", "--cgroup", "--fork",
                                        "--kill-child=KILL", "--", "sh", "-c", _BOOT], env=env, stdin=subprocess.DEVNULL,
                                       stdout=self._log, stderr=self._log)
        try:
            wait_for("systemd is up", self._is_up, 60)
            if net:
                net.adopt(self, addresses)
        except BaseException:
            self.close()
            raise

    def _is_up(self):
        if self._outer.poll() is not None:
            self._log.seek(0)
            raise RuntimeError(f"the machine did not boot:\n{self._log.read()[-3000:]}")
        children = pathlib.Path(f"/proc/{self._outer.pid}/task/{self._outer.pid}/children").read_text().split()
        self._first = children[0] if children else None
        self.pid = int(self._first or 0)
        if not children or b"systemd" not in pathlib.Path(f"/proc/{self._first}/cmdline").read_bytes()[:40]:
            return False
        state = self.run(["systemctl", "is-system-running"], check=False).stdout.strip()
        return state in ("running", "degraded")

    def command(self, argv):
        """The argv that runs argv there; in a plain root's surroundings, not this process's."""
        return ["nsenter", "-t", self._first, "-m", "-p", "-n", "-u", "-i", "-C", "-r", "-w", "--", "env", "-i", "HOME=/root",
                "LC_ALL=C.UTF-8", "TERM=dumb", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", *argv]

    def run(self, argv, check=True, timeout=60, input=""):
        done = subprocess.run(self.command(argv), input=input, capture_output=True, text=True, timeout=timeout)
        if check and done.returncode:
            raise AssertionError(f"{argv} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done

    def script(self, text, **more):
        return self.run(["sh", "-ec", text], **more)

    def write(self, path, text):
        self.script(f"mkdir -p \"$(dirname {path})\"; cat > {path}", input=text)

    def tail(self, lines=25):
        done = self.run(["journalctl", "--no-pager", "-n", str(lines)], check=False)
        return f"--- {self.name}: journal\n{done.stdout}"

    def close(self):
        if self._outer.returncode is not None:
            return
        self._outer.kill()
        self._outer.wait()
        self._log.close()
        self._top.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
