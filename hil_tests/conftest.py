"""Fixtures of the end-to-end tests: one whole site for each test, in a folder that is kept, drawn from a seed that is shown.

MILEPOST_SEED replays a seed. A tool that is missing skips with its reason, and fails where CI=true.
"""

import os
import zlib

import pytest
from milepost_tools.demo.nodes import find_micropython
from milepost_tools.errors import Fault
from milepost_tools.hil.payloads import invalid
from milepost_tools.hil.site import Site
from milepost_tools.processes import in_ci, which

SEED = pytest.StashKey[str]()


def missing(reason):
    if in_ci():
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def micropython():
    """The command that runs MicroPython."""
    try:
        return find_micropython()
    except Fault as fault:
        return missing(fault.text)


@pytest.fixture
def seed(request):
    """What everything random of this test is drawn from."""
    drawn = int(os.environ.get("MILEPOST_SEED", zlib.crc32(request.node.nodeid.encode()) & 0xFFFF))
    request.node.stash[SEED] = f"seed {drawn} (again with MILEPOST_SEED={drawn}), run directory {request.node.name}"
    return drawn


@pytest.fixture
async def site(tmp_path, micropython, seed, request):
    """A site whose nodes the test chooses: `await site.start(plan, ...)`."""
    if which("mosquitto") is None:
        missing("mosquitto is missing: sudo apt-get install mosquitto")
    request.node.stash[SEED] = f"seed {seed} (again with MILEPOST_SEED={seed}), run directory {tmp_path}"
    made = Site(tmp_path, micropython, seed)
    try:
        yield made
    finally:
        await made.close()
    assert invalid(made.messages) == [], "messages that the shipped schemas do not allow"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure says how to have it again and where to look."""
    report = yield
    if report.failed and SEED in item.stash:
        report.sections.append(("replay", item.stash[SEED]))
    return report
