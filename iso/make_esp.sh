#!/bin/sh
# make_esp.sh -- a FAT file system image that any UEFI machine boots from: an EFI system partition.
#
#   make_esp.sh OUT LOADER.efi [CMDLINE.txt]
#
# The loader becomes \EFI\BOOT\BOOTX64.EFI, the path that firmware tries on removable media; the command line goes
# beside it.
# By mtools: no mounts, no root. SOURCE_DATE_EPOCH fixes the times, so equal inputs give equal bytes.
set -eu

die() { echo "make_esp.sh: $*" >&2; exit 1; }
[ $# -ge 2 ] && [ $# -le 3 ] || die "usage: make_esp.sh OUT LOADER.efi [CMDLINE.txt]"
out=$1 loader=$2 cmdline=${3:-}
for tool in mformat mmd mcopy; do
    command -v $tool >/dev/null || die "$tool not found (Debian package mtools)"
done
[ -f "$loader" ] || die "$loader: no such file"
[ "$(head -c 2 "$loader")" = MZ ] || die "$loader: not an EFI program"
[ -z "$cmdline" ] || [ -f "$cmdline" ] || die "$cmdline: no such file"

export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-1577836800}" TZ=UTC MTOOLSRC=/dev/null MTOOLS_SKIP_CHECK=1

# FAT16 from 16 MiB, FAT32 from 64 MiB: sizes that every firmware reads. 1/64 and 2 MiB cover tables and directories.
bytes=$(stat -L -c %s "$loader")
mib=$(( (bytes + bytes / 64) / 1048576 + 3 ))
[ $mib -ge 16 ] || mib=16
fat32=
[ $mib -lt 64 ] || fat32=-F

tmp=$out.new
trap 'rm -f "$tmp"' EXIT
rm -f "$tmp"
truncate -s ${mib}M "$tmp"
mformat -i "$tmp" $fat32 -T $(( mib * 2048 )) -h 64 -s 32 -v BURROW -N 42555257 ::
mmd -i "$tmp" ::/EFI ::/EFI/BOOT
mcopy -i "$tmp" "$loader" ::/EFI/BOOT/BOOTX64.EFI || die "$loader does not fit into $mib MiB"
[ -z "$cmdline" ] || mcopy -i "$tmp" "$cmdline" ::/EFI/BOOT/cmdline.txt
mv "$tmp" "$out"
