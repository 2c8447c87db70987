"""What the figures were measured with: processor, core type, versions."""
import ctypes
import importlib
import os
import platform
import subprocess
import sys
from datetime import datetime, timezone

AVX512 = ("avx512f", "avx512dq", "avx512bw", "avx512vl")
MODULES = ("numpy", "scipy", "sklearn", "torch", "cv2", "PIL", "matplotlib")


def cpu_facts():
    """Model, and the flags that matter here."""
    model, flags = platform.machine(), set()
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                model = value.strip()
            elif key.strip() == "flags":
                flags = set(value.split())
    return model, flags


def has_avx512():
    return set(AVX512) <= cpu_facts()[1]


def better_core():
    """The OPENBLAS_CORETYPE that suits this processor; None where it is not known."""
    flags = cpu_facts()[1]
    if set(AVX512) <= flags:
        return "SKYLAKEX"
    return "HASWELL" if {"avx2", "fma"} <= flags else None


def openblas_core(environment):
    """The core type that a process with this environment gets."""
    code = ("import ctypes; lib = ctypes.CDLL('libopenblas.so.0');"
            "name = lib.openblas_get_corename; name.restype = ctypes.c_char_p;"
            "print(name().decode())")
    try:
        return subprocess.run([sys.executable, "-c", code], env=environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              check=True).stdout.strip()
    except subprocess.CalledProcessError:
        return "unknown"


def openblas_config():
    lib = ctypes.CDLL("libopenblas.so.0")
    lib.openblas_get_config.restype = ctypes.c_char_p
    return lib.openblas_get_config().decode()


def encoders(build):
    """The versions of libraries that the built module has linked."""
    lib, found = ctypes.CDLL(build / "tests" / "bench" / "libecam_bench_shim.so"), {}
    for name in ("libpng", "spng"):
        version = getattr(lib, f"shim_{name}_version")
        version.restype = ctypes.c_char_p
        found[name] = version().decode() if version() else None
    return found


def versions(root, build):
    """Of everything that takes part."""
    found = {"python": platform.python_version()}
    for name in MODULES:
        try:
            found[name] = importlib.import_module(name).__version__
        except ImportError:
            found[name] = None
    try:
        found["openblas"] = openblas_config()
    except OSError:
        found["openblas"] = None
    found.update(encoders(build))
    revision = subprocess.run(["git", "-C", root, "describe", "--always", "--dirty"], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    found["eigencam"] = revision.stdout.strip() or None
    return found


def facts(root, build, environment, plain_environment):
    model, flags = cpu_facts()
    return {"date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "processor": model, "cores": len(os.sched_getaffinity(0)),
            "avx512": set(AVX512) <= flags, "system": platform.platform(),
            "openblas_core": openblas_core(environment),
            "openblas_core_by_itself": openblas_core(plain_environment),
            "load_before": os.getloadavg()[0],
            "versions": versions(root, build)}
