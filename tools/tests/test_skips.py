"""What cannot run is seen: a skip where somebody works is a failure in CI, whatever made it."""

import shutil
import sys
from pathlib import Path

import pytest
from milepost_tools.processes import run

TESTS = {
    "skips": "def test_it():\n    pytest.skip('mosquitto missing')\n",
    "marked": "@pytest.mark.skipif(True, reason='no qemu')\ndef test_it():\n    pass\n",
    "in_a_fixture": "@pytest.fixture\ndef tool():\n    pytest.skip('no tool')\ndef test_it(tool):\n    pass\n",
    "a_whole_module": "pytest.importorskip('no_such_module_at_all')\ndef test_it():\n    pass\n",
}
EXCUSED = {
    "excused": "def test_it():\n    pytest.skip('does not apply: another machine')\n",
    "expected_to_fail": "@pytest.mark.xfail(reason='known')\ndef test_it():\n    assert False\n",
}


def outcome(root: Path, folder: Path, text: str, ci: str) -> tuple[int, str]:
    shutil.copy(root / "conftest.py", folder)
    (folder / "test_it.py").write_text("import pytest\n" + text + "def test_other():\n    pass\n")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        folder,
        "-c",
        "/dev/null",
        folder,
    ]
    done = run(command, cwd=folder, env={"CI": ci}, timeout_s=60)
    return done.returncode, done.stdout


@pytest.mark.parametrize("text", TESTS.values(), ids=TESTS)
def test_a_skip_passes_at_home_and_fails_in_ci(root: Path, tmp_path: Path, text: str) -> None:
    status, shown = outcome(root, tmp_path, text, ci="")
    assert "1 skipped" in shown
    assert status in (0, 5)  # 5: the whole module was skipped, so nothing was collected
    status, shown = outcome(root, tmp_path, text, ci="true")
    assert status in (1, 2)
    assert "in CI a skip is a failure" in shown


@pytest.mark.parametrize("text", EXCUSED.values(), ids=EXCUSED)
def test_what_does_not_apply_or_is_expected_is_no_failure(root: Path, tmp_path: Path, text: str) -> None:
    status, shown = outcome(root, tmp_path, text, ci="true")
    assert status == 0, shown
