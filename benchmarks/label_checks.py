"""What `data info` and `data check` say about real labels.

    python -m benchmarks.label_checks DATA [DATA ...] [--out FILE]

DATA are data sets in any format, such as the Car-Parts folder and one with PASCAL-Part's examples.
Of each: the numbers of `data info`, every finding of `data check` with its count and first cases,
and the seconds both took (image headers and pixels included). Writes label_checks.json beside this
file; names of images are in it, pictures are not.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from wps_sam.bench.machine import describe_machine
from wps_sam.checking.run import run_checks
from wps_sam.labels.open import open_labels
from wps_sam.labels.summary import summarise

RESULT = Path(__file__).with_suffix(".json")
CASES_KEPT = 5


def examine(data: Path) -> dict[str, Any]:
    """Describe and check one data set."""
    labels = open_labels(data)
    start = time.perf_counter()
    info = summarise(labels).to_json()
    after_info = time.perf_counter()
    report = run_checks({"": labels}).to_dict()
    seconds = {"info": after_info - start, "check": time.perf_counter() - after_info}
    for finding in report["findings"]:
        finding["cases"] = finding["cases"][:CASES_KEPT]
    # Where the folder lies says nothing to others.
    place = f"{data.resolve().parent}/"
    text = json.dumps({"info": info, "check": report, "seconds": seconds})
    result: dict[str, Any] = json.loads(text.replace(json.dumps(place)[1:-1], ""))
    return result


def main() -> None:
    """Examine each data set and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    result = {
        "machine": describe_machine(),
        "data": {path.resolve().name: examine(path) for path in options.data},
    }
    options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
