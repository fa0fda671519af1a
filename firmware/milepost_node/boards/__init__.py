"""Boards, by name: a module each, imported only where it is asked for, so that `machine` is needed on a chip alone."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..board import Board

BOARDS = ("unix", "esp32")  # module names in this package


def open_board(config: "dict[str, Any]", identity: "dict[str, Any]", folder: str) -> "Board":
    """The board that `config["board"]` names, for the node directory `folder`."""
    name = config["board"]
    module = __import__("milepost_node.boards." + name, None, None, ("open_board",))
    board: Board = module.open_board(config, identity, folder)
    return board
