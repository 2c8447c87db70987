"""How an overlay is drawn, in NumPy and OpenCV: what options are checked against."""
import cv2
import numpy as np

COLORMAPS = {"jet": cv2.COLORMAP_JET, "turbo": cv2.COLORMAP_TURBO,
             "viridis": cv2.COLORMAP_VIRIDIS, "inferno": cv2.COLORMAP_INFERNO}


def components(activations, k):
    """(k, h, w) projections of one sample (c, h, w), peaks positive; and the shares."""
    c, h, w = activations.shape
    a = activations.reshape(c, h * w).T.astype(np.float64)
    u, s, _ = np.linalg.svd(a - a.mean(axis=0), full_matrices=False)
    maps = (u * s)[:, :k].T.reshape(-1, h, w)
    peaks = [m if abs(m.min()) <= abs(m.max()) else -m for m in maps]
    return np.array(peaks), s ** 2 / (s ** 2).sum()


def heat(projection, size, colormap="jet"):
    """RGB in 0..1 at the image's size (h, w)."""
    mask = cv2.resize(np.maximum(projection, 0).astype(np.float32), size[::-1])
    mask -= mask.min()
    if mask.max() > 0:
        mask /= mask.max()
    level = (255 * mask).astype(np.uint8)
    if colormap == "gray":
        rgb = np.repeat(level[..., None], 3, axis=2)
    else:
        rgb = cv2.applyColorMap(level, COLORMAPS[colormap])[..., ::-1]
    return rgb.astype(np.float32) / 255


def blend(image, projection, colormap="jet", weight=None):
    """The overlay before it is divided; image: uint8 (3, h, w)."""
    base = image.transpose(1, 2, 0).astype(np.float32) / 255
    over = heat(projection, base.shape[:2], colormap)
    return base + over if weight is None else (1 - weight) * base + weight * over


def share_off(rgb, overlay, divisor, step=6):
    """The share of pixels that are not (x / divisor) * 255 within `step`."""
    expected = (overlay / divisor * 255).astype(int)
    return (np.abs(rgb.astype(int) - expected).max(axis=-1) > step).mean()
