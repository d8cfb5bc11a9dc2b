"""Cases of the convolutions."""

import reference.conv as naive
from cases.case import Case, normal
from nnlayers import (
    Conv1d,
    Conv2d,
    ConvTranspose2d,
    DepthwiseConv2d,
    conv1d_backward,
    conv1d_forward,
    conv2d_backward,
    conv2d_forward,
    conv_transpose2d_backward,
    conv_transpose2d_forward,
)

TORCH_NAMES = {"pad": "padding", "output_pad": "output_padding"}


def _case(name, operation, x, w, *, bias=True, layer=None, **settings):
    """Case of an operation on x of shape (N, *x); it knows the number of filters by w."""
    forward, backward, reference, torch_name, usual = OPERATIONS[operation]
    transposed = operation == "conv_transpose2d"
    filters = w[1] * settings.get("groups", 1) if transposed else w[0]
    theirs = {TORCH_NAMES.get(k, k): v for k, v in settings.items() if k != "workers"}
    return Case(
        name,
        forward,
        backward,
        normal(*x, parameters=[w, (filters,)][: 1 + bias]),
        reference,
        layer or (lambda *parameters: usual.of(*parameters, **settings)),
        settings=settings,
        parameters=1 + bias,
        torch=lambda torch, *a: getattr(torch.nn.functional, torch_name)(*a, **theirs),
    )


OPERATIONS = {
    "conv2d": (conv2d_forward, conv2d_backward, naive.conv2d, "conv2d", Conv2d),
    "conv1d": (conv1d_forward, conv1d_backward, naive.conv1d, "conv1d", Conv1d),
    "conv_transpose2d": (
        conv_transpose2d_forward,
        conv_transpose2d_backward,
        naive.conv_transpose2d,
        "conv_transpose2d",
        ConvTranspose2d,
    ),
}

CASES = [
    _case("conv2d", "conv2d", (2, 5, 4), (3, 2, 2, 3)),
    _case("conv2d, square", "conv2d", (3, 3, 3), (3, 3, 3, 3), pad=1),
    _case("conv2d, padded, without bias", "conv2d", (2, 4, 5), (4, 2, 3, 3), pad=1, bias=False),
    _case("conv2d, stride that does not divide", "conv2d", (2, 6, 5), (3, 2, 3, 2), stride=2),
    _case(
        "conv2d, pairs",
        "conv2d",
        (2, 4, 7),
        (3, 2, 3, 2),
        stride=(1, 2),
        pad=(2, 1),
        dilation=(2, 3),
    ),
    _case(
        "conv2d, stride and dilation with a common divisor",
        "conv2d",
        (2, 7, 8),
        (3, 2, 2, 3),
        stride=(4, 2),
        dilation=(2, 2),
        pad=(0, 1),
    ),
    _case("conv2d, more padding than taps", "conv2d", (2, 3, 2), (3, 2, 2, 1), pad=(3, 1)),
    _case("conv2d, groups", "conv2d", (4, 4, 3), (6, 2, 2, 3), groups=2, pad=1),
    _case("conv2d, one tap", "conv2d", (2, 4, 5), (3, 2, 1, 1)),
    _case("conv2d, one tap, stride, groups", "conv2d", (4, 5, 3), (6, 2, 1, 1), groups=2, stride=2),
    _case("conv2d, two windows in a row", "conv2d", (2, 3, 6), (3, 2, 2, 5), pad=(0, 2)),
    _case("conv2d, two workers", "conv2d", (2, 4, 3), (3, 2, 2, 3), pad=1, workers=2),
    _case(
        "conv2d, depthwise",
        "conv2d",
        (3, 5, 4),
        (3, 1, 2, 3),
        groups=3,
        pad=1,
        layer=lambda w, b: DepthwiseConv2d.of(w, b, pad=1),
    ),
    _case(
        "conv2d, depthwise, two filters each",
        "conv2d",
        (3, 5, 4),
        (6, 1, 3, 2),
        groups=3,
        stride=2,
        pad=(1, 0),
        dilation=(1, 2),
        workers=2,
        bias=False,
        layer=lambda w: DepthwiseConv2d.of(
            w, multiplier=2, stride=2, pad=(1, 0), dilation=(1, 2), workers=2
        ),
    ),
    _case("conv1d", "conv1d", (2, 7), (3, 2, 4)),
    _case("conv1d, square", "conv1d", (3, 3), (3, 3, 3), pad=1),
    _case("conv1d, strided", "conv1d", (2, 8), (3, 2, 3), stride=3, pad=2, dilation=2, bias=False),
    _case("conv1d, groups", "conv1d", (4, 5), (6, 2, 3), groups=2, pad=1),
    _case("conv_transpose2d", "conv_transpose2d", (2, 4, 3), (2, 3, 2, 4)),
    _case("conv_transpose2d, square", "conv_transpose2d", (3, 3, 3), (3, 3, 3, 3), pad=1),
    _case(
        "conv_transpose2d, strided",
        "conv_transpose2d",
        (2, 4, 3),
        (2, 3, 3, 4),
        stride=(2, 3),
        pad=(1, 0),
        output_pad=(1, 2),
    ),
    _case(
        "conv_transpose2d, dilated, groups",
        "conv_transpose2d",
        (4, 3, 2),
        (4, 3, 2, 3),
        stride=2,
        dilation=(3, 2),
        output_pad=(2, 0),
        groups=2,
        bias=False,
    ),
    _case(
        "conv_transpose2d, depthwise",
        "conv_transpose2d",
        (3, 4, 2),
        (3, 1, 3, 2),
        stride=2,
        pad=1,
        groups=3,
        workers=2,
    ),
    _case("conv_transpose2d, one tap", "conv_transpose2d", (2, 3, 4), (2, 3, 1, 1)),
]
