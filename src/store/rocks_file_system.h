// What RocksDB runs on: its own file system on the operating system's files, or io::FileSystem for
// tests, whose power can be cut.
//
// Both take care of what RocksDB leaves to the order in which a file system happens to write:
//   1. The folder is synced before the name CURRENT is replaced, not only after: else CURRENT could
//      name a manifest that is not there.
//   2. What a manifest is given between two syncs goes out as one write: its pieces could reach the
//      disk with one missing, which RocksDB takes for damage and not for a torn end.
//
// Not here: of io::FileSystem random read-write files, mmap and direct I/O; RocksDB does without
// them. For .cc files of this module only: it includes RocksDB.
#pragma once

#include <memory>

#include <rocksdb/env.h>

#include "io/file_system.h"

namespace millrace::store {

// `files` outlives the Env; nullptr: the operating system's. With `files` its clock sleeps a
// thousandth of what it is told: RocksDB waits a second after a failed flush before it goes on, and
// here a failed flush is the end.
std::unique_ptr<rocksdb::Env> NewRocksEnv(io::FileSystem* files);

}  // namespace millrace::store
