#!/bin/sh
# make_iso.sh -- a hybrid ISO: a CD with El Torito for UEFI, and, written to a USB stick as it is, a GPT disk.
#
#   make_iso.sh OUT.iso ESP
#
# The EFI system partition is appended once; the CD's boot catalogue and the partition table point to the same bytes.
# SOURCE_DATE_EPOCH fixes times and UUIDs, so equal inputs give equal bytes.
set -eu

die() { echo "make_iso.sh: $*" >&2; exit 1; }
[ $# -eq 2 ] || die "usage: make_iso.sh OUT.iso ESP"
out=$1 esp=$2
here=$(dirname "$0")
command -v xorriso >/dev/null || die "xorriso not found (Debian package xorriso)"
[ -f "$esp" ] || die "$esp: no such file"

export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-1577836800}" TZ=UTC
esp_type=C12A7328-F81F-11D2-BA4B-00C93EC93B3B

# What a file manager shows of the CD: one page that says what it is.
tree=$(mktemp -d)
trap 'rm -rf "$tree" "$out.new"' EXIT
cp "$here/README.txt" "$tree/README.txt"
touch -d "@$SOURCE_DATE_EPOCH" "$tree" "$tree/README.txt"

rm -f "$out.new"
log=$(xorriso -as mkisofs -quiet -V BURROW -o "$out.new" \
    -append_partition 2 $esp_type "$esp" -appended_part_as_gpt -partition_offset 16 \
    -eltorito-alt-boot -e --interval:appended_partition_2:all:: -no-emul-boot \
    "$tree" 2>&1) || die "xorriso failed:
$log"
mv "$out.new" "$out"
