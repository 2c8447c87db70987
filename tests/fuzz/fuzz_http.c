/* What requests say: the first byte picks what the rest is taken for. */
#include "fuzz_target.h"

#include <string.h>

#include "web/request.h"

static void check_path(const char *text)
{
    int64_t id = -1;
    ecam_route route = ecam_request_route(text, &id);

    FUZZ_CHECK(route < ECAM_ROUTE_COUNT && ecam_route_name(route));
    FUZZ_CHECK(route == ECAM_ROUTE_OTHER || id >= 0);
}

static void check_host(const char *text)
{
    static const char *const names[] = {"gpu-box"};
    const ecam_hosts strict = {.names = names, .n_names = 1, .bind = "127.0.0.1"};
    const ecam_hosts open = {.names = names, .n_names = 1, .bind = "0.0.0.0", .any_address = true};

    /* who may ask where few may, may ask where more may */
    FUZZ_CHECK(!ecam_request_host_allowed(&strict, text) || ecam_request_host_allowed(&open, text));
    FUZZ_CHECK(!strstr(text, "evil") || !ecam_request_host_allowed(&open, text));
}

static void check_name(const char *text)
{
    char name[40];

    ecam_request_file_name(name, sizeof name, text);
    FUZZ_CHECK(strlen(name) < sizeof name && name[0] != '.' && !strpbrk(name, "/\\\"\r\n; "));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = size > 0 ? malloc(size) : NULL;
    uint64_t number;

    if (!text)
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    switch (data[0] % 5) {
    case 0: check_path(text); break;
    case 1: check_host(text); break;
    case 2: (void)ecam_request_etag_matches(text, "\"1-2.png\""); break;
    case 3: check_name(text); break;
    default: FUZZ_CHECK(!ecam_request_number(text, 1000, &number) || number <= 1000);
    }
    free(text);
    return 0;
}
