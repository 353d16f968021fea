"""faults - makes calls of one process fail, by the library tests/tools/faults.c

    faults = Faults(folder)
    process = subprocess.Popen(..., env={**os.environ, **faults.env()})
    faults.fail("write", 12, errno.ENOSPC)      # the twelfth
    faults.fail("open", faults.calls("open") + 1, errno.EMFILE, count=5)    # the next five
    faults.slow("fsync", 0.1)                   # from now on
    faults.mend()
    faults.tried(path, port)                    # errno of writing there, executing, connecting
"""

import mmap
import pathlib
import struct
import time

from .net import BUILD

FAMILIES = ("none", "malloc", "write", "fsync", "rename", "open", "socket", "getrandom", "landlock", "prctl")
ALWAYS = 1 << 60
HEAD = struct.Struct("=iiqqq")  # family, error, from, count, delay
CALLS = HEAD.size
ASKED = CALLS + 8 * len(FAMILIES)
TRY = struct.Struct("=iiii3i256s")  # asked, tried, port, padding, results, path


class Faults:
    def __init__(self, folder):
        self.path = pathlib.Path(folder) / "faults"
        self.path.write_bytes(bytes(4096))
        with open(self.path, "r+b") as f:
            self._map = mmap.mmap(f.fileno(), 4096)

    def env(self):
        return {"LD_PRELOAD": str(BUILD / "tests" / "tools" / "faults.so"), "FMX_FAULTS": str(self.path)}

    def _set(self, family, error, since, count, delay):
        self.mend()
        self._map[4:HEAD.size] = struct.pack("=iqqq", error, since, count, delay)
        self._map[0:4] = struct.pack("=i", FAMILIES.index(family))  # last: from here on it fails

    def fail(self, family, since, error, count=1):
        self._set(family, error, since, count, 0)

    def slow(self, family, seconds):
        self._set(family, 0, 0, ALWAYS, round(seconds * 1e6))

    def mend(self):
        self._map[0:4] = bytes(4)

    def calls(self, family):
        at = CALLS + 8 * FAMILIES.index(family)
        return struct.unpack("=q", self._map[at:at + 8])[0]

    def tried(self, path, port):
        self._map[ASKED:ASKED + TRY.size] = TRY.pack(1, 0, port, 0, 0, 0, 0, str(path).encode())
        end = time.monotonic() + 10
        while time.monotonic() < end:
            found = TRY.unpack(self._map[ASKED:ASKED + TRY.size])
            if found[1]:
                return found[4:7]
            time.sleep(0.02)
        raise AssertionError("the process did not come to trying")
