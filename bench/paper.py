"""How long the PDF of a quotation with twenty lines takes, once the first has been made: `python -m bench.paper [LINES]`."""

from __future__ import annotations

import json
import statistics
import sys
import time

from bench import database

TIMES = 20


def main() -> int:
    with database.own("paper"):
        json.dump(_measured(int(sys.argv[1]) if len(sys.argv) > 1 else 20), sys.stdout, indent=1)
    print()
    return 0


def _measured(count: int) -> dict[str, float]:
    organization = database.company()
    from kehu.cases import actions
    from kehu.core import clock
    from kehu.core.scope import scope
    from kehu.paper.pages import case_pdf

    now = clock.now(organization)
    with scope(organization):
        case = actions.open_case(
            organization=organization, procedure="quotation", by="fang", now=now, customer="C0001", values=None
        )
        line = {
            "product": "HY-2207 五金支架",
            "spec": "XJ-887 B 版",
            "unit": "件",
            "qty": "1000.000",
            "unit_price": "12.6000",
        }
        case.data |= {
            "currency": "CNY",
            "lines": [{**line, "product": f"HY-{2200 + n} 五金支架"} for n in range(count)],
        }
        took = []
        for _ in range(TIMES + 1):
            start = time.perf_counter()
            paper = case_pdf(case, language="zh", copy_for=None, by=None, now=now)
            took.append((time.perf_counter() - start) * 1000)
    first, *warm = took
    return {
        "first_ms": round(first, 1),
        "warm_median_ms": round(statistics.median(warm), 1),
        "warm_p95_ms": round(statistics.quantiles(warm, n=20)[-1], 1),
        "kb": len(paper) // 1024,
    }


if __name__ == "__main__":
    sys.exit(main())
