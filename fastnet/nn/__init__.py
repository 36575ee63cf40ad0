"""Layers, containers and losses, under PyTorch's names.

`import fastnet` loads none of them: the first use of a name imports its module.
"""
from fastnet._core.later import imported_on_use as _imported_on_use, modules_of as _modules_of, places_of as _places_of

# module -> its names; tools/stubs.py writes __init__.pyi from it, for type checkers
_MODULES = {
    "activation": (
        "ELU", "GELU", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU", "LogSigmoid", "LogSoftmax", "Mish",
        "ReLU", "ReLU6", "Sigmoid", "SiLU", "Softmax", "Softplus", "Softsign", "Tanh"),
    "adaptive_pooling": (
        "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d",
        "AdaptiveMaxPool3d"),
    "adaptive_softmax": ("AdaptiveLogSoftmaxWithLoss",),
    "attention": ("MultiheadAttention",),
    "channel_norm": ("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d"),
    "composed_activation": (
        "CELU", "GLU", "SELU", "Hardshrink", "PReLU", "RReLU", "Softmax2d", "Softmin", "Softshrink", "Tanhshrink",
        "Threshold"),
    "containers": ("ModuleDict", "ModuleList", "ParameterList", "Sequential"),
    "contrastive_losses": ("ClipLoss", "SigLipLoss"),
    "conv": ("Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"),
    "distance": ("Bilinear", "CosineSimilarity", "PairwiseDistance"),
    "dropout": ("AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"),
    "embedding": ("Embedding", "EmbeddingBag"),
    "flatten": ("Flatten", "Unflatten"),
    "folding": ("Fold", "Unfold"),
    "fractional_pooling": ("FractionalMaxPool2d", "FractionalMaxPool3d"),
    "lazy": (
        "LazyBatchNorm1d", "LazyBatchNorm2d", "LazyBatchNorm3d", "LazyConv1d", "LazyConv2d", "LazyConv3d",
        "LazyConvTranspose1d", "LazyConvTranspose2d", "LazyConvTranspose3d", "LazyInstanceNorm1d",
        "LazyInstanceNorm2d", "LazyInstanceNorm3d", "LazyLinear", "UninitializedParameter"),
    "likelihood_losses": ("GaussianNLLLoss", "PoissonNLLLoss"),
    "linear": ("Identity", "Linear"),
    "loss": (
        "BCELoss", "BCEWithLogitsLoss", "CrossEntropyLoss", "CTCLoss", "HuberLoss", "KLDivLoss", "L1Loss", "MSELoss",
        "NLLLoss", "SmoothL1Loss"),
    "margin_losses": (
        "CosineEmbeddingLoss", "HingeEmbeddingLoss", "MarginRankingLoss", "MultiLabelMarginLoss",
        "MultiLabelSoftMarginLoss", "MultiMarginLoss", "SoftMarginLoss", "TripletMarginLoss",
        "TripletMarginWithDistanceLoss"),
    "module": ("Module",),
    "norm": ("GroupNorm", "LayerNorm", "LocalResponseNorm", "RMSNorm"),
    "padding": (
        "CircularPad1d", "CircularPad2d", "CircularPad3d", "ConstantPad1d", "ConstantPad2d", "ConstantPad3d",
        "ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d", "ReplicationPad1d", "ReplicationPad2d",
        "ReplicationPad3d", "ZeroPad1d", "ZeroPad2d", "ZeroPad3d"),
    "parameter": ("Buffer", "Parameter"),
    "parameter_dict": ("ParameterDict",),
    "pooling": (
        "AvgPool1d", "AvgPool2d", "AvgPool3d", "LPPool1d", "LPPool2d", "LPPool3d", "MaxPool1d", "MaxPool2d",
        "MaxPool3d"),
    "recurrent": ("GRU", "LSTM", "RNN"),
    "recurrent_cells": ("GRUCell", "LSTMCell", "RNNCell"),
    "transformer": (
        "Transformer", "TransformerDecoder", "TransformerDecoderLayer", "TransformerEncoder",
        "TransformerEncoderLayer"),
    "unpooling": ("MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d"),
    "upsampling": (
        "ChannelShuffle", "PixelShuffle", "PixelUnshuffle", "Upsample", "UpsamplingBilinear2d",
        "UpsamplingNearest2d"),
}
_LAYERS = _places_of(__name__, _MODULES)
_SUBMODULES = ("functional", "init", "utils")

__all__ = [*_LAYERS, *_SUBMODULES]

__getattr__ = _imported_on_use(globals(), {**_LAYERS, **_modules_of(__name__, (*_MODULES, *_SUBMODULES))})


def __dir__() -> list[str]:
    return sorted(__all__)
