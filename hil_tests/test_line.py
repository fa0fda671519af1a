"""Noise and cables: what happens on the line costs a retransmission and nothing else."""

from milepost_tools.demo.nodes import air, expectation
from milepost_tools.hil.oracle import differences, losses

QUICK_S = 0.2


async def settled_well(site):
    assert losses(site.received, await site.settle()) == []
    assert differences(site.received, "nha-be", expectation("air")) == []


async def test_a_damaged_frame_costs_only_itself(site):
    await site.start(air(period_s=QUICK_S))
    up = site.nodes["air"].line.up
    for hits in range(1, 6):
        up.damage()
        await site.until(f"frame {hits} is damaged", lambda hits=hits: up.damaged == hits)
        await site.until("health counts it", lambda hits=hits: site.damaged("air") >= hits)
    await site.until_rows("air", 3)
    assert site.damaged("air") == up.damaged == 5
    await settled_well(site)


async def test_damage_on_the_way_down_makes_no_loss_either(site):
    await site.start(air(period_s=QUICK_S))
    down = site.nodes["air"].line.down
    down.damage(4)
    await site.until("four frames to the node are damaged", lambda: down.damaged == 4)
    await site.until_rows("air", 5)
    await settled_well(site)


async def test_frames_that_vanish_or_lose_their_tails_are_sent_again(site):
    await site.start(air(period_s=QUICK_S))
    up = site.nodes["air"].line.up
    up.drop(3)
    up.cut_short(3)
    await site.until("six pieces suffered", lambda: up.dropped + up.cut == 6)
    await site.until_rows("air", 5)
    await settled_well(site)


async def test_a_cable_pulled_and_put_back_costs_nothing(site):
    await site.start(air(period_s=QUICK_S))
    line = site.nodes["air"].line
    line.unplug()
    await site.until("health says that the port is away", lambda: site.link("air").get("open") is False)
    line.plug()
    await site.until_rows("air", 5)
    await settled_well(site)
