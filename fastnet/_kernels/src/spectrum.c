/* Spectra of real signals and of their frames. */
#include "simd_math.h"
#include "spectrum_slots.h"
#include "sums.h"

#define T f32
#include "fft.inc.h"
#include "spectrum.inc.h"
#undef T
#define T f64
#include "fft.inc.h"
#include "spectrum.inc.h"
#undef T

const Entry TABLE(spectrum)[] = {
    ROW(rfft), ROW(irfft), ROW(stft), ROW(stft_backward), ROW(spectrogram), ROW(spectrogram_backward),
    CHOICE(filter_ranges), ROW(mel_spectrogram), ROW(overlap_add), END};
