// Inspect: off-line verification of every checksum below a folder, and what each batch says. Needs
// no Log and takes no lock; of a folder in use it may see the torn end of a write.
//
//   MR_ASSIGN(InspectReport report, Inspect(io::PosixFileSystem(), "data/log"));
//   if (!report.ok()) ...
//
// Thread contract: any thread. Errors: kNotFound, kIo; damage is in the report, not an error.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "io/file_system.h"
#include "log/batch_header.h"
#include "log/record_batch.h"

namespace millrace::log {

struct BatchSummary {
  std::string file;
  uint64_t position = 0;
  BatchHeader header;
  std::optional<bool> marker;  // of a control batch: committed?
};

struct Finding {
  std::string file;
  uint64_t position = 0;
  std::string message;
  bool torn_tail = false;  // nothing valid behind it: what a crash leaves, not damage
};

struct InspectReport {
  uint64_t files = 0;
  uint64_t batches = 0;
  uint64_t records = 0;
  uint64_t bytes = 0;
  std::vector<Finding> findings;
  // No finding but torn tails.
  bool ok() const;
};

// `path` is a .log file, or a folder whose files, and those of its sub-folders, are inspected:
// segments (each batch to its last record), checkpoints and the topic catalog. `visit`, if given,
// gets every valid batch in the order of files and positions.
Result<InspectReport> Inspect(io::FileSystem& fs, const std::string& path,
                              const std::function<void(const BatchSummary&)>& visit = nullptr,
                              const DecodeLimits& limits = {});

}  // namespace millrace::log
