"""The ledger: the law holds by itself, and any loss that is not delivery breaks it."""

import apsw
import pytest
from milepost_gateway.errors import MilepostError
from milepost_gateway.ledger import Account, read_ledger_file
from milepost_gateway.stored import Arrival, Delivered, read_front
from milepost_gateway.testing import NODE, air_row
from milepost_protocol.records import ROUTINE, pack


@pytest.fixture
def filled(open_buffer):
    """Three blocks of two records each; of the first, one record is delivered."""
    buffer = open_buffer()
    for first in (0, 2, 4):
        kind, body = pack([air_row(first, cls=ROUTINE), air_row(first + 1)])
        buffer.append([Arrival(NODE, kind, body, 1000, 1000, read_front(kind, body))])
    block = buffer.oldest(1, 1000)[0]
    buffer.release([Delivered(block.id, 1)])
    return buffer


def spoil(buffer, statement):
    with apsw.Connection(str(buffer.path)) as file:
        file.execute(statement)


def test_the_law_holds_from_the_first_record_on(filled):
    ledger = read_ledger_file(filled.path)
    assert ledger.to_json() == {
        "law": "holds",
        "nodes": {NODE.hex(): {"accepted": 6, "delivered": 1, "pending": 5, "discarded": {}, "quarantined": 0}},
        "gateway": {"accepted": 6, "delivered": 1, "pending": 5, "discarded": {}, "quarantined": 0},
    }


@pytest.mark.parametrize(
    "loss",
    [
        "DELETE FROM block WHERE first = 2",
        "UPDATE block SET pending = 1 WHERE first = 4",
        "DELETE FROM block",
        "DELETE FROM boot",
        "UPDATE boot SET delivered = delivered + 1",
    ],
)
def test_a_planted_loss_breaks_the_law(filled, loss):
    spoil(filled, loss)
    ledger = read_ledger_file(filled.path)
    assert not ledger.holds()
    assert ledger.to_json()["law"] == "broken"


def test_one_node_that_lost_a_record_is_not_made_good_by_another_that_has_one_too_many(filled):
    other = bytes.fromhex("a4cf12000002")
    kind, body = pack([air_row(0)])
    filled.append([Arrival(other, kind, body, 1000, 1000, read_front(kind, body))])
    spoil(filled, "UPDATE boot SET accepted = accepted + 1 WHERE node = x'a4cf12000001'")
    spoil(filled, "UPDATE boot SET accepted = accepted - 1 WHERE node = x'a4cf12000002'")
    ledger = read_ledger_file(filled.path)
    assert ledger.total().holds()
    assert not ledger.holds()


def test_what_was_discarded_on_purpose_is_inside_the_law(filled):
    spoil(filled, "DELETE FROM block WHERE first = 2")
    spoil(filled, "INSERT INTO discarded VALUES (x'a4cf12000001', 'overflow', 2)")
    ledger = read_ledger_file(filled.path)
    assert ledger.holds()
    assert ledger.total() == Account(6, 1, 3, 0, {"overflow": 2})


def test_a_buffer_that_is_not_there_is_an_error_and_not_an_empty_ledger(tmp_path):
    with pytest.raises(MilepostError, match="E-DATA-02"):
        read_ledger_file(tmp_path / "buffer.db")
    assert not (tmp_path / "buffer.db").exists()
