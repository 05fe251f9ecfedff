"""Runs the benchmarks of quality: ours beside named peers, on the same data, in the same run.

    python -m benchmarks.quality [AREA...] [--quick] [--json]

An area is a module of this package with `figures(quick)`; its docstring says what is measured and on what.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one core each, where an area does not say otherwise
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from benchmarks.quality.figure import readable

AREAS = (
    "scale",
    "accuracy",
    "calibration",
    "ordinal",
    "agreement",
    "numeric",
    "texts",
    "with_classifier",
    "stopping",
    "instances",
    "spammers",
    "matching",
    "weak_supervision",
    "label_errors",
    "projects",
)


def main() -> None:
    """Prints the figures, each as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("areas", nargs="*", metavar="AREA", help=f"of {', '.join(AREAS)}; none: all")
    parser.add_argument("--quick", action="store_true", help="smaller sizes, under a minute an area")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    arguments = parser.parse_args()
    unknown = set(arguments.areas).difference(AREAS)
    if unknown:
        parser.error(f"no such area: {', '.join(sorted(unknown))}")
    for area in arguments.areas or AREAS:
        module = importlib.import_module(f"benchmarks.quality.{area}")
        for figure in module.figures(quick=arguments.quick):
            print(json.dumps(vars(figure)) if arguments.json else readable(figure), flush=True)


if __name__ == "__main__":
    main()
