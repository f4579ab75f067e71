"""
What Go's JSON decoder says of text that is no JSON.

Status messages quote it (reference kubernetes-api.md 4.2). This runs only after the fast decoder has refused, so it may be slow; it follows the states
of Go's scanner, without recursion, and stops at the first byte that does not fit.
"""

from __future__ import annotations

import json

MAX_DEPTH = 10000
_END = "unexpected end of JSON input"
_SPACE = b" \t\r\n"
_DIGITS = b"0123456789"
_HEX = b"0123456789abcdefABCDEF"
_LITERALS = {ord("t"): b"true", ord("f"): b"false", ord("n"): b"null"}


class _Refused(Exception):
    pass


class _Scanner:
    def __init__(self, body: bytes) -> None:
        self.body = body
        self.at = 0

    def peek(self, *, skip: bool = True) -> int:
        """The next byte (after white space); the end of the input is a refusal."""
        body = self.body
        if skip:
            while self.at < len(body) and body[self.at] in _SPACE:
                self.at += 1
        if self.at >= len(body):
            raise _Refused(_END)
        return body[self.at]

    def refuse(self, where: str) -> _Refused:
        return _Refused(f"invalid character {_quoted(self.body[self.at])} {where}")

    def expect(self, allowed: bytes, where: str, *, skip: bool = False) -> int:
        char = self.peek(skip=skip)
        if char not in allowed:
            raise self.refuse(where)
        self.at += 1
        return char

    def string(self) -> None:
        """The rest of a string whose quote has been read."""
        while True:
            char = self.peek(skip=False)
            if char == ord('"'):
                self.at += 1
                return
            if char < 0x20:
                raise self.refuse("in string literal")
            self.at += 1
            if char == ord("\\") and self.expect(b'bfnrt\\/"u', "in string escape code") == ord("u"):
                for _ in range(4):
                    self.expect(_HEX, "in \\u hexadecimal character escape")

    def digits(self) -> None:
        while self.at < len(self.body) and self.body[self.at] in _DIGITS:
            self.at += 1

    def number(self, char: int) -> None:
        """The rest of a number that began with *char*."""
        if char == ord("-"):
            char = self.expect(_DIGITS, "in numeric literal")
        if char != ord("0"):
            self.digits()
        if self.body[self.at : self.at + 1] == b".":
            self.at += 1
            self.expect(_DIGITS, "after decimal point in numeric literal")
            self.digits()
        if self.body[self.at : self.at + 1] in (b"e", b"E"):
            self.at += 1
            if self.body[self.at : self.at + 1] in (b"+", b"-"):
                self.at += 1
            self.expect(_DIGITS, "in exponent of numeric literal")
            self.digits()

    def scalar(self, char: int) -> None:
        """A scalar that begins with *char*, which has been read."""
        if char == ord('"'):
            self.string()
        elif char == ord("-") or char in _DIGITS:
            self.number(char)
        elif (literal := _LITERALS.get(char)) is not None:
            for wanted in literal[1:]:
                self.expect(bytes((wanted,)), f"in literal {literal.decode()} (expecting '{chr(wanted)}')")
        else:
            self.at -= 1
            raise self.refuse("looking for beginning of value")

    def key(self) -> None:
        self.expect(b'"', "looking for beginning of object key string", skip=True)
        self.string()
        self.expect(b":", "after object key", skip=True)

    def document(self) -> None:
        stack: list[int] = []
        while True:
            char = self.peek()
            self.at += 1
            if char in b"{[":
                stack.append(char)
                if len(stack) > MAX_DEPTH:
                    raise _Refused("exceeded max depth")
                closing = b"}" if char == ord("{") else b"]"
                if self.peek() not in closing:
                    if char == ord("{"):
                        self.key()
                    continue
            else:
                self.scalar(char)
            if not self.close(stack):
                return

    def close(self, stack: list[int]) -> bool:
        """After a value: close what ends here, and stand before the next value. False at the end of the document."""
        while stack:
            if stack[-1] == ord("{"):
                char = self.expect(b",}", "after object key:value pair", skip=True)
                if char == ord(","):
                    self.key()
                    return True
            elif self.expect(b",]", "after array element", skip=True) == ord(","):
                return True
            stack.pop()
        while self.at < len(self.body):
            if self.body[self.at] not in _SPACE:
                raise self.refuse("after top-level value")
            self.at += 1
        return False


def error(body: bytes) -> str | None:
    """Go's text for what is wrong with *body*, None if nothing is."""
    try:
        _Scanner(body).document()
    except _Refused as refused:
        return str(refused)
    return None


def _quoted(char: int) -> str:
    if char == ord("'"):
        return r"'\''"
    if char == ord('"'):
        return "'\"'"
    if 0x7F <= char < 0xA0:
        return f"'\\u{char:04x}'" if char != 0x7F else r"'\x7f'"
    if char < 0x20 and chr(char) not in "\a\b\f\n\r\t\v":
        return f"'\\x{char:02x}'"
    text = {"\a": r"\a", "\v": r"\v"}.get(chr(char)) or json.dumps(chr(char), ensure_ascii=False)[1:-1]
    return f"'{text}'"
