#!/usr/bin/env python3
"""Asks for known vulnerabilities of the libraries we ship: `make audit`. Run by .venv's Python.

A vulnerability found fails the check. That the service cannot be asked from here does not, and is said in capitals: the check then
says nothing about the libraries.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 300


def main() -> int:
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(ROOT / "requirements" / "base.txt")]
    command += ["--require-hashes", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return unreachable(f"no answer within {SECONDS} seconds")
    try:
        libraries = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        said = done.stderr.strip()
        if any(
            word in said for word in ("ConnectionError", "Timeout", "resolve", "Max retries", "HTTPError", "SSLError")
        ):
            return unreachable(said.splitlines()[-1])
        print(said, file=sys.stderr)
        return 1
    return judged(libraries)


def judged(libraries: list[dict]) -> int:
    found = [(one, bad) for one in libraries for bad in one.get("vulns", ())]
    for one, bad in found:
        better = ", ".join(bad.get("fix_versions") or ()) or "no version yet"
        print(f"{one['name']} {one['version']}: {bad['id']}; fixed in {better}")
    if found:
        return 1
    unknown = [one["name"] for one in libraries if "skip_reason" in one]
    if len(unknown) == len(libraries):
        return unreachable("it knows none of our libraries")
    if unknown:
        print(f"not known to the vulnerability service: {', '.join(unknown)}")
    print(f"{len(libraries) - len(unknown)} libraries without a known vulnerability")
    return 0


def unreachable(why: str) -> int:
    print(f"THE VULNERABILITY SERVICE COULD NOT BE ASKED ({why}). Nothing is said about the libraries.")
    print("漏洞库无法查询：本次检查没有对依赖库作任何判断。")
    return 0


if __name__ == "__main__":
    sys.exit(main())
