"""The table of cases: every pair that the library exports, a file per family."""

from cases.activations import CASES as ACTIVATIONS
from cases.affine import CASES as AFFINE
from cases.arithmetic import CASES as ARITHMETIC
from cases.attention import CASES as ATTENTION
from cases.case import Case
from cases.conv import CASES as CONV
from cases.dropout import CASES as DROPOUT
from cases.embedding import CASES as EMBEDDING
from cases.losses import CASES as LOSSES
from cases.normalization import CASES as NORMALIZATION
from cases.pooling import CASES as POOLING
from cases.recurrent import CASES as RECURRENT
from cases.shapes import CASES as SHAPES

CASES = [
    *AFFINE,
    *ACTIVATIONS,
    *ARITHMETIC,
    *ATTENTION,
    *CONV,
    *DROPOUT,
    *EMBEDDING,
    *LOSSES,
    *NORMALIZATION,
    *POOLING,
    *RECURRENT,
    *SHAPES,
]

__all__ = ["CASES", "Case"]
