"""Cases of the embedding."""

import reference.embedding as naive
from cases.case import Case
from nnlayers import Embedding, embedding_backward, embedding_forward


def _embedding(name, *shape, features=3, **settings):
    """Case of indices of shape (N, *shape) into 5 rows; every row is looked up, most repeatedly."""

    def make(rng, N):
        idx = rng.integers(0, 5, (N, *shape))
        idx.ravel()[:5] = range(idx.size)[:5]
        return idx, rng.standard_normal((5, features))

    return Case(
        name,
        embedding_forward,
        embedding_backward,
        make,
        naive.embedding,
        lambda w: Embedding.of(w, **settings),
        settings=settings,
        parameters=1,
        torch=lambda torch, idx, w: _torch(torch, idx, w, **settings),
    )


def _torch(torch, idx, w, padding=None):
    if padding is not None:  # there its row is 0 by convention alone
        w = w * (torch.arange(len(w)) != padding)[:, None]
    return torch.nn.functional.embedding(idx, w, padding_idx=padding)


CASES = [
    _embedding("embedding of sequences", 4),
    _embedding("embedding of single words"),
    _embedding("embedding, square", 5, features=5),
    _embedding("embedding with padding", 4, padding=2),
]
