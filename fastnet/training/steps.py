"""The compiled functions of a training: a step, a measurement, a forward pass."""
import fastnet


def training_step(trainer, hooks=()):
    """`step(first, last, before, weight, target, *inputs)`: one batch's part of an update, compiled.

    Args:
        trainer: whose model, optimizer, loss and metrics are used.
        hooks: the callbacks whose `before_update` and `after_update` are part of the step.

    Returns:
        A function of: whether the batch is the first and the last one of its update; the divisor of the batches of the
        update before it, a 0-d tensor (None: the update is of the batch's own mean); the samples' weights or None; the
        targets; the inputs. It gives the loss, the sum of the weights or None, what each metric measured, and the
        divisor with this batch or None.
    """
    model, optimizer, loss, metrics = trainer.step_model, trainer.optimizer, trainer.loss, trainer.metrics

    @_compiled(trainer)
    def step(first, last, before, weight, target, *inputs):
        if first:
            optimizer.zero_grad()
        output = model(*inputs)
        value = loss(output, target, weight)
        results = _results(value.detach(), weight, output.detach(), loss.labels(target), metrics)
        if before is None:
            value.backward()
            divisor = None
        else:
            own, added = loss.divisors(target, weight)
            divisor = before + added
            (value * own).backward()
        if last:
            if divisor is not None:
                _divide_gradients(optimizer, divisor)
            for hook in hooks:
                hook.before_update(trainer)
            optimizer.step()
            with fastnet.no_grad():
                for hook in hooks:
                    hook.after_update(trainer)
        return *results, divisor
    return step


def _divide_gradients(optimizer, divisor):
    """Make gradients of a sum those of a mean."""
    with fastnet.no_grad():
        for p in (p for group in optimizer.param_groups for p in group["params"]):
            if p.grad is not None:
                p.grad.div_(divisor)


def measurement(trainer):
    """`measure(weight, target, *inputs)`: what `training_step` returns, of a batch that is not learnt from.

    Args:
        trainer: whose model, loss and metrics are used.
    """
    model, loss, metrics = trainer.model, trainer.loss, trainer.metrics

    @_compiled(trainer)
    def measure(weight, target, *inputs):
        with fastnet.no_grad():
            output = model(*inputs)
            return _results(loss(output, target, weight), weight, output, loss.labels(target), metrics)
    return measure


def soundness(trainer):
    """`sound()`: 0 if all weights are finite, else NaN.

    Args:
        trainer: whose model is looked at.
    """
    parameters = list(trainer.model.parameters())

    @_compiled(trainer)
    def sound():
        return sum((p.detach() * 0).sum() for p in parameters)      # 0 * inf is NaN, and NaN stays in a sum
    return sound


def forward(trainer):
    """`forward(*inputs)`: what the model gives.

    Args:
        trainer: whose model is used.
    """
    model = trainer.model

    @_compiled(trainer)
    def run(*inputs):
        with fastnet.no_grad():
            return model(*inputs)
    return run


def _compiled(trainer):
    return fastnet.compile(disable=not trainer.compile)


def _results(value, weight, output, target, metrics):
    with fastnet.no_grad():
        total = None if weight is None else weight.sum()
        return value, total, [metric.measure(output, target) for metric in metrics]
