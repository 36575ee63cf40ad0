/* v_load_across of the x86 sets: W rows by W columns, transposed while they are loaded.
 *
 * A vector is assembled from 128-bit blocks of every fourth row (every other row of float64), which takes loads but no
 * shuffles. Only the squares inside the blocks remain to be transposed. A set defines v_blocks_T(row, k), the blocks
 * at k of row[0], row[4], row[8] ... (row[0], row[2] ...), and MM. */
#define X86__(mm, op) mm##_##op
#define X86_(mm, op) X86__(mm, op)
#define X86(op) X86_(MM, op)

static inline void v_load_across_f32(v_f32 *r, const float *const *row, ptrdiff_t k) {
    UNROLL for (int q = 0; q < W_f32; q += 4) {
        v_f32 a = v_blocks_f32(row, k + q), b = v_blocks_f32(row + 1, k + q);
        v_f32 c = v_blocks_f32(row + 2, k + q), d = v_blocks_f32(row + 3, k + q);
        v_f32 ab_lo = X86(unpacklo_ps)(a, b), ab_hi = X86(unpackhi_ps)(a, b);
        v_f32 cd_lo = X86(unpacklo_ps)(c, d), cd_hi = X86(unpackhi_ps)(c, d);
        r[q] = X86(shuffle_ps)(ab_lo, cd_lo, 0x44);
        r[q + 1] = X86(shuffle_ps)(ab_lo, cd_lo, 0xee);
        r[q + 2] = X86(shuffle_ps)(ab_hi, cd_hi, 0x44);
        r[q + 3] = X86(shuffle_ps)(ab_hi, cd_hi, 0xee);
    }
}

static inline void v_load_across_f64(v_f64 *r, const double *const *row, ptrdiff_t k) {
    UNROLL for (int q = 0; q < W_f64; q += 2) {
        v_f64 a = v_blocks_f64(row, k + q), b = v_blocks_f64(row + 1, k + q);
        r[q] = X86(unpacklo_pd)(a, b);
        r[q + 1] = X86(unpackhi_pd)(a, b);
    }
}

#undef X86__
#undef X86_
#undef X86
