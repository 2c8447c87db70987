"""How a stage makes epochs of what ranks send: order, ends, losses, shutdown."""
import random
import signal

import msgpack
import numpy as np

from support import tap
from support.program import Folder, Program, refused
from support.stream import Logger, Stage, Trainer, sample_data

PATIENT = ("--epoch-timeout", "3600")  # whatever comes, comes of another reason


class Scene:
    """A stage, a logger and some ranks of one run."""

    def __init__(self, *options, ranks=1, world=None):
        self.stage = Stage(*options)
        self.logger = Logger(self.stage)
        self.ranks = [Trainer(self.stage, rank=rank, world=world or ranks).ready()
                      for rank in range(ranks)]

    def barrier(self, rank=0):
        """Until the stage has taken in all that this rank has sent."""
        self.ranks[rank].send_raw(b"batch|eval||run|", b"\xc1")
        self.logger.wait_errors(1)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        for rank in self.ranks:
            rank.close()
        try:
            self.stage.__exit__(*exc)
        finally:
            self.logger.close()


@tap.case
def samples_are_ordered_by_step_index_and_rank_however_they_arrive():
    for seed in range(4):
        with Scene("--n-samples", "14", ranks=3) as scene:
            sends = [(rank, step) for rank in range(3) for step in range(3)]
            random.Random(seed).shuffle(sends)
            for rank, step in sends:
                scene.ranks[rank].batch(sample_data(2, seed=10 * rank + step), step=step)
            for rank in random.Random(seed).sample(scene.ranks, 3):
                rank.epoch_end()
            epoch = scene.logger.wait_epoch()
        places = sorted((step, index, rank) for rank, step in sends for index in range(2))
        assert [place[1:] for place in epoch.order()] == places[:14], epoch.order()
        for sample, (step, index, rank) in enumerate(places[:14]):
            image = sample_data(2, seed=10 * rank + step)["images"][index]
            assert (epoch.images[sample].pixels() == image.transpose(1, 2, 0)).all(), sample


@tap.case
def an_epoch_waits_for_all_its_ranks():
    with Scene(*PATIENT, ranks=2) as scene:
        first, second = scene.ranks
        first.batch(sample_data(1))
        first.epoch_end()
        scene.barrier(0)
        second.batch(sample_data(1))
        second.epoch_end()
        epoch = scene.logger.wait_epoch()
    assert epoch.summary["complete"] and epoch.summary["missing_ranks"] == []
    assert [place[3] for place in epoch.order()] == [0, 1]


@tap.case
def the_largest_world_of_an_epochs_messages_holds():
    with Scene(*PATIENT, ranks=2) as scene:
        first, second = scene.ranks
        first.batch(sample_data(1), world=2)
        first.epoch_end(world=1)
        scene.barrier(0)
        second.batch(sample_data(1))
        second.epoch_end()
        assert scene.logger.wait_epoch().summary["samples"] == 2


@tap.case
def epoch_timeout_gives_up_missing_ranks_and_names_them():
    with Scene("--epoch-timeout", "0.2", ranks=1, world=4) as scene:
        scene.ranks[0].batch(sample_data(2))
        scene.ranks[0].epoch_end()
        summary = scene.logger.wait_epoch().summary
    assert not summary["complete"] and summary["missing_ranks"] == [1, 2, 3], summary
    assert summary["samples"] == 2


@tap.case
def a_rank_that_goes_on_to_a_later_epoch_is_given_up_at_once():
    with Scene(*PATIENT, ranks=2) as scene:
        first, second = scene.ranks
        second.batch(sample_data(1))
        second.batch(sample_data(1), epoch=2)
        scene.barrier(1)
        first.batch(sample_data(1))
        first.epoch_end()
        summary = scene.logger.wait_epoch().summary
        assert summary["epoch"] == 1 and not summary["complete"], summary
        assert summary["missing_ranks"] == [1] and summary["samples"] == 2, summary
        for rank in scene.ranks:
            rank.epoch_end(epoch=2)
        assert scene.logger.wait_epoch().summary["complete"]


@tap.case
def a_rank_that_says_bye_is_given_up_at_once():
    with Scene(*PATIENT, ranks=2) as scene:
        first, second = scene.ranks
        second.batch(sample_data(1))
        second.bye()
        scene.barrier(1)
        first.batch(sample_data(1))
        first.epoch_end()
        summary = scene.logger.wait_epoch().summary
    assert not summary["complete"] and summary["missing_ranks"] == [1], summary
    assert summary["samples"] == 2


@tap.case
def late_batches_are_counted_and_not_shown():
    with Scene() as scene:
        trainer = scene.ranks[0]
        trainer.batch(sample_data(2))
        trainer.epoch_end()
        assert scene.logger.wait_epoch().summary["samples"] == 2
        trainer.batch(sample_data(2))
        trainer.batch(sample_data(1), epoch=2)
        trainer.epoch_end(epoch=2)
        summary = scene.logger.wait_epoch().summary
        assert summary["epoch"] == 2 and summary["samples"] == 1, summary
        assert summary["late"] == 1 == scene.stage.stats()["late"], summary


@tap.case
def rejected_batches_are_counted_in_the_epoch_they_came_in():
    with Scene() as scene:
        trainer = scene.ranks[0]
        for epoch, bad in (1, 2), (2, 0):
            for _ in range(bad):
                trainer.batch({"images": sample_data(1)["images"]}, epoch=epoch)
            trainer.batch(sample_data(1), epoch=epoch)
            trainer.epoch_end(epoch)
            summary = scene.logger.wait_epoch().summary
            assert (summary["rejected"], summary["samples"]) == (bad, 1), summary
        assert len(scene.logger.errors) == 2, scene.logger.errors
        assert scene.stage.stats()["rejected"] == 2


@tap.case
def a_new_session_opens_another_attempt():
    with Scene() as scene:
        for attempt in (1, 2):
            with Trainer(scene.stage) as trainer:
                trainer.batch(sample_data(1, seed=attempt))
                trainer.epoch_end()
                epoch = scene.logger.wait_epoch()
            assert epoch.summary["attempt"] == attempt, epoch.summary
            assert epoch.images[0].header["attempt"] == attempt
            image = sample_data(1, seed=attempt)["images"][0].transpose(1, 2, 0)
            assert (epoch.images[0].pixels() == image).all()


@tap.case
def a_rank_without_part_in_a_published_epoch_is_late():
    with Scene("--epoch-timeout", "0.2", ranks=2) as scene:
        first, second = scene.ranks
        first.batch(sample_data(1))
        first.epoch_end()
        assert scene.logger.wait_epoch().summary["missing_ranks"] == [1]
        second.batch(sample_data(1))
        second.epoch_end()
        for rank in scene.ranks:
            rank.batch(sample_data(1), epoch=2)
            rank.epoch_end(epoch=2)
        summary = scene.logger.wait_epoch().summary
        assert summary["epoch"] == 2 and summary["attempt"] == 1, summary
        assert scene.stage.stats()["late"] == 1


@tap.case
def modes_runs_and_epochs_are_kept_apart():
    with Stage("--mode", "all") as stage, Logger(stage) as logger:
        trainers = [Trainer(stage, run) for run in ("one", "two")]
        keys = [(trainer, mode, epoch) for trainer in trainers for mode in ("train", "eval")
                for epoch in (7, 8)]
        for number, (trainer, mode, epoch) in enumerate(keys):
            trainer.wait_subscribed(f"batch|{mode}||{trainer.run}|")
            trainer.wait_subscribed(f"epoch_end|{mode}|{trainer.run}|")
            trainer.batch(sample_data(1 + number % 5), mode=mode, epoch=epoch)
            trainer.epoch_end(epoch, mode)
        shown = {}
        for epoch in logger.wait_epochs(len(keys)):
            summary = epoch.summary
            shown[summary["run"], summary["mode"], summary["epoch"]] = summary["samples"]
        assert shown == {(trainer.run, mode, epoch): 1 + number % 5
                         for number, (trainer, mode, epoch) in enumerate(keys)}, shown
        for trainer in trainers:
            trainer.close()


@tap.case
def images_of_several_sizes_share_an_epoch():
    with Scene() as scene:
        small, large = sample_data(1), sample_data(1, size=5)
        large["images"] = np.zeros((1, 1, 40, 50), np.uint8)
        scene.ranks[0].batch(small)
        scene.ranks[0].batch(large)
        scene.ranks[0].epoch_end()
        epoch = scene.logger.wait_epoch()
    sizes = [(p.header["width"], p.header["height"]) for _, p in sorted(epoch.images.items())]
    assert sizes == [(20, 24), (50, 40)], sizes
    assert epoch.overlays[1, 0].pixels().shape == (40, 50, 3)
    assert epoch.maps[1, 0].pixels().shape == (5, 5)


@tap.case
def keys_and_strings_may_be_bin_and_unknown_keys_are_ignored():
    with Scene() as scene:
        trainer = scene.ranks[0]
        data = sample_data(2)
        tensors = {key.encode(): {b"nd": True, b"type": a.dtype.str.encode(), b"kind": b"",
                                  b"shape": a.shape, b"data": a.tobytes(), b"more": [1]}
                   for key, a in data.items()}
        header = {b"v": 1, b"type": b"batch", b"run": b"run", b"epoch": 1, b"mode": b"eval",
                  b"step": 0, b"seq": 0, b"data": tensors, b"surprise": {b"a": [None, 1.5]}}
        trainer.send_raw(b"batch|eval||run|", msgpack.packb(header))
        trainer.epoch_end(session=0, seq=0)
        epoch = scene.logger.wait_epoch()
        assert epoch.summary["samples"] == 2 and not scene.logger.errors


@tap.case
def labels_may_be_lists_and_a_lone_value_is_a_batch_of_one():
    with Scene() as scene:
        trainer = scene.ranks[0]
        trainer.batch({**sample_data(3), "labels": ["Käse", "b", "c"], "preds": [1, 2.5, 3]})
        trainer.batch({**sample_data(1), "labels": "alone", "preds": 4})
        trainer.epoch_end()
        summary = scene.logger.wait_epoch().summary
    assert summary["labels"] == ["Käse", "b", "c", "alone"], summary
    assert [float(text) for text in summary["preds"]] == [1, 2.5, 3, 4], summary


@tap.case
def gaps_in_seq_are_losses_per_topic_and_session():
    with Scene() as scene:
        trainer = scene.ranks[0]
        for ds_id, lost in ("a", 2), ("b", 1):
            trainer.batch(sample_data(1), ds_id=ds_id)
            trainer.lose(f"batch|eval|{ds_id}|run|", lost)
            trainer.batch(sample_data(1), ds_id=ds_id)
        trainer.epoch_end(sent=None)
        summary = scene.logger.wait_epoch().summary
    assert summary["lost"] == 3 and summary["samples"] == 4, summary


@tap.case
def sent_tells_of_losses_before_and_after_what_came():
    with Scene() as scene:
        trainer = scene.ranks[0]
        trainer.lose("batch|eval||run|", 1)
        trainer.batch(sample_data(2))
        trainer.epoch_end(sent={"": [3, 6]})
        assert scene.logger.wait_epoch().summary["lost"] == 2
        trainer.batch(sample_data(2), epoch=2)
        trainer.epoch_end(epoch=2)
        assert scene.logger.wait_epoch().summary["lost"] == 0


@tap.case
def what_the_stage_did_not_want_is_no_loss():
    with Scene("--ds-id", "!b") as scene:
        trainer = scene.ranks[0]
        for ds_id in "abab":
            trainer.batch(sample_data(1), ds_id=ds_id)
        trainer.epoch_end()
        summary = scene.logger.wait_epoch().summary
    assert summary["samples"] == 2 and summary["lost"] == 0, summary


@tap.case
def duplicates_count_once():
    with Scene() as scene:
        trainer = scene.ranks[0]
        for _ in range(3):
            trainer.seq.clear()
            trainer.batch(sample_data(2), step=0)
        trainer.epoch_end(sent={"": [1, 2]})
        summary = scene.logger.wait_epoch().summary
        counters = scene.stage.stats()
    assert summary["samples"] == 2 and summary["lost"] == 0, summary
    assert counters["duplicates"] == 2 and counters["used"] == 1, counters


@tap.cases_of("{0.name} finishes what is collected", [signal.SIGTERM, signal.SIGINT])
def signals_finish_what_is_collected(number):
    with Scene(*PATIENT) as scene:
        scene.ranks[0].batch(sample_data(2))
        scene.barrier()
        scene.stage.send_signal(number)
        summary = scene.logger.wait_epoch().summary
        status = scene.stage.wait()
    assert status == 0, f"status {status}"
    assert not summary["complete"] and summary["samples"] == 2, summary


@tap.case
def a_signal_ends_an_idle_stage():
    stage = Stage()
    assert stage.stop() == 0
    stage.folder.__exit__()


@tap.case
def a_signal_ends_a_stage_that_is_flooded():
    with Folder() as folder:
        recording = folder / "hellos"
        with Stage("--record", recording) as stage, Trainer(stage) as trainer:
            for _ in range(2000):
                trainer.hello(label_mapping={f"class {i}": i for i in range(100)})
            stage.wait_until(lambda: stage.stats()["received"] == 2000)
        stage = Stage()
        floods = [Program("replay", recording, "--out", stage.trainers, "--speed", "max", "--loop",
                          "100000") for _ in range(2)]
        try:
            stage.wait_until(lambda: stage.stats()["received"] > 10000)
            assert stage.stop() == 0
        finally:
            for flood in floods:
                flood.kill()
            stage.kill()
            stage.folder.__exit__()


@tap.case
def each_epoch_is_a_line_on_stderr():
    with Scene() as scene:
        scene.ranks[0].batch(sample_data(2))
        scene.ranks[0].epoch_end(epoch=1)
        scene.logger.wait_epoch()
        scene.stage.wait_line(r"run run, .*epoch 1, mode eval: 2 samples, complete, [0-9.]+ ms")


@tap.case
def two_stages_cannot_share_an_endpoint():
    with Folder() as folder:
        taken = "tcp://127.0.0.1:*"
        with Stage("--in", taken) as stage:
            port = stage.wait_line(r"tcp://127\.0\.0\.1:(\d+)").group(1)
            said = refused("stage", "--in", f"tcp://127.0.0.1:{port}",
                           "--out", f"ipc://{folder / 'out'}")
    assert port in said and "use" in said, said


@tap.case
def subscribers_get_stats_at_once():
    with Stage() as stage:
        for _ in range(3):
            counters = stage.stats()
            assert all(isinstance(value, int) for value in counters.values()), counters


if __name__ == "__main__":
    tap.main()
