"""How long a sheet of customers takes to come in: `python -m bench.sheets [ROWS]`, by `kehu import`, checked and compared with who is there."""

from __future__ import annotations

import csv
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from bench import database


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with database.own("sheets"):
        database.company()
        file = Path(os.environ["KEHU_VAR"]) / "customers.csv"
        _write(file, count)
        start = time.perf_counter()
        command = [sys.executable, "-m", "kehu.cli.main", "import", "customers", str(file), "--organization", "mfg"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - start
        print(done.stdout[-400:], done.stderr[-400:], file=sys.stderr)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)  # memory: of the largest of its processes
        found = {
            "seconds": round(seconds, 1),
            "cpu_s": round(used.ru_utime, 1),
            "peak_mb": round(used.ru_maxrss / 1024),
        }
        json.dump({"rows": count, **found}, sys.stdout, indent=1)
    print()
    return 0


def _write(file: Path, count: int) -> None:
    """One in twenty a second time, under another code."""
    with file.open("w", encoding="utf-8", newline="") as opened:
        sheet = csv.writer(opened)
        sheet.writerow(["客户编号", "客户名称", "简称", "联系人", "电话"])
        for number in range(count):
            name = number - 1 if number % 20 == 19 else number
            sheet.writerow(
                [
                    f"Z{number:06}",
                    f"东莞市{name}五金制品有限公司",
                    f"{name}五金",
                    "何经理",
                    f"139{name * 7919 % 10**8:08}",
                ]
            )


if __name__ == "__main__":
    sys.exit(main())
