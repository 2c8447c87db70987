/* The encoder's parts: codes, filters and loops against plain ones. */
#include <stdbool.h>
#include <stdlib.h>

#include <zlib.h>

#include "codec/deflate_block.h"
#include "codec/png_filter.h"
#include "pictures.h"
#include "support/check.h"

/* How much of the code space is taken, in units of the longest code. */
static uint32_t taken(const uint8_t *lengths, size_t n, unsigned limit)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < n; i++)
        if (lengths[i])
            sum += 1u << (limit - lengths[i]);
    return sum;
}

/* 1, 1, 2, 4, 8: each code one bit longer than the next, the last two alike. */
static void lengths_follow_huffman(void **state)
{
    const uint32_t counts[] = {0, 8, 1, 0, 4, 2, 1};
    const uint8_t expected[] = {0, 1, 4, 0, 2, 3, 4};
    uint8_t lengths[7];

    (void)state;
    ecam_deflate_lengths(counts, 7, 15, lengths);
    assert_memory_equal(lengths, expected, 7);
}

/* Held to three bits: 8 leaves the single bit, and the space is used up. */
static void lengths_keep_to_the_limit(void **state)
{
    const uint32_t counts[] = {8, 1, 4, 2, 1};
    uint8_t lengths[5];

    (void)state;
    ecam_deflate_lengths(counts, 5, 3, lengths);
    assert_int_equal(taken(lengths, 5, 3), 8);
    assert_int_equal(lengths[1], 3);
    assert_int_equal(lengths[4], 3);
    assert_true(lengths[0] <= lengths[2] && lengths[2] <= lengths[3]);
}

static void a_lone_symbol_takes_one_bit(void **state)
{
    const uint32_t counts[] = {0, 5, 0}, none[] = {0, 0, 0};
    const uint8_t expected[] = {0, 1, 0}, zeros[] = {0, 0, 0};
    uint8_t lengths[3];

    (void)state;
    ecam_deflate_lengths(counts, 3, 15, lengths);
    assert_memory_equal(lengths, expected, 3);
    ecam_deflate_lengths(none, 3, 15, lengths);
    assert_memory_equal(lengths, zeros, 3);
}

/* Fibonacci's numbers make the deepest tree; equal and random ones others. */
static void any_counts_give_a_full_code(void **state)
{
    uint32_t counts[ECAM_DEFLATE_SYMBOLS], random = 99;
    uint8_t lengths[ECAM_DEFLATE_SYMBOLS];

    (void)state;
    for (unsigned limit = 9; limit <= 15; limit++)
        for (size_t n = 2; n <= ECAM_DEFLATE_SYMBOLS; n += 71)
            for (int kind = 0; kind < 4; kind++) {
                for (size_t i = 0; i < n; i++) {
                    counts[i] = kind == 0 ? 1 : picture_random(&random) >> (kind * 9);
                    if (kind == 3)
                        counts[i] = i < 2 ? 1 : i < 46 ? counts[i - 1] + counts[i - 2] : UINT32_MAX;
                    counts[i] += counts[i] == 0;
                }
                ecam_deflate_lengths(counts, n, limit, lengths);
                assert_int_equal(taken(lengths, n, limit), 1u << limit);
                for (size_t i = 0; i < n; i++)
                    assert_true(lengths[i] >= 1 && lengths[i] <= limit);
            }
}

/* RFC 1951, 3.2.2: lengths 3,3,3,3,3,2,4,4 give 010 011 100 101 110 00 1110
 * 1111; here the first bit is the lowest. */
static void codes_are_the_standards_own(void **state)
{
    const uint8_t lengths[] = {3, 3, 3, 3, 3, 2, 4, 4};
    const uint16_t expected[] = {2, 6, 1, 5, 3, 0, 7, 15};
    uint16_t codes[8];

    (void)state;
    ecam_deflate_codes(lengths, 8, codes);
    assert_memory_equal(codes, expected, sizeof codes);
}

/* The formula as the PNG specification has it. */
static uint8_t predicted(int a, int b, int c)
{
    int p = a + b - c, pa = abs(p - a), pb = abs(p - b), pc = abs(p - c);

    return (uint8_t)(pa <= pb && pa <= pc ? a : pb <= pc ? b : c);
}

static void check_filter(ecam_png_filter *filter)
{
    uint8_t up[512], row[512] = {0}, out[512];

    for (int a = 0; a < 256; a++)
        for (int b = 0; b < 256; b++) {
            for (int c = 0; c < 256; c++) {
                row[2 * c] = (uint8_t)a;
                up[2 * c] = (uint8_t)c;
                up[2 * c + 1] = (uint8_t)b;
            }
            filter(row, up, 1, 512, out);
            for (int c = 0; c < 256; c++)
                if ((uint8_t)(0 - out[2 * c + 1]) != predicted(a, b, c))
                    fail_msg("a %d, b %d, c %d", a, b, c);
        }
}

static void every_filter_is_the_specifications(void **state)
{
    ecam_png_filter *list[ECAM_PNG_FILTERS];
    size_t n = ecam_png_filters(list);

    (void)state;
    for (size_t i = 0; i < n; i++)
        check_filter(list[i]);
}

/* Every length up to a few vectors; nothing is written beyond it. */
static void check_alike(ecam_png_filter *plain, ecam_png_filter *other)
{
    uint8_t row[300], up[300], expected[301], out[301];

    picture_fill(PICTURE_NOISE, sizeof row, 1, row);
    picture_fill(PICTURE_PHOTO, sizeof up, 1, up);
    for (size_t step = 1; step <= 6; step++)
        for (size_t n = step; n <= 300; n++) {
            out[n] = 77;
            plain(row, up, step, n, expected);
            other(row, up, step, n, out);
            assert_memory_equal(out, expected, n);
            assert_int_equal(out[n], 77);
        }
}

static void fast_filters_are_the_plain_one(void **state)
{
    ecam_png_filter *list[ECAM_PNG_FILTERS];
    size_t n = ecam_png_filters(list);

    (void)state;
    for (size_t i = 0; i < n; i++)
        check_alike(list[0], list[i]);
}

/* Code `size` bytes in a block of their own; returns the stream's bytes. */
static size_t code(const uint8_t *bytes, size_t size, ecam_put_literals *put, uint8_t *out)
{
    ecam_deflate_code *c = aligned_alloc(64, (sizeof *c + 63) / 64 * 64);
    ecam_deflate_counts counts = {{[ECAM_DEFLATE_END] = 1}};
    ecam_bits bits = {.at = out};

    ecam_deflate_count(&counts, bytes, size);
    uint64_t expected = ecam_deflate_plan(&counts, c);
    ecam_deflate_start(&bits, c);
    uint64_t before = (uint64_t)(bits.at - out) * 8 + bits.n;
    ecam_deflate_put(&bits, c, put, bytes, size);
    uint64_t after = (uint64_t)(bits.at - out) * 8 + bits.n;
    assert_int_equal(after - before + c->lengths[ECAM_DEFLATE_END], expected);
    ecam_deflate_end(&bits, c);
    assert_int_equal(bits.n, 0);
    free(c);
    return (size_t)(bits.at - out);
}

static void check_inflates(const uint8_t *stream, size_t stream_size, const uint8_t *bytes,
                           size_t size)
{
    uint8_t *back = malloc(size + 1);
    z_stream z = {.next_in = (Bytef *)(uintptr_t)stream, .avail_in = (uInt)stream_size,
                  .next_out = back, .avail_out = (uInt)size + 1};

    assert_int_equal(inflateInit2(&z, -15), Z_OK);
    assert_int_equal(inflate(&z, Z_SYNC_FLUSH), Z_OK); /* no final block yet */
    assert_int_equal(z.total_out, size);
    assert_int_equal(z.avail_in, 0);
    assert_memory_equal(back, bytes, size);
    inflateEnd(&z);
    free(back);
}

static void check_block(const uint8_t *bytes, size_t size)
{
    static uint8_t plain[1 << 16], fast[1 << 16];
    ecam_put_literals *list[ECAM_LITERALS_PUTTERS];
    size_t n_putters = ecam_literals_putters(list);
    size_t n = code(bytes, size, list[0], plain);

    assert_true(n <= ECAM_DEFLATE_ROOM(size) + ECAM_DEFLATE_FRAME);
    check_inflates(plain, n, bytes, size);
    for (size_t i = 1; i < n_putters; i++) {
        assert_int_equal(code(bytes, size, list[i], fast), n);
        assert_memory_equal(plain, fast, n);
    }
}

static void blocks_inflate_and_are_alike(void **state)
{
    const size_t sizes[] = {1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 129, 1000, 12345};
    uint8_t bytes[12345];

    (void)state;
    for (picture_kind kind = 0; kind < PICTURE_KINDS; kind++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            picture_fill(kind, sizes[i], 1, bytes);
            check_block(bytes, sizes[i]);
        }
}

/* Every run up to two longest matches, at every place in a word. */
static void runs_of_any_length_inflate(void **state)
{
    uint8_t bytes[700];

    (void)state;
    for (size_t run = 1; run < 600; run++) {
        size_t start = run % 11;
        memset(bytes, 9, sizeof bytes);
        memset(bytes + start, 0, run);
        check_block(bytes, sizeof bytes);
    }
}

/* A code of any bits, half of them of `bits` bits and half as long as can be:
 * what is joined must not overflow. */
static void make_code(unsigned bits, ecam_literal_code *c)
{
    for (unsigned i = 0; i < 256; i++) {
        unsigned length = i < 128 ? bits : ECAM_LITERAL_BITS;
        unsigned value = (i * 2654435761u >> 7) & ((1u << length) - 1);
        c->entry[i] = value << 8 | length;
        c->low[i] = (uint8_t)value;
        c->high[i] = (uint8_t)(value >> 8);
        c->length[i] = (uint8_t)length;
    }
}

static void the_longest_codes_are_joined(void **state)
{
    ecam_literal_code *c = aligned_alloc(64, (sizeof *c + 63) / 64 * 64);
    ecam_put_literals *list[ECAM_LITERALS_PUTTERS];
    size_t n = ecam_literals_putters(list);
    uint8_t bytes[200], plain[512], fast[512];

    (void)state;
    picture_fill(PICTURE_NOISE, sizeof bytes, 1, bytes);
    for (unsigned bits = 1; bits <= ECAM_LITERAL_BITS; bits++)
        for (size_t i = 1; i < n; i++) {
            ecam_bits a = {.at = plain}, b = {.at = fast};
            make_code(bits, c);
            list[0](&a, c, bytes, sizeof bytes);
            list[i](&b, c, bytes, sizeof bytes);
            assert_int_equal(a.at - plain, b.at - fast);
            assert_int_equal(a.n, b.n);
            assert_int_equal(a.held, b.held);
            assert_memory_equal(plain, fast, (size_t)(a.at - plain));
        }
    free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_follow_huffman),
        cmocka_unit_test(lengths_keep_to_the_limit),
        cmocka_unit_test(a_lone_symbol_takes_one_bit),
        cmocka_unit_test(any_counts_give_a_full_code),
        cmocka_unit_test(codes_are_the_standards_own),
        cmocka_unit_test(every_filter_is_the_specifications),
        cmocka_unit_test(fast_filters_are_the_plain_one),
        cmocka_unit_test(blocks_inflate_and_are_alike),
        cmocka_unit_test(runs_of_any_length_inflate),
        cmocka_unit_test(the_longest_codes_are_joined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
