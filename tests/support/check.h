/* cmocka, and checks that say more. */
#ifndef TESTS_SUPPORT_CHECK_H
#define TESTS_SUPPORT_CHECK_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "eigencam/status.h"

#define CHECK_STATUS(call, expected)                                                          \
    do {                                                                                      \
        ecam_status check_st = (call);                                                        \
        if (check_st != (expected))                                                           \
            fail_msg("%s gave \"%s\", expected \"%s\"", #call, ecam_status_word(check_st),    \
                     ecam_status_word(expected));                                             \
    } while (0)

/* A call that takes &error: its text is shown where it fails. */
#define CHECK_OK(call, error)                                                                 \
    do {                                                                                      \
        ecam_status check_st = (call);                                                        \
        if (check_st != ECAM_OK)                                                              \
            fail_msg("%s gave \"%s\": %s", #call, ecam_status_word(check_st), (error).text);  \
    } while (0)

#define CHECK_NEAR(value, expected, tolerance)                                                \
    do {                                                                                      \
        double check_a = (value), check_b = (expected);                                       \
        if (!(fabs(check_a - check_b) <= (tolerance)))                                        \
            fail_msg("%s is %.9g, expected %.9g within %.3g", #value, check_a, check_b,       \
                     (double)(tolerance));                                                    \
    } while (0)

#define CHECK_TEXT_HAS(text, part)                                                            \
    do {                                                                                      \
        if (!strstr((text), (part)))                                                          \
            fail_msg("\"%s\" does not say \"%s\"", (text), (part));                           \
    } while (0)

#endif
