"""How long a sheet of customers takes to come in: `python -m bench.sheets [ROWS]`, by `kehu import`, checked and compared with who is there.

`--wrong 10` makes so many rows wrong instead of one in twenty a double: exactly these must be refused and stand in the workbook that goes
back, each with its reason, or it ends with 1.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import python_calamine

from bench import database


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.sheets")
    parser.add_argument("rows", nargs="?", type=int, default=100_000)
    parser.add_argument("--wrong", type=int, default=0, metavar="N")
    given = parser.parse_args()
    count = given.rows
    with database.own("sheets"):
        database.company()
        file, back = (Path(os.environ["KEHU_VAR"]) / name for name in ("customers.csv", "refused.xlsx"))
        wrong = _write(file, count, given.wrong)
        start = time.perf_counter()
        command = [sys.executable, "-m", "kehu.cli.main", "import", "customers", str(file), "--organization", "mfg"]
        command += ["--refused", str(back)] if wrong else []
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - start
        print(done.stdout[-400:], done.stderr[-400:], file=sys.stderr)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)  # memory: of the largest of its processes
        is_right = True
        if wrong:
            refused = _refused(back)
            is_right = (
                set(refused) == set(wrong) and all(refused.values()) and f"{count - len(wrong):,} new" in done.stdout
            )
            print(*(f"row {row}: {why}" for row, why in refused.items()), sep="\n", file=sys.stderr)
        found = {
            "seconds": round(seconds, 1),
            "cpu_s": round(used.ru_utime, 1),
            "peak_mb": round(used.ru_maxrss / 1024),
        }
        if wrong:
            found |= {"wrong": len(wrong), "refused": len(refused)}
        json.dump({"rows": count, **found}, sys.stdout, indent=1)
    print()
    return 0 if is_right else 1


MISTAKES = (
    {0: ""},
    {1: ""},
    {1: "x" * 201},
    {4: "1.39E+10"},
    {4: "12"},
    {0: "Z" * 41},
    {1: "深圳市讯捷通信设备有限公司"},
    {0: "#REF!", 1: ""},
    {0: "Z000001"},
    {0: "合计"},
)
"""Column -> what stands there instead."""


def _refused(file: Path) -> dict[int, str]:
    """Row -> why, as the workbook says that goes back."""
    rows = python_calamine.CalamineWorkbook.from_path(str(file)).get_sheet_by_index(0).to_python()
    return {int(row[-2]): str(row[-1]) for row in rows[1:]}


def _write(file: Path, count: int, mistakes: int = 0) -> list[int]:
    """One in twenty a second time, under another code; or only so many mistakes, evenly spread. Gives the rows they stand in."""
    places = {(at + 1) * count // (mistakes + 1): MISTAKES[at % len(MISTAKES)] for at in range(mistakes)}
    with file.open("w", encoding="utf-8", newline="") as opened:
        sheet = csv.writer(opened)
        sheet.writerow(["客户编号", "客户名称", "简称", "联系人", "电话"])
        for number in range(count):
            name = number - 1 if number % 20 == 19 and not mistakes else number
            row = [
                f"Z{number:06}",
                f"东莞市{name}五金制品有限公司",
                f"{name}五金",
                "何经理",
                f"139{name * 7919 % 10**8:08}",
            ]
            for at, value in places.get(number, {}).items():
                row[at] = value
            sheet.writerow(row)
    return [number + 2 for number in places]


if __name__ == "__main__":
    sys.exit(main())
