#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* There is one stderr. */
static ecam_log_writer write_line;

void ecam_log_through(ecam_log_writer writer)
{
    write_line = writer;
}

void ecam_log(const char *format, ...)
{
    char line[1024] = "eigencam: ";
    size_t used = strlen(line);
    va_list args;

    va_start(args, format);
    int n = vsnprintf(line + used, sizeof line - used - 1, format, args);
    va_end(args);
    if (n < 0)
        return;
    used = strlen(line);
    line[used] = '\n';
    if (write_line)
        write_line(line, used + 1);
    else
        fwrite(line, 1, used + 1, stderr); /* one call: lines of threads do not mix */
}
