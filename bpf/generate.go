// SPDX-License-Identifier: Apache-2.0

package bpf

// The directories behind -idirafter hold the asm/ headers on Debian; clang does
// not look there when it compiles for BPF.

//go:generate go tool bpf2go -cc clang-14 -strip llvm-strip-14 -target bpfel -tags linux kernelDrops kernel_drops.c -- -mcpu=v3 -Wall -Werror -idirafter /usr/include/x86_64-linux-gnu -idirafter /usr/include/aarch64-linux-gnu
//go:generate go tool bpf2go -cc clang-14 -strip llvm-strip-14 -target bpfel -tags linux host bpf_host.c -- -mcpu=v3 -Wall -Werror -idirafter /usr/include/x86_64-linux-gnu -idirafter /usr/include/aarch64-linux-gnu
