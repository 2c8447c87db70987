"""From the spool into the tracker: in order, each once, again where it did not work."""
import collections
import time

from eigencam.bridge.receive import describe

_TRIES = 3  # of one result, while the tracker answers
_LONGEST_PAUSE = 60


class Fatal(Exception):
    """Nothing can be logged as things are: trying again is of no use."""


class Deliverer:
    """tracker: what to_mlflow.Tracker and to_wandb.Tracker have in common:

        open(run)          a name for where the run's results go, the same at every start
        has(run, item)     whether this result, handed over before, is there
        log(run, item)     hand it over
        is_kept(run, item) whether it is there for good (asked after log, until it is)
        answers(error)     whether it can be reached, after this error
        forget(run)        find out anew where the run's results go
        close()            all that was handed over is kept, or never will be
    """

    def __init__(self, spool, tracker, say=print):
        self.spool, self.tracker, self.say = spool, tracker, say
        self.logged = self.repeats = self.dropped = 0
        self._after = 0  # behind it are those that were not handed over since the start
        self._unsettled = collections.deque()
        self._pictures = collections.Counter()
        self._tries, self._pause, self._until, self._look_at = 0, 0, 0, 0

    def work(self):
        """Hand over one; whether there may be more to do at once."""
        if time.monotonic() > self._look_at:
            self._look_at = time.monotonic() + 0.5
            self._settle()
        if time.monotonic() < self._until:
            return False
        item = self.spool.next(self._after)
        if item is None:
            return False
        target = None
        try:
            target = self.tracker.open(item.header["run"])
            self._hand_over(item, target)
        except Fatal:
            raise
        except Exception as error:  # whatever a tracker's client raises
            self._put_off(item, error, is_open=target is not None)
            return False
        if self._pause:
            self.say("the tracker answers again")
        self._tries = self._pause = 0
        return True

    def _hand_over(self, item, target):
        run = item.header["run"]
        if self.spool.is_done(target, item):
            self.spool.remove(item)
            self.repeats += 1
            return
        if not item.handed or not self.tracker.has(run, item):
            self.spool.hand(item)
            self.tracker.log(run, item)
        self._after = item.id
        item.png = None  # the spool has it
        self._unsettled.append((target, item))
        if len(self._unsettled) == 1:
            self._settle()

    def _settle(self):
        """Take out what is kept."""
        while self._unsettled:
            target, item = self._unsettled[0]
            if not self.tracker.is_kept(item.header["run"], item):
                break
            self._unsettled.popleft()
            self.spool.remove(item, target)
            self._tell(item.header)

    def _tell(self, header):
        epoch = tuple(header[key] for key in ("run", "output", "mode", "epoch", "attempt"))
        if header["type"] != "epoch":
            self.logged += 1
            self._pictures[epoch] += 1
            return
        self.say(f"{header['run']} {header['output']} {header['mode']} epoch {header['epoch']}: "
                 f"{self._pictures.pop(epoch, 0)} pictures logged")

    def _put_off(self, item, error, is_open):
        """Only what a tracker that is there does not take is ever dropped."""
        self.tracker.forget(item.header["run"])
        what = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        if not is_open or not self.tracker.answers(error):
            if not self._pause:
                self.say(f"the tracker does not answer ({what}); trying again, results wait")
            self._pause = min(2 * self._pause or 1, _LONGEST_PAUSE)
            self._until = time.monotonic() + self._pause
            return
        self._tries += 1
        self._until = time.monotonic() + 0.2 * self._tries
        if self._tries == _TRIES:
            self.say(f"{describe(item.header)} is dropped: the tracker does not take it ({what})")
            self.spool.remove(item)
            self.dropped += 1
            self._tries = 0

    def finish(self, seconds, stopped):
        """Hand over what is left, for at most so long or until stopped() a second time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not stopped() and not self._pause:
            if not self.work() and self.spool.next(self._after) is None:
                break
        self.tracker.close()
        self._settle()
