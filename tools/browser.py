#!/usr/bin/env python3
"""Prints where Chromium is, for the browser tests; on Debian, as root, installs it first if there is none."""

import os
import shutil
import subprocess
import sys

NAMES = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
]

HOW_TO_GET_ONE = """\
The browser tests need Chromium or Chrome, and none was found.
Debian: apt install chromium. macOS: brew install --cask chromium. Elsewhere, say where it is: KEHU_CHROMIUM=/path/to/it
浏览器测试需要 Chromium 或 Chrome，但未找到。
Debian：apt install chromium。macOS：brew install --cask chromium。其他系统请指明位置：KEHU_CHROMIUM=/路径"""


def main():
    path = named() or found() or (can_install() and install() and found())
    if not path:
        sys.exit(HOW_TO_GET_ONE)
    print(path)


def named():
    path = os.environ.get("KEHU_CHROMIUM")
    if path and not shutil.which(path):
        sys.exit(f"KEHU_CHROMIUM names {path}, and there is no program there.\nKEHU_CHROMIUM 指向的 {path} 不存在。")
    return path


def found():
    return next(filter(None, map(shutil.which, NAMES)), None)


def can_install():
    # Ubuntu's package of that name only asks for a snap.
    return os.path.exists("/etc/debian_version") and os.geteuid() == 0 and "ID=debian" in os_release()


def os_release():
    with open("/etc/os-release", encoding="utf-8") as file:
        return file.read().splitlines()


def install():
    print("Installing Chromium from Debian's packages …", file=sys.stderr)
    commands = [["apt-get", "update"], ["apt-get", "install", "--yes", "--no-install-recommends", "chromium"]]
    quietly = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in commands:
        result = subprocess.run(command, env=quietly, capture_output=True, text=True)
        if result.returncode:
            print(result.stdout[-800:], result.stderr[-800:], file=sys.stderr)
            return False
    return True


if __name__ == "__main__":
    main()
