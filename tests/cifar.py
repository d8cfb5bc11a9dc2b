"""A small stand-in for CIFAR-10, in files as the courses keep it, which nets can learn."""

import pickle

import numpy as np


def write_folder(top, images_per_file=40):
    """Write cs231n/datasets/cifar-10-batches-py: images whose quarters have colours of a class."""
    place = top / "cs231n" / "datasets" / "cifar-10-batches-py"
    place.mkdir(parents=True)
    rng = np.random.default_rng(0)
    colours = rng.integers(30, 226, (10, 3, 2, 2))
    for name in [*(f"data_batch_{b}" for b in range(1, 6)), "test_batch"]:
        labels = rng.permutation(np.arange(images_per_file) % 10)
        images = np.kron(colours[labels], np.ones((16, 16)))
        images = np.clip(images + rng.normal(0, 30, images.shape), 0, 255).astype(np.uint8)
        batch = {"data": images.reshape(images_per_file, 3072), "labels": labels.tolist()}
        (place / name).write_bytes(pickle.dumps(batch, protocol=2))
    return place
