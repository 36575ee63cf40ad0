"""The arguments of one call of each public operation, and how to make them tensors."""
import numpy as np

X = np.random.default_rng(0).standard_normal((3, 3)).astype("float32")
Y = np.random.default_rng(1).standard_normal((3, 3)).astype("float32")
IMAGE, FILTERS = np.ones((2, 3, 4, 4), "float32"), np.full((3, 3, 2, 2), 0.5, "float32")
LINE = IMAGE[:, :, 0]
ROW, POSITIVE, INDEX, LABELS = X[0], np.abs(X) + 0.1, np.array([[2, 0, 1]] * 3), np.array([0, 2, 1])
COMPLEX = (X + 1j * Y).astype("complex64")
UNIT, BITS, REVERSED, BOXES = np.abs(Y) / 4, np.array([6, 3]), np.array([3, 6]), np.stack([X, Y])


def each(names, *args):
    """{name: args} for each of the names."""
    return dict.fromkeys(names.split(), args)


# The arguments of one call each, in the order of the signature: tensors are given by position, then by keyword.
CALLS = {
    **each("abs angle atan is_conj ceil clone cos cosh erf exp expm1 floor isfinite isinf isnan logical_not neg "
           "numel positive reciprocal relu round sigmoid sign sin sinh square t tan tanh trunc all any amax amin "
           "argmax argmin argsort max mean min nonzero norm prod sort std sum var empty_like ones_like "
           "zeros_like rand_like randn_like flatten squeeze tril triu unbind is_floating_point is_tensor "
           "absolute arcsinh arctan asinh deg2rad rad2deg fix frac sgn signbit isposinf isneginf isreal "
           "nan_to_num frexp negative ravel is_signed argwhere count_nonzero median nanmedian mode msort nansum "
           "nanmean aminmax cov corrcoef histc std_mean var_mean fliplr flipud rot90 diagonal diag diag_embed "
           "diagflat trace atleast_1d atleast_2d atleast_3d trapezoid trapz cumulative_trapezoid gradient "
           "is_complex get_device adjoint", X),
    **each("complex add atan2 div dist eq floor_divide fmod ge gt le logaddexp logical_and logical_or "
           "logical_xor lt maximum minimum mul ne remainder sub allclose equal isclose matmul mm cdist arctan2 "
           "multiply subtract true_divide divide greater greater_equal less less_equal not_equal copysign "
           "nextafter fmax fmin hypot logaddexp2 heaviside ldexp inner kron rsub isin is_same_size "
           "slice_scatter", X, Y),
    **each("conj conj_physical imag real resolve_conj view_as_real", COMPLEX),
    **each("log log10 log1p log2 rsqrt sqrt", POSITIVE),
    **each("acos asin bernoulli arccos arcsin arctanh atanh", UNIT),
    **each("bitwise_and bitwise_or bitwise_xor gcd lcm bitwise_left_shift bitwise_right_shift", BITS, REVERSED),
    **each("cumsum logsumexp softmax log_softmax unsqueeze cumprod cummax cummin logcumsumexp", X, 1),
    **each("bitwise_not unique unique_consecutive bincount", BITS),
    **each("dot outer vdot ger", ROW, ROW),
    **each("topk chunk split kthvalue tensor_split", X, 2),
    **each("select transpose movedim moveaxis swapaxes swapdims", X, 0, 1),
    **each("cat concat concatenate stack hstack vstack row_stack dstack column_stack", [X, Y]),
    "polar": (POSITIVE, X),
    "view_as_complex": (np.stack([X, Y], -1),),
    "pow": (POSITIVE, Y),
    "lerp": (X, Y, UNIT),
    "addcmul": (X, Y, UNIT),
    "addcdiv": (X, Y, POSITIVE),
    "addmm": (X, Y, X),
    "bmm": (BOXES, BOXES),
    "mv": (X, ROW),
    "clamp": (X, -UNIT, UNIT),
    "clamp_min": (X, UNIT),
    "clamp_max": (X, UNIT),
    "where": (X > 0, X, Y),
    "masked_fill": (X, X > 0, 2.0),
    "masked_select": (X, X > 0),
    "gather": (X, 1, INDEX),
    "index_select": (X, 1, LABELS),
    "take_along_dim": (X, INDEX, 1),
    "flip": (X, (0,)),
    "roll": (X, 1, 0),
    "diff": (X, 1, 0),
    "searchsorted": (np.sort(ROW), ROW),
    "bucketize": (X, np.sort(ROW)),
    "fake_quantize_per_tensor_affine": (X, 0.1, 3, -128, 127),
    "fake_quantize_per_channel_affine": (X, np.array([0.1, 0.2, 0.3], np.float32), np.array([0, 1, 2], np.int32), 0,
                                         -128, 127),
    "repeat_interleave": (X, 2, 1),
    "multinomial": (POSITIVE, 2),
    "scatter": (X, 1, INDEX, Y),
    "scatter_add": (X, 1, INDEX, Y),
    "scatter_reduce": (X, 1, INDEX, Y, "amax"),
    "index_add": (X, 0, LABELS, Y),
    "index_copy": (X, 0, LABELS, Y),
    "index_reduce": (X, 0, LABELS, Y, "amax"),
    "index_fill": (X, 0, LABELS, 2.0),
    "full_like": (X, 3.0),
    "dropout": (X, 0.0),
    "broadcast_to": (ROW, (3, 3)),
    "narrow": (X, 0, 1, 2),
    "permute": (X, (1, 0)),
    "reshape": (X, (9,)),
    "unflatten": (X, 0, (3, 1)),
    "arccosh": (POSITIVE + 1,),
    "randint_like": (X, 0, 3),
    "poisson": (POSITIVE * 0,),
    "cross": (X, Y, 1),
    "acosh": (POSITIVE + 1,),
    "is_nonzero": (ROW[:1],),
    "clip": (X, -UNIT, UNIT),
    "float_power": (POSITIVE, Y),
    "binomial": (POSITIVE * 0, UNIT),
    "quantile": (X, 0.3),
    "nanquantile": (X, 0.3),
    "histogram": (X, 3),
    "take": (X, LABELS),
    "put": (X, LABELS, ROW),
    "index_put": (X, [LABELS], ROW),
    "masked_scatter": (X, X > 0, Y),
    "tensordot": (X, Y, 1),
    "addmv": (ROW, X, ROW),
    "addr": (X, ROW, ROW),
    "addbmm": (X, BOXES, BOXES),
    "baddbmm": (BOXES, BOXES, BOXES),
    "renorm": (X, 2.0, 0, 1.0),
    "split_with_sizes": (X, [1, 2]),
    "hsplit": (IMAGE, 3),
    "vsplit": (IMAGE, 2),
    "dsplit": (IMAGE, 2),
    "tile": (X, (2,)),
    "narrow_copy": (X, 0, 1, 2),
    "as_strided": (X, (2, 2), (1, 2)),
    "diagonal_scatter": (X, ROW),
    "select_scatter": (X, ROW, 0, 1),
    "combinations": (ROW,),
    "vander": (ROW,),
    "unravel_index": (LABELS, (3, 3)),
}
OF_NETWORKS = {
    **each("selu celu gumbel_softmax hardshrink rrelu softshrink tanhshrink pdist elu gelu hardsigmoid hardswish "
           "hardtanh leaky_relu logsigmoid mish relu relu6 sigmoid silu softplus softsign tanh normalize", X),
    **each("softmin softmax log_softmax group_norm", X, 1),
    **each("multilabel_soft_margin_loss poisson_nll_loss huber_loss kl_div l1_loss mse_loss smooth_l1_loss "
           "cosine_similarity", X, UNIT),
    **each("dropout dropout1d alpha_dropout feature_alpha_dropout", X, 0.0),
    **each("local_response_norm unfold max_pool2d avg_pool2d adaptive_avg_pool2d adaptive_max_pool2d "
           "max_pool2d_with_indices", BOXES, 2),
    **each("max_pool1d avg_pool1d adaptive_avg_pool1d adaptive_max_pool1d max_pool1d_with_indices", X, 2),
    **each("max_pool3d avg_pool3d adaptive_avg_pool3d adaptive_max_pool3d max_pool3d_with_indices", BOXES[None], 2),
    "glu": (IMAGE,),
    "prelu": (X, ROW),
    "threshold": (X, 0.1, 0.5),
    "bilinear": (X, Y, BOXES[:, :3, :3]),
    "pairwise_distance": (X, Y),
    "hinge_embedding_loss": (X, np.sign(Y)),
    "margin_ranking_loss": (X, Y, np.sign(Y)),
    "cosine_embedding_loss": (X, Y, np.sign(ROW)),
    "triplet_margin_loss": (X, Y, UNIT),
    "triplet_margin_with_distance_loss": (X, Y, UNIT),
    "multi_margin_loss": (X, LABELS),
    "multilabel_margin_loss": (X, INDEX),
    "soft_margin_loss": (X, np.sign(Y)),
    "gaussian_nll_loss": (X, Y, POSITIVE),
    "clip_loss": (X, Y, 2.0),
    "siglip_loss": (X, Y, 2.0),
    "binary_cross_entropy": (UNIT, UNIT, POSITIVE),
    "binary_cross_entropy_with_logits": (X, UNIT, POSITIVE),
    "cross_entropy": (X, LABELS, POSITIVE[0]),
    "ctc_loss": (BOXES - 2, LABELS[None, 1:].repeat(3, 0), np.array([2, 1, 2]), np.array([2, 1, 1])),
    "nll_loss": (X, LABELS, POSITIVE[0]),
    "linear": (X, Y, ROW),
    "scaled_dot_product_attention": (BOXES, BOXES + 1, BOXES - 1),
    "linear_cross_entropy": (X, Y, LABELS),
    "conv1d": (LINE, FILTERS[:, :, 0]),
    "conv2d": (IMAGE, FILTERS),
    "conv3d": (IMAGE[:, :, None], FILTERS[:, :, None]),
    "conv_transpose1d": (LINE, FILTERS[:, :, 0].swapaxes(0, 1)),
    "conv_transpose2d": (IMAGE, FILTERS.swapaxes(0, 1)),
    "conv_transpose3d": (IMAGE[:, :, None], FILTERS[:, :, None].swapaxes(0, 1)),
    "embedding": (INDEX, X),
    "embedding_bag": (LABELS, X, np.array([0, 2])),
    "one_hot": (LABELS, 3),
    "instance_norm": (BOXES,),
    "pad": (X, (1, 2)),
    "grid_sample": (BOXES[None], BOXES[:1, :, :2, None].transpose(0, 1, 3, 2) / 4, "nearest", "border", False),
    "affine_grid": (BOXES[:, :2], (2, 1, 3, 4), False),
    "fold": (np.ones((4, 4), "float32"), (3, 3), 2),
    "interpolate": (BOXES, 5),
    "pixel_shuffle": (X[:, :, None], 1),
    "pixel_unshuffle": (X[:, :, None], 1),
    "channel_shuffle": (X[:, :, None], 3),
    "batch_norm": (X, ROW, POSITIVE[0], ROW, ROW),
    "layer_norm": (X, (3,), ROW, ROW),
    "rms_norm": (X, (3,), ROW),
    "dropout2d": (BOXES[None], 0.0),
    "dropout3d": (BOXES[None], 0.0),
    "lp_pool1d": (X, 2.0, 2),
    "lp_pool2d": (BOXES, 2.0, 2),
    "fractional_max_pool2d": (BOXES, 2, 2, None, False, np.full((1, 2, 2), 0.5, np.float32)),
    "fractional_max_pool2d_with_indices": (BOXES, 2, 2, None, False, np.full((1, 2, 2), 0.5, np.float32)),
    "fractional_max_pool3d": (BOXES[None], 1, 1, None, False, np.full((1, 1, 3), 0.5, np.float32)),
    "fractional_max_pool3d_with_indices": (BOXES[None], 1, 1, None, False, np.full((1, 1, 3), 0.5, np.float32)),
    "lp_pool3d": (BOXES[None], 2.0, 2),
    "max_unpool1d": (X, INDEX, 2),
    "max_unpool2d": (BOXES, np.stack([4 * np.arange(9).reshape(3, 3)] * 2), 2),
    "max_unpool3d": (BOXES[None], 8 * np.arange(18).reshape(1, 2, 3, 3), 2),
}
ALL = [("", name) for name in CALLS] + [("nn.functional", name) for name in OF_NETWORKS]


def made(f, x):
    if isinstance(x, list):
        return [made(f, part) for part in x]
    return f.tensor(x) if isinstance(x, np.ndarray) else x
