"""Default settings of `fastnet train` for each kind of data, and for convolutional networks on it."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastnet import optim
from fastnet._core.errors import did_you_mean

__all__ = [
    "ALIASES",
    "AUGMENTATIONS",
    "FORECASTERS",
    "GPT",
    "IMAGE_NETWORKS",
    "IMAGE_SETS",
    "KEYWORD_NETWORKS",
    "LANGUAGE_MODEL",
    "LINEAR",
    "MODELS",
    "NETWORKS",
    "OPTIMIZER_CHOICES",
    "PERCEPTRON",
    "RECIPES",
    "RECOGNIZER",
    "SOUNDS",
    "TEXT_MODELS",
    "TEXT_SETS",
    "TRANSFORMER",
    "TRANSLATION",
    "NetworkRecipe",
    "Recipe",
    "check_model",
    "network_recipe",
    "optimizer_settings",
]

IMAGE_SETS = ("digits", "mnist", "fashion_mnist", "kmnist", "cifar10")      # data sets, all of images
PERCEPTRON, LINEAR = "mlp", "linear"
FORECASTERS = ("lstm", "tcn")           # networks that forecast time series
RECOGNIZER = "ctc"                      # a network that transcribes speech
# The functions of `fastnet.models` that classify images or spectrograms; listed here because the import takes time.
IMAGE_NETWORKS = (
    "lenet5", "resnet8", "resnet18", "resnet34", "resnet50", "resnet101", "resnext50_32x4d", "wide_resnet50_2",
    "mobilenet_v1", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0", "shufflenet_v2_x1_0", "squeezenet1_1",
    "densenet121", "vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn", "googlenet",
    "inception_v3", "alexnet")
KEYWORD_NETWORKS = ("ds_cnn", "gru_kws")
NETWORKS = (*IMAGE_NETWORKS, *KEYWORD_NETWORKS)
ALIASES = {"kws": "ds_cnn"}             # other names of models
SOUNDS = ("fsdd", "recordings")         # kinds of data that are recordings
GPT, TRANSFORMER = "gpt", "transformer"
TEXT_MODELS = (GPT, TRANSFORMER)        # models of texts, see `fastnet.cli.texts`
LANGUAGE_MODEL, TRANSLATION = "language model", "translation"           # their tasks, in model files
TEXT_SETS = {"shakespeare": GPT, "multi30k": TRANSFORMER}               # data sets of text, and their models
MODELS = (PERCEPTRON, LINEAR, *FORECASTERS, RECOGNIZER, *NETWORKS, *TEXT_MODELS)
AUGMENTATIONS = ("standard", "randaugment", "trivialaugment", "none")


@dataclass(frozen=True)
class Recipe:
    """Default settings of perceptrons for a kind of data."""
    hidden: tuple[int, ...]
    epochs: int
    batch_size: int
    dropout: float
    patience: int | None                # None: no early stopping


_DIGITS_OF_28 = Recipe(hidden=(512, 256), epochs=10, batch_size=128, dropout=0.2, patience=None)
RECIPES: dict[str, Recipe] = {
    "digits": Recipe(hidden=(256, 128), epochs=40, batch_size=32, dropout=0.3, patience=None),
    "mnist": _DIGITS_OF_28,
    "fashion_mnist": _DIGITS_OF_28,
    "kmnist": _DIGITS_OF_28,
    "cifar10": Recipe(hidden=(512, 256), epochs=20, batch_size=128, dropout=0.2, patience=None),
    "table": Recipe(hidden=(128, 64), epochs=40, batch_size=32, dropout=0.1, patience=10),
    "folder": Recipe(hidden=(256, 128), epochs=40, batch_size=32, dropout=0.2, patience=10),
    "fsdd": Recipe(hidden=(256, 128), epochs=30, batch_size=32, dropout=0.3, patience=None),
    "recordings": Recipe(hidden=(256, 128), epochs=40, batch_size=32, dropout=0.3, patience=10),
}


@dataclass(frozen=True)
class NetworkRecipe:
    """Default settings of convolutional networks for a kind of data."""
    epochs: int
    batch_size: int
    optimizer: str
    lr: float                           # the highest of the schedule
    weight_decay: float
    validation_split: float
    patience: int | None = None
    augment: str = "standard"


_CHARACTERS = NetworkRecipe(epochs=10, batch_size=128, optimizer="adamw", lr=3e-3, weight_decay=0.01,
                            validation_split=0.05)
_NETWORK_RECIPES: dict[str, NetworkRecipe] = {
    "digits": NetworkRecipe(epochs=40, batch_size=32, optimizer="adamw", lr=3e-3, weight_decay=0.01,
                            validation_split=0.1),
    "mnist": _CHARACTERS,
    "fashion_mnist": _CHARACTERS,
    "kmnist": _CHARACTERS,
    "cifar10": NetworkRecipe(epochs=25, batch_size=32, optimizer="sgd", lr=0.03, weight_decay=5e-4,
                             validation_split=0.05),
    "folder": NetworkRecipe(epochs=40, batch_size=32, optimizer="adamw", lr=2e-3, weight_decay=0.02,
                            validation_split=0.1),
    "fsdd": NetworkRecipe(epochs=30, batch_size=32, optimizer="adamw", lr=3e-3, weight_decay=0.01,
                          validation_split=0.05),
    "recordings": NetworkRecipe(epochs=40, batch_size=32, optimizer="adamw", lr=3e-3, weight_decay=0.01,
                                validation_split=0.1),
}


def network_recipe(kind: str) -> NetworkRecipe:
    """The default settings of convolutional networks.

    Args:
        kind: of the data, see `kind_of`.

    Example:
        >>> from fastnet.cli.recipes import network_recipe
        >>> network_recipe("cifar10").optimizer
        'sgd'
    """
    return _NETWORK_RECIPES[kind]


# {name: (optimizer of (parameters, learning rate, weight decay), the highest rate of its schedule, its weight decay)}
OPTIMIZER_CHOICES: dict[str, tuple[Callable[..., optim.Optimizer], float, float]] = {
    "sgd": (lambda params, lr, decay: optim.SGD(params, lr=lr, momentum=0.9, nesterov=True, weight_decay=decay), 0.05,
            0.0),
    "adam": (lambda params, lr, decay: optim.Adam(params, lr=lr, weight_decay=decay), 2e-3, 0.0),
    "adamw": (lambda params, lr, decay: optim.AdamW(params, lr=lr, weight_decay=decay), 2e-3, 0.01),
    "rmsprop": (lambda params, lr, decay: optim.RMSprop(params, lr=lr, weight_decay=decay), 1e-3, 0.0),
    "adagrad": (lambda params, lr, decay: optim.Adagrad(params, lr=lr, weight_decay=decay), 2e-2, 0.0),
}


def optimizer_settings(name: str | None, usual: str) -> dict[str, Any]:
    """The settings that an optimizer brings with it; none for that of a recipe, which has its own.

    Args:
        name: of an optimizer; None: the usual one.
        usual: the optimizer of the recipe.

    Example:
        >>> from fastnet.cli.recipes import optimizer_settings
        >>> optimizer_settings("adam", "adamw"), optimizer_settings(None, "adamw")
        ({'optimizer': 'adam', 'lr': 0.002, 'weight_decay': 0.0}, {})
    """
    if name in (None, usual):
        return {}
    _, rate, decay = OPTIMIZER_CHOICES[str(name)]
    return {"optimizer": name, "lr": rate, "weight_decay": decay}


def check_model(name: str) -> str:
    """The name of a model; "kws" is "ds_cnn", for keyword spotting.

    Raises:
        ValueError: there is no such model; the message suggests a near name.

    Example:
        >>> from fastnet.cli.recipes import check_model
        >>> check_model("resnet18")
        'resnet18'
    """
    if name not in (*MODELS, *ALIASES):
        raise ValueError(f"there is no model {name!r}"
                         f"{did_you_mean(name, MODELS, 'choose from ' + ', '.join(MODELS))}")
    return ALIASES.get(name, name)
