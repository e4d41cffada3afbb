// Backup and restore of a data folder. A backup is taken while the pipeline runs and is itself a
// data folder: restoring is checking it and copying it to its place.
//
// Consistency: run history first, then the tables' checkpoint, then the log's, while no query
// commits (Runner::WhileStill). So the log of a backup holds at least all that its tables were made
// from, and every transaction that its run history does not know of yet: the first start resolves
// both, as after a crash.
#pragma once

#include <string>

#include "base/result.h"
#include "pipeline/workspace.h"

namespace millrace::pipeline {

struct BackupReport {
  uint64_t files = 0;
  uint64_t bytes = 0;
};

// `target` must not exist. A backup that fails half way leaves "<target>.partial" behind, never
// `target`.
Result<BackupReport> MakeBackup(Workspace& workspace, const std::string& target);

// Copies `source`, a backup, to `target`, which must not exist. The copy is complete and synced
// before it gets its name, and every checksum of its log, tables and run history was verified.
// kDamaged: one is wrong; nothing is left behind.
Result<BackupReport> RestoreBackup(io::FileSystem& fs, const std::string& source,
                                   const std::string& target);

}  // namespace millrace::pipeline
