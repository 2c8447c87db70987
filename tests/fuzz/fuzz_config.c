/* A configuration file of any bytes: taken, or refused with a sentence. */
#include "fuzz_target.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stage/config.h"

static void check_traces(const ecam_config *config)
{
    FUZZ_CHECK(config->traces && config->traces->n >= 1);
    FUZZ_CHECK(config->n_in >= 1 && config->n_in <= ECAM_ENDPOINTS);
    FUZZ_CHECK(config->n_out >= 1 && config->n_out <= ECAM_ENDPOINTS);
    FUZZ_CHECK(config->workers >= 1);
    for (size_t i = 0; i < config->traces->n; i++)
        FUZZ_CHECK(config->traces->traces[i].outputs && config->traces->traces[i].images);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    ecam_config config;
    ecam_error error = {0};
    int file = memfd_create("config", MFD_CLOEXEC);

    FUZZ_CHECK(file >= 0 && write(file, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    ecam_status st = ecam_config_build(path, NULL, 0, &config, &error);
    if (st == ECAM_OK)
        check_traces(&config);
    else
        FUZZ_CHECK(strlen(error.text) > 0);
    ecam_config_finish(&config);
    close(file);
    return 0;
}
