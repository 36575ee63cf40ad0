"""Networks of sounds in PyTorch, and the training of one that transcribes speech, for `benchmarks.trainings`."""
import time

import fastnet
from fastnet.cli.speech.commands import SavedSpeech
from fastnet.cli.speech.data import SpeechLoader, joined_digits, transcribed_folder
from fastnet.cli.speech.settings import speech_settings

LARGEST_NORM = 5.0                      # of the gradients, as `fastnet train` has it


def keyword_network(name, shape, outputs):
    """PyTorch's form of `fastnet.models.ds_cnn` or `gru_kws`."""
    import torch
    from torch import nn

    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.gru = nn.GRU(shape[0] * shape[2], 154, batch_first=True)
            self.classifier = nn.Sequential(nn.Dropout(0.0), nn.Linear(154, outputs))

        def forward(self, x):
            return self.classifier(self.gru(x.transpose(1, 2).flatten(2))[0].mean(1))

    class Separable(nn.Module):
        def __init__(self):
            super().__init__()
            def block(*options, **more):
                return nn.Sequential(nn.Conv2d(*options, bias=False, **more), nn.BatchNorm2d(options[1]), nn.ReLU())
            pairs = [block(64, 64, 3, padding=1, groups=64) if i % 2 == 0 else block(64, 64, 1) for i in range(8)]
            self.features = nn.Sequential(block(shape[0], 64, (10, 4), stride=2, padding=(5, 1)), *pairs)
            self.classifier = nn.Sequential(nn.Dropout(0.0), nn.Linear(64, outputs))

        def forward(self, x):
            return self.classifier(self.features(x).mean((2, 3)))
    return Recurrent() if name == "gru_kws" else Separable().to(memory_format=torch.channels_last)


def recognizer(own):
    """PyTorch's form of `fastnet.models.CTCRecognizer`, with the same weights."""
    import torch
    from torch import nn

    class Residual(nn.Module):
        def __init__(self, dilation):
            super().__init__()
            width, size = own.channels, own.kernel_size
            self.block = nn.Sequential(
                nn.Conv1d(width, width, size, padding=size // 2 * dilation, dilation=dilation, bias=False),
                nn.BatchNorm1d(width), nn.ReLU())

        def forward(self, x):
            return x + self.block(x)

    class Recognizer(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm1d(own.in_channels)
            self.stem = nn.Sequential(
                nn.Conv1d(own.in_channels, own.channels, own.kernel_size, 2, own.kernel_size // 2, bias=False),
                nn.BatchNorm1d(own.channels), nn.ReLU())
            self.blocks = nn.Sequential(*[Residual(2 ** (i % 3)) for i in range(own.layers)])
            self.classifier = nn.Sequential(nn.Dropout(own.dropout), nn.Conv1d(own.channels, own.num_classes, 1))

        def forward(self, x):
            return self.classifier(self.blocks(self.stem(self.norm(x)))).permute(2, 0, 1).log_softmax(2)

    model = Recognizer()
    model.load_state_dict({name: torch.from_numpy(x.numpy().copy()) for name, x in own.state_dict().items()})
    return model


def train_recognizer(args):
    """Train PyTorch's recogniser by the recipe of `fastnet train DATA --model ctc`, and print its error rates.

    It has the same batches and initial weights. Unlike `fastnet train` it keeps the weights of the last epoch.
    """
    import torch
    from torch import nn
    settings = speech_settings(args)
    if args.threads:
        torch.set_num_threads(args.threads)
    data = joined_digits(settings) if args.data == "fsdd" else transcribed_folder(args.data, settings)
    fastnet.manual_seed(settings["seed"])
    own = fastnet.models.ctc_recognizer(len(data.inputs.vocabulary) + 1, data.inputs.mels, dropout=settings["dropout"])
    model, loss_of = recognizer(own), nn.CTCLoss(zero_infinity=True)
    masks = fastnet.audio.SpecAugment(2, 10, 2, data.inputs.mels // 8) if settings["augment"] == "standard" else None
    loader = SpeechLoader(data.train, data.inputs, settings["batch_size"], settings["seed"], masks)
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings["lr"], weight_decay=settings["weight_decay"],
                                  fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, settings["lr"], settings["epochs"] * len(loader),
                                                   cycle_momentum=False)
    print(f"PyTorch {torch.__version__}, ctc on {args.data}: {settings}", flush=True)
    begin = time.perf_counter()
    for epoch in range(settings["epochs"]):
        total = seen = 0
        for x, target in loader.epoch(epoch):
            rows = torch.from_numpy(target.numpy())
            optimizer.zero_grad()
            loss = loss_of(model(torch.from_numpy(x.numpy())), rows[:, 2:], rows[:, 0], rows[:, 1])
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), LARGEST_NORM)
            optimizer.step()
            schedule.step()
            total, seen = total + loss.item() * len(rows), seen + len(rows)
        seconds = time.perf_counter() - begin
        print(f"epoch {epoch + 1}/{settings['epochs']}  loss {total / seen:.4f}  {seconds:.1f} s", flush=True)
    print(f"trained in {time.perf_counter() - begin:.1f} s")
    own.load_state_dict({name: x.detach().numpy() for name, x in model.state_dict().items()})
    figures, _ = SavedSpeech(own, data.inputs, {}).measured(data.test)
    for name, value in figures.items():
        print(f"test {name.replace('_', ' ')}: {value:.4f}")
