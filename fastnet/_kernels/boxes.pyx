"""Suppression of boxes that overlap others. Contract: reference/boxes.py."""
from fastnet._runtime.launch cimport (
    WRITE, Array, Entry, Family, Kernel, Launch, expect_ndim, expect_shape, family, submit, unpack, unpack_sized)

cdef extern from "src/boxes_slots.h":
    enum:
        KEEP, BOXES
        COUNT
        IOU_THRESHOLD

cdef extern from *:
    """
    #include "src/isa.h"
    FAMILY(boxes)
    """
    const Entry *const *boxes_tables

cdef Family _bodies = family(boxes_tables)
cdef Kernel _nms = _bodies["nms"]


def nms(keep, boxes, iou_threshold):
    cdef Launch launch
    cdef Array k, b
    cdef ptrdiff_t shape[2]
    unpack(boxes, &b)
    _nms.prepare(&launch, b.dtype)
    expect_ndim("nms", "boxes", &b, 2)
    shape[0], shape[1] = 4, b.shape[1]
    expect_shape("nms", "boxes", &b, shape, 2)
    unpack_sized("nms", "keep", keep, &k, WRITE, b.dtype, b.shape[1])
    launch.p[KEEP] = k.data
    launch.p[BOXES] = b.data
    launch.n[COUNT] = b.shape[1]
    launch.s[IOU_THRESHOLD] = iou_threshold
    launch.blocks = 1
    launch.work = 0.5 * b.shape[1] * b.shape[1]
    submit(&launch)
