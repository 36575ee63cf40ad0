"""Models that are exported and loaded again: the same results and names, and a file of the loaded model."""
import numpy as np
import pytest
from onnx_tools import export_and_compare, tensors_in

import fastnet
from fastnet import models, nn

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

rng = np.random.default_rng(9)


def normal(*shape):
    return fastnet.tensor(rng.standard_normal(shape).astype(np.float32))


def tokens(high, *shape):
    return fastnet.tensor(rng.integers(1, high, shape))


MODELS = {
    "perceptron": (lambda: nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.GELU(), nn.Linear(8, 3)),
                   lambda n: (normal(n, 4),)),
    "resnet8": (lambda: models.resnet8(), lambda n: (normal(n, 3, 32, 32),)),
    "mobilenet_v3_small": (lambda: models.mobilenet_v3_small(), lambda n: (normal(n, 3, 64, 64),)),
    "unet": (lambda: models.unet(), lambda n: (normal(n, 3, 32, 32),)),
    "gru_kws": (lambda: models.gru_kws(), lambda n: (normal(n, 1, 25, 10),)),
    "lstm_classifier": (lambda: models.lstm_classifier(3, 20, 6, 8, 2), lambda n: (tokens(20, n, 7),)),
    "gpt": (lambda: models.gpt(), lambda n: (tokens(65, n, 16),)),
    "transformer": (lambda: models.transformer(20, 20, 16, 2, 1, 32), lambda n: (tokens(20, n, 7), tokens(20, n, 5))),
    "vit_tiny": (lambda: models.vit_tiny(), lambda n: (normal(n, 3, 32, 32),)),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_comes_back(name, tmp_path):
    make, example = MODELS[name]
    fastnet.manual_seed(0)
    model, path = make().eval(), tmp_path / "m.onnx"
    inputs = [x.name for x in fastnet.graph.trace(model, *example(2)).inputs]
    export_and_compare(model, example(2), path, dynamic_axes={name: {0: "batch"} for name in inputs})
    loaded = fastnet.onnx.load(path)
    for n in (2, 3):
        given = example(n)
        [expected], [found] = tensors_in(model(*given)), tensors_in(loaded(*given))
        np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), rtol=0,
                                   atol=1e-5 * expected.abs().max().item())
    export_and_compare(loaded, example(2), tmp_path / "again.onnx")


def test_the_weights_keep_their_names(tmp_path):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 2))
    fastnet.onnx.export(model, normal(1, 3, 6, 6), tmp_path / "m.onnx")
    assert list(fastnet.onnx.load(tmp_path / "m.onnx").state_dict()) == list(model.state_dict())


def test_a_loaded_model_keeps_the_names_of_its_inputs_and_outputs(tmp_path):
    first, second = tmp_path / "first.onnx", tmp_path / "second.onnx"
    fastnet.onnx.export(nn.Bilinear(3, 4, 2), (normal(2, 3), normal(2, 4)), first, input_names=["left.1", "right"],
                        output_names=["logits"], dynamic_axes={"left.1": {0: "n"}, "right": {0: "n"}})
    fastnet.onnx.export(fastnet.onnx.load(first), (normal(2, 3), normal(2, 4)), second,
                        dynamic_axes={"left.1": {0: "n"}, "right": {0: "n"}})
    again = fastnet.onnx.load(second)
    assert (again.input_names, again.output_names) == (("left.1", "right"), ("logits",))
    by_name = {"right": normal(2, 4), "left.1": normal(2, 3)}
    assert [x.name for x in fastnet.graph.trace(again, **by_name).inputs] == ["right", "left.1"]
