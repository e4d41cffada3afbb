// RocksDB's status as ours, in one place. For .cc files of this module only: it includes RocksDB.
#pragma once

#include <string>

#include <rocksdb/status.h>

#include "base/result.h"

namespace millrace::store {

// Corruption becomes kDamaged, a full disk kResourceExhausted, a held lock kUnavailable, all else
// kIo. `what`: what was being done, with the place.
inline Error ErrorOf(const rocksdb::Status& status, std::string_view what) {
  ErrorCode code = ErrorCode::kIo;
  std::string hint;
  if (status.IsCorruption()) {
    code = ErrorCode::kDamaged;
    hint = "restore a backup, or rebuild the table from the log with `millrace replay`";
  } else if (status.IsNoSpace()) {
    code = ErrorCode::kResourceExhausted;
    hint = "free space on the disk of the data folder";
  } else if (status.IsNotFound()) {
    code = ErrorCode::kNotFound;
  } else if (status.ToString().find("lock") != std::string::npos) {
    code = ErrorCode::kUnavailable;
  }
  return {code, fmt::format("{}: {}", what, status.ToString()), hint};
}

inline Status FromRocks(const rocksdb::Status& status, std::string_view what) {
  if (status.ok()) return {};
  return std::unexpected(ErrorOf(status, what));
}

}  // namespace millrace::store
