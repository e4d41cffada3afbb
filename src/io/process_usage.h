// What this process takes of the machine, from /proc/self.
#pragma once

#include <cstdint>

#include "base/ids.h"

namespace millrace::io {

struct ProcessUsage {
  uint64_t resident_bytes = 0;
  uint64_t virtual_bytes = 0;
  double cpu_seconds = 0;  // user and system
  int64_t threads = 0;
  int64_t open_files = 0;
  int64_t open_files_max = 0;
  double start_time_seconds = 0;  // since 1970
};

// What cannot be read stays 0.
ProcessUsage ReadProcessUsage();

}  // namespace millrace::io
