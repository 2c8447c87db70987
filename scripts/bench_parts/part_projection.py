"""Projection of one sample's activations on its three leading components."""
import numpy as np

import competitors
from harness import Target, Way, case, features, find, peak_error, ratio, take_turns
from library import Floor, Projector

TITLE = "Projection of a sample (C, H, W) on its top 3 components; error against a float64 SVD"
SHAPES = [(64, 8, 8), (2048, 7, 7), (512, 7, 7), (512, 14, 14), (768, 14, 14), (1024, 14, 14),
          (1024, 16, 16), (256, 28, 28), (256, 56, 56), (64, 112, 112), (64, 224, 224)]
K = 3
SECONDS = 4.0         # for each shape, all ways together
POOL = 48 << 20       # bytes of inputs: more than the second cache
FULL_SVD = 128 << 20   # bytes of singular vectors that a full SVD may give
INEXACT = 1e-2        # a competitor that is further off does not count
EXACT = 1e-5
LEAST_ITERATIONS = 11  # of Lanczos, on features that were rectified


def make_inputs(shape):
    rng = np.random.default_rng(sum(shape))
    count = max(4, min(16, POOL // (4 * int(np.prod(shape)))))
    return [features(shape, rng) for _ in range(count)]


def make_ways(setting, inputs):
    shape = inputs[0].shape
    ways = [Way("eigencam", lambda: Projector(setting, inputs, K), spread=True)]
    for name, project in competitors.PROJECTION.items():
        if project is competitors.seed_svd and competitors.seed_svd_bytes(shape) > FULL_SVD:
            continue
        ways.append(Way(name, lambda project=project: lambda i: project(inputs[i], K)))
    return ways


def compare(ways, inputs):
    """Every way's error; who is inexact is left out. The slow full SVD is
    compared on one input, the others on all."""
    expected = [competitors.economy_svd(a.astype(np.float64), K) for a in inputs]
    for way in ways:
        project = way.make()
        tried = range(1 if way.name == "the seed's NumPy" else len(inputs))
        way.error = max(peak_error(project(i), expected[i]) for i in tried)
    if ways[0].error > EXACT:
        raise ValueError(f"{inputs[0].shape}: eigencam is off by {ways[0].error:.1e}")
    return [way for way in ways if way.error <= INEXACT]


def floor_us(floor, shape, inputs):
    """The least of two ways: the Gram matrix of the smaller side, or the fewest
    Lanczos iterations; each bound by its multiply-adds and by its reads: the
    first from where the inputs lie, the others from where one fits."""
    c, positions = shape[0], shape[1] * shape[2]
    small, large = sorted((c, positions))
    size = 4 * c * positions
    first = floor.read_us(size, size * len(inputs))
    again = floor.read_us(size, size)
    project = 0 if positions <= c else 2 * K * c * positions
    gram = max((small * (small + 1) * large + project) / floor.gflops / 1e3,
               first + (again if project else 0))
    lanczos = max(4 * LEAST_ITERATIONS * c * positions / floor.gflops / 1e3,
                  first + (LEAST_ITERATIONS - 1) * again)
    return min(gram, lanczos)


def measure_shape(setting, shape, floor):
    inputs = make_inputs(shape)
    ways = compare(make_ways(setting, inputs), inputs)
    results = take_turns(ways, len(inputs), SECONDS, setting)
    limit = floor_us(floor, shape, inputs) / setting.threads / 1e6
    return case(",".join(map(str, shape)), results, floor=limit)


def measure(setting):
    floor = Floor(setting)
    return [measure_shape(setting, shape, floor) for shape in SHAPES]


def least_ratio(shape):
    if shape[1] == 7:
        return 3
    return 4 if shape[1] <= 28 else 3.5


def targets(cases):
    found = []
    for shape in SHAPES:
        name = ",".join(map(str, shape))
        found.append(Target(f"projection {name} against SciPy eigh on the Gram",
                            ratio(find(cases, name), "SciPy eigh on the Gram"), least_ratio(shape)))
    for name, least in (("2048,7,7", 2500), ("256,56,56", 800)):
        found.append(Target(f"projection {name} against the seed's NumPy",
                            ratio(find(cases, name), "the seed's NumPy"), least))
    return found
