"""Every name of cs231n's files is in the module of that name, and takes the course's arguments."""

import importlib
import inspect

import pytest

from nnlayers.course import cs231n

SOLVER = "model data update_rule optim_config lr_decay batch_size num_epochs"
CONV, CONV_BACK, POOL = "x w b conv_param", "dout cache", "x pool_param"
NORM, BACK = "x gamma beta bn_param", "dout cache"
GROUP = "x gamma beta G gn_param"
RNN_STEP, LSTM_STEP = "x prev_h Wx Wh b", "x prev_h prev_c Wx Wh b"
SAMPLES = "num_training num_validation num_test subtract_mean"
NETS = "num_classes weight_scale reg"

NAMES = {
    "layers": {
        "affine_forward": "x w b", "affine_backward": BACK, "relu_forward": "x",
        "relu_backward": BACK, "softmax_loss": "x y", "svm_loss": "x y",
        "batchnorm_forward": NORM, "batchnorm_backward": BACK, "batchnorm_backward_alt": BACK,
        "layernorm_forward": "x gamma beta ln_param", "layernorm_backward": BACK,
        "dropout_forward": "x dropout_param", "dropout_backward": BACK,
        "conv_forward_naive": CONV, "conv_backward_naive": CONV_BACK,
        "max_pool_forward_naive": POOL, "max_pool_backward_naive": BACK,
        "spatial_batchnorm_forward": NORM, "spatial_batchnorm_backward": BACK,
        "spatial_groupnorm_forward": GROUP, "spatial_groupnorm_backward": BACK,
    },
    "fast_layers": {
        "conv_forward_fast": CONV, "conv_backward_fast": BACK,
        "conv_forward_im2col": CONV, "conv_backward_im2col": BACK,
        "conv_forward_strides": CONV, "conv_backward_strides": BACK,
        "max_pool_forward_fast": POOL, "max_pool_backward_fast": BACK,
        "max_pool_forward_im2col": POOL, "max_pool_backward_im2col": BACK,
        "max_pool_forward_reshape": POOL, "max_pool_backward_reshape": BACK,
    },
    "layer_utils": {
        "affine_relu_forward": "x w b", "affine_relu_backward": BACK,
        "conv_relu_forward": CONV, "conv_relu_backward": BACK,
        "conv_bn_relu_forward": "x w b gamma beta conv_param bn_param",
        "conv_bn_relu_backward": BACK,
        "conv_relu_pool_forward": "x w b conv_param pool_param", "conv_relu_pool_backward": BACK,
    },
    "rnn_layers": {
        "rnn_step_forward": RNN_STEP, "rnn_step_backward": "dnext_h cache",
        "rnn_forward": "x h0 Wx Wh b", "rnn_backward": "dh cache",
        "lstm_step_forward": LSTM_STEP, "lstm_step_backward": "dnext_h dnext_c cache",
        "lstm_forward": "x h0 Wx Wh b", "lstm_backward": "dh cache", "sigmoid": "x",
        "word_embedding_forward": "x W", "word_embedding_backward": BACK,
        "temporal_affine_forward": "x w b", "temporal_affine_backward": BACK,
        "temporal_softmax_loss": "x y mask verbose",
    },
    "optim": dict.fromkeys(("sgd", "sgd_momentum", "rmsprop", "adam"), "w dw config"),
    "solver": {
        "Solver": f"{SOLVER} num_train_samples num_val_samples checkpoint_name print_every verbose"
    },
    "captioning_solver": {"CaptioningSolver": f"{SOLVER} print_every verbose"},
    "gradient_check": {
        "eval_numerical_gradient": "f x verbose h",
        "eval_numerical_gradient_array": "f x df h",
        "eval_numerical_gradient_blobs": "f inputs output h",
        "eval_numerical_gradient_net": "net inputs output h",
        "grad_check_sparse": "f x analytic_grad num_checks h",
    },
    "im2col": {
        "get_im2col_indices": "x_shape field_height field_width padding stride",
        "im2col_indices": "x field_height field_width padding stride",
        "col2im_indices": "cols x_shape field_height field_width padding stride",
    },
    "vis_utils": {"visualize_grid": "Xs ubound padding", "vis_grid": "Xs", "vis_nn": "rows"},
    "image_utils": {"image_from_url": "url"},
    "features": {
        "extract_features": "imgs feature_fns verbose", "rgb2gray": "rgb", "hog_feature": "im",
        "color_histogram_hsv": "im nbin xmin xmax normalized",
    },
    "data_utils": {
        "load_pickle": "f", "load_CIFAR_batch": "filename", "load_CIFAR10": "ROOT",
        "get_CIFAR10_data": SAMPLES,
    },
    "coco_utils": {
        "load_coco_data": "base_dir max_train pca_features",
        "decode_captions": "captions idx_to_word",
        "sample_coco_minibatch": "data batch_size split",
    },
    "classifiers": {"LinearClassifier": "", "LinearSVM": "", "Softmax": ""},
    "classifiers.k_nearest_neighbor": {"KNearestNeighbor": ""},
    "classifiers.linear_classifier": {"LinearClassifier": "", "LinearSVM": "", "Softmax": ""},
    "classifiers.linear_svm": {
        "svm_loss_naive": "W X y reg", "svm_loss_vectorized": "W X y reg",
    },
    "classifiers.softmax": {
        "softmax_loss_naive": "W X y reg", "softmax_loss_vectorized": "W X y reg",
    },
    "classifiers.fc_net": {
        "TwoLayerNet": f"input_dim hidden_dim {NETS}",
        "FullyConnectedNet": "hidden_dims input_dim num_classes dropout_keep_ratio normalization "
        "reg weight_scale dtype seed",
    },
    "classifiers.cnn": {
        "ThreeLayerConvNet": f"input_dim num_filters filter_size hidden_dim {NETS} dtype"
    },
    "classifiers.rnn": {
        "CaptioningRNN": "word_to_idx input_dim wordvec_dim hidden_dim cell_type dtype"
    },
}  # fmt: skip

METHODS = {
    "KNearestNeighbor.train": "X y",
    "KNearestNeighbor.predict": "X k num_loops",
    "KNearestNeighbor.compute_distances_two_loops": "X",
    "KNearestNeighbor.compute_distances_one_loop": "X",
    "KNearestNeighbor.compute_distances_no_loops": "X",
    "KNearestNeighbor.predict_labels": "dists k",
    "LinearSVM.train": "X y learning_rate reg num_iters batch_size verbose",
    "Softmax.predict": "X",
    "Softmax.loss": "X_batch y_batch reg",
    "Softmax.save": "fname",
    "Softmax.load": "fname",
    "TwoLayerNet.loss": "X y",
    "TwoLayerNet.save": "fname",
    "FullyConnectedNet.loss": "X y",
    "FullyConnectedNet.load": "fname",
    "ThreeLayerConvNet.loss": "X y",
    "CaptioningRNN.loss": "features captions",
    "CaptioningRNN.sample": "features max_length",
    "Solver.train": "",
    "Solver.check_accuracy": "X y num_samples batch_size",
    "CaptioningSolver.train": "",
}


def positional(function):
    """Return the names of the arguments that may be given by position, without self."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(function).parameters.values()
    return [p.name for p in parameters if p.kind in kinds and p.name not in ("self", "rng")]


@pytest.mark.parametrize("module", NAMES)
def test_functions_and_classes(module):
    found = importlib.import_module(f"nnlayers.course.cs231n.{module}")
    for name, arguments in NAMES[module].items():
        assert positional(getattr(found, name)) == arguments.split(), name
        assert name in found.__all__
        assert getattr(cs231n, name) is getattr(found, name)  # on the package too
    assert all(hasattr(cs231n, name) for name in found.__all__)


@pytest.mark.parametrize("name", METHODS)
def test_methods(name):
    kind, method = name.split(".")
    assert positional(getattr(getattr(cs231n, kind), method)) == METHODS[name].split()


def test_the_net_of_which_there_are_two():
    neural_net = importlib.import_module("nnlayers.course.cs231n.classifiers.neural_net")
    assert positional(neural_net.TwoLayerNet) == ["input_size", "hidden_size", "output_size", "std"]
    assert neural_net.TwoLayerNet is not cs231n.TwoLayerNet
