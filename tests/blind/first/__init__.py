"""Held-out corpus: wrong, right but suspicious, and dirty backward passes.

In a dirty specimen `wrong` names the gradients whose values are not the true ones when the first
backward after one forward is taken (a missing value counts; shape, container and dtype do not).
"""

from .dirty import DIRTY
from .right import RIGHT
from .wrong_activations import WRONG as _activations
from .wrong_affine import WRONG as _affine
from .wrong_attention import WRONG as _attention
from .wrong_conv import WRONG as _conv
from .wrong_losses import WRONG as _losses
from .wrong_misc import WRONG as _misc
from .wrong_norms import WRONG as _norms
from .wrong_recurrent import WRONG as _recurrent

WRONG = [
    *_affine,
    *_activations,
    *_losses,
    *_norms,
    *_conv,
    *_recurrent,
    *_attention,
    *_misc,
]

__all__ = ["DIRTY", "RIGHT", "WRONG"]
