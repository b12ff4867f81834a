// Where the runtime's stub is: between two symbols that runtime.json names (`stub`).
    .section .data.rel.ro, "aw", @progbits
    .globl hsf_stub_range
    .type hsf_stub_range, @object
    .size hsf_stub_range, 16
    .p2align 3
hsf_stub_range:
    .quad HSF_STUB_BEGIN
    .quad HSF_STUB_END

    .section .note.GNU-stack, "", @progbits
