"""`fastnet train`: from data to a model, a curve, a report and a file to keep."""
import contextlib
import shlex
import time

import fastnet
from fastnet import data, datasets
from fastnet._core.optional import optional
from fastnet._core.startup import interruptions_raise
from fastnet.backend import config
from fastnet.callbacks import Callback, Checkpoint, EarlyStopping, LearningRateSchedule
from fastnet.cli.errors import WrongUseError
from fastnet.cli.figures import figure_lines
from fastnet.cli.inputs import Drawings
from fastnet.cli.interrupt import Interruptible
from fastnet.cli.outputs import check_outputs, plain, write_report
from fastnet.cli.run_folder import files_in, has_checkpoint, prepare_folder
from fastnet.cli.samples import split
from fastnet.cli.saved import Saved, outputs_of, versions
from fastnet.cli.settings import OPTIMIZERS, layer_sizes, make_model, settings_of
from fastnet.cli.sources import load_source
from fastnet.cli.terminal import rows_of_columns, say
from fastnet.data.arrays import fingerprint
from fastnet.data.text_lines import shown
from fastnet.training.weights import balanced

_BETWEEN = 5.0                          # seconds from one checkpoint to the next


def train(args):
    """Train a model on a data set, a table or a folder of pictures, and test it on what it was not trained on."""
    settings = settings_of(args)
    kept = [("--resume", path) for path in files_in(args.resume)] if args.resume else []
    check_outputs([] if args.data in datasets.names() else [args.data],
                  [("--save", args.save), ("--plot", args.plot), ("--report", args.report), *kept])
    if args.plot:                       # rather than after the training
        optional("matplotlib.figure", "drawing a history")
    with at_most_threads(args.threads):
        source = load_source(args.data, settings)
        interruptions_raise()
        told = (lambda line: None) if args.quiet else say
        run = _Run(args, settings, source, told)
        run.fit()
        run.report()


class _Run:
    """One training.

    Args:
        args: of the command line.
        settings: see `settings_of`.
        source: the data.
        say: prints a line, or not.
    """

    def __init__(self, args, settings, source, say):
        self.args, self.settings, self.source, self.say = args, settings, source, say
        fastnet.manual_seed(settings["seed"])
        shape, outputs = source.inputs.shape, outputs_of(source.target)
        if settings.get("class_weight") and source.target.task != "classification":
            raise WrongUseError("--class-weight is for one target of classes")
        model = make_model(shape, outputs, settings)
        self.stopping = None
        self.saved = Saved(model, source.inputs, source.target, {"target": source.target_name})
        self.parameters = sum(p.numel() for p in model.parameters())
        self.trainer = self.saved.trainer(lambda p: OPTIMIZERS[settings["optimizer"]][0](p, lr=settings["lr"]))
        self._describe(layer_sizes(shape, outputs, settings))

    def _describe(self, sizes):
        source = self.source
        for line in (*source.notes, *rows_of_columns(source.columns), *self.saved.count(source.train[1]),
                     *(f"warning: {warning}" for warning in source.warnings)):
            self.say(line)
        trained, tested = len(source.train[1]), len(source.test[1])
        self.say(f"{shown(self.args.data)}: {trained} {source.what} to train on, {tested} to test on")
        kind = "perceptron" if len(sizes) > 2 else "linear model"
        self.say(f"{'-'.join(map(str, sizes))} {kind}, {self.parameters} parameters; {_on(config())}")
        if not self.args.save:
            self.say("the model is not kept: --save FILE writes it")

    # ---- training ----

    def fit(self):
        """Train, or go on with a training that was stopped.

        Raises:
            KeyboardInterrupt: it was interrupted; the message says how to go on.
        """
        settings, args = self.settings, self.args
        training, validation = self._loaders()
        callbacks = self._callbacks(validation)
        if args.resume and prepare_folder(args.resume, self._command()):
            self.say(f"going on from the checkpoint in {args.resume}")
        start = time.perf_counter()
        try:
            self.trainer.fit(training, epochs=settings["epochs"], batch_size=settings["batch_size"],
                             seed=settings["seed"], validation_data=validation, callbacks=callbacks,
                             class_weight=self.class_weight, progress=not args.quiet, resume=args.resume)
        except FloatingPointError as e:
            raise FloatingPointError(self._how_to_converge(e)) from None
        self.seconds = time.perf_counter() - start
        if self.trainer.interrupted and not self.trainer.stop:      # which may have come to its end meanwhile
            raise KeyboardInterrupt(self._how_to_go_on())
        self.say(f"trained in {self.seconds:.1f} s")
        if self.stopping is not None:
            self.say(f"the weights are those of epoch {self.stopping.best_epoch}, whose validation loss was the lowest")

    def _loaders(self):
        """Loaders of what is trained on and of what is held out of it, if there is something."""
        x, y = self.source.train
        settings = self.settings
        rows, held_out = split(y, settings, "validation", self.source.times)
        self.class_weight = balanced(y[rows]) if settings.get("class_weight") else None
        dataset = data.TensorDataset(x, y)
        training = data.DataLoader(data.Subset(dataset, rows), settings["batch_size"], shuffle=True,
                                   seed=settings["seed"], transform=_augmentation(self.source.inputs))
        return training, data.DataLoader(data.Subset(dataset, held_out), 1024) if len(held_out) else None

    def _callbacks(self, validation):
        settings = self.settings
        callbacks: list[Callback] = [Interruptible()]
        if settings["schedule"] != "constant":
            callbacks.append(LearningRateSchedule(settings["schedule"]))
        if settings["patience"] is not None and validation is not None:
            self.stopping = EarlyStopping(patience=settings["patience"])
            callbacks.append(self.stopping)
        if self.args.resume:
            callbacks.append(Checkpoint(self.args.resume, seconds=_BETWEEN))
        return callbacks

    def _command(self):
        """What decides about the result, for JSON."""
        return {"data": fingerprint(*self.source.train), **self.settings}

    def _how_to_go_on(self):
        trainer = self.trainer
        where = f"interrupted in epoch {trainer.epoch + 1} of {trainer.epochs}"
        if not self.args.resume:
            return f"{where}; nothing was kept: with --resume FOLDER a training can be gone on with"
        return f"{where}; go on with: {shlex.join(['fastnet', *self.args.argv])}"

    def _how_to_converge(self, error):
        """What the Trainer says of weights that are lost, with the command's advice in place of Python's."""
        what, _, _ = str(error).partition(":")
        kept = ""
        if self.args.resume and has_checkpoint(self.args.resume):
            kept = f"; the checkpoint in {self.args.resume} is from before that"
        return f"{what}: try a smaller --lr than {self.settings['lr']:g}{kept}"

    # ---- results ----

    def report(self):
        """Measure the model on the test rows, and write what was asked for."""
        args, source, history = self.args, self.source, self.trainer.history
        tested = len(source.test[1]) > 0
        figures = self.saved.figures(self.trainer, *source.test) if tested else {}
        baseline = self.saved.baseline(source.train[1], source.test[1]) if tested else {}
        results = {f"test_{name}": plain(value) for name, value in figures.items()}
        running = config()
        about = self.saved.about | {
            "dataset": args.data, "task": source.target.task, "epochs": len(history), "settings": self.settings,
            **results, "train_seconds": self.seconds, "baseline": baseline, "parameters": self.parameters,
            "versions": versions()}
        for line in figure_lines(baseline, "without a model, test "):
            self.say(line)
        for line in figure_lines(figures, "test ") if tested else ["no rows were left to test on"]:
            say(line)
        if args.save:
            self.saved.about = about
            self.saved.save(args.save)
            self.say(f"model: {args.save}")
        if args.report:
            write_report(args.report, about | {"backend": running["backend"], "isa": running["isa"],
                                               "threads": running["threads"], "openmp": running["openmp"],
                                               "history": list(history)})
            self.say(f"report: {args.report}")
        if args.plot:
            history.plot(args.plot)
            self.say(f"plot: {args.plot}")


def _augmentation(inputs):
    """Digits with an edge around them are moved a little: drawn ones need not lie quite as the data set's."""
    if not isinstance(inputs, Drawings) or inputs.box == inputs.size:
        return None
    return data.RandomShift(1, fill=-inputs.mean / inputs.std)


@contextlib.contextmanager
def at_most_threads(count):
    """Inside, kernels use at most so many threads; None: as many as before."""
    before = fastnet.get_num_threads()
    if count is None or config()["backend"] != "compiled":
        yield                           # NumPy's threads are not fastnet's
        return
    fastnet.set_num_threads(count)
    try:
        yield
    finally:
        fastnet.set_num_threads(before)


def _on(running):
    if running["backend"] != "compiled":
        return "NumPy backend"
    threads = running["threads"]
    return f"compiled backend ({running['isa']}, {threads} thread{'s' if threads > 1 else ''})"
