"""The command `fastnet`: its output, its files and its exit status."""
import json
import re
import shlex

import pytest
from cli_tools import QUICK, failure, report_of
from data_tools import ROOT, data_folder, needs_data
from processes import interpreter

import fastnet
from fastnet import cli
from fastnet.backend import backend, compiled_available, use_backend
from fastnet.cli import manual
from fastnet.cli.commands import make_parser
from fastnet.cli.outputs import write_report
from fastnet.cli.settings import ACTIVATION_CHOICES, OPTIMIZER_CHOICES, SCHEDULES


def run(*args, **environment):
    """Run the command in a separate process."""
    return interpreter("-m", "fastnet", *args, check=False, timeout=600, **environment)


# ---- train ----------------------------------------------------------------------------------------------------------

def test_defaults_learn_digits(tmp_path, capsys):
    assert cli.main(["train", "digits", "--report", str(tmp_path / "report.json")]) == 0
    out = capsys.readouterr().out
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["test_accuracy"] > 0.96
    assert f"test accuracy: {report['test_accuracy']:.4f}" in out
    assert report["backend"] == backend()
    assert report["epochs"] == len(report["history"]) == report["settings"]["epochs"]
    assert report["train_seconds"] > 0
    assert report["parameters"] == 65 * 256 + 257 * 128 + 129 * 10
    assert report["settings"]["seed"] == 0
    assert report["versions"]["fastnet"] == fastnet.__version__
    assert report["history"][-1]["validation_accuracy"] > 0.94


@needs_data("mnist")
def test_mnist(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FASTNET_DATA", str(data_folder()))
    report = tmp_path / "report.json"
    assert cli.main(["train", "mnist", "--epochs", "1", "--hidden", "64", "--report", str(report)]) == 0
    assert json.loads(report.read_text())["test_accuracy"] > 0.93


def test_settings_reach_the_training(tmp_path, capsys):
    report = tmp_path / "report.json"
    assert cli.main([*QUICK, "--hidden", "24,12", "--batch-size", "100", "--optimizer", "sgd", "--lr", "0.03",
                     "--seed", "7", "--report", str(report)]) == 0
    settings = json.loads(report.read_text())["settings"]
    assert settings == {"model": "mlp", "hidden": [24, 12], "activation": "relu", "dropout": 0.3, "epochs": 2,
                        "batch_size": 100, "optimizer": "sgd", "lr": 0.03, "schedule": "one_cycle", "seed": 7,
                        "validation_split": 0.1, "patience": None}
    assert "64-24-12-10 perceptron" in capsys.readouterr().out


def accuracy(tmp_path, *args):
    return report_of(tmp_path, "train", "digits", *args)["test_accuracy"]


@pytest.mark.parametrize("optimizer", OPTIMIZER_CHOICES)
def test_every_optimizer_learns(tmp_path, capsys, optimizer):
    assert accuracy(tmp_path, "--epochs", "10", "--hidden", "64", "--optimizer", optimizer) > 0.9


@pytest.mark.skipif(not compiled_available, reason="the compiled kernels are not built")
def test_backends_learn_equally_well(tmp_path, capsys):
    means = {}
    for name in ("compiled", "numpy"):
        with use_backend(name):
            runs = [accuracy(tmp_path, "--epochs", "12", "--hidden", "64", "--seed", str(seed)) for seed in range(5)]
            means[name] = sum(runs) / len(runs)
    assert abs(means["compiled"] - means["numpy"]) < 0.01


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_learns(tmp_path, capsys, schedule):
    report = report_of(tmp_path, "train", "digits", "--epochs", "5", "--hidden", "64", "--schedule", schedule)
    assert report["test_accuracy"] > 0.85
    rates = [entry["lr"] for entry in report["history"]]
    assert {"constant": rates[0] == rates[-1] == 2e-3, "one_cycle": rates[-1] < rates[0] < max(rates),
            "cosine": rates == sorted(rates, reverse=True) and rates[-1] < 1e-5,
            "linear": rates == sorted(rates, reverse=True) and rates[-1] < 1e-5}[schedule]


@pytest.mark.parametrize("activation", ACTIVATION_CHOICES)
def test_every_activation_learns(tmp_path, capsys, activation):
    assert accuracy(tmp_path, "--epochs", "10", "--hidden", "64", "--activation", activation) > 0.85


def test_linear_model(tmp_path, capsys):
    assert cli.main(["train", "digits", "--model", "linear", "--epochs", "15"]) == 0
    out = capsys.readouterr().out
    assert "64-10 linear model, 650 parameters" in out
    assert float(out.split()[-1]) > 0.9


def test_seed_decides(tmp_path, capsys):
    def history(seed):
        return [entry["loss"] for entry in report_of(tmp_path, *QUICK, "--seed", seed)["history"]]
    assert history("3") == history("3")
    assert history("3") != history("4")


def test_patience(tmp_path, capsys):
    report = report_of(tmp_path, "train", "digits", "--epochs", "200", "--hidden", "64", "--schedule", "constant",
                       "--patience", "2")
    losses = [entry["validation_loss"] for entry in report["history"]]
    assert len(losses) < 200
    assert losses.index(min(losses)) == len(losses) - 3


def test_threads_are_as_before(capsys):
    before = fastnet.get_num_threads()
    assert cli.main([*QUICK, "--threads", "1"]) == 0
    if compiled_available and backend() == "compiled":
        assert ", 1 thread)" in capsys.readouterr().out
    assert fastnet.get_num_threads() == before


def test_quiet(tmp_path, capsys):
    assert cli.main([*QUICK, "--quiet", "--save", str(tmp_path / "m.safetensors")]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("test accuracy: 0.") and len(out.splitlines()) == 1
    assert err == ""


def test_plot(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    assert cli.main([*QUICK, "--plot", str(tmp_path / "curve.svg")]) == 0
    text = (tmp_path / "curve.svg").read_text()
    assert "<svg" in text and "</svg>" in text
    assert capsys.readouterr().out.endswith(f"plot: {tmp_path / 'curve.svg'}\n")


# ---- the command in a process of its own ----------------------------------------------------------------------------

def test_module_and_progress():
    done = run(*QUICK)
    assert done.returncode == 0
    assert done.stderr == ""
    assert "epoch 2/2" in done.stdout


def test_own_script():
    done = interpreter(ROOT / "examples" / "own_script.py", timeout=600)
    assert float(done.stdout.split()[-1]) > 0.94


@needs_data("mnist")
def test_mnist_by_hand():
    done = interpreter(ROOT / "examples" / "mnist_by_hand.py", "1", timeout=600, FASTNET_DATA=str(data_folder()))
    [line] = done.stdout.splitlines()
    assert line.startswith("epoch 1: test accuracy 0.")
    assert float(line.split()[-1]) > 0.93


# ---- info -----------------------------------------------------------------------------------------------------------

def test_info(capsys):
    assert cli.main(["info"]) == 0
    out = capsys.readouterr().out
    for name in ("backend", "threads", "OpenMP", "numpy", "fastnet"):
        assert f"\n{name}:" in f"\n{out}"
    if compiled_available:
        assert "instruction set:" in out


def test_info_on_numpy():
    done = run("info", FASTNET_BACKEND="numpy")
    assert done.returncode == 0
    assert "backend:          numpy" in done.stdout


# ---- what is wrong is said in a line --------------------------------------------------------------------------------

@pytest.mark.parametrize(("args", "message"), [
    ([], "the following arguments are required: COMMAND"),
    (["trian"], "invalid choice: 'trian'"),
    (["train"], "the following arguments are required: DATA"),
    (["train", "digits", "--hidden", "12,x"], "such as 128,64, got '12,x'"),
    (["train", "digits", "--hidden", "0"], "such as 128,64, got '0'"),
    (["train", "digits", "--epochs", "0"], "expected a positive number, got '0'"),
    (["train", "digits", "--epochs", "1.5"], "expected an integer, got '1.5'"),
    (["train", "digits", "--lr", "nan"], "expected a positive number, got 'nan'"),
    (["train", "digits", "--lr", "fast"], "expected a number, got 'fast'"),
    (["train", "digits", "--seed", "-1"], "expected 0 <= seed"),
    (["train", "digits", "--optimizer", "sgdd"], "invalid choice: 'sgdd'"),
    (["train", "digits", "--report", "/no/such/folder/report.json"], "the folder '/no/such/folder' does not exist"),
    (["train", "digits", "--report", "."], "'.' is a folder"),
    (["train", "digits", "--save", "/no/such/folder/m.safetensors"], "the folder '/no/such/folder' does not exist"),
    (["train", "digits", "--plot", "/no/such/folder/c.png"], "the folder '/no/such/folder' does not exist"),
    (["train", "digits", "--plot", "curve.jpeg2000"], "expected a name that ends in .png, .svg, .pdf"),
    (["train", "digits", "--resume", __file__], "is a file, expected a folder"),
    (["train", "digits", "--resume", ""], "expected the name of a folder, got ''"),
    (["train", "digits", "--dropout", "1"], "expected a number from 0 to below 1, such as 0.1, got '1'"),
    (["train", "digits", "--patience", "-1"], "expected a number that is not negative, got '-1'"),
    (["train", "digits", "--schedule", "up"], "invalid choice: 'up'"),
    (["train", "a.csv", "--kind", "price"], "expected COLUMN=KIND, where KIND is one of category, "),
    (["train", "a.csv", "--kind", "price=float"], "is one of category, number, text, date, got 'price=float'"),
    (["train", "a.csv", "--split", "day"], "invalid choice: 'day'"),
    (["train", "a.csv", "--leave-out", " "], "expected the name of a column, got ' '"),
    (["predict", "m.safetensors"], "the following arguments are required: FILE"),
    (["evaluate", "m.safetensors"], "the following arguments are required: DATA"),
    (["info", "--loud"], "unrecognized arguments: --loud; see fastnet info --help"),
    (["train", "a.csv", "--drop", "churn_date"], "unrecognized arguments: --drop churn_date; did you mean '--dropout'"),
    (["train", "digits", "--epoch=3"], "unrecognized arguments: --epoch=3; did you mean '--epochs'?"),
    (["predict", "m.safetensors", "a.csv", "--prob"], "unrecognized arguments: --prob"),
    (["--vers"], "the following arguments are required: COMMAND"),
])
def test_wrong_use(args, message, capsys):
    with pytest.raises(SystemExit) as e:
        cli.main(args)
    assert e.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(("args", "message"), [
    (["digitss"], "no such file, folder or data set: 'digitss'; did you mean 'digits'? Expected"),
    (["images"], "no such file, folder or data set: 'images'; expected digits, mnist, fashion_mnist, kmnist, cifar10, "
                "fsdd, shakespeare, multi30k, a table that ends in "
                ".csv, .tsv, .txt, .csv.gz, .tsv.gz, .txt.gz, .parquet, "
                ".pq, or a folder with one folder of images or recordings per class"),
    (["digits", "--test", "0.5"], "--test: digits has its own test set"),
    (["digits", "--target", "kind"], "--target is for tables"),
    (["digits", "--task", "regression"], "--task is for tables"),
    (["digits", "--leave-out", "x"], "--leave-out is for tables"),
    (["digits", "--kind", "x=text"], "--kind is for tables"),
    (["digits", "--drop-missing-target"], "--drop-missing-target is for tables"),
    (["digits", "--split", "time"], "--split time is for tables"),
    (["a.csv", "--time", "day"], "--time needs --split time"),
    (["a.csv", "--target", "x", "--target", "x"], "--target names a column twice"),
    (["a.csv", "--kind", "x=text", "--kind", "x=date"], "--kind names a column twice"),
    (["a.csv", "--target", "x", "--leave-out", "x"], "--leave-out and --target name the same column"),
    (["a.csv", "--size", "8"], "--size is for folders of images"),
    (["digits", "--model", "linear", "--hidden", "8"], "--hidden, --activation and --dropout configure hidden layers"),
    (["digits", "--patience", "3", "--validation", "0"], "--patience needs --validation above 0"),
])
def test_options_that_do_not_go_together(args, message, capsys):
    line = failure(capsys, "train", *args, code=2)
    assert line.startswith("fastnet train: error: ") and line.endswith("; see fastnet train --help")
    assert message in line


@pytest.mark.parametrize(("variable", "message"), [
    ("FASTNET_BACKEND", "unknown backend 'fast'"),
    pytest.param("FASTNET_ISA", "instruction set 'fast' is not available here",
                 marks=pytest.mark.skipif(not compiled_available, reason="the compiled kernels are not built")),
])
@pytest.mark.parametrize("script", [False, True])
def test_wrong_environment(tmp_path, variable, message, script):
    """`import fastnet` raises; the command, as a module and as a script, says it in a line."""
    (tmp_path / "fastnet").write_text("import sys\nfrom fastnet.cli import main\nsys.exit(main())\n")
    command = [tmp_path / "fastnet"] if script else ["-m", "fastnet"]
    done = interpreter(*command, "info", check=False, **{variable: "fast"})
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"fastnet: error: {message}")
    assert len(done.stderr.splitlines()) == 1


def test_failure(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("FASTNET_DATA", str(tmp_path / "nowhere"))
    assert cli.main(["train", "mnist"]) == 1
    assert capsys.readouterr().err == (
        f"fastnet: error: expected FASTNET_DATA to be a folder, got '{tmp_path / 'nowhere'}'\n")


def test_diverged(monkeypatch, capsys, tmp_path):
    report = tmp_path / "report.json"
    assert cli.main([*QUICK, "--optimizer", "sgd", "--lr", "1e30", "--report", str(report)]) == 1
    line = capsys.readouterr().err
    assert "the loss became nan at step" in line and "try an --lr below 1e+30" in line
    assert len(line.splitlines()) == 1
    assert not report.exists()


def test_report_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "report.json"
    path.write_text("before")
    with pytest.raises(TypeError):
        write_report(path, {"epochs": 3, "model": object()})
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]
    write_report(path, {"epochs": 3, "history": [{"loss": float("nan")}]})
    assert json.loads(path.read_text()) == {"epochs": 3, "history": [{"loss": None}]}


def test_commands_in_documents(capsys):
    """The examples of README and the help texts are valid commands."""
    texts = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    texts += [value for name, value in vars(manual).items() if name.endswith("EXAMPLES")]
    lines = [line for text in texts for line in re.findall(r"^ *(fastnet .*)$", text, re.MULTILINE)]
    commands = [re.split(r"  +", line)[0] for line in lines]
    assert len(commands) > 15
    for command in commands:
        assert make_parser().parse_args(shlex.split(command)[1:]).run


def test_help(capsys):
    for args in ([], ["train"], ["predict"], ["evaluate"], ["info"]):
        with pytest.raises(SystemExit) as e:
            cli.main([*args, "--help"])
        assert e.value.code == 0
        out = capsys.readouterr().out
        assert "examples:\n  fastnet " + " ".join(args) in out
    with pytest.raises(SystemExit) as e:
        cli.main(["--version"])
    assert e.value.code == 0
    assert capsys.readouterr().out == f"fastnet {fastnet.__version__}\n"
