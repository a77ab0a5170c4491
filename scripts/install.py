"""Sets up the virtual environment, and shows how far it is. Standard library only: nothing is there yet.

python3 scripts/install.py .venv
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements" / "all.txt"
OLDEST = (3, 11)


def main() -> int:
    venv = ROOT / (sys.argv[1] if len(sys.argv) > 1 else ".venv")
    if sys.version_info < OLDEST:
        return fail(
            f"this is Python {sys.version.split()[0]}; Offhook needs 3.11 or newer.",
            "name one with: make PYTHON=python3.12",
        )
    python = venv / "bin" / "python"
    if not python.exists():
        print(
            "Setting up Offhook: about 300 MB, a minute or two. Only the first time takes that long.",
            flush=True,
        )
        made = subprocess.run(
            [sys.executable, "-m", "venv", str(venv)], capture_output=True, text=True, check=False
        )
        if made.returncode:
            shutil.rmtree(venv, ignore_errors=True)
            return fail(
                f"no virtual environment could be made: {made.stdout.strip() or made.stderr.strip()}",
                "on Debian and Ubuntu: apt install python3-venv",
            )
    pip = [
        str(python),
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-input",
        "--only-binary=:all:",
    ]
    log = venv / "install.log"
    steps = (
        [*pip, "--only-binary=:all:", "--require-hashes", "-r", str(REQUIREMENTS)],
        [*pip, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)],
    )
    with Progress(count_packages()) as progress, log.open("w") as out:
        for step in steps:
            status = follow(step, progress, out)
            if status:
                progress.close()
                print(*log.read_text().splitlines()[-15:], sep="\n", file=sys.stderr)
                return fail(
                    "the installation failed; above is what pip said.", f"the whole of it is in {log}"
                )
    (venv / ".installed").touch()
    return 0


def count_packages() -> int:
    """Packages that the requirements name: a few more than any one Python needs."""
    return len(re.findall(r"^[a-z0-9].*==", REQUIREMENTS.read_text(), re.MULTILINE))


def follow(command: list[str], progress: Progress, out: object) -> int:
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        assert pip.stdout is not None
        for line in pip.stdout:
            print(line, end="", file=out)  # type: ignore[call-overload]
            if found := re.match(r"\s*Collecting (\S+?)(==|\s|$)", line):
                progress.package(found[1])
            elif found := re.match(r"\s*Downloading (\S+?)-\S+ \((.+)\)", line):
                progress.say(f"downloading {found[1].rsplit('/')[-1]} ({found[2]})")
            elif line.startswith("Installing collected"):
                progress.say("unpacking")
    return pip.returncode


class Progress:
    """One line that is written over on a terminal; elsewhere a line now and then."""

    WIDTH = 30

    def __init__(self, total: int) -> None:
        self.total = max(total, 1)
        self.done = 0
        self.began = time.monotonic()
        self.shown = 0.0
        self.live = sys.stdout.isatty()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def package(self, name: str) -> None:
        self.done = min(self.done + 1, self.total)
        self.say(name)

    def say(self, what: str) -> None:
        seconds = time.monotonic() - self.began
        if not self.live and seconds - self.shown < 10:
            return
        self.shown = seconds
        filled = self.WIDTH * self.done // self.total
        bar = "█" * filled + "░" * (self.WIDTH - filled)
        text = f"  {bar} {self.done}/{self.total}  {seconds:3.0f} s  {what:.40}"
        print(f"\r\033[K{text}" if self.live else text, end="" if self.live else "\n", flush=True)

    def close(self) -> None:
        if self.live and self.shown:
            print(f"\r\033[K  Installed in {time.monotonic() - self.began:.0f} s.", flush=True)
        self.shown = 0.0


def fail(problem: str, remedy: str) -> int:
    print(f"offhook: {problem}\n  {remedy}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
