"""What both publishers share: names, defaults, and how to say a thing once."""
import os
import sys
import time
import warnings

ENDPOINT = "tcp://127.0.0.1:5560"
RESULTS = "tcp://127.0.0.1:5561"
MODES = ("train", "eval", "test", "infer")
_NAME_BYTES = 128


def default_endpoint():
    return os.environ.get("EIGENCAM_ENDPOINT", ENDPOINT)


def default_keys(key, server_key):
    """(key, server_key), from the environment where neither is given."""
    if key is None and server_key is None:
        key, server_key = (os.environ.get(name) or None
                           for name in ("EIGENCAM_KEY", "EIGENCAM_SERVER_KEY"))
    return key, server_key


def check_name(name, what, banned="|"):
    """A run or an output: 1 to 128 bytes of UTF-8, no control characters."""
    if not isinstance(name, str) or not 0 < len(name.encode()) <= _NAME_BYTES or \
            any(c in banned or ord(c) < 32 or 127 <= ord(c) < 160 for c in name):
        raise ValueError(f"{what} {name!r} is no name; expected 1 to {_NAME_BYTES} bytes without "
                         f"control characters and without any of {banned}")
    return name


def check_mode(mode):
    if mode not in MODES:
        raise ValueError(f"mode {mode!r} is not accepted; expected one of {', '.join(MODES)}")
    return mode


def check_ds_id(ds_id):
    return check_name(ds_id, "ds_id", ":;|") if ds_id else ""


def default_run():
    """The script's name and the time: "train-20260131-142501"."""
    script = os.path.splitext(os.path.basename(getattr(sys.modules.get("__main__"), "__file__",
                                                       "") or "python"))[0]
    clean = "".join(c if c.isalnum() or c in "-_." else "-" for c in script)[:80] or "python"
    return f"{clean}-{time.strftime('%Y%m%d-%H%M%S')}"


def label_mapping(classes):
    """{class name: value} of a list of names, or of such a map; None for none."""
    if classes is None:
        return None
    if hasattr(classes, "items"):
        return {str(name): int(value) for name, value in classes.items()}
    mapping = {}
    for value, name in enumerate(classes):
        mapping.setdefault(str(name), value)
    return mapping


_said = set()


def warn_once(key, text):
    """A warning that comes once a process, however often its cause does."""
    if key not in _said:
        _said.add(key)
        try:
            warnings.warn(f"eigencam: {text}", RuntimeWarning, stacklevel=3)
        except RuntimeWarning:  # made an error by -W: training shall go on all the same
            print(f"eigencam: {text}", file=sys.stderr)
