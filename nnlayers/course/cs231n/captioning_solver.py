"""The solver of cs231n's ``captioning_solver.py``, for captions of images."""

from nnlayers.course.cs231n.coco_utils import sample_coco_minibatch
from nnlayers.course.cs231n.solver import Solver, check_model
from nnlayers.course.translation import check_keywords
from nnlayers.layers.checks import complaint, describe

__all__ = ["CaptioningSolver"]

_KNOWN = (
    "update_rule",
    "optim_config",
    "lr_decay",
    "batch_size",
    "num_epochs",
    "print_every",
    "verbose",
    "rng",
)


class CaptioningSolver(Solver):
    """Train a captioning net on the dict of ``load_coco_data``.

    Parameters
    ----------
    model : CaptioningRNN
        Or anything with ``params`` and ``loss(features, captions)``.
    data : dict
        ``train_captions``, ``train_image_idxs``, ``train_features``, ``train_urls``.
    update_rule, optim_config, lr_decay, batch_size, num_epochs, print_every, verbose, rng
        As for ``Solver``; there is no accuracy, and the model keeps its last parameters.

    Attributes
    ----------
    loss_history : list of float
        The loss of each step.
    """

    def __init__(
        self,
        model,
        data,
        update_rule="sgd",
        optim_config=None,
        lr_decay=1.0,
        batch_size=100,
        num_epochs=10,
        print_every=10,
        verbose=True,
        rng=None,
        **unknown,
    ):
        check_keywords("CaptioningSolver", unknown, _KNOWN)
        check_model("CaptioningSolver", model, "loss, grads = loss(features, captions)")
        self.model, self.print_every, self.verbose = model, print_every, verbose
        if not isinstance(data, dict) or "train_captions" not in data:
            raise complaint(
                TypeError,
                "CaptioningSolver",
                f"data must be the dict of load_coco_data, not {describe(data)}",
            )
        self.data = data
        self._settle(update_rule, optim_config, lr_decay, batch_size, num_epochs, rng)
        self._reset()

    def _step(self):
        captions, features, _ = sample_coco_minibatch(
            self.data, batch_size=self.batch_size, split="train", rng=self._draws
        )
        self._descend(*self.model.loss(features, captions))

    def _examples(self):
        return len(self.data["train_captions"])

    def _examine(self):
        """Note nothing: there is no accuracy, and so no best epoch."""
