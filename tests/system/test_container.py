"""contrib/container: the image is built and run as it stands, on a base that mmdebstrap makes; the compose files are what
docker-compose understands. No registry is asked, and nothing of a container engine runs but buildah."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

from lab import debian
from lab.case import long_test
from lab.net import LAB, ROOT, wait_for

FOLDER = ROOT / "contrib/container"
MAIL, DECOY, DOMAIN = "30.0.0.25", "30.0.0.31", "shop.example"
CONF = f"""names = false
site "shop" {{
  layout = high
  domains = {{ "{DOMAIN}" }}
  host "mail.{DOMAIN}" {{ preference = 10 address = {{ "{MAIL}" }} watch = "/var/log/mail/mail.log" }}
  decoy "fake1.{DOMAIN}" {{ preference = 20 address = {{ "{DECOY}" }} posture = defer }}
}}
"""
# What mailcow's own file says of Postfix, as far as the override touches it.
MAILCOW = """version: '2.1'
services:
  postfix-mailcow:
    image: ghcr.io/mailcow/postfix:1.80
    ports:
      - "${SMTP_PORT:-25}:25"
"""


def config(*files, folder):
    done = subprocess.run(["docker-compose", *[f"--file={f}" for f in files], "config"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Compose(unittest.TestCase):
    def service(self, text, name):
        """The lines of a service, without the blanks before them."""
        part = text[text.index(f"\n  {name}:\n"):].split("\n", 2)[2]
        lines = []
        for line in part.splitlines():
            if not line.startswith("    "):
                break
            lines.append(line.strip())
        return lines

    def test_docker_mailserver_leaves_the_decoys_address_free_and_shares_its_log(self):
        text = config(FOLDER / "docker-mailserver.yaml", folder=FOLDER)
        ports = [line for line in self.service(text, "mailserver") if line.endswith(":25/tcp")]
        self.assertEqual(["- 192.0.2.25:25:25/tcp", "- 2001:db8::25:25:25/tcp"], ports)
        fakemx = self.service(text, "fakemx")
        self.assertIn("network_mode: host", fakemx)
        self.assertTrue([line for line in fakemx if line.endswith("dms/mail-logs:/var/log/mail:ro")])
        self.assertIn("enable_ipv6: true", text)

    def test_mailcow_logs_to_the_journal_and_binds_its_own_addresses(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "docker-compose.yml").write_text(MAILCOW)
            (folder / "docker-compose.override.yml").write_text((FOLDER / "mailcow.yaml").read_text().replace("/opt/fakemx", str(ROOT)))
            (folder / ".env").write_text("SMTP_PORT=192.0.2.25:25\n")
            text = config("docker-compose.yml", "docker-compose.override.yml", folder=folder)
        postfix, fakemx = self.service(text, "postfix-mailcow"), self.service(text, "fakemx")
        self.assertIn("driver: journald", postfix)
        self.assertIn("- 192.0.2.25:25:25/tcp", postfix)
        self.assertIn("- 2001:db8::25:25:25/tcp", postfix)
        self.assertIn("network_mode: host", fakemx)
        self.assertIn("- /var/log/journal:/var/log/journal:ro", fakemx)

    def test_no_container_is_given_the_engines_socket(self):
        for file in FOLDER.iterdir():
            self.assertNotIn("docker.sock", file.read_text(), file.name)


@long_test
class Image(unittest.TestCase):
    limit_seconds = 1500

    @classmethod
    def buildah(cls, *argv, check=True, **more):
        done = subprocess.run([*cls.before, "buildah", f"--root={cls.store}/root", f"--runroot={cls.store}/run", "--storage-driver=vfs", *argv],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL, **more)
        if check and done.returncode:
            raise AssertionError(f"buildah {' '.join(map(str, argv))}\n{done.stdout[-1000:]}\n{done.stderr[-3000:]}")
        return done

    @classmethod
    def setUpClass(cls):
        cls.store, cls.before = LAB / "containers", []
        subprocess.run(["rm", "-rf", cls.store], check=True)
        cls.addClassCleanup(lambda: subprocess.run(["rm", "-rf", cls.store], check=True))
        made = cls.buildah("from", "scratch").stdout.strip()
        cls.buildah("add", "-q", made, str(debian.base()), "/")
        cls.buildah("commit", "-q", made, "localhost/base")
        cls.buildah("rm", made)
        cls.buildah("bud", "--isolation=chroot", "--build-arg=BASE=localhost/base", "-f", FOLDER / "Containerfile", "-t", "localhost/fakemx", ROOT)
        cls.container = cls.buildah("from", "localhost/fakemx").stdout.strip()
        # A network of its own, as host networking would be of a host.
        cls.net = subprocess.Popen(["unshare", "--net", "sh", "-c", f"ip link set lo up; ip addr add {MAIL}/32 dev lo; ip addr add {DECOY}/32 dev lo; "
                                    "exec sleep infinity"])
        cls.addClassCleanup(cls.net.kill)
        wait_for("the network is there", lambda: DECOY in subprocess.run(["nsenter", "-n", "-t", str(cls.net.pid), "ip", "addr"],
                                                                       capture_output=True, text=True).stdout)
        cls.before = ["nsenter", "-n", "-t", str(cls.net.pid), "--"]
        cls.shared = cls.store / "shared"
        for name in ("etc", "state", "log"):
            (cls.shared / name).mkdir(parents=True)
        (cls.shared / "etc/fakemx.conf").write_text(CONF)
        (cls.shared / "log/mail.log").write_text("")
        os.chmod(cls.store, 0o711)
        subprocess.run(["chown", "925:925", cls.shared / "state"], check=True)

    def command(self, *argv):
        binds = [f"--volume={self.shared}/{here}:{there}" for here, there in (("etc", "/etc/fakemx:ro"), ("state", "/var/lib/fakemx"), ("log", "/var/log/mail:ro"))]
        return ["run", "--isolation=chroot", "--cap-add=CAP_NET_RAW", *binds, self.container, "--", *argv]

    def run_in(self, *argv, **more):
        return self.buildah(*self.command(*argv), **more)

    def inspected(self):
        return json.loads(self.buildah("inspect", "--type=image", "localhost/fakemx").stdout)["OCIv1"]["config"]

    def test_1_it_is_small_and_not_root(self):
        self.assertEqual("_fakemx", self.inspected()["User"])
        self.assertEqual("925", self.run_in("id", "-u").stdout.strip())
        mounted = self.buildah("mount", self.container).stdout.strip()
        size = int(subprocess.run(["du", "-sm", "--exclude=proc", mounted], capture_output=True, text=True, check=True).stdout.split()[0])
        self.assertLess(size, 260, "MB")
        for name in ("gcc", "meson", "git"):
            self.assertNotEqual(0, self.run_in("sh", "-c", f"command -v {name}", check=False).returncode)

    def test_2_every_program_starts(self):
        for name in ("fakemx", "fakemx-serve"):
            self.assertIn("fakemx", self.run_in(name, "--version").stdout)
        self.run_in("fakemx", "predict", "10=open")
        self.run_in("fakemx", "serve", "--check-config")
        self.run_in("journalctl", "--version")

    def test_3_it_serves_and_is_healthy(self):
        health = self.inspected().get("Healthcheck") or self.health_of_file()
        self.assertNotEqual(0, self.run_in("sh", "-c", health, check=False).returncode, "nothing runs yet")
        argv = [*self.before, "buildah", f"--root={self.store}/root", f"--runroot={self.store}/run", "--storage-driver=vfs", *self.command("fakemx-serve")]
        with open(self.store / "serve.log", "w") as log:
            serve = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            script = (f"import socket; s = socket.create_connection(('{DECOY}', 25), 10); f = s.makefile('rw', newline='')\n"
                      "print(f.readline())\nfor c in ('EHLO a.example', 'MAIL FROM:<a@a.example>', 'RCPT TO:<i@shop.example>', 'QUIT'):\n"
                      " f.write(c + '\\r\\n'); f.flush(); print(f.readline())")
            def said():
                return subprocess.run([*self.before, "/usr/bin/python3", "-c", script], capture_output=True, text=True).stdout
            wait_for("the decoy answers", lambda: "451" in said(), 60, 1)
            wait_for("the visit", lambda: json.loads(self.run_in("fakemx", "--json", "explain", DECOY, check=False).stdout or "{}").get("visits"), 30, 1)
            self.assertEqual(0, self.run_in("sh", "-c", health).returncode)
        except BaseException:
            print((self.store / "serve.log").read_text()[-3000:])
            raise
        finally:
            serve.terminate()
            serve.wait(30)

    @staticmethod
    def health_of_file():
        """OCI images have no health check, so buildah keeps none: it is taken from the file."""
        line, = [x for x in (FOLDER / "Containerfile").read_text().splitlines() if x.startswith("HEALTHCHECK")]
        return line.split(" CMD ", 1)[1]


if __name__ == "__main__":
    unittest.main()
