// The places in the code that sync, for tests that leave out one of them at a time and demand that
// a power cut then loses something (log/sync_site_test.cc and others like it).
//
//   std::set<SyncPlace> places = PlacesIn(fs.History());
//   fs.IgnoreSyncs(Only(place));                      // a build without that one fsync
//   UnreachedSyncCalls("src/log", places);            // calls no workload came by
//
// One line of code may sync a file and then its folder (WriteFileAtomically): two places. `kind`
// tells files apart that one line syncs on behalf of a library, such as RocksDB's table files and
// manifests; it is empty where the line alone is enough.
#pragma once

#include <compare>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "io/sim_file_system.h"

namespace millrace::io {

struct SyncPlace {
  std::string file;  // from the folder of the module on: "log/segment.cc"
  uint32_t line = 0;
  bool of_folder = false;
  std::string kind;

  std::string ToString() const;
  friend auto operator<=>(const SyncPlace&, const SyncPlace&) = default;
};

// One run of a scenario on files that lose what was not synced.
struct SyncTrial {
  using Ignored = std::function<bool(const SimFileSystem::Operation&)>;

  uint64_t seed;           // 1: what the ignored syncs should have kept is lost, 2: with all else,
                           // more: as the seed says
  uint64_t cut;            // the power goes at this operation; the scenario says of which part
  const Ignored& ignored;  // syncs that do nothing
  std::vector<SimFileSystem::Operation>& history;  // gets what the scenario did

  SimFileSystem::Loss loss() const;
  uint64_t file_system_seed() const { return seed * 1000 + cut; }
  // Cuts the power if it is on, and starts again.
  void Restart(SimFileSystem& fs) const { Restart(fs, loss()); }
  void Restart(SimFileSystem& fs, SimFileSystem::Loss lost) const;
};

using FileKind = std::function<std::string(const std::string& path)>;

// Of a kSync or kSyncFolder.
SyncPlace PlaceOf(const SimFileSystem::Operation& operation, const FileKind& kind = nullptr);
std::set<SyncPlace> PlacesIn(const std::vector<SimFileSystem::Operation>& history,
                             const FileKind& kind = nullptr);
// True for the syncs of `place` alone.
SyncTrial::Ignored Only(SyncPlace place, FileKind kind = nullptr);

// The calls of Sync, SyncFolder, WriteFileAtomically and CreateFoldersDurably in the sources (*.cc,
// without tests) directly in `folder` that are not among `reached`: "log/backup.cc:22". Calls
// that pass a site on are their callers'; lines with `no_sync` only look like syncs. Reads the
// operating system's files. A call may span three lines.
std::vector<std::string> UnreachedSyncCalls(const std::string& folder,
                                            const std::set<SyncPlace>& reached,
                                            const std::string& no_sync = "");

}  // namespace millrace::io
