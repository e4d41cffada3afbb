#!/usr/bin/env python3
"""What a machine can check of our style: line, function and file length, names, banned words and calls, README sizes."""
import pathlib
import re
import subprocess
import sys

LINE_MAX = 100
FUNCTION_MAX = 70
FILE_MAX = 700
README_MAX = 60
BANNED_NAMES = re.compile(r"(^|_)(utils?|helpers?|common|misc|manager)(_|\.|$)")
BANNED_TEXT = [
    (re.compile(r"\b(TODO|FIXME|XXX|HACK)\b(?!\()"), "say why it waits, or do it"),
    (re.compile(r"\b(strcpy|strcat|sprintf|gets|atoi|atol|atof|rand|srand|system)\s*\("), "banned call"),
    (re.compile(r"\bstd::(cout|cerr)\b"), "write through logging or the command's own output"),
    (re.compile(r"using namespace std;"), "no using namespace std"),
    (re.compile(r"^\s*//.*;\s*$"), None),  # judged by commented_out()
]
CODE = {".cc", ".h"}


def tracked(root):
    out = subprocess.run(["git", "-C", root, "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True, check=True)
    return [pathlib.Path(root) / line for line in out.stdout.splitlines() if (pathlib.Path(root) / line).is_file()]


def commented_out(line):
    """A comment that is a statement: ends in ';' and has the look of code."""
    body = line.strip().lstrip("/").strip()
    return bool(re.match(r"^[\w:<>,&*\s\[\]\.\->]+(=|\(.*\))\s*.*;$", body)) and not line.strip().startswith("///")


def strip_strings(line):
    return re.sub(r'"(\\.|[^"\\])*"|\'(\\.|[^\'\\])*\'', '""', line)


def function_lengths(lines):
    """(first line, length) of every brace block that starts right after a parameter list at namespace or class depth."""
    depth = 0
    stack = []
    in_raw = False
    for number, raw in enumerate(lines, 1):
        if in_raw:
            end = re.search(r'\)[A-Za-z]*"', raw)
            if not end:
                continue
            in_raw = False
            raw = raw[end.end() :]
        raw = re.sub(r'R"([A-Za-z]*)\(.*?\)\1"', '""', raw)
        start_of_raw = re.search(r'R"[A-Za-z]*\(', raw)
        if start_of_raw:
            in_raw = True
            raw = raw[: start_of_raw.start()]
        line = strip_strings(raw).split("//")[0]
        for position, char in enumerate(line):
            if char == "{":
                before = line[:position].rstrip()
                is_function = bool(re.search(r"\)\s*(const|noexcept|override|final|mutable|->\s*[\w:<>,&*\s]+|\s)*$", before))
                stack.append((number, is_function and not any(f for _, f in stack)))
                depth += 1
            elif char == "}":
                depth -= 1
                if stack:
                    start, is_function = stack.pop()
                    if is_function:
                        yield start, number - start + 1


def check_code(path, shown):
    lines = path.read_text(encoding="utf-8").splitlines()
    if len(lines) > FILE_MAX:
        yield f"{shown}: {len(lines)} lines, at most {FILE_MAX}: it wants to be two things"
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_MAX and "http" not in line and 'R"' not in line and not line.lstrip().startswith('"'):
            yield f"{shown}:{number}: {len(line)} columns, at most {LINE_MAX}"
        for pattern, why in BANNED_TEXT:
            if why and pattern.search(strip_strings(line) if pattern.pattern.startswith(r"\b(TODO") else strip_strings(line).split("//")[0]):
                yield f"{shown}:{number}: {why}: {line.strip()[:60]}"
        if line.lstrip().startswith("//") and commented_out(line) and path.suffix == ".cc":
            yield f"{shown}:{number}: commented-out code: {line.strip()[:60]}"
    for start, length in function_lengths(lines):
        if length > FUNCTION_MAX:
            yield f"{shown}:{start}: a function of {length} lines, at most {FUNCTION_MAX}"
    if path.suffix == ".h" and not any(line.startswith("#pragma once") for line in lines):
        yield f"{shown}: no #pragma once"


def main():
    root = sys.argv[1]
    errors = []
    checked = 0
    for path in tracked(root):
        shown = path.relative_to(root)
        if BANNED_NAMES.search(path.name.lower()):
            errors.append(f"{shown}: name the thing by what it is")
        if path.suffix in CODE:
            checked += 1
            errors += check_code(path, shown)
        if path.name == "README.md" and "src" in shown.parts:
            count = len(path.read_text(encoding="utf-8").splitlines())
            if count > README_MAX:
                errors.append(f"{shown}: {count} lines, at most {README_MAX}")
    print("\n".join(errors))
    print(f"tidy: {checked} files, {len(errors)} errors")
    return 1 if errors or checked == 0 else 0


sys.exit(main())
