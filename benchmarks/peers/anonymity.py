"""Runs anjana or pycanon on one table; executed in an environment of their own, never imported.

    python benchmarks/peers/anonymity.py TASK TABLE.csv OPTIONS.json

TASK is "anonymize" (anjana's k_anonymity) or "measure" (pycanon's k, l, t). Prints {"cpu_s", ...} as JSON. The clock
runs over the method alone, on a ready frame.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import pandas as pd


def main() -> None:
    """Does the task once."""
    task, path, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    table = pd.read_csv(path, dtype=str, keep_default_na=False).astype(dict.fromkeys(options["numbers"], int))
    work = anonymize if task == "anonymize" else measure
    prepared = prepare(task, table, options)
    start = time.process_time()
    outcome = work(prepared, options)
    print(json.dumps({"cpu_s": time.process_time() - start, **outcome(table)}))


def prepare(task: str, table: pd.DataFrame, options: dict[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The table, and for anjana the hierarchies: ages in bands of 5, 10, 20, 40; the rest kept or dropped."""
    hierarchies: dict[str, Any] = {}
    for name in options["quasi"] if task == "anonymize" else ():
        values = sorted(table[name].unique())
        levels: dict[int, Any] = {0: values}
        if name in options["numbers"]:
            for level, width in enumerate((5, 10, 20, 40), 1):
                levels[level] = [f"[{v // width * width}, {v // width * width + width})" for v in values]
        hierarchies[name] = {**levels, len(levels): ["*"] * len(values)}
    return table, hierarchies


def anonymize(prepared: tuple[pd.DataFrame, dict[str, Any]], options: dict[str, Any]) -> Any:
    """anjana: all of a column generalized to one level, and up to half of the rows dropped."""
    from anjana.anonymity import k_anonymity

    clean = k_anonymity(prepared[0], [], options["quasi"], options["k"], 50, prepared[1])

    def told(table: pd.DataFrame) -> dict[str, float]:
        sizes = clean.groupby(options["quasi"]).size()
        return {"kept": len(clean) / len(table), "average_class_size": len(clean) / (len(sizes) * options["k"])}

    return told


def measure(prepared: tuple[pd.DataFrame, dict[str, Any]], options: dict[str, Any]) -> Any:
    """pycanon: the three measures."""
    from pycanon import anonymity

    table, quasi, sensitive = prepared[0], options["quasi"], options["sensitive"]
    found = {
        "k": float(anonymity.k_anonymity(table, quasi)),
        "l": float(anonymity.l_diversity(table, quasi, sensitive)),
        "t": float(anonymity.t_closeness(table, quasi, sensitive)),
    }
    return lambda _table: found


if __name__ == "__main__":
    main()
