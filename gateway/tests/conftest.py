"""What the gateway's tests share: a configuration on disk, a broker, a buffer with an inline group commit.

A test that needs mosquitto skips with a reason where it is missing, and fails there if CI=true.
"""

import json
import os

import pytest
from milepost_gateway.buffer import Buffer
from milepost_gateway.testing import KEY, MOSQUITTO, NODE, Mosquitto

KERNEL = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def write_config(tmp_path):
    """Write a configuration and keys; returns the path. `port` of the serial link, `broker` URL, further TOML."""

    def write(port="/dev/null-port", broker="mqtt://127.0.0.1:1", more="", nodes=(NODE,)):
        keys = tmp_path / "keys.json"
        keys.write_text(json.dumps({node.hex(): KEY.hex() for node in nodes}))
        keys.chmod(0o600)
        path = tmp_path / "gateway.toml"
        path.write_text(
            f'[gateway]\nid = "demo"\narea = "hcmc"\ndata_dir = "data"\nhealth_s = 0.5\n'
            f'[broker]\nurl = "{broker}"\n[buffer]\ncommit_s = 0.05\n{more}'
            f'[[links]]\nname = "air"\nport = "{port}"\n'
        )
        return path

    return write


@pytest.fixture
def need_mosquitto():
    if MOSQUITTO is None:
        reason = "mosquitto is not installed: apt-get install mosquitto"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture
def mosquitto(tmp_path, need_mosquitto):
    with Mosquitto(tmp_path) as broker:
        yield broker


@pytest.fixture
def open_buffer(tmp_path):
    """Open the test's buffer file; may be called again, as after a crash: nothing is closed in between."""
    opened = []

    def open_it(kernel=KERNEL, late_ms=120_000):
        opened.append(Buffer(tmp_path / "buffer.db", kernel, late_ms))
        return opened[-1]

    yield open_it
    for buffer in opened:
        buffer.close()
