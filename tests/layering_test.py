#!/usr/bin/env python3
"""Folders are layers: fails on any include that src/ does not allow.

ALLOWED is the one declaration of which module may include which; a module may also include what its entries may.
OWNERS says which module alone may include a third-party library's headers. The table must be free of cycles, every
folder of src/ must be in it, and every rule must be used by the code as written: there is no list of exceptions.
"""
import pathlib
import re
import sys

ALLOWED = {
    "base": [],
    "io": ["base"],
    "data": ["base"],
    "flow": ["data"],
    "log": ["flow", "io"],
    "kafka": ["log", "flow", "io"],
    "store": ["flow", "io"],
    "sql": ["data"],
    "engine": ["sql", "flow"],
    "cql": ["store", "flow", "io"],
    "meta": ["io"],
    "extract": ["flow", "io"],
    "schedule": ["meta"],
    "connect": ["engine", "log", "kafka", "store", "cql", "meta"],
    "pipeline": ["base", "io", "data", "flow", "log", "kafka", "store", "sql", "engine", "cql", "meta", "extract",
                 "schedule", "connect"],
    "api": ["pipeline"],
    "cli": ["api", "pipeline"],
}

# Header prefix of a third-party library -> the modules that may include it. fmt and the standard library: everyone.
OWNERS = {
    "unicode/": {"base"},
    "xxhash.h": {"base"},
    "boost/": {"io"},
    "curl/": {"io"},
    "openssl/": {"io", "base"},
    "simdjson.h": {"data"},
    "lz4.h": {"log", "cql"},
    "lz4frame.h": {"log"},
    "zstd.h": {"log"},
    "snappy": {"log"},
    "zlib.h": {"log", "io", "base", "cql"},
    "librdkafka/": {"kafka"},
    "rocksdb/": {"store"},
    "re2/": {"sql", "engine"},
    "sqlite3.h": {"meta"},
    "yaml-cpp/": {"pipeline"},
    "CLI/": {"cli"},
    "gtest/": None,  # tests only
    "gmock/": None,
    "benchmark/": None,
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def closure(module, seen):
    """All modules `module` may include; fails on a cycle."""
    if module in seen:
        sys.exit(f"layering: cycle through {' -> '.join(seen + [module])}")
    reached = {module}
    for below in ALLOWED[module]:
        reached |= closure(below, seen + [module])
    return reached


def third_party_error(header, module, is_test):
    for prefix, owners in OWNERS.items():
        if header.startswith(prefix):
            if owners is None:
                return None if is_test else f"<{header}> belongs to tests and benchmarks"
            if module not in owners:
                return f"<{header}> may be included by {', '.join(sorted(owners))} only"
    return None


def check_file(path, module, reach):
    is_test = bool(re.search(r"_(test|bench|fuzz)\.cc$|^testing_|_testing\.h$", path.name)) or "testing" in path.name
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        kind, header = match.groups()
        top = header.split("/")[0]
        if kind == '"':
            if top not in ALLOWED:
                yield f'{path}:{number}: "{header}" is not written from src/ (module/file.h)'
            elif top not in reach:
                yield f"{path}:{number}: {module} may not include {top} (allowed: {', '.join(sorted(reach))})"
        else:
            error = third_party_error(header, module, is_test)
            if error:
                yield f"{path}:{number}: {error}"


def main():
    root = pathlib.Path(sys.argv[1]) / "src"
    reach = {module: closure(module, []) for module in ALLOWED}
    errors = []
    files = 0
    for folder in sorted(p for p in root.iterdir() if p.is_dir()):
        if folder.name not in ALLOWED:
            errors.append(f"{folder}: not in the table of layers (tests/layering_test.py)")
            continue
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".h", ".cc"):
                files += 1
                errors += check_file(path, folder.name, reach[folder.name])
    print("\n".join(errors))
    print(f"layering: {files} files, {len(errors)} errors")
    return 1 if errors or files == 0 else 0


sys.exit(main())
