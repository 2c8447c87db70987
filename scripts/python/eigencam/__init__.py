"""See what a network looks at while it trains.

    cam = eigencam.watch(model, "layer4", classes=names)

sends a few images and activations of each epoch to an `eigencam stage`, which makes the
pictures; eigencam.up() starts one, with a gallery to look at. Publisher and Subscriber are the parts it is made of; eigencam.lightning,
eigencam.keras and eigencam.fastestimator fit into these frameworks.
"""
from eigencam.publisher import ALL, Publisher, Stats
from eigencam.subscriber import Result, Subscriber
from eigencam.up import Up, up

__version__ = "0.1.0"
__all__ = ["ALL", "Publisher", "Result", "Stats", "Subscriber", "Up", "up", "watch"]


def watch(model, layer, **options):
    """Publish a PyTorch model's images and activations while it trains and evaluates.

    layer         a layer's name ("layer4", "features.28"), a module, or several: a list or
                  {output: layer}, an output each
    classes       class names in the order of their values, or {name: value}
    n_samples     shown of each epoch: the first ones; "all"
    n_components  shown of each sample, or a share of the variance (0.9)
    mode          which pictures: "!train" (all but training), "all", "eval", ...
    outputs       the name of the results, with one layer
    run           default: the script's name and the time, the same on all ranks
    endpoint      of the stage: tcp://127.0.0.1:5560, or $EIGENCAM_ENDPOINT
    ds_id         the data set; the attribute may be changed while evaluating
    epoch         the last epoch that is done already, where a training is resumed
    eval_mode     what evaluation is called: eval, test or infer; may be changed too
    eval_world    how many ranks evaluate, where not all do: 1 if only rank 0 does
    rank, world   default: torch.distributed's, or torchrun's
    images        a function of the model's inputs that gives the images, where they are not
                  the first tensor (N,C,H,W) with 1 or 3 channels
    layout        of the activations: "NHWC", "NLC", ("NLC", height, width); or by layer
    Further options are the stage's: colormap="turbo", blend=0.5, normalize="image", ...

    An evaluation's epoch ends when the model trains again, by epoch_end(), or at exit. After a
    forward, labels(y) and preds(scores) add captions. Nothing waits and nothing fails where
    no stage is there. Returns a Watch; close() takes the hooks off.
    """
    from eigencam.torch_hooks import Watch
    return Watch(model, layer, **options)
