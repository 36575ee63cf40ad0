/* Cells of integer LSTM and GRU layers, unit by unit: the matrix products take most of the time. */
#include "integer.h"
#include "quantized_recurrent_slots.h"

enum { GATE_BITS = 12, UNIT_BITS = 15, STEP_BITS = 7 };

static inline int32_t clamp16(int32_t x) { return x < -32768 ? -32768 : x > 32767 ? 32767 : x; }

static inline int32_t divided(int32_t x, int bits) {
    const int32_t half = (int32_t)((1u << bits) >> 1);
    return x < 0 ? -((-x + half) >> bits) : (x + half) >> bits;
}

static inline int32_t interpolated(const int16_t *table, int32_t x) {
    const int32_t place = x + 32768, at = place >> STEP_BITS, rest = place & ((1 << STEP_BITS) - 1);
    return table[at] + (((table[at + 1] - table[at]) * rest + (1 << (STEP_BITS - 1))) >> STEP_BITS);
}

/* clamp(x * factor + zero), int8 */
static inline int8_t hidden(const ptrdiff_t *n, int64_t x) {
    const int left = n[R_SHIFT] > 0 ? (int)n[R_SHIFT] : 0, right = n[R_SHIFT] < 0 ? (int)-n[R_SHIFT] : 0;
    const int64_t least = INT32_MIN >> left, most = INT32_MAX >> left;
    x = (x < least ? least : x > most ? most : x) * ((int64_t)1 << left);
    x = (x * n[R_MULTIPLIER] + (1 << 30)) >> 31;
    const int64_t half = ((int64_t)1 << right) >> 1;
    x = (x < 0 ? -((-x + half) >> right) : (x + half) >> right) + n[R_ZERO];
    return (int8_t)(x < -128 ? -128 : x > 127 ? 127 : x);
}

static inline int32_t as_gate(int32_t c, int fraction) {
    return fraction <= GATE_BITS ? clamp16(c * (1 << (GATE_BITS - fraction))) : divided(c, fraction - GATE_BITS);
}

/* A block is a row of the batch. */
static int quantized_lstm_cell(BODY_ARGS) {
    const ptrdiff_t *n = launch->n, units = n[R_UNITS];
    const int16_t *sigmoid = launch->p[R_TABLES], *tangent = sigmoid + GATE_ENTRIES;
    const int fraction = (int)n[R_FRACTION];
    for (ptrdiff_t b = begin; b < end; b++) {
        const int16_t *x = (const int16_t *)launch->p[R_GATES_X] + b * 4 * units;
        const int16_t *h = (const int16_t *)launch->p[R_GATES_H] + b * 4 * units;
        const int16_t *before = (const int16_t *)launch->p[R_BEFORE] + b * units;
        int16_t *state = (int16_t *)launch->p[R_STATE] + b * units;
        int8_t *out = (int8_t *)launch->p[R_HIDDEN] + b * units;
        for (ptrdiff_t u = 0; u < units; u++) {
            const int32_t i = interpolated(sigmoid, clamp16(x[u] + h[u]));
            const int32_t f = interpolated(sigmoid, clamp16(x[units + u] + h[units + u]));
            const int32_t g = interpolated(tangent, clamp16(x[2 * units + u] + h[2 * units + u]));
            const int32_t o = interpolated(sigmoid, clamp16(x[3 * units + u] + h[3 * units + u]));
            const int32_t c = clamp16(divided(f * before[u], UNIT_BITS) + divided(i * g, 2 * UNIT_BITS - fraction));
            state[u] = (int16_t)c;
            out[u] = hidden(n, (int64_t)(o * interpolated(tangent, as_gate(c, fraction))));
        }
    }
    return 0;
}

static int quantized_gru_cell(BODY_ARGS) {
    const ptrdiff_t *n = launch->n, units = n[R_UNITS];
    const int16_t *sigmoid = launch->p[R_TABLES], *tangent = sigmoid + GATE_ENTRIES;
    for (ptrdiff_t b = begin; b < end; b++) {
        const int16_t *x = (const int16_t *)launch->p[R_GATES_X] + b * 3 * units;
        const int16_t *h = (const int16_t *)launch->p[R_GATES_H] + b * 3 * units;
        const int16_t *before = (const int16_t *)launch->p[R_BEFORE] + b * units;
        int16_t *state = (int16_t *)launch->p[R_STATE] + b * units;
        int8_t *out = (int8_t *)launch->p[R_HIDDEN] + b * units;
        for (ptrdiff_t u = 0; u < units; u++) {
            const int32_t r = interpolated(sigmoid, clamp16(x[u] + h[u]));
            const int32_t z = interpolated(sigmoid, clamp16(x[units + u] + h[units + u]));
            const int32_t given = clamp16(x[2 * units + u] + divided(r * h[2 * units + u], UNIT_BITS));
            const int32_t fresh = divided(((1 << UNIT_BITS) - z) * interpolated(tangent, given), UNIT_BITS);
            const int32_t s = clamp16(fresh + divided(z * before[u], UNIT_BITS));
            state[u] = (int16_t)s;
            out[u] = hidden(n, s);
        }
    }
    return 0;
}

#define BODY(name) {#name, name, name}
const Entry TABLE(quantized_recurrent)[] = {BODY(quantized_lstm_cell), BODY(quantized_gru_cell), END};
