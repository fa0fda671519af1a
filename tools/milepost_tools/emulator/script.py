"""Running one script on a fresh board, from power-on to exit status.

The script and the project's files come as a ROMFS image, modules compiled to .mpy as they are deployed; the output goes
to a file, so that no byte waits for a reader. Nothing from outside reaches the board while it runs: with `icount` the
same script takes the same number of instructions every time.
"""

import subprocess
import tempfile
from pathlib import Path

from .errors import BoardFailed
from .firmware import mpy_cross
from .qemu import UNIQUE_ID, Settings, command
from .romfs import Files
from .shell import must

SCRIPT = "script.py"
TIMED_OUT = 124
RUNNER = b"""\
import emulated, sys
status = 0
try:
    exec(compile(open("script.py").read(), "script.py", "exec"), {"__name__": "__main__"})
except SystemExit as end:
    status = end.value if isinstance(end.value, int) else int(end.value is not None)
except BaseException as error:
    sys.print_exception(error)
    status = 1
emulated.exit(status & 255)
"""


def run_script(
    files: Files,
    main_script: str,
    *,
    icount: int | None = None,
    sleep_off: bool | None = None,
    seed: int = 0,
    unique_id: bytes = UNIQUE_ID,
    flash: Path | None = None,
    timeout_s: float = 60.0,
) -> str:
    """Run `main_script` (source text) as __main__ with `files` importable and readable at /rom; return its output.

    With `icount` idle time is skipped unless `sleep_off` says False. BoardFailed if the script raises, ends with a
    status other than 0, or takes more than `timeout_s` of the host's time.
    """
    with tempfile.TemporaryDirectory(prefix="milepost-emulator-") as name:
        folder = Path(name)
        whole = {**_compiled(files, folder), SCRIPT: main_script.encode(), "main.py": RUNNER}
        skip = icount is not None if sleep_off is None else sleep_off
        words = command(Settings(whole, icount, skip, seed, unique_id, flash), folder, f"file:{folder / 'output'}")
        return _run_to_end(words, folder / "output", timeout_s)


def _compiled(files: Files, folder: Path) -> dict[str, Path | bytes]:
    compiler = mpy_cross()
    return dict(_compile(compiler, name, content, folder) for name, content in files.items())


def _compile(compiler: Path, name: str, content: Path | bytes, folder: Path) -> tuple[str, Path | bytes]:
    if not name.endswith(".py"):
        return name, content
    source, target = folder / "module.py", folder / "module.mpy"
    source.write_bytes(content if isinstance(content, bytes) else content.read_bytes())
    must([compiler, "-march=rv32imc", "-s", name, "-o", target, source])
    return name[:-3] + ".mpy", target.read_bytes()


def _run_to_end(words: list[str], output: Path, timeout_s: float) -> str:
    try:
        done = subprocess.run(  # noqa: S603  (the words are ours, and no shell reads them)
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout_s
        )
    except subprocess.TimeoutExpired as error:
        raise BoardFailed(f"the script took more than {timeout_s:g} s", TIMED_OUT, _read(output)) from error
    text = _read(output)
    if done.returncode:
        raise BoardFailed(f"the script ended with status {done.returncode}", done.returncode, text + done.stderr)
    return text


def _read(output: Path) -> str:
    return output.read_bytes().decode(errors="replace").replace("\r\n", "\n") if output.exists() else ""
