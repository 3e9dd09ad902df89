#!/usr/bin/env python3
"""The tools that judge the tree, judged: each rule of check_tree and format is broken once, in a tree made for it. And what docs/ says of code, compiled."""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
sys.path.insert(0, str(ROOT / "tools" / "test.d"))
import contention  # noqa: E402
import places  # noqa: E402
import run as suites  # noqa: E402

GOOD = {"proxy/base/slice.h": "#include <stddef.h>\nstruct slice {\n\tsize_t length;\n};\nsize_t slice_length(struct slice s);\n",
        "proxy/base/slice.c": '#include "base/slice.h"\nstatic const char *const names[] = {"a", "b"};\n'
                              "size_t slice_length(struct slice s)\n{\n\treturn s.length + (size_t)names[0][0];\n}\n",
        "filters/one/one.h": '#include "base/slice.h"\nstruct one {\n\tstruct slice name;\n};\n'}

# name -> (files besides the good ones, what must be said; None: nothing fails)
CASES = {
    "a good tree": ({}, None),
    "a lower layer includes a higher one": ({"proxy/net/conn.h": "struct conn;\n", "proxy/base/bad.h": '#include "net/conn.h"\n'},
                                            "base may not include proxy/net/conn.h"),
    "a filter includes another": ({"filters/two/two.h": '#include "filters/one/one.h"\n'}, "filter may not include filters/one/one.h"),
    "a filter includes itself": ({"filters/one/config.h": '#include "filters/one/one.h"\n'}, None),
    "single headers of a layer": ({"proxy/stream/filter.h": "struct filter;\n", "filters/one/a.h": '#include "stream/filter.h"\n'}, None),
    "another header of that layer": ({"proxy/stream/chain.h": "struct chain;\n", "filters/one/a.h": '#include "stream/chain.h"\n'},
                                     "filter may not include proxy/stream/chain.h"),
    "only main includes server": ({"proxy/server/worker.h": "struct worker;\n", "proxy/manager/bad.h": '#include "server/worker.h"\n'},
                                  "manager may not include proxy/server/worker.h"),
    "a filter that isn't registered": ({"filters/two/two.h": "extern const struct filter_type two_filter;\n", "filters/registry.c": "int X(one);\n"},
                                       "add X(two) to filters/registry.c"),
    "a filter that is": ({"filters/two/two.h": "extern const struct conn_filter_type two_filter;\n", "filters/registry.c": "int X(two);\n"}, None),
    "a library outside its files": ({"proxy/codec/http1.c": "#include <ev.h>\nint http1(void);\n"}, "<ev.h> is the detail of"),
    "generated code outside config": ({"proxy/net/conn.c": '#include "envoy/x.pb-c.h"\n'}, "generated code is for"),
    "a missing header": ({"proxy/base/bad.c": '#include "base/none.h"\n'}, "is no file of the tree"),
    "a header that needs another": ({"proxy/base/bad.h": "size_t bad(void);\n"}, "doesn't compile alone"),
    "an unfinished mark": ({"proxy/base/bad.c": "/* " + "TO" + "DO: later */\nint bad(void);\n"}, "unfinished"),
    "a drawing that the formatter broke": ({"proxy/base/bad.h": "/* Lists.\n *\n *   " + "head -> " * 10 + "\n * end\n */\nstruct s;\n"},
                                           "broken by the formatter"),
    "a drawing of some lines": ({"proxy/base/good.h": "/* Lists.\n *\n *   " + "head -> " * 10 + "\n *   end\n *\n * Pure. */\nstruct s;\n"}, None),
    "mutable data": ({"proxy/base/bad.c": "static int n;\nint bad(void);\nint bad(void)\n{\n\treturn n++;\n}\n"}, "n is mutable data"),
    "mutable data in a function": ({"proxy/base/bad.c": "int bad(void);\nint bad(void)\n{\n\tstatic int calls = 3;\n\treturn calls++;\n}\n"},
                                   "calls is mutable data"),
    "thread-local data": ({"proxy/base/bad.c": "_Thread_local int tl;\n"}, "tl is mutable data"),
    "data of a listed file": ({"proxy/base/log.c": "static int level;\nint bad(void);\nint bad(void)\n{\n\treturn level++;\n}\n"}, None),
}
QUESTIONS = {
    "a long function": ({"proxy/base/long.c": "int f(void)\n{\n" + "\tg();\n" * 80 + "}\n"}, "f() has 82 lines"),
    "many parameters": ({"proxy/base/many.c": "int f(int a, int b, int c,\n\tint d, int (*e)(int, int), int g)\n{\n}\n"}, "f() has 6 parameters"),
    "a large header": ({"proxy/base/large.h": "struct s;\n" * 250}, "251 lines"),
    "atomics": ({"proxy/base/a.h": "struct s {\n\t_Atomic int n;\n};\n"}, "atomics here?"),
}


def compile_all(root):
    """Objects where check_tree looks for them."""
    for c in root.glob("proxy/**/*.c"):
        obj = root / "build/asan/CMakeFiles/outrigger_core.dir" / (str(c.relative_to(root)) + ".o")
        obj.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["gcc", "-c", "-I", root / "proxy", "-I", root, "-o", obj, c], stderr=subprocess.DEVNULL)
    (root / "build/asan").mkdir(parents=True, exist_ok=True)
    (root / "build/asan/build.ninja").touch()


def run_tool(tool, files, *args):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in {**GOOD, **files}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(("#pragma once\n" if name.endswith(".h") else "") + text)
        (root / "tools").mkdir()
        shutil.copy(ROOT / "tools" / tool, root / "tools" / tool)
        shutil.copy(ROOT / ".clang-format", root)
        compile_all(root)
        subprocess.run(["git", "init", "-q"], cwd=root, check=True)
        r = subprocess.run([root / "tools" / tool, *args], capture_output=True, text=True)
        return r.returncode, r.stdout + r.stderr


def filter_of_the_docs():
    """Compiles the files of the filter that docs/adding-a-filter.md makes: what is wrong with them, or ""."""
    page = (ROOT / "docs/adding-a-filter.md").read_text()
    files = dict(re.findall(r"^\*\*\d\. [^*]+\*\*, `([\w/.]+)`.*?^```\w+\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))
    if len(files) != 6:
        return f"files on the page: {', '.join(files)}"
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        (root / "proto").mkdir()
        protos = [root / name for name in files if name.endswith(".proto")]
        envoy = [p for p in (ROOT / "xds/proto").rglob("*.proto") if re.search(r"route|core/v3|type/|xds/|udpa/|protobuf/", p.as_posix())]
        for base, some in ((root / "xds/proto", protos), (ROOT / "xds/proto", envoy)):
            subprocess.run(["protoc-c", f"-I{base}", "-I/usr/include", f"--c_out={root / 'proto'}", *(p.relative_to(base) for p in some)], check=True, cwd=base)
        includes = [f"-I{d}" for d in (root, root / "proto", ROOT, ROOT / "proxy", ROOT / "tests", ROOT / "tests/unit/filters")]
        for name in files:
            command = [sys.executable, "-m", "py_compile"] if name.endswith(".py") else \
                ["cc", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-fsyntax-only", *includes]
            if name.endswith((".c", ".py")):
                r = subprocess.run([*command, root / name], capture_output=True, text=True)
                if r.returncode:
                    return r.stderr
    return ""


# a suite's log -> (the checks that are to run again, whether anything is)
LOGS = {
    "two checks": ("FAIL drain.a: x\nok   b.c\nFAIL b.d: y\n1 passed, 2 failed\n", ["drain.a", "b.d"], True),
    "one, and then it was killed": ("FAIL drain.a: x\n", [], True),
    "fewer are named than have failed": ("FAIL drain.a: x\n1 passed, 2 failed\n", [], True),
    "a sanitizer's word": ("FAIL drain.a: ==1==ERROR: AddressSanitizer: heap-use-after-free\n1 passed, 1 failed\n", ["drain.a"], False),
    "a race": ("WARNING: ThreadSanitizer: data race\n99% tests passed, 1 tests failed out of 100\n", [], False),
    "undefined behaviour": ("a.c:1:2: runtime error: signed integer overflow\nFAIL drain.a: x\n1 passed, 1 failed\n", ["drain.a"], False),
}


def waits():
    """What holds_within says of a machine whose threads have waited so."""
    def judge(took, delays):
        of_others = contention.Contention()
        of_others.pids, of_others.before = tuple({pid for pid, _ in delays}), dict.fromkeys(delays, 0)
        contention.delays, kept = lambda *_: delays, contention.delays
        try:
            contention.holds_within(1, lambda: True, time.monotonic() - took, of_others)
            return True
        except AssertionError:
            return False
        finally:
            contention.delays = kept
    many = {(1, str(i)): 0.5 for i in range(8)}  # at the same time
    assert judge(0.5, {}) and not judge(1.5, {}), "limit"
    assert judge(2, {(1, "1"): 0.8, (2, "2"): 0.8}), "one after the other"
    assert not judge(2, many), "all at a time"
    assert not judge(11, {(1, "1"): 60}), "at all"


def main():
    passed = failed = 0

    def check(name, ok, said):
        nonlocal passed, failed
        passed, failed = passed + ok, failed + (not ok)
        if not ok:
            print(f"FAIL {name}: {said}")
    for name, (files, wanted) in CASES.items():
        code, said = run_tool("check_tree", files, "--quiet")
        check(name, (code == 1 and wanted in said and "1 failures" in said) if wanted else code == 0, said)
    for name, (files, wanted) in QUESTIONS.items():
        code, said = run_tool("check_tree", files)
        check(name, code == 0 and wanted in said, said)
    check("format: good", run_tool("format", {})[0] == 0, "")
    code, said = run_tool("format", {"proxy/base/ugly.h": "struct  a{int b;};\n"})
    check("format: bad", code == 1 and "ugly.h" in said, said)
    for name, (log, again, may_repeat) in LOGS.items():
        few = suites.failed_checks("scenario", log)
        check(f"a suite with {name}", few == again and suites.may_be_the_machines(log) == may_repeat, few)
    try:
        waits()
        check("waits", True, "")
    except AssertionError as e:
        check("waits", False, e)
    said = filter_of_the_docs()
    check("the filter of docs/adding-a-filter.md", not said, said)
    return places.summary(passed, failed)


if __name__ == "__main__":
    sys.exit(main())
