"""What can be trained on or measured on: data sets, tables, folders of pictures, as arrays with their preparation."""
from fastnet import data, datasets
from fastnet.cli.inputs import Drawings, Pictures, Table, naming_lines
from fastnet.cli.samples import Source, split
from fastnet.cli.settings import kind_of
from fastnet.cli.tables import kind_of_target, load_table, transformed, with_targets

# Of each data set, how a digit lies in its pictures (see Drawings).
_DIGITS = {"digits": {"size": 8, "box": 8, "highest": 16}, "mnist": {"size": 28, "box": 20, "highest": 255}}


def load_source(name, settings):
    """The data that `fastnet train` was given.

    Args:
        name: of a data set, a file or a folder.
        settings: see `settings_of`.

    Raises:
        ValueError, OSError, ImportError: data that cannot be trained on; the message says where.
    """
    load = {"table": load_table, "folder": _folder}.get(kind_of(name), _digits)
    return load(name, settings)


# ---- data sets ------------------------------------------------------------------------------------------------------

def _digits(name, settings):
    (x, y), (x_test, y_test) = datasets.load(name)
    inputs = Drawings(mean=float(x.mean()), std=float(x.std()), **_DIGITS[name])
    target = data.TargetPreparation().fit(y)
    return Source(inputs, target, (inputs.prepare(x), y), (inputs.prepare(x_test), y_test), "pictures")


# ---- folders of pictures --------------------------------------------------------------------------------------------

def _folder(path, settings):
    folder = data.ImageFolder(path, settings["size"])
    x, y = folder.arrays
    target = data.TargetPreparation().fit([folder.classes[i] for i in y])
    rows, test_rows = split(y, settings, "test")
    std = float(x[rows].std()) or 1.0
    inputs = Pictures(settings["size"], float(x[rows].mean()), std)
    train, test = ((inputs.prepare(x[part]), y[part]) for part in (rows, test_rows))
    return Source(inputs, target, train, test, "pictures", [kind_of_target(target)])


# ---- what a saved model is measured on ------------------------------------------------------------------------------

def load_samples(name, saved, drop_missing_target=False, encoding=None):
    """(x, y) of the data that `fastnet evaluate` was given, prepared as in training: the test set of a data set.

    Args:
        name: of a data set, a file or a folder.
        saved: the model, see `Saved`.
        drop_missing_target: whether rows without a target are left out; else they are refused.
        encoding: of a CSV file; None: what it shows.

    Raises:
        ValueError, OSError: data of another kind than the model's, or labels that it does not know.
    """
    kind, inputs, target = kind_of(name), saved.inputs, saved.target
    if kind in _DIGITS:
        _, (x, y) = datasets.load(name)
        if not isinstance(inputs, Drawings) or x.shape[1:] != inputs.shape:
            raise ValueError(f"the model takes {inputs.describe()}; {name} has pictures of "
                             f"{' x '.join(map(str, x.shape[1:]))}")
        return inputs.prepare(x), target.transform(y)
    if isinstance(inputs, Table) != (kind == "table") or isinstance(inputs, Drawings):
        raise ValueError(f"the model takes {inputs.describe()}, which {name} has not")
    if kind == "table":
        table = inputs.read_table(name, encoding)
        with naming_lines(name, table):
            parts = dict(zip(saved.target_names, saved.parts.values()))
            table, _ = with_targets(table, parts, drop_missing_target)
        with naming_lines(name, table):             # whose rows may be fewer
            y = transformed(target, {column: table[column] for column in parts})
        return inputs.prepare_file(name, table), y
    folder = data.ImageFolder(name, inputs.size, classes=target.classes)
    return inputs.prepare(folder.arrays[0]), folder.targets
