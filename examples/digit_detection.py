"""Find and follow handwritten digits: train a detector on scenes of MNIST digits, and track them through a video.

    python examples/digit_detection.py [--quick]

A scene is a picture of 96x96 pixels with up to four digits of different sizes, made from MNIST when it is needed. A
small single-shot detector learns from 24,000 of them in about a minute. It is judged by its mean average precision on
scenes of digits that it has never seen: about 0.75, and 0.95 at an overlap of 0.5. Then it runs on the frames of a
short video, in which a tracker by overlap gives each digit a number. A number that changes is an identity switch; most
happen where digits cross and cover each other. --quick trains on 192 scenes, which is enough to run all parts, but not
to find anything.
"""
import argparse
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

import fastnet
from fastnet import Tensor, models, ops
from fastnet.datasets import mnist
from fastnet.nn import functional as F

SIZE = 96
BATCH = 16

Pixels = NDArray[np.float32]
Boxes = NDArray[np.float32]
Digits = tuple[NDArray[np.uint8], NDArray[np.int64]]                # images (n, 28, 28) and their labels
Scene = tuple[Pixels, dict[str, NDArray[np.generic]]]               # a picture (96, 96), and its boxes and labels


# ---- scenes ---------------------------------------------------------------------------------------------------------

def drawn_digit(image: NDArray[np.uint8], side: int) -> Pixels:
    """The smallest part of the image that has all of its ink, scaled so that the image would have this side."""
    rows, columns = (np.flatnonzero(image.max(axis) > 60) for axis in (1, 0))
    ink = image[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1].astype(np.float32) / 255
    size = tuple(max(round(n * side / 28), 2) for n in ink.shape)
    scaled: Pixels = F.interpolate(fastnet.from_numpy(ink[None, None]), size, mode="bilinear").numpy()[0, 0]
    return scaled


def paste(picture: Pixels, digit: Pixels, x: int, y: int) -> list[int]:
    """Draw a digit into a picture; returns its box."""
    h, w = digit.shape
    part = picture[y:y + h, x:x + w]
    np.maximum(part, digit, out=part)
    return [x, y, x + w, y + h]


def make_scene(rng: np.random.Generator, digits: Digits) -> Scene:
    """One to four digits that hardly overlap, on noise."""
    picture = rng.uniform(0, 0.15, (SIZE, SIZE)).astype(np.float32)
    boxes = np.zeros((0, 4), np.float32)
    labels: list[int] = []
    chosen: list[int] = rng.integers(0, len(digits[0]), rng.integers(1, 5)).tolist()
    for i in chosen:
        digit = drawn_digit(digits[0][i], int(rng.integers(24, 49)))
        h, w = len(digit), len(digit[0])
        x, y = int(rng.integers(0, SIZE - w + 1)), int(rng.integers(0, SIZE - h + 1))
        box = np.array([[x, y, x + w, y + h]], np.float32)
        if not (ops.box_iou(fastnet.from_numpy(box), fastnet.from_numpy(boxes)).numpy() > 0.05).any():
            paste(picture, digit, x, y)
            boxes = np.concatenate([boxes, box])
            labels.append(int(digits[1][i]) + 1)                    # 0 is the background
    return picture, {"boxes": boxes, "labels": np.array(labels)}


def make_video(rng: np.random.Generator, digits: Digits, frames: int) -> Iterator[tuple[Pixels, Boxes]]:
    """Pictures of three digits that move in lines and bounce off the edges, and their boxes in the same order."""
    drawn = [drawn_digit(digits[0][i], 36) for i in rng.integers(0, len(digits[0]), 3).tolist()]
    room = np.array([(SIZE - d.shape[1], SIZE - d.shape[0]) for d in drawn], np.float64)
    place = rng.uniform(0, 1, room.shape) * room
    speed = rng.uniform(0.5, 2, room.shape) * rng.choice([-1, 1], room.shape)
    for _ in range(frames):
        picture = rng.uniform(0, 0.15, (SIZE, SIZE)).astype(np.float32)
        boxes = [paste(picture, d, int(x), int(y)) for d, (x, y) in zip(drawn, place)]
        yield picture, np.array(boxes, np.float32)
        speed = np.where((place + speed < 0) | (place + speed > room), -speed, speed)
        place = place + speed


# ---- training and evaluation ----------------------------------------------------------------------------------------

def as_batch(pictures: list[Pixels]) -> Tensor:
    return fastnet.from_numpy(np.stack(pictures)[:, None])


def train(model: models.SSDLite, digits: Digits, steps: int, rng: np.random.Generator) -> None:
    """Train on new scenes in each step, with a rate that rises and then falls."""
    optimizer = fastnet.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-4)
    schedule = fastnet.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=steps)

    @fastnet.compile
    def step(pictures: Tensor, labels: Tensor, offsets: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss = models.detector_loss(model(pictures), models.DetectorTargets(labels, offsets))
        loss.backward()
        optimizer.step()
        return loss.detach()

    start, mean = time.perf_counter(), 0.0
    for i in range(1, steps + 1):
        pictures, targets = zip(*(make_scene(rng, digits) for _ in range(BATCH)))
        loss = float(step(as_batch(list(pictures)), *model.encode(targets, (SIZE, SIZE))))
        schedule.step()
        mean = loss if i == 1 else 0.95 * mean + 0.05 * loss
        if i % 300 == 0 or i == steps:
            print(f"step {i} of {steps}: loss {mean:.3f}, {time.perf_counter() - start:.0f} s", flush=True)


def evaluate(model: models.SSDLite, digits: Digits, scenes: int, rng: np.random.Generator) -> None:
    metric = fastnet.metrics.MeanAveragePrecision()
    for _ in range(scenes // BATCH):
        pictures, targets = zip(*(make_scene(rng, digits) for _ in range(BATCH)))
        metric.update(model.detect(as_batch(list(pictures))), list(targets))
    results = metric.summary()
    print(f"mean average precision {results['map']:.3f}, {results['map_50']:.3f} at an overlap of 0.5, "
          f"{results['map_75']:.3f} at 0.75, on {metric.images} scenes")


# ---- tracking -------------------------------------------------------------------------------------------------------

def true_numbers(numbers: list[int], found: Tensor, boxes: Boxes) -> list[int | None]:
    """The number of the track of each true box, or None if no detection overlaps it by half."""
    if not numbers:
        return [None] * len(boxes)
    overlap = ops.box_iou(fastnet.from_numpy(boxes), found).numpy()
    return [numbers[row.argmax()] if row.max() >= 0.5 else None for row in overlap]


def track(model: models.SSDLite, digits: Digits, frames: int, rng: np.random.Generator) -> None:
    """Number the digits of a video, and count the true ones whose number changes."""
    tracker = ops.IoUTracker(iou_threshold=0.2, max_age=5)
    last: dict[int, int] = {}
    switches = misses = 0
    for frame, (picture, boxes) in enumerate(make_video(rng, digits, frames)):
        [found] = model.detect(as_batch([picture]), score_threshold=0.3)
        strongest = ops.nms(found["boxes"], found["scores"], 0.4)         # one box for each place, whatever its class
        numbers = tracker.update(found["boxes"][strongest]).tolist()
        now = true_numbers(numbers, found["boxes"][strongest], boxes)
        for digit, number in enumerate(now):
            if number is None:
                misses += 1
            else:
                switches += last.get(digit, number) != number
                last[digit] = number
        if frame % 5 == 0:
            seen = ", ".join(f"digit {found['labels'][int(k)].item() - 1} is number {number}"
                             for k, number in zip(strongest.tolist(), numbers))
            print(f"frame {frame}: {seen or 'nothing'}")
    print(f"{frames} frames of 3 digits: {switches} identity switches, {misses} digits of {3 * frames} missed")


def main() -> None:
    parser = argparse.ArgumentParser(description="Find and follow handwritten digits.")
    parser.add_argument("--quick", action="store_true", help="train for a few seconds only")
    quick = parser.parse_args().quick
    fastnet.manual_seed(0)
    rng = np.random.default_rng(0)
    train_digits, test_digits = mnist()
    model = models.ssdlite(num_classes=11, in_channels=1, scales=(0.2, 0.5))
    train(model, train_digits, 12 if quick else 1500, rng)
    model.eval()
    evaluate(model, test_digits, 32 if quick else 480, rng)
    track(model, test_digits, 10 if quick else 60, rng)


if __name__ == "__main__":
    main()
