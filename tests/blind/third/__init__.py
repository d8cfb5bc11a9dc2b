"""Wrong, right but suspicious, and dirty backward passes.

In a dirty specimen `wrong` names the gradients whose values are not the true ones when the first
backward after one forward is taken (a None counts; shape, container, dtype and number do not).
"""

from . import activations, affine, images, losses, nets, norms, sequences
from .dirty import DIRTY
from .right import RIGHT

WRONG = [
    specimen
    for family in (affine, activations, losses, norms, images, sequences, nets)
    for specimen in family.WRONG
]

__all__ = ["DIRTY", "RIGHT", "WRONG"]
