// Opening the data folder when others may have it for a moment: a short command holds it for as
// long as it takes, which is no reason for the next one to fail.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "base/result.h"
#include "pipeline/workspace.h"

namespace millrace::cli {

struct OpenPatience {
  std::chrono::milliseconds limit{10'000};
  std::chrono::milliseconds told_after{1'000};  // then the user is told what is waited for
  // Whether waiting has become pointless, e.g. since a pipeline runs on the folder.
  std::function<bool()> is_pointless = [] { return false; };
};

// Workspace::Open, tried again while another process has the folder. kUnavailable: it still has it,
// or waiting is pointless.
Result<std::unique_ptr<pipeline::Workspace>> OpenWorkspace(
    const pipeline::Project& project, const pipeline::WorkspaceOptions& options,
    const OpenPatience& patience);

}  // namespace millrace::cli
