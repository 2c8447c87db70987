"""`eigencam view`: what it answers, to whom, and what it refuses."""
import errno
import io
import os
import re
import socket
import sqlite3

import numpy as np

from support import tap
from support.program import PATIENCE, Folder, Program, refused
from support.store import Store, projection, read
from support.stream import Logger, Stage, Trainer, sample_data
from support.view import View

EVIL = "<img src=x onerror=alert(1)>"
LABELS = ["a", EVIL, "ä"]
SAFE = {"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
                                   "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'",
        "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin"}


class Shown:
    """A store that a stage and a logger have made, and a view of it: one for all cases."""

    def __init__(self, *options):
        self.folder = Folder()
        self.store = Store(self.folder / "store")
        with Stage("--n-samples", "3", "--n-components", "2") as stage, Logger(stage) as logger, \
                Program("log", "--in", stage.loggers, "--dir", self.store.folder, "--epochs", "3", *options) as log:
            self.store.wait_connected(log)
            for run, epochs in (("first", 2), (EVIL, 1)):
                with Trainer(stage, run) as trainer:
                    trainer.hello(label_mapping=dict(zip(LABELS, range(3))))
                    for epoch in range(1, epochs + 1):
                        trainer.batch(sample_data(3, seed=epoch, labels=[0, 1, 2], preds=[1, 1, 1]), epoch=epoch)
                        trainer.epoch_end(epoch)
                    logger.wait_epochs(epochs)
            assert log.wait() == 0, log.said()
        self.view = View(self.store.folder)

    def finish(self):
        self.view.__exit__(None)
        self.folder.__exit__()


_shown = {}


def shown(*options):
    if options not in _shown:
        _shown[options] = Shown(*options)
    return _shown[options]


def finish():
    for one in _shown.values():
        one.finish()


def check_safe(answer, what):
    for name, value in SAFE.items():
        assert answer.getheader(name) == value, f"{what}: {name} is {answer.getheader(name)}"


@tap.case
def runs_and_epochs_are_those_of_the_index():
    s = shown()
    store = s.view.json("/api/store")
    assert (store["version"], store["store"], store["live"]) == (1, "store", False)
    assert [run["name"] for run in store["runs"]] == [EVIL, "first"], store
    rows = [row for row in s.store.epochs() if row["run"] == "first"]
    run = store["runs"][1]
    assert run["last_ns"] == rows[-1]["time_ns"] and run["first_ns"] == rows[0]["time_ns"]
    assert run["outputs"] == [{"output": "eigencam", "modes": [
        {"mode": "eval", "epochs": 2, "newest": rows[-1]["id"], "ds_ids": [""]}]}], run
    for row, epoch in zip(rows, s.view.epochs(run["id"]), strict=True):
        for key in ("id", "epoch", "attempt", "samples", "components", "lost", "late", "rejected", "time_ns", "latency_ns",
                    "bytes"):
            assert epoch[key] == row[key], f"{key}: {epoch[key]}"
        assert epoch["complete"] is True and epoch["missing_ranks"] == []
        maps = s.store.pictures(row["id"], "map")
        means = [np.mean([m["explained"] for m in maps if m["component"] == k]) for k in (0, 1)]
        assert np.allclose(epoch["explained"], means, rtol=1e-12), epoch["explained"]
    assert s.view.epochs(run["id"], mode="train") == [] == s.view.epochs(99)


@tap.case
def an_epoch_names_its_samples_and_pictures():
    s = shown()
    row = s.store.epochs()[0]
    epoch = s.view.json(f"/api/epochs/{row['id']}")
    assert (epoch["run_name"], epoch["mode"], epoch["total"], epoch["from"]) == ("first", "eval", 3, 0)
    assert epoch["draw"] == {"colormap": "jet", "weight": None, "normalize": "epoch"}, epoch["draw"]
    pictures = {(p["type"], p["number"], p["component"]): p for kind in ("image", "overlay", "map", "sheet")
                for p in s.store.pictures(row["id"], kind)}
    assert [x["picture"] for x in epoch["sheets"]] == [pictures["sheet", 0, None]["id"]]
    assert [x["label"] for x in epoch["samples_list"]] == LABELS
    for n, sample in enumerate(epoch["samples_list"]):
        image = pictures["image", n, None]
        assert (sample["number"], sample["image"], sample["width"]) == (n, image["id"], image["width"])
        assert sample["image_stamp"] == str(image["stamp"]) and sample["index"] == n and sample["pred"] == EVIL
        for k, component in enumerate(sample["components"]):
            of_map, overlay = pictures["map", n, k], pictures["overlay", n, k]
            assert (component["component"], component["map"], component["overlay"]) == (k, of_map["id"], overlay["id"])
            for key in ("lo", "hi", "explained", "singular", "divisor", "width", "height"):
                assert component[key] == of_map[key], key
        assert len(sample["components"]) == 2
    page = s.view.json(f"/api/epochs/{row['id']}?from=1&count=1")
    assert page["samples_list"] == epoch["samples_list"][1:2] and (page["total"], page["from"]) == (3, 1)


@tap.case
def pictures_are_the_files_and_are_kept_by_their_tag():
    s = shown()
    row = s.store.pictures(s.store.epochs()[0]["id"], "overlay")[1]
    path = f"/pictures/{row['id']}"
    answer = s.view.ask(path)
    assert answer.status == 200 and answer.body == read(row["path"])
    assert answer.getheader("Content-Type") == "image/png"
    assert answer.getheader("Cache-Control") == "private, no-cache"
    assert answer.getheader("Content-Disposition") is None
    tag = answer.getheader("ETag")
    again = s.view.ask(path, headers={"If-None-Match": f'"x", {tag}'})
    assert (again.status, again.body, again.getheader("ETag")) == (304, b"", tag)
    kept = s.view.ask(f"{path}?s={row['stamp']}")
    assert kept.getheader("Cache-Control") == "private, max-age=31536000, immutable" and kept.body == answer.body
    assert s.view.ask(f"{path}?s=0").getheader("Cache-Control") == "private, no-cache"
    head = s.view.ask(path, "HEAD")
    assert (head.status, head.body, head.getheader("Content-Length")) == (200, b"", str(len(answer.body)))


@tap.case
def names_of_downloads_are_harmless():
    s = shown()
    epoch = next(row for row in s.store.epochs() if row["run"] == EVIL)
    for path in (f"/pictures/{s.store.pictures(epoch['id'], 'image')[0]['id']}?download",
                 f"/maps/{s.store.pictures(epoch['id'], 'map')[0]['id']}.npy"):
        name = s.view.ask(path).getheader("Content-Disposition")
        assert re.fullmatch(r'attachment; filename="[\w.-]+\.(png|npy)"', name, re.A), name


@tap.case
def maps_are_the_projection():
    s = shown()
    for row in s.store.pictures(s.store.epochs()[0]["id"], "map"):
        answer = s.view.ask(f"/maps/{row['id']}.npy")
        values = np.load(io.BytesIO(answer.body))
        assert values.dtype == np.dtype("<f4") and values.shape == (row["height"], row["width"])
        assert np.array_equal(values, projection(row).astype(np.float32))
        assert s.view.ask(f"/maps/{row['id']}.npy", headers={"If-None-Match": answer.getheader("ETag")}).status == 304
    image = s.store.pictures(s.store.epochs()[0]["id"], "image")[0]
    assert s.view.ask(f"/maps/{image['id']}.npy").status == 404


@tap.case
def a_compact_store_is_drawn_on_demand():
    s, full = shown("--compact"), shown()
    kinds = {kind: s.store.rows("SELECT * FROM pictures WHERE type = ? ORDER BY id", kind) for kind in ("overlay", "sheet")}
    assert all(row["file"] is None for rows in kinds.values() for row in rows), "nothing is to be drawn"
    for kind, rows in kinds.items():
        originals = full.store.rows("SELECT * FROM pictures WHERE type = ? ORDER BY id", kind)
        for row, original in zip(rows[:2], originals[:2], strict=True):
            answer = s.view.ask(f"/pictures/{row['id']}")
            assert answer.status == 200 and answer.body.startswith(b"\x89PNG"), answer.body[:200]
            assert (row["width"], row["height"]) == (original["width"], original["height"])
            assert s.view.ask(f"/pictures/{row['id']}", headers={"If-None-Match": answer.getheader("ETag")}).status == 304


@tap.case
def the_page_is_served_with_its_types_and_tags():
    s = shown()
    page = s.view.ask("/")
    assert page.status == 200 and page.getheader("Content-Type") == "text/html; charset=utf-8"
    names = re.findall(rb'(?:src|href)="/?([\w./-]+\.(?:js|css|svg))"', page.body)
    assert names, "the page loads nothing"
    kinds = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8", "svg": "image/svg+xml"}
    for name in (name.decode() for name in names):
        answer = s.view.ask("/" + name)
        assert answer.status == 200 and answer.getheader("Content-Type") == kinds[name.rsplit(".")[-1]], name
        assert answer.getheader("Cache-Control") == "no-cache"
        assert s.view.ask("/" + name, headers={"If-None-Match": answer.getheader("ETag")}).status == 304
        check_safe(answer, name)


@tap.cases_of("refused with {0[0]}: {0[1]}", [
    (404, "/none"), (404, "/../../etc/passwd"), (404, "/%2e%2e/%2e%2e/etc/passwd"), (404, "/pictures/999999"),
    (404, "/pictures/0"), (404, "/pictures/-1"), (404, "/pictures/1%00"), (404, "/pictures/1%"), (404, "/pictures/%2"), (404, "/pictures/99999999999999999999"),
    (404, "/api/epochs/9999"), (404, "/maps/999999.npy"), (404, "//api/store"), (400, "/api/epochs"),
    (400, "/api/epochs?run=1&output=eigencam"), (400, "/api/epochs?run=x&output=eigencam&mode=eval"),
    (400, "/api/epochs/1?count=1001"), (400, "/api/epochs/1?from=-1")])
def refused_path(what):
    status, path = what
    s = shown()
    answer = s.view.ask(path)
    assert answer.status == status, f"{answer.status} {answer.body[:200]}"
    assert re.fullmatch(rb'\{"error":".+"\}', answer.body), answer.body
    check_safe(answer, path)


@tap.cases_of("{} is refused", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "NONSENSE"])
def method(name):
    answer = shown().view.ask("/api/store", name, body=b"x" * 10 if name in ("POST", "PUT", "PATCH") else None)
    assert answer.status == 405 and answer.getheader("Allow") == "GET, HEAD", answer.status
    check_safe(answer, name)


@tap.case
def only_known_names_are_answered():
    s = shown()
    for host, status in (("localhost", 200), ("LocalHost:99", 200), ("127.0.0.1:5580", 200), ("[::1]:1", 200),
                         ("evil.example", 421), ("evil.example:%d" % s.view.port, 421), ("10.0.0.1", 421), ("", 421),
                         ("localhost.evil.example", 421), ("127.0.0.1@evil.example", 421)):
        for path in ("/", "/api/store", "/pictures/1", "/events", "/metrics", "/healthz") if status == 421 else ("/api/store",):
            answer = s.view.ask(path, headers={"Host": host})
            assert answer.status == status, f"{host} {path}: {answer.status}"
            check_safe(answer, host)
    with View(s.store.folder, "--allow-host", "gpu-box") as view:
        assert view.ask("/api/store", headers={"Host": "GPU-box:80"}).status == 200
        assert view.ask("/api/store", headers={"Host": "evil.example"}).status == 421


def talk(view, data):
    """Raw bytes in, raw bytes out until the view closes, or says nothing more: what is no
    request may be heard out until its time is over."""
    got = b""
    with socket.create_connection((view.host, view.port), timeout=PATIENCE) as raw:
        try:
            raw.sendall(data)
            raw.shutdown(socket.SHUT_WR)
            raw.settimeout(1)
            while chunk := raw.recv(65536):
                got += chunk
        except (ConnectionError, TimeoutError):
            pass  # it has heard enough, or waits for more
        except OSError as error:
            assert error.errno == errno.ENOTCONN, error
    return got


@tap.case
def hostile_requests_are_survived():
    s = shown()
    local = b"Host: localhost\r\n"
    for data in (b"", b"\0\0\0\0", b"\r\n" * 1000, b"GET / HTTP/1.1\r\nHost: local", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\0\x01\0\x01",
                 b"GET / HTTP/1.1\r\n\r\n", b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n" + local + b"\r\n",
                 b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 100000 + b"\r\n\r\n",
                 b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20000 + b"\r\n",
                 b"GET /api/store HTTP/1.1\r\n" + local + b"Content-Length: 99999999999\r\n\r\n",
                 b"GET /api/store HTTP/1.1\r\n" + local + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n",
                 b"POST /api/store HTTP/1.1\r\n" + local + b"Content-Length: -1\r\n\r\n",
                 b"GET /api/epochs?" + b"run=1&" * 3000 + b" HTTP/1.1\r\n" + local + b"\r\n",
                 b"GET http://evil.example/api/store HTTP/1.1\r\nHost: evil.example\r\n\r\n",
                 b"GET /api/epochs/1?count=%zz%0a&from=%00 HTTP/1.1\r\n" + local + b"\r\n"):
        got = talk(s.view, data)
        assert b'"runs"' not in got or data.startswith(b"GET /api/store"), got[:300]
        assert s.view.ask("/healthz").body == b"ok\n", data[:60]


@tap.case
def what_the_index_names_outside_is_not_served():
    with Folder() as folder:
        s = shown()
        store = os.path.join(folder.path, "store")
        os.mkdir(store)
        with open(folder / "secret.png", "wb") as file:
            file.write(b"secret")
        with sqlite3.connect(os.path.join(s.store.folder, "index.sqlite")) as source, \
                sqlite3.connect(os.path.join(store, "index.sqlite")) as copy:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = WAL")
            ids = [row[0] for row in copy.execute("SELECT id FROM pictures WHERE file IS NOT NULL LIMIT 7")]
            os.symlink(folder.path, os.path.join(store, "up"))
            os.symlink(folder / "secret.png", os.path.join(store, "link.png"))
            os.mkfifo(os.path.join(store, "fifo.png"))
            for id_, path in zip(ids, ("../secret.png", folder / "secret.png", "up/secret.png", "link.png", "fifo.png",
                                       "up/../secret.png", "index.sqlite/x"), strict=True):
                copy.execute("UPDATE pictures SET file = ? WHERE id = ?", (path, id_))
            copy.commit()
        with View(store) as view:
            for id_ in ids:
                for path in (f"/pictures/{id_}", f"/maps/{id_}.npy"):
                    answer = view.ask(path)
                    assert answer.status in (404, 500) and b"secret" != answer.body, f"{path}: {answer.status}"


@tap.case
def a_store_that_is_missing_is_waited_for():
    with Folder() as folder:
        store = folder / "later"
        with View(store) as view:
            assert view.json("/api/store", 503)["waiting"] is True
            health = view.ask("/healthz")
            assert health.status == 503 and b"no store" in health.body, health.body
            assert view.ask("/").status == 200 and view.ask("/metrics").status == 200
            assert view.ask("/pictures/1").status == 503
            with Stage() as stage, Program("log", "--in", stage.loggers, "--dir", store) as log:
                Store(store).wait_connected(log)
                assert view.json("/api/store")["runs"] == []
                assert view.ask("/healthz").status == 200


@tap.case
def a_store_of_another_version_is_refused():
    with Folder() as folder:
        with sqlite3.connect(folder / "index.sqlite") as database:
            database.execute("PRAGMA user_version = 99")
        with View(folder.path) as view:
            answer = view.ask("/healthz")
            assert answer.status == 503 and b"version 99" in answer.body, answer.body
            assert "waiting" not in view.json("/api/store", 503)
        with open(folder / "index.sqlite", "wb") as file:
            file.write(b"no database " * 100)
        with View(folder.path) as view:
            assert view.ask("/healthz").status == 503
            assert view.ask("/").status == 200


METRIC = re.compile(r'[a-z_]+(\{[a-z_]+="[^"\n]*"(,[a-z_]+="[^"\n]*")*\})? \d+(\.\d+)?')


def read_metrics(text):
    """Samples by name and labels, after a check of the format."""
    samples, typed = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in typed, f"{name} twice"
            assert kind != "counter" or name.endswith("_total"), name
            typed[name] = kind
        elif not line.startswith("# HELP "):
            assert METRIC.fullmatch(line), line
            key, value = line.rsplit(" ", 1)
            assert key not in samples, f"{key} twice"
            base = re.sub(r"_(bucket|sum|count)$", "", key.partition("{")[0])
            assert base in typed or key.partition("{")[0] in typed, line
            samples[key] = float(value)
    return samples


@tap.case
def metrics_count_what_was_asked():
    with View(shown().store.folder) as view:
        for path in ("/api/store", "/api/store", "/none"):
            view.ask(path)
        assert view.ask("/metrics").getheader("Content-Type") == "text/plain; version=0.0.4; charset=utf-8"

        def count(key):
            return read_metrics(view.ask("/metrics").body.decode()).get(key)
        # an answer is counted once its last byte has left
        view.wait_until(lambda: count('eigencam_http_requests_total{route="/api/store",code="200"}') == 2)
        view.wait_until(lambda: count('eigencam_http_requests_total{route="other",code="404"}') == 1)
        samples = read_metrics(view.ask("/metrics").body.decode())
        assert samples['eigencam_http_request_duration_seconds_count{route="/api/store"}'] == 2
        assert samples["eigencam_store_epochs"] == 3 == samples["eigencam_epoch_latency_seconds_count"]
        stage = [key for key in samples if key.startswith("eigencam_stage_epochs_total{")]
        assert len(stage) == 1, stage


@tap.case
def a_stage_shows_the_same_metrics():
    with Stage("--metrics", "127.0.0.1:0") as stage, Logger(stage) as logger, Trainer(stage) as trainer:
        port = int(stage.wait_line(r"shows metrics on http://127\.0\.0\.1:(\d+)/metrics")[1])
        trainer.batch(sample_data(2), epoch=1)
        trainer.epoch_end(1)
        logger.wait_epoch()
        stage.host, stage.port = "127.0.0.1", port
        stage.wait_until(lambda: read_metrics(View.ask(stage, "/metrics").body.decode())["eigencam_stage_epochs_total"] == 1)
        samples = read_metrics(View.ask(stage, "/metrics").body.decode())
        assert samples["eigencam_epoch_latency_seconds_count"] == 1 == samples["eigencam_stage_batches_used_total"]
        assert View.ask(stage, "/healthz").body == b"ok\n"
        assert View.ask(stage, "/").status == 404
        assert View.ask(stage, "/metrics", headers={"Host": "evil.example"}).status == 421
        assert View.ask(stage, "/metrics", "POST").status == 405


@tap.case
def wrong_arguments_are_refused():
    assert "--dir" in refused("view")
    assert "address" in refused("view", "--dir", "/tmp", "--bind", "nowhere")
    assert "--port" in refused("view", "--dir", "/tmp", "--port", "65536")
    assert "endpoint" in refused("view", "--dir", "/tmp", "--port", 0, "--in", "nonsense")
    assert "in use" in refused("view", "--dir", "/tmp", "--port", shown().view.port)
    assert "metrics" in refused("stage", "--in", "tcp://127.0.0.1:*", "--out", "tcp://127.0.0.1:*", "--metrics", "x")


tap.main(finish)
