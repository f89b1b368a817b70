"""Make `.venv` ready for `make run` or `make test`; a second call finds it ready and needs no network.

Uses only the standard library, `python3 -m venv` and pip (uv where it is on the PATH).
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".ready"
EXTRAS = {"run": "web,cli,postgres", "test": "web,cli,metrics,postgres,pydantic,sqlalchemy"}
GROUPS = {"run": ("shop",), "test": ("shop", "dev")}
WITHOUT_THEIR_DEPENDENCIES = ("baskets",)


def main() -> None:
    """Prepare `.venv` for the purpose named on the command line: run or test."""
    if sys.version_info < OLDEST:
        start_again_with_a_newer_python()
    purpose = sys.argv[1] if len(sys.argv) > 1 else "test"
    with Path(__file__).open() as one_at_a_time:
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        if not is_ready(purpose):
            prepare(purpose)


def start_again_with_a_newer_python() -> None:
    """Replace this process by one of a Python that is new enough, or explain what is missing."""
    for minor in range(20, OLDEST[1] - 1, -1):
        newer = shutil.which(f"python3.{minor}")
        if newer:
            os.execv(newer, [newer, *sys.argv])  # noqa: S606 - the same program under another Python
    sys.exit("twofold needs Python 3.11 or newer; `make PYTHON=/path/to/python3.12 ...` names one off the PATH")


def is_ready(purpose: str) -> bool:
    """Whether a set-up of this very project for *purpose* (or more) was finished, and still works."""
    stamp = STAMP.read_text().split() if STAMP.is_file() else []
    return (
        stamp[1:] == [fingerprint()]
        and stamp[0] in {purpose, "test"}
        and works("import apsw, msgspec, importlib.util as spec; assert spec.find_spec('twofold')")
    )


def works(code: str) -> bool:
    """Whether the Python in `.venv` can run *code*."""
    try:
        return subprocess.run([PYTHON, "-c", code], capture_output=True, check=False, cwd=VENV).returncode == 0
    except OSError:
        return False


def fingerprint() -> str:
    """Changes whenever what has to be installed may have changed."""
    told = b"".join((ROOT / name).read_bytes() for name in ("pyproject.toml", "uv.lock") if (ROOT / name).is_file())
    return hashlib.sha256(told + str(ROOT).encode()).hexdigest()


def prepare(purpose: str) -> None:
    """Create `.venv` unless it is sound, install into it, and put the stamp in as the very last thing."""
    if STAMP.is_file() and STAMP.read_text().startswith("test "):
        purpose = "test"  # what was wanted once is kept up to date
    STAMP.unlink(missing_ok=True)
    if not works("import pip"):
        print("set-up: making .venv", flush=True)
        shutil.rmtree(VENV, ignore_errors=True)
        call(sys.executable, "-m", "venv", str(VENV), failing="On Debian and Ubuntu, venv is a package: python3-venv.")
    print(f"set-up: installing what `make {purpose}` needs, once", flush=True)
    groups, pins = dependency_groups(), locked_versions()
    install("--editable", f".[{EXTRAS[purpose]}]", *(one for name in GROUPS[purpose] for one in groups[name]), *pins)
    install("--no-deps", *(one for name in WITHOUT_THEIR_DEPENDENCIES for one in groups[name]))
    STAMP.write_text(f"{purpose} {fingerprint()}\n")


def dependency_groups() -> dict[str, list[str]]:
    """The `[dependency-groups]` of pyproject.toml: pip before 25.1 cannot read them itself."""
    import tomllib  # noqa: PLC0415 - not there before the check of Python's version

    groups: dict[str, list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    return groups


def locked_versions() -> list[str]:
    """The versions of uv.lock as constraints, for pip and uv alike."""
    import tomllib  # noqa: PLC0415 - not there before the check of Python's version

    lock = ROOT / "uv.lock"
    if not lock.is_file():
        return []
    packages = tomllib.loads(lock.read_text())["package"]
    pins = [f"{one['name']}=={one['version']}\n" for one in packages if "registry" in one["source"]]
    constraints = VENV / "constraints.txt"
    constraints.write_text("".join(pins))
    return ["--constraint", str(constraints)]


def install(*arguments: str) -> None:
    """Install with uv where it is there, else with pip."""
    uv = shutil.which("uv")
    installer = [uv, "pip", "install", "--python", str(PYTHON)] if uv else [str(PYTHON), "-m", "pip", "install"]
    call(
        *installer,
        "--quiet",
        *arguments,
        failing="The first set-up downloads from the package registry: is there a network? Later runs need none.",
    )


def call(*command: str, failing: str) -> None:
    """Run *command*; when it fails, end with the last lines it printed and the hint *failing*."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-12:])
        sys.exit(
            f"{last}\n\nset-up failed at: {' '.join(command[:5])} ...\n{failing}\nThen run the same command again."
        )


if __name__ == "__main__":
    main()
