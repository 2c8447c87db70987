#include "codec/deflate_literals.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_X86 1
#include <immintrin.h>
#endif

static void put_one(ecam_bits *bits, uint32_t entry)
{
    ecam_bits_put(bits, entry >> 8, entry & 255);
}

/* Four codes are joined before they meet those that came earlier, so that only
 * every fourth step waits for the one before. */
static inline __attribute__((always_inline)) void
put_literals(ecam_bits *out, const ecam_literal_code *code, const uint8_t *bytes, size_t n)
{
    ecam_bits bits = *out;
    size_t i = 0;

    for (; i + 4 <= n; i += 4) {
        uint32_t a = code->entry[bytes[i]], b = code->entry[bytes[i + 1]];
        uint32_t c = code->entry[bytes[i + 2]], d = code->entry[bytes[i + 3]];
        uint32_t ab = (a & 255) + (b & 255), cd = (c & 255) + (d & 255);
        uint64_t first = (uint64_t)(a >> 8) | (uint64_t)(b >> 8) << (a & 255);
        uint64_t second = (uint64_t)(c >> 8) | (uint64_t)(d >> 8) << (c & 255);
        ecam_bits_put(&bits, first | second << ab, ab + cd);
    }
    for (; i < n; i++)
        put_one(&bits, code->entry[bytes[i]]);
    *out = bits;
}

static void put_literals_plain(ecam_bits *out, const ecam_literal_code *code,
                               const uint8_t *bytes, size_t n)
{
    put_literals(out, code, bytes, n);
}

#ifdef HAVE_X86

/* Shifts by a variable are three times as fast. */
__attribute__((target("bmi2"))) static void
put_literals_bmi2(ecam_bits *out, const ecam_literal_code *code, const uint8_t *bytes, size_t n)
{
    put_literals(out, code, bytes, n);
}

#define AVX512 __attribute__((target("bmi2,avx512f,avx512bw,avx512vl,avx512vbmi")))

/* 64 bytes looked up in a table of 256; those that `used` leaves out give 0. */
AVX512 static inline __m512i look_up(const __m512i table[4], __m512i index, __mmask64 used)
{
    __mmask64 upper = _mm512_movepi8_mask(index);
    __m512i a = _mm512_maskz_permutex2var_epi8(used, table[0], index, table[1]);
    __m512i b = _mm512_maskz_permutex2var_epi8(used, table[2], index, table[3]);
    return _mm512_mask_blend_epi8(upper, a, b);
}

/* Codes and their lengths, 8 of each. */
typedef struct joined {
    __m512i codes, lengths;
} joined;

/* 32 codes and their lengths, as words, become 8 of four each. */
AVX512 static inline joined join_four(__m512i codes, __m512i lengths)
{
    const __m512i low16 = _mm512_set1_epi32(0xffff), low32 = _mm512_set1_epi64(0xffffffff);

    __m512i one = _mm512_and_si512(lengths, low16);
    __m512i two = _mm512_or_si512(_mm512_and_si512(codes, low16),
                                  _mm512_sllv_epi32(_mm512_srli_epi32(codes, 16), one));
    __m512i two_length = _mm512_add_epi32(one, _mm512_srli_epi32(lengths, 16));

    __m512i half = _mm512_and_si512(two_length, low32);
    __m512i four = _mm512_or_si512(_mm512_and_si512(two, low32),
                                   _mm512_sllv_epi64(_mm512_srli_epi64(two, 32), half));
    return (joined){four, _mm512_add_epi64(half, _mm512_srli_epi64(two_length, 32))};
}

/* Out of the vectors by way of memory: the barrier keeps the compiler from
 * moving each code alone, which takes twice as long. */
AVX512 static inline void put_eight(ecam_bits *bits, joined from)
{
    _Alignas(64) uint64_t codes[8], lengths[8];

    _mm512_store_si512(codes, from.codes);
    _mm512_store_si512(lengths, from.lengths);
    __asm__ volatile("" : : "r"(codes), "r"(lengths) : "memory");
    for (int k = 0; k < 8; k++)
        ecam_bits_put(bits, codes[k], (unsigned)lengths[k]);
}

/* In each 16 bytes, `a` has joined the first two fours and `b` the other two.
 * All neighbours are joined once more where every eight fits into 56 bits,
 * which it nearly always does. */
AVX512 static inline void put_fours(ecam_bits *bits, joined a, joined b)
{
    joined even = {_mm512_unpacklo_epi64(a.codes, b.codes),
                   _mm512_unpacklo_epi64(a.lengths, b.lengths)};
    joined odd = {_mm512_unpackhi_epi64(a.codes, b.codes),
                  _mm512_unpackhi_epi64(a.lengths, b.lengths)};
    joined both = {_mm512_or_si512(even.codes, _mm512_sllv_epi64(odd.codes, even.lengths)),
                   _mm512_add_epi64(even.lengths, odd.lengths)};

    if (_mm512_cmpgt_epu64_mask(both.lengths, _mm512_set1_epi64(56)) == 0) {
        put_eight(bits, both);
        return;
    }
    const __m512i first = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11);
    const __m512i last = _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15);
    put_eight(bits, (joined){_mm512_permutex2var_epi64(even.codes, first, odd.codes),
                             _mm512_permutex2var_epi64(even.lengths, first, odd.lengths)});
    put_eight(bits, (joined){_mm512_permutex2var_epi64(even.codes, last, odd.codes),
                             _mm512_permutex2var_epi64(even.lengths, last, odd.lengths)});
}

/* Few bytes are not worth loading the tables. */
#define FEW 16

AVX512 static void put_literals_avx512(ecam_bits *out, const ecam_literal_code *code,
                                       const uint8_t *bytes, size_t n)
{
    const __m512i zero = _mm512_setzero_si512();
    __m512i low[4], high[4], length[4];
    ecam_bits bits = *out;

    if (n < FEW) {
        put_literals(out, code, bytes, n);
        return;
    }
    for (int k = 0; k < 4; k++) {
        low[k] = _mm512_load_si512(code->low + 64 * k);
        high[k] = _mm512_load_si512(code->high + 64 * k);
        length[k] = _mm512_load_si512(code->length + 64 * k);
    }
    for (size_t i = 0; i < n; i += 64) {
        __mmask64 used = n - i >= 64 ? ~0ull : (1ull << (n - i)) - 1;
        __m512i index = _mm512_maskz_loadu_epi8(used, bytes + i);
        __m512i l = look_up(low, index, used), h = look_up(high, index, used);
        __m512i n_bits = look_up(length, index, used);
        put_fours(&bits,
                  join_four(_mm512_unpacklo_epi8(l, h), _mm512_unpacklo_epi8(n_bits, zero)),
                  join_four(_mm512_unpackhi_epi8(l, h), _mm512_unpackhi_epi8(n_bits, zero)));
    }
    *out = bits;
}

#endif

size_t ecam_literals_putters(ecam_put_literals *list[ECAM_LITERALS_PUTTERS])
{
    size_t n = 0;

    list[n++] = put_literals_plain;
#ifdef HAVE_X86
    if (!__builtin_cpu_supports("bmi2"))
        return n;
    list[n++] = put_literals_bmi2;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi"))
        list[n++] = put_literals_avx512;
#endif
    return n;
}
