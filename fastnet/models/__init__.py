"""Convolutional networks for pictures. Those that torchvision has share its function names, parameter names and counts.

`fastnet.models.resnet18()` makes a network with random initial weights. Weights of torchvision's models load with
`model.load_state_dict(torch_model.state_dict())`, or from a safetensors file with `fastnet.load(path, model=model)`.
torchvision has no `lenet5`, `resnet8`, `mobilenet_v1`, `unet` and `autoencoder`, and its `ssdlite` differs.
"""
from fastnet.models.alexnet import AlexNet, alexnet
from fastnet.models.autoencoder import Autoencoder, autoencoder
from fastnet.models.densenet import DenseNet, densenet121
from fastnet.models.ds_cnn import DSCNN, ds_cnn
from fastnet.models.efficientnet import EfficientNet, efficientnet_b0, stochastic_depth
from fastnet.models.googlenet import GoogLeNet, GoogLeNetOutputs, googlenet
from fastnet.models.inception import InceptionOutputs, InceptionV3, inception_v3
from fastnet.models.lenet import LeNet5, lenet5
from fastnet.models.mobilenet_v1 import MobileNetV1, mobilenet_v1
from fastnet.models.mobilenet_v2 import MobileNetV2, mobilenet_v2
from fastnet.models.mobilenet_v3 import MobileNetV3Small, mobilenet_v3_small
from fastnet.models.resnet import ResNet, resnet18, resnet34, resnet50, resnet101, resnext50_32x4d, wide_resnet50_2
from fastnet.models.resnet8 import ResNet8, resnet8
from fastnet.models.shufflenet import ShuffleNetV2, shufflenet_v2_x1_0
from fastnet.models.squeezenet import SqueezeNet, squeezenet1_1
from fastnet.models.ssdlite import DetectorOutputs, DetectorTargets, SSDLite, detector_loss, ssdlite
from fastnet.models.summaries import LayerSummary, Summary, summary
from fastnet.models.tcn import TCN, tcn
from fastnet.models.unet import UNet, unet
from fastnet.models.vgg import VGG, vgg11, vgg11_bn, vgg13, vgg13_bn, vgg16, vgg16_bn, vgg19, vgg19_bn

__all__ = [
    "AlexNet",
    "Autoencoder",
    "DSCNN",
    "DenseNet",
    "DetectorOutputs",
    "DetectorTargets",
    "EfficientNet",
    "GoogLeNet",
    "GoogLeNetOutputs",
    "InceptionOutputs",
    "InceptionV3",
    "LayerSummary",
    "LeNet5",
    "MobileNetV1",
    "MobileNetV2",
    "MobileNetV3Small",
    "ResNet",
    "ResNet8",
    "SSDLite",
    "ShuffleNetV2",
    "SqueezeNet",
    "Summary",
    "TCN",
    "UNet",
    "VGG",
    "alexnet",
    "autoencoder",
    "densenet121",
    "detector_loss",
    "ds_cnn",
    "efficientnet_b0",
    "googlenet",
    "inception_v3",
    "lenet5",
    "mobilenet_v1",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "resnet101",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet8",
    "resnext50_32x4d",
    "shufflenet_v2_x1_0",
    "squeezenet1_1",
    "ssdlite",
    "stochastic_depth",
    "summary",
    "tcn",
    "unet",
    "vgg11",
    "vgg11_bn",
    "vgg13",
    "vgg13_bn",
    "vgg16",
    "vgg16_bn",
    "vgg19",
    "vgg19_bn",
    "wide_resnet50_2",
]
