"""What `import bayes_astro` adds to `import numpy`, in CPU seconds of fresh processes.

    python benchmarks/import_time.py [--json] [--quick]

Claim: at most 0.15 s more than `import numpy`.
"""

import argparse
import json
import statistics
import subprocess
import sys

CLOCK = "import time; import {}; print(time.process_time())"


def cpu_seconds(module):
    """CPU seconds of a fresh process that imports one module."""
    command = [sys.executable, "-c", CLOCK.format(module)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main():
    """Time the two imports in turn and print the difference."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    runs = 5 if options.quick else 21
    cpu_seconds("bayes_astro")  # files into the page cache
    pairs = [(cpu_seconds("bayes_astro"), cpu_seconds("numpy")) for _ in range(runs)]
    ours, peer = (statistics.median(column) for column in zip(*pairs, strict=True))
    result = {
        "bayes_astro_s": ours,
        "numpy_s": peer,
        "difference_s": ours - peer,
        "ratio": ours / peer,
        "goal_difference_s": 0.15,
    }
    if options.json:
        print(json.dumps(result))
        return
    print(f"import bayes_astro {ours:.3f} s, import numpy {peer:.3f} s (median of {runs})")
    print(f"ratio {ours / peer:.2f}, difference {ours - peer:+.3f} s (goal: at most +0.15 s)")


if __name__ == "__main__":
    main()
