"""The recipes of docs/compile.md give the same bits compiled and eager, with a bounded number of recordings."""
import runpy

import pytest
from data_tools import ROOT

TRAININGS = runpy.run_path(str(ROOT / "benchmarks/recipes.py"))["recipes"]()


def test_the_page_has_them():
    assert sorted(TRAININGS) == ["train_gan", "train_policy", "train_vae"]


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("name", TRAININGS)
@pytest.mark.parametrize("width, batch", [(8, 8), (32, 40)])
def test_recipe(name, width, batch):
    size = {"width": width, "batch": batch, "steps": 12}
    expected, none = TRAININGS[name](disable=True, **size)
    losses, recordings = TRAININGS[name](**size)
    assert losses == expected
    assert none == 0 < recordings <= 2
