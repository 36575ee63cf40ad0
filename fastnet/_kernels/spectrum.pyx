"""Spectra of signals and of their frames. Contracts: reference/spectrum.py; bodies: src/spectrum.inc.h, src/fft.inc.h."""
import numpy as np

from libc.stdint cimport int64_t

from fastnet._kernels.matmul cimport Tile, tile_of
from fastnet._runtime.launch cimport (
    BLOCK, F32, READ, WRITE, Array, DType, Entry, Family, Kernel, Launch, bind, ceil_div, expect_dtype,
    expect_ndim, family, shape_of, submit, unpack)
from fastnet._runtime.memory cimport Block, allocate_block
from fastnet._runtime.threads cimport limit

cdef extern from "src/spectrum_slots.h":
    enum:
        OUT, X, WINDOW, DY, FILTERS, RANGES, ROOTS, SCRATCH
        SIGNALS, LENGTH, FRAMES, HOP, WIDTH, TRANSFORM, BINS, POINTS, REMOVE_MEAN, FILTER_COUNT, LOGARITHM
        SLOTS, SLOT, REAL_ROOTS, PASSES, RADIX
        POWER, PREEMPHASIS, FLOOR, OFFSET, SCALE
        INNER, OUTER
        FRAMES_AT_ONCE, PASSES_MOST

cdef extern from *:
    """
    #include "src/isa.h"
    FAMILY(spectrum)
    """
    const Entry *const *spectrum_tables

cdef Family _bodies = family(spectrum_tables)
cdef Kernel _rfft = _bodies["rfft"], _irfft = _bodies["irfft"]
cdef Kernel _stft = _bodies["stft"], _stft_backward = _bodies["stft_backward"]
cdef Kernel _spectrogram = _bodies["spectrogram"], _spectrogram_backward = _bodies["spectrogram_backward"]
cdef Kernel _filter_ranges = _bodies["filter_ranges"]
cdef Kernel _mel_spectrogram = _bodies["mel_spectrogram"], _overlap_add = _bodies["overlap_add"]


# ---- plans ----------------------------------------------------------------------------------------------------------

cdef dict _plans = {}               # by the length of the transform; never emptied, since recordings point at the roots


cdef class Plan:
    """The passes of a transform of n real numbers, and their roots of unity.

    For each pass of a radix over `length` numbers: the roots exp(-2 pi i p j / length) for p < length/radix and
    0 < j < radix; a radix that has no function follows with cos and sin of 2 pi j / radix. Then, for even n, the roots
    exp(-2 pi i k / n) for k <= n/4. A root is its real part, its imaginary part, and the negative of that.
    """
    cdef ptrdiff_t points, real_roots
    cdef list radices
    cdef tuple roots                # in float32 and float64

    def __init__(self, ptrdiff_t n):
        cdef ptrdiff_t length
        self.points = length = n if n % 2 else n // 2
        self.radices = factors(length)
        parts = [np.empty(0)]
        for radix in self.radices:
            turns = np.multiply.outer(np.arange(length // radix), np.arange(1, radix))
            parts.append(unit_roots(turns, length))
            if radix > 5:
                angles = 2 * np.pi * np.arange(radix) / radix
                parts.append(np.stack((np.cos(angles), np.sin(angles)), axis=-1).ravel())
            length //= radix
        self.real_roots = sum([len(part) for part in parts])
        if n % 2 == 0:
            parts.append(unit_roots(np.arange(n // 4 + 1), n))
        roots = np.concatenate(parts)
        self.roots = roots.astype(np.float32), roots


cdef object unit_roots(object turns, ptrdiff_t n):
    """exp(-2 pi i turns / n) as (real part, imaginary part, its negative), exact where both parts are 0 or 1."""
    turns = turns % n
    angles = 2 * np.pi * turns / n
    real, imaginary = np.cos(angles), np.sin(angles)
    real[4 * turns % (2 * n) == n] = 0
    imaginary[2 * turns == n] = 0
    return np.stack((real, -imaginary, imaginary), axis=-1).ravel()


cdef list factors(ptrdiff_t n):
    """The radices of the passes of a transform of n numbers: 4 as often as possible, then the prime factors."""
    cdef list radices = []
    cdef ptrdiff_t radix = 4
    while n > 1:
        while n % radix == 0:
            radices.append(radix)
            n //= radix
        radix = 2 if radix == 4 else 3 if radix == 2 else radix + 2 if radix * radix <= n else n
    return radices


cdef Plan plan_of(ptrdiff_t n):
    plan = _plans.get(n)
    if plan is None:
        plan = _plans[n] = Plan(n)
    return plan


# ---- launches -------------------------------------------------------------------------------------------------------

cdef Block set_transform(str name, Launch *launch, ptrdiff_t n, DType dtype):
    """Set the slots of a transform of n numbers, and of the frames that were set before; returns scratch memory."""
    cdef Array roots
    cdef Tile tile = tile_of(dtype)
    if n < 1:
        raise ValueError(f"{name}: expected a transform of at least 1 sample, got {n}")
    cdef Plan plan = plan_of(n)
    cdef ptrdiff_t i, count = len(plan.radices)
    unpack(plan.roots[dtype != F32], &roots)
    launch.p[ROOTS] = roots.data
    launch.n[TRANSFORM] = n
    launch.n[BINS] = n // 2 + 1
    launch.n[POINTS] = plan.points
    launch.n[REAL_ROOTS] = plan.real_roots
    launch.n[PASSES] = count
    for i in range(count):
        launch.n[RADIX + i] = plan.radices[i]
    launch.blocks = launch.n[SIGNALS] * ceil_div(launch.n[FRAMES], FRAMES_AT_ONCE)
    launch.work = 0.4 / tile.width * launch.blocks * FRAMES_AT_ONCE * plan.points * (3 + <ptrdiff_t>sum(plan.radices))
    launch.n[SLOT] = 4 * (plan.points + 1) * tile.width
    launch.n[SLOTS] = min(launch.blocks, 2 * limit())
    return allocate_block(launch.n[SLOTS] * launch.n[SLOT] * tile.size)


cdef ptrdiff_t set_framing(Kernel kernel, Launch *launch, DType dtype, object window, tuple framing,
                           ptrdiff_t frames) except -1:
    """Set the slots of the window and of the frames; returns the samples that the frames need of a signal."""
    cdef Array w
    n, hop, remove_mean, preemphasis = framing
    unpack(window, &w)
    expect_dtype(kernel.name, "window", &w, dtype)
    if hop < 1 or not 1 <= w.size <= n:
        raise ValueError(f"{kernel.name}: expected a positive hop and a window of 1 to {n} samples, got {hop} and "
                         f"{w.size}")
    launch.p[WINDOW] = w.data
    launch.n[FRAMES] = frames
    launch.n[HOP] = hop
    launch.n[WIDTH] = w.size
    launch.n[REMOVE_MEAN] = remove_mean
    launch.s[PREEMPHASIS] = preemphasis
    return (frames - 1) * launch.n[HOP] + w.size if frames else 0


cdef Block set_signals(Kernel kernel, Launch *launch, object x, object window, tuple framing, ptrdiff_t frames):
    """Prepare a launch over the frames of signals (B, L); returns scratch memory."""
    cdef Array a
    unpack(x, &a)
    kernel.prepare(launch, a.dtype)
    expect_ndim(kernel.name, "x", &a, 2)
    launch.p[X] = a.data
    launch.n[SIGNALS] = a.shape[0]
    launch.n[LENGTH] = a.shape[1]
    needed = set_framing(kernel, launch, a.dtype, window, framing, frames)
    if needed > a.shape[1]:
        raise ValueError(f"{kernel.name}: {frames} frames need {needed} samples, got x of shape {shape_of(&a)}")
    return set_transform(kernel.name, launch, framing[0], a.dtype)


# ---- transforms of rows ---------------------------------------------------------------------------------------------

def rfft(out, x, inner, outer):
    cdef Launch launch
    cdef Array a
    unpack(x, &a)
    _rfft.prepare(&launch, a.dtype)
    expect_ndim("rfft", "x", &a, 2)
    launch.p[X] = a.data
    launch.n[SIGNALS] = 1
    launch.n[FRAMES] = a.shape[0]
    cdef Block scratch = set_transform("rfft", &launch, a.shape[1], a.dtype)
    launch.p[SCRATCH] = scratch.data
    bind(&launch, OUT, "rfft", "out", out, WRITE, a.dtype, a.shape[0] * launch.n[BINS] * 2)
    launch.s[INNER], launch.s[OUTER] = inner, outer
    submit(&launch)


def irfft(out, y, inner, outer):
    cdef Launch launch
    cdef Array o
    unpack(out, &o, WRITE)
    _irfft.prepare(&launch, o.dtype)
    expect_ndim("irfft", "out", &o, 2)
    launch.p[OUT] = o.data
    launch.n[SIGNALS] = 1
    launch.n[FRAMES] = o.shape[0]
    cdef Block scratch = set_transform("irfft", &launch, o.shape[1], o.dtype)
    launch.p[SCRATCH] = scratch.data
    bind(&launch, X, "irfft", "y", y, READ, o.dtype, o.shape[0] * launch.n[BINS] * 2)
    launch.s[INNER], launch.s[OUTER] = inner, outer
    submit(&launch)


# ---- transforms of frames -------------------------------------------------------------------------------------------

cdef int frames_of(Kernel kernel, str name, object source, Array *array, int ndim, int access) except -1:
    """Unpack an array (B, rows, frames, ...) of `ndim` dimensions."""
    unpack(source, array, access)
    return expect_ndim(kernel.name, name, array, ndim)


def stft(out, x, window, framing):
    cdef Launch launch
    cdef Array o
    frames_of(_stft, "out", out, &o, 4, WRITE)
    cdef Block scratch = set_signals(_stft, &launch, x, window, framing, o.shape[2])
    launch.p[SCRATCH] = scratch.data
    bind(&launch, OUT, "stft", "out", out, WRITE, o.dtype, launch.n[SIGNALS] * launch.n[BINS] * o.shape[2] * 2)
    submit(&launch)


def stft_backward(dframes, dy, window, framing):
    cdef Launch launch
    cdef Array d
    frames_of(_stft_backward, "dy", dy, &d, 4, READ)
    _stft_backward.prepare(&launch, d.dtype)
    launch.n[SIGNALS] = d.shape[0]
    set_framing(_stft_backward, &launch, d.dtype, window, framing, d.shape[2])
    cdef Block scratch = set_transform("stft_backward", &launch, framing[0], d.dtype)
    launch.p[SCRATCH] = scratch.data
    bind(&launch, DY, "stft_backward", "dy", dy, READ, d.dtype, d.shape[0] * launch.n[BINS] * d.shape[2] * 2)
    bind(&launch, OUT, "stft_backward", "dframes", dframes, WRITE, d.dtype,
         d.shape[0] * d.shape[2] * launch.n[WIDTH])
    submit(&launch)


def spectrogram(out, x, window, framing, power):
    cdef Launch launch
    cdef Array o
    frames_of(_spectrogram, "out", out, &o, 3, WRITE)
    cdef Block scratch = set_signals(_spectrogram, &launch, x, window, framing, o.shape[2])
    launch.p[SCRATCH] = scratch.data
    bind(&launch, OUT, "spectrogram", "out", out, WRITE, o.dtype, launch.n[SIGNALS] * launch.n[BINS] * o.shape[2])
    launch.s[POWER] = power
    submit(&launch)


def spectrogram_backward(dframes, x, window, dy, framing, power):
    cdef Launch launch
    cdef Array d
    frames_of(_spectrogram_backward, "dy", dy, &d, 3, READ)
    cdef Block scratch = set_signals(_spectrogram_backward, &launch, x, window, framing, d.shape[2])
    launch.p[SCRATCH] = scratch.data
    cdef ptrdiff_t frames = launch.n[SIGNALS] * d.shape[2]
    bind(&launch, DY, "spectrogram_backward", "dy", dy, READ, d.dtype, frames * launch.n[BINS])
    bind(&launch, OUT, "spectrogram_backward", "dframes", dframes, WRITE, d.dtype, frames * launch.n[WIDTH])
    launch.s[POWER] = power
    submit(&launch)


def mel_spectrogram(out, x, window, filters, framing, power, log):
    cdef Launch launch, ranges
    cdef Array o
    frames_of(_mel_spectrogram, "out", out, &o, 3, WRITE)
    cdef Block scratch = set_signals(_mel_spectrogram, &launch, x, window, framing, o.shape[2])
    launch.p[SCRATCH] = scratch.data
    cdef ptrdiff_t count = o.shape[1]
    bind(&launch, OUT, "mel_spectrogram", "out", out, WRITE, o.dtype, launch.n[SIGNALS] * count * o.shape[2])
    bind(&launch, FILTERS, "mel_spectrogram", "filters", filters, READ, o.dtype, count * launch.n[BINS])
    launch.n[FILTER_COUNT] = count
    launch.s[POWER] = power
    if log is not None:
        launch.n[LOGARITHM] = 1
        launch.s[FLOOR], launch.s[OFFSET], launch.s[SCALE] = log
    cdef Block memory = allocate_block(2 * count * sizeof(int64_t))
    _filter_ranges.prepare(&ranges, o.dtype)
    ranges.p[FILTERS] = launch.p[FILTERS]
    ranges.p[RANGES] = launch.p[RANGES] = memory.data
    ranges.n[BINS] = launch.n[BINS]
    ranges.n[FILTER_COUNT] = count
    ranges.blocks = ceil_div(count, tile_of(o.dtype).width)
    ranges.work = 0.1 * count * launch.n[BINS]
    submit(&ranges)
    submit(&launch)


# ---- overlapping frames ---------------------------------------------------------------------------------------------

def overlap_add(out, frames, hop):
    cdef Launch launch
    cdef Array o, f
    unpack(out, &o, WRITE)
    _overlap_add.prepare(&launch, o.dtype)
    unpack(frames, &f)
    expect_ndim("overlap_add", "out", &o, 2)
    expect_ndim("overlap_add", "frames", &f, 3)
    expect_dtype("overlap_add", "frames", &f, o.dtype)
    if hop < 1 or f.shape[0] != o.shape[0] or f.size and (f.shape[1] - 1) * hop + f.shape[2] > o.shape[1]:
        raise ValueError(f"overlap_add: frames of shape {shape_of(&f)} with hop {hop} do not fit out of shape "
                         f"{shape_of(&o)}")
    launch.p[OUT] = o.data
    launch.p[X] = f.data
    launch.n[LENGTH] = o.shape[1]
    launch.n[FRAMES] = f.shape[1]
    launch.n[WIDTH] = f.shape[2]
    launch.n[HOP] = hop
    launch.blocks = o.shape[0] * ceil_div(o.shape[1], BLOCK)
    launch.work = 0.1 * (1 if o.dtype == F32 else 2) * (o.size + f.size)
    submit(&launch)
