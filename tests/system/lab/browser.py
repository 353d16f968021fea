"""browser - a real Chromium on a host of the laboratory, driven over its DevTools pipe.

    with Browser(host) as browser:
        page = browser.open("http://127.0.0.1:8025/", width=320, height=640, dark=True)
        page.value("document.title")
        page.console                 # what it complained of

Scripts are evaluated by the debugger: the page's own policy forbids them, and stays as it is. The host has no
way out, so that nothing but the host itself can be asked.
"""
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
         "--remote-debugging-pipe"]


class Browser:
    def __init__(self, host):
        self.profile = tempfile.mkdtemp(prefix="profile-", dir=host.folder)
        to_read, self._to = os.pipe()
        self._from, to_write = os.pipe()
        # Chromium reads commands from descriptor 3 and writes to 4.
        script = f'exec chromium "$@" 3<&{to_read} 4>&{to_write} >>{self.profile}/log 2>&1'
        self._number, self._left, self.events = 0, b"", []
        argv = host.command(["bash", "-c", script, "bash", *FLAGS, f"--user-data-dir={self.profile}"], net_only=True)
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, pass_fds=(to_read, to_write))
        os.close(to_read)
        os.close(to_write)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.call("Browser.close")
            self.process.wait(10)
        except Exception:  # a test that failed already says more
            self.process.kill()
        os.close(self._to)
        os.close(self._from)
        shutil.rmtree(self.profile, ignore_errors=True)

    def call(self, method, session=None, **params):
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            got = self._next(30)
            if got.get("id") != self._number:
                self.events.append(got)
                continue
            if "error" in got:
                raise RuntimeError(f"{method}: {got['error']}")
            return got["result"]

    def wait(self, method, session, seconds=30):
        """The next event of that name, or one that came already."""
        end = time.monotonic() + seconds
        while True:
            for i, event in enumerate(self.events):
                if event.get("method") == method and event.get("sessionId") == session:
                    return self.events.pop(i)["params"]
            self.events.append(self._next(max(0.1, end - time.monotonic())))

    def _next(self, seconds):
        end = time.monotonic() + seconds
        while b"\0" not in self._left:
            ready, _, _ = select.select([self._from], [], [], max(0, end - time.monotonic()))
            part = os.read(self._from, 1 << 20) if ready else b""
            if not part:
                log = open(f"{self.profile}/log", errors="replace").read()[-2000:]
                raise RuntimeError(f"chromium says nothing for {seconds:.0f} s:\n{log}")
            self._left += part
        message, self._left = self._left.split(b"\0", 1)
        return json.loads(message)

    def open(self, url, **look):
        return Page(self, url, **look)


class Page:
    def __init__(self, browser, url, width=1100, height=800, dark=False):
        self.browser = browser
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility", "DOM"):
            self.call(f"{domain}.enable")
        self.look(width, height, dark)
        self.go(url)

    def call(self, method, **params):
        return self.browser.call(method, self.session, **params)

    def look(self, width, height, dark=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def go(self, url):
        got = self.call("Page.navigate", url=url)
        if "errorText" in got:
            raise RuntimeError(f"{url}: {got['errorText']}")
        self.loaded()

    def loaded(self):
        self.browser.wait("Page.loadEventFired", self.session)

    def value(self, script):
        got = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in got:
            raise RuntimeError(got["exceptionDetails"])
        return got["result"].get("value")

    def key(self, key, code=None, text=""):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=code or key, text=text if kind == "keyDown" else "",
                      windowsVirtualKeyCode={"Tab": 9, "Enter": 13}.get(key, 0))

    def type(self, text):
        self.call("Input.insertText", text=text)

    def tree(self):
        """[(role, name), ...] as a screen reader gets them, in its order."""
        nodes = {n["nodeId"]: n for n in self.call("Accessibility.getFullAXTree")["nodes"]}
        found, todo = [], [next(iter(nodes))]
        while todo:
            n = nodes.get(todo.pop())
            if n is None:
                continue
            if not n.get("ignored") and "role" in n:
                found.append((n["role"]["value"], n.get("name", {}).get("value", "")))
            todo += reversed(n.get("childIds", []))
        return found

    @property
    def console(self):
        """All that the console was told, and loads that failed."""
        said = []
        for event in self.browser.events:
            if event.get("sessionId") != self.session:
                continue
            if event["method"] == "Log.entryAdded":
                said.append(event["params"]["entry"]["text"])
            elif event["method"] in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
                said.append(json.dumps(event["params"])[:300])
        return said

    def asked(self):
        return [e["params"]["request"]["url"] for e in self.browser.events
                if e.get("sessionId") == self.session and e["method"] == "Network.requestWillBeSent"]
