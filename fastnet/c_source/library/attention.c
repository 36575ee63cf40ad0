/* Sizes of an attention over (batch, heads, positions, width), and the distances of neighbours along the first three
   dimensions of the queries, keys, values, mask and result. `groups` adjacent heads share a head of keys. With causal,
   query i attends to the keys up to i + diagonal. */
typedef struct {
    int32_t batch, heads, groups, queries, keys, width, value_width;
    int32_t q[3], k[3], v[3], mask[3], y[3];
    int32_t causal, diagonal;
    float scale;
} attention_shape;

/* softmax(scale * q @ k.T + mask) @ v; mask may be NULL, weights has room for one number a key. */
static void attention(float *y, const float *q, const float *k, const float *v, const float *mask, float *weights,
                      const attention_shape *s)
{
    for (int32_t b = 0; b < s->batch; b++)
        for (int32_t h = 0; h < s->heads; h++)
            for (int32_t i = 0; i < s->queries; i++) {
                const int32_t g = h / s->groups, last = i + s->diagonal + 1;
                const int32_t keys = s->causal && last < s->keys ? last : s->keys;
                const float *query = q + b * s->q[0] + h * s->q[1] + i * s->q[2];
                const float *key = k + b * s->k[0] + g * s->k[1];
                const float *value = v + b * s->v[0] + g * s->v[1];
                const float *added = mask ? mask + b * s->mask[0] + h * s->mask[1] + i * s->mask[2] : mask;
                float *out = y + b * s->y[0] + h * s->y[1] + i * s->y[2];
                float largest = -INFINITY;
                for (int32_t j = 0; j < keys; j++) {
                    weights[j] = s->scale * dot(query, key + j * s->k[2], s->width) + (added ? added[j] : 0.0f);
                    largest = weights[j] > largest ? weights[j] : largest;
                }
                for (int32_t j = 0; j < keys; j++)
                    weights[j] = largest > -INFINITY ? expf(weights[j] - largest) : 0.0f;
                const float total = keys > 0 ? sum_of(weights, keys, 1) : 0.0f;
                for (int32_t d = 0; d < s->value_width; d++) {
                    float sum = 0.0f;
                    for (int32_t j = 0; j < keys; j++)
                        sum += weights[j] * value[j * s->v[2] + d];
                    out[d] = total > 0.0f ? sum / total : 0.0f;
                }
            }
}
