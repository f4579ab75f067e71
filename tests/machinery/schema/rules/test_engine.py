"""CEL as Kubernetes has it: the core language, its functions, optional values, and what is told of a bad expression."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest

from solovirt.machinery.schema.rules.engine import CompileError, EvaluationError, Expression, environment

VALUES = {"a": {"b": 1}, "list": [3, 1, 2], "name": "my-name", "at": datetime(2024, 5, 1, tzinfo=UTC)}


def evaluated(source: str):
    expression = Expression(source)
    return expression.evaluate(environment({"self": VALUES}, expression.functions))


@pytest.mark.parametrize(
    "source",
    [
        "self.list.all(x, x > 0) && self.list.exists(x, x == 3)",
        "self.list.filter(x, x > 1).map(x, x * 2) == [6, 4]",
        "size(self.name) == 7 && self.name.startsWith('my')",
        "!has(self.nothing) && has(self.a.b)",
        "self.at > timestamp('2020-01-01T00:00:00Z')",
        "self.at < timestamp('2020-01-01T00:00:00Z') + duration('87600h')",
        "string(true) == 'true' && bool('false') == false && int('7') == 7",
        # Strings and regular expressions, with Go's ASCII classes.
        r"'12'.matches(r'^\d+$') && !'١٢'.matches(r'^\d+$')",
        "'abc'.find('[b-c]+') == 'bc' && 'a1b2'.findAll('[0-9]') == ['1', '2']",
        "'a,b'.split(',').join('+') == 'a+b' && 'Ab'.lowerAscii() == 'ab' && ' x '.trim() == 'x'",
        "'hello'.substring(1, 3) == 'el' && 'hello'.indexOf('l') == 2 && 'hello'.lastIndexOf('l') == 3",
        "'%s is %d and %.1f'.format(['x', 2, 1.25]) == 'x is 2 and 1.2'",
        # Lists and sets.
        "[1, 2, 3].sum() == 6 && self.list.min() == 1 && self.list.max() == 3 && !self.list.isSorted()",
        "self.list.indexOf(2) == 2 && sets.contains(self.list, [1]) && sets.intersects([1], [1, 2])",
        # Quantities: equal in value is equal.
        "quantity('1') == quantity('1000m') && quantity('1Gi').isGreaterThan(quantity('1G'))",
        "isQuantity('200Mi') && !isQuantity('200Mo') && quantity('1k').add(5).asInteger() == 1005",
        # URLs, addresses, named formats.
        "url('https://a.example:80/b?c=d').getHostname() == 'a.example' && !isURL('../x')",
        "isIP('10.0.0.1') && ip('::1').isLoopback() && ip.isCanonical('::1') && ip('10.0.0.1').family() == 4",
        "cidr('10.0.0.0/8').containsIP('10.1.2.3') && !isCIDR('10.0.0.0') && cidr('10.0.0.0/8').prefixLength() == 8",
        "!format.dns1123Label().validate('a-b').hasValue() && format.dns1123Label().validate('A').hasValue()",
        # Optional values.
        "self.?a.b.orValue(5) == 1 && self.?z.b.orValue(5) == 5 && !self.?z.hasValue()",
        "self[?'a'].hasValue() && self.list[?9].orValue(0) == 0 && {'k': 1}[?'k'].value() == 1",
        "self.a.?b.optMap(x, x + 1).orValue(0) == 2 && self.?z.optMap(x, x + 1).orValue(0) == 0",
        # What looks like syntax inside a string is none.
        "'self.?a' == 'self.' + '?a' // and self.?nonsense in a comment",
    ],
)
def test_what_kubernetes_evaluates(source):
    assert evaluated(source) is True


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("self.nothing == 1", "no such key: nothing"),
        ("self.list[7] == 1", "index out of bounds: 7"),
        ("self.a.b / 0 == 1", "division by zero"),
        ("9223372036854775807 + self.a.b > 0", "integer overflow"),
        ("self.name + self.a.b == ''", "no such overload"),
        ("self.list.matches('a')", "no such overload"),
    ],
)
def test_failures_are_told_in_the_words_of_cel_go(source, told):
    with pytest.raises(EvaluationError, match=f"^{told}"):
        evaluated(source)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("nope == 1", "ERROR: <input>:1:1: undeclared reference to 'nope' (in container '')\n | nope == 1\n | ^"),
        ("nope(1)", "ERROR: <input>:1:5: undeclared reference to 'nope' (in container '')\n | nope(1)\n | ....^"),
        ("self.list.all(x, y)", "undeclared reference to 'y' (in container '')"),
        ("self.", "Syntax error"),
        ("", "ERROR: <input>:1:1"),
    ],
)
def test_an_expression_that_cannot_be_compiled_is_refused(source, told):
    with pytest.raises(CompileError) as caught:
        Expression(source)
    assert told in str(caught.value)


def test_loading_the_library_does_not_load_its_command_line():
    script = (
        "import sys; from solovirt.machinery.schema.rules.engine import Expression; Expression('1 == 1'); "
        "print([name for name in ('typer', 'rich', 'prompt_toolkit') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "call", ["self.find('^(a+)+$')", "self.findAll('(a+)+c').join('')", "string(self.matches('^(a+)+$'))"]
)
def test_no_pattern_takes_for_ever(call):
    """Go's regular expressions take linear time (RE2); those of Python would take hours for this."""
    expression = Expression(call)
    started = time.process_time()
    assert expression.evaluate(environment({"self": "a" * 50 + "b"}, expression.functions)) in ("", "a" * 50, "false")
    assert time.process_time() - started < 1


def test_patterns_are_those_of_go():
    expression = Expression(
        r"self.findAll('\\d+') == ['1', '22'] && self.find('(?P<x>b+)') == 'bb' && self.find('\\Ax') == ''"
    )
    assert expression.evaluate(environment({"self": "a1bb22٣"}, expression.functions)) is True


@pytest.mark.parametrize(
    "source",
    [
        "1" + " + 1" * 20_000,
        "self" + ".a" * 20_000,
        "self" + "[0]" * 20_000,
        "size(" * 20_000 + ")" * 20_000,
        "!" * 20_000 + "true",
    ],
    ids=["sum", "fields", "indexes", "calls", "not"],
)
def test_what_would_overflow_the_interpreters_stack_is_refused(source):
    with pytest.raises(CompileError, match="limit"):
        Expression(source)


def test_a_panic_of_the_interpreter_is_a_bad_expression():
    with pytest.raises(CompileError):
        Expression("size(" * 1_000 + "1" + ")" * 1_000)


@pytest.mark.parametrize(
    "source", ["1" + " + 1" * 2_900 + " > 0", "true" + " && true" * 1_400, "'" + "." * 50_000 + "' != ''"]
)
def test_what_is_long_but_not_too_long_is_evaluated(source):
    assert evaluated(source) is True
