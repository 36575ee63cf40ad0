"""Cells of integer LSTM and GRU layers. Contract: reference/quantized_recurrent.py."""
from fastnet._runtime.launch cimport (
    F32, I8, I16, NARROW, WRITE, Array, Entry, Family, Kernel, Launch, bind, expect_dtype, expect_ndim, family, submit,
    unpack)

cdef extern from *:
    """
    #include "src/isa.h"
    FAMILY(quantized_recurrent)
    """
    const Entry *const *quantized_recurrent_tables

cdef extern from "src/quantized_recurrent_slots.h":
    enum:
        R_HIDDEN, R_STATE, R_GATES_X, R_GATES_H, R_BEFORE, R_TABLES
        R_BATCH, R_UNITS, R_MULTIPLIER, R_SHIFT, R_ZERO, R_FRACTION
        GATE_ENTRIES

cdef Family _bodies = family(quantized_recurrent_tables)
cdef Kernel _lstm = _bodies["quantized_lstm_cell"], _gru = _bodies["quantized_gru_cell"]


def quantized_lstm_cell(h, c, gates_x, gates_h, before, tables, result, fraction=11):
    cdef Launch launch
    _lstm.prepare(&launch, F32)
    launch.n[R_FRACTION] = fraction
    if not 1 <= launch.n[R_FRACTION] <= 15:
        raise ValueError(f"quantized_lstm_cell: expected a fraction from 1 to 15, got {fraction}")
    run("quantized_lstm_cell", &launch, 4, h, "c", c, gates_x, gates_h, before, tables, result)


def quantized_gru_cell(h, state, gates_x, gates_h, before, tables, result):
    cdef Launch launch
    _gru.prepare(&launch, F32)
    run("quantized_gru_cell", &launch, 3, h, "state", state, gates_x, gates_h, before, tables, result)


cdef int run(str kernel, Launch *launch, int gates, h, str name, state, gates_x, gates_h, before, tables,
             result) except -1:
    cdef Array o
    unpack(h, &o, WRITE | NARROW)
    expect_dtype(kernel, "h", &o, I8)
    expect_ndim(kernel, "h", &o, 2)
    launch.p[R_HIDDEN] = o.data
    bind(launch, R_STATE, kernel, name, state, WRITE | NARROW, I16, o.size)
    bind(launch, R_GATES_X, kernel, "gates_x", gates_x, NARROW, I16, gates * o.size)
    bind(launch, R_GATES_H, kernel, "gates_h", gates_h, NARROW, I16, gates * o.size)
    bind(launch, R_BEFORE, kernel, "before", before, NARROW, I16, o.size)
    bind(launch, R_TABLES, kernel, "tables", tables, NARROW, I16, 2 * GATE_ENTRIES)
    launch.n[R_UNITS] = o.shape[1]
    launch.n[R_MULTIPLIER], launch.n[R_SHIFT], launch.n[R_ZERO] = result
    launch.blocks = o.shape[0]
    launch.work = 20.0 * o.size
    return submit(launch)
