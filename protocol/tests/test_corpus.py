"""The corpus that fuzzing found, replayed: every input ends well, soon, and in little memory, on both VMs."""

import json
import subprocess
import time
import tracemalloc
from pathlib import Path

import pytest
from milepost_protocol import varint
from milepost_protocol.errors import ProtocolError

CORPUS = Path(__file__).parent / "corpus"
FILES = sorted(CORPUS.glob("*.jsonl"))
ROOT = Path(__file__).parents[2]
INPUT_S_MAX = 1.0  # the slowest takes some 10 ms on a desk, and CI is slow
INPUT_BYTES_PEAK_MAX = 256 * 1024  # what one input may allocate at a time; an end with its session takes some 30 kB


@pytest.fixture(scope="module")
def fuzz(load_file):
    return load_file(Path(__file__).with_name("fuzz_targets.py"))


def inputs(path):
    return [bytes.fromhex(json.loads(line)) for line in path.read_text().splitlines()]


def test_every_target_has_a_corpus_and_every_corpus_its_target(fuzz):
    assert [path.stem for path in FILES] == sorted(fuzz.TARGETS)
    assert sum(len(inputs(path)) for path in FILES) > 500


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_input_ends_soon_and_in_little_memory(path, fuzz):
    fuzz.run(path.stem, inputs(path)[0])  # what is imported and made once is nobody's input
    tracemalloc.start()
    try:
        for data in inputs(path):
            tracemalloc.reset_peak()
            before, began = tracemalloc.get_traced_memory()[0], time.perf_counter()
            fuzz.run(path.stem, data)
            assert time.perf_counter() - began < INPUT_S_MAX, data.hex()
            assert tracemalloc.get_traced_memory()[1] - before < INPUT_BYTES_PEAK_MAX, data.hex()
    finally:
        tracemalloc.stop()


def test_every_input_ends_well_on_micropython(micropython):
    command = ["env", "MICROPYPATH=.frozen:protocol", *micropython, "protocol/tests/fuzz_targets.py"]
    command += [str(path.relative_to(ROOT)) for path in FILES]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)
    count = sum(len(inputs(path)) for path in FILES)
    assert done.stdout + done.stderr == f"corpus: {count} inputs on micropython\n"


@pytest.mark.parametrize("target", ["records", "gateway-behind"])
def test_the_corpus_finds_a_decoder_that_raises_something_else(target, fuzz, monkeypatch):
    get = varint.get

    def careless(data, at):
        try:
            return get(data, at)
        except ProtocolError as error:
            raise IndexError from error

    monkeypatch.setattr(varint, "get", careless)
    with pytest.raises(IndexError):
        fuzz.replay(str(CORPUS / f"{target}.jsonl"))


def test_the_corpus_finds_an_end_that_lets_a_protocol_error_out(fuzz, monkeypatch):
    monkeypatch.setattr(fuzz.NodeEnd, "receive", lambda self, packet, now: (_ for _ in ()).throw(ProtocolError("out")))
    with pytest.raises(AssertionError):
        fuzz.replay(str(CORPUS / "node-behind.jsonl"))
