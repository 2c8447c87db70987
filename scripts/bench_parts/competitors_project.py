"""Projections on the leading principal components, as others compute them.

Each function takes one sample's activations (C, H, W) in float32 and the number
of components k, and returns the maps (k, H, W), signed so that the peak is
positive. `Library` calls libeigencam the same way. Run as a program, it compares
all results with a float64 SVD and prints microseconds a sample:

    OPENBLAS_CORETYPE=SKYLAKEX OPENBLAS_NUM_THREADS=1 \\
        /usr/bin/python3 competitors_project.py libeigencam.so [C,H,W ...]
"""

import ctypes
import sys
import time

import numpy as np

SHAPES = [
    (64, 8, 8), (2048, 7, 7), (512, 7, 7), (512, 14, 14), (768, 14, 14), (1024, 14, 14),
    (1024, 16, 16), (256, 28, 28), (256, 56, 56), (64, 112, 112), (64, 224, 224),
]


def positions_by_channels(activation):
    """(h*w, C), each column centred: the seed's first steps."""
    flat = activation.reshape(activation.shape[0], -1).T
    return flat - flat.mean(axis=0)


def with_peak_up(maps, shape):
    """Negate a map whose minimum is larger than its maximum in magnitude."""
    maps = maps.reshape((-1,) + shape[1:])
    low, high = maps.min(axis=(1, 2)), maps.max(axis=(1, 2))
    return np.where((-low > high)[:, None, None], -maps, maps)


def seed_svd(activation, k):
    """FastEstimator's trace as it first was: all singular vectors of both sides."""
    centred = positions_by_channels(activation)
    _, _, vt = np.linalg.svd(centred, full_matrices=True)
    return with_peak_up((centred @ vt[:k].T).T, activation.shape)


def economy_svd(activation, k):
    centred = positions_by_channels(activation)
    _, _, vt = np.linalg.svd(centred, full_matrices=False)
    return with_peak_up((centred @ vt[:k].T).T, activation.shape)


def scipy_gram(activation, k):
    """The Gram matrix of the smaller side and its k leading eigenpairs."""
    from scipy.linalg import eigh

    centred = positions_by_channels(activation)
    n, c = centred.shape
    gram = centred @ centred.T if n <= c else centred.T @ centred
    side = gram.shape[0]
    values, vectors = eigh(gram, subset_by_index=[side - k, side - 1], check_finite=False,
                           overwrite_a=True)
    values, vectors = values[::-1], vectors[:, ::-1]
    maps = vectors * np.sqrt(np.maximum(values, 0)) if n <= c else centred @ vectors
    return with_peak_up(maps.T, activation.shape)


def sklearn_randomized(activation, k):
    from sklearn.utils.extmath import randomized_svd

    u, s, _ = randomized_svd(positions_by_channels(activation), k, random_state=0)
    return with_peak_up((u * s).T, activation.shape)


def torch_svd(activation, k):
    import torch

    centred = torch.from_numpy(positions_by_channels(activation))
    _, _, vh = torch.linalg.svd(centred, full_matrices=False)
    return with_peak_up((centred @ vh[:k].T).T.numpy(), activation.shape)


COMPETITORS = {
    'seed, NumPy full SVD': seed_svd,
    'NumPy economy SVD': economy_svd,
    'SciPy eigh on the Gram': scipy_gram,
    'sklearn randomized_svd': sklearn_randomized,
    'torch svd': torch_svd,
}


def reference(activation, k):
    """The float64 SVD that all others are judged by."""
    return economy_svd(activation.astype(np.float64), k)


def error(maps, expected):
    """Largest difference over the component's largest magnitude, up to sign."""
    worst = 0.0
    for own, true in zip(maps, expected):
        off = min(np.abs(own - true).max(), np.abs(own + true).max())
        worst = max(worst, float(off / np.abs(true).max()))
    return worst


class Activation(ctypes.Structure):
    _fields_ = [('data', ctypes.c_void_p), ('dtype', ctypes.c_int),
                ('channels_last', ctypes.c_bool), ('c', ctypes.c_size_t),
                ('h', ctypes.c_size_t), ('w', ctypes.c_size_t)]


class Options(ctypes.Structure):
    _fields_ = [('n_components', ctypes.c_uint), ('variance', ctypes.c_double),
                ('sign', ctypes.c_int)]


class Projection(ctypes.Structure):
    _fields_ = [('maps', ctypes.POINTER(ctypes.c_float)),
                ('singular', ctypes.POINTER(ctypes.c_double)),
                ('explained', ctypes.POINTER(ctypes.c_double)),
                ('shown', ctypes.c_uint), ('components', ctypes.c_uint)]


class Library:
    """libeigencam through ctypes; one workspace, as a worker of the stage has."""

    FLOAT32 = 11  # ECAM_F32

    def __init__(self, path):
        self.lib = ctypes.CDLL(path)
        self.workspace = ctypes.c_void_p()
        if self.lib.ecam_workspace_create(ctypes.byref(self.workspace)) != 0:
            raise MemoryError('ecam_workspace_create')

    def project(self, activation, k):
        """Timed whole, the copy of the maps included."""
        c, h, w = activation.shape
        sample = Activation(activation.ctypes.data, self.FLOAT32, False, c, h, w)
        options = Options(k, 0.0, 0)
        out = Projection()
        status = self.lib.ecam_project(self.workspace, ctypes.byref(sample),
                                       ctypes.byref(options), ctypes.byref(out))
        if status != 0:
            raise RuntimeError(f'ecam_project gave status {status}')
        return np.ctypeslib.as_array(out.maps, (k, h, w)).copy()

    def close(self):
        self.lib.ecam_workspace_destroy(ctypes.byref(self.workspace))


def features(shape, rng, fields=24):
    """Rectified mixtures of smooth fields: spectra like those of ResNet layers."""
    c, h, w = shape
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    base = []
    for i in range(fields):
        a, b = rng.standard_normal(2) * (0.6 + 0.12 * i)
        wave = np.cos(rng.uniform(0, 6.28) + 6.28 * (a * y / h + b * x / w))
        base.append(1.4 * (1 + i) ** -0.6 * wave)
    mixed = np.tensordot(rng.standard_normal((c, fields)), np.stack(base), 1)
    noise = 0.6 * (rng.random(shape) + rng.random(shape) - 1)
    return np.maximum(mixed + noise - 0.5, 0).astype(np.float32)


def time_one(function, inputs, k, seconds):
    """Median and least microseconds; every call takes another input."""
    function(inputs[0], k)
    times, start = [], time.perf_counter()
    while len(times) < 3 or time.perf_counter() - start < seconds:
        begin = time.perf_counter()
        function(inputs[len(times) % len(inputs)], k)
        times.append((time.perf_counter() - begin) * 1e6)
    return float(np.median(times)), min(times)


def bytes_of_full_svd(shape):
    """What full_matrices=True allocates, at least."""
    n = shape[1] * shape[2]
    return 4 * (n * n + shape[0] ** 2)


def compare(library, shape, k=3, seconds=1.0, samples=8, competitors=None, memory=1 << 30):
    """{name: (median, least, error)} for one shape, in one run; the first name is
    libeigencam. Samples with close singular values judge nobody."""
    rng = np.random.default_rng(sum(shape))
    inputs = [features(shape, rng) for _ in range(samples)]
    expected = reference(inputs[0], k)
    results = {}
    for name, function in [('eigencam', library.project), *(competitors or COMPETITORS).items()]:
        if function is seed_svd and bytes_of_full_svd(shape) > memory:
            continue
        off = error(function(inputs[0], k), expected)
        results[name] = (*time_one(function, inputs, k, seconds), off)
    return results


def main():
    library = Library(sys.argv[1])
    shapes = [tuple(map(int, a.split(','))) for a in sys.argv[2:]] or SHAPES
    for shape in shapes:
        results = compare(library, shape)
        own = results['eigencam'][0]
        print(','.join(map(str, shape)))
        for name, (median, least, off) in results.items():
            print(f'  {name:24} {median:11.1f} us  least {least:11.1f}  {median / own:9.1f}x'
                  f'  error {off:.1e}')
    library.close()


if __name__ == '__main__':
    main()
