#!/bin/sh
# Install what the real lab and the real Neo4j need on Debian. Asks first, unless it runs as root under CI=true.
set -eu

packages="libvirt-daemon dnsmasq-base libvirt-dev qemu-system-x86 qemu-utils pkg-config gcc python3-dev binutils
systemd-journal-remote iptables iproute2 procps util-linux mount e2fsprogs systemd prometheus prometheus-alertmanager
prometheus-libvirt-exporter prometheus-node-exporter prometheus-blackbox-exporter
nbdkit nfs-ganesha nfs-ganesha-vfs rpcbind haproxy lldpd fence-agents openipmi ipmitool openssh-server
pacemaker pacemaker-cli-utils pacemaker-resource-agents corosync
openvswitch-switch ovn-central ovn-host iputils-ping lvm2 snmp snmpd snmptrapd
sasl2-bin libsasl2-modules docker.io busybox-static
default-jdk-headless maven chromium fonts-liberation"
# Where node came another way, Debian's npm would take its place.
command -v npm >/dev/null || packages="$packages nodejs npm"

complete() {
    for package in $packages; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || return 1
    done
    getent group kvm >/dev/null && getent group libvirt-qemu >/dev/null &&
        getent passwd libvirt-qemu >/dev/null && [ -d /etc/libvirt ]
}

if complete; then
    echo "the lab's packages are installed"
    exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "the lab needs Debian packages: run 'sudo tests/lab/deps.sh'" >&2
    exit 1
fi
if [ "${CI:-}" != true ]; then
    printf 'Install these with apt-get, and create the user libvirt-qemu?\n%s\n[y/N] ' "$packages"
    read -r answer || answer=n
    case $answer in [yY]*) ;; *) exit 1 ;; esac
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086 # one word per package is meant
apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 $packages
# Without these libvirtd does not load its QEMU driver. libvirt-daemon-system would make them, but
# it brings systemd units that start a libvirtd of their own.
getent group kvm >/dev/null || groupadd --system kvm
getent group libvirt-qemu >/dev/null || groupadd --system libvirt-qemu
getent passwd libvirt-qemu >/dev/null ||
    useradd --system --gid kvm --no-create-home --home-dir /nonexistent \
        --shell /usr/sbin/nologin libvirt-qemu
mkdir -p /etc/libvirt # where each host of the lab mounts its own
