"""What a user waits for on a first fit in a fresh process, caches cold and warm.

    python benchmarks/first_fit.py [--json] [--quick]

CPU seconds of whole processes, imports included: the demo's fit (exact draws), the Hogg line with
NUTS, and as the peer what the frequentist counterpart takes in a process of its own (astropy's
Lomb-Scargle; `import pymc` alone for the line). "Cold" has empty folders for the compiled kernels.
Claim: the demo's fit takes at most 3 CPU seconds warm.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

DEMO = """
import bayes_astro as ba
data = ba.load("eros2-cepheid").select("B")
ba.Periodogram(n_terms=3, jitter=True).fit(data, seed=1)
"""
LINE = """
import bayes_astro as ba
ba.LinearRelation("y", scatter=False).fit(ba.load("hogg-2010")[4:], seed=1, progress=False)
"""
LOMB_SCARGLE = """
import bayes_astro as ba
data = ba.load("eros2-cepheid").select("B")
from astropy.timeseries import LombScargle
LombScargle(data.time, data.value, data.error, nterms=3).autopower(maximum_frequency=0.64)
"""
PYMC = "import pymc"


def cpu_seconds(code, cache=None):
    """CPU seconds, user and system, of a fresh process."""
    environment = dict(os.environ)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    if cache:
        environment["NUMBA_CACHE_DIR"] = os.path.join(cache, "numba")
        environment["PYTENSOR_FLAGS"] = f"base_compiledir={os.path.join(cache, 'pytensor')}"
    before = os.times()
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    after = os.times()
    return (after.children_user + after.children_system) - (
        before.children_user + before.children_system
    )


def main():
    """Time every process and print figures and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    runs = 2 if options.quick else 7
    result = {}
    for name, ours, peer in (("demo", DEMO, LOMB_SCARGLE), ("line_nuts", LINE, PYMC)):
        if options.quick and name == "line_nuts":
            runs = 1
        with tempfile.TemporaryDirectory() as cache:
            cold = cpu_seconds(ours, cache)
            pairs = [(cpu_seconds(ours, cache), cpu_seconds(peer)) for _ in range(runs)]
        warm, other = (statistics.median(column) for column in zip(*pairs, strict=True))
        result[name] = {"cold_s": cold, "warm_s": warm, "peer_s": other, "ratio": warm / other}
    result["demo"]["goal_warm_s"] = 3.0
    if options.json:
        print(json.dumps(result))
        return
    for name, row in result.items():
        print(
            f"{name}: cold {row['cold_s']:.2f} s, warm {row['warm_s']:.2f} s, "
            f"peer {row['peer_s']:.2f} s, ratio warm / peer {row['ratio']:.2f}"
        )
    print("goal: demo warm at most 3 s; times are CPU seconds with imports")


if __name__ == "__main__":
    main()
