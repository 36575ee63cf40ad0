"""The engines for recurrent layers, and the layers that they run. All engines get the same weights."""
from dataclasses import dataclass
from itertools import product

import numpy as np

from .engines import Engine, Fastnet, PyTorch, running

BATCHES = 2


@dataclass(frozen=True)
class Row:
    """A recurrent layer, or a loop over a cell, in a mode ("infer", "step" or "cell")."""
    mode: str
    kind: str
    units: int
    batch: int
    steps: int
    layers: int = 1

    @property
    def work(self):
        return self

    @property
    def name(self):
        return f"{self.mode}-{self.kind.lower()}{self.units}-b{self.batch}-t{self.steps}-l{self.layers}"

    @property
    def label(self):
        layers = f", {self.layers} layers" if self.layers > 1 else ""
        return f"{self.kind} {self.units}, batch {self.batch}, {self.steps} steps{layers}"


MODES = {"infer": "forward, without gradients", "step": "forward and backward",
         "cell": "cell in a Python loop, forward and backward"}
LAYERS = tuple(product(("LSTM", "GRU"), (32, 128, 512), (1, 8, 64), (50, 500), (1, 2)))
CELLS = tuple(product(("LSTMCell", "GRUCell"), (32, 128), (1, 8, 64), (50,)))


ROWS = [Row(mode, *row) for mode in MODES for row in (CELLS if mode == "cell" else LAYERS)]


class _Sequences:
    """The part of an engine with PyTorch's API that concerns recurrent layers. The input has as many features as units.
    """

    def infer(self, row):
        t, module = self.module, self._built(row).eval()
        run = self.whole(lambda x: module(x)[0])

        def infer(x):
            with t.no_grad():
                return run(x)
        return running(infer, lambda y: y.numpy()[-1], self._inputs(row))

    def step(self, row):
        module = self._built(row)
        return self._gradient(row, module, lambda x: module(x)[0], [p for _, p in module.named_parameters()])

    def cell(self, row):
        module = self._built(row)

        def loop(x):
            state = None
            for t in range(row.steps):
                state = module(x[t], state)
            return state[0] if row.kind == "LSTMCell" else state
        return self._gradient(row, module, loop, [p for _, p in module.named_parameters()])

    def _gradient(self, row, module, forward, parameters):
        """The Work of forward and backward, which reads the gradient of the weight of the input."""
        def step(x):
            module.zero_grad()
            forward(x).sum().backward()
            return module.steps_done
        module.steps_done = self.module.zeros(1)
        run = self.whole(step)

        def gradient(x):
            run(x)
            return parameters[0].grad
        return running(gradient, lambda g: g.numpy(), self._inputs(row))

    def _built(self, row):
        options = {} if row.mode == "cell" else {"num_layers": row.layers}
        module = getattr(self.module.nn, row.kind)(row.units, row.units, **options)
        rng = np.random.default_rng(0)
        bound = row.units ** -0.5
        state = {k: self.module.from_numpy(rng.uniform(-bound, bound, tuple(p.shape)).astype(np.float32))
                 for k, p in module.state_dict().items()}
        module.load_state_dict(state)
        return module

    def _inputs(self, row):
        rng = np.random.default_rng(1)
        shape = row.steps, row.batch, row.units
        return [(self.module.from_numpy(rng.standard_normal(shape, np.float32)),) for _ in range(BATCHES)]


class FastnetSequences(_Sequences, Fastnet):
    """fastnet, compiled."""


class PyTorchSequences(_Sequences, PyTorch):
    """Eager PyTorch."""


ENGINES: dict[str, type[Engine]] = {engine.name: engine for engine in (FastnetSequences, PyTorchSequences)}
