"""debian - a fresh Debian 12, and the package of this tree, each made once.

    root = debian.root()      # a folder: boot it with Booted(..., lower=root)
    deb = debian.package()    # fakemx_VERSION_ARCH.deb of the files as they are now

The root is what debootstrap makes: nothing of this machine, and nothing of fakemx. Its package lists
and the .debs of what tests install in it (fakemx's libraries, mail servers) lie in it, so that `apt
install` works there without a network. Both are kept in build/lab/debian.

Limits: needs root, and on first use a mirror (that of the machine).
"""

import fcntl
import hashlib
import os
import pathlib
import re
import subprocess

from .net import LAB, ROOT

PLACE = LAB / "debian"
# To be installed by tests, apart from what fakemx itself needs.
MORE = ["postfix", "exim4-daemon-light"]
_SOURCES = "/etc/apt/sources.list.d/debian.sources"


def _libraries():
    """What debian/control wants for building tells which libraries the package will want."""
    control = (ROOT / "debian/control").read_text()
    wanted = re.findall(r"^ (lib\S+-dev)", control, re.M)
    shown = subprocess.run(["apt-cache", "depends", *wanted], capture_output=True, text=True, check=True).stdout
    return sorted({word for word in re.findall(r"Depends: (lib\S+)", shown) if not word.endswith("-dev")})


def _locked():
    PLACE.mkdir(parents=True, exist_ok=True)
    lock = open(PLACE / "lock", "w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def root():
    with _locked():
        libraries = _libraries()
        stamp, folder, debs = PLACE / "root.stamp", PLACE / "root", PLACE / "debs"
        want = " ".join(libraries + MORE)
        if stamp.exists() and stamp.read_text() == want and folder.exists():
            return folder
        stamp.unlink(missing_ok=True)
        subprocess.run(["rm", "-rf", folder], check=True)
        debs.mkdir(exist_ok=True)
        fetch = 'chroot "$1" apt-get -y -q --download-only -o APT::Sandbox::User=root install'
        hooks = [f'--setup-hook=mkdir -p "$1/var/cache/apt/archives"; cp -n {debs}/*.deb "$1/var/cache/apt/archives" 2>/dev/null || true',
                 f'--customize-hook={fetch} --install-recommends ca-certificates publicsuffix {" ".join(libraries)}',
                 *[f"--customize-hook={fetch} --no-install-recommends {name}" for name in MORE],
                 f'--customize-hook=cp -n "$1"/var/cache/apt/archives/*.deb {debs}']
        sources = [_SOURCES] if os.path.exists(_SOURCES) else []
        done = subprocess.run(["mmdebstrap", "--variant=important", "--mode=root", "--skip=cleanup/apt,download/empty,essential/unlink",
                               *hooks, "bookworm", str(folder), *sources], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        (PLACE / "root.log").write_text(done.stdout)
        if done.returncode:
            raise AssertionError(f"no fresh Debian could be made:\n{done.stdout[-3000:]}")
        stamp.write_text(want)
        return folder


def package():
    with _locked():
        listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z", "src", "man", "contrib", "debian", "docs", "meson*", "README.md",
                                 "scripts/package"], capture_output=True, text=True, check=True).stdout
        digest = hashlib.sha256()
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file():
                digest.update(name.encode() + b"\0" + (ROOT / name).read_bytes())
        kept = PLACE / f"package-{digest.hexdigest()[:16]}"
        if not kept.exists():
            for old in PLACE.glob("package-*"):
                subprocess.run(["rm", "-rf", old], check=True)
            done = subprocess.run([ROOT / "scripts/package"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
            if done.returncode:
                raise AssertionError(done.stdout + done.stderr)
            part = PLACE / "part"
            subprocess.run(["rm", "-rf", part], check=True)
            part.mkdir()
            subprocess.run(["cp", *pathlib.Path(ROOT / "build/package").glob("*.deb"), part], check=True)
            part.rename(kept)
        return next(deb for deb in kept.glob("fakemx_*.deb"))


def base():
    """A container's base image as a tar: what debian:bookworm-slim is, from the machine's mirror."""
    with _locked():
        tar = PLACE / "base.tar"
        if not tar.exists():
            part = PLACE / "base.part.tar"
            sources = [_SOURCES] if os.path.exists(_SOURCES) else []
            done = subprocess.run(["mmdebstrap", "--variant=minbase", "--mode=root", "--dpkgopt=path-exclude=/usr/share/doc/*",
                                   "--dpkgopt=path-exclude=/usr/share/man/*", "bookworm", str(part), *sources], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if done.returncode:
                raise AssertionError(f"no base image could be made:\n{done.stdout[-3000:]}")
            part.rename(tar)
        return tar
