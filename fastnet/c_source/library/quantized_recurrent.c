/* One direction of an integer recurrent layer. Gates are int16 with 12 bits of fraction, their functions have 15. The
   cells of an LSTM have `fraction` bits; multiplier, shift and zero_h make the state an 8-bit integer. */
typedef struct {
    int32_t steps, batch, inputs, units, zero_x, zero_h, multiplier, shift, fraction;
} integer_layer;

/* A weight (gates, n) with a bias, which may be NULL, and a factor for each gate. */
typedef struct {
    const int8_t *weight;
    const int32_t *bias, *multiplier;
    const int8_t *shift;
} integer_weight;

/* The part of a gate from n numbers; x is NULL for zeros. */
static int32_t gate_part(const int8_t *x, int32_t zero, const integer_weight *w, int32_t row, int32_t n)
{
    const int32_t sum = (x ? integer_dot(x, zero, w->weight + row * n, n) : 0) + (w->bias ? w->bias[row] : 0);
    return limited16(multiplied(sum, w->multiplier[row], w->shift[row]));
}

/* c' = sigmoid(f) * c + sigmoid(i) * tanh(g), h' = sigmoid(o) * tanh(c'). h is the first state or NULL for 0, c (batch,
   units) holds the first cells and becomes the last ones; tables are the sigmoid and the hyperbolic tangent. */
static void quantized_lstm(int8_t *y, const int8_t *h, int16_t *c, const int8_t *x, const integer_weight *w_ih,
                           const integer_weight *w_hh, const int16_t *tables, const integer_layer *s)
{
    const int32_t u = s->units;
    for (int32_t t = 0; t < s->steps; t++, h = y, y += s->batch * u)
        for (int32_t b = 0; b < s->batch; b++, x += s->inputs)
            for (int32_t j = 0; j < u; j++) {
                int32_t gate[4];
                for (int32_t k = 0; k < 4; k++)
                    gate[k] = interpolated(tables + (k == 2 ? 513 : 0), limited16(
                        gate_part(x, s->zero_x, w_ih, k * u + j, s->inputs)
                        + gate_part(h ? h + b * u : h, s->zero_h, w_hh, k * u + j, u)));
                int16_t *cell = c + b * u + j;
                *cell = (int16_t)limited16(divided(gate[1] * *cell, 15) + divided(gate[0] * gate[2], 30 - s->fraction));
                const int32_t as_gate = s->fraction > 12 ? divided(*cell, s->fraction - 12)
                                                         : limited16(*cell * (1 << (12 - s->fraction)));
                y[b * u + j] = (int8_t)limited(multiplied(gate[3] * interpolated(tables + 513, as_gate), s->multiplier,
                                                          s->shift), s->zero_h, -128, 127);
            }
}

/* n = tanh(n_x + sigmoid(r) * n_h), h' = (1 - sigmoid(z)) * n + sigmoid(z) * h. h is the first state as 8-bit integers or
   NULL for 0, state (batch, units) the same with 15 bits of fraction, which becomes the last one. */
static void quantized_gru(int8_t *y, const int8_t *h, int16_t *state, const int8_t *x, const integer_weight *w_ih,
                          const integer_weight *w_hh, const int16_t *tables, const integer_layer *s)
{
    const int32_t u = s->units;
    for (int32_t t = 0; t < s->steps; t++, h = y, y += s->batch * u)
        for (int32_t b = 0; b < s->batch; b++, x += s->inputs)
            for (int32_t j = 0; j < u; j++) {
                int32_t from_x[3], from_h[3];
                for (int32_t k = 0; k < 3; k++) {
                    from_x[k] = gate_part(x, s->zero_x, w_ih, k * u + j, s->inputs);
                    from_h[k] = gate_part(h ? h + b * u : h, s->zero_h, w_hh, k * u + j, u);
                }
                const int32_t r = interpolated(tables, limited16(from_x[0] + from_h[0]));
                const int32_t z = interpolated(tables, limited16(from_x[1] + from_h[1]));
                const int32_t n = interpolated(tables + 513, limited16(from_x[2] + divided(r * from_h[2], 15)));
                int16_t *kept = state + b * u + j;
                *kept = (int16_t)limited16(divided((32768 - z) * n, 15) + divided(z * *kept, 15));
                y[b * u + j] = (int8_t)limited(multiplied(*kept, s->multiplier, s->shift), s->zero_h, -128, 127);
            }
}
