"""eigencam.watch and torch.compile. Needs PyTorch 2: run by scripts/test-integrations."""
import os
import warnings

import torch
from peer import LIBRARIES, Peer
from support import tap
from torch import nn

import eigencam
from eigencam import _common

BACKEND = os.environ.get("BACKEND", "inductor")


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True),
                                      nn.Conv2d(4, 6, 3), nn.ReLU())
        self.head = nn.Linear(6, 3)

    def forward(self, pixels):
        return self.head(self.features(pixels).mean((2, 3)))


def check(make, inputs=lambda x: ((x,), {})):
    """One batch through what `make(model, watch)` returns: as sent, and as computed plainly."""
    torch._dynamo.reset()
    torch.manual_seed(0)
    model, x = Network().eval(), torch.rand(4, 3, 12, 10)
    with torch.no_grad():
        expected, acts = model(x), model.features[:3](x)
        with Peer() as peer:
            def watch(target):
                cam = eigencam.watch(target, "features.2", run="run", endpoint=peer.endpoint,
                                     n_samples=6, library=LIBRARIES[-1])
                peer.await_subscribed(cam._session.publisher)
                return cam

            run, cam = make(model, watch)
            args, kwargs = inputs(x)
            for _ in range(2):
                assert torch.allclose(run(*args, **kwargs), expected, atol=1e-5)
            cam.close()
            batches = [m for m in peer.received() if m.type == "batch"]
    assert [len(m.array("images")) for m in batches] == [4, 2], batches
    assert (batches[0].array("images") == x.numpy()).all()
    assert abs(batches[0].array("activations") - acts.numpy()).max() < 1e-5


@tap.case
def a_model_that_is_compiled_after_watch():
    def make(model, watch):
        cam = watch(model)
        return torch.compile(model, backend=BACKEND), cam
    check(make)


@tap.case
def a_compiled_model_that_is_watched():
    def make(model, watch):
        compiled = torch.compile(model, backend=BACKEND)
        return compiled, watch(compiled)
    check(make)


@tap.case
def a_model_compiled_in_place():
    def make(model, watch):
        model.compile(backend=BACKEND)
        return model, watch(model)
    check(make)


@tap.case
def inputs_by_name():
    check(lambda model, watch: (model, watch(model)), lambda x: ((), {"pixels": x}))


@tap.case
def a_model_that_was_compiled_and_used_before_works_or_says_why_not():
    _common._said.clear()

    def make(model, watch):
        compiled = torch.compile(model, backend=BACKEND)
        compiled(torch.rand(4, 3, 12, 10))
        return compiled, watch(compiled)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            check(make)
        except AssertionError:
            assert any("call watch() first" in str(w.message) for w in told), told


@tap.case
def gradients_of_a_compiled_model_are_what_they_were():
    torch._dynamo.reset()
    torch.manual_seed(0)
    model, x = Network(), torch.rand(4, 3, 12, 10)
    model(x).square().sum().backward()
    expected = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    with Peer() as peer:
        cam = eigencam.watch(model, "features.2", run="run", endpoint=peer.endpoint, mode="all",
                             library=LIBRARIES[-1])
        peer.await_subscribed(cam._session.publisher)
        torch.compile(model, backend=BACKEND)(x).square().sum().backward()
        cam.close()
    for p, grad in zip(model.parameters(), expected):
        assert torch.allclose(p.grad, grad, atol=1e-5)


tap.main()
