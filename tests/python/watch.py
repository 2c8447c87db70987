"""eigencam.watch: the model is left as it is, and an epoch's samples are the right ones."""
import copy
import gc
import io
import os
import subprocess
import sys
import time
import warnings
import weakref

import numpy as np
import torch
from peer import LIBRARIES, Peer, until
from support import tap
from support.program import Folder
from torch import nn

import eigencam
from eigencam import _common, torch_hooks


LIBRARY = LIBRARIES[-1]


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1)
        self.act = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(4, 6, 3, stride=2)
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        x = self.conv2(self.act(self.conv1(x)))
        return self.head(x.mean((2, 3)))


def batch(seed, n=4):
    return torch.rand(n, 3, 12, 10, generator=torch.Generator().manual_seed(seed))


class Scene:
    """A model that is watched, and the stage's side of it."""

    def __init__(self, layer="conv2", model=None, **options):
        self.peer = Peer()
        torch.manual_seed(0)
        self.model = model or Network()
        real = torch_hooks.Session.__init__.__globals__["listens"]
        torch_hooks.Session.__init__.__globals__["listens"] = lambda endpoint: False
        try:
            self.cam = eigencam.watch(self.model, layer, endpoint=self.peer.endpoint,
                                      **{"run": "run", "library": LIBRARY, **options})
        finally:
            torch_hooks.Session.__init__.__globals__["listens"] = real
        self.peer.await_subscribed(self.cam._session.publisher)

    def run(self, *phases):
        """("train", seeds...) or ("eval", seeds...), forward by forward."""
        for mode, *seeds in phases:
            self.model.train(mode == "train")
            for seed in seeds:
                self.model(batch(seed))

    def messages(self, *types):
        self.cam.close()
        return [m for m in self.peer.received() if m.type in types]

    def batches(self):
        return self.messages("batch")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.cam.close()
        self.peer.__exit__()


def places(messages):
    return [(m.type, m.header["mode"], m.header["epoch"]) for m in messages]


def held_bytes(tensor):
    storage = tensor.untyped_storage() if hasattr(tensor, "untyped_storage") else tensor.storage()
    return storage.nbytes()


# ---- the model ----

@tap.case
def outputs_and_gradients_are_what_they_were():
    torch.manual_seed(0)
    plain = Network()
    watched = copy.deepcopy(plain)
    with Scene(model=watched, mode="all"):
        for model in (plain, watched):
            model.train()
            model(batch(1)).square().sum().backward()
    for a, b in zip(plain.parameters(), watched.parameters()):
        assert torch.equal(a.grad, b.grad)
    assert torch.equal(plain(batch(2)), watched(batch(2)))
    assert list(plain.state_dict()) == list(watched.state_dict())


@tap.case
def close_leaves_no_hook():
    with Scene(["conv1", "conv2"]) as scene:
        scene.cam.close()
        assert not any(m._forward_hooks or m._forward_pre_hooks for m in scene.model.modules())
        scene.model(batch(0))


@tap.case
def no_reference_to_inputs_outputs_and_graph_is_kept():
    seen = {}
    with Scene(mode="all") as scene:
        scene.model.conv2.register_forward_hook(
            lambda module, inputs, output: seen.update(output=weakref.ref(output)))
        scene.model.train()
        x = batch(0)
        y = scene.model(x)
        labels = torch.zeros(4, dtype=torch.int64)
        scene.cam.labels(labels)
        watched = [weakref.ref(x), weakref.ref(y), weakref.ref(labels), seen["output"]]
        gc.disable()
        try:
            del x, y, labels
            assert [ref() for ref in watched] == [None] * 4
        finally:
            gc.enable()
        pending = scene.cam._session._pending["data"]
        assert not any(value.requires_grad for value in pending.values())
        assert all(held_bytes(value) == value.numel() * value.element_size()
                   for value in pending.values())


@tap.case
def the_model_is_freed_as_before():
    with Scene() as scene:
        scene.run(("eval", 1))
        ref = weakref.ref(scene.model)
        gc.disable()
        try:
            scene.model = None
            assert ref() is None, "the hooks keep the model"
        finally:
            gc.enable()


@tap.case
def a_watch_that_nobody_holds_goes_on():
    with Scene() as scene:
        publisher, scene.cam = scene.cam._session.publisher, None
        gc.collect()
        scene.run(("eval", 1, 2))
        assert publisher.stats.sent == 1
        scene.cam = next(iter(torch_hooks._watches))


@tap.case
def copies_and_pickles_of_the_model_are_not_watched():
    with Scene() as scene:
        scene.model.eval()
        other = copy.deepcopy(scene.model)
        assert other(batch(1)).shape == (4, 3)
        file = io.BytesIO()
        torch.save(scene.model, file)
        file.seek(0)
        loaded = torch.load(file, **({"weights_only": False} if torch_hooks._takes_kwargs()
                                     else {}))
        assert torch.equal(loaded(batch(1)), scene.model(batch(1)))
        assert b"eigencam" not in file.getvalue()
        assert len(scene.batches()) == 1


@tap.case
def tracing_is_left_alone():
    with Scene() as scene:
        scene.model.eval()
        traced = torch.jit.trace(scene.model, batch(0))
        assert torch.equal(traced(batch(1)), scene.model(batch(1)))


@tap.case
def an_exception_in_a_forward_leaves_no_trace():
    with Scene() as scene:
        scene.model.eval()
        for x in (torch.rand(1, 1, 12, 10), torch.rand(2, 3, 12)):
            try:
                scene.model(x)
            except RuntimeError:
                continue
            raise AssertionError("a wrong shape was accepted")
        scene.model(batch(3))
        data = scene.batches()
    assert [np.allclose(m.array("images"), batch(3)) for m in data] == [True]


# ---- samples ----

@tap.case
def the_first_samples_of_an_epoch_go_out_with_what_the_layer_gave():
    kept = []
    with Scene("conv1") as scene:
        def keep(module, inputs, output):  # before ReLU changes it in place
            kept.append(output.detach().clone())
        scene.model.conv1.register_forward_hook(keep)
        scene.run(("train", 1, 2), ("eval", 3, 4, 5))
        messages = scene.batches()
    assert [len(m.array("images")) for m in messages] == [4, 1]
    assert [(m.header["step"], m.header["epoch"], m.header["mode"]) for m in messages] == \
        [(0, 1, "eval"), (1, 1, "eval")]
    images = np.concatenate([m.array("images") for m in messages])
    assert np.array_equal(images, torch.cat([batch(3), batch(4)])[:5].numpy())
    acts = np.concatenate([m.array("activations") for m in messages])
    assert np.array_equal(acts, torch.cat(kept[2:4])[:5].numpy())
    assert messages[0].header["data"]["activations"]["layout"] == "NCHW"


@tap.case
def what_a_stage_wants_goes_before_what_the_script_asks_for():
    with Scene(n_samples=5) as scene:
        scene.peer.want({"runs": ["run"], "modes": ["train"], "n_samples": 7})
        until("the want", lambda: scene.cam._session.publisher.wants("train", 1) == 7)
        scene.run(("train", 1, 2, 3), ("eval", 4))
        assert [(m.header["mode"], len(m.array("images"))) for m in scene.batches()] == \
            [("train", 4), ("train", 3)]


@tap.case
def nothing_is_copied_where_nothing_is_wanted():
    with Scene() as scene:
        scene.peer.want({"runs": ["run"], "modes": ["test"], "n_samples": 7})
        until("the want", lambda: scene.cam._session.publisher.wants("eval", 1) == 0)
        calls = []
        scene.cam._find = lambda *args: calls.append(args)
        scene.run(("eval", 1, 2))
        assert calls == [] and scene.cam._session._pending is None


@tap.case
def several_layers_are_several_outputs():
    with Scene({"early": "conv1", "late": "conv2"}, n_components=2, colormap="turbo") as scene:
        scene.run(("eval", 1))
        messages = scene.messages("hello", "batch")
    hello, data = (next(m for m in messages if m.type == kind) for kind in ("hello", "batch"))
    traces = [{key: str(value) for key, value in trace.items()} for trace in hello.header["traces"]]
    assert traces == [{"colormap": "turbo", "n_samples": "5", "n_components": "2",
                       "mode": "!train", "outputs": name, "activations": name}
                      for name in ("early", "late")], traces
    assert data.array("early").shape == (4, 4, 12, 10) and data.array("late").shape == (4, 6, 5, 4)


@tap.case
def a_list_names_outputs_after_its_layers():
    with Scene(["conv1", "conv2"]) as scene:
        scene.run(("eval", 1))
        assert sorted(scene.batches()[0].header["data"]) == ["conv1", "conv2", "images"]


@tap.case
def half_precision_goes_as_it_is():
    with Scene(n_samples=2) as scene, torch.autocast("cpu", dtype=torch.bfloat16):
        scene.run(("eval", 1))
        data = scene.batches()[0].header["data"]
    assert data["activations"]["type"] == "bfloat16" and data["images"]["type"] == "<f4"


@tap.case
def tokens_are_named_as_such():
    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.block = nn.Linear(3, 5)

        def forward(self, x):
            return self.block(x.flatten(2).transpose(1, 2)).mean(1)

    with Scene("block", model=Tokens()) as scene:
        scene.run(("eval", 1))
        tensor = scene.batches()[0].header["data"]["activations"]
    assert tensor["layout"] == "NLC" and tensor["shape"] == [4, 120, 5]


@tap.case
def images_are_found_among_the_inputs_or_by_a_function():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(4, 2, 3)

        def forward(self, scale, inputs):
            return self.conv(inputs["rgba"]) * scale

    model = Two()
    with Scene("conv", model=model, images=lambda scale, inputs: inputs["rgba"][:, :3]) as scene:
        model.eval()
        x = torch.rand(2, 4, 9, 9)
        model(torch.ones(1), {"rgba": x})
        assert np.array_equal(scene.batches()[0].array("images"), x[:, :3].numpy())
    assert torch_hooks.find_images((1, {"a": torch.ones(3), "b": [batch(0)]})).shape[0] == 4


@tap.case
def captions_are_those_of_their_batch():
    with Scene(n_samples=6) as scene:
        scene.model.eval()
        for seed in (1, 2, 3):
            scores = scene.model(batch(seed))
            scene.cam.preds(scores)
            scene.cam.labels([f"{seed}.{i}" for i in range(4)])
        messages = scene.batches()
    assert [m.header["data"]["labels"] for m in messages] == [["1.0", "1.1", "1.2", "1.3"],
                                                             ["2.0", "2.1"]]
    assert np.array_equal(messages[1].array("preds"), scene.model(batch(2))[:2].detach().numpy())


@tap.case
def one_caption_alone_waits_for_the_next_forward():
    with Scene(n_samples=8) as scene:
        publisher = scene.cam._session.publisher
        scene.model.eval()
        scene.model(batch(1))
        scene.cam.labels(torch.arange(4))
        assert publisher.stats.sent == 0
        scene.model(batch(2))
        assert publisher.stats.sent == 1
        scene.cam.flush()
        assert publisher.stats.sent == 2
        first, second = scene.batches()
    assert first.array("labels").tolist() == [0, 1, 2, 3] and "labels" not in second.header["data"]


@tap.case
def captions_of_another_number_are_told_and_left_out():
    with Scene() as scene, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        scene.run(("eval", 1))
        scene.cam.labels([1, 2, 3])
        assert "labels" not in scene.batches()[0].header["data"]
    assert any("3 labels for 4 samples" in str(w.message) for w in told), told


# ---- epochs ----

@tap.case
def an_evaluation_ends_when_the_model_trains_again():
    with Scene(mode="all", n_samples=1) as scene:
        scene.run(("train", 1), ("eval", 2), ("train", 3), ("eval", 4))
        messages = places(scene.messages("batch", "epoch_end"))
    assert messages == [(kind, mode, epoch) for epoch in (1, 2) for mode in ("train", "eval")
                        for kind in ("batch", "epoch_end")]


@tap.case
def epoch_end_ends_it_at_once():
    with Scene(n_samples=1) as scene:
        scene.run(("eval", 1))  # before any training
        scene.cam.epoch_end()
        scene.cam.epoch_end()
        scene.run(("train", 2), ("eval", 3))
        scene.cam.epoch_end()
        scene.run(("eval", 4))
        ends = [m for m in places(scene.messages("epoch_end")) if m[1] == "eval"]
    assert [epoch for _, _, epoch in ends] == [0, 1, 2]


@tap.case
def a_resumed_training_goes_on_counting():
    with Scene(epoch=10, n_samples=1) as scene:
        scene.run(("train", 1), ("eval", 2))
        assert [m.header["epoch"] for m in scene.batches()] == [11]


@tap.case
def test_mode_and_data_set_can_be_said():
    with Scene(n_samples=3) as scene:
        scene.run(("train", 1))
        scene.cam.ds_id = "clean"
        scene.run(("eval", 2))
        scene.cam.eval_mode, scene.cam.ds_id = "test", "noisy"
        scene.run(("eval", 3))
        topics = [m.topic for m in scene.batches()]
    assert topics == ["batch|eval|clean|run|", "batch|test|noisy|run|"]


@tap.case
def where_rank_0_evaluates_alone_its_world_is_1():
    with Scene(rank=0, world=4, eval_world=1, mode="all", n_samples=1) as scene:
        scene.run(("train", 1), ("eval", 2))
        worlds = [(m.header["mode"], m.header["world"])
                  for m in scene.messages("batch", "epoch_end")]
    assert worlds == [("train", 4)] * 2 + [("eval", 1)] * 2


@tap.case
def the_run_is_named_after_script_and_time():
    with Scene(run=None) as scene:
        assert scene.cam.run.startswith(f"watch-{time.strftime('%Y')}"), scene.cam.run
        again = eigencam.watch(Network(), "conv1", endpoint=scene.peer.endpoint)
        assert again.run != scene.cam.run
        again.close()


# ---- trouble ----

@tap.case
def without_a_stage_nothing_is_waited_for():
    waits, real = [], eigencam.Publisher.wait
    eigencam.Publisher.wait = lambda self, timeout: waits.append(timeout) or real(self, timeout)
    try:
        with Folder() as folder:
            model = Network()
            for endpoint in (f"ipc://{folder / 'nobody'}", "tcp://127.0.0.1:9"):
                cam = eigencam.watch(model, "conv2", endpoint=endpoint)
                for mode in (True, False, True):
                    model.train(mode)
                    for seed in range(10):
                        cam.preds(model(batch(seed)))
                assert cam.stats.sent == 0, cam.stats
                cam.close()
            assert waits == []
            with Scene() as scene:  # somebody listens: his subscriptions are awaited
                waits.clear()
                eigencam.watch(model, "conv2", endpoint=scene.peer.endpoint).close()
                assert len(waits) == 1, waits
    finally:
        eigencam.Publisher.wait = real


@tap.case
def a_forked_child_is_not_watched():
    with Scene() as scene:
        child = os.fork()
        if child == 0:
            scene.run(("eval", 1), ("train", 2))
            scene.cam.close()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        scene.run(("eval", 3))
        assert [np.allclose(m.array("images"), batch(3)) for m in scene.batches()] == [True]


@tap.case
def a_wrong_layer_is_named_with_those_there_are():
    for layer in ("conv9", ["conv1", "conv9"]):
        try:
            eigencam.watch(Network(), layer)
        except ValueError as error:
            assert "conv9" in str(error) and "conv1, act, conv2" in str(error), error
        else:
            raise AssertionError("accepted")


@tap.case
def inputs_without_images_are_told_once_and_training_goes_on():
    _common._said.clear()
    model = nn.Sequential(nn.Linear(3, 3))
    with Scene("0", model=model) as scene, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model.eval()
        for _ in range(3):
            assert model(torch.ones(2, 3)).shape == (2, 3)
    assert sum("no images" in str(w.message) for w in told) == 1, told


@tap.case
def copies_that_dataparallel_runs_are_told_about_once():
    _common._said.clear()
    with Scene() as scene, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        scene.model.eval()
        parallel = nn.DataParallel(scene.model)  # without GPUs it runs the model itself
        parallel(batch(1))
        assert not told, told
        replica = scene.model._replicate_for_data_parallel()
        assert replica(batch(2)).shape == replica(batch(3)).shape == (4, 3)
        assert len(scene.batches()) == 1
    assert sum("DistributedDataParallel" in str(w.message) for w in told) == 1, told


@tap.case
def at_exit_the_last_epoch_is_ended():
    with Peer() as peer:
        script = ("import sys, torch, eigencam; from torch import nn\n"
                  "m = nn.Sequential(nn.Conv2d(3, 2, 3)).eval()\n"
                  "cam = eigencam.watch(m, '0', endpoint=sys.argv[1], run='run')\n"
                  "print(cam._session.publisher.wait(60), flush=True)\n"
                  "m(torch.rand(2, 3, 8, 8))\n")
        child = subprocess.Popen([sys.executable, "-c", script, peer.endpoint],
                                 stdout=subprocess.PIPE, text=True)
        messages = [m.type for m in peer.received() if m.type != "hello"]
        assert child.wait(60) == 0 and child.stdout.read() == "True\n"
        child.stdout.close()
    assert messages == ["batch", "epoch_end", "bye"], messages


tap.main()
