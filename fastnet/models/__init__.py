"""Networks for pictures, text and other sequences.

Networks that torchvision has share its function names, parameter names and counts. `fastnet.models.resnet18()` makes a
network with random initial weights, `resnet18(weights="file.safetensors")` one with those of a file of torchvision or
timm, and `fastnet.load_pretrained` finds out which model a file belongs to. Weights of a model in memory load with
`model.load_state_dict(torch_model.state_dict())`.
torchvision has no `lenet5`, `resnet8`, `mobilenet_v1`, `unet`, `autoencoder`, `ds_cnn`, `gru_kws` and `tcn`, and its
`ssdlite` differs. `lstm_classifier` and `seq2seq` read sequences. `gpt` and `bert` have the parameter names of Hugging
Face's transformers. `two_tower` and `multimodal` are made of other networks: the one compares images and texts, the
other predicts from a table, a picture and a text together.
"""
from fastnet.models.alexnet import AlexNet, alexnet
from fastnet.models.autoencoder import Autoencoder, autoencoder
from fastnet.models.bert import BERT, BERTForMaskedLM, bert_base, minilm
from fastnet.models.bert_classifier import BERTForSequenceClassification
from fastnet.models.ctc_recognizer import CTCRecognizer, ctc_recognizer
from fastnet.models.densenet import DenseNet, densenet121
from fastnet.models.ds_cnn import DSCNN, ds_cnn
from fastnet.models.efficientnet import EfficientNet, efficientnet_b0, stochastic_depth
from fastnet.models.forecaster import Forecaster, forecaster
from fastnet.models.generation import KeyValueCache, next_tokens
from fastnet.models.googlenet import GoogLeNet, GoogLeNetOutputs, googlenet
from fastnet.models.gpt import GPT, Projection, gpt, gpt2
from fastnet.models.gru_kws import GRUKWS, gru_kws
from fastnet.models.inception import InceptionOutputs, InceptionV3, inception_v3
from fastnet.models.lenet import LeNet5, lenet5
from fastnet.models.lstm_classifier import LSTMClassifier, lstm_classifier
from fastnet.models.mobilenet_v1 import MobileNetV1, mobilenet_v1
from fastnet.models.mobilenet_v2 import MobileNetV2, mobilenet_v2
from fastnet.models.mobilenet_v3 import MobileNetV3Small, mobilenet_v3_small
from fastnet.models.multimodal import Multimodal, multimodal
from fastnet.models.positions import alibi_mask, apply_rotary, rotary_positions, sinusoidal_positions
from fastnet.models.pretrained.loading import load_pretrained
from fastnet.models.resnet import ResNet, resnet18, resnet34, resnet50, resnet101, resnext50_32x4d, wide_resnet50_2
from fastnet.models.resnet8 import ResNet8, resnet8
from fastnet.models.seq2seq import Seq2Seq, seq2seq
from fastnet.models.shufflenet import ShuffleNetV2, shufflenet_v2_x1_0
from fastnet.models.squeezenet import SqueezeNet, squeezenet1_1
from fastnet.models.ssdlite import DetectorOutputs, DetectorTargets, SSDLite, detector_loss, ssdlite
from fastnet.models.summaries import LayerSummary, Summary, summary
from fastnet.models.tcn import TCN, tcn
from fastnet.models.transformer import Seq2SeqTransformer, transformer
from fastnet.models.two_tower import Retrieved, TwoTower, retrieve, two_tower
from fastnet.models.unet import UNet, unet
from fastnet.models.vgg import VGG, vgg11, vgg11_bn, vgg13, vgg13_bn, vgg16, vgg16_bn, vgg19, vgg19_bn
from fastnet.models.vit import ViT, vit_b_16, vit_tiny
from fastnet.models.zero_shot import build_zero_shot_classifier

__all__ = [
    "AlexNet",
    "Autoencoder",
    "BERT",
    "BERTForMaskedLM",
    "BERTForSequenceClassification",
    "CTCRecognizer",
    "DSCNN",
    "DenseNet",
    "DetectorOutputs",
    "DetectorTargets",
    "EfficientNet",
    "Forecaster",
    "GPT",
    "GRUKWS",
    "GoogLeNet",
    "GoogLeNetOutputs",
    "InceptionOutputs",
    "InceptionV3",
    "KeyValueCache",
    "LSTMClassifier",
    "LayerSummary",
    "LeNet5",
    "MobileNetV1",
    "MobileNetV2",
    "MobileNetV3Small",
    "Multimodal",
    "Projection",
    "ResNet",
    "ResNet8",
    "Retrieved",
    "SSDLite",
    "Seq2SeqTransformer",
    "Seq2Seq",
    "ShuffleNetV2",
    "SqueezeNet",
    "Summary",
    "TCN",
    "TwoTower",
    "UNet",
    "VGG",
    "ViT",
    "alexnet",
    "alibi_mask",
    "apply_rotary",
    "autoencoder",
    "bert_base",
    "build_zero_shot_classifier",
    "ctc_recognizer",
    "densenet121",
    "detector_loss",
    "ds_cnn",
    "efficientnet_b0",
    "forecaster",
    "googlenet",
    "gpt",
    "gpt2",
    "gru_kws",
    "inception_v3",
    "lenet5",
    "load_pretrained",
    "minilm",
    "lstm_classifier",
    "mobilenet_v1",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "multimodal",
    "next_tokens",
    "resnet101",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet8",
    "resnext50_32x4d",
    "retrieve",
    "rotary_positions",
    "seq2seq",
    "shufflenet_v2_x1_0",
    "sinusoidal_positions",
    "squeezenet1_1",
    "ssdlite",
    "stochastic_depth",
    "summary",
    "tcn",
    "transformer",
    "two_tower",
    "unet",
    "vgg11",
    "vgg11_bn",
    "vgg13",
    "vgg13_bn",
    "vgg16",
    "vgg16_bn",
    "vgg19",
    "vgg19_bn",
    "vit_b_16",
    "vit_tiny",
    "wide_resnet50_2",
]
