#!/bin/sh
# A prologue pass of one's own, as runtime.json names it: makes an object of a Zig file whose functions ask before they use stack. This one
# lets LLVM write the prologues: optimised IR, an attribute for each function that may have it, code generation alone.
#   pass.sh ZIG IN RT OUT MODE TARGET
set -eu
zig=$1 in=$2 rt=$3 out=$4 mode=$5 target=$6
case $mode in Debug) level=-O0 ;; *) level=-O3 ;; esac
"$zig" build-obj -target "$target" -O "$mode" -lc -fno-strip -fno-omit-frame-pointer -fllvm -femit-llvm-ir="$out.ll" -fno-emit-bin \
    --dep rt -Mroot="$in" -Mrt="$rt"
# Left out: functions that ask for their return address (which would be the stub's), naked and variadic ones.
awk '
    FNR == NR { if (/^define /) name = $0; if (/@llvm.returnaddress/) asks[name] = 1; if (/^attributes .* naked[ }]/) naked[$2] = 1; next }
    /^define / && !($0 in asks) && !/\.\.\.\)/ && match($0, / #[0-9]+/) && !(substr($0, RSTART + 1, RLENGTH - 1) in naked) {
        $0 = substr($0, 1, RSTART + RLENGTH - 1) " \"split-stack\"" substr($0, RSTART + RLENGTH)
    }
    { print }
' "$out.ll" "$out.ll" > "$out.split.ll"
"$zig" clang -S -target "$target" $level -Xclang -disable-llvm-passes -Wno-override-module -fno-addrsig "$out.split.ll" -o "$out.s"
# With this note a linker would rewrite prologues.
grep -v '\.note\.GNU-split-stack\|\.note\.GNU-no-split-stack' "$out.s" > "$out.noted.s"
"$zig" clang -c -target "$target" "$out.noted.s" -o "$out"
rm -f "$out.ll" "$out.split.ll" "$out.s" "$out.noted.s"
