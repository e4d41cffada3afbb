// RocksDB on io::FileSystem: tests run the store on a file system whose power can be cut.
// Production uses RocksDB's own, which makes the same calls on the operating system's files.
//
// Not here: random read-write files, mmap, direct I/O, hard limits; RocksDB does without them.
// For .cc files of this module only: it includes RocksDB.
#pragma once

#include <memory>

#include <rocksdb/env.h>

#include "io/file_system.h"

namespace millrace::store {

// An Env whose files are those of `files`, which outlives it. Its clock sleeps a thousandth of what
// it is told: RocksDB waits a second after a failed flush before it goes on, and here a failed
// flush is the end.
std::unique_ptr<rocksdb::Env> NewRocksEnv(io::FileSystem& files);

}  // namespace millrace::store
