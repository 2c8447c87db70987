/* ecam_npy_parse on any bytes: what it accepts must lie within them. */
#include "fuzz_target.h"

#include "codec/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ecam_tensor tensor;
    ecam_error error;

    if (ecam_npy_parse(data, size, &tensor, &error) != ECAM_OK)
        return 0;

    const uint8_t *at = tensor.data;
    FUZZ_CHECK(at >= data && at <= data + size);
    FUZZ_CHECK(tensor.size_bytes == (size_t)(data + size - at));
    size_t n = tensor.size_bytes / ecam_dtype_size(tensor.dtype);
    FUZZ_CHECK(n * ecam_dtype_size(tensor.dtype) == tensor.size_bytes);
    for (size_t i = 0; i < n; i++)
        (void)ecam_tensor_at(&tensor, i);
    return 0;
}
