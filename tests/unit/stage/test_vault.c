#include <stdlib.h>
#include <sys/stat.h>

#include "stage/vault.h"
#include "support/check.h"

static void a_budget_is_kept(void **state)
{
    (void)state;
    ecam_vault vault;
    ecam_vault_init(&vault, 100);
    assert_true(ecam_vault_admit(&vault, 60));
    assert_false(ecam_vault_admit(&vault, 41)); /* and does not count */
    assert_true(ecam_vault_admit(&vault, 40));
    assert_false(ecam_vault_admit(&vault, 1));
    ecam_vault_release(&vault, 60);
    assert_true(ecam_vault_admit(&vault, 60));
    ecam_vault_force(&vault, 50);
    ecam_vault_release(&vault, 60);
    assert_false(ecam_vault_admit(&vault, 11));
    assert_true(ecam_vault_admit(&vault, 10));
    ecam_vault_finish(&vault);
}

static void without_a_budget_all_is_admitted(void **state)
{
    (void)state;
    ecam_vault vault;
    ecam_vault_init(&vault, 0);
    assert_true(ecam_vault_admit(&vault, SIZE_MAX / 4));
    assert_true(ecam_vault_admit(&vault, SIZE_MAX / 4));
    ecam_vault_finish(&vault);
}

static void what_is_spilled_comes_back(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 4095, 4096, 4097, 100000};
    ecam_vault vault;
    ecam_error error = {0};
    uint64_t offsets[5];
    uint8_t *data = malloc(100000), *back = malloc(100000);
    ecam_vault_init(&vault, 1);
    for (size_t i = 0; i < 5; i++) {
        memset(data, (int)(i + 1), sizes[i]);
        CHECK_OK(ecam_vault_spill(&vault, data, sizes[i], &offsets[i], &error), error);
    }
    ecam_vault_discard(&vault, offsets[1], sizes[1]);
    for (size_t i = 5; i-- > 0;) {
        if (i == 1)
            continue;
        memset(back, 0, sizes[i]);
        memset(data, (int)(i + 1), sizes[i]);
        CHECK_OK(ecam_vault_load(&vault, offsets[i], back, sizes[i], &error), error);
        assert_memory_equal(back, data, sizes[i]);
    }
    ecam_vault_finish(&vault);
    free(data);
    free(back);
}

static void the_file_has_no_name(void **state)
{
    (void)state;
    ecam_vault vault;
    ecam_error error = {0};
    struct stat about;
    uint64_t offset;
    ecam_vault_init(&vault, 1);
    CHECK_OK(ecam_vault_spill(&vault, "x", 1, &offset, &error), error);
    assert_int_equal(fstat(vault.file, &about), 0);
    assert_int_equal(about.st_nlink, 0);
    assert_int_equal(about.st_mode & 077, 0);
    ecam_vault_finish(&vault);
}

static void discarding_gives_the_disk_back(void **state)
{
    (void)state;
    ecam_vault vault;
    ecam_error error = {0};
    struct stat before, after;
    uint64_t offset;
    char *data = calloc(1, 1 << 20);
    memset(data, 7, 1 << 20);
    ecam_vault_init(&vault, 1);
    CHECK_OK(ecam_vault_spill(&vault, data, 1 << 20, &offset, &error), error);
    assert_int_equal(fstat(vault.file, &before), 0);
    ecam_vault_discard(&vault, offset, 1 << 20);
    assert_int_equal(fstat(vault.file, &after), 0);
    assert_true(after.st_blocks < before.st_blocks || before.st_blocks == 0);
    ecam_vault_finish(&vault);
    free(data);
}

static void no_file_is_an_error(void **state)
{
    (void)state;
    ecam_vault vault;
    ecam_error error = {0};
    uint64_t offset;
    const char *before = getenv("TMPDIR");
    char kept[4096] = "";
    if (before)
        snprintf(kept, sizeof kept, "%s", before);
    ecam_vault_init(&vault, 1);
    setenv("TMPDIR", "/no/such/folder", 1);
    CHECK_STATUS(ecam_vault_spill(&vault, "x", 1, &offset, &error), ECAM_EIO);
    CHECK_TEXT_HAS(error.text, "/no/such/folder");
    if (*kept)
        setenv("TMPDIR", kept, 1);
    else
        unsetenv("TMPDIR");
    CHECK_OK(ecam_vault_spill(&vault, "x", 1, &offset, &error), error); /* tried again */
    ecam_vault_finish(&vault);
}

static void beyond_the_file_is_an_error(void **state)
{
    (void)state;
    ecam_vault vault;
    ecam_error error = {0};
    uint64_t offset;
    char back[2];
    ecam_vault_init(&vault, 1);
    CHECK_OK(ecam_vault_spill(&vault, "x", 1, &offset, &error), error);
    CHECK_STATUS(ecam_vault_load(&vault, offset + 8192, back, 2, &error), ECAM_EIO);
    CHECK_TEXT_HAS(error.text, "short");
    ecam_vault_finish(&vault);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_budget_is_kept),
        cmocka_unit_test(without_a_budget_all_is_admitted),
        cmocka_unit_test(what_is_spilled_comes_back),
        cmocka_unit_test(the_file_has_no_name),
        cmocka_unit_test(discarding_gives_the_disk_back),
        cmocka_unit_test(no_file_is_an_error),
        cmocka_unit_test(beyond_the_file_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
