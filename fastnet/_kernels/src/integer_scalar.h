/* The integer vocabulary in plain C, one lane wide. */
typedef int32_t v_i32;

static inline v_i32 v_load_i32(const int32_t *p) { return *p; }
static inline void v_store_i32(int32_t *p, v_i32 v) { *p = v; }
static inline v_i32 v_set_i32(int32_t x) { return x; }
static inline int32_t v_total_i32(v_i32 a) { return a; }
static inline v_i32 v_add_i32(v_i32 a, v_i32 b) { return (int32_t)((uint32_t)a + (uint32_t)b); }
static inline v_i32 v_sub_i32(v_i32 a, v_i32 b) { return (int32_t)((uint32_t)a - (uint32_t)b); }
static inline v_i32 v_mul_i32(v_i32 a, v_i32 b) { return (int32_t)((uint32_t)a * (uint32_t)b); }
static inline v_i32 v_min_i32(v_i32 a, v_i32 b) { return a < b ? a : b; }
static inline v_i32 v_max_i32(v_i32 a, v_i32 b) { return a > b ? a : b; }
static inline v_i32 v_left_i32(v_i32 a, v_i32 s) { return (int32_t)((uint32_t)a << s); }
static inline v_i32 v_high_i32(v_i32 a, v_i32 b) { return (int32_t)(((int64_t)a * b + (1 << 30)) >> 31); }
static inline v_i32 v_divide_i32(v_i32 a, v_i32 s) {
    const int32_t mask = (int32_t)((1u << s) - 1);
    return (a >> s) + ((a & mask) > (mask >> 1) + (a < 0));
}
static inline v_i32 v_low4_i32(v_i32 a) { return a & 15; }
static inline v_i32 v_high4_i32(v_i32 a) { return a >> 4; }
static inline v_f32 v_float_i32(v_i32 a) { return (float)a; }
static inline v_i32 v_nearest_i32(v_f32 x) { return (int32_t)rintf(x); }
static inline v_i32 v_load_s8(const void *p) { return *(const int8_t *)p; }
static inline v_i32 v_load_u8(const void *p) { return *(const uint8_t *)p; }
static inline v_i32 v_load_s16(const void *p) { return *(const int16_t *)p; }
static inline void v_store_8(void *p, v_i32 a) { *(uint8_t *)p = (uint8_t)a; }
static inline void v_store_16(void *p, v_i32 a) { *(int16_t *)p = (int16_t)a; }

#define DOT_DEPTH 2
#define DOT_WIDE 1
#define DOT_FLIP 0
typedef int16_t dot_t;
typedef struct { int32_t a, b; } v_w, v_x;

static inline v_w v_load_w(const int8_t *p) { return (v_w){*p, *(p + 1)}; }
static inline v_x v_load_x(const dot_t *p) { return (v_x){*p, *(p + 1)}; }
static inline v_x v_set_x(const dot_t *p) { return v_load_x(p); }
static inline v_i32 v_dot(v_i32 sum, v_x x, v_w w) {
    return (int32_t)((uint32_t)sum + (uint32_t)(x.a * w.a) + (uint32_t)(x.b * w.b));
}
