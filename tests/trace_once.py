#!/usr/bin/python3
"""trace_once.py -- runs a process with the event trace on and judges the trace; for tests/mutants.

    tests/trace_once.py build/host/NAME CORES [KNOBS]
"""
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "scripts"))
import glass
import trace2json
import trace_check


def main():
    path, cores = sys.argv[1:3]
    side = path + ".side"
    env = dict(os.environ, BURROW_SIDE=side, BURROW_CPUS=cores, BURROW_CMDLINE="GODEBUG=trace=1 " + " ".join(sys.argv[3:]))
    subprocess.run([path], env=env, stdout=subprocess.DEVNULL, timeout=60, check=True)
    trace = glass.read(side).trace
    wrong = trace_check.check_events(trace) + trace_check.check_json(trace2json.to_json(trace2json.Story(trace)))
    print("\n".join(wrong[:5]) or f"ok: {len(trace.events)} events")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
