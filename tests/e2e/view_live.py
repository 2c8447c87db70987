"""`eigencam view`: what happens is told as it happens, and to those who come again."""
import http.client
import time

from support import tap
from support.program import PATIENCE, Folder, Program
from support.store import Store
from support.stream import FakeStage, Logger, Stage, Trainer, sample_data
from support.view import Events, View

RUN = "<b>run</b> & ä"


class Chain:
    """Stage, logger and view, with or without the stage's results."""

    def __init__(self, folder, live):
        self.stage = Stage("--n-samples", "2")
        self.store = Store(folder / "store")
        self.log = Program("log", "--in", self.stage.loggers, "--dir", self.store.folder)
        self.store.wait_connected(self.log)
        self.view = View(self.store.folder, *(("--in", self.stage.loggers) if live else ()))

    def train(self, epoch, trainer):
        trainer.batch(sample_data(2, seed=epoch), epoch=epoch)
        trainer.epoch_end(epoch)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        for program in (self.view, self.log, self.stage):
            program.__exit__(*what)


@tap.cases_of("an epoch is told as soon as it is in the store ({})", ["live", "by the store alone"])
def epochs_are_told(how):
    with Folder() as folder, Chain(folder, how == "live") as chain, Events(chain.view) as events:
        hello = events.wait("hello")
        assert hello["data"] == {"version": 1, "store": "store", "live": how == "live", "ready": True, "resync": True}
        assert events.answer.getheader("Content-Type") == "text/event-stream"
        with Trainer(chain.stage, RUN) as trainer:
            for epoch in (1, 2, 3):
                chain.train(epoch, trainer)
                told = events.wait("epoch")["data"]
                assert (told["run_name"], told["output"], told["mode"]) == (RUN, "eigencam", "eval")
                assert (told["epoch"], told["attempt"]) == (epoch, 1), told
                whole = chain.view.json(f"/api/epochs/{told['id']}")
                assert whole["epoch"] == epoch and whole["complete"] is True and whole["run"] == told["run"]
                for sample in whole["samples_list"]:
                    assert chain.view.ask(f"/pictures/{sample['image']}").status == 200


@tap.case
def errors_and_statistics_are_told():
    for live in (True, False):
        with Folder() as folder, Chain(folder, live) as chain, Events(chain.view) as events:
            events.wait("hello")
            with Trainer(chain.stage, "run") as trainer:
                trainer.send_raw(b"batch|eval||run|", b"no header")
                told = events.wait("error")["data"]
                assert told["code"] == "format" and len(told["stage"]) == 16, told
                chain.train(1, trainer)
                while "used" not in (stats := events.wait("stats")["data"])["counters"] or not stats["counters"]["used"]:
                    pass
            chain.log.wait_until(lambda: chain.view.json("/api/errors")["errors"])
            assert chain.view.json("/api/errors")["errors"][0]["message"] == told["message"]


@tap.case
def who_comes_again_gets_what_was_missed():
    with Folder() as folder, Chain(folder, True) as chain, Trainer(chain.stage, "run") as trainer:
        with Events(chain.view) as events:
            events.wait("hello")
            chain.train(1, trainer)
            last = events.wait("epoch")["id"]
            chain.train(2, trainer)
            events.wait("epoch")
        with Events(chain.view, last) as again:
            assert again.wait("hello")["data"]["resync"] is False
            assert again.wait("epoch")["data"]["epoch"] == 2
        for unknown in ("nonsense", "00000000-1", last + "0" * 30, last.split("-")[0] + "-99999"):
            with Events(chain.view, unknown) as fresh:
                assert fresh.wait("hello")["data"]["resync"] is True, unknown


@tap.case
def a_store_that_comes_and_is_replaced_is_told():
    with Folder() as folder:
        stage = FakeStage(folder)
        store = Store(folder / "store")
        with View(store.folder) as view, Events(view) as events:
            assert events.wait("hello")["data"]["ready"] is False
            with Program("log", "--in", stage.loggers, "--dir", store.folder) as log:
                stage.wait_subscriber()
                told = events.wait("hello")["data"]
                assert told["ready"] and told["resync"], told
                stage.summary("first")
                assert events.wait("epoch")["data"]["run_name"] == "first"
                stage.summary("first", latency_ns=2)  # the same again, with other numbers
                assert events.wait("epoch")["data"]["run_name"] == "first"
                log.wait_until(lambda: len(store.epochs()) == 1)
        stage.close()


@tap.case
def there_are_only_so_many_listeners():
    with Folder() as folder, View(folder.path) as view:
        listeners = [Events(view) for _ in range(64)]
        try:
            for listener in listeners:
                assert listener.answer.status == 200
                listener.wait("hello")
            refused = view.ask("/events")
            assert refused.status == 503 and refused.getheader("Retry-After"), refused.status
            assert view.ask("/healthz").status == 503  # others are answered all the same: no store
        finally:
            for listener in listeners[1:]:
                listener.close()
        view.stop()
        listeners[0].wait_end()
        listeners[0].close()


@tap.case
def who_hears_nothing_gets_a_comment():
    """The view was opened before all other cases, as it takes 10 s of silence."""
    while not silent.answer.readline().startswith(b":"):
        assert time.monotonic() - opened < PATIENCE, "nothing comes"


silent_folder = Folder()
silent_view = View(silent_folder.path)
silent = http.client.HTTPConnection(silent_view.host, silent_view.port, timeout=PATIENCE)
silent.request("GET", "/events")
silent.answer, opened = silent.getresponse(), time.monotonic()


def finish():
    silent.close()
    silent_view.__exit__(None)
    silent_folder.__exit__()


tap.main(finish)
