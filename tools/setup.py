#!/usr/bin/env python3
"""Makes everything Kehu needs to run from this folder: `make install`.

Needs Python 3.11 or newer and nothing else; uses only the standard library. Each part is made once and made again only
when what it is made from has changed, so calling this before every command costs nothing.
"""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / "bin"
PYTHON = BIN / "python"
REQUIREMENTS = ROOT / "requirements"
NODE_MODULES = ROOT / "node_modules"
VENDOR = ROOT / "kehu" / "web" / "static" / "vendor"
FONTS = ROOT / "var" / "fonts"
ICONS = ROOT / "tools" / "icons.txt"

SCRIPTS_AND_STYLES = [
    "@tabler/core/dist/css/tabler.min.css",
    "@tabler/core/dist/js/tabler.min.js",
    "echarts/dist/echarts.min.js",
    "htmx.org/dist/htmx.min.js",
]
SPRITE = "@tabler/icons-sprite/dist/tabler-sprite.svg"
FONT_FILES = [
    "@expo-google-fonts/noto-sans-sc/400Regular/NotoSansSC_400Regular.ttf",
    "@expo-google-fonts/noto-sans-sc/700Bold/NotoSansSC_700Bold.ttf",
    "@expo-google-fonts/noto-sans-sc/LICENSE_FONT",
]


class CannotInstall(Exception):
    """Said to the person at the terminal as it stands."""


def main():
    try:
        check_python()
        make_environment()
        install_packages()
        compile_python()
        install_frontend()
        copy_frontend()
    except CannotInstall as reason:
        sys.exit(f"\n{reason}\n")
    except KeyboardInterrupt:
        sys.exit("\nStopped. `make install` goes on from here.\n已中断。再次运行 make install 即可继续。\n")


# The parts, in order


def check_python():
    if sys.version_info < (3, 11):  # noqa: UP036  this is where it is made sure of
        found = ".".join(map(str, sys.version_info[:3]))
        raise CannotInstall(
            f"Kehu needs Python 3.11 or newer; {sys.executable} is {found}.\n"
            "If a newer one is installed, name it: make install PYTHON=python3.12\n"
            f"Kehu 需要 Python 3.11 或更新版本，当前为 {found}。\n"
            "如已安装更新版本，请指明：make install PYTHON=python3.12"
        )
    if importlib.util.find_spec("ensurepip") is None:
        raise CannotInstall(
            "This Python cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv\n"
            "此 Python 无法创建虚拟环境。Debian / Ubuntu 请先安装：apt install python3-venv"
        )


def make_environment():
    # An environment outlives the Python it was made with, an upgraded system Python for one; then it no longer starts.
    if PYTHON.exists() and subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True).returncode == 0:
        return
    say("Python environment", ".venv")
    run([sys.executable, "-m", "venv", "--clear", VENV])


def install_packages():
    lock = REQUIREMENTS / "dev.txt"
    stamp = Stamp(VENV / "installed-packages", lock, ROOT / "pyproject.toml", REQUIREMENTS / "base.in")
    if stamp.is_current():
        return
    say("Python packages", "requirements/dev.txt")
    from_index([PYTHON, "-m", "pip", "install", "--quiet", "--retries", "2", f"uv=={locked_version(lock, 'uv')}"])
    pip_install("--require-hashes", "-r", lock)
    pip_install("--no-deps", "--no-build-isolation", "--editable", ROOT)
    stamp.write()


def compile_python():
    """Python keeps what it has compiled, but not where PYTHONDONTWRITEBYTECODE is set, nor where whoever runs Kehu may not write:
    then every start would compile a thousand modules anew, for seconds."""
    subprocess.run([PYTHON, "-m", "compileall", "-q", ROOT / "kehu"], stdout=subprocess.DEVNULL)
    stamp = Stamp(VENV / "compiled-packages", REQUIREMENTS / "dev.txt")
    if stamp.is_current():
        return
    say("Python packages", "compiled")
    # Some packages bring examples that are no Python; they are left out.
    subprocess.run(
        [PYTHON, "-m", "compileall", "-q", "-j", "0", *VENV.glob("lib/python*/site-packages")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    stamp.write()


def install_frontend():
    stamp = Stamp(NODE_MODULES / ".installed", ROOT / "package-lock.json", ROOT / "package.json")
    if stamp.is_current():
        return
    npm = find_npm()
    say("Front-end files and font", "package-lock.json")
    from_npm([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=2"], npm)
    stamp.write()


def copy_frontend():
    stamp = Stamp(VENDOR / ".copied", ROOT / "package-lock.json", ICONS, Path(__file__))
    if stamp.is_current() and all((FONTS / Path(name).name).exists() for name in FONT_FILES):
        return
    shutil.rmtree(VENDOR, ignore_errors=True)
    VENDOR.mkdir(parents=True)
    FONTS.mkdir(parents=True, exist_ok=True)
    for name in SCRIPTS_AND_STYLES:
        text = (NODE_MODULES / name).read_text(encoding="utf-8")
        (VENDOR / Path(name).name).write_text(without_source_map(text), encoding="utf-8")
    (VENDOR / "icons.svg").write_text(sprite_of(ICONS.read_text(encoding="utf-8").split()), encoding="utf-8")
    for name in FONT_FILES:
        shutil.copy(NODE_MODULES / name, FONTS)
    stamp.write()
    say("Ready", "`make` lists what there is to do")


# What the parts are made of


class Stamp:
    """Remembers what something was made from. current: none of those files has changed since."""

    def __init__(self, path, *sources):
        self.path = path
        self.digest = hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()

    def is_current(self):
        return self.path.exists() and self.path.read_text() == self.digest

    def write(self):
        self.path.write_text(self.digest)


def find_npm():
    """The machine's npm; where there is none, one from the Python package index, kept in .venv."""
    if shutil.which("npm") and shutil.which("node"):
        return shutil.which("npm")
    npm = BIN / "npm"
    if not npm.exists():
        say("Node.js", "none on this machine; requirements/node.txt")
        pip_install("--require-hashes", "-r", REQUIREMENTS / "node.txt")
    return str(npm)


def sprite_of(names):
    """One small SVG with these icons: <svg class="icon"><use href="…/icons.svg#tabler-check"></use></svg>"""
    sprite = (NODE_MODULES / SPRITE).read_text(encoding="utf-8")
    symbols = dict(re.findall(r'(?s)<symbol id="tabler-([^"]+)"(.*?</symbol>)', sprite))
    unknown = [name for name in names if name not in symbols]
    if unknown:
        raise CannotInstall(
            f"{ICONS.relative_to(ROOT)}: Tabler has no icon called {', '.join(unknown)}.\n"
            f"{ICONS.relative_to(ROOT)}：Tabler 没有名为 {'、'.join(unknown)} 的图标。"
        )
    kept = "\n".join(f'<symbol id="tabler-{name}"{symbols[name]}' for name in names)
    return f'<svg xmlns="http://www.w3.org/2000/svg">\n{kept}\n</svg>\n'


def without_source_map(text):
    """Source maps are not copied, and Django refuses to collect a file that names one it cannot find."""
    return re.sub(r"(?m)^(//|/\*)# sourceMappingURL=.*$", "", text)


def locked_version(lock, package):
    return re.search(rf"(?m)^{package}==(\S+)", lock.read_text()).group(1)


# Other programs


def pip_install(*arguments):
    command = [BIN / "uv", "pip", "install", "--quiet", "--python", PYTHON, *arguments]
    from_index(command, env=os.environ | uv_index())


def uv_index():
    """uv does not read pip's configuration, and a company's or a country's mirror is usually named only there."""
    if {"UV_DEFAULT_INDEX", "UV_INDEX_URL"} & os.environ.keys():
        return {}
    url = pip_index()
    return {"UV_DEFAULT_INDEX": url} if url else {}


def pip_index():
    listed = subprocess.run([PYTHON, "-m", "pip", "config", "list"], capture_output=True, text=True).stdout
    urls = dict(re.findall(r"(?m)^(\S+)\.index-url='(.*)'$", listed))
    for section in [":env:", "install", "global"]:  # pip's own order, strongest first
        if section in urls:
            return urls[section]
    return None


def from_index(command, env=None):
    run(
        command,
        env=env,
        unreachable=lambda: CannotInstall(
            f"The Python package index could not be reached{at(pip_index())}.\n"
            "Behind a proxy, set HTTPS_PROXY; to use a mirror, set PIP_INDEX_URL; or try again later.\n"
            f"无法连接 Python 软件包索引（PyPI）{at(pip_index())}。\n"
            "如需代理，请设置 HTTPS_PROXY；如用镜像，请设置 PIP_INDEX_URL；或稍后再试。"
        ),
    )


def from_npm(command, npm):
    def unreachable():
        asked = subprocess.run([npm, "config", "get", "registry"], capture_output=True, text=True, env=with_venv())
        registry = asked.stdout.strip()
        return CannotInstall(
            f"The npm registry could not be reached{at(registry)}.\n"
            "Behind a proxy, set HTTPS_PROXY; to use a mirror, set npm_config_registry; or try again later.\n"
            f"无法连接 npm 软件源{at(registry)}。\n"
            "如需代理，请设置 HTTPS_PROXY；如用镜像，请设置 npm_config_registry；或稍后再试。"
        )

    run(command, env=with_venv(), unreachable=unreachable)


def with_venv():
    """Where npm came from the Python package index, it looks for node on the path."""
    return os.environ | {"PATH": os.pathsep.join([os.environ.get("PATH", ""), str(BIN)])}


def at(url):
    return f" ({re.sub('//[^/@]*@', '//…@', url)})" if url else ""


NETWORK_TROUBLE = re.compile(
    r"""(?ix) dns\ error | (failed\ to|not)\ (resolve|lookup) | name\ resolution | connect(ion)?\b | network
            | timed?\s?out | tunnel | proxy | certificate | failed\ to\ fetch | HTTP\ status
            | ENOTFOUND | ECONN | ETIMEDOUT | EAI_AGAIN | EHOSTUNREACH | ERR_SOCKET | E40[347] | E5\d\d"""
)


def run(command, *, env=None, unreachable=None):
    """Runs quietly; shows what the program said only if it failed."""
    result = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if result.returncode == 0:
        return
    last_lines = "\n".join(result.stdout.strip().splitlines()[-12:])
    print(last_lines, file=sys.stderr)
    if unreachable and NETWORK_TROUBLE.search(last_lines):
        raise unreachable()
    shown = " ".join(str(part) for part in command)
    raise CannotInstall(f"This did not work; its last words are above: {shown}\n以下命令失败，其输出见上：{shown}")


def say(what, detail):
    print(f"{what:<26}{detail}", flush=True)


if __name__ == "__main__":
    main()
