#!/bin/sh
# Build deploy/Containerfile where no registry can be reached: its bases are made of Debian's
# packages. Then start the image, and ask it what a first user would. Nothing of it is kept.
set -eu
cd "$(dirname "$0")/../.."

for tool in buildah mmdebstrap; do
    command -v "$tool" >/dev/null || {
        echo "this needs $tool: apt-get install --no-install-recommends buildah mmdebstrap" >&2
        exit 1
    }
done
[ "$(id -u)" -eq 0 ] || { echo "chroots are made by root alone: sudo make container" >&2; exit 1; }

work=$(mktemp -d)
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
buildah() { command buildah --root "$work/images" --runroot "$work/run" "$@"; }
trap 'buildah rm --all >/dev/null 2>&1 || true; rm -rf "$work"' EXIT

base() {
    name=$1
    shift
    mmdebstrap --quiet --variant=minbase --include="$(echo ca-certificates "$@" | tr ' ' ,)" \
        bookworm "$work/$name.tar" http://deb.debian.org/debian
    made=$(buildah from scratch)
    buildah add -q "$made" "$work/$name.tar" /
    buildah commit -q "$made" "localhost/$name"
    buildah rm "$made" >/dev/null
}
base base-node nodejs npm
base base-python python3 python3-dev python3-venv

# Where pip goes through a proxy or a mirror of your own, this machine's settings say so.
set -- --volume /etc/ssl/certs:/etc/ssl/certs:ro
[ ! -f /etc/pip.conf ] || set -- "$@" --volume /etc/pip.conf:/etc/pip.conf:ro
buildah bud --layers=false --format docker -f deploy/Containerfile -t localhost/kgraph \
    --build-arg NODE=localhost/base-node --build-arg PYTHON=localhost/base-python "$@" .

buildah inspect --type image localhost/kgraph >"$work/image.json"
cp tools/container/ask.py "$work"
# libvirt's own test driver, and a port that nobody has: the network is this machine's.
cat >"$work/kgraph.toml" <<'END'
[server]
listen = "127.0.0.1:18099"

[[sources]]
type = "libvirt"
uri = "test:///default"
END
chmod 644 "$work/kgraph.toml" "$work/image.json" "$work/ask.py"
started=$(buildah from localhost/kgraph)
buildah run --volume "$work/kgraph.toml:/etc/kgraph/kgraph.toml:ro" \
    --volume "$work/image.json:/proof/image.json:ro" --volume "$work/ask.py:/proof/ask.py:ro" \
    "$started" -- python /proof/ask.py
