"""MultimodalDataset: dictionaries and tuples, missing modalities, readers and errors."""
import math

import numpy as np
import pytest

import fastnet
from fastnet.data import DataLoader, MultimodalDataset

TABLE, IMAGE = [1.0, 2.0], np.full((1, 2, 2), 7, np.uint8)


def arrays(data):
    return [x.tolist() for x in data.take(np.arange(len(data)))]


def test_dictionaries_and_tuples():
    dictionaries = [{"table": TABLE, "image": IMAGE, "text": [3, 4], "target": 1}, {"text": [5], "target": 0},
                    {"table": TABLE, "text": math.nan, "target": 1}]
    tuples = [(TABLE, IMAGE, [3, 4], 1), (None, None, [5], 0), (TABLE, None, [], 1)]
    expected = [[TABLE, [0.0, 0.0], TABLE], [(IMAGE * 1.0).tolist(), np.zeros((1, 2, 2)).tolist(),
                                             np.zeros((1, 2, 2)).tolist()],
                [[3, 4], [5, 0], [0, 0]], [[1.0, 1.0, 1.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]], [1, 0, 1]]
    for samples in (dictionaries, tuples):
        data = MultimodalDataset(samples)
        assert arrays(data) == expected
        assert [x.dtype.name for x in data.arrays] == ["float32", "float32", "int64", "float32", "int64"]
        assert repr(data) == "MultimodalDataset(samples=3, present={'table': 2, 'image': 1, 'text': 2})"


def test_a_loader_gives_the_inputs_then_the_target():
    data = MultimodalDataset([{"table": [i, i], "target": i / 2} for i in range(5)], ["table"])
    batches = list(DataLoader(data, batch_size=2))
    assert [x.shape for x in batches[0]] == [(2, 2), (2, 1), (2,)] and batches[2][2].tolist() == [2.0]
    assert data.targets.tolist() == [0.0, 0.5, 1.0, 1.5, 2.0]


def test_samples_to_predict_have_no_target():
    data = MultimodalDataset([{"table": TABLE}], ("table",), target=None)
    assert arrays(data) == [[TABLE], [[1.0]]]


def test_readers_and_tokens(tmp_path):
    image = pytest.importorskip("PIL.Image")
    image.fromarray(np.full((3, 3), 255, np.uint8)).save(tmp_path / "white.png")
    tokenizer = fastnet.text.CharTokenizer("abc", special=["<pad>"])
    data = MultimodalDataset(
        [{"picture": tmp_path / "white.png", "name": "cab"}, {"name": "a"}], ("picture", "name"), None,
        {"picture": lambda path: fastnet.data.read_picture(path, 2, grey=True) / 255, "name": tokenizer.encode},
        tokens=["name"], length=2)
    assert arrays(data) == [[[[1.0, 1.0]] * 2, [[0.0, 0.0]] * 2], [[3, 1], [1, 0]], [[1.0, 1.0], [0.0, 1.0]]]
    longer = MultimodalDataset([{"text": [1]}], ["text"], None, padding=9, length=3)
    assert arrays(longer)[0] == [[1, 9, 9]]


def test_the_shapes_of_another_dataset():
    train = MultimodalDataset([(TABLE, IMAGE, [3, 4], 1)])
    data = MultimodalDataset([{"table": TABLE}, {"text": [5, 6, 7]}], target=None, like=train)
    assert arrays(data) == [[TABLE, [0.0, 0.0]], np.zeros((2, 1, 2, 2)).tolist(), [[0, 0], [5, 6]],
                            [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]]
    assert arrays(MultimodalDataset([{"image": IMAGE}], target=None, like=train))[2] == [[0, 0]]
    with pytest.raises(ValueError, match=r"table of one shape, got \(2,\) in like and \(1,\) in sample 0"):
        MultimodalDataset([{"table": [1.0]}], target=None, like=train)
    with pytest.raises(ValueError, match="like to have the modalities table, got table, image, text"):
        MultimodalDataset([{"table": TABLE}], ["table"], like=train)


@pytest.mark.parametrize("reader", [None, lambda text: [1, *text]])
@pytest.mark.parametrize("nothing", [None, "", b"", [], (), np.zeros(0), math.nan, np.float32("nan")])
def test_a_missing_text(nothing, reader):
    """A reader that adds a first token does not turn nothing into a text."""
    data = MultimodalDataset([{"text": [3]}, {"text": nothing}], ["text"], None, reader and {"text": reader})
    assert arrays(data)[1] == [[1.0], [0.0]] and not data.arrays[0][1].any()


@pytest.mark.parametrize("nothing", [math.nan, np.array(math.nan), [math.nan], [math.nan] * 2, np.full(2, np.nan)])
def test_a_missing_table(nothing):
    data = MultimodalDataset([(TABLE,), (nothing,)], ["table"], None)
    assert arrays(data) == [[TABLE, [0.0, 0.0]], [[1.0], [0.0]]]


def test_samples_with_a_target_that_is_not_read():
    assert len(MultimodalDataset([{"table": TABLE, "target": 1}], ["table"], target=None).arrays) == 2


@pytest.mark.parametrize("samples, options, error, message", [
    ([], {}, ValueError, "expected samples, got none"),
    ([[1, 2]], {}, TypeError, "sample 0: expected a dictionary or a tuple, got list"),
    ([(TABLE, 1)], {}, ValueError, r"sample 0: expected a tuple \(table, image, text, target\), got 2 values"),
    ([{"table": TABLE, "target": 1}], {}, ValueError, "expected a sample with 'image', got none; list the modalities"),
    ([{"table": TABLE, "target": 1}, {"table": TABLE}], {"modalities": ["table"]}, ValueError, "got none in sample 1"),
    ([{"table": TABLE, "target": 1}, {"table": [1.0], "target": 1}], {"modalities": ["table"]}, ValueError,
     r"expected table of one shape, got \(2,\) in sample 0 and \(1,\) in sample 1"),
    ([{"text": "abc", "target": 1}], {"modalities": ["text"]}, TypeError, "text of sample 0"),
    ([{"text": [1.5], "target": 1}], {"modalities": ["text"]}, ValueError, "a sequence of whole numbers, got float32"),
    ([{"table": TABLE, "target": 1}], {"modalities": ["table"], "readers": {"image": list}}, ValueError,
     "expected readers of the modalities table, got one of 'image'"),
    ([{"table": TABLE, "target": 1}, {"table": TABLE, "tabel": TABLE, "target": 1}], {"modalities": ["table"]},
     ValueError, "sample 1 has the unknown key 'tabel'; did you mean 'table'[?] The keys are table, target"),
    ([{"table": [1.0, math.nan], "target": 1}], {"modalities": ["table"]}, ValueError,
     "table of sample 0: 1 value is NaN or infinite"),
    ([{"table": [math.inf], "target": 1}], {"modalities": ["table"]}, ValueError,
     "table of sample 0: 1 value is NaN or infinite"),
    ([{"table": TABLE, "target": 1}], {"like": 3}, TypeError, "expected like to be a MultimodalDataset, got 3"),
])
def test_errors(samples, options, error, message):
    with pytest.raises(error, match=message):
        MultimodalDataset(samples, **options)
