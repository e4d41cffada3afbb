#include "io/sync_sites.h"

#include <algorithm>
#include <array>
#include <sstream>

#include "base/check.h"

namespace millrace::io {
namespace {

constexpr uint32_t kLinesOfACall = 3;

// "src/log/segment.cc", however the compiler was told of it -> "log/segment.cc".
std::string WithinSources(std::string_view file) {
  const size_t src = file.rfind("src/");
  return std::string(src == std::string_view::npos ? file : file.substr(src + 4));
}

bool Syncs(std::string_view line) {
  constexpr std::array<std::string_view, 5> kCalls = {
      "->Sync(", ".Sync(", "SyncFolder(", "WriteFileAtomically(", "CreateFoldersDurably("};
  const std::string_view code = line.substr(0, line.find("//"));
  if (code.contains("site)")) return false;  // on behalf of a caller, whose line counts
  return std::ranges::any_of(
      kCalls, [&](std::string_view call) { return code.find(call) != std::string_view::npos; });
}

}  // namespace

std::string SyncPlace::ToString() const {
  return fmt::format("{}:{} ({}{}{})", file, line, of_folder ? "folder" : "file",
                     kind.empty() ? "" : ", ", kind);
}

SimFileSystem::Loss SyncTrial::loss() const {
  if (seed == 1) return SimFileSystem::Loss::kForgotten;
  return seed == 2 ? SimFileSystem::Loss::kEverything : SimFileSystem::Loss::kBySeed;
}

void SyncTrial::Restart(SimFileSystem& fs, SimFileSystem::Loss lost) const {
  fs.CutPower();
  for (auto& operation : fs.History()) history.push_back(std::move(operation));
  fs.Restart(lost);
  fs.IgnoreSyncs(ignored);
}

SyncPlace PlaceOf(const SimFileSystem::Operation& operation, const FileKind& kind) {
  return {WithinSources(operation.site.file_name()), operation.site.line(),
          operation.op == SimFileSystem::Op::kSyncFolder, kind ? kind(operation.path) : ""};
}

std::set<SyncPlace> PlacesIn(const std::vector<SimFileSystem::Operation>& history,
                             const FileKind& kind) {
  std::set<SyncPlace> places;
  for (const auto& operation : history) {
    if (operation.op == SimFileSystem::Op::kSync || operation.op == SimFileSystem::Op::kSyncFolder)
      places.insert(PlaceOf(operation, kind));
  }
  return places;
}

SyncTrial::Ignored Only(SyncPlace place, FileKind kind) {
  return [place = std::move(place),
          kind = std::move(kind)](const SimFileSystem::Operation& operation) {
    return PlaceOf(operation, kind) == place;
  };
}

std::vector<std::string> UnreachedSyncCalls(const std::string& folder,
                                            const std::set<SyncPlace>& reached,
                                            const std::string& no_sync) {
  std::vector<std::string> unreached;
  const auto entries = PosixFileSystem().List(folder);
  MR_CHECK(entries.has_value(), "the sources are where the build says");
  for (const FolderEntry& entry : *entries) {
    if (!entry.name.ends_with(".cc") || entry.name.ends_with("_test.cc")) continue;
    const std::string file = WithinSources(JoinPath(folder, entry.name));
    std::istringstream text(ReadWholeFile(PosixFileSystem(), JoinPath(folder, entry.name)).value());
    uint32_t number = 0;
    for (std::string line; std::getline(text, line);) {
      ++number;
      if (!Syncs(line) || (!no_sync.empty() && line.contains(no_sync))) continue;
      const bool found = std::ranges::any_of(reached, [&](const SyncPlace& place) {
        return place.file == file && place.line >= number && place.line < number + kLinesOfACall;
      });
      if (!found) unreached.push_back(fmt::format("{}:{}: {}", file, number, line));
    }
  }
  return unreached;
}

}  // namespace millrace::io
