"""Gradients through nodes of ONNX models, compared with finite differences."""
import numpy as np
import pytest

import fastnet
from fastnet.autograd import gradcheck
from fastnet.onnx import load

pytest.importorskip("onnx")
from onnx import parser

# an expression of x and its shape; the weights are w of the given shape, and h for the state of a recurrent layer
NODES = {
    "conv": ("Conv <pads = [0, 1, 2, 0], strides = [2, 1]> (x, w)", (2, 3, 5, 4), (2, 3, 3, 2)),
    "conv_same": ('Conv <auto_pad = "SAME_UPPER", strides = [2, 2]> (x, w)', (1, 2, 6, 5), (2, 2, 3, 3)),
    "conv_transpose": ("ConvTranspose <pads = [1, 0], strides = [2], output_padding = [1]> (x, w)", (2, 3, 4),
                       (3, 2, 3)),
    "average": ("AveragePool <kernel_shape = [3, 2], pads = [1, 0, 0, 1], count_include_pad = 1> (x)", (1, 2, 5, 4),
                None),
    "average_ceil": ("AveragePool <kernel_shape = [2], strides = [2], ceil_mode = 1> (x)", (1, 2, 5), None),
    "maximum": ("MaxPool <kernel_shape = [2, 3], pads = [0, 1, 1, 1], dilations = [1, 2]> (x)", (1, 2, 5, 6), None),
    "p_norm": ("LpPool <kernel_shape = [2], p = 3> (x)", (1, 2, 5), None),
    "layer_norm": ("LayerNormalization <axis = 1> (x, w)", (3, 2, 4), (2, 4)),
    "rms_norm": ("RMSNormalization (x, w)", (3, 4), (4,)),
    "lrn": ("LRN <size = 4, alpha = 0.5> (x)", (2, 5, 3), None),
    "gemm": ("Gemm <alpha = 0.5, transA = 1> (x, w)", (3, 4), (3, 2)),
    "linear": ('Resize <mode = "linear"> (x, , s)', (1, 2, 3, 4), None),
    "cubic": ('Resize <mode = "cubic", coordinate_transformation_mode = "align_corners"> (x, , s)', (1, 1, 4, 5), None),
    "nearest": ('Resize <mode = "nearest"> (x, , s)', (1, 2, 3, 4), None),
    "lstm": ("LSTM <hidden_size = 2> (x, w, r)", (3, 2, 4), (1, 8, 4), (1, 8, 2)),
    "gru": ("GRU <hidden_size = 2> (x, w, r)", (3, 2, 4), (1, 6, 4), (1, 6, 2)),
    "gru_reverse": ('GRU <hidden_size = 2, direction = "reverse", linear_before_reset = 1> (x, w, r)', (3, 2, 4),
                    (1, 6, 4), (1, 6, 2)),
    "attention": ("Attention <q_num_heads = 2, kv_num_heads = 2, is_causal = 1> (x, x, x)", (1, 3, 4), None),
    "attention_softcap": ("Attention <q_num_heads = 2, kv_num_heads = 2, softcap = 2.0> (x, x, x)", (1, 3, 4), None),
    "depth_to_space": ('DepthToSpace <blocksize = 2, mode = "CRD"> (x)', (1, 8, 2, 3), None),
}


def model_of(expression, shape, *weights):
    def initializer(name, shape):
        numbers = np.random.default_rng(0).standard_normal(shape).ravel()
        return f"double[{', '.join(map(str, shape))}] {name} = {{{', '.join(map(repr, numbers.tolist()))}}}"
    constants = [initializer(name, given) for name, given in zip("wr", weights) if given is not None]
    constants.append("float[4] s = {1.0, 1.0, 1.5, 2.0}")
    sizes = ", ".join(map(str, shape))
    made = parser.parse_model(f'<ir_version: 11, opset_import: ["" : 23]> g (double[{sizes}] x) => (double[M] y) '
                              f"<{', '.join(constants)}> {{ y = {expression} }}")
    return load(made.SerializeToString())


@pytest.mark.parametrize("name", NODES)
def test_gradient(name):
    expression, shape, *weights = NODES[name]
    model = model_of(expression, shape, *weights)
    x = fastnet.from_numpy(np.random.default_rng(1).standard_normal(shape)).requires_grad_()
    parameters = list(model.parameters())
    assert gradcheck(lambda x, *_: model(x), (x, *parameters))
