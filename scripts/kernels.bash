# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Virtual machines with the kernels of Debian's releases, for scripts that source this. QEMU
# emulates the processor, so this needs no /dev/kvm and no root; the machine has nothing but an
# initramfs: scripts/kernel-init, and what the script puts in "$tmp/tree", with its /job.

scripts/install qemu-system-x86_64:qemu-system-x86 apt-get:apt dpkg-deb:dpkg xz:xz-utils /usr/share/keyrings/debian-archive-keyring.gpg:debian-archive-keyring

# In the order in which a module may need another one.
modules=(veth tun sch_ingress cls_bpf sch_tbf
	libcrc32c nf_defrag_ipv4 nf_defrag_ipv6 nf_conntrack nfnetlink nf_tables nft_ct)

work=$PWD/bin/kernels # what is downloaded, and what the kernels wrote
tmp=$(mktemp -d -t monitor-kernels.XXXXXX)
trap 'rm -rf "$tmp"' EXIT

# release_apt RELEASE COMMAND... runs a command of apt's on a release, whatever this machine has.
release_apt() {
	local dir=$work/$1 command=$2 site
	shift 2
	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
	if [[ ! -e $dir/sources.list ]]; then
		# shellcheck disable=SC2016 # apt expands it
		site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -m 1 '/debian/*$') ||
			{ echo "$0: this machine's apt has no mirror of Debian" >&2; exit 1; }
		echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $site $(basename "$dir") main" >"$dir/sources.list"
	fi
	"$command" -q -o APT::Architecture=amd64 -o APT::Architectures::=amd64 -o APT::Sandbox::User= \
		-o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false \
		-o Dir::Etc::SourceList="$dir/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State::Lists="$dir/lists" -o Dir::Cache="$dir/cache" -o Dir::State::status=/dev/null "$@"
}

# get_kernel RELEASE fetches the kernel, its modules and busybox, unless they are all there.
get_kernel() {
	local dir=$work/$1 kernel
	[[ ! -e $dir/vmlinuz || $(cat "$dir/wanted" 2>/dev/null) != "${modules[*]}" ]] || return 0
	release_apt "$1" apt-get update >/dev/null
	kernel=$(release_apt "$1" apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image/ { print $2 }')
	rm -rf "$dir/debs"
	mkdir -p "$dir/debs"
	(cd "$dir/debs" && release_apt "$1" apt-get download "$kernel" busybox-static >/dev/null)
	for deb in "$dir"/debs/*.deb; do
		dpkg-deb -x "$deb" "$dir/debs"
	done
	find "$dir/debs" -path '*/bin/busybox' -exec cp {} "$dir/busybox" \;
	mkdir -p "$dir/modules"
	for module in "${modules[@]}"; do
		find "$dir/debs" -name "$module.ko*" -exec cp {} "$dir/modules" \;
	done
	find "$dir/modules" -name '*.xz' -exec xz -d -f {} +
	mv "$dir"/debs/boot/vmlinuz-* "$dir/vmlinuz"
	echo "${modules[*]}" >"$dir/wanted"
	rm -rf "$dir/debs" "$dir/cache"
}

build() { CGO_ENABLED=0 GOOS=linux GOARCH=amd64 go "$@"; }

# run_kernel RELEASE MINUTES LOG boots the kernel, has it run the job, and leaves what it wrote in LOG.
run_kernel() {
	local dir=$work/$1 root=$tmp/$1
	mkdir -p "$root/bin"
	cp "$dir/busybox" "$root/bin/"
	cp -r "$dir/modules" "$root/"
	printf '%s\n' "${modules[@]}" >"$root/modules/order"
	cp scripts/kernel-init "$root/init"
	for tree in "$root" "$tmp/tree"; do
		(cd "$tree" && find . -mindepth 1 | "$dir/busybox" cpio -o -H newc 2>/dev/null)
	done >"$tmp/$1.initramfs"
	# On a busy machine the emulated timer is late: no_timer_check has the kernel put up with that. One
	# that does not come up is told by what is missing in the log.
	timeout "$2m" qemu-system-x86_64 -accel tcg -cpu max -smp 2 -m 2048 -nodefaults -no-user-config -no-reboot \
		-display none -serial stdio -kernel "$dir/vmlinuz" -initrd "$tmp/$1.initramfs" \
		-append 'console=ttyS0 panic=-1 loglevel=4 no_timer_check' </dev/null 2>&1 | tr -d '\r' >"$3" || true
}
