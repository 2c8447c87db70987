/* Files below a folder, and none elsewhere. */
#include "support/check.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "web/beneath.h"

static char root[] = "/tmp/ecam-beneath-XXXXXX";

static void path_in(char out[256], const char *name)
{
    snprintf(out, 256, "%s/%s", root, name);
}

static void write_file(const char *name)
{
    char path[256];

    path_in(path, name);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd != -1);
    assert_int_equal(write(fd, "12345", 5), 5);
    close(fd);
}

static void make_folder(const char *name)
{
    char path[256];

    path_in(path, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static void make_link(const char *to, const char *name)
{
    char path[256];

    path_in(path, name);
    assert_int_equal(symlink(to, path), 0);
}

static int set_up(void **state)
{
    char path[256];

    (void)state;
    assert_non_null(mkdtemp(root));
    make_folder("store");
    make_folder("store/run");
    make_folder("outside");
    write_file("store/run/a.png");
    write_file("store/b.png");
    write_file("outside/c.png");
    make_link("../outside", "store/out");
    make_link("../../outside/c.png", "store/run/c.png");
    make_link("b.png", "store/d.png");
    make_link("store", "link");
    path_in(path, "store/fifo");
    return mkfifo(path, 0600);
}

static int tear_down(void **state)
{
    static const char *const names[] = {"store/run/a.png", "store/b.png", "outside/c.png", "store/out", "store/run/c.png",
                                        "store/d.png", "link", "store/fifo", "store/run", "store", "outside", ""};
    char path[256];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        path_in(path, names[i]);
        assert_int_equal(remove(path), 0);
    }
    return 0;
}

static ecam_status open_in(const char *folder, const char *path)
{
    char dir[256];
    uint64_t size = 0;
    ecam_error error = {0};
    int fd;

    path_in(dir, folder);
    ecam_status st = ecam_beneath_open(dir, path, &fd, &size, &error);
    if (st == ECAM_OK) {
        assert_int_equal(size, 5);
        close(fd);
    } else {
        assert_int_equal(fd, -1);
        assert_true(error.text[0] != '\0');
    }
    return st;
}

static void files_below_are_opened(void **state)
{
    (void)state;
    CHECK_STATUS(open_in("store", "b.png"), ECAM_OK);
    CHECK_STATUS(open_in("store", "run/a.png"), ECAM_OK);
    CHECK_STATUS(open_in("link", "run/a.png"), ECAM_OK); /* the folder itself may be a link */
}

static void what_is_no_path_below_is_refused(void **state)
{
    static const char *const paths[] = {"", "/", "/etc/passwd", "..", "../outside/c.png", "run/../b.png", ".", "./b.png",
                                        "run//a.png", "run/", "b.png/", "run/./a.png", "run/.."};
    char longest[300];

    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (open_in("store", paths[i]) != ECAM_EINVAL)
            fail_msg("\"%s\" is not refused", paths[i]);
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    CHECK_STATUS(open_in("store", longest), ECAM_EINVAL);
}

static void links_are_not_followed(void **state)
{
    (void)state;
    CHECK_STATUS(open_in("store", "out/c.png"), ECAM_EIO);
    CHECK_STATUS(open_in("store", "run/c.png"), ECAM_EIO);
    CHECK_STATUS(open_in("store", "d.png"), ECAM_EIO);
}

static void what_is_no_file_is_refused(void **state)
{
    (void)state;
    CHECK_STATUS(open_in("store", "run"), ECAM_EIO);
    CHECK_STATUS(open_in("store", "fifo"), ECAM_EIO); /* at once, though nobody writes to it */
    CHECK_STATUS(open_in("store", "b.png/x"), ECAM_EIO);
}

static void what_is_not_there_is_missing(void **state)
{
    (void)state;
    CHECK_STATUS(open_in("store", "none.png"), ECAM_EMISSING);
    CHECK_STATUS(open_in("store", "none/a.png"), ECAM_EMISSING);
    CHECK_STATUS(open_in("none", "b.png"), ECAM_EMISSING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_below_are_opened),
        cmocka_unit_test(what_is_no_path_below_is_refused),
        cmocka_unit_test(links_are_not_followed),
        cmocka_unit_test(what_is_no_file_is_refused),
        cmocka_unit_test(what_is_not_there_is_missing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
