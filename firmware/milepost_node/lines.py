"""Where in a JSON text a value stands: `json` forgets it, and whoever has to correct a file wants the line.

A walk over the text's words that knows strings, nesting, commas and colons, and nothing of numbers or words. It answers for
text that `json` has accepted; for any other text it may say None.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    Path = tuple[str | int, ...]


def line_of(text: str, path: "Path") -> "int | None":
    """The line (from 1) of the key or the list's item that `path` names; of the nearest thing around it that is there."""
    best, depth = None, -1
    for line, here in _places(text):
        if len(here) > depth and here == path[: len(here)]:
            best, depth = line, len(here)
    return best


def _places(text: str) -> "Iterator[tuple[int, Path]]":
    """Each key and each item of a list, with its line and path."""
    stack: list[str | int] = []  # the key or index that is open at each level
    kinds = ""  # "{" or "[" for each level
    expects_key = False
    for line, word in _words(text):
        if kinds[-1:] == "[" and word not in ",]":
            yield line, tuple(stack)
        if word in "{[":
            kinds += word
            stack.append(0 if word == "[" else "")
            expects_key = word == "{"
        elif word in "}]":
            kinds = kinds[:-1]
            stack = stack[:-1]
            expects_key = False
        elif word == ",":
            expects_key = kinds[-1:] == "{"
            if kinds[-1:] == "[":
                stack[-1] = int(stack[-1]) + 1
        elif expects_key:
            stack[-1] = word[1:-1]
            expects_key = False
            yield line, tuple(stack)


def _words(text: str) -> "Iterator[tuple[int, str]]":
    """Brackets, commas, strings with their quotes, and runs of anything else but blanks and colons."""
    line, at = 1, 0
    while at < len(text):
        end = at + 1
        if text[at] == '"':
            while end < len(text) and text[end] != '"':
                end += 2 if text[end] == "\\" else 1
            end += 1
        elif text[at] not in "{}[],: \t\r\n":
            while end < len(text) and text[end] not in '"{}[],: \t\r\n':
                end += 1
        if text[at] not in ": \t\r\n":
            yield line, text[at:end]
        line += text[at] == "\n"
        at = end
