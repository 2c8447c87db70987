/* Sizes and places of what Python's ctypes declares a second time, for
 * python_native to compare with. */
#include <stddef.h>
#include <stdio.h>

#include "eigencam/publisher.h"

#define SIZE(type) printf("%s %zu\n", #type, sizeof(type))
#define PLACE(type, member) printf("%s.%s %zu\n", #type, #member, offsetof(type, member))

int main(void)
{
    SIZE(ecam_error);
    PLACE(ecam_error, text);
    SIZE(ecam_setting_text);
    SIZE(ecam_trace_request);
    SIZE(ecam_publisher_options);
    PLACE(ecam_publisher_options, world);
    PLACE(ecam_publisher_options, ring_bytes);
    PLACE(ecam_publisher_options, block_ms);
    PLACE(ecam_publisher_options, framework);
    PLACE(ecam_publisher_options, class_names);
    PLACE(ecam_publisher_options, traces);
    PLACE(ecam_publisher_options, n_traces);
    PLACE(ecam_publisher_options, notice);
    PLACE(ecam_publisher_options, notice_context);
    PLACE(ecam_publisher_options, key);
    PLACE(ecam_publisher_options, server_key);
    PLACE(ecam_publisher_options, insecure);
    SIZE(ecam_tensor);
    PLACE(ecam_tensor, dtype);
    PLACE(ecam_tensor, layout);
    PLACE(ecam_tensor, ndim);
    PLACE(ecam_tensor, shape);
    PLACE(ecam_tensor, grid);
    SIZE(ecam_batch_value);
    PLACE(ecam_batch_value, tensor);
    PLACE(ecam_batch_value, texts);
    SIZE(ecam_batch);
    PLACE(ecam_batch, step);
    PLACE(ecam_batch, world);
    PLACE(ecam_batch, values);
    SIZE(ecam_publisher_stats);
    PLACE(ecam_publisher_stats, oversize);
    PLACE(ecam_publisher_stats, inside_ns);
    PLACE(ecam_publisher_stats, stages);
    PLACE(ecam_publisher_stats, subscribed);
    PLACE(ecam_publisher_stats, shared_memory);
    printf("ECAM_EAGAIN %d\nECAM_ETYPE %d\nECAM_F64 %d\nECAM_BF16 %d\nECAM_LAYOUT_NLC %d\n",
           ECAM_EAGAIN, ECAM_ETYPE, ECAM_F64, ECAM_BF16, ECAM_LAYOUT_NLC);
    return 0;
}
