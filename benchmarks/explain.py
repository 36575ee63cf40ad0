"""Explanations in fastnet and Captum: `python -m benchmarks.explain [--rows NAME,..] [--quick]`.

Compares the attributions on the same weights, and the time of a call on one thread, in turns. See README.md.
"""
import argparse
import sys
import warnings
from functools import partial
from statistics import geometric_mean

import numpy as np

import fastnet
from fastnet import explain

from .timing import Plan, Timed, in_turns

PLAN, QUICK = Plan(rounds=5, seconds=0.2), Plan(rounds=3, seconds=0.02)
TOLERANCE = 1e-5                        # of the largest attribution, at least 1
WINDOWS = 16                            # replaced features in one call of Captum; fastnet chooses itself

METHODS = {
    "Saliency": {}, "InputXGradient": {}, "IntegratedGradients": {"n_steps": 50}, "GuidedBackprop": {}, "DeepLift": {},
    "LayerGradCam": {}, "FeatureAblation": {"perturbations_per_eval": WINDOWS},
    "Occlusion": {"perturbations_per_eval": WINDOWS},
}
ONLY_IMAGES = "LayerGradCam", "Occlusion"
ONLY_TABLES = ("FeatureAblation",)


def perceptron(library):
    n = library.nn
    return n.Sequential(n.Linear(20, 64), n.ReLU(), n.Linear(64, 64), n.ReLU(), n.Linear(64, 3))


def convolutional(library):
    n = library.nn
    return n.Sequential(n.Conv2d(1, 16, 3, padding=1), n.MaxPool2d(2), n.BatchNorm2d(16), n.ReLU(),
                        n.Conv2d(16, 32, 3, padding=1), n.MaxPool2d(2), n.BatchNorm2d(32), n.ReLU(), n.Flatten(),
                        n.Linear(1568, 64), n.ReLU(), n.Linear(64, 10))


def residual(library):
    n = library.nn

    class Block(n.Module):
        """Two convolutions and a shortcut, with a ReLU for each call, which Captum's DeepLift needs."""

        def __init__(self, before, width, stride):
            super().__init__()
            self.conv1, self.bn1 = n.Conv2d(before, width, 3, stride, 1, bias=False), n.BatchNorm2d(width)
            self.conv2, self.bn2 = n.Conv2d(width, width, 3, 1, 1, bias=False), n.BatchNorm2d(width)
            self.short = n.Conv2d(before, width, 1, stride, bias=False) if stride > 1 else n.Identity()
            self.relu1, self.relu2 = n.ReLU(), n.ReLU()

        def forward(self, x):
            return self.relu2(self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x))))) + self.short(x))
    blocks = [Block(before, width, stride) for before, width, stride in (
        (64, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 256, 1))]
    return n.Sequential(n.Conv2d(3, 64, 3, 1, 1, bias=False), n.BatchNorm2d(64), n.ReLU(), *blocks,
                        n.AdaptiveAvgPool2d(1), n.Flatten(), n.Linear(256, 10))


# No two nonlinear layers are neighbours, where Captum's DeepLift does not conserve differences.
# name: (the network, the shape of a sample, samples, the window of Occlusion, the layer of Grad-CAM)
NETWORKS = {
    "table": (perceptron, (20,), 16, None, None),
    "digits": (convolutional, (1, 28, 28), 4, (1, 7, 7), "4"),
    "resnet": (residual, (3, 32, 32), 1, (3, 8, 8), "8"),
}


def main(argv=None):
    """Compare and time the methods and print the table; returns the exit status."""
    options = parse(argv)
    import torch
    warnings.simplefilter("ignore")                     # Captum warns of its hooks
    torch.set_num_threads(1)
    fastnet.set_num_threads(1)
    rows = [(name, method) for name in NETWORKS for method in METHODS if applies(name, method)]
    wanted = options.rows.split(",") if options.rows else [""]
    chosen = [row for row in rows if any(part in " ".join(row) for part in wanted)]
    print(f"{'network':10s} {'method':20s} {'difference':>10s} {'fastnet':>11s} {'Captum':>11s} {'ratio':>6s}")
    results = [measured(*row, QUICK if options.quick else PLAN) for row in chosen]
    print(f"geometric mean of the ratios: {geometric_mean([ratio for _, ratio in results]):.2f}")
    return int(any(error > TOLERANCE for error, _ in results))


def parse(argv):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.explain", allow_abbrev=False, description=__doc__.splitlines()[0],
        epilog="A ratio is Captum's time over fastnet's, the median over all rounds: above 1, fastnet is faster.")
    parser.add_argument("--rows", metavar="NAME,..", help="only rows with one of these in their name")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter turns")
    return parser.parse_args(argv)


def applies(name, method):
    """Whether a method is measured on a network."""
    return not (method in ONLY_IMAGES and name == "table") and not (method in ONLY_TABLES and name != "table")


def measured(name, method, plan):
    """Print and return (difference of the attributions, Captum's time over fastnet's) of a row."""
    import torch
    from captum import attr as captum
    make, shape, count, window, layer = NETWORKS[name]
    ours, theirs = same_weights(make)
    x = np.random.default_rng(0).normal(size=(count, *shape)).astype("float32")
    b = np.random.default_rng(1).normal(size=x.shape).astype("float32")
    options = METHODS[method] | {"target": 1} | windows(method, window)
    calls = [attribution(package, model, method, layer, tensor(x), options | baselines(method, tensor(b)))
             for package, model, tensor in ((explain, ours, fastnet.tensor), (captum, theirs, torch.tensor))]
    found, expected = (call().detach().numpy() for call in calls)
    error = np.abs(found - expected).max() / max(1.0, np.abs(expected).max())
    times = in_turns({"fastnet": Timed(calls[0]), "Captum": Timed(calls[1])}, plan)
    ratio = times["Captum"] / times["fastnet"]
    print(f"{name:10s} {method:20s} {error:10.1e} {times['fastnet'] * 1e3:8.3f} ms {times['Captum'] * 1e3:8.3f} ms "
          f"{ratio:6.2f}", flush=True)
    return error, ratio


def windows(method, window):
    """The options of Occlusion: windows that overlap by half."""
    if method != "Occlusion":
        return {}
    return {"sliding_window_shapes": window, "strides": (window[0], window[1] // 2, window[2] // 2)}


def baselines(method, b):
    """Random baselines: pooling has no equal values, of which either engine may choose another."""
    return {"baselines": b} if method in ("IntegratedGradients", "DeepLift") else {}


def same_weights(make):
    """A network in fastnet and in PyTorch."""
    import torch
    fastnet.manual_seed(0)
    ours, theirs = make(fastnet).eval(), make(torch).eval()
    theirs.load_state_dict({key: torch.tensor(value.numpy()) for key, value in ours.state_dict().items()})
    return ours, theirs


def attribution(package, model, method, layer, x, options):
    """A function that computes the attributions."""
    if method == "LayerGradCam":
        made = package.LayerGradCam(model, dict(model.named_modules())[layer])
    else:
        made = getattr(package, method)(model)
    return partial(made.attribute, x, **options)


if __name__ == "__main__":
    sys.exit(main())
