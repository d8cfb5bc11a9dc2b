"""Windows as columns, with which students write convolutions of their own, and images by URL."""

import http.server
import io
import sys
import threading

import numpy as np
import pytest

from nnlayers.course.cs231n.im2col import col2im_indices, get_im2col_indices, im2col_indices
from nnlayers.course.cs231n.image_utils import image_from_url
from nnlayers.course.cs231n.layers import conv_backward_naive, conv_forward_naive

SIZES = [  # N, C, H, W, HH, WW, padding, stride
    (2, 3, 5, 4, 3, 3, 1, 1),
    (3, 2, 7, 6, 3, 2, 0, 2),
    (1, 1, 4, 8, 2, 3, 2, 3),
    (0, 2, 4, 4, 2, 2, 0, 2),
]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("N, C, H, W, HH, WW, padding, stride", SIZES)
class TestColumns:
    def test_entry_by_entry(self, rng, N, C, H, W, HH, WW, padding, stride):
        x = rng.standard_normal((N, C, H, W)).astype(np.float32)
        cols = im2col_indices(x, HH, WW, padding, stride)
        assert cols.dtype == np.float32
        padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
        corners = [
            (top, left)
            for top in range(0, H + 2 * padding - HH + 1, stride)
            for left in range(0, W + 2 * padding - WW + 1, stride)
        ]
        expected = [
            padded[n, :, top : top + HH, left : left + WW].ravel()
            for top, left in corners
            for n in range(N)
        ]
        assert cols.shape == (C * HH * WW, len(corners) * N)
        assert np.array_equal(cols, np.reshape(expected, (len(corners) * N, C * HH * WW)).T)
        k, i, j = get_im2col_indices(x.shape, HH, WW, padding, stride)
        assert k.shape == (C * HH * WW, 1)
        by_index = padded[:, k, i, j].transpose(1, 2, 0)
        assert np.array_equal(by_index.reshape(cols.shape), cols)

    def test_col2im_is_the_backward(self, rng, N, C, H, W, HH, WW, padding, stride):
        x = rng.standard_normal((N, C, H, W))
        cols = im2col_indices(x, HH, WW, padding, stride)
        weights = rng.standard_normal(cols.shape)
        gradient = col2im_indices(weights, x.shape, HH, WW, padding, stride)
        assert gradient.shape == x.shape
        # the map is linear, and this its adjoint: <weights, im2col e> for each unit image e
        for index in np.ndindex(x.shape):
            unit = np.zeros(x.shape)
            unit[index] = 1.0
            moved = np.sum(weights * im2col_indices(unit, HH, WW, padding, stride))
            assert gradient[index] == pytest.approx(moved, abs=1e-12)

    def test_a_convolution_of_ones_own(self, rng, N, C, H, W, HH, WW, padding, stride):
        x, w, b = (rng.standard_normal(s) for s in ((N, C, H, W), (4, C, HH, WW), (4,)))
        conv_param = {"stride": stride, "pad": padding}
        out, cache = conv_forward_naive(x, w, b, conv_param)
        cols = im2col_indices(x, HH, WW, padding, stride)
        mine = (w.reshape(4, -1) @ cols + b[:, None]).reshape(4, *out.shape[2:], N)
        assert np.allclose(mine.transpose(3, 0, 1, 2), out, rtol=1e-12, atol=1e-12)
        dout = rng.standard_normal(out.shape)
        dx, dw, _ = conv_backward_naive(dout, cache)
        columns = dout.transpose(1, 2, 3, 0).reshape(4, cols.shape[1])
        mine = col2im_indices(w.reshape(4, -1).T @ columns, x.shape, HH, WW, padding, stride)
        assert np.allclose(mine, dx, rtol=1e-12, atol=1e-12)
        assert np.allclose((columns @ cols.T).reshape(w.shape), dw, rtol=1e-12, atol=1e-12)


def test_columns_refuse():
    def text(function, *args, **settings):
        with pytest.raises(ValueError) as caught:
            function(*args, **settings)
        return str(caught.value)

    assert text(im2col_indices, np.ones((2, 3, 4, 5)), 2, 2, 0, 2) == (
        "im2col_indices: windows must reach exactly to the border: "
        "W + 2 padding - window must be 0 or a multiple of 2, not 3; the images are (2, 3, 4, 5)"
    )
    assert "H + 2 padding - window must be 0 or a multiple of 1, not -1" in text(
        get_im2col_indices, (1, 1, 2, 5), 3, 1, 0
    )
    assert text(im2col_indices, np.ones((3, 4, 5)), 2, 2) == (
        "im2col_indices: images must be (N, C, H, W), not (3, 4, 5)"
    )
    assert text(im2col_indices, np.ones((1, 1, 4, 4)), 2, 2, stride=0) == (
        "im2col_indices: stride must be an integer of at least 1, not 0"
    )
    assert text(get_im2col_indices, (1, 1, 4, 4), 2, 2, padding=-1) == (
        "get_im2col_indices: padding must be an integer of at least 0, not -1"
    )
    assert text(col2im_indices, np.ones((9, 15)), (1, 1, 4, 4)) == (
        "col2im_indices: cols must be (9, 16), of windows 3 x 3: got cols (9, 15); "
        "the images are (1, 1, 4, 4)"
    )


@pytest.fixture
def site():
    """A web server on this machine, with one image and one page that is none."""
    image = pytest.importorskip("PIL.Image")
    pixels = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    file = io.BytesIO()
    image.fromarray(pixels).save(file, "png")
    pages = {"/cat.png": file.getvalue(), "/text": b"no image"}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path in pages else 404)
            self.end_headers()
            self.wfile.write(pages.get(self.path, b""))

        def log_message(self, *args):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", pixels
    server.shutdown()
    thread.join()
    server.server_close()


class TestImageFromUrl:
    def test_loading(self, site, capsys):
        address, pixels = site
        assert np.array_equal(image_from_url(f"{address}/cat.png"), pixels)
        assert np.array_equal(image_from_url(np.str_(f"{address}/cat.png")), pixels)
        assert capsys.readouterr().out == ""

    def test_what_is_not_to_be_had(self, site, capsys):
        address, _ = site
        assert image_from_url(f"{address}/dog.png") is None
        assert image_from_url(f"{address}/text") is None
        assert image_from_url("http://127.0.0.1:1/cat.png") is None
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == f"image_from_url: {address}/dog.png: HTTP Error 404: Not Found"
        assert lines[1].startswith(f"image_from_url: {address}/text: cannot identify image file")
        assert lines[2].startswith("image_from_url: http://127.0.0.1:1/cat.png: <urlopen error")

    def test_refuses(self, monkeypatch):
        with pytest.raises(ValueError) as caught:
            image_from_url("/etc/hostname")
        assert str(caught.value) == (
            "image_from_url: url must begin with http:// or https://, not '/etc/hostname'"
        )
        monkeypatch.setitem(sys.modules, "PIL", None)
        with pytest.raises(ImportError) as caught:
            image_from_url("http://127.0.0.1:1/cat.png")
        assert str(caught.value) == (
            "image_from_url: images are read by Pillow; pip install 'nnlayers[plot]'"
        )
