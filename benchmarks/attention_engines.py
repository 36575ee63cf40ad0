"""The engines for attention, and the attentions and generations that they run. All engines get the same numbers."""
from dataclasses import dataclass
from itertools import product

import numpy as np

from .engines import Engine, Fastnet, PyTorch, Work, running

BATCHES, VOCABULARY, POSITIONS = 2, 65, 512


@dataclass(frozen=True)
class Row:
    """Attention over `length` positions, or the generation of as many tokens by `layers` blocks."""
    mode: str
    length: int
    heads: int = 8
    width: int = 64
    causal: bool = True
    layers: int = 0

    @property
    def work(self):
        """What an engine runs."""
        return self

    @property
    def name(self):
        size = f"w{self.heads * self.width}-l{self.layers}-" if self.layers else ""
        return f"{self.mode}-{size}t{self.length}{'-causal' if self.causal else '-full'}"

    @property
    def label(self):
        if self.layers:
            return f"{self.layers} blocks, width {self.heads * self.width}, {self.length} tokens"
        return f"{self.length} positions, {self.heads} heads of {self.width}{', causal' if self.causal else ''}"


MODES = {"infer": "attention, forward", "step": "attention, forward and backward",
         "generate": "generation with a key-value cache, a whole text"}
ATTENTIONS = tuple(product((64, 512, 4096), (8,), (64,), (False, True)))
GENERATIONS = ((256, 4, 32, True, 4), (256, 12, 64, True, 6))


ROWS = [Row(mode, *row) for mode in MODES for row in (GENERATIONS if mode == "generate" else ATTENTIONS)]


class _Attention:
    """The part of an engine with PyTorch's API that concerns attention."""

    def infer(self, row):
        t, attention = self.module, self.module.nn.functional.scaled_dot_product_attention
        run = self.whole(lambda q, k, v: attention(q, k, v, is_causal=row.causal))

        def infer(*inputs):
            with t.no_grad():
                return run(*inputs)
        return running(infer, lambda y: y.numpy()[0, 0], self._inputs(row))

    def step(self, row):
        """Reads the gradient of the queries."""
        t, attention = self.module, self.module.nn.functional.scaled_dot_product_attention
        leaves = [t.nn.Parameter(x) for x in self._inputs(row)[0]]

        def step(g):
            for x in leaves:
                x.grad = None
            out = attention(*leaves, is_causal=row.causal)
            out.backward(g)
            return out.detach()
        run = self.whole(step)

        def gradient(g):
            run(g)
            return leaves[0].grad
        return running(gradient, lambda y: y.numpy()[0, 0], [(x[0],) for x in self._inputs(row)])

    def _inputs(self, row):
        rng = np.random.default_rng(0)
        shape = 1, row.heads, row.length, row.width
        return [tuple(self.module.from_numpy(rng.standard_normal(shape, np.float32)) for _ in range(3))
                for _ in range(BATCHES)]


def gpt_weights(row):
    """The weights of GPT by name: by the shapes alone."""
    rng, width = np.random.default_rng(0), row.heads * row.width
    found = {"wte.weight": (VOCABULARY, width), "wpe.weight": (POSITIONS, width), "ln_f.weight": (width,),
             "ln_f.bias": (width,)}
    for i in range(row.layers):
        shapes = {"attn.c_attn": (width, 3 * width), "attn.c_proj": (width, width), "mlp.c_fc": (width, 4 * width),
                  "mlp.c_proj": (4 * width, width), "ln_1": (width,), "ln_2": (width,)}
        for name, shape in shapes.items():
            found |= {f"h.{i}.{name}.weight": shape, f"h.{i}.{name}.bias": shape[-1:]}
    return {name: (np.ones(s, np.float32) if len(s) == 1 and name.endswith("weight")
                   else rng.standard_normal(s, np.float32) * np.float32(0.1)) for name, s in found.items()}


def generating(run, row):
    """The Work of run(n), which returns n tokens as a list."""
    return Work(lambda: run(row.length), lambda: [float(x) for x in run(8)])


class FastnetAttention(_Attention, Fastnet):
    """fastnet, compiled."""

    def generate(self, row):
        from fastnet.models import GPT
        model = GPT(VOCABULARY, POSITIONS, row.heads * row.width, row.layers, row.heads, 0.0).eval()
        model.load_state_dict({name: self.module.from_numpy(x) for name, x in gpt_weights(row).items()})
        return generating(lambda n: model.generate([[1]], n, temperature=0).tolist()[0][1:], row)


class PyTorchAttention(_Attention, PyTorch):
    """Eager PyTorch, which computes attention by flash attention."""

    def generate(self, row):
        t, f = self.module, self.module.nn.functional
        w = {name: t.from_numpy(x) for name, x in gpt_weights(row).items()}
        width = row.heads * row.width

        def norm(x, name):
            return f.layer_norm(x, (width,), w[f"{name}.weight"], w[f"{name}.bias"])

        def project(x, name):
            return t.addmm(w[f"{name}.bias"], x, w[f"{name}.weight"])

        def run(count):
            caches = [[t.zeros(1, row.heads, POSITIONS, row.width) for _ in range(2)] for _ in range(row.layers)]
            token, found = t.tensor([1]), []
            with t.inference_mode():
                for n in range(count):
                    x = w["wte.weight"][token] + w["wpe.weight"][n:n + 1]
                    for i, cache in enumerate(caches):
                        q, *kv = (z.view(1, row.heads, 1, row.width) for z in project(
                            norm(x, f"h.{i}.ln_1"), f"h.{i}.attn.c_attn").split(width, 1))
                        for held, new in zip(cache, kv, strict=True):
                            held[:, :, n:n + 1] = new
                        y = f.scaled_dot_product_attention(q, *(held[:, :, :n + 1] for held in cache))
                        x = x + project(y.reshape(1, width), f"h.{i}.attn.c_proj")
                        y = f.gelu(project(norm(x, f"h.{i}.ln_2"), f"h.{i}.mlp.c_fc"), approximate="tanh")
                        x = x + project(y, f"h.{i}.mlp.c_proj")
                    token = (norm(x, "ln_f") @ w["wte.weight"].T).argmax(1)
                    found.append(int(token))
            return found
        return generating(run, row)


ENGINES: dict[str, type[Engine]] = {engine.name: engine for engine in (FastnetAttention, PyTorchAttention)}
