"""ONNX's node tests: no case is wrong, and those that do not pass are refused by the operator's name."""
import collections
import zlib

import numpy as np
import pytest

pytest.importorskip("onnx")
from onnx_cases import PASSED, WRONG, is_core, node_cases, outcome, table

pytestmark = pytest.mark.filterwarnings("ignore")       # NumPy's, of the references; those of operators on edge cases
PART = 8                                # one case of so many runs in every run of the suite


@pytest.fixture(scope="module")
def cases():
    return node_cases()


@pytest.mark.parametrize("part", range(2))
def test_a_part_of_the_cases(cases, part):
    chosen = {name: case for name, case in cases.items() if zlib.crc32(name.encode()) % (2 * PART) == part}
    outcomes = run(chosen)
    assert {name: found.reason for name, found in outcomes.items() if found.kind == WRONG} == {}
    assert sum(found.kind == PASSED for found in outcomes.values()) > 0.6 * len(outcomes)


@pytest.mark.onnx
def test_all_cases(cases):
    outcomes = run(cases)
    print(table(outcomes, cases))
    assert {name: found.reason for name, found in outcomes.items() if found.kind == WRONG} == {}
    assert collections.Counter(found.kind for found in outcomes.values())[PASSED] >= 1600
    core = [found.kind for name, found in outcomes.items() if is_core(cases[name])]
    assert (len(core), core.count(PASSED) >= 847) == (852, True)


@pytest.mark.onnx
def test_all_cases_in_a_recording(cases):
    outcomes = run(cases, compiled=True)
    assert {name: found.reason for name, found in outcomes.items() if found.kind == WRONG} == {}


def run(cases, compiled=False):
    with np.errstate(all="ignore"):
        return {name: outcome(case, compiled) for name, case in cases.items()}
