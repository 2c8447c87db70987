"""What stages say upstream: subscriptions and `want` (proto/wire.md)."""
import collections

import msgpack

from eigencam.publisher import ALL

_HOLDS = 10.0  # seconds, where a want does not say


class _Interest:
    """What one output of a stage takes. An empty list takes everything, no list of modes too."""

    def __init__(self, spec):
        self.modes = spec.get("modes")
        self.ds_ids, self.keys = spec.get("ds_ids") or [], spec.get("keys") or []
        self.n_samples = int(spec.get("n_samples") or ALL)

    def accepts(self, mode, ds_id):
        return (self.modes is None or mode in self.modes) and self._takes(ds_id)

    def _takes(self, ds_id):
        """FastEstimator's rule: names to take, or !names to leave out."""
        if not self.ds_ids:
            return True
        if self.ds_ids[0].startswith("!"):
            return "!" + ds_id not in self.ds_ids
        return ds_id in self.ds_ids


class Wants:
    """The union of what live stages want of one run, and what they were sent."""

    def __init__(self, run):
        self._run = run
        self._topics = collections.Counter()  # one for each peer
        self._stages = {}  # stage -> (until, interests)
        self.heard_by = {}  # session -> stages that have taken in all of it
        self._counts = {}  # (mode, epoch) -> {ds_id: samples}
        self._rooms = {}   # what room() answered, until something changes

    @property
    def heard(self):
        """Whether anybody subscribes at all."""
        return bool(self._topics)

    @property
    def listening(self):
        """Whether somebody subscribes to batches of this run, of some mode and data set."""
        return any("batch|".startswith(prefix) or prefix.startswith("batch|")
                   for prefix in self._topics)

    def take(self, parts, now):
        """One message from upstream; whether it is a new subscription."""
        self._rooms.clear()
        first = bytes(parts[0])
        if len(parts) == 1 and first[:1] == b"\1":
            self._topics[first[1:].decode("utf-8", "replace")] += 1
            return True
        if len(parts) == 1 and first[:1] == b"\0":
            topic = first[1:].decode("utf-8", "replace")
            self._topics[topic] -= 1
            if self._topics[topic] <= 0:
                del self._topics[topic]
        elif len(parts) == 2 and first == b"want":
            self._take_want(parts[1], now)
        elif len(parts) == 2 and first == b"heard":
            self._take_heard(parts[1])
        return False

    def _take_want(self, header, now):
        try:
            header = msgpack.unpackb(header)
            if header.get("v") != 1 or header.get("type") != "want":
                return
            specs = header["interests"]
            named = [spec for spec in specs if self._run in (spec.get("runs") or [])]
            interests = [_Interest(spec) for spec in
                         named or [spec for spec in specs if not spec.get("runs")]]
            until = now + float(header.get("ttl_ms", 1000 * _HOLDS)) / 1000
            self._stages.pop(header["stage"], None)
            if interests:  # a stage that says nothing of this run has not heard of it yet
                self._stages[header["stage"]] = until, interests
        except Exception:  # whatever came: what cannot be read does not count
            return

    def _take_heard(self, header):
        try:
            header = msgpack.unpackb(header)
            for session in header["sessions"]:
                self.heard_by.setdefault(session, set()).add(header["stage"])
        except Exception:  # as above
            return

    def expire(self, now):
        for stage in [stage for stage, (until, _) in self._stages.items() if until < now]:
            del self._stages[stage]
            self._rooms.clear()

    def listens(self, topic):
        return any(topic.startswith(prefix) for prefix in self._topics)

    @property
    def stages(self):
        """How many say what they want of this run."""
        return len(self._stages)

    def _interests(self):
        return [interest for _, interests in self._stages.values() for interest in interests]

    def room(self, mode, ds_id, epoch):
        """Samples still wanted of this epoch; ALL where it is not bounded or not known."""
        key = mode, ds_id, epoch
        room = self._rooms.get(key)
        if room is None:
            room = self._rooms[key] = self._room(mode, ds_id, epoch)
        return room

    def _room(self, mode, ds_id, epoch):
        if not self.listens(f"batch|{mode}|{ds_id}|{self._run}|"):
            return 0
        if not self._stages:
            return ALL
        most = max((interest.n_samples for interest in self._interests()
                    if interest.accepts(mode, ds_id)), default=0)
        return ALL if most == ALL else \
            max(0, most - self._counts.get((mode, epoch), {}).get(ds_id, 0))

    def keys(self):
        """The batch's keys that are wanted; None for all."""
        keys = set()
        for interest in self._interests():
            if not interest.keys:
                return None
            keys.update(interest.keys)
        return keys if self._stages else None

    def sent(self, mode, ds_id, epoch, n):
        counts = self._counts.setdefault((mode, epoch), {})
        counts[ds_id] = counts.get(ds_id, 0) + n
        self._rooms.pop((mode, ds_id, epoch), None)

    def forget(self, mode, epoch):
        self._counts.pop((mode, epoch), None)
        self._rooms.clear()
