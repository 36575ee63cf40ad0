"""The attributes of ONNX operators, of all versions: another name in a file is an error, not a default value."""
from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fastnet._core.errors import did_you_mean, printable
from fastnet.onnx.wire import DamagedFileError

if TYPE_CHECKING:
    from fastnet.onnx.forms import Node

__all__ = ["KNOWN", "check_attributes"]

# operators: the attributes that each of them has. A line that is indented continues the one before.
_TABLE = """\
Abs Ceil Exp Floor Log Max Mean Min Neg PRelu Reciprocal Relu Sigmoid Sqrt Sum Tanh: consumed_inputs
Acos Acosh Asin Asinh Atan Atanh BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cos Cosh Det DynamicQuantizeLinear Erf
    Expand GlobalAveragePool GlobalMaxPool GreaterOrEqual HardSwish Identity IsNaN LessOrEqual MatMul MatMulInteger
    Mish NonZero Not QLinearMatMul Round Sign Sin Sinh Size Softplus Softsign Tan Tile Where
    ai.onnx.ml.ArrayFeatureExtractor com.microsoft.BiasGelu com.microsoft.FastGelu com.microsoft.Gelu:
Add Div Mul Sub: axis broadcast consumed_inputs
AffineGrid: align_corners
And Equal Greater Less Or Pow Xor: axis broadcast
ArgMax ArgMin: axis keepdims select_last_index
Attention: is_causal kv_num_heads left_window_size q_num_heads qk_matmul_output_mode right_window_size scale softcap
    softmax_precision
AveragePool: auto_pad ceil_mode count_include_pad dilations kernel_shape pads strides
BatchNormalization: consumed_inputs epsilon is_test momentum spatial training_mode
Bernoulli: dtype seed
BitCast: to
BitShift: direction
BlackmanWindow HammingWindow HannWindow: output_datatype periodic
Cast: round_mode saturate to
CastLike: round_mode saturate
CausalConvWithState: activation
Celu SwiGLU Swish ThresholdedRelu com.microsoft.QuickGelu: alpha
CenterCropPad MeanVarianceNormalization Squeeze Unsqueeze: axes
Clip: consumed_inputs max min
Col2Im: dilations pads strides
Compress Concat Flatten Gather GatherElements Hardmax LogSoftmax OneHot Scatter Softmax: axis
Constant: sparse_value value value_float value_floats value_int value_ints value_string value_strings
ConstantOfShape: value
Conv ConvInteger QLinearConv: auto_pad dilations group kernel_shape pads strides
ConvTranspose: auto_pad dilations group kernel_shape output_padding output_shape pads strides
CumProd CumSum: exclusive reverse
DFT: axis inverse onesided
DepthToSpace SpaceToDepth: blocksize mode
DequantizeLinear: axis block_size output_dtype
Dropout: consumed_inputs is_test ratio seed
Einsum: equation
Elu LeakyRelu: alpha consumed_inputs
EyeLike: dtype k
GRU: activation_alpha activation_beta activations clip direction hidden_size layout linear_before_reset
    output_sequence
GatherND: batch_dims
Gelu: approximate
Gemm: alpha beta broadcast transA transB
GlobalLpPool: p
GridSample: align_corners mode padding_mode
GroupNormalization: epsilon num_groups stash_type
HardSigmoid: alpha beta consumed_inputs
If: else_branch then_branch
InstanceNormalization: consumed_inputs epsilon
IsInf: detect_negative detect_positive
LRN: alpha beta bias size
LSTM: activation_alpha activation_beta activations clip direction hidden_size input_forget layout output_sequence
LayerNormalization RMSNormalization: axis epsilon stash_type
LinearAttention: chunk_size kv_num_heads q_num_heads scale update_rule
Loop: body
LpNormalization: axis p
LpPool: auto_pad ceil_mode dilations kernel_shape p pads strides
MaxPool: auto_pad ceil_mode dilations kernel_shape pads storage_order strides
MaxUnpool: kernel_shape pads strides
MelWeightMatrix: output_datatype
Mod: fmod
Multinomial: dtype sample_size seed
NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss: ignore_index reduction
NonMaxSuppression: center_point_box
Pad: mode paddings pads value
QuantizeLinear: axis block_size output_dtype precision saturate
RNN: activation_alpha activation_beta activations clip direction hidden_size layout output_sequence
RandomNormal: dtype mean scale seed shape
RandomNormalLike: dtype mean scale seed
RandomUniform: dtype high low seed shape
RandomUniformLike: dtype high low seed
Range: stash_type
ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare:
    axes keepdims noop_with_empty_axes
Reshape: allowzero consumed_inputs shape
Resize: antialias axes coordinate_transformation_mode cubic_coeff_a exclude_outside extrapolation_value
    keep_aspect_ratio_policy mode nearest_mode
ReverseSequence: batch_axis time_axis
RoiAlign: coordinate_transformation_mode mode output_height output_width sampling_ratio spatial_scale
RotaryEmbedding: interleaved num_heads rotary_embedding_dim
STFT: onesided
Scan: body directions num_scan_inputs scan_input_axes scan_input_directions scan_output_axes scan_output_directions
ScatterElements: axis reduction
ScatterND: reduction
Selu: alpha consumed_inputs gamma
Shape: end start
Shrink: bias lambd
Slice: axes ends starts
Split: axis num_outputs split
TensorScatter: axis mode
TopK: axis k largest sorted
Transpose: perm
Trilu: upper
Unique: axis sorted
Upsample: height_scale mode scales width_scale
ai.onnx.ml.Binarizer: threshold
ai.onnx.ml.LabelEncoder: classes_strings default_float default_int64 default_string default_tensor keys_floats
    keys_int64s keys_strings keys_tensor values_floats values_int64s values_strings values_tensor
ai.onnx.ml.LinearRegressor: coefficients intercepts post_transform targets
ai.onnx.ml.Normalizer: norm
ai.onnx.ml.Scaler: offset scale
com.microsoft.FusedMatMul: alpha transA transB transBatchA transBatchB
com.microsoft.SkipLayerNormalization: epsilon
"""


def _known_attributes() -> dict[str, tuple[str, ...]]:
    entries = (entry.partition(":") for entry in re.split(r"\n(?! )", _TABLE.rstrip()))
    return {operator: tuple(attributes.split()) for operators, _, attributes in entries
            for operator in operators.split()}


KNOWN = _known_attributes()


def check_attributes(node: Node, label: str) -> None:
    """Refuse an attribute that the operator of a node does not have; operators that are not in the table have any.

    Args:
        node: of a file.
        label: its name.

    Raises:
        DamagedFileError: names the attribute.
    """
    known = KNOWN.get(node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}")
    if known is None:
        return
    for entry in node.attribute:
        if entry.name not in known and not entry.name.startswith("__"):         # "__" marks notes of other programs
            raise DamagedFileError(f"the {node.op_type} node {label!r}: expected the attributes "
                                   f"{', '.join(known) or '(none)'}, got {printable(entry.name)!r}"
                                   f"{did_you_mean(entry.name, known)}")
