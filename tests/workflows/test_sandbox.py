"""Code of workflows: what it can do, what it cannot, and what becomes of code that wants too much."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from botkit.app.guests import spawn_guest
from botkit.workflows.sandbox.pool import CodeFailed, CodeRequest, Language, Sandbox

CANARY = "canary-4f1d"
LANGUAGES: tuple[Language, ...] = ("javascript", "python")


@pytest.fixture
async def sandbox(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sandbox]:
    monkeypatch.setenv("BOTKIT_MASTER_KEY", CANARY)
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    made = Sandbox(spawn_guest, slots=2)
    yield made
    await made.close()


async def echo(calls: list[tuple[int, str, dict[str, Any]]]) -> list[tuple[int, bool, Any]]:
    return [(number, name != "no__no", {"name": name, **arguments}) for number, name, arguments in calls]


async def value(sandbox: Sandbox, language: Language, code: str, given: Any = None, **limits: Any) -> Any:
    return (await sandbox.run(CodeRequest(language=language, code=code, input=given, **limits), echo)).value


async def failure(sandbox: Sandbox, language: Language, code: str, **limits: Any) -> CodeFailed:
    wanted: dict[str, Any] = {"cpu_s": 0.5, "memory_bytes": 32 << 20, **limits}
    request = CodeRequest(language=language, code=code, **wanted)
    with pytest.raises(CodeFailed) as caught:
        await sandbox.run(request, echo)
    return caught.value


async def test_values_go_in_and_come_out(sandbox: Sandbox):
    given: Any = {"a": [1, 2.5, None, True, "ü"], "b": {"c": {}}}
    assert await value(sandbox, "javascript", "return input;", given) == given
    assert await value(sandbox, "python", "input", given) == given
    assert await value(sandbox, "javascript", "input.a", given) is None
    assert await value(sandbox, "python", "from datetime import date\n[date(2026, 1, 2), {1}]") == ["2026-01-02", [1]]


async def test_mistakes_are_shown_where_they_are(sandbox: Sandbox):
    thrown = await failure(sandbox, "javascript", "let a = 1;\n  null.x")
    assert (thrown.code, thrown.line) == ("code_error", 2)
    assert "TypeError: cannot read property 'x' of null" in str(thrown)
    unread = await failure(sandbox, "javascript", "let a = 1;\nlet b = ;\nreturn a;")
    assert (unread.code, unread.line, unread.column) == ("code_error", 2, 9)
    thrown = await failure(sandbox, "python", "a = 1\nb = a / 0")
    assert (thrown.code, thrown.line, thrown.column) == ("code_error", 2, 5)
    unread = await failure(sandbox, "python", "a = 1\ndef f(:")
    assert (unread.code, unread.line) == ("code_error", 2)
    assert (await failure(sandbox, "javascript", "await new Promise(() => {})")).code == "code_error"


async def test_tools_are_called_and_answer(sandbox: Sandbox):
    code = "const [a, b] = await Promise.all([tools.x__y({q: 1}), tools.call('z__z')]);\nreturn [a, b];"
    assert await value(sandbox, "javascript", code) == [{"name": "x__y", "q": 1}, {"name": "z__z"}]
    code = "import asyncio\nawait asyncio.gather(tools.x__y({'q': 1}), tools.call('z__z'), tools.w__w(e=2))"
    assert await value(sandbox, "python", code) == [
        {"name": "x__y", "q": 1},
        {"name": "z__z"},
        {"name": "w__w", "e": 2},
    ]
    assert await value(sandbox, "javascript", "try { await tools.no__no() } catch (e) { return 'caught' }") == "caught"
    code = "try:\n    await tools.no__no()\nexcept RuntimeError:\n    out = 'caught'\nout"
    assert await value(sandbox, "python", code) == "caught"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_tools_asked_for_side_by_side_are_called_side_by_side_and_numbered_alike(
    sandbox: Sandbox, language: Language
):
    rounds: list[list[tuple[int, str]]] = []

    async def tools(calls: list[tuple[int, str, dict[str, Any]]]) -> list[tuple[int, bool, Any]]:
        rounds.append([(number, name) for number, name, _ in calls])
        return [(number, True, number) for number, _, _ in reversed(calls)]

    code = {
        "javascript": "const two = async (n) => [await tools[n](), await tools[n + '2']()];\n"
        "return await Promise.all([two('a__a'), two('b__b')]);",
        "python": "import asyncio\nasync def two(n):\n    return [await tools.call(n), await tools.call(n + '2')]\n"
        "await asyncio.gather(two('a__a'), two('b__b'))",
    }[language]
    result = await sandbox.run(CodeRequest(language=language, code=code), tools)
    assert rounds == [[(0, "a__a"), (1, "b__b")], [(2, "a__a2"), (3, "b__b2")]]
    assert result.value == [[0, 2], [1, 3]]


async def test_code_does_the_same_again(sandbox: Sandbox):
    codes: dict[Language, str] = {
        "javascript": "return [Date.now(), new Date().toISOString(), new (new Date(0).constructor)().getTime(), Date(),"
        " Math.random(), Math.random(), typeof performance, typeof WeakRef, typeof Atomics];",
        "python": "import random, time\nfrom datetime import datetime\n"
        "[datetime.now(), time.time(), time.monotonic(), random.random(), random.Random().random()]",
    }
    for language, code in codes.items():
        first = await value(sandbox, language, code, now_ms=1_700_000_000_000, seed=7)
        assert await value(sandbox, language, code, now_ms=1_700_000_000_000, seed=7) == first
        assert await value(sandbox, language, code, now_ms=1_700_000_000_000, seed=8) != first
    js = await value(sandbox, "javascript", codes["javascript"], now_ms=1_700_000_000_000)
    assert js[0] == js[2] == 1_700_000_000_000
    assert js[6:] == ["undefined"] * 3


async def test_what_is_printed_is_kept_up_to_a_limit(sandbox: Sandbox):
    told = await sandbox.run(CodeRequest(language="javascript", code="console.log('a', {b: 1}); console.error(2)"))
    assert told.console == ('a {"b":1}', "2")
    assert (await sandbox.run(CodeRequest(language="python", code="print('a', 1)\nprint('b')"))).console == ("a 1", "b")
    for language, code in (
        ("javascript", "for (let i = 0; i < 1e4; i++) console.log('x'.repeat(100))"),
        ("python", "for i in range(10000): print('x' * 100)"),
    ):
        request = CodeRequest(language=language, code=code, console_bytes=1000)  # pyright: ignore[reportArgumentType]
        assert sum(map(len, (await sandbox.run(request)).console)) < 1200


JAVASCRIPT_ESCAPES = {
    "the function constructor": "return Function('return typeof process + typeof require + typeof std + typeof os')()",
    "a constructor's constructor": "return (() => {}).constructor.constructor('return typeof process')()",
    "the async function constructor": "return await (async () => {}).constructor('return typeof require')()",
    "the constructor of what is handed in": "return tools.call.constructor.constructor('return typeof process')()",
    "the console's prototype": "return console.log.constructor('return typeof std')()",
    "eval, directly and not": "return eval('typeof process') + (0, eval)('typeof os')",
    "the global object": "return ['process', 'require', 'std', 'os', 'fetch', 'Deno', 'Bun', 'setTimeout',"
    " 'scriptArgs', 'print', 'Worker', '__loadScript'].map(name => typeof globalThis[name]).join()",
    "a name on the call stack": "return (function f() { return f.caller ? 'leaked' : 'no' })()",
    "prepareStackTrace": "Error.prepareStackTrace = (e, f) => f; const e = new Error('x'); return typeof e.stack[0] ==="
    " 'object' && typeof e.stack[0].getThis === 'function' ? typeof e.stack[0].getThis() : 'undefined'",
    "Symbol.species": "class A extends Array { static get [Symbol.species]() { return Function } }"
    " return new (A[Symbol.species])('return typeof process')()",
    "a proxy as the result": "return new Proxy({}, {ownKeys: () => ['a'], get: () => 'trapped',"
    " getOwnPropertyDescriptor: () => ({configurable: true, enumerable: true})})",
    "a getter in the result": "return {get a() { return typeof process }}",
    "toJSON": "return {toJSON() { return typeof require }}",
    "a poisoned prototype": "Object.prototype.error = {message: 'x', stack: ''}; Object.prototype.value = '1';"
    " Array.prototype.toJSON = () => 'poisoned'; return [1]",
    "poisoned promises": "Promise.prototype.then = () => 5; Map.prototype.get = () => 1; return 1",
    "poisoned JSON": 'JSON.stringify = () => \'{"calls": [[0, "x", {}]]}\'; JSON.parse = () => 1; return 1',
    "leaving the function around it": "return 1; }), (async () => { return typeof process",
    "an unfinished comment": "return typeof process /*",
    "a generator's constructor": "return (function*(){}).constructor('yield typeof process')().next().value",
    "Reflect.construct": "return Reflect.construct(Function, ['return typeof process'])()",
    "arguments of the wrapper": "return typeof arguments[3] + typeof arguments.callee.caller",
}
PYTHON_ESCAPES = {
    "subclasses of object": "().__class__.__bases__[0].__subclasses__()",
    "the class of the input": "input.__class__.__mro__[1].__subclasses__()",
    "globals of a function": "def f(): pass\nf.__globals__",
    "globals of the tools": "tools.__class__.__init__.__globals__",
    "the tools' dictionary": "tools.__dict__",
    "builtins": "__builtins__['open']",
    "import by name": "__import__('os').system('id')",
    "eval": "eval(\"__import__('os').environ\")",
    "exec": "exec('import subprocess')",
    "compile": "compile('1', 'a', 'eval')",
    "os": "import os\nos.system('id')",
    "the environment": "import os\ndict(os.environ)",
    "getenv": "import os\nos.getenv('BOTKIT_MASTER_KEY')",
    "sys": "import sys\nsys.modules",
    "subprocess": "import subprocess",
    "socket": "import socket",
    "ctypes": "import ctypes",
    "importlib": "import importlib",
    "pickle": "import pickle\npickle.loads(b'')",
    "a file": "open('/etc/passwd').read()",
    "a path": "from pathlib import Path\nPath('/etc/passwd').read_text()",
    "writing": "open('/tmp/guest-was-here', 'w').write('x')",
    "format": "'{0.__class__.__mro__}'.format(input)",
    "a format that walks": "'{0.__class__.__init__.__globals__}'.format(tools)",
    "getattr": "getattr((), '__cla' + 'ss__').__bases__",
    "a traceback's frame": "try:\n    1 / 0\nexcept Exception as e:\n    x = e.__traceback__.tb_frame.f_globals\nx",
    "a generator's frame": "(x for x in [1]).gi_frame.f_back",
    "a coroutine's frame": "tools.call('a__b', {}).cr_frame",
    "the code of a function": "def f(): pass\nf.__code__.co_consts",
    "breakpoint": "breakpoint()",
    "input": "globals()['__builtins__']",
}


async def outcome(sandbox: Sandbox, language: Language, code: str) -> str:
    """What the code gave, or the mistake it made; never the end of its process."""
    request = CodeRequest(language=language, code=code, input={"a": 1}, cpu_s=2.0)
    try:
        return str((await sandbox.run(request, echo)).value)
    except CodeFailed as error:
        return f"{error.code} {error}".replace("'tuple' object", "").replace("'_Tools' object", "")


async def test_javascript_does_not_get_out(sandbox: Sandbox):
    for name, code in JAVASCRIPT_ESCAPES.items():
        told = await outcome(sandbox, "javascript", code)
        assert not any(word in told for word in (CANARY, "object", "function", "leaked")), (name, told)
    assert await value(sandbox, "javascript", "return [1, typeof Object.prototype.value]") == [1, "undefined"]


async def test_python_does_not_get_out(sandbox: Sandbox):
    for name, code in PYTHON_ESCAPES.items():
        told = await outcome(sandbox, "python", code)
        assert not any(word in told for word in (CANARY, "built-in", "root:", "site-packages", "<class")), (name, told)
    assert not Path("/tmp/guest-was-here").exists()


async def test_nothing_is_left_for_the_next_run(sandbox: Sandbox):
    await value(sandbox, "javascript", "globalThis.left = 1; Array.prototype.left = 1; Math.left = 1;")
    assert (
        await value(sandbox, "javascript", "return [typeof left, typeof [].left, typeof Math.left]")
        == ["undefined"] * 3
    )
    await value(sandbox, "python", "left = 1\nimport math\n1")
    assert (await failure(sandbox, "python", "left")).code == "code_error"


async def test_processes_have_no_key_in_their_environment(sandbox: Sandbox):
    await value(sandbox, "javascript", "return 1")
    await value(sandbox, "python", "1")
    found = [environ for pid in sandbox.pids for environ in map(_environ, _family(pid))]
    assert len(found) >= 4
    assert not any(CANARY.encode() in environ for environ in found)


BOMBS: dict[str, tuple[Language, str]] = {
    "a loop": ("javascript", "while (true) {}"),
    "a loop of promises": ("javascript", "while (true) await 0"),
    "a native sort": (
        "javascript",
        "const a = new Array(3e5).fill(0).map((_, i) => -i); while (true) { a.sort(); a.reverse() }",
    ),
    "typed arrays": ("javascript", "const l = []; while (true) l.push(new Uint8Array(1e7).fill(1))"),
    "memory, caught": ("javascript", "const l = []; while (true) try { l.push(new Uint8Array(1e6)) } catch {}"),
    "a growing string": ("javascript", "let s = 'a'; while (true) s += s"),
    "a repeated string": ("javascript", "return 'x'.repeat(5e8).length"),
    "a regular expression": ("javascript", "/(a+)+$/.test('a'.repeat(40) + 'b')"),
    "a native search": ("javascript", "return 'a'.repeat(1.2e7).indexOf('a'.repeat(6e6) + 'b')"),
    "recursion": ("javascript", "function f() { return f() + 1 } return f()"),
    "a join": ("javascript", "return new Array(1e8).join('abc')"),
    "a whole number": ("javascript", "let a = 2n ** 100000n; while (true) a = a * a"),
    "a large result": ("javascript", "return 'x'.repeat(3e6)"),
    "a deep result": ("javascript", "let o = {}; for (let i = 0; i < 500; i++) o = {o}; return o"),
    "a very deep result": ("javascript", "let o = {}; for (let i = 0; i < 1e5; i++) o = {o}; return o"),
    "a toJSON that does not end": ("javascript", "return {toJSON() { while (true); }}"),
    "an array of holes": ("javascript", "new Array(4294967295).fill(1)"),
    "too many tools": ("javascript", "for (let i = 0; i < 1000; i++) tools.a__b({}); await tools.a__b()"),
    "a loop in Python": ("python", "while True: pass"),
    "a list in Python": ("python", "x = []\nwhile True: x.append('a' * 1000 + str(len(x)))"),
    "a string in Python": ("python", "x = 'a' * 10**9"),
    "a power in Python": ("python", "10**10**8"),
    "whole numbers in Python": ("python", "x = 3\nwhile True: x = x * x + 1"),
    "a sum in Python": ("python", "sum(range(10**10))"),
    "recursion in Python": ("python", "def f(n): return f(n + 1)\nf(0)"),
    "a format in Python": ("python", "f'{1:1000000000}'"),
    "a replacement in Python": ("python", "'a'.replace('', 'b' * 10**5).replace('b', 'c' * 10**6)"),
    "a large result in Python": ("python", "'x' * 3000000"),
    "a deep result in Python": ("python", "x = []\nfor i in range(100000): x = [x]\nx"),
    "too many tools in Python": ("python", "for i in range(1000): await tools.a__b({})"),
}


@pytest.mark.parametrize("bomb", BOMBS)
async def test_bombs_are_ended_and_the_next_run_works(sandbox: Sandbox, bomb: str):
    language, code = BOMBS[bomb]
    watch = asyncio.create_task(_peak(sandbox))
    failed = await failure(sandbox, language, code)
    watch.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watch
    assert failed.code == "limit", str(failed)
    assert max(PEAKS.pop(sandbox, [0])) < 260 << 20
    assert await value(sandbox, language, "return 1" if language == "javascript" else "1") == 1


async def test_a_killed_process_is_replaced(sandbox: Sandbox):
    await value(sandbox, "javascript", "return 1")
    before = sandbox.pids
    request = CodeRequest(language="javascript", code="await tools.a__b({})")

    async def kill(calls: list[tuple[int, str, dict[str, Any]]]) -> list[tuple[int, bool, Any]]:
        for pid in _family(before[0]):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
        return await echo(calls)

    with pytest.raises(CodeFailed) as caught:
        await sandbox.run(request, kill)
    assert caught.value.code == "limit"
    assert await value(sandbox, "javascript", "return 2") == 2
    assert sandbox.pids != before


async def test_a_cancelled_run_ends_its_process(sandbox: Sandbox):
    waiting = asyncio.Event()

    async def never(calls: list[tuple[int, str, dict[str, Any]]]) -> list[tuple[int, bool, Any]]:
        waiting.set()
        await asyncio.Event().wait()
        raise AssertionError

    run = asyncio.create_task(sandbox.run(CodeRequest(language="python", code="await tools.a__b({})"), never))
    await waiting.wait()
    assert len(sandbox.pids) == 1
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert sandbox.pids == []


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_hundred_runs_side_by_side(sandbox: Sandbox, language: Language):
    code = "return input * 2" if language == "javascript" else "input * 2"
    found = await asyncio.gather(*(value(sandbox, language, code, number) for number in range(100)))
    assert found == [number * 2 for number in range(100)]
    assert len(sandbox.pids) <= 2


HOST = """
import asyncio
from botkit.app.guests import spawn_guest
from botkit.workflows.sandbox.pool import CodeRequest, Sandbox

async def main():
    sandbox = Sandbox(spawn_guest)
    await sandbox.run(CodeRequest(language="python", code="1"))
    running = asyncio.create_task(sandbox.run(CodeRequest(language="javascript", code="while (true) {}", cpu_s=60)))
    while len(sandbox.pids) < 2:
        await asyncio.sleep(0.01)
    print(*sandbox.pids, flush=True)
    await running

asyncio.run(main())
"""


async def test_nothing_outlives_botkit_when_that_is_killed():
    host = await asyncio.create_subprocess_exec(sys.executable, "-c", HOST, stdout=asyncio.subprocess.PIPE)
    assert host.stdout is not None
    family = [one for pid in (await host.stdout.readline()).split() for one in _family(int(pid))]
    assert len(family) >= 4
    host.kill()
    await host.wait()
    async with asyncio.timeout(60):
        while any(_resident(pid) for pid in family):
            await asyncio.sleep(0.02)


PEAKS: dict[Sandbox, list[int]] = {}


async def _peak(sandbox: Sandbox) -> None:
    """Note the resident memory of all processes of a sandbox, again and again."""
    seen = PEAKS.setdefault(sandbox, [0])
    while True:
        seen.append(sum(_resident(pid) for top in sandbox.pids for pid in _family(top)))
        await asyncio.sleep(0.02)


def _family(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for one in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{one}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def _environ(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/environ").read_bytes()
    return b""


def _resident(pid: int) -> int:
    with contextlib.suppress(OSError, IndexError, ValueError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0
