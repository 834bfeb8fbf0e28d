/* Status texts and the thread's last message. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "core/status.h"

enum { LENGTH = 1024 };

static _Thread_local char message[LENGTH];

kin_status kin_fail(kin_status status, const char *format, ...)
{
    char text[LENGTH];                  /* an argument may be the old message */
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    memcpy(message, text, sizeof text);
    return status;
}

kin_status kin_fail_in(kin_status status, const char *format, ...)
{
    char text[LENGTH];
    va_list arguments;
    va_start(arguments, format);
    int used = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (used >= 0 && used < LENGTH) {
        snprintf(text + used, sizeof text - (size_t)used, ": %s", message);
    }
    memcpy(message, text, sizeof text);
    return status;
}

const char *kin_message(void)
{
    return message;
}

const char *kin_status_text(kin_status status)
{
    switch (status) {
#define X(name, code, text) case KIN_##name: return text;
        KIN_EACH_STATUS(X)
#undef X
    }
    return "unknown status";
}
