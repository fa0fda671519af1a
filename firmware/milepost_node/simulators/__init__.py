"""Simulated parts: what hangs on a bus where there is no sensor, speaking the real one's bytes or registers.

They run on both VMs, in the node's own process, and are used alike by the demo, the tests and the benches. A part is made
from its entry in the configuration's `simulate` (what it shows: a scene; what goes wrong: faults) and from the options of the
schedule that reads it (how the sensor is mounted). PARTS is the one table.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# part: (module, class)
PARTS = {
    "sds011": ("sds011", "SimulatedSds011"),
    "a02yyuw": ("a02yyuw", "SimulatedA02yyuw"),
    "qmc5883l": ("qmc5883l", "SimulatedQmc5883l"),
}


def open_part(plan: "dict[str, Any]", options: "dict[str, Any]") -> "Any":  # noqa: ANN401 - a part on a UART or an I2C bus
    """The part that `plan["part"]` names. Refusal leaves if its scene cannot be opened."""
    module, name = PARTS[plan["part"]]
    return getattr(__import__("milepost_node.simulators." + module, None, None, (name,)), name)(plan, options)
