"""Features of images of cs231n, of the last notebook of assignment 1."""

import colorsys

import numpy as np
import pytest

from nnlayers.course.cs231n.features import (
    color_histogram_hsv,
    extract_features,
    hog_feature,
    rgb2gray,
)


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (3, 16, 24, 3)).astype(float)


def test_rgb2gray():
    weights = rgb2gray(np.eye(3)[None])
    assert weights.tolist() == [[0.299, 0.587, 0.144]]  # the course's, of which 0.144 is a slip


def test_hog_by_hand(images):
    gray = images[0] @ [0.299, 0.587, 0.144]
    expected = np.zeros((3, 2, 9))
    for y in range(16):
        for x in range(24):
            gx = gray[y, x + 1] - gray[y, x] if x + 1 < 24 else 0.0
            gy = gray[y + 1, x] - gray[y, x] if y + 1 < 16 else 0.0
            angle = np.arctan2(gy, gx + 1e-15) * 180 / np.pi + 90
            if 0 < angle < 180:
                expected[x // 8, y // 8, int(angle // 20)] += np.sqrt(gx**2 + gy**2) / 64
    assert np.allclose(hog_feature(images[0]), expected.ravel())
    assert hog_feature(images[0]).shape == (54,)
    assert np.allclose(hog_feature(gray), expected.ravel())  # grey images too
    assert hog_feature(images[0, :9, :15]).shape == (9,)
    assert not hog_feature(np.full((8, 8, 3), 7)).any()


def test_an_edge_is_in_one_direction():
    image = np.zeros((8, 8))
    image[:, 4:] = 64.0
    histogram = hog_feature(image)
    assert histogram[4] == pytest.approx(8.0)  # to the right, 0 degrees: the fifth of nine bins
    assert np.count_nonzero(histogram) == 1


def test_hues_by_hand(images):
    images[0, :4, :4] = 99.0  # grey has the hue 0
    hues = [colorsys.rgb_to_hsv(*pixel)[0] * 255 for pixel in images[0].reshape(-1, 3) / 255]
    counts = np.histogram(hues, bins=np.linspace(0, 255, 11))[0]
    assert np.allclose(color_histogram_hsv(images[0]), counts / 384)
    assert color_histogram_hsv(images[0]).sum() == pytest.approx(1)
    assert np.allclose(color_histogram_hsv(images[0], normalized=False), counts * 25.5)
    assert color_histogram_hsv(images[0], nbin=4).shape == (4,)
    scaled = color_histogram_hsv(images[0] / 255, xmax=1)
    assert np.allclose(scaled, counts / 384, atol=2 / 384)


def test_extract_features(images, capsys):
    found = extract_features(images, [hog_feature, lambda im: color_histogram_hsv(im, nbin=5)])
    assert found.shape == (3, 59)
    assert np.array_equal(found[2, :54], hog_feature(images[2]))
    assert np.array_equal(found[2, 54:], color_histogram_hsv(images[2], nbin=5))
    many = np.zeros((2000, 1, 1, 3))
    extract_features(many, [lambda im: im], verbose=True)
    assert capsys.readouterr().out.splitlines() == [
        "Done extracting features for 1000 / 2000 images",
        "Done extracting features for 2000 / 2000 images",
    ]
    assert extract_features(images[:0], [hog_feature]).size == 0
    with pytest.raises(ValueError) as caught:
        extract_features(images, [rgb2gray])
    assert str(caught.value) == (
        "extract_features: rgb2gray must return a vector: got features (16, 24)"
    )
