"""python -m eigencam.bridge mlflow|wandb: see --help."""
import argparse
import hashlib
import os
import re
import signal
import sys

import zmq

from eigencam._common import MODES, RESULTS, check_name
from eigencam.bridge.deliver import Deliverer, Fatal
from eigencam.bridge.receive import PICTURES, Receiver
from eigencam.bridge.spool import Busy, Spool

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def say(line):
    print(f"bridge: {line}", file=sys.stderr, flush=True)


def _list_of(accepted):
    def read(text):
        values = text.split(",")
        wrong = [value for value in values if value not in accepted]
        if wrong:
            raise argparse.ArgumentTypeError(
                f"{wrong[0]!r} is not accepted; expected some of {','.join(accepted)}")
        return values
    return read


def _name(text):
    try:
        return check_name(text, "the name")
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _size(text):
    match = re.fullmatch(r"(\d{1,12})([KMG]?)", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; expected a number, K, M or G after "
                                         "it where wanted: 256M")
    return int(match[1]) * _UNITS[match[2]]


def _state_folder():
    base = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return os.path.join(base, "eigencam")


def _common_options():
    parser = argparse.ArgumentParser(add_help=False)
    add = parser.add_argument
    add("--in", dest="endpoints", action="append", metavar="ENDPOINT",
        help=f"a stage's results; repeatable; bind: in front binds; default: {RESULTS}")
    add("--what", type=_list_of(PICTURES), default=["overlay", "sheet"], metavar="LIST",
        help="which pictures, of overlay,map,image,sheet; default: overlay,sheet. The explained "
             "variance comes with overlays and maps")
    add("--run", dest="runs", action="append", type=_name, default=[], metavar="NAME",
        help="of this run only; repeatable")
    add("--output", dest="outputs", action="append", type=_name, default=[], metavar="NAME",
        help="of this output only; repeatable")
    add("--mode", dest="modes", type=_list_of(MODES), default=[], metavar="LIST",
        help="of these modes only: train,eval,test,infer")
    add("--state", default=_state_folder(), metavar="DIR",
        help="where it remembers what is logged, and keeps what is not yet; default: %(default)s")
    add("--queue", type=_size, default="256M", metavar="SIZE",
        help="pictures that may wait for the tracker there; default: %(default)s")
    add("--flush", type=float, default=30, metavar="S",
        help="for how long the end waits until all is logged; default: %(default)s")
    return parser


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m eigencam.bridge", description="Log a stage's results into a tracker, with "
        "the epoch as step. Ctrl-C logs what has arrived, and ends.")
    trackers = parser.add_subparsers(dest="tracker", required=True, metavar="mlflow|wandb")
    common = _common_options()
    mlflow = trackers.add_parser("mlflow", parents=[common], help="MLflow: a server, SQLite, files")
    mlflow.add_argument("--tracking-uri", metavar="URI", help="default: MLflow's own default")
    mlflow.add_argument("--experiment", default="eigencam", metavar="NAME",
                        help="made where it is not there; default: %(default)s")
    mlflow.add_argument("--run-id", metavar="ID", help="log into this run, a trainer's own")
    wandb = trackers.add_parser("wandb", parents=[common], help="Weights & Biases")
    wandb.add_argument("--project", default="eigencam", metavar="NAME",
                       help="default: %(default)s")
    wandb.add_argument("--entity", metavar="NAME", help="default: W&B's own default")
    wandb.add_argument("--offline", action="store_true",
                       help="into files, for `wandb sync`; also where WANDB_MODE=offline")
    wandb.add_argument("--dir", default=os.environ.get("WANDB_DIR", "."), metavar="DIR",
                       help="where its folder wandb/ is made; default: %(default)s")
    wandb.add_argument("--run-id", metavar="ID", help="log into this run")
    options = parser.parse_args(arguments)
    options.endpoints = options.endpoints or [RESULTS]
    return options


def make_tracker(options):
    try:
        if options.tracker == "mlflow":
            from eigencam.bridge import to_mlflow as module
        else:
            from eigencam.bridge import to_wandb as module
    except ImportError as error:
        raise Fatal(f"{error}; `pip install 'eigencam[{options.tracker}]'` brings what this "
                    "needs") from None
    return module.Tracker(options, say)


def make_spool(options, tracker):
    """A state for each place that is logged to: two bridges don't meet in one."""
    os.makedirs(options.state, exist_ok=True)
    place = hashlib.sha256(str(tracker).encode()).hexdigest()[:12]
    return Spool(os.path.join(options.state, f"bridge-{options.tracker}-{place}.sqlite"),
                 options.queue)


class Signals:
    """The first Ctrl-C asks for the end, a second one for it at once."""

    def __init__(self):
        self.count, self.receiver = 0, None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note)

    def _note(self, *_):
        self.count += 1
        if self.receiver:
            self.receiver.news.set()


def bridge(options, signals):
    tracker = make_tracker(options)
    spool = make_spool(options, tracker)
    if spool.waiting():
        say(f"{spool.waiting()} results wait from the last time")
    receiver = Receiver(options.endpoints, spool, what=options.what, runs=options.runs,
                        outputs=options.outputs, modes=options.modes, say=say)
    deliverer = Deliverer(spool, tracker, say)
    say(f"results of {', '.join(options.endpoints)} go to {tracker}")
    signals.receiver = receiver
    receiver.start()
    try:
        while not signals.count and not receiver.failure:
            receiver.news.clear()
            if not deliverer.work():
                receiver.news.wait(0.2)
        receiver.stop()
        deliverer.finish(options.flush, lambda: signals.count > 1)
        sum_up(spool, receiver, deliverer)
    finally:
        receiver.stop()
        spool.close()
    if receiver.failure:
        raise Fatal(f"receiving has failed: {receiver.failure}")


def sum_up(spool, receiver, deliverer):
    say(f"{deliverer.logged} pictures logged, {receiver.repeats + deliverer.repeats} repeats left "
        f"out, {receiver.lost} lost on the way, {receiver.refused} refused, "
        f"{receiver.dropped + deliverer.dropped} dropped")
    if spool.waiting():
        say(f"{spool.waiting()} results wait for the next start")


def main():
    options = parse(sys.argv[1:])
    try:
        bridge(options, Signals())
    except (Busy, Fatal) as error:
        say(str(error))
        return 1
    except zmq.ZMQError as error:
        say(f"--in {', '.join(options.endpoints)}: {error}")
        return 2
    except OSError as error:
        say(f"--state {options.state}: {error}")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
