/* .npy files: what NumPy writes is read, all else is refused with a reason. */
#include <stdlib.h>
#include <unistd.h>

#include "codec/npy.h"
#include "support/check.h"

static ecam_error error;
static ecam_tensor tensor;

/* A file of version 1 in memory; the caller frees it. */
static uint8_t *make(const char *header, const void *data, size_t size, size_t *total)
{
    size_t length = strlen(header);
    uint8_t *bytes = malloc(10 + length + size);

    memcpy(bytes, "\x93NUMPY\x01\x00", 8);
    bytes[8] = (uint8_t)length;
    bytes[9] = (uint8_t)(length >> 8);
    memcpy(bytes + 10, header, length);
    if (size)
        memcpy(bytes + 10 + length, data, size);
    *total = 10 + length + size;
    return bytes;
}

static void check_refused(const char *header, size_t data_bytes, ecam_status expected,
                          const char *says)
{
    static const uint8_t data[256];
    size_t total;
    uint8_t *bytes = make(header, data, data_bytes, &total);

    error.text[0] = '\0';
    if (ecam_npy_parse(bytes, total, &tensor, &error) != expected)
        fail_msg("%s gave \"%s\", expected \"%s\"", header, error.text,
                 ecam_status_word(expected));
    CHECK_TEXT_HAS(error.text, says);
    free(bytes);
}

static void check_accepted(const char *header, size_t data_bytes, unsigned ndim)
{
    static const uint8_t data[256];
    size_t total;
    uint8_t *bytes = make(header, data, data_bytes, &total);

    CHECK_OK(ecam_npy_parse(bytes, total, &tensor, &error), error);
    assert_int_equal(tensor.ndim, ndim);
    assert_int_equal(tensor.size_bytes, data_bytes);
    free(bytes);
}

static void an_array_is_read(void **state)
{
    const float data[] = {1, 2, 3, 4, 5, 6.5f};
    size_t total;
    uint8_t *bytes = make("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }      \n",
                          data, sizeof data, &total);

    (void)state;
    CHECK_OK(ecam_npy_parse(bytes, total, &tensor, &error), error);
    assert_int_equal(tensor.dtype, ECAM_F32);
    assert_int_equal(tensor.ndim, 2);
    assert_int_equal(tensor.shape[0], 2);
    assert_int_equal(tensor.shape[1], 3);
    assert_int_equal(tensor.size_bytes, 24);
    assert_ptr_equal(tensor.data, bytes + total - 24);
    CHECK_NEAR(ecam_tensor_at(&tensor, 5), 6.5, 0);
    free(bytes);
}

/* Order of the keys, spaces, trailing commas and quotes make no difference. */
static void other_spellings_are_read(void **state)
{
    (void)state;
    check_accepted("{'descr': '<f8', 'fortran_order': False, 'shape': (), }", 8, 0);
    check_accepted("{'descr': '|u1', 'fortran_order': False, 'shape': (5,), }\n", 5, 1);
    check_accepted("{'shape':(2,2,),'fortran_order':False,'descr':'<i2'}", 8, 2);
    check_accepted("{\"descr\": \"<f2\", 'fortran_order':\tFalse, 'shape': ( 1 , 3 ) }", 6, 2);
    check_accepted("{'descr': 'bfloat16', 'fortran_order': False, 'shape': (2,)}", 4, 1);
    check_accepted("{'descr': '|b1', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1)}", 1, 8);
}

static void versions_two_and_three_are_read(void **state)
{
    const char header[] = "{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}";
    uint8_t bytes[12 + sizeof header] = "\x93NUMPY\x02\x00";

    (void)state;
    bytes[8] = sizeof header - 1;
    memcpy(bytes + 12, header, sizeof header);
    bytes[sizeof bytes - 1] = 42;
    for (uint8_t version = 2; version <= 3; version++) {
        bytes[6] = version;
        CHECK_OK(ecam_npy_parse(bytes, sizeof bytes, &tensor, &error), error);
        CHECK_NEAR(ecam_tensor_at(&tensor, 0), 42, 0);
    }
    bytes[10] = 1; /* a header of 65536 bytes more */
    CHECK_STATUS(ecam_npy_parse(bytes, sizeof bytes, &tensor, &error), ECAM_EFORMAT);
    bytes[10] = 0;
    bytes[11] = 0xff;
    CHECK_STATUS(ecam_npy_parse(bytes, sizeof bytes, &tensor, &error), ECAM_EFORMAT);
    for (int version = 0; version < 256; version += version == 0 ? 4 : 1) {
        bytes[6] = (uint8_t)version;
        CHECK_STATUS(ecam_npy_parse(bytes, sizeof bytes, &tensor, &error), ECAM_EVERSION);
    }
}

static void malformed_headers_are_refused(void **state)
{
    static const char *const headers[] = {
        "",
        "descr",
        "{",
        "{}",
        "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'shape': (1,)}",
        "{'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1",
        "{'descr': '<f4', 'fortran_order': False, 'shape': 1}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1 1)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': [1]}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': Fals",
        "{'descr': <f4, 'fortran_order': False, 'shape': (1,)}",
        "{'descr: <f4, fortran_order: False, shape: (1,)}",
        "{'descr' '<f4', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4' 'fortran_order': False 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 1}",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x",
    };

    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        check_refused(headers[i], 4, ECAM_EFORMAT, "expected");
    check_refused("{'descr': '<f4', 'fortran_order': True, 'shape': (1,)}", 4, ECAM_EFORMAT,
                  "Fortran");
}

/* A NUL is no space. */
static void a_nul_in_the_header_is_refused(void **state)
{
    char header[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}";
    size_t total;
    uint8_t *bytes = make(header, "\0\0\0\0", 4, &total);

    (void)state;
    uint8_t *space = memchr(bytes + 10, ' ', total - 10);
    *space = '\0';
    CHECK_STATUS(ecam_npy_parse(bytes, total, &tensor, &error), ECAM_EFORMAT);
    free(bytes);
}

static void types_that_are_not_accepted_are_named(void **state)
{
    (void)state;
    check_refused("{'descr': '>f4', 'fortran_order': False, 'shape': (1,)}", 4, ECAM_ETYPE, ">f4");
    check_refused("{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", 8, ECAM_ETYPE, "<c8");
    check_refused("{'descr': '', 'fortran_order': False, 'shape': (1,)}", 8, ECAM_ETYPE, "\"\"");
}

static void sizes_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    check_refused("{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", 11, ECAM_ESHAPE, "12");
    check_refused("{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", 13, ECAM_ESHAPE, "13");
    check_refused("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3)}", 0, ECAM_ESHAPE,
                  "axis 0");
    check_refused("{'descr': '<f4', 'fortran_order': False, 'shape': "
                  "(4294967296, 4294967296, 4)}", 0, ECAM_ESHAPE, "overflow");
    check_refused("{'descr': '<f4', 'fortran_order': False, 'shape': "
                  "(99999999999999999999999,)}", 4, ECAM_ESHAPE, "overflow");
    check_refused("{'descr': '|u1', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", 1,
                  ECAM_ESHAPE, "axes");
}

static void a_file_cut_anywhere_is_refused(void **state)
{
    const uint8_t data[] = {1, 2, 3};
    size_t total;
    uint8_t *bytes = make("{'descr': '|u1', 'fortran_order': False, 'shape': (3,)}", data, 3,
                          &total);

    (void)state;
    for (size_t size = 0; size < total; size++) {
        uint8_t *copy = malloc(size ? size : 1);
        memcpy(copy, bytes, size);
        assert_int_not_equal(ecam_npy_parse(copy, size, &tensor, &error), ECAM_OK);
        free(copy);
    }
    free(bytes);
}

static void a_file_is_read(void **state)
{
    const uint8_t data[] = {7, 8};
    char path[] = "/tmp/eigencam-test-XXXXXX";
    int file = mkstemp(path);
    size_t total;
    uint8_t *bytes = make("{'descr': '|u1', 'fortran_order': False, 'shape': (2,)}", data, 2,
                          &total);
    ecam_npy npy;

    (void)state;
    assert_true(file >= 0);
    assert_int_equal(write(file, bytes, total), total);
    close(file);
    CHECK_OK(ecam_npy_read(path, &npy, &error), error);
    CHECK_NEAR(ecam_tensor_at(&npy.tensor, 1), 8, 0);
    ecam_npy_finish(&npy);
    assert_null(npy.bytes);
    assert_int_equal(truncate(path, (off_t)total - 1), 0);
    CHECK_STATUS(ecam_npy_read(path, &npy, &error), ECAM_ESHAPE);
    CHECK_TEXT_HAS(error.text, path);
    assert_null(npy.bytes);
    unlink(path);
    free(bytes);
}

static void files_that_cannot_be_read_are_named(void **state)
{
    ecam_npy npy;

    (void)state;
    CHECK_STATUS(ecam_npy_read("/nonexistent/a.npy", &npy, &error), ECAM_EIO);
    CHECK_TEXT_HAS(error.text, "/nonexistent/a.npy: cannot be read: No such file");
    CHECK_STATUS(ecam_npy_read("/tmp", &npy, &error), ECAM_EIO);
    CHECK_TEXT_HAS(error.text, "/tmp");
    CHECK_STATUS(ecam_npy_read("/dev/null", &npy, NULL), ECAM_EIO);
    assert_null(npy.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_array_is_read),
        cmocka_unit_test(other_spellings_are_read),
        cmocka_unit_test(versions_two_and_three_are_read),
        cmocka_unit_test(malformed_headers_are_refused),
        cmocka_unit_test(a_nul_in_the_header_is_refused),
        cmocka_unit_test(types_that_are_not_accepted_are_named),
        cmocka_unit_test(sizes_that_do_not_fit_are_refused),
        cmocka_unit_test(a_file_cut_anywhere_is_refused),
        cmocka_unit_test(a_file_is_read),
        cmocka_unit_test(files_that_cannot_be_read_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
