"""From the stage into the spool: a thread of its own, so that a slow tracker holds nobody up."""
import threading

from eigencam._common import MODES
from eigencam.subscriber import Subscriber

PICTURES = ("overlay", "map", "image", "sheet")
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_NUMBERS = {"overlay": ("sample", "component"), "map": ("sample", "component"),
            "image": ("sample",), "sheet": ("page",), "epoch": ()}
_KEPT = ("type", "run", "output", "mode", "epoch", "attempt", "time_ns", "sample", "component",
         "page", "ds_id", "label", "pred", "explained", "samples", "complete", "lost")


class Receiver(threading.Thread):
    """what      of PICTURES
    outputs   only these; empty: all
    modes     likewise; runs likewise
    say       a function that is called with a line for people
    """

    def __init__(self, endpoints, spool, *, what, runs=(), outputs=(), modes=(), say=print):
        super().__init__(daemon=True, name="receiver")
        self.spool, self.say = spool, say
        self.outputs, self.modes = outputs, modes
        self.repeats = self.lost = self.dropped = self.refused = 0
        self.failure = None
        self.news = threading.Event()
        self._stages, self._is_full, self._ending = set(), False, threading.Event()
        topics = ["stats|"] + [f"{kind}|{run}" for kind in (*what, "epoch")
                               for run in ([f"{run}|" for run in runs] or [""])]
        self._subscriber = Subscriber(endpoints, topics=topics)

    def run(self):
        try:
            while not self._ending.is_set():
                self._take(self._subscriber.next(0.2))
            while self._take(self._subscriber.next(0)):
                pass
        except Exception as error:  # the disk is full, say: the main thread ends the program
            self.failure = error
        finally:
            self._subscriber.close()
            self.news.set()

    def stop(self):
        """Once what has arrived is in the spool."""
        self._ending.set()
        self.join()

    def _take(self, result):
        if result is None:
            return False
        header = result.header
        if header.get("stage") not in self._stages:
            self._stages.add(header.get("stage"))
            self.say("a stage answers" if len(self._stages) == 1 else "another stage answers")
        if result.type not in _NUMBERS:
            return True
        if not _is_sound(header, result.png):
            self.refused += 1
            self.say(f"a result of type {result.type} was refused: it is not as the protocol says")
        elif (not self.outputs or result.output in self.outputs) and \
                (not self.modes or result.mode in self.modes):
            self._keep(header, result.png)
        return True

    def _keep(self, header, png):
        topic = "|".join(header[key] for key in ("type", "run", "output", "mode"))
        gap = self.spool.note_seq(header["stage"], topic, header["seq"])
        if gap:
            self.lost += gap
            self.say(f"{gap} lost before {describe(header)}: they never came")
        kept = {key: header[key] for key in _KEPT if key in header}
        self._add_shares(kept)
        added = self.spool.add(kept, png)
        if added is None:
            self.dropped += 1
            if not self._is_full:
                self.say(f"what waits for the tracker has reached --queue: {describe(header)} and "
                         "what follows is dropped until there is room")
        self._is_full = added is None
        self.repeats += added is False
        self.news.set()

    def _add_shares(self, header):
        """A summary brings the epoch's explained variance: each component's mean."""
        epoch = "|".join(str(header[key]) for key in ("run", "output", "mode", "epoch", "attempt"))
        if header.get("explained") is not None:
            self.spool.note_share(epoch, header["component"], header["sample"],
                                  header["explained"])
        elif header["type"] == "epoch":
            header["shares"] = self.spool.take_shares(epoch)


def describe(header):
    which = "".join(f" {key} {header[key]}" for key in ("sample", "component", "page")
                    if key in header)
    return (f"{header['run']} {header['output']} {header['mode']} epoch {header['epoch']} "
            f"{header['type']}{which}")


def _is_count(value):
    return type(value) is int and 0 <= value <= 2**53


def _is_name(value):
    return isinstance(value, str) and 0 < len(value.encode(errors="replace")) <= 128 and \
        "|" not in value and not any(ord(c) < 32 or ord(c) == 127 for c in value)


def _is_sound(header, png):
    """Whether it has what is used here. Two stages may be of different versions, and anybody
    may answer at an address."""
    if header["type"] in PICTURES and (not isinstance(png, bytes) or png[:8] != _SIGNATURE):
        return False
    texts = all(isinstance(header.get(key, ""), (str, type(None)))
                for key in ("ds_id", "label", "pred"))
    share = header.get("explained")
    return texts and all(_is_name(header.get(key)) for key in ("run", "output")) and \
        header.get("mode") in MODES and \
        (share is None or type(share) in (int, float) and 0 <= share <= 1.000001) and \
        all(_is_count(header.get(key)) for key in ("epoch", "attempt", "seq")) and \
        all(_is_count(header.get(key)) for key in _NUMBERS[header["type"]]) and \
        all(type(header.get(key)) is int and 0 <= header[key] < 2**64
            for key in ("stage", "time_ns"))
