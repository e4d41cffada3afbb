// RocksDB on io::FileSystem: tests run the store on a file system whose power can be cut. Production
// uses RocksDB's own file system, which does the same calls on the operating system's files.
//
// Not here: random read-write files, mmap, direct I/O, hard limits; RocksDB does without them.
// For .cc files of this module only: it includes RocksDB.
#pragma once

#include <memory>

#include <rocksdb/file_system.h>

#include "io/file_system.h"

namespace millrace::store {

// `files` outlives the result.
std::shared_ptr<rocksdb::FileSystem> NewRocksFileSystem(io::FileSystem& files);

}  // namespace millrace::store
