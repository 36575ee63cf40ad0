"""The emitted files: names, memory, the self-test, streaming, the preparation of tables, and errors."""
import re
import subprocess

import numpy as np
import pytest
from c_tools import COMPILERS, FLAGS, Compiled, exported, largest_error, run, symbols

import fastnet
from fastnet import data, models, nn


def small():
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))


def test_the_header(tmp_path):
    compiled, _ = exported(small(), fastnet.ones(1, 4), tmp_path, "mine", labels=["no", "yes", 'a "third"'])
    text = compiled.made.header.read_text()
    for part in ("#ifndef MINE_H", "#define MINE_INPUT_SIZE 4", "#define MINE_OUTPUT_SIZE 3", "#define MINE_RAM 32",
                 "void mine_run(const float *input, float *output);", 'extern "C"', "const char *const mine_labels[3]"):
        assert part in text
    (tmp_path / "user.cpp").write_text(
        '#include "mine.h"\n#include "mine.h"\nint main() { float y[MINE_OUTPUT_SIZE], x[MINE_INPUT_SIZE] = {}; '
        "mine_run(x, y); return mine_labels[1][0] != 'y'; }\n")
    run("gcc", "-c", *FLAGS, compiled.made.source, "-o", tmp_path / "mine.o")
    run("g++", "-Wall", "-Wextra", "-Werror", tmp_path / "user.cpp", tmp_path / "mine.o", "-o", tmp_path / "user")
    run(tmp_path / "user")


def test_names_of_arguments(tmp_path):
    class Two(nn.Module):
        def forward(self, first, second):
            return first + second, first * second

    x = fastnet.randn(2, 3)
    compiled, expected = exported(Two(), (x, x), tmp_path)
    assert "net_run(const float *first, const float *second, float *output_0, float *output_1)" in (
        compiled.made.header.read_text())
    assert largest_error(compiled(x.numpy(), x.numpy()), expected) == 0
    compiled, _ = exported(Two(), (x, x), tmp_path, "other", input_names=["int", "b"], output_names=["sum", "product"])
    assert "other_run(const float *int_2, const float *b, float *sum, float *product)" in (
        compiled.made.header.read_text())


class Named(nn.Module):
    """A model whose parameters have the names of the file's functions."""

    def __init__(self):
        super().__init__()
        self.net = nn.Module()
        self.net.run, self.net.labels = nn.Parameter(fastnet.ones(2)), nn.Parameter(fastnet.ones(2))

    def forward(self, x):
        return x * self.net.run + self.net.labels


@pytest.mark.parametrize("output", ["t", "wrong", "x"])
def test_names_that_are_taken(output, tmp_path):
    made = fastnet.export_c(Named(), fastnet.ones(2), tmp_path / "net.c", output_names=[output], labels=["a", "b"])
    run(COMPILERS[0], *FLAGS, "-DNET_SELF_TEST", made.source, "-o", tmp_path / "test", "-lm")
    assert run(tmp_path / "test") == "net: 2 tests, 0 wrong numbers\n"


class Total(nn.Module):
    def forward(self, *inputs):
        return sum(inputs)


NAMES = [
    "NET_RAM", "NET_WEIGHTS", "NET_H", "NET_SELF_TEST", "NET_OUTPUT_SIZE", "INT32_MAX", "NULL", "EOF", "M_PI",
    "class", "this", "new", "asm", "not", "template", "nullptr", "linux", "unix", "a", "A", "NET_A_SIZE", "index",
    "gamma", "expl", "i", "int64_t", "T"]


def test_names_of_words_and_macros(tmp_path):
    inputs = tuple(fastnet.ones(3) for _ in NAMES)
    made = fastnet.export_c(Total(), inputs, tmp_path / "net.c", input_names=NAMES, labels=["x"] * 3)
    for standard in ("-std=c99", "-std=gnu11"):
        run("gcc", *FLAGS, standard, "-Wshadow", "-DNET_SELF_TEST", made.source, "-o", tmp_path / "test", "-lm")
        assert run(tmp_path / "test") == "net: 2 tests, 0 wrong numbers\n"
    run("g++", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-x", "c++", made.header)


def test_names_that_are_no_macros_stay(tmp_path):
    inputs = tuple(fastnet.ones(3) for _ in range(3))
    made = fastnet.export_c(Total(), inputs, tmp_path / "net.c", input_names=["X", "Size", "b"])
    text = made.header.read_text()
    assert "(const float *X, const float *Size, const float *b, float *output)" in text
    assert "#define NET_X_SIZE 3 " in text and "#define NET_SIZE_SIZE 3 " in text


def test_the_self_test(tmp_path):
    made = fastnet.export_c(small(), fastnet.ones(1, 4), tmp_path / "net.c", self_test=3)
    run(COMPILERS[0], *FLAGS, "-DNET_SELF_TEST", made.source, "-o", tmp_path / "test", "-lm")
    assert run(tmp_path / "test") == "net: 3 tests, 0 wrong numbers\n"
    text = made.source.read_text().replace("_0_weight[32] = {\n    ", "_0_weight[32] = {\n    9.0f + ")
    made.source.write_text(text)
    run(COMPILERS[0], *FLAGS, "-DNET_SELF_TEST", made.source, "-o", tmp_path / "test", "-lm")
    assert subprocess.run([tmp_path / "test"], capture_output=True).returncode == 1


def test_memory_is_known_before_compilation(tmp_path):
    model, x = models.lenet5(), fastnet.zeros(1, 1, 28, 28)
    made = fastnet.export_c(model, x, tmp_path / "net.c")
    assert made.ram == made.arena == made.live_maximum and f"RAM:   {made.ram:,} bytes" in str(made)
    assert made.weights >= 4 * sum(p.numel() for p in model.parameters())
    run(COMPILERS[0], *FLAGS, "-Os", "-c", made.source, "-o", tmp_path / "net.o")
    text, static, zeroed = map(int, run("size", tmp_path / "net.o").splitlines()[1].split()[:3])
    assert static + zeroed <= made.ram + 32 and text <= made.weights + 8192
    with pytest.raises(ValueError, match=r"needs 23,520 bytes of RAM, more than max_ram=20,000; .* of 'features\.\d'"):
        fastnet.export_c(model, x, tmp_path / "large.c", max_ram=20_000)
    assert not (tmp_path / "large.c").exists()


def test_files_are_the_same_each_time(tmp_path):
    made = fastnet.export_c(small().eval(), fastnet.ones(1, 4), tmp_path / "net.c")
    first = made.source.read_bytes()
    fastnet.manual_seed(5)
    model = small()
    assert fastnet.export_c(model, fastnet.ones(1, 4), tmp_path / "net.c").source.read_bytes() != first
    assert model.training


# ---- streaming ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("make, axis, shape", [
    (lambda: nn.LSTM(4, 5, 2, batch_first=True), 1, (1, 12, 4)), (lambda: nn.GRU(4, 5), 0, (12, 2, 4)),
    (lambda: nn.RNN(4, 5), 0, (12, 1, 4)),
    (lambda: models.tcn(3, 2, channels=(4, 5), kernel_size=3, sequence=True), 2, (1, 3, 12))],
    ids=["lstm", "gru", "rnn", "tcn"])
@pytest.mark.parametrize("step", [1, 3])
def test_streaming(make, axis, shape, step, tmp_path):
    fastnet.manual_seed(0)
    model, x = make(), fastnet.randn(*shape)
    parts = x.split(step, axis)
    compiled, _ = exported(model, parts[0], tmp_path, streaming=True)
    with fastnet.no_grad():
        whole = model.eval()(x)
    whole = (whole[0] if isinstance(whole, tuple) else whole).numpy()
    for _ in range(2):
        compiled.call("reset")
        found = np.concatenate([compiled(part.numpy())[0] for part in parts], axis)
        assert largest_error([found], [whole]) < 1e-6
    assert compiled.made.state > 0 and "between calls" in str(compiled.made)


def test_streaming_needs_a_state(tmp_path):
    x = fastnet.ones(1, 4, 9)
    with pytest.raises(ValueError, match="nothing that continues from call to call"):
        fastnet.export_c(nn.Conv1d(4, 2, 3), x, tmp_path / "net.c", streaming=True)
    with pytest.raises(NotImplementedError, match="pads both ends of time"):
        fastnet.export_c(nn.Conv1d(4, 2, 3, padding=1), x, tmp_path / "net.c", streaming=True)
    with pytest.raises(NotImplementedError, match="reads the sequence from both ends"):
        fastnet.export_c(nn.GRU(9, 2, bidirectional=True), x, tmp_path / "net.c", streaming=True)


# ---- tables ---------------------------------------------------------------------------------------------------------

TABLE = {"size": [1.5, 2.0, float("nan"), 7.0, 100.0], "colour": ["red", "blue", "red", None, "green"],
         "day": np.array(["2020-02-29T12:30", "1969-12-31T23:59", "NaT", "2024-03-01T00:00", "1900-07-04T18:00"],
                         "M8[us]")}


def test_the_preparation_of_a_table(tmp_path):
    preparation = data.TablePreparation(clip=(0.0, 0.9)).fit(TABLE)
    features = len(preparation.feature_names)
    compiled, _ = exported(nn.Linear(features, 2), fastnet.zeros(1, features), tmp_path, preparation=preparation)
    assert 'category: 0 \'blue\', 1 \'green\', 2 \'red\'' in compiled.made.header.read_text()
    seconds = TABLE["day"].astype("M8[us]").astype(np.int64) / 1e6
    columns = np.stack([TABLE["size"], [2, 0, 2, np.nan, 1], np.where(np.isnat(TABLE["day"]), np.nan, seconds)], 1)
    expected = preparation.transform(TABLE)
    for row, wanted in zip(columns, expected):
        found = np.zeros(features, np.float32)
        compiled.call("prepare", np.ascontiguousarray(row), found)
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)
    found = np.zeros(features, np.float32)
    compiled.call("prepare", np.array([1.0, 7.0, 0.0]), found)
    unknown = preparation.transform({"size": [1.0], "colour": ["white"], "day": np.array(["1970-01-01"], "M8[us]")})
    np.testing.assert_allclose(found, unknown[0], atol=1e-6)


def test_text_has_no_preparation_in_c(tmp_path):
    preparation = data.TablePreparation({"note": "text"}).fit({"note": ["good day", "bad day"]})
    with pytest.raises(NotImplementedError, match="column 'note' holds text"):
        fastnet.export_c(nn.Linear(3, 2), fastnet.zeros(1, 3), tmp_path / "net.c", preparation=preparation)


# ---- errors ---------------------------------------------------------------------------------------------------------

class Sorted(nn.Module):
    def forward(self, x):
        return x.sort().values


def test_an_operation_without_a_rule(tmp_path):
    with pytest.raises(NotImplementedError, match=r"operation '.*' of module '1' has no rule for C"):
        fastnet.export_c(nn.Sequential(nn.Linear(4, 4), Sorted()), fastnet.ones(1, 4), tmp_path / "net.c")
    adapted = fastnet.lora.apply(nn.Sequential(nn.Linear(3, 2)), r=1)
    with pytest.raises(NotImplementedError, match=r"has no rule for C; fastnet\.lora\.merge_and_unload merges"):
        fastnet.export_c(adapted, fastnet.ones(1, 3), tmp_path / "net.c")


@pytest.mark.parametrize("options, path, message", [
    ({}, "net.txt", r"ends in \.c"), ({}, "my net.c", "C identifier"), ({"dtype": "int4"}, "net.c", "unknown dtype"),
    ({"dtype": "int8"}, "net.c", "takes a quantised model"), ({"labels": ["a"]}, "net.c", "label for each of 3"),
    ({"input_names": ["a", "b"]}, "net.c", "expected 1 names")])
def test_errors(options, path, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        fastnet.export_c(small(), fastnet.ones(1, 4), tmp_path / path, **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("options, error, message", [
    ({"max_ram": "2k"}, TypeError, "expected max_ram to be a whole number, got '2k'"),
    ({"max_ram": -1}, ValueError, "expected max_ram to be at least 0, got -1"),
    ({"self_test": -1}, ValueError, "expected self_test to be at least 0, got -1"),
    ({"self_test": 1.5}, TypeError, "expected self_test to be a whole number, got 1.5")])
def test_numbers_out_of_range(options, error, message, tmp_path):
    with pytest.raises(error, match=message):
        fastnet.export_c(small(), fastnet.ones(1, 4), tmp_path / "net.c", **options)


@pytest.mark.parametrize("model, shape, empty", [
    (nn.Linear(4, 2), (0, 4), "(0, 4)"), (nn.ZeroPad1d((0, -3)), (2, 3), "(2, 0)")], ids=["input", "output"])
def test_an_example_without_elements(model, shape, empty, tmp_path):
    with pytest.raises(ValueError, match=rf"with elements, got the shape {re.escape(empty)} .* at least one row"):
        fastnet.export_c(model, fastnet.zeros(*shape), tmp_path / "net.c")
    assert not list(tmp_path.iterdir())


def test_float64_is_refused(tmp_path):
    with pytest.raises(NotImplementedError, match=r"has input: expected float32, .*got float64; convert"):
        fastnet.export_c(nn.Linear(2, 2, dtype=fastnet.float64), fastnet.ones(1, 2, dtype=fastnet.float64),
                         tmp_path / "net.c")


def test_no_memory_is_allocated(tmp_path):
    compiled, _ = exported(small(), fastnet.ones(1, 4), tmp_path)
    assert isinstance(compiled, Compiled) and not {"malloc", "calloc", "free"} & symbols(compiled.path)


@pytest.mark.parametrize("values", [["no", "yes", "yes", "no"], [10.5, 2.25, 3.0, 8.125]])
def test_the_target_of_a_table(values, tmp_path):
    target = data.TargetPreparation(standardise=True).fit(values)
    outputs = len(target.classes or [0])
    compiled, _ = exported(nn.Linear(3, outputs), fastnet.zeros(1, 3), tmp_path, target=target)
    if target.classes:
        assert '{"no", "yes"}' in compiled.made.source.read_text()
    else:
        output, found = np.float32([0.5]), np.zeros(1)
        compiled.call("values", output, found)
        assert found == pytest.approx(target.inverse(output), rel=1e-6)


def test_targets_that_do_not_fit(tmp_path):
    classes, numbers = (data.TargetPreparation().fit(values) for values in (["no", "yes"], [10.5, 2.25]))
    for target, options, message in ((classes, {"labels": ["a", "b"]}, "got both"), (numbers, {}, "has 1 values")):
        with pytest.raises(ValueError, match=message):
            fastnet.export_c(nn.Linear(3, 2), fastnet.ones(1, 3), tmp_path / "net.c", target=target, **options)
