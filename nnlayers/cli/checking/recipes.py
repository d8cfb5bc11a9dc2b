"""What the usual operations are called with: a row for each family, in the language of inputs.

A row lists the names of an operation, then one way or several of calling it; the first that
forward accepts and whose gradients fit is taken.  Names stand for roles: see ``ROLES`` for other
spellings.  A role that a function does not have is left out, so that one row serves many versions.
A way that begins with + is tried in addition, and does not count where forward refuses it.
"""

import functools
import re

from nnlayers.cli.checking.inputs import SIZES, parse_all

# other spellings of an argument's name, in lower case
ROLES = {
    "x": "x inp input inputs z a features feature data images image a_prev signal scores score "
    "logits logit y_hat yhat y_pred ypred pred preds predictions prediction probs prob p "
    "y_out output outputs out",
    "target": "y t target targets label labels y_true ytrue y_truth truth true y_onehot onehot "
    "ground_truth gt correct",
    "w": "w weight weights kernel kernels filters filter theta wx",
    "b": "b bias biases beta0",
    "gamma": "gamma g scale weight",
    "beta": "beta b shift bias",
    "idx": "x idx index indices ids tokens token words word captions inp input inputs",
    "table": "w weight weights emb embedding embeddings table e",
    "h": "h h0 h_prev prev_h hprev h_0 hidden state hx",
    "c": "c c0 c_prev prev_c cprev c_0 cell cx",
    "wx": "wx w_x wxh w_xh w_ih wih u wi",
    "wh": "wh w_h whh w_hh whx w_hx v",
    "q": "q query queries",
    "k": "k key keys",
    "v": "v value values",
    "mask": "mask attn_mask attention_mask",
    "keep": "p keep keep_prob keep_ratio keep_rate drop drop_prob drop_rate drop_ratio rate prob "
    "dropout dropout_prob dropout_rate ratio",
    "alpha": "alpha slope negative_slope leak leakiness a",
    "size": "size pool_size kernel_size kernel k window window_size pool ksize f pool_height",
    "pool_width": "pool_width",
    "low": "low lo lower min a_min min_val minimum",
    "high": "high hi upper max a_max max_val maximum",
    "pad": "pad padding p",
    "stride": "stride strides s",
    "groups": "groups g num_groups n_groups",
    "heads": "heads num_heads n_heads n_head h",
    "reg": "reg lam lambda_ weight_decay reg_strength l2",
    "running_mean": "running_mean mean moving_mean",
    "running_var": "running_var var variance moving_var",
    # of constructors: sizes, each called like the letter that it is
    "D": "d n_in nin in_features input_size input_dim in_dim dim_in d_in in_size fan_in inputs "
    "n_inputs features num_features n_features dim size width d_model n",
    "M": "m n_out nout out_features output_size output_dim out_dim dim_out d_out out_size fan_out "
    "outputs n_outputs units hidden hidden_size hidden_dim n_hidden h",
    "C": "c channels in_channels num_channels c_in",
    "F": "f filters out_channels num_filters n_filters c_out",
    "V": "v vocab vocab_size num_embeddings",
    "kernel": "kernel kernel_size ksize k",
}
ROLES = {role: frozenset(names.split()) for role, names in ROLES.items()}

# arguments for which no gradient is expected, whatever they hold
TARGETS = ROLES["target"] | {"mask", "running_mean", "running_var"}
# arguments that are certainly differentiated: a guess may not take them for constants
PARAMETERS = frozenset(("w", "b", "gamma", "beta", "wx", "wh", "h", "c", "q", "k", "v"))

# arguments that are settings, in any operation; of two, the first round has the first
SETTINGS = {
    "bn_param": "values:{'mode':'train','eps':1e-3,'momentum':0.9}",
    "ln_param": "values:{'eps':1e-3}",
    "gn_param": "values:{'eps':1e-3}",
    "dropout_param": "values:{'mode':'train','p':0.6,'seed':7}",
    "conv_param": "values:{'stride':1,'pad':1}|{'stride':2,'pad':1}",
    "pool_param": "values:{'pool_height':3,'pool_width':5,'stride':2}",
    "hparameters": "values:{'stride':1,'pad':1,'f':3}|{'stride':2,'pad':1,'f':3}",
    "leaky_relu_param": "values:{'alpha':0.3}",
    "train": "value:True",
    "training": "value:True",
    "is_training": "value:True",
    "train_mode": "value:True",
    "rng": "rng",
    "generator": "rng",
}
# settings that have no default in some function's signature
NEEDED = {
    "mode": "value:'train'",
    "eps": "value:1e-3",
    "epsilon": "value:1e-3",
    "momentum": "value:0.9",
    "axis": "value:1",
    "keepdims": "value:False",
    "verbose": "value:False",
    "reduction": "value:'mean'",
    "delta": "value:1.0",
    "margin": "value:1.0",
    "seed": "value:7",
    "stride": "value:1",
    "pad": "value:1",
    "padding": "value:1",
    "dilation": "value:1",
    "groups": "value:1",
    "need_dx": "value:True",
}

AFTER = "gamma=M beta=M"  # parameters of what may follow in one function: affine_bn_relu
FILTERED = "gamma=F beta=F stride=values:1|2 pad=value:1"
WINDOWS = (
    "x=B,C,7,11 size=value:3 stride=value:2",
    (
        "x=B,C,6,10 size=value:2 stride=value:2 pool_width=value:2 "
        "pool_param=value:{'pool_height':2,'pool_width':2,'stride':2}"
    ),
)

FAMILIES = (
    # products
    (
        "affine linear dense fc fullyconnected",
        f"x=N,D w=D,M b=M {AFTER}",
        f"x=N,D w=M,D b=M {AFTER}",
        f"+x=N,3,D w=3D,M b=M {AFTER}",
    ),
    ("matmul mm dot product", "x=N,D w=D,M"),
    ("temporalaffine timeaffine", "x=N,T,D w=D,M b=M"),
    ("flatten ravel", "x=B,C,H,W"),
    ("embedding wordembedding embed", "idx=labels:V:N,T table=V,D"),
    # elementwise
    (
        "relu relu6 elu selu gelu silu swish mish softplus softsign sigmoid logistic tanh "
        "hardsigmoid hardtanh hardswish leakyrelu lrelu prelu identity linearactivation square "
        "abs absolute sin cos clip clamp sign negative neg cube activation act",
        "x=spread:N,D alpha=value:0.3 low=value:-1.5 high=value:2.5",
        "x=spread:N,D alpha=D",
    ),
    ("exp cosh sinh", "x=N,D"),
    (
        "log sqrt reciprocal inverse inv pow power rsqrt log1p",
        "x=positive:N,D",
        "x=positive:N,D *=value:3",
    ),
    ("softmax logsoftmax softmin logsumexp", "x=N,C"),
    ("add subtract sub multiply mul hadamard", "a=N,D b=N,D"),
    ("divide div", "a=N,D b=positive:N,D"),
    ("concat concatenate cat", "a=N,D b=N,M"),
    ("sum mean prod average norm l2norm normalize std var", "x=N,D"),
    ("max min", "x=spread:N,D"),
    ("transpose", "x=N,D"),
    # losses
    (
        "softmaxloss crossentropy softmaxcrossentropy crossentropyloss ce celoss xent "
        "softmaxcrossentropyloss crossentropyfromlogits softmaxwithloss svm svmloss hinge "
        "hingeloss multiclasssvm multiclasshinge logisticloss",
        "x=N,C target=labels:C:N",
        "w=D,C x=@N,D target=labels:C:N reg=value:0.3",
        "x=N,C target=@onehot:N,C",
        "x=shares:N,C target=labels:C:N",
        "x=shares:N,C target=@onehot:N,C",
        "x=N target=@signs:N",
    ),
    ("nll nllloss", "x=N,C target=labels:C:N", "x=positive:N,C target=@onehot:N,C"),
    ("temporalsoftmaxloss temporalsoftmax", "x=N,T,V target=labels:V:N,T mask=mask:N,T"),
    (
        "mse mseloss l2loss l2 squarederror meansquarederror sse squaredloss l1 l1loss mae "
        "meanabsoluteerror huber huberloss smoothl1 euclideanloss",
        "x=N,D target=@N,D",
        "x=N target=@N",
        "w=D x=@N,D target=@N reg=value:0.3",
    ),
    (
        "bce bceloss binarycrossentropy binarycrossentropyloss",
        "x=unit:N,D target=@bits:N,D",
        "x=unit:N target=@bits:N",
    ),
    (
        "bcewithlogits bcewithlogitsloss sigmoidcrossentropy sigmoidcrossentropyloss sigmoidloss",
        "x=N,D target=@bits:N,D",
        "x=N target=@bits:N",
    ),
    ("kldivergence kl kldiv", "x=shares:N,C target=@shares:N,C"),
    # normalization and dropout
    (
        "batchnorm bn batchnorm1d batchnormalization",
        "x=N,D gamma=D beta=D running_mean=@D running_var=@positive:D",
        "x=B,C,H,W gamma=C beta=C running_mean=@C running_var=@positive:C",
    ),
    (
        "spatialbatchnorm batchnorm2d spatialbn instancenorm",
        "x=B,C,5,3 gamma=C beta=C",
        "x=B,C,5,3 gamma=1,C,1,1 beta=1,C,1,1",
    ),
    ("layernorm ln layernormalization rmsnorm", "x=N,D gamma=D beta=D"),
    (
        "groupnorm spatialgroupnorm gn",
        "x=B,6,5,7 gamma=1,6,1,1 beta=1,6,1,1 groups=value:3",
        "x=B,6,5,7 gamma=6 beta=6 groups=value:3",
    ),
    ("dropout inverteddropout spatialdropout", "x=N,D keep=value:0.6", "x=B,C,H,W keep=value:0.6"),
    # images
    (
        "conv conv2d convolution convolution2d convolutional convlayer",
        f"x=B,C,H,W w=F,C,3,5 b=F {FILTERED}",
        f"x=B,C,H,W w=F,C,3,3 b=F {FILTERED}",
        f"x=B,C,7,7 w=F,C,3,3 b=F {FILTERED}",
        f"x=B,7,5,C w=3,3,C,F b=1,1,1,F {FILTERED}",
    ),
    (
        "depthwiseconv depthwiseconv2d depthwise",
        "x=B,C,H,W w=C,3,5 b=C stride=value:1 pad=value:1",
        "x=B,C,H,W w=C,1,3,5 b=C stride=value:1 pad=value:1",
    ),
    ("conv1d", f"x=B,C,W w=F,C,3 b=F {FILTERED}"),
    ("convtranspose convtranspose2d deconv deconv2d", "x=B,C,3,5 w=C,F,3,3 b=F"),
    (
        "maxpool maxpool2d pool pooling maxpooling avgpool avgpool2d averagepool meanpool "
        "avgpooling pool2d",
        *WINDOWS,
        "x=B,7,9,5 hparameters=value:{'f':3,'stride':2}",
    ),
    ("globalavgpool globalaveragepool globalavgpool2d gap globalmaxpool", "x=B,C,5,7"),
    ("upsample upsamplenearest upsamplenearest2d", "x=B,C,3,5 scale=value:2 factor=value:2"),
    ("pad padding zeropad", "x=B,C,3,5 pad=value:1"),
    # sequences
    ("rnnstep rnncell rnnstepforward", "x=N,D h=N,M wx=D,M wh=M,M b=M"),
    ("rnn vanillarnn", "x=N,T,D h=N,M wx=D,M wh=M,M b=M"),
    ("lstmstep lstmcell", "x=N,D h=N,M c=N,M wx=D,4M wh=M,4M b=4M"),
    ("lstm", "x=N,T,D h=N,M c=N,M wx=D,4M wh=M,4M b=4M"),
    ("grustep grucell", "x=N,D h=N,M wx=D,3M wh=M,3M b=3M"),
    ("gru", "x=N,T,D h=N,M wx=D,3M wh=M,3M b=3M"),
    (
        "attention scaleddotproductattention dotproductattention sdpa scaleddotproduct "
        "crossattention",
        "q=N,T,D k=N,K,D v=N,K,M",
        "q=T,D k=K,D v=K,M",
        "q=B,3,T,D k=B,3,K,D v=B,3,K,M",
        "x=N,T,D wq=D,M wk=D,M wv=D,M wo=M,D",
        "x=T,D wq=D,M wk=D,M wv=D,M wo=M,D",
    ),
    ("selfattention", "x=N,T,D wq=D,M wk=D,M wv=D,M wo=M,D", "x=T,D wq=D,M wk=D,M wv=D,M wo=M,D"),
    (
        "multiheadattention mha multiheadselfattention",
        "x=B,T,6 wq=6,6 wk=6,6 wv=6,6 wo=6,6 heads=value:3",
        "q=B,T,6 k=B,K,6 v=B,K,6 wq=6,6 wk=6,6 wv=6,6 wo=6,6 heads=value:3",
    ),
)

# for operations that are not known: the names of arguments, then ever bolder guesses
GUESSES = (
    "x=N,D w=D,M b=M h=N,M c=N,M wx=D,M wh=M,M",
    "x=N,D w=D,M b=M gamma=M beta=M",
    "x=N,D gamma=D beta=D",
    "q=N,T,D k=N,K,D v=N,K,M",
    "idx=labels:V:N,T table=V,D",
    "x=N,D target=labels:D:N",
    "x=N,D target=@N,D",
    "*=N,D",
    "x=N,D *=value:0.7",
    "x=N,D *=@N,D",
    "a=N,D b=D,M",
    "x=N,D *=D",
    "x=B,C,H,W w=F,C,3,5 b=F gamma=C beta=C",
    "*=B,C,H,W",
    "x=N,T,D w=D,M b=M gamma=D beta=D",
    "*=N,T,D",
    "*=positive:N,D",
    "*=N",
)

# what a constructor is called with
CONSTRUCTOR = " ".join(
    (
        *(f"{letter}=values:{'|'.join(map(str, SIZES[letter]))}" for letter in "DMCFV"),
        "kernel=value:3 keep=value:0.6 alpha=value:0.3 stride=value:1 pad=value:1",
    )
)

# words in a name that say how an operation is computed, not what it is
ASIDE = (
    "naive fast slow vectorized vectorised loop loops loopy numpy np my im2col strides reshape "
    "alt layer op fn func function student solution manual simple basic v new old"
)
ASIDE = frozenset(ASIDE.split())
WORD = re.compile(r"\d+d|[A-Z]+(?![a-z])|[A-Z][a-z]+|[a-z]+|\d+")


@functools.cache
def known():
    """Return the rows of the table by name."""
    return {name: ways for names, *ways in FAMILIES for name in names.split()}


def ways_of(name):
    """Return how an operation may be called, and whether all of its name is known.

    Parameters
    ----------
    name : str
        Such as "affine", "conv_naive" or "LeakyReLU".

    Returns
    -------
    ways : list of dict of str to Value
        Best first; empty if no part of the name is known.
    extra : list of dict of str to Value
        What is tried in addition.
    exact : bool
        Whether the whole name is known; of "affine_tanh", only parts are.

    Examples
    --------
    >>> [list(way) for way in ways_of("my_matmul_naive")[0]]
    [['x', 'w']]
    """
    words = [word.lower() for word in WORD.findall(name)]
    words = [word for word in words if word not in ASIDE] or words
    rows = known()
    whole = "".join(words)
    found = [rows[w] for w in (whole, whole.rstrip("0123456789")) if w in rows][:1]
    exact = bool(found)
    if not exact:  # what it begins with comes first: affine_relu takes what affine takes
        runs = ["".join(words[:i]) for i in range(len(words) - 1, 0, -1)]
        runs += ["".join(words[i:]) for i in range(1, len(words))]
        found = [rows[run] for run in runs if run in rows]
    texts = [text for row in found for text in row]
    ways = [parse_all(text) for text in texts if not text.startswith("+")]
    extra = [parse_all(text[1:]) for text in texts if text.startswith("+")] if exact else []
    return ways, extra, exact


def guesses():
    """Return the ways in which an operation of an unknown name may be called."""
    return [parse_all(text) for text in GUESSES]
