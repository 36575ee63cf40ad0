"""Values of torchmetrics' classification metrics over random inputs, one line of JSON for each.

tools/outside_tests.py runs this program under PyTorch and under `fastnet run`, and compares the lines.
"""
import importlib.metadata
import json
import sys

import numpy as np
import torch


def version(name, installed=importlib.metadata.version):
    """The version of a package; torchvision, which needs the very PyTorch that it was built for, counts as missing."""
    if name == "torchvision":
        raise importlib.metadata.PackageNotFoundError(name)
    return installed(name)


importlib.metadata.version = version
sys.modules["torchvision"] = None
import torchmetrics.classification as metrics  # noqa: E402

CLASSES, BATCHES, SIZE = 5, 3, 64
BINARY = ("Accuracy", "Precision", "Recall", "F1Score", "Specificity", "CohenKappa", "ConfusionMatrix",
          "MatthewsCorrCoef", "HammingDistance", "JaccardIndex", "AUROC", "AveragePrecision", "CalibrationError",
          "HingeLoss", "StatScores", "ROC", "PrecisionRecallCurve")
MULTICLASS = (*BINARY[:9], "JaccardIndex", "AUROC", "AveragePrecision", "CalibrationError", "HingeLoss", "ExactMatch")
MULTILABEL = ("Accuracy", "Precision", "Recall", "F1Score", "Specificity", "ConfusionMatrix", "MatthewsCorrCoef",
              "HammingDistance", "JaccardIndex", "AUROC", "AveragePrecision", "ExactMatch", "CoverageError",
              "RankingLoss", "RankingAveragePrecision")


def cases():
    """(name, metric, batches of predictions and targets)"""
    rng = np.random.default_rng(0)
    for kind, names in (("Binary", BINARY), ("Multiclass", MULTICLASS), ("Multilabel", MULTILABEL)):
        arguments = {"Binary": {}, "Multiclass": {"num_classes": CLASSES}, "Multilabel": {"num_labels": CLASSES}}[kind]
        shape = (SIZE,) if kind == "Binary" else (SIZE, CLASSES)
        for name in dict.fromkeys(names):
            inner = (4,) if (kind, name) == ("Multiclass", "ExactMatch") else ()
            batches = []
            for _ in range(BATCHES):
                predictions = rng.random((*shape, *inner), np.float32)
                if kind == "Multiclass":
                    predictions /= predictions.sum(1, keepdims=True)
                    target = rng.integers(0, CLASSES, (SIZE, *inner))
                else:
                    target = rng.integers(0, 2, shape)
                batches.append((torch.from_numpy(predictions), torch.from_numpy(target)))
            yield kind + name, getattr(metrics, kind + name)(**arguments), batches


def plain(value):
    """A result as nested lists."""
    return [plain(v) for v in value] if isinstance(value, tuple | list) else value.tolist()


def main():
    """Print the value of each metric, or the error."""
    for name, metric, batches in cases():
        try:
            for predictions, target in batches:
                metric.update(predictions, target)
            value = plain(metric.compute())
        except Exception as error:              # the report counts it
            value = f"{type(error).__name__}: {error}"
        print(json.dumps([name, value]), flush=True)


if __name__ == "__main__":
    main()
