"""Weights & Biases: a run for each run, a key for each picture, the epoch as a step of its own."""
import glob
import json
import os
import tempfile

import wandb
from wandb.proto.wandb_internal_pb2 import Record

from eigencam.bridge.deliver import Fatal
from eigencam.bridge.names import caption, wandb_id, wandb_key, wandb_section
from eigencam.bridge.transactions import Transactions

EPOCH = "eigencam_epoch"
_OPEN = 16  # runs at most; each has threads in W&B's own process


class Tracker:
    def __init__(self, options, say):
        self.say, self.options = say, options
        self.offline = options.offline or os.environ.get("WANDB_MODE") in ("offline", "dryrun")
        self.folder = tempfile.TemporaryDirectory(prefix="eigencam-wandb-")
        self._runs, self._sections, self._kept = {}, set(), {}
        if not self.offline:
            self._log_in()

    def __str__(self):
        where = os.path.abspath(os.path.join(self.options.dir, "wandb")) if self.offline \
            else "online"
        return f"W&B {where}, project {self.options.project}" + \
            (f", run {self.options.run_id}" if self.options.run_id else "")

    def _log_in(self):
        try:
            known = wandb.login(verify=False)
        except wandb.errors.UsageError as error:
            raise Fatal(f"W&B knows no key ({error}); `wandb login`, or use --offline") from None
        if not known:
            raise Fatal("W&B is switched off (WANDB_MODE); use --offline to log into files")

    def id(self, run):
        return self.options.run_id or wandb_id(run)

    def open(self, run):
        """An offline run can't be resumed: each start makes another folder with the same id, and
        `wandb sync` makes one run of them."""
        if run not in self._runs:
            while len(self._runs) >= _OPEN:
                self._finish(next(iter(self._runs)))
            try:
                self._runs[run] = self._start(run)
            except wandb.errors.AuthenticationError as error:
                raise Fatal(f"W&B refuses the key: {error}") from None
            self.say(f"{run} goes to {self._runs[run].url or self._runs[run].dir}")
        self._runs[run] = self._runs.pop(run)  # the last used is the last to go
        return f"{self.options.entity or ''}/{self.options.project}/{self.id(run)}"

    def _start(self, run):
        wanted = {"silent": True, "console": "off", "x_disable_stats": True,
                  "allow_media_symlink": False, "x_transaction_log_flush_interval": 1.0}
        settings = {key: value for key, value in wanted.items()
                    if key in wandb.Settings.model_fields}  # older versions have not all of them
        return wandb.init(
            project=self.options.project, entity=self.options.entity, dir=self.options.dir,
            id=self.id(run), name=None if self.options.run_id else run, resume="allow",
            reinit="create_new", mode="offline" if self.offline else "online",
            config=None if self.options.run_id else {"eigencam": {"run": run}},
            settings=wandb.Settings(**settings))

    def log(self, run, item):
        target, header = self._runs[run], item.header
        section = wandb_section(header)
        if (run, section) not in self._sections:
            target.define_metric(section, step_metric=EPOCH)
            self._sections.add((run, section))
        row = {wandb_key(header, "explained", f"c{component}"): share
               for component, share in header.get("shares", ())}
        if item.png is not None:
            path = os.path.join(self.folder.name, "picture.png")
            with open(path, "wb") as file:
                file.write(item.png)
            row[wandb_key(header)] = wandb.Image(path, caption=caption(header))
        if row:
            target.log({**row, EPOCH: header["epoch"]})

    def has(self, run, item):
        return self.is_kept(run, item)

    def is_kept(self, run, item):
        """Whether a file of this run has it: of this start or of one before."""
        wanted = _mark_of_item(item)
        if wanted is None:
            return True
        files, rows = self._kept.setdefault(self.id(run), ({}, set()))
        if wanted not in rows:
            self._read(run, files, rows)
        return wanted in rows

    def _read(self, run, files, rows):
        id = glob.escape(self.id(run))
        pattern = os.path.join(glob.escape(self.options.dir), "wandb", f"*run-*-{id}",
                               f"run-{id}.wandb")
        for path in glob.glob(pattern):
            for row in history(files.setdefault(path, Transactions(path)).records()):
                rows.update(_mark(key, row.get(EPOCH), value) for key, value in row.items()
                            if isinstance(value, (int, float, dict)))

    def answers(self, error):
        return self.offline or not isinstance(error, wandb.errors.CommError)

    def forget(self, run):
        if run in self._runs:
            self._finish(run)

    def _finish(self, run):
        target = self._runs.pop(run)
        self._sections = {(other, section) for other, section in self._sections if other != run}
        try:
            target.finish()
        except Exception as error:  # what it has not kept stays in the spool
            self.say(f"W&B did not finish {run} in good order: {error}")

    def close(self):
        for run in list(self._runs):
            self._finish(run)
        self.folder.cleanup()


def history(records):
    """What was logged, row by row: {key: value}."""
    for record in map(Record.FromString, records):
        if record.WhichOneof("record_type") == "history":
            row = {}
            for item in record.history.item:
                *path, last = item.nested_key or [item.key]
                place = row
                for key in path:
                    place = place.setdefault(key, {})
                place[last] = json.loads(item.value_json)
            yield row


def _mark(key, epoch, value):
    """What tells a row's entry apart: a picture by its content."""
    return key, epoch, value.get("sha256") if isinstance(value, dict) else value


def _mark_of_item(item):
    header = item.header
    if header["type"] != "epoch":
        return _mark(wandb_key(header), header["epoch"], {"sha256": item.digest})
    for component, share in header.get("shares", ()):
        return _mark(wandb_key(header, "explained", f"c{component}"), header["epoch"], share)
    return None
