"""Claims about `milepost decode`: golden bytes are told in words, every byte is told once, and no input breaks it."""

import json
import stat
from binascii import unhexlify

import pytest
from hypothesis import given
from hypothesis import strategies as st
from milepost_protocol import blocks, records
from milepost_protocol.commands import Command, request_range
from milepost_protocol.frames import FrameDecoder, encode_frame
from milepost_protocol.handshake import make_hello, make_welcome, session_keys
from milepost_protocol.packets import DOWN, EMPTY, JOIN, NO_SESSION, POLL, short
from milepost_protocol.records import GONE, RESULT, ROUTINE, Record
from milepost_protocol.schema import Schema, decode_schema
from milepost_protocol.session import Session
from milepost_tools import cli
from milepost_tools.decode.blocks import explain_plain
from milepost_tools.decode.conversation import Conversation
from milepost_tools.decode.frame import explain
from milepost_tools.decode.lines import Lines, render

KEY, NODE = bytes(range(32)), bytes.fromhex("a4cf12000001")


@pytest.fixture(scope="module")
def vectors(root):
    def vectors(name):
        return json.loads((root / "protocol" / "tests" / "vectors" / f"{name}.json").read_text())["cases"]

    return vectors


@pytest.fixture
def talk(vectors):
    """The golden conversation's packets, in the order they were sent."""
    case = vectors("handshake")[0]
    return [unhexlify(text) for text in (case["hello"], case["welcome"], *case["packets_up"], case["ack_down"])]


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "node.key"
    path.write_text(KEY.hex() + "\n")
    path.chmod(0o600)
    return path


def said(pieces, key=KEY):
    """The explanation of a conversation."""
    told = Conversation(lambda node: key)
    return "\n".join(render(explain(piece, told)) for piece in pieces)


def fields(lines, depth):
    """The bytes that an explanation names at one depth, one after another."""
    return b"".join(line.data for line in lines if line.depth == depth and line.at >= 0)


def plain_said(plain, schemas=None):
    lines = Lines()
    explain_plain(plain, {} if schemas is None else schemas, lines, 0)
    return render(lines)


def block(kind, body):
    out = bytearray()
    blocks.put(out, kind, body)
    return bytes(out)


@pytest.mark.parametrize("wrap", [bytes, encode_frame], ids=["datagram", "serial"])
def test_the_golden_conversation_is_told_to_its_plaintexts(talk, wrap):
    text = said([wrap(packet) for packet in talk])
    for words in (
        "version 01, up, HELLO",
        "node a4cf12000001",
        "boot 7",
        "MAC, right: it answers the HELLO above, and opens a session",
        "ack_delay_ms_max 1000",
        "packet 1 of node a4cf12000001; its plaintext, 5 bytes:",
        "block 02: PING",
        "block 51: routine event",
        "largest packet number that came: 1",
        "it came 3 ms ago",
        "bitmap: of those before, 0 came",
    ):
        assert words in text
    assert "WRONG" not in text
    assert text.count("tag, right") == 3


def test_a_frame_is_told_byte_by_byte_and_every_byte_once(talk):
    for packet in talk:
        lines = explain(encode_frame(packet), Conversation())
        assert fields(lines, 2)[: len(packet)] == packet
        assert render(lines).count("delimiter\n") == 2
        assert "CRC-32, right" in render(lines)
        assert fields(explain(packet, Conversation()), 1) == packet


def test_without_a_key_everything_in_clear_is_told_and_why_the_rest_is_not(talk):
    text = said(talk, None)
    assert "boot 7" in text
    assert text.count("MAC, not checked: no key of this node") == 2
    assert "tag, not checked: that takes the node's key" in text


def test_a_wrong_key_is_named_as_such(talk):
    text = said(talk, bytes(32))
    assert "MAC, WRONG under the given key" in text
    assert "MAC, WRONG for every HELLO above" in text
    assert "tag, not checked" in text


def test_a_session_without_its_hello_stays_closed(talk):
    assert "the HELLO that it answers is not here" in said(talk[1:])
    assert "no session of address 9 is above" in said([*talk[:2], bytes([0x40, 9]) + talk[2][2:]])
    assert "tag, WRONG for every session of address 1 above" in said([*talk[:2], talk[2][:-1] + b"\xff"])


def test_a_packet_number_beyond_16_bits_is_found(talk):
    hello = make_hello(KEY, NODE, 7, bytes(8))
    welcome = make_welcome(KEY, hello, bytes(8), 1, 0)
    session = Session(NODE, 7, session_keys(KEY, hello, welcome), 0, 1, 0)
    session._number = 3 * 65536 + 40_000
    session.ping()
    text = said([hello.packet, welcome.packet, session.next_packet(0)])
    assert f"packet {3 * 65536 + 40_000} of node" in text


def test_every_record_vector_is_told_with_its_values(vectors):
    for case in vectors("records"):
        schema = decode_schema(unhexlify(case["schema"]))
        plain = block(blocks.SCHEMA, schema.body) + block(case["type"], unhexlify(case["body"]))
        text = plain_said(plain)
        kind, _, boot, sequence, uptime_ms, values, _ = case["records"][0]
        for words in (
            f"boot {boot}",
            f"first sequence {sequence}",
            f"first uptime {uptime_ms} ms",
            f"site {schema.site}",
        ):
            assert words in text, case["name"]
        assert "NOT LEGAL" not in text and "cut short" not in text
        if kind == records.ROWS:
            names = [f"{len(case['records'])} records", f"{len(values)} channels of {len(case['records'])} rows"]
            assert all(name in text for name in names), case["name"]


def test_rows_are_told_in_units_with_the_words_of_their_quality():
    schema = Schema("nha-be", 1, (2, 4))
    rows = [Record(records.ROWS, ROUTINE, schema.hash, 3, i, 60_000 * i, (423 + i, -150)) for i in range(3)]
    rows[1].quality, rows[1].values = (7, 1), (9999, None)
    text = plain_said(block(blocks.SCHEMA, schema.body) + block(*records.pack(rows)))
    assert "pm25 ug/m3: 42.3 999.9 42.5" in text
    assert "temp Cel: -1.50 null -1.50" in text
    assert "pm25, rows 1 to 1: 3 saturated" in text
    assert "temp, rows 1 to 1: 9 missing" in text
    assert "times: 2 steps of 60000 ms" in text


def test_rows_without_their_schema_are_told_as_far_as_their_front(vectors):
    case = vectors("records")[1]
    text = plain_said(block(case["type"], unhexlify(case["body"])))
    assert "5 records, no sequence missing in between" in text
    assert "without the schema they cannot be told apart" in text


def test_single_records_and_commands_are_told_in_words():
    event = records.pack([Record(1, 0, 5, 3, 99, 123, (1, 1, 95))])
    gone = records.pack([Record(GONE, 1, 5, 3, 99, 123, (1, 3, 10, 42))])
    result = records.pack([Record(RESULT, 1, 5, 3, 99, 123, (77, 2))])
    command = blocks.COMMAND, request_range(77, 3, 100, 4000).encode()
    text = plain_said(b"".join(block(*one) for one in (event, gone, result, command, (0x06, b"\x99"), (0x03, b"\x05"))))
    for words in (
        "event 1: parking occupied",
        "confidence 95 %",
        "reason 1: overflow",
        "to sequence 42",
        "status 2: unknown-verb",
        "verb 7: request-range",
        "argument 4000",
        "a block of type 99 was not understood",
        "token 5",
    ):
        assert words in text
    assert "verb 99: unknown" in plain_said(block(blocks.COMMAND, Command(1, 99).encode()))


def test_unknown_blocks_are_told_with_what_a_receiver_does():
    text = plain_said(block(0x17, b"abc") + block(0x99, b"") + b"\x02\x05\x00")
    assert "unknown and elective: skipped" in text
    assert "unknown and critical: answered with ERROR" in text
    assert "NOT LEGAL: block cut short: 1 bytes are left; it spoils the whole packet" in text


@pytest.mark.parametrize(
    ("packet", "words"),
    [
        (short(0, 4, EMPTY), "EMPTY"),
        (short(DOWN, 4, NO_SESSION), "NO-SESSION"),
        (short(DOWN, 4, POLL | 8), "POLL: the turn, for 8 packets"),
        (short(DOWN, 254, JOIN | 2), "JOIN: 2 slots"),
        (b"\x58\x04\x0f", "unknown: ignored"),
        (b"\x48\x00" + bytes(10), "cut short"),
        (b"\x48\x00" + bytes(40), "HELLO of a wrong length"),
    ],
)
def test_short_and_misshapen_packets_are_told(packet, words):
    assert words in said([packet])
    assert words in said([encode_frame(packet)])


def test_damage_is_told_for_exactly_the_frames_that_a_receiver_drops(vectors):
    for case in vectors("frames"):
        data = unhexlify(case.get("feed", case.get("frame")))
        if not data or data[0]:
            continue
        decoder = FrameDecoder()
        decoder.feed(data + b"\0")
        text = said([data])
        assert text.count("DAMAGED") + text.count("OVERSIZE") >= decoder.damaged + decoder.oversize, case
        assert text.count("CRC-32, right") == decoder.frames, case


def test_nothing_is_learnt_from_a_damaged_frame(talk):
    broken = bytearray(encode_frame(talk[0]))
    broken[-2] ^= 1
    text = said([bytes(broken), *talk[1:3]])
    assert "CRC-32, WRONG" in text
    assert "the HELLO that it answers is not here" in text


@given(st.binary(max_size=300))
def test_any_bytes_are_explained(data):
    told = Conversation(lambda node: KEY)
    assert render(explain(data, told))
    assert render(explain(b"\0" + data + b"\0", told))


@given(st.binary(max_size=230))
def test_any_plaintext_is_explained(data):
    assert plain_said(data)
    assert plain_said(block(blocks.SCHEMA, Schema("a", 1, (1, 2, 3)).body) + data)


@given(st.sampled_from([0x40, 0x50, 0x53, 0x6F, 0x01, 0x04, 0x05, 0x88]), st.binary(max_size=120))
def test_any_body_is_explained(kind, body):
    assert plain_said(block(kind, body))


@given(st.integers(0, 10_000), st.integers(0, 7))
def test_every_flipped_bit_of_a_frame_is_told(at, bit):
    frame = bytearray(encode_frame(make_hello(KEY, NODE, 7, bytes(8)).packet))
    frame[1 + at % (len(frame) - 2)] ^= 1 << bit
    text = said([bytes(frame)])
    assert "DAMAGED" in text
    assert "CRC-32, right" not in text


# -- the command ----------------------------------------------------------------------------------------------------------


def run(*arguments):
    return cli.run(["decode", *map(str, arguments)])


def test_the_command_reads_a_transcript_with_a_key_from_a_file(talk, key_file, capsys):
    assert run("--key", key_file, *[encode_frame(packet).hex() for packet in talk]) == 0
    out = capsys.readouterr().out
    assert out.count("tag, right") == 3
    assert KEY.hex() not in out and KEY.hex(" ")[:35] not in out


@pytest.mark.parametrize("arguments", [(), ("-",)])
def test_the_command_reads_stdin_line_by_line(talk, capsys, monkeypatch, arguments):
    import io

    lines = ["# a comment", "", *[" ".join(f"{byte:02X}" for byte in packet) for packet in talk[:2]]]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(lines)))
    assert run(*arguments) == 0
    assert capsys.readouterr().out.count("a bare packet") == 2


def test_bytes_given_one_by_one_are_one_piece(capsys):
    assert run("58", "04", "01") == 0
    assert "EMPTY" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text", [f'{{"node": "{NODE.hex()}", "key": "{KEY.hex()}"}}', f'{{"{NODE.hex()}": "{KEY.hex()}"}}']
)
def test_an_identity_and_a_gateways_keys_are_key_files_too(talk, key_file, capsys, text):
    key_file.write_text(text)
    assert run("--key", key_file, talk[0].hex()) == 0
    assert "MAC, right" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("mode", "text", "code"),
    [
        (0o644, KEY.hex(), "E-KEYS-02"),
        (0o640, KEY.hex(), "E-KEYS-02"),
        (0o600, KEY.hex()[:-2], "E-KEYS-03"),
        (0o600, "not a key", "E-KEYS-03"),
        (0o600, "{}x", "E-KEYS-03"),
        (0o600, '{"key": 5, "node": null}', "E-KEYS-03"),
    ],
)
def test_a_key_file_that_is_open_to_others_or_no_key_is_refused(key_file, capsys, mode, text, code):
    key_file.write_text(text)
    key_file.chmod(mode)
    assert run("--key", key_file, "580401") == 2
    error = capsys.readouterr().err
    assert code in error and len(error.splitlines()) == 1
    assert KEY.hex()[:32] not in error
    assert stat.S_IMODE(key_file.stat().st_mode) == mode


def test_a_key_given_in_place_of_its_file_is_not_repeated(capsys):
    assert run("--key", KEY.hex(), "580401") == 2
    assert KEY.hex()[:16] not in capsys.readouterr().err


@pytest.mark.parametrize("piece", ["xyz", "580", "58 04 g1"])
def test_what_is_no_hex_is_a_usage_error_in_one_line(capsys, piece):
    assert run(piece) == 2
    error = capsys.readouterr().err
    assert error.startswith("milepost: E-HEX-01") and len(error.splitlines()) == 1
