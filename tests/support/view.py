"""`eigencam view` and its clients, for tests."""
import http.client
import json
import queue
import socket
import threading
from urllib.parse import quote, urlsplit

from support.program import PATIENCE, Program


class View(Program):
    """A gallery on a port of its own, ready to be asked."""

    def __init__(self, folder, *options):
        super().__init__("view", "--dir", folder, "--port", 0, *options)
        self.address = self.wait_line(r"^view: (http://\S+/)$", self.out)[1]
        where = urlsplit(self.address)
        self.host, self.port = where.hostname, where.port

    def ask(self, path, method="GET", headers={}, body=None):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            answer.body = answer.read()
            return answer
        finally:
            connection.close()

    def json(self, path, status=200):
        answer = self.ask(path)
        assert answer.status == status, f"{path}: {answer.status} {answer.body[:300]}"
        assert answer.getheader("Content-Type") == "application/json", path
        return json.loads(answer.body)

    def epochs(self, run, output="eigencam", mode="eval"):
        return self.json(f"/api/epochs?run={run}&output={quote(output)}&mode={mode}")["epochs"]


class Events:
    """What /events tells, in order; read by a thread of its own."""

    def __init__(self, view, last=None):
        self.view = view
        self.connection = http.client.HTTPConnection(view.host, view.port, timeout=PATIENCE)
        self.connection.request("GET", "/events", headers={"Last-Event-ID": last} if last else {})
        self.socket = self.connection.sock
        self.answer = self.connection.getresponse()
        self.queue = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        event = {}
        try:
            for line in self.answer:
                key, _, value = line.decode().rstrip("\n").partition(": ")
                if key and value:
                    event[key] = value
                elif "event" in event:
                    self.queue.put({**event, "data": json.loads(event["data"])})
                    event = {}
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass  # closed, by one side or the other
        self.queue.put(None)

    def wait(self, name):
        """The next event of this name; others before it are passed over."""
        while True:
            event = self.queue.get(timeout=PATIENCE)
            assert event is not None, f"the events ended before {name} came"
            if event["event"] == name:
                return event

    def wait_end(self):
        while self.queue.get(timeout=PATIENCE) is not None:
            pass

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)  # wakes the reader
        except OSError:
            pass  # the view has closed it
        self.reader.join()
        self.answer.close()
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
