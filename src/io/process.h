// RunProcess: starts a program, hands over its output a line at a time, and waits for its end. No
// shell is involved.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"

namespace millrace::io {

struct ProcessSpec {
  std::vector<std::string> argv;  // argv[0] is looked up in PATH
  // Added to this process's environment, replacing variables of the same name.
  std::vector<std::pair<std::string, std::string>> environment;
  // Lines of standard output and standard error as they come, without line end, cut at 8 KiB.
  std::function<void(bool is_error, std::string_view line)> on_line;
  CancelToken* cancel =
      nullptr;  // SIGTERM to the program's process group, after `kill_after` SIGKILL
  std::chrono::milliseconds kill_after{5000};
};

// The exit code (0-255), or 128 + the signal that ended it. kNotFound: no such program; kCancelled:
// it was told to end.
Result<int> RunProcess(const ProcessSpec& spec);

}  // namespace millrace::io
