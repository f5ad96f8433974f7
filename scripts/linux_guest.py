"""linux_guest.py -- runs one static program on a minimal Linux in QEMU, instructions counted: Go's side of the head-to-head.

The guest is Debian's kernel for virtual machines, tests/bench/linux/init.c and the program, nothing else. One core and
-icount shift=0, so nanoseconds of its clock are instructions, as on the machine that Burrow is counted on.
"""
import glob
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import qemu

META = "linux-image-cloud-amd64"
# No messages; no calibration that waits; no cost of mitigations that a unikernel would not pay either.
CMDLINE = "console=ttyS0 quiet loglevel=1 panic=-1 tsc=reliable no_timer_check mitigations=off random.trust_cpu=on"


class Failed(Exception):
    pass


def shell(words, cwd=None, failing=""):
    result = subprocess.run(words, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode:
        raise Failed(f"{failing or ' '.join(words)}:\n{result.stdout[-2000:]}")
    return result.stdout


def kernel(build):
    """Path of a kernel, unpacked from Debian's package below build, not installed. Downloads it once."""
    place = f"{build}/linux"
    found = sorted(glob.glob(f"{place}/boot/vmlinuz-*"))
    if not found:
        os.makedirs(place, exist_ok=True)
        depends = shell(["apt-cache", "depends", META], failing=f"no package {META}")
        package = re.search(r"Depends: (linux-image-\S+)", depends)
        if not package:
            raise Failed(f"{META} names no kernel:\n{depends}")
        print(f"downloading with apt-get, not installing: {package[1]}", flush=True)
        try:
            shell(["apt-get", "download", package[1]], cwd=place)
        except Failed:
            shell(["apt-get", "update"])
            shell(["apt-get", "download", package[1]], cwd=place)
        for package in glob.glob(f"{place}/*.deb"):
            shell(["dpkg", "-x", package, place])
            os.remove(package)
        found = sorted(glob.glob(f"{place}/boot/vmlinuz-*"))
    return found[-1]


def entry(name, mode, data=b""):
    """One file of a cpio archive in the format "newc" (Linux: Documentation/driver-api/early-userspace/buffer-format)."""
    fields = (entry.number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
    entry.number += 1
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
    return pad(head) + pad(data)


entry.number = 1


def pad(data):
    return data + bytes(-len(data) % 4)


def archive(init, program, words):
    files = [entry("init", 0o100755, init), entry("app", 0o100755, program), entry("argv", 0o100644, "\n".join(["app", *words]).encode())]
    return b"".join(files) + entry("TRAILER!!!", 0)


def prepare(build):
    """Builds what the guest needs; raises Failed."""
    os.makedirs(f"{build}/linux", exist_ok=True)
    shell(["gcc", "-O2", "-static", "-o", f"{build}/linux/init", "tests/bench/linux/init.c"])
    shell(["gcc", "-O2", "-shared", "-fPIC", "-fvisibility=hidden", "-o", f"{build}/linux/split.so", "tests/bench/linux/split.c"])
    return kernel(build)


def run(build, program, words, timeout, mem="4G"):
    """(result, user instructions, kernel instructions) of a machine's whole life."""
    initrd, counts = f"{build}/linux/initrd", f"{build}/linux/counts"
    with open(f"{build}/linux/init", "rb") as i, open(program, "rb") as p, open(initrd, "wb") as out:
        out.write(archive(i.read(), p.read(), words))
    extra = ["-initrd", initrd, "-append", CMDLINE, "-plugin", f"{build}/linux/split.so,out={counts}"]
    result = qemu.follow(qemu.command(kernel(build), "pvh", smp=1, mem=mem, icount=True, extra=extra), timeout)
    with open(counts) as f:
        user, system = map(int, re.match(r"user (\d+) kernel (\d+)", f.read()).groups())
    return result, user, system
