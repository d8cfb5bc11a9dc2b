"""What the classifiers share: their penalty, keywords of other courses, and files of parameters."""

import os

import numpy as np

from nnlayers.course.translation import check_keywords
from nnlayers.layers.checks import complaint
from nnlayers.training.bounds import non_negative
from nnlayers.training.checkpoints import differences, read, write
from nnlayers.training.penalties import L2

# keywords that belong to a class of another name, course or year, and what takes them
FOREIGN = (
    (("use_batchnorm",), 'it is normalization="batchnorm"'),
    (
        ("activation", "num_layer"),
        "nnlayers.course.i2dl.ClassificationNet takes them, whose penalty is reg · Σ W², not half",
    ),
    (
        ("input_size", "hidden_size", "output_size", "std"),
        "classifiers.neural_net.TwoLayerNet of cs231n and ClassificationNet of I2DL take them",
    ),
)


class Model:
    """A net with its parameters in ``params`` and running statistics in ``bn_params``."""

    def _start(self, reg, known, unknown):
        """Check keywords and the penalty's strength, which may be set anew at any time."""
        name = type(self).__name__
        check_keywords(name, unknown, known, FOREIGN)
        non_negative(name, "reg", reg)
        self.params, self.bn_params, self.reg = {}, [], reg

    def _penalised(self, loss, grads):
        """Return loss and gradients with 0.5 · reg · Σ W² of all weights W."""
        penalty = L2(self.reg)  # biases, scales and shifts are vectors and left out
        for name, dw in penalty.gradients(self).items():
            grads[name] = grads[name] + dw
        return loss + penalty.loss(self), grads

    def save(self, fname):
        """Write parameters and running statistics to a file, and say so.

        Parameters
        ----------
        fname : str or path
            The file, ``.npz`` whatever its name ends in; replaced whole or not at all.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        write(f"{type(self).__name__}.save", fname, self._arrays(), {"kind": "cs231n"})
        print(f"{os.fspath(fname)} saved.")

    def load(self, fname):
        """Read what :meth:`save` wrote, and say so.

        Parameters
        ----------
        fname : str or path
            The file.

        Returns
        -------
        bool
            Whether there is such a file.

        Raises
        ------
        ValueError
            If the file is damaged, foreign, or of a net that is built otherwise; nothing has
            changed then.
        """
        if not os.path.isfile(fname):
            print(f"{os.fspath(fname)} not available.")
            return False
        op = f"{type(self).__name__}.load"
        arrays, _ = read(op, fname)
        params = {name: array for name, array in arrays.items() if name.startswith("params/")}
        mine = {f"params/{name}": np.asarray(array) for name, array in self.params.items()}
        problems = differences(mine, params)
        if problems:
            raise complaint(
                ValueError,
                op,
                f"{os.fspath(fname)!r} does not fit the net: {'; '.join(problems)}",
                "build the net as it was built then; nothing was loaded",
            )
        self.params = {name: params[f"params/{name}"] for name in self.params}
        for i, bn_param in enumerate(self.bn_params):
            for name in ("running_mean", "running_var"):
                bn_param.pop(name, None)
                if f"state/{i}.{name}" in arrays:
                    bn_param[name] = arrays[f"state/{i}.{name}"]
        print(f"{os.fspath(fname)} loaded.")
        return True

    def _arrays(self):
        arrays = {f"params/{name}": np.asarray(array) for name, array in self.params.items()}
        for i, bn_param in enumerate(self.bn_params):
            for name in ("running_mean", "running_var"):
                if name in bn_param:
                    arrays[f"state/{i}.{name}"] = bn_param[name]
        return arrays
