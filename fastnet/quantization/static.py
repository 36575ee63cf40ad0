"""Static quantisation: calibration on data, integers throughout, and the error of each layer."""
from __future__ import annotations

from typing import Any

from fastnet.autograd import no_grad
from fastnet.nn import qat
from fastnet.nn.module import Module
from fastnet.quantization.aware import calibrate, disable_fake_quant, enable_fake_quant
from fastnet.quantization.convert import Converter
from fastnet.quantization.measure import Batch, relative_error
from fastnet.quantization.prepare import prepare
from fastnet.quantization.report import LayerReport
from fastnet.quantization.steps import StepModel

__all__ = ["calibrated", "converted_with_layers"]


def calibrated(model: Module, batches: list[Batch], calibration: str, faster_only: bool) -> StepModel:
    """A prepared model whose scales are set by data.

    Args:
        model: the model.
        batches: of the data.
        calibration: the name of an observer.
        faster_only: as of `fastnet.quantize`.
    """
    prepared = prepare(model, batches[0][0], calibration, False, faster_only)
    calibrate(prepared, [inputs for inputs, _ in batches])
    return prepared


def converted_with_layers(prepared: StepModel, inputs: tuple[Any, ...]) -> tuple[StepModel, list[LayerReport]]:
    """The integer model of a prepared one, and its layers with their errors on some inputs.

    Args:
        prepared: the prepared model, in evaluation mode.
        inputs: one batch.
    """
    converter = Converter(prepared)
    model = converter.run()
    with no_grad():
        prepared.apply(disable_fake_quant)
        expected = prepared.values(*inputs, keep=True)
        prepared.apply(enable_fake_quant)
        found = model.values(*inputs, keep=True)
    layers = []
    for step in prepared.steps:
        name, note = step.out, prepared.notes.get(step.out)
        module = prepared.get_submodule(step.module) if step.module else None
        if note is not None:
            layers.append(LayerReport(note["module"] or name, note["operation"], "float32", None, note["reason"]))
        elif module is not None and not isinstance(module, qat.FakeQuantize):
            scale, zero_point = converter.qparams[name]
            real = (found[name].numpy().astype(float) - zero_point) * scale
            error = relative_error(real, expected[name].numpy())
            layers.append(LayerReport(step.module, type(module).__name__, "int8", error))
    return model, layers
