"""The model of custody across sessions: it holds, it was searched whole, and each planted break of a rule is found."""

import pytest
from milepost_tools.model.command import PLANTS, search

BROKEN = {  # what Spin says of each planted break
    1: "assertion violated disk",  # acked before the commit: freed before durable
    2: "assertion violated disk",
    3: "assertion violated disk",
    4: "assertion violated proof",  # replaced by a session that nobody has shown the key of
    5: "assertion violated  !(ended",  # two sessions deliver
    6: "invalid end state",  # undrained, and nothing left to happen
}


@pytest.fixture(autouse=True)
def spin(need):
    need("spin")
    need("cc", "gcc")


def test_every_state_of_the_model_keeps_every_promise():
    found = search()
    assert found.broken == ""
    assert found.states > 1_000_000, "so few that something is switched off"
    assert found.seconds < 60


@pytest.mark.parametrize("plant", range(1, PLANTS + 1))
def test_a_planted_break_of_a_rule_is_found(plant):
    assert search(plant=plant).broken.startswith(BROKEN[plant])
