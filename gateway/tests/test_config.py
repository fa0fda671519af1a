"""The configuration: each thing that can be wrong is one line that names file, line and key."""

import json
import re
from pathlib import Path

import pytest
from milepost_gateway.config import example_config, load_config, load_keys
from milepost_gateway.errors import ERRORS, MilepostError

GOOD = """\
# a gateway
[gateway]
id = "demo"
area = "hcmc"
data_dir = "data"

[broker]
url = "mqtt://127.0.0.1:1884"

[buffer]
commit_s = 5

[[links]]
name = "air"
port = "/dev/ttyUSB0"

[[links]]
name = "flood"
port = "/dev/ttyUSB1"
baud = 9600
"""


@pytest.fixture
def fault(tmp_path):
    """Change GOOD, load it, and give the error's text after the file's path."""

    def load(old="", new=""):
        assert old in GOOD
        path = tmp_path / "gateway.toml"
        path.write_text(GOOD.replace(old, new, 1))
        with pytest.raises(MilepostError) as caught:
            load_config(path)
        text = str(caught.value)
        assert "\n" not in text
        assert caught.value.exit_status == 2
        assert str(path) in text
        return text.replace(f"{path}:", "")

    return load


def test_a_good_file_gives_all_settings_and_defaults(tmp_path):
    path = tmp_path / "gateway.toml"
    path.write_text(GOOD)
    config = load_config(path)
    assert (config.host, config.port) == ("127.0.0.1", 1884)
    assert config.gateway.root == "city"
    assert config.buffer.commit_s == 5.0
    assert [(link.name, link.baud) for link in config.links] == [("air", 115200), ("flood", 9600)]
    assert config.beside("data") == tmp_path / "data"


@pytest.mark.parametrize(
    "old, new, begins",
    [
        ('area = "hcmc"', 'arae = "hcmc"', "E-CONF-03 4: gateway.arae unknown key"),
        ("[broker]", "[brokre]", "E-CONF-03 7: brokre unknown section"),
        ("baud = 9600", "baud = 9600\nspeed = 1", "E-CONF-03 21: links[1].speed unknown key"),
        ("commit_s = 5", 'commit_s = "5"', "E-CONF-04 11: buffer.commit_s must be a number"),
        ("commit_s = 5", "commit_s = true", "E-CONF-04 11: buffer.commit_s must be a number"),
        ("baud = 9600", 'baud = "9600"', "E-CONF-04 20: links[1].baud must be a whole number"),
        ('id = "demo"', "id = 7", "E-CONF-04 3: gateway.id must be a text"),
        ("# a gateway", "x = = 3", "E-CONF-02  not TOML: Invalid value (at line 1"),
        ("[buffer]\ncommit_s", "buffer", "E-CONF-03 10: broker.buffer unknown key"),
        ("commit_s = 5", "commit_s = 0", "E-CONF-05 11: buffer.commit_s must be 0.01 to 60.0"),
        ("commit_s = 5", "commit_s = nan", "E-CONF-05 11: buffer.commit_s must be 0.01 to 60.0"),
        ("baud = 9600", "baud = 9601", "E-CONF-05 20: links[1].baud must be one of 9600,"),
        ('id = "demo"', 'id = "Demo/1"', "E-CONF-05 3: gateway.id must be 1 to 32 of a-z"),
        ('data_dir = "data"', 'data_dir = ""', "E-CONF-05 5: gateway.data_dir must not be empty"),
        ("/dev/ttyUSB1", "/dev/ttyUSB0", "E-CONF-05 19: links[1].port is there twice"),
        ("mqtt://127.0.0.1:1884", "http://broker", "E-CONF-05 8: broker.url must look like mqtt://host:1883"),
        ("mqtt://127.0.0.1:1884", "mqtt://h:port", "E-CONF-05 8: broker.url must look like mqtt://host:1883"),
        ("mqtt://127.0.0.1:1884", "mqtt://a:b@h", "E-CONF-05 8: broker.url no user in the URL"),
        ('url = "mqtt://127.0.0.1:1884"', "", "E-CONF-06 7: broker.url is missing"),
        ('port = "/dev/ttyUSB1"', "", "E-CONF-06 17: links[1].port is missing"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(fault, old, new, begins):
    assert fault(old, new).startswith(begins)


def test_a_section_that_is_no_table_is_named_with_its_line(tmp_path):
    path = tmp_path / "gateway.toml"
    path.write_text("\nbuffer = 5\n" + GOOD.replace("[buffer]\ncommit_s = 5", ""))
    with pytest.raises(MilepostError, match=r"E-CONF-04 .*toml:2: buffer must be a section"):
        load_config(path)


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(MilepostError, match=r"E-CONF-01 .*none.toml: No such file"):
        load_config(tmp_path / "none.toml")


def test_without_links_there_is_nothing_to_run(tmp_path):
    path = tmp_path / "gateway.toml"
    path.write_text(GOOD.split("[[links]]")[0])
    with pytest.raises(MilepostError, match=r"E-CONF-06 .* links 1 to 64"):
        load_config(path)


def test_every_error_code_has_a_documented_exit_status():
    assert {status for status, _ in ERRORS.values()} == {1, 2, 3, 4, 5, 7}


def test_the_example_has_every_setting_and_asks_for_what_has_no_default(tmp_path):
    path = tmp_path / "gateway.toml"
    path.write_text(example_config())
    with pytest.raises(MilepostError, match=r"E-CONF-05 .*:4: gateway.id must not be empty"):
        load_config(path)
    filled = re.sub(r"^(id|area|data_dir|name|port) = \"\"", r'\1 = "x"', example_config(), flags=re.M)
    filled = filled.replace('url = ""', 'url = "mqtt://x"')
    path.write_text(filled)
    plain = load_config(path)
    path.write_text(re.sub(r"^# (\w+ = )", r"\1", filled, flags=re.M))
    assert load_config(path) == plain


# -- keys -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def keys_file(tmp_path):
    def write(content, mode=0o600):
        path = tmp_path / "keys.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1))
        path.chmod(mode)
        return path

    return write


def test_keys_are_read_by_node(keys_file):
    assert load_keys(keys_file({"a4cf12000001": "0f" * 32})) == {bytes.fromhex("a4cf12000001"): b"\x0f" * 32}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_keys_file_that_others_may_touch_is_refused(keys_file, mode):
    with pytest.raises(MilepostError, match=r"E-KEYS-02 .*chmod 600"):
        load_keys(keys_file({}, mode))


@pytest.mark.parametrize(
    "content, says",
    [
        ("{", "E-KEYS-03 .*:1: not JSON"),
        ("[]", "E-KEYS-03 .*:1: must be an object"),
        ({"a4cf12000001": "0f" * 32, "A4CF12000002": "0f" * 32}, "E-KEYS-03 .*:3: 'A4CF12000002' is no node id"),
        ({"a4cf12000001": "5ec7e7" * 10}, "E-KEYS-03 .*:2: the key of a4cf12000001 must be 64 digits"),
        ({"a4cf12000001": None}, "E-KEYS-03 .*:2: the key of a4cf12000001 must be 64 digits"),
    ],
)
def test_a_wrong_key_is_named_by_node_and_never_shown(keys_file, content, says):
    with pytest.raises(MilepostError, match=says) as caught:
        load_keys(keys_file(content))
    assert "5ec7e7" not in str(caught.value)
    assert "0f0f" not in str(caught.value)


def test_a_keys_file_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(MilepostError, match=r"E-KEYS-01"):
        load_keys(tmp_path / "keys.json")


def test_the_readme_documents_every_code_with_its_exit_status():
    readme = (Path(__file__).parent.parent / "README.md").read_text()
    rows = set(re.findall(r"^\| (\d+) \| (E-[A-Z]+-\d\d) \| (.*) \|$", readme, flags=re.M))
    assert rows == {(str(status), code, about) for code, (status, about) in ERRORS.items()}
