"""runner - finds the system tests, runs them, reports.

Each class of tests (one network) runs in a process of its own, two at a time:
a class that hangs is killed with all its hosts, and the others go on. What the
processes report comes back as one JSON object per line.
"""

import argparse
import fnmatch
import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import time
import traceback
import unittest

from . import net, packages

SYSTEM = pathlib.Path(__file__).resolve().parents[1]


def sentence(test_name):
    """walk.Walk.test_2_mail_arrives -> "mail arrives". The number only orders the tests."""
    return re.sub(r"^test_(\d+_)?", "", test_name.rsplit(".", 1)[-1]).replace("_", " ")


def find(pattern, with_long):
    """({class: [test, ...]}, number of long tests left out); class is module.Class."""
    chosen, left_out = {}, 0
    suites = unittest.TestLoader().discover(str(SYSTEM), "test_*.py", str(SYSTEM))
    for test in _flat(suites):
        full = test.id()
        if full.startswith("lab."):
            continue  # a base class that a module imports
        if pattern and not fnmatch.fnmatch(full, f"*{pattern}*") and pattern not in sentence(full):
            continue
        if _is_long(test) and not with_long:
            left_out += 1
            continue
        chosen.setdefault(full.rsplit(".", 1)[0], []).append(test)
    return chosen, left_out


def _flat(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from _flat(item)
        else:
            yield item


def _is_long(test):
    method = getattr(test, test._testMethodName, None)
    return getattr(test, "is_long", False) or getattr(method, "is_long", False)


# In the process of one class

class _Report(unittest.TestResult):
    """Writes one line per test. What unittest would call skipped is a failure here."""

    def __init__(self, stream):
        super().__init__()
        self._stream = stream
        self._failed_subtests = []

    def startTest(self, test):
        super().startTest(test)
        self._began = time.monotonic()
        self._failed_subtests = []

    def _tell(self, test, error=None):
        error = "\n".join(self._failed_subtests + ([error] if error else [])) or None
        self._failed_subtests = []
        seconds = time.monotonic() - getattr(self, "_began", time.monotonic())
        logs = ""
        if error and getattr(test, "net", None):
            logs = test.net.tail()
        report = getattr(test, "report", "")  # what a test found, shown also when it passes
        print(json.dumps({"test": test.id(), "seconds": seconds, "error": error, "logs": logs, "report": report}),
              file=self._stream, flush=True)

    def addSuccess(self, test):
        self._tell(test)

    def addSubTest(self, test, subtest, err):
        if err:
            self._failed_subtests.append(f"{subtest._subDescription()}: " + _text(err))

    def stopTest(self, test):
        # unittest calls addSuccess only if no part failed
        if self._failed_subtests:
            self._tell(test)
        super().stopTest(test)

    def addError(self, test, err):
        self._tell(test, _text(err))

    addFailure = addError

    def addSkip(self, test, reason):
        self._tell(test, f"skipped ({reason}): a system test has no reason to")


def _text(err):
    kind, value, trace = err
    if kind is packages.PackageError:
        return str(value)
    return "".join(traceback.format_exception(kind, value, trace))


def run_class(names, fd):
    """Runs the named tests of one class; called in a process of its own."""
    suite = unittest.TestLoader().loadTestsFromNames(names)
    with os.fdopen(fd, "w") as stream:
        suite.run(_Report(stream))
    return 0


# In the process of the whole run

class _Run:
    def __init__(self, classes, jobs):
        self._waiting = sorted(classes.items(), key=lambda item: -getattr(item[1][0], "limit_seconds", 0))
        self._jobs = jobs
        self._lock = threading.Lock()
        self._classes = classes
        self._counts = {}  # class: [passed, failed]

    @property
    def passed(self):
        return sum(count[0] for count in self._counts.values())

    @property
    def failed(self):
        return sum(count[1] for count in self._counts.values())

    def run(self):
        """All classes; then those that failed once more, alone: real programs have real time-outs,
        which a busy machine may miss. What fails alone too has failed."""
        self._run_waiting()
        again = [name for name, count in self._counts.items() if count[1]]
        for name in again:
            print(f"again, alone: {name.rsplit('.', 1)[-1]}")
            self._counts[name] = [0, 0]
            self._run_one(name, self._classes[name])

    def _run_waiting(self):
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(self._jobs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _work(self):
        while True:
            with self._lock:
                if not self._waiting:
                    return
                name, tests = self._waiting.pop(0)
            self._run_one(name, tests)

    def _run_one(self, name, tests):
        limit = getattr(tests[0], "limit_seconds", 300)
        reader, writer = os.pipe()
        # Whatever ends this run ends the tests with it, and they end their hosts.
        argv = ["setpriv", "--pdeathsig=KILL", "--", sys.executable, "-m", "lab.runner", "--class-tests", str(writer)]
        argv += [t.id() for t in tests]
        process = subprocess.Popen(argv, cwd=SYSTEM, pass_fds=[writer], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        os.close(writer)
        killer = threading.Timer(limit, process.kill)
        killer.start()
        said = []
        talk = threading.Thread(target=lambda: said.extend(process.stdout))
        talk.start()
        seen = set()
        with os.fdopen(reader) as lines:
            for line in lines:
                seen.add(self._tell(name, json.loads(line)))
        process.wait()
        killer.cancel()
        talk.join()
        missing = [t.id() for t in tests if t.id() not in seen]
        if missing and not any("setUpClass" in s for s in seen):
            why = f"not within {limit} s" if process.returncode == -9 else f"its process ended with {process.returncode}"
            for test in missing:
                self._tell(name, {"test": test, "seconds": limit, "error": why, "logs": "".join(said[-40:])})

    def _tell(self, class_name, result):
        text = sentence(result["test"]) if "setUpClass" not in result["test"] else "the network is set up"
        verdict = "FAIL" if result["error"] else "ok"
        with self._lock:
            self._counts.setdefault(class_name, [0, 0])[bool(result["error"])] += 1
            print(f"{verdict:4} {result['seconds']:6.1f} s  {class_name.rsplit('.', 1)[-1]}: {text}")
            if result.get("report"):
                print(_indented(result["report"]))
            if result["error"]:
                print(_indented(result["error"]))
                print(_indented(result["logs"]))
            sys.stdout.flush()
        return result["test"]


def _indented(text):
    return "".join(f"        {line}\n" for line in text.splitlines())


def _prepare(with_long):
    """Installs all programs into their trees, so that no test's time contains it. What cannot
    be had fails the tests that need it, with the same sentence."""
    for name in packages.PROGRAMS:
        if name in packages.OF_LONG_TESTS and not with_long:
            continue
        try:
            packages.tree(name)
        except packages.PackageError as e:
            print(f"FAIL  {e}")


def main(argv):
    if argv[:1] == ["--class-tests"]:
        return run_class(argv[2:], int(argv[1]))
    parser = argparse.ArgumentParser(prog="tests/system/run", description="Runs the system tests.")
    parser.add_argument("--long", action="store_true", help="also the tests that take minutes")
    parser.add_argument("--jobs", type=int, default=2, help="classes at a time (2)")
    parser.add_argument("--list", action="store_true", help="name the tests, run none")
    parser.add_argument("pattern", nargs="?", help="only tests whose name contains this")
    options = parser.parse_args(argv)
    sys.path.insert(0, str(SYSTEM))
    classes, left_out = find(options.pattern, options.long)
    if options.list:
        for name, tests in sorted(classes.items()):
            for test in tests:
                print(f"{name}: {sentence(test.id())}")
        return 0
    if os.geteuid() != 0:
        print("The system tests make network namespaces and mount overlays: run them as root.")
        return 1
    if not classes:
        print(f"no test matches {options.pattern!r}")
        return 1
    net.remove_leftovers()
    began = time.monotonic()
    _prepare(options.long)
    run = _Run(classes, options.jobs)
    try:
        run.run()
    except KeyboardInterrupt:
        print("interrupted")
        print(f"{run.passed} passed, {run.failed + 1} failed")
        return 1
    if left_out:
        print(f"{left_out} long tests left out; --long runs them")
    print(f"system tests: {time.monotonic() - began:.0f} s")
    print(f"{run.passed} passed, {run.failed} failed")
    return 1 if run.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
