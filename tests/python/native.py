"""The declarations for ctypes against the C header's."""
import os
import subprocess

from support import tap

from eigencam import native

STRUCTURES = {
    "ecam_error": native.Error, "ecam_setting_text": native.SettingText,
    "ecam_trace_request": native.TraceRequest, "ecam_publisher_options": native.Options,
    "ecam_tensor": native.Tensor, "ecam_batch_value": native.BatchValue,
    "ecam_batch": native.Batch, "ecam_publisher_stats": native.PublisherStats,
}


@tap.case
def structures_and_numbers_are_the_headers_own():
    said = subprocess.run([os.environ["EIGENCAM_LAYOUT"]], capture_output=True, text=True,
                          check=True).stdout
    numbers = {"ECAM_EAGAIN": native._EAGAIN, "ECAM_ETYPE": native._ETYPE,
               "ECAM_F64": native._DTYPES["<f8"], "ECAM_BF16": native._DTYPES["bfloat16"],
               "ECAM_LAYOUT_NLC": native._LAYOUTS["NLC"]}
    for line in said.splitlines():
        name, number = line.split()
        structure, _, member = name.partition(".")
        if structure in STRUCTURES:
            kind = STRUCTURES[structure]
            found = getattr(kind, member).offset if member else native.ctypes.sizeof(kind)
        else:
            found = numbers.pop(name)
        assert found == int(number), f"{name}: {found}, the header has {number}"
    assert not numbers, numbers


@tap.case
def class_names_lie_at_their_values():
    assert native.class_names({"b": 2, "a": 0, "also b": 2}) == ["a", "1", "b"]
    assert native.class_names({}) == []


@tap.case
def options_are_text():
    assert [native.setting_text(value) for value in
            (5, 0.9, "turbo", ["eval", "test"], {"cat": 0, "dog": 1})] == \
        ["5", "0.9", "turbo", "eval,test", "cat=0,dog=1"]


tap.main()
