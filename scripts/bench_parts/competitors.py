"""What a user would run instead of eigencam, in Python: all of it is here.

Every function is written as its library's documentation would have it, without
our own insights, and gives the same result as eigencam up to what a part's
comparison allows. What is not installed is left out by the parts.
"""
import io

import cv2
import numpy as np

# ---- projection: activations (C, H, W) in float32 to maps (k, H, W) ----


def positions_by_channels(activation):
    """(H*W, C), each column centred: the first steps of every way."""
    flat = activation.reshape(activation.shape[0], -1).T
    return flat - flat.mean(axis=0)


def peak_up(maps, shape):
    """Negate a map whose minimum is larger than its maximum in magnitude."""
    maps = maps.reshape((-1,) + shape[1:])
    low, high = maps.min(axis=(1, 2)), maps.max(axis=(1, 2))
    return np.where((-low > high)[:, None, None], -maps, maps)


def seed_svd(activation, k):
    """FastEstimator's trace as it first was: all singular vectors of both sides."""
    centred = positions_by_channels(activation)
    _, _, vt = np.linalg.svd(centred, full_matrices=True)
    return peak_up((centred @ vt[:k].T).T, activation.shape)


def seed_svd_bytes(shape):
    """Of the singular vectors that full_matrices=True gives; it works with more."""
    positions = shape[1] * shape[2]
    return 4 * (positions**2 + shape[0] ** 2)


def economy_svd(activation, k):
    centred = positions_by_channels(activation)
    _, _, vt = np.linalg.svd(centred, full_matrices=False)
    return peak_up((centred @ vt[:k].T).T, activation.shape)


def scipy_gram(activation, k):
    """The Gram matrix of the smaller side and its k leading eigenpairs."""
    from scipy.linalg import eigh

    centred = positions_by_channels(activation)
    positions, channels = centred.shape
    gram = centred @ centred.T if positions <= channels else centred.T @ centred
    side = len(gram)
    values, vectors = eigh(gram, subset_by_index=[side - k, side - 1], check_finite=False,
                           overwrite_a=True)
    values, vectors = values[::-1], vectors[:, ::-1]
    if positions <= channels:
        maps = vectors * np.sqrt(np.maximum(values, 0))
    else:
        maps = centred @ vectors
    return peak_up(maps.T, activation.shape)


def sklearn_randomized(activation, k):
    from sklearn.utils.extmath import randomized_svd

    u, s, _ = randomized_svd(positions_by_channels(activation), k, random_state=0)
    return peak_up((u * s).T, activation.shape)


def torch_svd(activation, k):
    import torch

    centred = torch.from_numpy(positions_by_channels(activation))
    _, _, vh = torch.linalg.svd(centred, full_matrices=False)
    return peak_up((centred @ vh[:k].T).T.numpy(), activation.shape)


PROJECTION = {
    "SciPy eigh on the Gram": scipy_gram,
    "sklearn randomized_svd": sklearn_randomized,
    "torch svd": torch_svd,
    "NumPy economy SVD": economy_svd,
    "the seed's NumPy": seed_svd,
}

# ---- drawing: an image and a signed map to display bytes (H, W, 3) ----


def heat(projection, width, height):
    """Positive part, resized, 0..1, JET: float32 (H, W, 3)."""
    mask = cv2.resize(np.maximum(projection, 0), (width, height))
    mask = mask - np.min(mask)
    peak = np.max(mask)
    if peak > 0:
        mask = mask / peak
    coloured = cv2.applyColorMap(np.uint8(255 * mask), cv2.COLORMAP_JET)
    return np.float32(cv2.cvtColor(coloured, cv2.COLOR_BGR2RGB)) / 255


def as_float(image):
    return np.float32(image) / 255 if image.dtype == np.uint8 else image


def display_bytes(overlay):
    """The viewer's rules: what is within a known range by that, else each channel
    by its own."""
    low, high = np.min(overlay), np.max(overlay)
    if low >= 0 and high <= 1:
        return np.uint8(overlay * 255)
    if -0.5 <= low < 0 < high <= 0.5:
        return np.uint8((overlay + 0.5) * 255)
    if -1 <= low < 0 < high <= 1:
        return np.uint8((overlay + 1) * 127.5)
    most = np.abs(np.max(overlay, axis=(0, 1)))
    least = np.abs(np.min(overlay, axis=(0, 1)))
    return np.uint8((overlay + least) / (most + least) * 255)


def draw_numpy_opencv(image, projection):
    """image: (H, W, 3), or (3, H, W) as trainers with PyTorch have it."""
    if image.shape[0] == 3:
        image = np.moveaxis(image, 0, -1)
    height, width = image.shape[:2]
    overlay = heat(projection, width, height) + as_float(image)
    return display_bytes(overlay / np.max(overlay))


# ---- PNG: RGB bytes (H, W, 3) to a file's bytes ----


def png_cv2(picture):
    return cv2.imencode(".png", picture)[1]


def png_pillow(picture):
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(picture).save(out, "PNG")
    return out.getbuffer()


# ---- the end of an epoch, in the training process ----


def seed_overlays(images, activations, k, project=seed_svd):
    """Display bytes [k][n]; a component's overlays share one maximum."""
    maps = [project(activation, k) for activation in activations]
    height, width = images.shape[1:3]
    shown = []
    for component in range(k):
        overlays = [heat(own[component], width, height) + as_float(image)
                    for own, image in zip(maps, images)]
        peak = max(np.max(overlay) for overlay in overlays)
        shown.append([display_bytes(overlay / peak) for overlay in overlays])
    return shown


def seed_grid(images, overlays, labels, preds):
    """FastEstimator's image grid as its ImageSaver writes it: columns of 200 pixels
    at 96 dots an inch, 50 between them; saved at 300, cut to what is drawn."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.gridspec import GridSpec

    columns = [("label", labels), ("prediction", preds), ("image", images)]
    columns += [(f"Component {i}", own) for i, own in enumerate(overlays)]
    width, height = 250 * len(columns) - 50, 200 * len(images) + 40
    figure = Figure(figsize=(width / 96, height / 96), dpi=96)
    FigureCanvasAgg(figure)
    grid = GridSpec(len(images), width, figure=figure, left=0, right=1, bottom=10 / height,
                    top=1 - 30 / height, hspace=0.05, wspace=0)
    for row in range(len(images)):
        for column, (title, cells) in enumerate(columns):
            axis = figure.add_subplot(grid[row, 250 * column:250 * column + 200])
            axis.set_axis_off()
            if isinstance(cells[row], str):
                axis.text(0.5, 0.5, cells[row], ha="center", va="center", wrap=False)
            else:
                axis.imshow(cells[row])
            if row == 0:
                axis.set_title(title)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=300, bbox_inches="tight")
    return out.getbuffer()


def best_python_sample(image, activation, k):
    """The fastest of the above for one sample, pictures encoded."""
    maps = scipy_gram(activation, k)
    return [png_cv2(draw_numpy_opencv(image, own)) for own in maps]


def seed_sample(image, activation, k):
    maps = seed_svd(activation, k)
    return [png_cv2(draw_numpy_opencv(image, own)) for own in maps]
