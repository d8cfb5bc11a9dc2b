"""Images from the web, as cs231n's ``image_utils.py`` loads them to show them with captions."""

import numpy as np

from nnlayers.layers.checks import complaint

__all__ = ["image_from_url"]

PATIENCE = 10.0  # seconds


def image_from_url(url):
    """Load an image from the web; this is all that ever asks a network for anything.

    Parameters
    ----------
    url : str
        Address of the image, which begins with http:// or https://.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3) or (H, W), or None
        The image, or None if it is not to be had: the reason is printed, so that a loop over many
        images goes on, as in the course.

    Raises
    ------
    ValueError
        If the address is of something else than the web.
    ImportError
        If Pillow, which reads images, is not installed.
    """
    url, op = str(url), "image_from_url"
    if not url.startswith(("http://", "https://")):
        raise complaint(ValueError, op, f"url must begin with http:// or https://, not {url!r}")
    try:
        from PIL import Image
    except ImportError:
        fix = "pip install 'nnlayers[plot]'"
        raise complaint(ImportError, op, "images are read by Pillow", fix) from None
    import io
    import urllib.request

    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            return np.asarray(Image.open(io.BytesIO(answer.read())))
    except OSError as error:  # no network, no such page, or no image
        print(f"image_from_url: {url}: {error}")
        return None
