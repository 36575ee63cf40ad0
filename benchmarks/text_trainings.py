"""Trainings of texts in PyTorch, for `python -m benchmarks.trainings shakespeare` and `multi30k`."""
import itertools
import math
import statistics
import time

import fastnet
from fastnet.cli.run import make_optimizer
from fastnet.cli.texts.figures import text_figures, translation_figures
from fastnet.cli.texts.recipes import text_settings
from fastnet.cli.texts.saved import Hidden, SavedText, TokenLoss
from fastnet.cli.texts.sources import PADDING, load_texts
from fastnet.cli.texts.training import make_text_model
from fastnet.training import Trainer

ROUNDS = 5                                          # into which the steps of a comparison are divided


def torch_gpt(own):
    """PyTorch's form of `fastnet.models.GPT`, with the same weights."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            width = own.n_embd
            self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.c_attn, self.c_proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.c_fc, self.c_out = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
            self.drop = nn.Dropout(own.dropout)

        def forward(self, x):
            b, n, c = x.shape
            q, k, v = (z.view(b, n, own.n_head, -1).transpose(1, 2) for z in self.c_attn(self.ln_1(x)).split(c, 2))
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True, dropout_p=own.dropout if self.training else 0.0)
            x = x + self.drop(self.c_proj(y.transpose(1, 2).reshape(b, n, c)))
            return x + self.drop(self.c_out(F.gelu(self.c_fc(self.ln_2(x)), approximate="tanh")))

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.wte, self.wpe = nn.Embedding(own.vocab_size, own.n_embd), nn.Embedding(own.n_positions, own.n_embd)
            self.h = nn.ModuleList([Block() for _ in range(own.n_layer)])
            self.ln_f, self.drop = nn.LayerNorm(own.n_embd), nn.Dropout(own.dropout)

        def forward(self, ids):
            x = self.drop(self.wte(ids) + self.wpe(torch.arange(ids.shape[1])))
            for block in self.h:
                x = block(x)
            return F.linear(self.ln_f(x), self.wte.weight)

    model = Model()
    model.load_state_dict({torch_name(name): torch.from_numpy(transposed(name, x.numpy()).copy())
                           for name, x in own.state_dict().items()})
    return model


def torch_name(name):
    """The name of a parameter of `torch_gpt`."""
    short = name.removeprefix("transformer.").replace(".attn.", ".").replace(".mlp.c_proj", ".c_out")
    return short.replace(".mlp.", ".")


def transposed(name, x):
    """A weight of `fastnet.models.GPT` as that of a torch.nn.Linear, and the other way."""
    return x.T if x.ndim == 2 and ".h." in name else x


def torch_transformer(own):
    """PyTorch's form of `fastnet.models.Seq2SeqTransformer`, with the same weights."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.target_embedding = nn.Embedding(own.target_vocab, own.d_model)
            self.drop = nn.Dropout(own.dropout)
            self.transformer = nn.Transformer(own.d_model, own.nhead, own.num_encoder_layers, own.num_decoder_layers,
                                              own.dim_feedforward, own.dropout, batch_first=True, norm_first=True)
            self.register_buffer("positions", torch.from_numpy(own.positions.numpy().copy()))

        def embedded(self, tokens):
            return self.drop(self.target_embedding(tokens) * math.sqrt(own.d_model) + self.positions[:tokens.shape[1]])

        def forward(self, source, target):
            padding = source == PADDING
            later = torch.ones(target.shape[1], target.shape[1], dtype=torch.bool).triu(1)
            memory = self.transformer.encoder(self.embedded(source), src_key_padding_mask=padding)
            x = self.transformer.decoder(self.embedded(target), memory, tgt_mask=later, tgt_is_causal=True,
                                         memory_key_padding_mask=padding)
            return F.linear(x, self.target_embedding.weight)

    model = Model()
    model.load_state_dict({name: torch.from_numpy(x.numpy().copy()) for name, x in own.state_dict().items()})
    return model


class TorchTraining:
    """A model of texts in PyTorch with its optimizer, schedule and average."""

    def __init__(self, own, settings, updates):
        import torch
        from torch.optim import swa_utils
        self.own, self.smoothing = own, settings["label_smoothing"]
        self.is_gpt = settings["model"] == "gpt"
        self.model = (torch_gpt if self.is_gpt else torch_transformer)(own)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=settings["lr"],
                                           weight_decay=settings["weight_decay"], fused=True)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(self.optimizer, settings["lr"], updates,
                                                            cycle_momentum=False)
        self.average = None
        if settings["ema"]:
            decay = max(0.0, 1 - 10 / updates) if settings["ema"] is True else settings["ema"]
            self.average = swa_utils.AveragedModel(self.model, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(decay))

    def step(self, batch):
        """Train on a batch; returns the loss."""
        import torch
        from torch.nn import functional as F
        *inputs, target = (torch.from_numpy(x.numpy()) for x in batch)
        self.optimizer.zero_grad()
        logits = self.model(*inputs).flatten(0, 1)
        loss = F.cross_entropy(logits, target.flatten(), ignore_index=-100 if self.is_gpt else PADDING,
                               label_smoothing=self.smoothing)
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        if self.average is not None:
            self.average.update_parameters(self.model)
        return loss.item()

    def finish(self):
        """Copy the weights into fastnet's model, whose loss or BLEU is then measured."""
        model = self.model if self.average is None else self.average.module
        values = model.state_dict()
        name_of = torch_name if self.is_gpt else str
        self.own.load_state_dict({name: fastnet.from_numpy(
            transposed(name, values[name_of(name)].numpy()).copy() if self.is_gpt else values[name_of(name)].numpy())
            for name in self.own.state_dict()})


def train_text(args, turns):
    """Train on a text or on pairs of sentences in PyTorch; with `turns`, compare the time of as many steps."""
    import torch
    settings = text_settings(args)
    if settings["schedule"] != "one_cycle" or settings["optimizer"] != "adamw" or settings["patience"]:
        raise SystemExit("expected the schedule one_cycle and the optimizer adamw, without --patience")
    if args.threads:
        torch.set_num_threads(args.threads)
        fastnet.set_num_threads(args.threads)
    found = load_texts(args.data, settings)
    fastnet.manual_seed(settings["seed"])
    torch.manual_seed(settings["seed"])
    own = make_text_model(settings, len(found.tokenizer))
    training = TorchTraining(own, settings, max(found.epochs * len(found.training), 2 * turns + ROUNDS))
    if turns:
        compare(own, settings, found, training, turns)
        return
    print(f"PyTorch {torch.__version__}, {settings['model']} on {args.data}: {settings}", flush=True)
    begin = time.perf_counter()
    for epoch in range(found.epochs):
        losses = [training.step(batch) for batch in found.training.epoch(epoch)]
        print(f"epoch {epoch + 1}/{found.epochs}  loss {statistics.mean(losses):.4f}  "
              f"{time.perf_counter() - begin:.1f} s", flush=True)
    print(f"trained in {time.perf_counter() - begin:.1f} s")
    training.finish()
    saved = SavedText(own, found.tokenizer, found.about)
    if found.validation:
        text_figures(saved, found.validation, "validation ")
    if not training.is_gpt:
        translation_figures(saved, print)


class Batches:
    """A loader of the same batches in each epoch."""

    def __init__(self, batches):
        self.batches = list(batches)

    def __iter__(self):
        return iter(self.batches)

    def __len__(self):
        return len(self.batches)


def compare(own, settings, found, training, turns):
    """Time as many steps of both in turns, after a round that is not counted."""
    trainer = Trainer(Hidden(own), lambda parameters: make_optimizer(parameters, settings),
                      loss=TokenLoss(own, settings["label_smoothing"]))
    batches = Batches(itertools.islice(found.training.epoch(0), max(turns // ROUNDS, 1)))
    times = {"fastnet": [], "PyTorch": []}
    for number in range(ROUNDS + 1):
        for name, run in (("fastnet", lambda: trainer.fit(batches, progress=False)),
                          ("PyTorch", lambda: [training.step(batch) for batch in batches])):
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            if number:
                times[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    for i, clock in enumerate(("time", "CPU time")):
        best = {name: min(each[i] for each in values) / len(batches) * 1e3 for name, values in times.items()}
        ratios = [theirs[i] / ours[i] for ours, theirs in zip(times["fastnet"], times["PyTorch"])]
        print(f"{clock} of a step: fastnet {best['fastnet']:.2f} ms, PyTorch {best['PyTorch']:.2f} ms, "
              f"{statistics.median(ratios):.2f} times as fast (median of {ROUNDS} rounds of {len(batches)} steps)")
