"""What results are called in a tracker."""
import hashlib
import re

_MLFLOW, _WANDB = r"[^A-Za-z0-9_. -]", r"[^A-Za-z0-9_-]"
_LONGEST = 60  # of a name: keys become file names, of at most 255 bytes with all that is added


def clean(name, banned, marked=False):
    """The name in accepted characters. One that had to be changed (or `marked`, any) ends with
    some digits of its hash, so that two names never become one."""
    kept = re.sub(banned, "_", name)[:_LONGEST]
    if kept == name and not marked:
        return name
    return f"{kept}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _place(header):
    """Of an epoch's picture: which. The first page of a sheet is the sheet."""
    parts = [f"{letter}{header[key]}" for letter, key in (("s", "sample"), ("c", "component"))
             if key in header]
    return parts + ([f"p{header['page']}"] if header.get("page") else [])


def mlflow_key(header, kind=None, *place):
    """eigencam.eval.overlay.s0.c1: without `/ % + #`, which its paths don't survive."""
    return ".".join([clean(header["output"], _MLFLOW), header["mode"], kind or header["type"],
                     *(place or _place(header))])


def wandb_key(header, kind=None, *place):
    """eigencam/eval/overlay_s0_c1: a section an output; without dots, which nest."""
    return "/".join([clean(header["output"], _WANDB), header["mode"],
                     "_".join([kind or header["type"], *(place or _place(header))])])


def wandb_section(header):
    return f"{clean(header['output'], _WANDB)}/*"


def wandb_id(run):
    """The same for a run at every start."""
    return clean(run, _WANDB, marked=True)


def caption(header):
    """What a person wants to know beside the picture."""
    if header["type"] == "sheet":
        return f"epoch {header['epoch']}"
    words = [f"{key} {header[key]}" for key in ("label", "pred") if header.get(key) is not None]
    if header.get("explained") is not None:
        words.append(f"component {header['component']} ({100 * header['explained']:.1f} %)")
    if header.get("ds_id"):
        words.append(header["ds_id"])
    return ", ".join(words) or f"sample {header['sample']}"
