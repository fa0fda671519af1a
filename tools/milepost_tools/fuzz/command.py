"""`tools/fuzz TARGET`: fuzz for so many seconds, from the kept corpus; `--keep` keeps what was found.

Exit status: 0 nothing found · 1 a finding, printed as hex and one command · 2 usage · 6 atheris is not installed.
"""

import importlib.util
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import rich_click as click

from ..processes import run, say
from . import corpus

EXECUTION_S_MAX = 5  # one input; the slowest honest one takes milliseconds
MEMORY_MB_MAX = 512  # the interpreter, coverage tables and all
INPUT_BYTES_MAX = 4096  # sixteen packets of the greatest length
LOAD_S_MAX = 120.0  # instrumenting and reading the corpus, on a slow machine
LIMITS = [f"-timeout={EXECUTION_S_MAX}", f"-rss_limit_mb={MEMORY_MB_MAX}", f"-max_len={INPUT_BYTES_MAX}"]


@click.command()
@click.argument("target", type=click.Choice([*corpus.load_targets().TARGETS, "all"]))
@click.option("--seconds", type=click.IntRange(1), default=30, show_default=True, help="For each target.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--keep", is_flag=True, help="Write the corpus beside the tests.")
@click.option("--input", "text", help="Run this one input, in hex, and nothing else.")
def main(target: str, seconds: int, seed: int, keep: bool, text: str | None) -> None:
    """Feed a decoder, or a whole end, what coverage says is new to it."""
    module = corpus.load_targets()
    if text is not None:
        module.run(target, bytes.fromhex(text))
        return
    if importlib.util.find_spec("atheris") is None:
        say("tools/fuzz: atheris is missing; it is in the dev extra, for Linux on x86-64 and Python before 3.14")
        sys.exit(6)
    names = list(module.TARGETS) if target == "all" else [target]
    sys.exit(max([fuzz(name, module.seeds(name), seconds, seed, keep) for name in names]))


def fuzz(target: str, seeds: list[bytes], seconds: int, seed: int, keep: bool) -> int:
    """Fuzz one target; 1 if something was found."""
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder, "found")
        found.mkdir()
        for number, data in enumerate(seeds + corpus.read(target)):
            (found / f"seed{number}").write_bytes(data)
        options = [f"-max_total_time={seconds}", f"-seed={seed}", f"-artifact_prefix={folder}/", "-print_final_stats=1"]
        done = _one(target, seconds, *LIMITS, *options, str(found))
        if done.returncode:
            return _tell_finding(target, done.stdout, Path(folder))
        click.echo(f"{target:16} {_figures(done.stdout)}, {len(list(found.iterdir()))} inputs")
        if keep:  # libFuzzer has kept only what reached something new, and replaced what a shorter input reaches too
            kept = corpus.write(target, [path.read_bytes() for path in found.iterdir()])
            click.echo(f"{target:16} kept {kept}")
    return 0


def _one(target: str, seconds: int, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "milepost_tools.fuzz.one", target, *options]
    return run(command, timeout_s=seconds + LOAD_S_MAX)


def _figures(text: str) -> str:
    runs = re.findall(r"number_of_executed_units:\s*(\d+)", text)
    covered = re.findall(r"cov: (\d+) ft: (\d+)", text)
    edges, features = covered[-1] if covered else ("0", "0")
    return f"{int(runs[-1]) if runs else 0:,} executions, {edges} edges, {features} features"


def _tell_finding(target: str, text: str, folder: Path) -> int:
    """Print what broke, and the input that broke it."""
    click.echo("\n".join(line for line in text.splitlines() if not line.startswith("#"))[-4000:], err=True)
    for path in sorted(folder.glob("*-*")):
        click.echo(f"{target}: {path.name.split('-')[0]} of {path.stat().st_size} bytes")
        click.echo(f"reproduce: tools/fuzz {target} --input {path.read_bytes().hex()}")
    return 1
