"""The example of forecasting: networks find what a linear model does not, and nothing in a random walk."""
import runpy

import pytest
from data_tools import ROOT


@pytest.fixture(scope="module")
def example():
    return runpy.run_path(str(ROOT / "examples" / "forecasting.py"), run_name="example")


@pytest.mark.parametrize("series, model", [("mackey_glass", "LSTM"), ("mackey_glass", "TCN"), ("hourly_load", "LSTM")])
def test_networks_beat_the_linear_model(example, series, model):
    series = example[series](3000)
    error = example["relative_error"]
    assert error(example["MODELS"][model], series, 18) < 0.8 * error(example["MODELS"]["linear"], series, 1)


@pytest.mark.parametrize("model", ["linear", "LSTM", "TCN"])
def test_a_random_walk_cannot_be_predicted(example, model):
    assert example["relative_error"](example["MODELS"][model], example["random_walk"](1500), 3) > 0.95
