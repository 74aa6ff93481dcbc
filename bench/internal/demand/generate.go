// SPDX-License-Identifier: Apache-2.0

package demand

// The directories behind -idirafter hold the asm/ headers on Debian; clang does
// not look there when it compiles for BPF.

//go:generate go tool -modfile=../../../go.mod bpf2go -cc clang-14 -strip llvm-strip-14 -target bpfel -tags linux programs programs.c -- -mcpu=v3 -Wall -Werror -idirafter /usr/include/x86_64-linux-gnu -idirafter /usr/include/aarch64-linux-gnu
