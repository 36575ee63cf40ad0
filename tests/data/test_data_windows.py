"""Sliding windows over time series: what they contain, times out of order or missing, splits in the order of time."""
import numpy as np
import pytest

import fastnet
from fastnet.data import Windows

DAYS = np.array("2024-01-01", "datetime64[D]") + np.arange(12)


def table(**more):
    return {"when": DAYS.copy(), "sales": np.arange(12.0), "price": 100 + np.arange(12.0), **more}


@pytest.mark.parametrize("length, horizon, stride", [(1, 1, 1), (3, 1, 2), (4, (1, 3), 1), (2, (5,), 3)])
def test_the_definition(length, horizon, stride):
    x = np.random.default_rng(0).standard_normal((30, 2))
    data = Windows(x, length, horizon, stride=stride)
    horizons = (horizon,) if isinstance(horizon, int) else horizon
    starts = [r for r in range(0, 30, stride) if r + length - 1 + max(horizons) < 30]
    assert len(data) == len(starts)
    inputs, targets = data.take(np.arange(len(data)))
    for r, got, wanted in zip(starts, inputs.numpy(), targets.numpy()):
        np.testing.assert_array_equal(got, x[r:r + length].astype(np.float32))
        np.testing.assert_array_equal(wanted, [x[r + length - 1 + h].astype(np.float32) for h in horizons])
    one, goal = data[2]
    assert (one == inputs[2].numpy()).all() and (goal == targets[2].numpy()).all()
    assert (data.targets == targets.numpy()).all()


def test_a_table_with_a_time_column():
    data = Windows(table(), 3, time="when", target="sales")
    assert data.names == ["sales", "price"]
    x, y = data.take(np.array([0, 8]))
    assert x.shape == (2, 3, 2) and y.tolist() == [[3.0], [11.0]]
    two = Windows(table(), 3, time="when", target=["price", "sales"])
    assert two.take(np.array([0]))[1].tolist() == [[[103.0, 3.0]]]
    assert repr(data) == "Windows(windows=9, length=3, horizon=(1,), columns=2)"
    both = [len(x) for x, _ in fastnet.data.DataLoader(data, 4)]
    assert both == [4, 4, 1]


def test_frames_of_other_libraries():
    for name in ("pandas", "polars"):
        frame = pytest.importorskip(name).DataFrame(table())
        data = Windows(frame, 3, time="when", target="price")
        assert data.take(np.array([1]))[1].tolist() == [[104.0]]


@pytest.mark.parametrize("times", [
    DAYS, np.arange(12), np.arange(12) * 0.1, [str(day) for day in DAYS], DAYS.astype(object),
    [f"01.{month:02}.2024" for month in (1,)] + [f"{day:02}.01.2024" for day in range(2, 13)]])
def test_kinds_of_times(times):
    assert len(Windows(np.arange(12.0), 3, time=times)) == 9


def test_times_out_of_order():
    given = table()
    given["when"][[4, 7]] = given["when"][[7, 4]]
    with pytest.raises(ValueError, match=r"times in order, got 2024-01-08.* in row 4 .*2024-01-06.*unsorted='sort'"):
        Windows(given, 3, time="when")
    data = Windows(given, 3, time="when", unsorted="sort", target="sales")
    assert data.values[:, 0].tolist() == [0, 1, 2, 3, 7, 5, 6, 4, 8, 9, 10, 11]
    given["when"][4] = given["when"][3]
    for unsorted in ("error", "sort"):
        with pytest.raises(ValueError, match=r"2024-01-04.* twice|times in order"):
            Windows(given, 3, time="when", unsorted=unsorted)


def test_gaps():
    when = DAYS.copy()
    when[6:] += 2
    with pytest.raises(ValueError, match=r"evenly spaced times, got 2024-01-06.* in row 5 and 2024-01-09"):
        Windows(np.arange(12.0), 2, time=when)
    data = Windows(np.arange(12.0), 2, time=when, gaps="split")
    assert data.starts.tolist() == [0, 1, 2, 3, 6, 7, 8, 9]
    assert len(Windows(np.arange(12.0), 2, time=when, gaps="ignore")) == 10
    with pytest.raises(ValueError, match="no window of 8 rows is free of gaps"):
        Windows(np.arange(12.0), 7, time=when, gaps="split")


def test_no_future_in_the_past():
    """Targets of a part are never inputs or targets of an earlier part, and never inputs of their own window."""
    rows = np.arange(200.0)
    data = Windows(rows, 10, (1, 4))
    train, validation, test = data.split(0.6, 0.2, 0.2)
    for part, (low, high) in zip((train, validation, test), ((0, 120), (120, 160), (160, 200))):
        x, y = part.take(np.arange(len(part)))
        assert (x.numpy().max((1, 2)) < y.numpy().min(1)).all()
        assert y.min().item() >= low and y.max().item() < high
        assert x.max().item() < high
    assert len(train) + len(validation) + len(test) == len(data) - 2 * 3
    with pytest.raises(ValueError, match="add up to 1"):
        data.split(0.5, 0.6)
    with pytest.raises(ValueError, match=r"part 1 .* has no window"):
        data.split(0.99, 0.01)


@pytest.mark.parametrize("make, message", [
    (lambda: Windows(np.arange(5.0), 4, 2), "at least 6 rows, 4 of the input and a horizon of 2, got 5"),
    (lambda: Windows(np.arange(5.0), 0), "length"),
    (lambda: Windows(np.arange(5.0), 2, 0), "horizon"),
    (lambda: Windows(np.arange(5.0), 2, ()), "at least one horizon"),
    (lambda: Windows(np.arange(9.0), 2, [1, 2, 1]), r"expected different horizons, got \(1, 2, 1\)"),
    (lambda: Windows(np.array([1, 2, np.nan, 4]), 2), "the series"),
    (lambda: Windows(np.zeros((2, 3, 4)), 1), r"got the shape \(2, 3, 4\)"),
    (lambda: Windows(table(), 3, target="profit", time="when"), "profit"),
    (lambda: Windows(table(), 3), "expected numbers in column 'when'"),
    (lambda: Windows(table(), 3, time="day"), "day"),
    (lambda: Windows(np.arange(12.0), 3, time="when"), "the data is no table"),
    (lambda: Windows(np.arange(12.0), 3, target=1), "from 0 to 0"),
    (lambda: Windows(np.arange(12.0), 3, time=DAYS[1:]), "expected 12 times"),
    (lambda: Windows(np.arange(12.0), 3, time=[*map(str, DAYS[1:]), "soon"]), "got 'soon' in row 11"),
    (lambda: Windows(np.arange(12.0), 3, gaps="fill"), "unknown gaps 'fill'"),
    (lambda: Windows(np.arange(12.0), 3, unsorted="drop"), "unknown unsorted 'drop'"),
])
def test_errors(make, message):
    with pytest.raises((ValueError, TypeError, KeyError), match=message):
        make()
