"""A headless Chromium, driven by its DevTools protocol over a websocket."""
import base64
import itertools
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.request

import websocket

from support.program import PATIENCE

OPTIONS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
           "--disable-extensions", "--disable-background-networking", "--disable-component-update",
           "--disable-sync", "--mute-audio", "--hide-scrollbars", "--force-color-profile=srgb",
           "--remote-debugging-port=0", "--remote-allow-origins=*"]
KEY_CODES = {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Home": 36, "End": 35,
             "Enter": 13, "Escape": 27, "Tab": 9, " ": 32}


class Browser:
    """One for many pages; each page has cookies and caches of its own."""

    def __init__(self):
        program = shutil.which("chromium") or shutil.which("chromium-browser")
        assert program, "chromium is not installed: run scripts/setup test"
        self.folder = tempfile.mkdtemp(prefix="ecam-browser-")
        self.log = open(os.path.join(self.folder, "log"), "wb")
        self.process = subprocess.Popen(
            [program, *OPTIONS, f"--user-data-dir={self.folder}/profile", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        host = self._wait_port()
        with urllib.request.urlopen(f"http://{host}/json/version", timeout=PATIENCE) as answer:
            self.link = Link(json.load(answer)["webSocketDebuggerUrl"])

    def _wait_port(self):
        """Where it listens, which it writes to a file."""
        deadline, path = time.monotonic() + PATIENCE, os.path.join(self.folder, "profile", "DevToolsActivePort")
        while True:
            assert self.process.poll() is None and time.monotonic() < deadline, \
                f"chromium did not start:\n{open(self.log.name).read()}"
            try:
                with open(path) as file:
                    return f"127.0.0.1:{int(file.readline())}"
            except (FileNotFoundError, ValueError):
                time.sleep(0.02)

    def page(self, url="about:blank", **options):
        return Page(self.link, url, **options)

    def close(self):
        self.link.close()
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Link:
    """Calls and events of all pages over one websocket."""

    def __init__(self, url):
        self.socket = websocket.create_connection(url, timeout=PATIENCE, suppress_origin=True)
        self.socket.settimeout(None)
        self.numbers, self.answers, self.listeners = itertools.count(1), {}, {}
        self.news, self.open = threading.Condition(), True
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            try:
                message = json.loads(self.socket.recv())
            except (websocket.WebSocketException, OSError, ValueError):
                break
            with self.news:
                if "id" in message:
                    self.answers[message["id"]] = message
                else:
                    listener = self.listeners.get(message.get("sessionId"))
                    if listener:
                        listener(message["method"], message["params"])
                self.news.notify_all()
        with self.news:
            self.open = False
            self.news.notify_all()

    def call(self, method, session=None, **parameters):
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": parameters}
        self.socket.send(json.dumps({**message, "sessionId": session} if session else message))
        with self.news:
            came = self.news.wait_for(lambda: number in self.answers or not self.open, PATIENCE)
            assert came and number in self.answers, f"the browser does not answer {method}"
            answer = self.answers.pop(number)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def close(self):
        self.socket.close()


class Page:
    """A tab. What its console complains about, scripts that throw, and what its
    security policy refused are in `complaints`."""

    def __init__(self, link, url, width=1280, height=800, dark=False, phone=False):
        self.link, self.complaints, self.requests, self.loads = link, [], [], 0
        self.context = link.call("Target.createBrowserContext")["browserContextId"]
        target = link.call("Target.createTarget", url="about:blank", browserContextId=self.context)
        self.session = link.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        link.listeners[self.session] = self._event
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.resize(width, height, phone)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        if url != "about:blank":
            self.go(url)

    def _event(self, method, params):
        if method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.complaints.append(params["entry"]["text"] + " " + params["entry"].get("url", ""))
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Page.loadEventFired":
            self.loads += 1

    def call(self, method, **parameters):
        return self.link.call(method, self.session, **parameters)

    def resize(self, width, height, phone=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=2 if phone else 1, mobile=phone)

    def go(self, url):
        """Returns once the page and its scripts are there."""
        before = self.loads
        answer = self.call("Page.navigate", url=url)
        assert "errorText" not in answer, f"{url}: {answer['errorText']}"
        with self.link.news:
            assert self.link.news.wait_for(lambda: self.loads > before, PATIENCE), f"{url} does not load"

    def run(self, script):
        """The value of an expression; a promise's, once it has one."""
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, f"{script}\n{answer['exceptionDetails']}"
        return answer["result"].get("value")

    def wait(self, condition, what=None):
        """Until an expression is true in the page; its value."""
        deadline = time.monotonic() + PATIENCE
        while not (value := self.run(condition)):
            assert time.monotonic() < deadline, \
                f"{what or condition} does not come; complaints: {self.complaints}\n{self.text()[:2000]}"
            time.sleep(0.02)
        return value

    def text(self, selector="body"):
        return self.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def click(self, selector):
        """A real click, in the middle of what must be in sight."""
        box = self.wait(f"""(() => {{
            const node = document.querySelector({json.dumps(selector)});
            node?.scrollIntoView({{block: "nearest"}});
            const box = node?.getBoundingClientRect();
            return box?.width ? [box.x + box.width / 2, box.y + box.height / 2] : null; }})()""",
                        f"{selector} to click on")
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def key(self, key):
        """A key that is pressed and let go."""
        code = KEY_CODES.get(key, ord(key.upper()[0]))
        text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def set(self, selector, value):
        """As a person who chooses in a <select>, moves a slider, or types and leaves,
        once there is what is to be chosen."""
        self.wait(f"""(() => {{
            const node = document.querySelector({json.dumps(selector)});
            node.value = {json.dumps(value)};
            if (node.value !== {json.dumps(value)})
                return false;
            for (const kind of ["input", "change"])
                node.dispatchEvent(new Event(kind, {{bubbles: true}}));
            return true; }})()""", f"{selector} to take {value}")

    def screenshot(self, path=None):
        png = base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
        if path:
            with open(path, "wb") as file:
                file.write(png)
        return png

    def close(self):
        self.link.call("Target.disposeBrowserContext", browserContextId=self.context)
        self.link.listeners.pop(self.session, None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
