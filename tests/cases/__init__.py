"""The table of cases: every pair that the library exports, a file per family."""

from cases.activations import CASES as ACTIVATIONS
from cases.affine import CASES as AFFINE
from cases.attention import CASES as ATTENTION
from cases.case import Case
from cases.dropout import CASES as DROPOUT
from cases.embedding import CASES as EMBEDDING
from cases.losses import CASES as LOSSES
from cases.normalization import CASES as NORMALIZATION
from cases.recurrent import CASES as RECURRENT

CASES = [
    *ACTIVATIONS,
    *AFFINE,
    *ATTENTION,
    *DROPOUT,
    *EMBEDDING,
    *LOSSES,
    *NORMALIZATION,
    *RECURRENT,
]

__all__ = ["CASES", "Case"]
