"""Whole trainings of `fastnet train` in PyTorch: `python -m benchmarks.trainings cifar10 --model resnet18 --epochs 12`.

Takes the data and the options of `fastnet train`, and trains PyTorch's model by the same recipe: the same initial
weights, the same batches in the same order with the same augmentation, the same optimizer and learning rates. Prints a
line for each epoch, and the accuracy on the test images; of texts, the validation loss or BLEU; of speech, the error
rates. `fastnet train` with the same words is the other side of the comparison. For texts, `--turns N` instead compares
the time of N steps in turns.
"""
import sys
import time

import fastnet
from fastnet.cli.commands import make_parser
from fastnet.cli.recipes import KEYWORD_NETWORKS, NETWORKS
from fastnet.cli.settings import make_model, settings_of
from fastnet.cli.sources import load_data
from fastnet.cli.speech.settings import is_transcription
from fastnet.cli.targets import outputs_of
from fastnet.cli.texts.recipes import trains_on_text
from fastnet.cli.train import training_loaders

from .sound_trainings import keyword_network, train_recognizer
from .text_trainings import train_text

UNUSED = ("patience", "class_weight", "ema")             # settings that this program does not have


def network(name, shape, outputs):
    """PyTorch's model of a name in NETWORKS."""
    import torch
    from torch import nn

    if name == "lenet5":
        model = nn.Module()
        model.features = nn.Sequential(nn.Conv2d(shape[0], 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
                                       nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2))
        model.classifier = nn.Sequential(nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(),
                                         nn.Dropout(0.0), nn.Linear(84, outputs))
        model.forward = lambda x: model.classifier(model.features(x))
        return model
    if name in KEYWORD_NETWORKS:
        return keyword_network(name, shape, outputs)
    from torchvision_tools import torchvision_models
    model = getattr(torchvision_models(), name)(num_classes=outputs)
    if name.startswith("res") and max(shape[1:]) < 64:
        model.conv1, model.maxpool = nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.Identity()
    return model.to(memory_format=torch.channels_last)


def optimizer_of(model, settings):
    """PyTorch's optimizer of the settings, with the same options as fastnet's."""
    from torch import optim
    parameters, lr, decay = model.parameters(), settings["lr"], settings["weight_decay"]
    if settings["optimizer"] == "sgd":
        return optim.SGD(parameters, lr=lr, momentum=0.9, nesterov=True, weight_decay=decay, fused=True)
    name = {"adam": "Adam", "adamw": "AdamW"}[settings["optimizer"]]
    return getattr(optim, name)(parameters, lr=lr, weight_decay=decay, fused=True)


def accuracy(model, samples):
    """Share of the samples whose class the model finds."""
    import torch
    right = 0
    model.eval()
    with torch.no_grad():
        for x, y in samples.loader():
            right += int((model(torch.from_numpy(x.numpy())).argmax(1).numpy() == y.numpy()).sum())
    model.train()
    return right / len(samples)


def main():
    words = sys.argv[1:]
    turns = int(words.pop(words.index("--turns") + 1)) if "--turns" in words else 0
    words = [word for word in words if word != "--turns"]
    if not words or "--help" in words:
        sys.exit(__doc__)
    import torch
    from torch import nn

    args = make_parser().parse_args(["train", *words])
    if trains_on_text(args):
        train_text(args, turns)
        return
    if is_transcription(args):
        train_recognizer(args)
        return
    settings = settings_of(args)
    if (settings["model"] not in NETWORKS or any(settings.get(name) for name in UNUSED)
            or settings["schedule"] != "one_cycle"):
        sys.exit(f"expected a convolutional network and the schedule one_cycle, without {', '.join(UNUSED)}")
    if args.threads:
        torch.set_num_threads(args.threads)
    prepared = load_data(args.data, settings)
    shape, outputs = prepared.inputs.shape, outputs_of(prepared.target)
    fastnet.manual_seed(settings["seed"])
    own = make_model(shape, outputs, settings)
    model = network(settings["model"], shape, outputs)
    model.load_state_dict({name: torch.from_numpy(x.numpy().copy()) for name, x in own.state_dict().items()})
    loader, _ = training_loaders(args.data, settings, prepared)
    optimizer = optimizer_of(model, settings)
    steps = settings["epochs"] * len(loader)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings["lr"], steps, cycle_momentum=False)
    loss_of = nn.CrossEntropyLoss(label_smoothing=settings.get("label_smoothing", 0.0))
    print(f"PyTorch {torch.__version__}, {settings['model']} on {args.data}: {settings}", flush=True)
    begin = time.perf_counter()
    for epoch in range(settings["epochs"]):
        total = seen = 0
        for x, y in loader.epoch(epoch):
            optimizer.zero_grad()
            loss = loss_of(model(torch.from_numpy(x.numpy())), torch.from_numpy(y.numpy()))
            loss.backward()
            optimizer.step()
            schedule.step()
            total, seen = total + loss.item() * len(y), seen + len(y)
        seconds = time.perf_counter() - begin
        print(f"epoch {epoch + 1}/{settings['epochs']}  loss {total / seen:.4f}  {seconds:.1f} s", flush=True)
    print(f"trained in {time.perf_counter() - begin:.1f} s\ntest accuracy: {accuracy(model, prepared.test):.4f}")


if __name__ == "__main__":
    main()
