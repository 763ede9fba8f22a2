#!/usr/bin/env bash
# Makes the VM ready: AUFS, a C compiler, iptables, and the Go that go.mod asks for.
# It can be run again at any time, and then does only what is still to be done. Runs
# as root in the VM.
set -euo pipefail

repository=${1:-/mytinydocker}

fail() {
	echo "provision: $*" >&2
	exit 1
}

install_packages() {
	local package missing=()
	for package in "$@"; do
		[[ $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) == "install ok installed" ]] || missing+=("$package")
	done
	((${#missing[@]})) || return 0
	apt-get update -q
	DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
}

# AUFS comes first: without it all the rest is for nothing.
load_aufs() {
	local release
	release=$(uname -r)
	if ! modprobe aufs 2>/dev/null; then
		# Some kernels of Ubuntu have it in a package of its own.
		apt-get update -q || true
		DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "linux-modules-extra-$release" || true
		modprobe aufs || fail "the kernel $release has no AUFS: take a box of Ubuntu 20.04 with a 5.4 generic kernel (VM_BOX), or none (VM_AUFS=no)"
	fi
	grep -qw aufs /proc/filesystems || fail "the kernel $release does not know AUFS, though it has loaded the module"
	echo aufs >/etc/modules-load.d/aufs.conf # for the next boot
}

install_go() {
	local version have archive want
	version=$(awk '$1 == "go" { print $2 }' "$repository/go.mod")
	[[ -n $version ]] || fail "$repository/go.mod does not say which Go it needs"
	have=$(sed -n '1s/^go//p' /usr/local/go/VERSION 2>/dev/null || true)
	# The older of the two, by their numbers, has to be the one that go.mod asks for.
	if [[ -z $have || $(printf '%s\n' "$version" "$have" | sort -V | head -n 1) != "$version" ]]; then
		archive=go$version.linux-$(dpkg --print-architecture).tar.gz
		install_packages ca-certificates curl
		want=$(curl -fsSL "https://dl.google.com/go/$archive.sha256")
		curl -fsSL -o "/tmp/$archive" "https://dl.google.com/go/$archive"
		echo "$want  /tmp/$archive" | sha256sum --check --quiet || fail "$archive is not what go.dev has: try again"
		rm -rf /usr/local/go
		tar -C /usr/local -xzf "/tmp/$archive"
		rm "/tmp/$archive"
	fi
	ln -sf /usr/local/go/bin/go /usr/local/go/bin/gofmt /usr/local/bin/
}

if [[ ${VM_AUFS:-yes} != no ]]; then
	load_aufs
fi
install_packages gcc libc6-dev iptables
install_go
echo "provision: ready: $(go version), kernel $(uname -r)"
