"""Random programs whose Python state changes between calls: `python tests/tools/fuzz_values.py [PROGRAMS] [SEED]`.

Each program is the text of a module: globals, containers, a closure, a plain class and an nn.Module, and functions that
read them in expressions, branches and loops. Between calls a random statement changes something. A compiled function
must give the bits of the same program run eagerly, or say by a warning that it runs eagerly.
"""
import math
import random
import sys
import warnings

import fastnet
from fastnet import nn

HEADER = '''
import functools
import math
import operator
import os
import random as chance
import threading
from collections import OrderedDict, defaultdict, deque
from types import SimpleNamespace
import numpy as np
import fastnet
from fastnet import nn
from fastnet.nn import functional as F

A, B, FLAG, NAME = 1.5, -2.0, True, "a"
LIST, TABLE, NESTED = [1.0, 2.0, 3.0], {"a": 0.5, "b": 2.5}, {"x": [1.0, {"y": 4.0}]}
SPACE, QUEUE, ARRAY = SimpleNamespace(u=1.0, v=[2.0]), deque([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0])
GENERATOR = np.random.default_rng(5)

class Plain:
    shared = 1.25
    def __init__(self):
        self.p, self.q, self.parts = 0.75, [1.0, 2.0], {"k": 3.0}
    @property
    def twice(self):
        return 2 * self.p
    def scaled(self, x):
        return x * self.p + self.shared

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.drop = nn.Linear(3, 3), nn.Dropout(0.25)
        self.t, self.on, self.plain = 2.0, True, Plain()
    def forward(self, x):
        return self.body(x)
    def body(self, x):
        return self.drop(self.layer(x)) / self.t

def outer():
    c, d = 1.0, [5.0]
    def read(x):
        return x * c + d[0]
    def write(value):
        nonlocal c
        c = value
        d[0] = -value
    return read, write

class Other(Plain):
    shared = -0.5

class Row(list):
    gain = 1.5

def given(x, factor=1.5, *, shift=0.5):
    return x * factor + shift

@functools.singledispatch
def kind(value):
    return 1.0

os.environ["FASTNET_FUZZ"] = "1.5"
ORDER, COUNTS, LOCAL = OrderedDict(a=1.0, b=2.0), defaultdict(lambda: 1.0, k=2.0), threading.local()
ROW = Row([1.0, 2.0])
LOCAL.u = 1.0
first, power = operator.itemgetter(0), operator.attrgetter("p")
plain, net = Plain(), Net()
schedule = fastnet.optim.lr_scheduler.StepLR(fastnet.optim.SGD(net.parameters(), lr=0.5), 1, 0.5)
read, write = outer()
count = 0
'''

VALUES = ["A", "B", "LIST[1]", "LIST[-1]", "sum(LIST)", "len(LIST)", 'TABLE["a"]', "TABLE[NAME]", "sum(TABLE.values())",
          'NESTED["x"][1]["y"]', "SPACE.u", "SPACE.v[0]", "QUEUE[0]", "float(ARRAY[1])", "plain.p", "plain.twice",
          "plain.q[1]", 'plain.parts["k"]', "Plain.shared", "plain.shared", "net.t", "net.plain.p", "net.drop.p",
          'getattr(plain, "p")', "max(A, B)", "(A if FLAG else B)", "abs(B)", "net.layer.in_features", "scale",
          'float(os.getenv("FASTNET_FUZZ"))', 'float(os.environ.get("FASTNET_FUZZ", "1"))', "schedule.get_last_lr()[0]",
          'getattr(plain, "late", 1.0)', '(2.0 if hasattr(net.layer, "late") else 1.0)', "caught()", "LOCAL.u",
          "next(iter(ORDER.values()))", 'COUNTS["k"]', "ROW[1] * ROW.gain", "kind(3)", "first(LIST)", "power(plain)",
          "math.tau", "float(GENERATOR.normal())", "chance.random()", "counted()"]
TENSORS = ["x", "net(x)", "net.body(x)", "read(x)", "plain.scaled(x)", "F.relu(x)", "helper(x)", "x.abs()",
           "(x if FLAG else -x)", "(net(x) if net.on else x)", "net.layer.weight.sum() * x", "given(x)"]
CHANGES = [
    "A = {v}", "B = {v}", "FLAG = not FLAG", "NAME = 'b' if NAME == 'a' else 'a'", "LIST[1] = {v}", "LIST.append({v})",
    "LIST = LIST[::-1]", "TABLE['a'] = {v}", "TABLE.update(b={v})", "NESTED['x'][1]['y'] = {v}",
    "NESTED['x'] = [0.0, {{'y': {v}}}]", "SPACE.u = {v}", "SPACE.v = [{v}]", "SPACE.v[0] = {v}", "QUEUE.rotate()",
    "QUEUE.appendleft({v})", "ARRAY[1] = {v}", "ARRAY = ARRAY + 1", "plain.p = {v}", "plain.q[1] = {v}",
    "plain.parts = {{'k': {v}}}", "Plain.shared = {v}", "plain.shared = {v}", "plain = Plain()", "net.t = {v} + 9",
    "net.on = not net.on", "net.train(not net.training)", "net.drop.p = abs({v}) % 1", "net.plain.p = {v}",
    "vars(net)['t'] = {v} + 9", "write({v})", "read, write = outer()", "net.layer.weight.data.mul_(0.5)",
    "net.layer = nn.Linear(3, 3)", "Plain.scaled = lambda self, x: x - self.p", "net.body = lambda x: x * A",
    "os.environ['FASTNET_FUZZ'] = '{v}'", "schedule.optimizer.step(), schedule.step()", "plain.late = {v}",
    "net.layer.late = {v}", "SPACE.late = {v}", "LOCAL.u = {v}", "ORDER.move_to_end('a')", "COUNTS['k'] = {v}",
    "ROW.gain = {v}", "ROW[1] = {v}", "kind.register(int)(lambda value: {v})", "math.tau = {v}",
    "given.__defaults__ = ({v},)", "given.__kwdefaults__ = {{'shift': {v}}}", "given.__code__ = helper.__code__",
    "plain.__class__ = Other", "net.layer.forward = lambda x: x * {v}", "net.drop.__class__ = nn.Identity",
    "nn.Dropout.forward = lambda self, x: x + {v}", "helper = lambda x: x * B",
    "unread = {v}", "net.unread = {v}", "count = 0", "scale = {v}"]


def program(chance):
    """The text of a random module with a function `f(x)`."""
    def term(depth=0):
        tensor = chance.choice(TENSORS)
        # a few of the values make a function run eagerly: seldom
        value = chance.choice(VALUES if chance.random() < 0.1 else VALUES[:-3])
        made = f"({tensor} {chance.choice('+-*')} {value})"
        return f"({made} {chance.choice('+-*')} {term(depth + 1)})" if depth < 2 and chance.random() < 0.6 else made
    lines = [HEADER, f"scale = {chance.uniform(-2, 2)!r}", "def counted():", "    global count", "    count += 1",
             "    return count", "def caught():", "    try:", "        return SPACE.late",
             "    except AttributeError:", "        return 1.0", "def helper(x):",
             f"    return x * {chance.choice(VALUES[:-3])} + 1", "def f(x):", f"    y = {term()}"]
    if chance.random() < 0.5:
        lines += [f"    for value in {chance.choice(['LIST', 'plain.q', 'QUEUE', 'TABLE.values()'])}:",
                  f"        y = y * 0.5 + value * {chance.choice(TENSORS)}"]
    if chance.random() < 0.5:
        lines += [f"    if {chance.choice(VALUES[:-3])} > {chance.uniform(-1, 2):.2f}:", f"        y = y + {term()}"]
    return "\n".join([*lines, "    return y"])


def run(text, seed, compiled):
    """(the results of some calls with changes in between, whether a warning said that it runs eagerly)."""
    chance, variables = random.Random(seed), {"__name__": f"program_{seed}"}
    random.seed(seed)
    fastnet.manual_seed(seed)
    results, kept = [], (math.tau, nn.Dropout.forward)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        exec(compile(text, f"<program {seed}>", "exec"), variables)
        f = fastnet.compile(variables["f"]) if compiled else variables["f"]
        for _ in range(8):
            with fastnet.no_grad():
                for _ in range(chance.choice((1, 1, 2, 3))):
                    results.append(f(fastnet.randn(2, 3)).numpy().tobytes())
            for _ in range(chance.choice((0, 1, 1, 2))):
                value = repr(round(chance.uniform(-3, 3), 2))
                exec(chance.choice(CHANGES).format(v=value), variables)
    math.tau, nn.Dropout.forward = kept
    return results, any("eagerly" in str(w.message) for w in warned)


def check(seed):
    """Whether the program of this seed stayed compiled.

    Raises:
        AssertionError: a replay differs from the eager run.
    """
    text = program(random.Random(seed))
    expected, _ = run(text, seed, compiled=False)
    results, eager = run(text, seed, compiled=True)
    body = text[len(HEADER):]
    differs = [i for i, (a, b) in enumerate(zip(results, expected, strict=True)) if a != b]
    assert not differs, f"seed {seed}: calls {differs} differ, of {len(results)}\n{body}"
    return not eager


def main():
    programs = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    compiled = sum(check(seed) for seed in range(first, first + programs))
    print(f"{programs} programs agree, {programs - compiled} of them ran eagerly and said so")


if __name__ == "__main__":
    main()
