/* Operations that all x86 vector extensions have under _mm_, _mm256_ and _mm512_ names. Included by simd_<isa>.h once
 * for each T with MM (the prefix) and S (ps or pd) defined. */
#define X86__(mm, op, s) mm##_##op##_##s
#define X86_(mm, op, s) X86__(mm, op, s)
#define X86(op) X86_(MM, op, S)
#define DEF(op) static inline VEC V(op)

DEF(load)(const REAL *p) { return X86(loadu)(p); }
static inline void V(store)(REAL *p, VEC v) { X86(storeu)(p, v); }
DEF(set)(REAL x) { return X86(set1)(x); }
static inline VEC V(zero)(void) { return X86_(MM, setzero, S)(); }
DEF(add)(VEC a, VEC b) { return X86(add)(a, b); }
DEF(sub)(VEC a, VEC b) { return X86(sub)(a, b); }
DEF(mul)(VEC a, VEC b) { return X86(mul)(a, b); }
DEF(div)(VEC a, VEC b) { return X86(div)(a, b); }
DEF(min)(VEC a, VEC b) { return X86(min)(a, b); }
DEF(max)(VEC a, VEC b) { return X86(max)(a, b); }
DEF(sqrt)(VEC a) { return X86(sqrt)(a); }
DEF(abs)(VEC a) { return X86(andnot)(X86(set1)((REAL)-0.0), a); }
DEF(neg)(VEC a) { return X86(xor)(X86(set1)((REAL)-0.0), a); }
DEF(copysign)(VEC a, VEC b) {
    VEC sign = X86(set1)((REAL)-0.0);
    return X86(or)(X86(andnot)(sign, a), X86(and)(sign, b));
}

#undef X86__
#undef X86_
#undef X86
#undef DEF
