#include "cli/open_workspace.h"

#include <thread>

#include "cli/commands.h"
#include "io/clock.h"

namespace millrace::cli {
namespace {

constexpr auto kInterval = std::chrono::milliseconds(20);

}  // namespace

Result<std::unique_ptr<pipeline::Workspace>> OpenWorkspace(
    const pipeline::Project& project, const pipeline::WorkspaceOptions& options,
    const OpenPatience& patience) {
  const auto start = std::chrono::steady_clock::now();
  bool told = false;
  while (true) {
    auto workspace =
        pipeline::Workspace::Open(project, io::PosixFileSystem(), io::SystemClock(), options);
    if (workspace || workspace.error().code != ErrorCode::kUnavailable) return workspace;
    const auto waited = std::chrono::steady_clock::now() - start;
    if (waited >= patience.limit || patience.is_pointless()) return workspace;
    if (!told && waited >= patience.told_after) {
      told = true;
      WriteError(fmt::format("{}; waiting up to {:.0f} s for it\n", workspace.error().message,
                             std::chrono::duration<double>(patience.limit).count()));
    }
    std::this_thread::sleep_for(kInterval);
  }
}

}  // namespace millrace::cli
