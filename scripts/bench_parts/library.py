"""libeigencam, and the shared module of tests/bench, through ctypes."""
import ctypes

import numpy as np


class Activation(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("dtype", ctypes.c_int),
                ("channels_last", ctypes.c_bool), ("c", ctypes.c_size_t),
                ("h", ctypes.c_size_t), ("w", ctypes.c_size_t)]


class Options(ctypes.Structure):
    _fields_ = [("n_components", ctypes.c_uint), ("variance", ctypes.c_double),
                ("sign", ctypes.c_int)]


class Projection(ctypes.Structure):
    _fields_ = [("maps", ctypes.c_void_p), ("singular", ctypes.c_void_p),
                ("explained", ctypes.c_void_p), ("shown", ctypes.c_uint),
                ("components", ctypes.c_uint)]


class Image(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("is_float", ctypes.c_bool),
                ("channels_last", ctypes.c_bool), ("channels", ctypes.c_uint),
                ("h", ctypes.c_size_t), ("w", ctypes.c_size_t)]


class Style(ctypes.Structure):
    _fields_ = [("colormap", ctypes.c_int), ("add", ctypes.c_bool), ("weight", ctypes.c_float)]


ECAM_F32 = 11
JET_ADDED = Style(0, True, 0.0)


class Library:
    """One workspace, as a worker of the stage has; for one thread."""

    def __init__(self, setting):
        self.lib = ctypes.CDLL(setting.built("src/libeigencam.so"))
        self.workspace = ctypes.c_void_p()
        self.call("ecam_workspace_create", ctypes.byref(self.workspace))

    def call(self, name, *arguments):
        status = getattr(self.lib, name)(*arguments)
        if status != 0:
            raise RuntimeError(f"{name} gave status {status}")


class Projector(Library):
    """Projects prepared inputs; what is timed ends with the maps in an array."""

    def __init__(self, setting, activations, k):
        super().__init__(setting)
        self.samples = [(ctypes.byref(Activation(a.ctypes.data, ECAM_F32, False, *a.shape)), a)
                        for a in activations]
        self.options, self.out = ctypes.byref(Options(k, 0.0, 0)), Projection()
        self.maps = np.empty((k,) + activations[0].shape[1:], np.float32)
        self.into, self.bytes = ctypes.c_void_p(self.maps.ctypes.data), self.maps.nbytes
        self.project = self.lib.ecam_project

    def __call__(self, i):
        status = self.project(self.workspace, self.samples[i][0], self.options,
                              ctypes.byref(self.out))
        if status != 0:
            raise RuntimeError(f"ecam_project gave status {status}")
        ctypes.memmove(self.into, self.out.maps, self.bytes)
        return self.maps


class Painter(Library):
    """Draws prepared pairs of image and map: its maximum, then the bytes."""

    def __init__(self, setting, pairs):
        super().__init__(setting)
        self.jobs = []
        for image, projection in pairs:
            last = image.shape[2] == 3
            h, w = image.shape[:2] if last else image.shape[1:]
            described = Image(image.ctypes.data, image.dtype == np.float32, last, 3, h, w)
            common = (self.workspace, ctypes.byref(described),
                      ctypes.c_void_p(projection.ctypes.data),
                      ctypes.c_size_t(projection.shape[0]), ctypes.c_size_t(projection.shape[1]),
                      ctypes.byref(JET_ADDED))
            self.jobs.append((common, image, projection))
        self.rgb = np.empty((h, w, 3), np.uint8)
        self.into = ctypes.c_void_p(self.rgb.ctypes.data)
        self.find_max, self.draw = self.lib.ecam_overlay_max, self.lib.ecam_overlay_draw
        self.divisor = ctypes.c_float()
        self.divisor_at = ctypes.byref(self.divisor)

    def __call__(self, i):
        common = self.jobs[i][0]
        if self.find_max(*common, self.divisor_at) or self.draw(*common, self.divisor, self.into):
            raise RuntimeError("an overlay was not drawn")
        return self.rgb


def load_shim(setting):
    lib = ctypes.CDLL(setting.built("tests/bench/libecam_bench_shim.so"))
    lib.shim_open.restype = lib.shim_bytes.restype = ctypes.c_void_p
    lib.shim_libpng_version.restype = lib.shim_spng_version.restype = ctypes.c_char_p
    for name in ("floor_gflops", "floor_read_gbs", "floor_copy_gbs"):
        getattr(lib, name).restype = ctypes.c_double
    for name in ("shim_eigencam", "shim_libpng", "shim_spng"):
        getattr(lib, name).restype = ctypes.c_size_t
    return lib


class Encoder:
    """A PNG encoder of the shared module: "eigencam", "libpng" or "spng"."""

    def __init__(self, setting, name, pictures):
        self.lib = load_shim(setting)
        self.shim = ctypes.c_void_p(self.lib.shim_open())
        self.encode = getattr(self.lib, f"shim_{name}")
        self.jobs = [((self.shim, ctypes.c_void_p(p.ctypes.data), ctypes.c_size_t(p.shape[1]),
                       ctypes.c_size_t(p.shape[0])), p) for p in pictures]

    def __call__(self, i):
        """A view of the file, good until the next call."""
        size = self.encode(*self.jobs[i][0])
        if size == 0:
            raise RuntimeError("a picture was not encoded")
        return (ctypes.c_char * size).from_address(self.lib.shim_bytes(self.shim))


class Floor:
    """The limits of one core, measured now."""

    def __init__(self, setting):
        lib = load_shim(setting)
        self.gflops = lib.floor_gflops()
        sizes = {"L1": 24 << 10, "L2": 1 << 20, "L3": 16 << 20, "DRAM": 256 << 20}
        self.read_gbs = {name: lib.floor_read_gbs(ctypes.c_size_t(size))
                         for name, size in sizes.items()}
        self.copy_gbs = lib.floor_copy_gbs(ctypes.c_size_t(4 << 20))

    def facts(self):
        return {"fma_peak_gflops": self.gflops, "read_gbs": self.read_gbs,
                "copy_gbs": self.copy_gbs}

    def picture_us(self, size):
        """A picture that is made of another, and read again to be encoded."""
        return size / self.copy_gbs / 1e3 + self.read_us(size, size)

    def read_us(self, size, pool):
        """Reading `size` bytes that lie among `pool` bytes that are used in turn."""
        return size / self.read_gbs[level_of(pool)] / 1e3


def level_of(size):
    return "L1" if size <= 40 << 10 else "L2" if size <= 3 << 19 else "L3" if size <= 64 << 20 \
        else "DRAM"
