"""The size limits hold in this tree, and what is too long is caught, with its place and length."""

from pathlib import Path

import pytest
from milepost_tools.checks import sizes


def plant(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def function(name: str, lines: int, docstring: str = "") -> str:
    """A function of `lines` lines, `def` included, and a docstring on top of them."""
    return f"def {name}():\n" + docstring + "    pass\n" * (lines - 1)


def test_this_tree_keeps_its_sizes(root: Path) -> None:
    assert sizes.violations(root) == []


@pytest.mark.parametrize("name", ["protocol/a.py", "gateway/tests/test_a.py", "hil_tests/a.py", "tools/bootstrap"])
def test_a_file_of_four_hundred_lines_is_caught(tmp_path: Path, name: str) -> None:
    plant(tmp_path, name, "x = 1\n" * 399)
    assert sizes.violations(tmp_path) == []
    plant(tmp_path, name, "x = 1\n" * 400)
    assert sizes.violations(tmp_path) == [f"{name}:1: 400 lines, 399 at most"]


def test_a_function_of_forty_one_lines_is_caught_wherever_it_hides(tmp_path: Path) -> None:
    inner = "".join("    " + line + "\n" for line in function("long", 41).splitlines())
    plant(tmp_path, "firmware/a.py", function("short", 40) + "class A:\n" + inner.replace("def", "async def"))
    assert sizes.violations(tmp_path) == ["firmware/a.py:42: long has 41 lines, 40 at most"]


def test_a_docstring_costs_a_function_nothing(tmp_path: Path) -> None:
    plant(tmp_path, "tools/a.py", function("told", 40, '    """First.\n\n    More.\n    """\n'))
    assert sizes.violations(tmp_path) == []


def test_a_test_may_tell_a_long_story_but_its_helper_may_not(tmp_path: Path) -> None:
    plant(tmp_path, "tools/tests/test_a.py", function("test_a_long_story", 60) + function("helper", 41))
    plant(tmp_path, "tools/a.py", function("test_in_name_only", 41))
    names = [line.split(": ")[1].split()[0] for line in sizes.violations(tmp_path)]
    assert sorted(names) == ["helper", "test_in_name_only"]


def test_an_excuse_must_name_what_exists_and_say_why(root: Path) -> None:
    for name, reason in sizes.EXCUSED.items():
        path, _, function_name = name.partition("::")
        assert len(reason) > 10
        assert (root / path).exists()
        assert not function_name or any(one.name == function_name for one in sizes.functions(root / path, root))


def test_the_summary_shows_the_median(tmp_path: Path) -> None:
    plant(tmp_path, "tools/a.py", function("a", 2) + function("b", 4) + function("c", 9))
    assert sizes.summary(tmp_path) == "sizes: 1 files; 3 functions, median 4 lines, 9 of 10 under 10"
